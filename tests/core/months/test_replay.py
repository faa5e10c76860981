"""A month from its opening to the approved pay, and worked out once more after everything around it has changed: every
score and every statement comes out as it was, to the fen and word by word."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import func, insert, select, update

import steward_core.months.commands  # noqa: F401 - declares the runs
from steward_core.calendars.service import set_day
from steward_core.clients.models import ClientFact
from steward_core.clients.ownership import move, moves_to
from steward_core.incentives.members import end_member
from steward_core.incentives.models import PayLine, PayMember, PayRun, PayStatement
from steward_core.incentives.replay import replay_pay_run
from steward_core.incentives.scheme_book import add_version, read_version, version_in_force
from steward_core.incentives.statements import Role
from steward_core.incentives.working import lines_of, read_given
from steward_core.months import pay as months_pay
from steward_core.months.models import MonthStatus
from steward_core.months.service import open_month
from steward_core.performance.models import MonthIndicator, MonthScore
from steward_core.performance.queries import replay_scores
from steward_core.performance.scheme_versions import set_scheme
from steward_core.plans.models import PlanTransition, VisitPlan
from steward_core.plans.service import tick_visit
from steward_core.plans.settings import set_policy
from steward_core.runs.models import Run, RunStatus
from steward_core.runs.service import drive
from steward_core.visits.models import Visit
from steward_core.visits.plan_states import PlanState
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.outbox.jobs import JobPlace, JobTools
from steward_tenants.people.models import User
from steward_tenants.signin.mail import FolderMailer
from tests.cluster import Addresses
from tests.core.incentives.company import (
    BILL,
    Company,
    document,
    earn,
    figures_of,
    make_company,
    now,
    pay,
    settled,
    submitted,
    totals,
)
from tests.core.months.test_month import asked_to_close, status_of, tools_in
from tests.core.performance.company import at, clock
from tests.core.plans.worlds import DECEMBER, NOVEMBER, done_visit
from tests.factories import TESTS

FIRST, TODAY = NOVEMBER.start, date(2026, 12, 8)
PEOPLE = ("anna", "ben", "lead", "technician", "newcomer")
KEPT = (MonthScore, MonthIndicator, PayStatement, PayLine, PlanTransition)
EARNED = {"anna": 4_812_345, "ben": 1_234_567, "lead": 3_000_003, "newcomer": 612_349}
OTHERWISE = [
    {"indicator": "core.clients_visited", "weight": "100", "method": "reached", "target": "20", "without": "zero"}
]
OFTEN: dict[str, Any] = {
    "key": "own.often",
    "title_zh": "加密",
    "title_en": "Often",
    "interval": {"every": 1, "unit": "week"},
}


async def closed_and_paid(database: Database, folder: Path) -> tuple[Company, PayRun]:
    """A company whose people worked in November, whose month is closed and whose pay is approved."""
    company = await make_company(database, *PEOPLE)
    await pay(company, "anna", "ben")
    await pay(company, "lead", role=Role.TEAM_LEAD, unit="east")
    await pay(company, "technician", role=Role.TECHNICIAN, unit="department")
    await pay(company, "newcomer", since=FIRST, probation_from=FIRST)
    await earn(company, EARNED)
    async with database.write(company.tenant, TESTS) as session:
        opening = (await open_month(session, FIRST, today=FIRST)).opening_run_id
    assert opening is not None
    await drive(database, company.tenant, TESTS, opening, tools_in(folder))
    async with database.write(company.tenant, TESTS) as session:
        await work(session, company)
    await drive(database, company.tenant, TESTS, await asked_to_close(database, company.tenant), tools_in(folder))
    return company, await paid(company, folder)


async def work(session: WriteSession, company: Company) -> None:
    """Some visit all their clients and some none; promises are kept, kept late and broken; all results are approved."""
    days = [date(2026, 11, day) for day in (3, 4, 5, 10, 17, 24)]
    for place, name in enumerate(EARNED):
        owner, client_id = company.people[name], company.clients[name]
        for day in days[: place * 2]:
            await tick_visit(session, done_visit(session, client_id, owner.id, day))
        clock(session, owner, client_id, "kept", at(10), at(9))
        clock(session, owner, client_id, "late" if place % 2 else "kept", at(12), at(13 if place % 2 else 11))
        clock(session, owner, client_id, "breached" if place == 3 else "kept", at(20), None if place == 3 else at(19))
    await session.execute(
        update(VisitPlan).where(session.within(VisitPlan)).values(state=PlanState.RESULTS_APPROVED.value)
    )


async def paid(company: Company, folder: Path) -> PayRun:
    """What the closed month asks for, worked out, submitted and approved by another."""
    database, tenant = company.database, company.tenant
    tools = JobTools(tools_in(folder).files, FolderMailer(folder), "http://127.0.0.1", folder)
    assert await months_pay.pay(JobPlace(database, tenant, tools, tenant, 1), {"month": FIRST.isoformat()})
    async with database.read(tenant, TESTS) as session:
        run = await session.find(Run, Run.status == RunStatus.WAITING.value)
        pay_run = await session.find(PayRun)
    assert run is not None
    assert pay_run is not None
    await drive(database, tenant, company.actors["first"], run.id, tools_in(folder))
    await settled(company, await submitted(company, pay_run))
    return await now(company, pay_run.id)


async def everything_changes(company: Company, folder: Path) -> None:
    """Rules, figures, people, clients, visits, promises and the calendar: later, or said of November afterwards."""
    anna, ben = company.people["anna"], company.people["ben"]
    async with company.database.write(company.tenant, TESTS) as session:
        await set_scheme(session, FIRST, OTHERWISE, reason="新办法")
        await set_policy(session, OFTEN)
        await set_day(session, date(2026, 11, 11), working=False, title="厂庆")
        changed = {**document("marginal"), "team_lead": {"base_pay": 1, "team_target": 2, "extra_percent": "3"}}
        await add_version(session, company.scheme_id, FIRST, changed, today=TODAY, reason="新提成")
        member = await session.find(PayMember, PayMember.person_id == company.people["technician"].id)
        assert member is not None
        await end_member(session, member.id, until_month=DECEMBER.start, today=TODAY)
        await session.execute(
            update(User).where(session.within(User), User.id == ben.id).values(unit_id=company.units["west"])
        )
        for name in ("anna", "lead"):
            late = done_visit(session, company.clients[name], company.people[name].id, date(2026, 11, 30))
            await session.flush()
            await tick_visit(session, late)
        clock(session, anna, company.clients["anna"], "late", at(15), at(16))
        await move(
            session, moves_to(session, [company.clients["anna"]], ben.id, None), on=date(2026, 12, 2), reason="换人"
        )
    await earn(company, {name: fen * 3 for name, fen in EARNED.items()}, DECEMBER.start)
    async with company.database.write(company.tenant, TESTS) as session:
        corrected = {company.clients[name]: fen * 2 for name, fen in EARNED.items()}
        await session.execute(
            insert(ClientFact),
            [
                {"id": new_id(), "tenant_id": company.tenant, "client_id": client, "metric": BILL, "period": FIRST}
                | {"value": fen, "source": "tests", "revision": 2, "booked_on": FIRST, "recorded_by": TESTS.id}
                for client, fen in corrected.items()
            ],
        )
        december = (await open_month(session, DECEMBER.start, today=DECEMBER.start)).opening_run_id
    assert december is not None
    await drive(company.database, company.tenant, TESTS, december, tools_in(folder))


async def kept(company: Company) -> list[list[tuple[Any, ...]]]:
    async with company.database.read(company.tenant, TESTS) as session:
        return [
            [
                tuple(row)
                for row in await session.rows(
                    select(table.__table__).where(session.within(table)).order_by(table.__table__.c.id)
                )
            ]
            for table in KEPT
        ]


async def test_a_closed_month_comes_out_the_same_whatever_changes(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, addresses: Addresses, database_name: str
) -> None:
    monkeypatch.setattr(months_pay, "today", lambda _zone: TODAY)
    company, pay_run = await closed_and_paid(database, tmp_path)
    assert await status_of(database, company.tenant) == MonthStatus.CLOSED
    lines, sums, before = await figures_of(company, pay_run), await totals(company, pay_run), await kept(company)
    assert len({score for score, *_ in await scores(company)}) > 1, "a month in which everybody did the same"
    assert {"lead_pay", "team_bonus"} & set(lines["lead"])
    assert {"technician_pay", "department_share"} == set(lines["technician"])
    assert (pay_run.status, pay_run.total) == ("approved", sum(sums.values()))
    assert sums == {name: sum(of.values()) for name, of in lines.items()}
    await everything_changes(company, tmp_path)
    assert await kept(company) == before
    async with database.read(company.tenant, company.actors["first"]) as session:
        statements = await replay_pay_run(session, pay_run.id, today=TODAY)
    assert (statements.differences, statements.checked, statements.total) == ((), len(PEOPLE), pay_run.total)
    async with database.read(company.tenant, TESTS) as session:
        report = await replay_scores(session, FIRST, today=TODAY)
        assert (report.differences, report.checked) == ((), len(EARNED))
        await differs_by_now(session, company)
    tampered(addresses.superuser(database_name), company)
    async with database.read(company.tenant, TESTS) as session:
        named = {one.owner_id for one in (await replay_scores(session, FIRST, today=TODAY)).differences}
    async with database.read(company.tenant, company.actors["first"]) as session:
        off = {one.person_id for one in (await replay_pay_run(session, pay_run.id, today=TODAY)).differences}
    assert (named, off) == ({company.people["anna"].id}, {company.people["ben"].id})


async def scores(company: Company) -> Sequence[Any]:
    async with company.database.read(company.tenant, TESTS) as session:
        return await session.rows(
            select(MonthScore.score, MonthScore.owner_id).where(session.within(MonthScore), MonthScore.month == FIRST)
        )


async def differs_by_now(session: TenantSession, company: Company) -> None:
    """What November would be worked out from today is not what it was: the replay has not just done it again."""
    version = read_version(await version_in_force(session, company.scheme_id, FIRST))
    lead, anna = company.people["lead"].id, company.people["anna"].id
    statement = await session.find(PayStatement, PayStatement.person_id == lead)
    assert statement is not None
    (lines,) = lines_of(version, [read_given(statement.given)])
    assert sum(line.fen for line in lines) != statement.total
    visits = await session.scalar(
        select(func.count()).where(session.within(Visit), Visit.owner_id == anna, Visit.day < DECEMBER.start)
    )
    reading = await session.find(
        MonthIndicator, MonthIndicator.owner_id == anna, MonthIndicator.indicator == "core.visits_per_day"
    )
    assert reading is not None
    assert (visits, reading.numerator or 0) == (1, 0)


def tampered(superuser: str, company: Company) -> None:
    """Behind the walls: one of anna's indicators, and a fen on one of ben's lines."""
    with psycopg.connect(superuser) as connection:
        connection.execute(
            """update app.month_indicator set value = coalesce(value, 0) + 1
            where owner_id = %s and indicator = 'core.visits_per_day'""",
            [company.people["anna"].id],
        )
        connection.execute(
            """update app.pay_line set fen = fen + 1 where position = 1 and statement_id =
            (select id from app.pay_statement where person_id = %s)""",
            [company.people["ben"].id],
        )
