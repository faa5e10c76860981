"""Who sees whose pay, what a month would come to, what payroll takes away as a file."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from steward_core.incentives.errors import NotPaidByScheme, PayRunNotFound, PayRunNotOpen
from steward_core.incentives.export import export_pay_run
from steward_core.incentives.inbox import open_disputes
from steward_core.incentives.members import end_member, remove_member
from steward_core.incentives.models import PayMember, PayRun, PayStatement
from steward_core.incentives.queries import pay_what_if
from steward_core.incentives.reach import run_in_reach, statement_seen
from steward_core.incentives.replay import replay_pay_run
from steward_core.incentives.statements import Role
from steward_core.performance.models import MonthIndicator, MonthScore, ScoreScheme, ScoreStatus
from steward_core.permissions import STATEMENTS_APPROVE, STATEMENTS_RUN, STATEMENTS_VIEW
from steward_tenants.access.permissions import REVEAL_PAY
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.errors import Forbidden
from tests.core.incentives.company import (
    NOVEMBER,
    OCTOBER,
    TODAY,
    Company,
    approved,
    drafted,
    earn,
    figures_of,
    join,
    make_company,
    pay,
    totals,
)
from tests.factories import TESTS, actor_with


async def seen(company: Company, actor: Actor) -> set[tuple[str, int]]:
    """Whose statements of which month an actor sees."""
    async with company.database.read(company.tenant, actor) as session:
        rows = await session.scalars(
            select(PayStatement).where(session.within(PayStatement), statement_seen(session, PayStatement, TODAY))
        )
    return {(company.name_of(one.person_id), one.month.month) for one in rows}


async def test_people_see_their_own_pay_once_it_is_published(database: Database) -> None:
    company = await make_company(database, "a", "b")
    async with database.write(company.tenant, TESTS) as session:
        await join(session, company, "chief", "supervisor", Scope.ALL)
        await join(session, company, "lead", "supervisor", Scope.SUBTREE, "department")
    await pay(company, "a", "b", unit="east")
    await pay(company, "lead", role=Role.TEAM_LEAD, unit="east")
    october, november = await approved(company, OCTOBER), await drafted(company)
    assert await seen(company, company.actors["a"]) == {("a", 10)}
    assert await seen(company, company.actors["lead"]) == {("lead", 10)}
    assert await seen(company, company.actors["chief"]) == set()
    everybody = {(name, month) for name in ("a", "b", "lead") for month in (10, 11)}
    assert await seen(company, company.actors["second"]) == everybody
    of_the_west = actor_with(STATEMENTS_VIEW, REVEAL_PAY, scope=Scope.SUBTREE, unit_id=company.units["west"])
    of_the_east = actor_with(STATEMENTS_VIEW, REVEAL_PAY, scope=Scope.SUBTREE, unit_id=company.units["department"])
    assert await seen(company, of_the_west) == set()
    assert await seen(company, of_the_east) == everybody
    for name in ("a", "chief", "lead"):
        async with database.read(company.tenant, company.actors[name]) as session:
            for run in (october, november):
                with pytest.raises((Forbidden, PayRunNotFound)):
                    await replay_pay_run(session, run.id, today=TODAY)
                with pytest.raises(Forbidden):
                    await run_in_reach(session, run.id, STATEMENTS_RUN, TODAY)


async def test_what_a_month_would_come_to(database: Database) -> None:
    company = await make_company(database, "a", "b", "lead")
    await pay(company, "a", unit="east")
    await pay(company, "lead", role=Role.TEAM_LEAD, unit="east")
    await earn(company, {"a": 3_000_000, "lead": 1_000_000}, NOVEMBER)
    async with database.read(company.tenant, company.actors["a"]) as session:
        as_it_is = await pay_what_if(session, NOVEMBER)
        more = await pay_what_if(session, NOVEMBER, scheme_id=company.scheme_id, revenue=4_000_000)
        with pytest.raises(NotPaidByScheme):
            await pay_what_if(session, date(2025, 12, 1))
    assert {line.rule: line.fen for line in as_it_is.lines} == {
        "base_pay": 250_000,
        "commission": 450_000,
        "monthly_target": 0,
    }
    assert (more.total, sum(line.fen for line in more.lines)) == (1_100_000, 1_100_000)
    async with database.read(company.tenant, company.actors["lead"]) as session:
        lead = await pay_what_if(session, NOVEMBER, revenue=12_000_000)
    assert lead.given.team_revenue == 15_000_000
    assert lead.total == 300_000 + 3_000_000 + 150_000
    for name, expected in (("b", NotPaidByScheme), ("first", NotPaidByScheme)):
        async with database.read(company.tenant, company.actors[name]) as session:
            with pytest.raises(expected):
                await pay_what_if(session, NOVEMBER)
    async with database.read(company.tenant, company.actors["a"]) as session:
        assert await session.scalars(select(PayRun).where(session.within(PayRun))) == []


async def test_a_final_score_keeps_its_revenue(database: Database) -> None:
    company = await make_company(database, "a", "b")
    await pay(company, "a", "b")
    await earn(company, {"a": 6_000_000, "b": 6_000_000})
    async with database.write(company.tenant, TESTS) as session:
        scheme = ScoreScheme(id=new_id(), number=1, effective_from=OCTOBER, items=[], created_by=TESTS.id)
        session.add(scheme)
        await session.flush()
        for name, status in (("a", ScoreStatus.FINAL), ("b", ScoreStatus.PREVIEW)):
            person = company.people[name].id
            score = MonthScore(
                id=new_id(),
                owner_id=person,
                month=NOVEMBER,
                revision=1,
                status=status,
                current=True,
                scheme_id=scheme.id,
                rule_version=1,
                run_id=new_id(),
                finalised_at=None if status is ScoreStatus.PREVIEW else datetime.now(UTC),
            )
            session.add(score)
            await session.flush()
            session.add(
                MonthIndicator(
                    id=new_id(),
                    score_id=score.id,
                    owner_id=person,
                    month=NOVEMBER,
                    indicator="core.revenue",
                    measure="fen",
                    value=Decimal("2000000.00"),
                )
            )
    figures = await figures_of(company, await drafted(company))
    assert {name: lines["commission"] for name, lines in figures.items()} == {"a": 300_000, "b": 1_500_000}


@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_payroll_takes_an_approved_run_away(database: Database, form: str) -> None:
    company = await make_company(database, "a", "b")
    await pay(company, "a", "b")
    await earn(company, {"a": 2_000_001})
    draft = await drafted(company, OCTOBER)
    async with database.write(company.tenant, company.actors["second"]) as session:
        with pytest.raises(PayRunNotOpen):
            await export_pay_run(session, draft.id, io.BytesIO(), form="csv", today=TODAY, locale="en")
    november, target = await approved(company), io.BytesIO()
    async with database.write(company.tenant, company.actors["second"]) as session:
        rows = await export_pay_run(session, november.id, target, form=form, today=TODAY, locale="en")  # type: ignore[arg-type]  # one of both
    assert rows == 2
    async with database.read(company.tenant, TESTS) as session:
        run = await session.get(PayRun, november.id)
    assert run is not None
    assert (run.status, run.exported_by) == ("exported", company.people["second"].id)
    assert await totals(company, run) == {"a": 550_000, "b": 250_000}
    table = _rows_of(target.getvalue(), form)
    assert table[0] == [
        "Month",
        "Employee number",
        "Login",
        "Name",
        "Unit",
        "Paid as",
        "Revision",
        "Base pay (yuan)",
        "Commission (yuan)",
        "Total (yuan)",
    ]
    assert [(row[3], *map(Decimal, row[7:])) for row in table[1:]] == [
        ("a", Decimal("2500.00"), Decimal("3000.00"), Decimal("5500.00")),
        ("b", Decimal("2500.00"), Decimal(0), Decimal("2500.00")),
    ]


async def test_memberships_end_and_are_removed_while_nothing_rests_on_them(database: Database) -> None:
    company = await make_company(database, "a")
    await pay(company, "a")
    async with database.write(company.tenant, company.actors["first"]) as session:
        (member,) = await session.scalars(select(PayMember).where(session.within(PayMember)))
        ended = await end_member(session, member.id, until_month=NOVEMBER, today=TODAY)
        assert ended.until_month == NOVEMBER
        await remove_member(session, member.id, today=TODAY)
    await pay(company, "a")
    async with database.read(company.tenant, company.actors["second"]) as session:
        lines = open_disputes(session, TODAY)
        assert lines is not None
        assert await session.rows(lines) == []
        await run_in_reach(session, (await drafted(company)).id, STATEMENTS_APPROVE, TODAY)


def _rows_of(content: bytes, form: str) -> list[list[str]]:
    if form == "csv":
        return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    sheet = load_workbook(io.BytesIO(content)).active
    assert sheet is not None
    return [[str(cell if cell is not None else "") for cell in row] for row in sheet.iter_rows(values_only=True)]
