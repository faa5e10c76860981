"""Pay runs: every figure of the scheme from revenue that was booked, whole however they are interrupted."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Select, select

from steward_core.incentives import runner
from steward_core.incentives.errors import (
    MonthNotOver,
    NobodyToPay,
    NoSchemeInForce,
    PaidElsewhere,
    PayRunExists,
    PayRunNotOpen,
    SchemeIncomplete,
    SchemeRefused,
)
from steward_core.incentives.members import NewMember, add_members, end_member
from steward_core.incentives.models import PayMember
from steward_core.incentives.replay import replay_pay_run
from steward_core.incentives.rules import decide
from steward_core.incentives.scheme_book import add_version, create_scheme
from steward_core.incentives.schemes import SchemeVersion, read_scheme
from steward_core.incentives.service import discard_pay_run, request_pay_run, revisions
from steward_core.incentives.statements import ROLES, PersonMonth, Role
from steward_core.runs.service import advance, drive
from steward_tenants.database.database import Database
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import InvalidInput, StewardError
from tests.core.incentives.company import (
    DECEMBER,
    NOVEMBER,
    OCTOBER,
    TODAY,
    TOOLS,
    approved,
    document,
    drafted,
    earn,
    figures_of,
    make_company,
    now,
    pay,
    requested,
    settled,
    submitted,
    totals,
)
from tests.core.runs.places import perform_all, run_now
from tests.factories import TESTS

REVENUES = {"a": 1_999_999, "b": 2_000_000, "c": 3_999_999, "d": 4_000_000, "e": 6_000_000, "f": 0}


@pytest.mark.parametrize(
    ("method", "commissions"),
    [
        ("slab", {"a": 200_000, "b": 300_000, "c": 600_000, "d": 800_000, "e": 1_500_000, "f": 0}),
        ("marginal", {"a": 200_000, "b": 200_000, "c": 500_000, "d": 500_000, "e": 900_000, "f": 0}),
    ],
)
async def test_sales_are_paid_by_their_booked_revenue(
    database: Database, method: str, commissions: dict[str, int]
) -> None:
    company = await make_company(database, *REVENUES, method=method)
    await pay(company, *REVENUES)
    await earn(company, {name: fen for name, fen in REVENUES.items() if fen})
    pay_run = await drafted(company)
    base = dict.fromkeys("abcf", 250_000) | {"d": 300_000, "e": 400_000}
    assert await figures_of(company, pay_run) == {
        name: {"base_pay": base[name], "commission": commissions[name], "monthly_target": 0} for name in REVENUES
    }
    assert (pay_run.status, pay_run.people) == ("draft", 6)
    assert pay_run.total == sum(base.values()) + sum(commissions.values())
    assert sum((await totals(company, pay_run)).values()) == pay_run.total


async def test_probation_by_the_months_before(database: Database) -> None:
    people = {
        # first month of probation; revenue of September, October, November
        "reached_1": (NOVEMBER, (0, 0, 500_000)),
        "missed_1": (NOVEMBER, (9_000_000, 0, 499_999)),
        "second": (OCTOBER, (0, 1, 1)),
        "reached_3": (date(2026, 9, 1), (0, 400_000, 600_000)),
        "missed_3": (date(2026, 9, 1), (9_000_000, 400_000, 599_999)),
        "over": (date(2026, 8, 1), (0, 0, 2_000_000)),
    }
    company = await make_company(database, *people)
    for name, (since, figures) in people.items():
        await pay(company, name, since=since, probation_from=since)
        for month, fen in zip((date(2026, 9, 1), OCTOBER, NOVEMBER), figures, strict=True):
            if fen:
                await earn(company, {name: fen}, month)
    assert await totals(company, await drafted(company)) == {
        "reached_1": 250_000,
        "missed_1": 200_000,
        "second": 250_000,
        "reached_3": 250_000,
        "missed_3": 200_000,
        "over": 250_000 + 300_000,
    }


@pytest.mark.parametrize(("east", "bonus"), [(14_999_999, 0), (15_000_000, 150_000)])
async def test_leads_by_their_teams_and_technicians_by_the_department(
    database: Database, east: int, bonus: int
) -> None:
    company = await make_company(database, "lead", "one", "two", "other", "technician", "head")
    await pay(company, "one", "two", unit="east")
    await pay(company, "other", unit="west")
    await pay(company, "lead", role=Role.TEAM_LEAD, unit="east")
    await pay(company, "head", role=Role.TEAM_LEAD, unit="department")
    await pay(company, "technician", role=Role.TECHNICIAN, unit="department")
    await earn(company, {"lead": 1_000_000, "one": 9_000_000, "two": east - 10_000_000, "other": 1_234_550})
    figures = await figures_of(company, await drafted(company))
    assert figures["lead"] == {"lead_pay": 300_000, "commission": 100_000, "team_bonus": bonus}
    whole = east + 1_234_550
    assert figures["head"]["team_bonus"] == (whole + 50) // 100
    assert figures["technician"] == {"technician_pay": 260_000, "department_share": (whole + 50) // 100}


async def test_what_is_not_set_is_asked_for_before_anything_is_made(database: Database) -> None:
    unset = document()
    unset["probation"]["responsibility_base_pay"] = None
    company = await make_company(database, "a", **unset)
    async with database.write(company.tenant, company.actors["first"]) as session:
        with pytest.raises(NobodyToPay):
            await request_pay_run(session, company.scheme_id, NOVEMBER, today=TODAY)
    await pay(company, "a")
    async with database.write(company.tenant, company.actors["first"]) as session:
        with pytest.raises(SchemeIncomplete) as refused:
            await request_pay_run(session, company.scheme_id, NOVEMBER, today=TODAY)
        with pytest.raises(MonthNotOver):
            await request_pay_run(session, company.scheme_id, DECEMBER, today=TODAY)
        with pytest.raises(NoSchemeInForce):
            await request_pay_run(session, company.scheme_id, date(2025, 12, 1), today=TODAY)
        with pytest.raises(InvalidInput):
            await request_pay_run(session, company.scheme_id, date(2026, 11, 2), today=TODAY)
        assert await revisions(session, company.scheme_id, NOVEMBER) == []
    assert [one.path for one in refused.value.problems] == [("probation", "responsibility_base_pay")]


async def test_a_version_with_a_gap_is_refused_by_its_row(database: Database) -> None:
    company = await make_company(database)
    gap = document()
    gap["tiers"][2]["at_least"] = 4_000_001
    async with database.write(company.tenant, company.actors["first"]) as session:
        with pytest.raises(SchemeRefused) as refused:
            await add_version(session, company.scheme_id, DECEMBER, gap, today=TODAY)
        version = await add_version(session, company.scheme_id, DECEMBER, document("marginal"), today=TODAY)
    assert [(one.path, one.code) for one in refused.value.problems] == [(("tiers", "2", "at_least"), "gap")]
    assert (version.number, version.document["method"]) == (2, "marginal")


async def test_a_run_interrupted_at_any_chunk_comes_out_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"p{number}" for number in range(9)]
    company = await make_company(database, *names)
    await pay(company, *names)
    await earn(company, {name: 700_000 * number + 33 for number, name in enumerate(names)})
    whole = await drafted(company)
    expected = await figures_of(company, whole)
    async with database.write(company.tenant, company.actors["first"]) as session:
        await discard_pay_run(session, whole.id, today=TODAY)
    monkeypatch.setattr(runner, "PEOPLE_AT_ONCE", 1)
    monkeypatch.setattr(runner, "size_of", lambda *_: 2)
    pay_run, run = await requested(company)
    for chunk in range(20):
        try:
            async with database.write(company.tenant, company.actors["first"]) as session:
                driven = await advance(session, run.id, TOOLS)
                if chunk % 2 == 0:
                    raise RuntimeError  # the process dies before it commits
        except RuntimeError:
            continue
        # Revenue that is booked while the run is under way is another month's.
        if chunk == 1:
            await earn(company, {"p0": 50_000_000}, OCTOBER)
        if driven.status == "done":
            break
    again = await now(company, pay_run.id)
    assert (again.status, again.people, again.total) == ("draft", 9, whole.total)
    assert await figures_of(company, again) == expected
    done = await drive(database, company.tenant, company.actors["first"], run.id, TOOLS)
    assert (done.done, done.total) == (9, 9)


async def test_late_figures_do_not_change_what_was_taken_in(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = await make_company(database, "a", "b")
    await pay(company, "a", "b")
    await earn(company, {"a": 2_000_000})
    monkeypatch.setattr(runner, "size_of", lambda *_: 1)
    pay_run, run = await requested(company)
    async with database.write(company.tenant, company.actors["first"]) as session:
        await advance(session, run.id, TOOLS)
    await earn(company, {"b": 6_000_000})
    await drive(database, company.tenant, company.actors["first"], run.id, TOOLS)
    assert await totals(company, await now(company, pay_run.id)) == {"a": 550_000, "b": 250_000}


async def test_a_worker_makes_the_statements(database: Database, tmp_path: Path) -> None:
    company = await make_company(database, "a")
    await pay(company, "a")
    async with database.write(company.tenant, TESTS) as session:
        pay_run, run = await request_pay_run(session, company.scheme_id, NOVEMBER, today=TODAY)
    await perform_all(database, company.tenant, tmp_path)
    assert (await run_now(database, company.tenant, run.id)).status == "done"
    assert await totals(company, await now(company, pay_run.id)) == {"a": 250_000}


async def test_two_officers_at_once_make_one_run(database: Database) -> None:
    company = await make_company(database, "a")
    await pay(company, "a")
    answers = await asyncio.gather(
        *(requested(company, by=name) for name in ("first", "second")), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in answers) == ["PayRunExists", "tuple"]
    async with database.read(company.tenant, TESTS) as session:
        assert len(await revisions(session, company.scheme_id, NOVEMBER)) == 1


async def test_somebody_else_approves_and_nothing_changes_afterwards(database: Database) -> None:
    company = await make_company(database, "a")
    await pay(company, "a")
    await earn(company, {"a": 2_000_000})
    pay_run = await drafted(company)
    approval = await submitted(company, pay_run)
    assert (await now(company, pay_run.id)).status == "approving"
    with pytest.raises(StewardError):
        await settled(company, approval, by="first")
    assert (await now(company, pay_run.id)).status == "approving"
    await settled(company, approval)
    done = await now(company, pay_run.id)
    assert (done.status, done.approved_by) == ("approved", company.people["second"].id)
    async with database.write(company.tenant, company.actors["first"]) as session:
        with pytest.raises(PayRunNotOpen):
            await discard_pay_run(session, pay_run.id, today=TODAY)
        with pytest.raises(PayRunExists):
            await request_pay_run(session, company.scheme_id, NOVEMBER, today=TODAY)
    await earn(company, {"a": 4_000_000}, DECEMBER)
    async with database.read(company.tenant, company.actors["second"]) as session:
        report = await replay_pay_run(session, pay_run.id, today=TODAY)
    assert (report.same, report.checked, report.total) == (True, 1, 550_000)


async def test_a_revision_takes_the_place_of_what_was_approved(database: Database) -> None:
    company = await make_company(database, "a", "b")
    await pay(company, "a")
    first = await approved(company)
    await pay(company, "b")
    second = await approved(company, reason="遗漏一人")
    assert (second.revision, second.previous_id) == (2, first.id)
    assert (await now(company, first.id)).status == "superseded"
    assert await totals(company, second) == {"a": 250_000, "b": 250_000}
    assert await totals(company, first) == {"a": 250_000}


async def test_a_month_is_paid_by_one_scheme(database: Database) -> None:
    company = await make_company(database, "a")
    await pay(company, "a")
    await drafted(company)
    async with database.write(company.tenant, company.actors["first"]) as session:
        other = await create_scheme(session, "other", "另一方案", "Another", today=TODAY)
        await session.flush()
        await add_version(session, other.id, OCTOBER, document(), today=TODAY)
        again = [NewMember(company.people["a"].id, Role.SALES, OCTOBER)]
        with pytest.raises(InvalidInput) as refused:
            await add_members(session, other.id, again, today=TODAY)
        assert [one.path for one in refused.value.problems] == [("members", "0", "from_month")]
        (member,) = await session.scalars(_members(session))
        await end_member(session, member.id, until_month=OCTOBER, today=TODAY)
        await session.flush()
        await add_members(session, other.id, again, today=TODAY)
        _, run = await request_pay_run(session, other.id, NOVEMBER, today=TODAY)
    with pytest.raises(PaidElsewhere) as twice:
        await drive(database, company.tenant, company.actors["first"], run.id, TOOLS)
    assert [one.path for one in twice.value.problems] == [(str(company.people["a"].id),)]


@pytest.mark.parametrize("method", ["slab", "marginal"])
async def test_a_random_company_is_paid_as_the_rules_say(database: Database, method: str) -> None:
    random = Random(method)
    names = [f"p{number}" for number in range(12)]
    company = await make_company(database, *names, method=method)
    months = (date(2026, 9, 1), OCTOBER, NOVEMBER)
    revenue = {name: {month: random.choice((0, random.randrange(12_000_000))) for month in months} for name in names}
    roles = {name: random.choice(("sales", "sales", "probation", "team_lead", "technician")) for name in names}
    began = {name: random.choice(months) for name in names if roles[name] == "probation"}
    teams = {name: random.choice(("east", "west")) for name in names}
    for name in names:
        if name in began:
            await pay(company, name, since=began[name], probation_from=began[name], unit=teams[name])
        else:
            await pay(company, name, role=ROLES[roles[name]], unit=teams[name])
    for month in months:
        await earn(company, {name: revenue[name][month] for name in names}, month)
    of_team = {team: sum(revenue[name][NOVEMBER] for name in names if teams[name] == team) for team in ("east", "west")}
    given = []
    for name in names:
        earlier = [month for month in months if began.get(name, NOVEMBER) <= month < NOVEMBER]
        given.append(
            PersonMonth(
                company.people[name].id,
                NOVEMBER,
                Role.SALES if name in began else ROLES[roles[name]],
                revenue[name][NOVEMBER],
                len(earlier) + 1 if name in began else None,
                tuple(revenue[name][month] for month in earlier),
                of_team[teams[name]] if roles[name] == "team_lead" else None,
                of_team[teams[name]] if roles[name] == "technician" else None,
            )
        )
    version = SchemeVersion(
        number=1, effective_from=date(2026, 1, 1), rule_version=1, scheme=read_scheme(document(method))
    )
    expected = {company.name_of(one.given.person): one for one in decide(version, given)}
    pay_run, run = await requested(company)
    await asyncio.gather(
        *(drive(database, company.tenant, company.actors[name], run.id, TOOLS) for name in ("first", "second"))
    )
    pay_run = await now(company, pay_run.id)
    assert await figures_of(company, pay_run) == {
        name: {line.rule: line.fen for line in one.lines} for name, one in expected.items()
    }
    assert await totals(company, pay_run) == {name: one.total for name, one in expected.items()}
    assert pay_run.total == sum(one.total for one in expected.values())
    async with database.read(company.tenant, company.actors["second"]) as session:
        report = await replay_pay_run(session, pay_run.id, today=TODAY)
    assert (report.same, report.checked) == (True, len(names))


def _members(session: TenantSession) -> Select[PayMember]:
    return select(PayMember).where(session.within(PayMember))
