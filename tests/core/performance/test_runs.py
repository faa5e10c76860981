"""Scores by runs: chunk by chunk, exactly once, previews that give way, final scores that do not, replay."""

from __future__ import annotations

import contextlib
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import and_, delete, func, select, update
from sqlalchemy.exc import DBAPIError

from steward_core.notifications.models import Notice
from steward_core.performance import scores
from steward_core.performance.errors import (
    MonthNotBegun,
    MonthNotOver,
    NothingToFinalise,
    ScoreNotFound,
    UnitPartlyReached,
    WholeCompanyNeeded,
)
from steward_core.performance.export import export_scores
from steward_core.performance.models import MonthIndicator, MonthScore, ScoreStatus
from steward_core.performance.queries import figures_of, replay_scores, score_evidence
from steward_core.performance.scheme_versions import set_scheme
from steward_core.performance.scores import make_final
from steward_core.performance.service import finalise_scores, request_scores
from steward_core.permissions import CLIENTS_VIEW, SCORES_RUN, SCORES_VIEW
from steward_core.runs.service import advance, drive
from steward_core.visits.models import Visit
from steward_tenants.access.queries import today
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.organisation.service import create_unit
from tests.cluster import Addresses
from tests.core.performance.company import (
    AFTER,
    NOVEMBER,
    TOOLS,
    WORKING_DAYS,
    ZONE,
    Company,
    at,
    clock,
    make_company,
    plan,
    score_of,
    visit,
    visits,
)
from tests.factories import TESTS, actor_with

RUNNER = actor_with(SCORES_RUN, SCORES_VIEW)
WEIGHTY = [
    {"indicator": "core.clients_visited", "weight": "100", "method": "reached", "target": "20", "without": "zero"}
]


async def worked_out(database: Database, company: Company, **values: Any) -> UUID:
    """The month's scores by a run that is driven to its end; the run's id."""
    async with database.write(company.tenant_id, RUNNER) as session:
        run = await request_scores(session, NOVEMBER.start, **{"today": AFTER, **values})
    await drive(database, company.tenant_id, RUNNER, run.id, TOOLS)
    return run.id


async def cut_off(database: Database, company: Company, run_id: UUID) -> None:
    """Do the next chunk and fail before it commits."""
    async with database.write(company.tenant_id, RUNNER) as session:
        await advance(session, run_id, TOOLS)
        raise ZeroDivisionError


async def rows_of(database: Database, company: Company) -> list[Any]:
    """Every score: owner, revision, status, current, score, reason."""
    async with database.read(company.tenant_id, TESTS) as session:
        return list(
            await session.rows(
                select(
                    MonthScore.owner_id,
                    MonthScore.revision,
                    MonthScore.status,
                    MonthScore.current,
                    MonthScore.score,
                    MonthScore.reason,
                )
                .where(session.within(MonthScore))
                .order_by(MonthScore.owner_id, MonthScore.revision)
            )
        )


async def test_a_run_that_is_cut_off_after_any_chunk_ends_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each chunk is done, undone, and done again; three managers are scored in three chunks."""
    monkeypatch.setattr(scores, "AT_ONCE", 1)
    company = await make_company(database, 3, 2, 1)
    async with database.write(company.tenant_id, TESTS) as session:
        for place in range(3):
            owner, clients = company.of(place)
            visits(session, owner, clients, 1, WORKING_DAYS[: 5 * (place + 1)])
    async with database.write(company.tenant_id, RUNNER) as session:
        run = await request_scores(session, NOVEMBER.start, today=AFTER)
    status, chunks = "", 0
    while status != "done":
        with pytest.raises(ZeroDivisionError):
            await cut_off(database, company, run.id)
        async with database.write(company.tenant_id, RUNNER) as session:
            status = (await advance(session, run.id, TOOLS)).status
        chunks += 1
    found = await rows_of(database, company)
    assert chunks > 6
    assert [(row.revision, row.status, row.current) for row in found] == [(1, "preview", True)] * 3
    async with database.read(company.tenant_id, TESTS) as session:
        stored = await session.rows(
            select(MonthIndicator.owner_id, func.count(), func.count(MonthIndicator.indicator.distinct()))
            .where(session.within(MonthIndicator))
            .group_by(MonthIndicator.owner_id)
        )
        visited = await figures_of(session, NOVEMBER, "core.clients_visited")
    assert [tuple(row[1:]) for row in stored] == [(6, 6)] * 3
    assert [visited[user.id] for user in company.managers] == [3, 2, 1]


async def test_a_preview_gives_way_and_a_final_score_does_not(database: Database) -> None:
    company = await make_company(database, 20)
    owner, clients = company.of(0)
    await worked_out(database, company)
    async with database.write(company.tenant_id, TESTS) as session:
        visits(session, owner, clients, 1, WORKING_DAYS[:20])
        await set_scheme(session, NOVEMBER.start, WEIGHTY, reason="试行")
    await worked_out(database, company)
    assert [tuple(row)[1:] for row in await rows_of(database, company)] == [(2, "preview", True, 100, None)]
    async with database.write(company.tenant_id, RUNNER) as session:
        assert await finalise_scores(session, NOVEMBER.start, today=AFTER) == 1
    async with database.write(company.tenant_id, TESTS) as session:
        await session.execute(
            update(Visit)
            .where(session.within(Visit), Visit.client_id.in_(clients[:2]))
            .values(status="cancelled")
            .execution_options(synchronize_session=False)
        )
    await worked_out(database, company)
    assert len(await rows_of(database, company)) == 1
    await worked_out(database, company, reason="两次走访无效")
    assert [tuple(row)[1:] for row in await rows_of(database, company)] == [
        (2, "final", True, 100, None),
        (3, "preview", False, 0, "两次走访无效"),
    ]
    async with database.read(company.tenant_id, TESTS) as session:
        assert await figures_of(session, NOVEMBER, "core.clients_visited") == {owner.id: 20}
    async with database.write(company.tenant_id, RUNNER) as session:
        await finalise_scores(session, NOVEMBER.start, today=AFTER)
        with pytest.raises(NothingToFinalise):
            await finalise_scores(session, NOVEMBER.start, today=AFTER)
    found = [tuple(row)[1:5] for row in await rows_of(database, company)]
    assert found == [(2, "final", False, 100), (3, "final", True, 0)]
    async with database.read(company.tenant_id, TESTS) as session:
        titles = await session.scalars(
            select(Notice.title_zh).where(session.within(Notice), Notice.user_id == owner.id).order_by(Notice.id)
        )
        assert titles == ["2026-11 考核得分已确认：100.00", "2026-11 考核得分已确认：0.00"]


@pytest.mark.parametrize(
    "values",
    [
        {"score": 100},
        {"lines": []},
        {"current": True, "reason": "改"},
        {"status": "preview", "finalised_at": None, "finalised_by": None},
        {"owner_id": new_id()},
        {"month": date(2026, 10, 1)},
        None,
    ],
    ids=lambda values: "delete" if values is None else "-".join(values),
)
async def test_the_database_itself_keeps_a_final_score(database: Database, values: dict[str, Any] | None) -> None:
    """Whatever the code wants: with the application's role a final score is changed by nothing and cannot go."""
    company = await make_company(database, 2)
    await worked_out(database, company)
    mine = and_(MonthScore.tenant_id == company.tenant_id, MonthScore.month == NOVEMBER.start)
    statement: Any = delete(MonthScore).where(mine) if values is None else update(MonthScore).where(mine).values(values)
    statement = statement.execution_options(synchronize_session=False, preserve_rowcount=True)
    with contextlib.suppress(ZeroDivisionError):
        async with database.write(company.tenant_id, TESTS) as session:
            changed: Any = await session.execute(statement)
            assert changed.rowcount == 1  # a preview may still be changed
            raise ZeroDivisionError  # as if it had not happened
    async with database.write(company.tenant_id, TESTS) as session:
        assert await make_final(session, NOVEMBER) == 1
    before = await everything_of(database, company)
    with pytest.raises(DBAPIError, match="a final score never changes"):
        async with database.write(company.tenant_id, TESTS) as session:
            await session.execute(statement)
    assert await everything_of(database, company) == before


@pytest.mark.parametrize("final", [False, True])
async def test_the_figures_behind_a_score_are_not_changed_either(database: Database, *, final: bool) -> None:
    company = await make_company(database, 2)
    await worked_out(database, company)
    if final:
        async with database.write(company.tenant_id, TESTS) as session:
            await make_final(session, NOVEMBER)
    before = await everything_of(database, company)
    for statement in (update(MonthIndicator).values(value=4), delete(MonthIndicator)):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with database.write(company.tenant_id, TESTS) as session:
                await session.execute(
                    statement.where(session.within(MonthIndicator)).execution_options(synchronize_session=False)
                )
    assert await everything_of(database, company) == before


async def everything_of(database: Database, company: Company) -> list[list[tuple[Any, ...]]]:
    """Every column of the company's scores and of the figures behind them."""
    async with database.read(company.tenant_id, TESTS) as session:
        return [
            [tuple(row) for row in await session.rows(select(table.__table__).where(session.within(table)))]
            for table in (MonthScore, MonthIndicator)
        ]


async def test_a_replay_gives_the_same_scores_and_names_what_differs(
    database: Database, addresses: Addresses, database_name: str
) -> None:
    company = await make_company(database, 3, 1)
    owner, clients = company.of(0)
    async with database.write(company.tenant_id, TESTS) as session:
        visits(session, owner, clients, 3, WORKING_DAYS)
        clock(session, owner, clients[0], "late", at(10), at(12))
    await worked_out(database, company)
    async with database.write(company.tenant_id, RUNNER) as session:
        await finalise_scores(session, NOVEMBER.start, today=AFTER)
    async with database.write(company.tenant_id, TESTS) as session:
        await set_scheme(session, NOVEMBER.start, WEIGHTY)
    async with database.write(company.tenant_id, TESTS) as session:
        visit(session, owner, clients[0], date(2026, 11, 3))  # later than the score, and not among its inputs
    async with database.read(company.tenant_id, RUNNER) as session:
        report = await replay_scores(session, NOVEMBER.start, today=AFTER)
    assert (report.checked, report.same) == (2, True)
    with psycopg.connect(addresses.superuser(database_name)) as behind_the_walls:
        behind_the_walls.execute(
            "update app.month_indicator set value = 4 where owner_id = %s and indicator = 'core.visits_per_day'",
            [owner.id],
        )
    async with database.read(company.tenant_id, RUNNER) as session:
        differences = (await replay_scores(session, NOVEMBER.start, today=AFTER)).differences
    assert [(one.owner_id, one.name) for one in differences] == [(owner.id, "score"), (owner.id, "lines")]


async def test_what_lies_behind_each_indicator(database: Database) -> None:
    """The rows add up to the figures; a colleague sees nothing, and clients out of reach are counted, not shown."""
    company = await make_company(database, 4, 1)
    owner, clients = company.of(0)
    async with database.write(company.tenant_id, TESTS) as session:
        visits(session, owner, clients[:3], 1, WORKING_DAYS[:5])
        await plan(session, owner, [(clients[0], 2, 1), (clients[1], 1, 1)])
        clock(session, owner, clients[0], "kept", at(10), at(9))
        clock(session, owner, clients[1], "late", at(11), at(12))
    await worked_out(database, company)
    me = actor_with(SCORES_VIEW, CLIENTS_VIEW, scope=Scope.OWN, user=owner)
    blind = actor_with(SCORES_VIEW, scope=Scope.OWN, user=owner)

    async def behind(indicator: str, actor: Actor = me) -> Any:
        async with database.read(company.tenant_id, actor) as session:
            return await score_evidence(session, owner.id, NOVEMBER, indicator, today=AFTER)

    seen = await behind("core.clients_visited")
    assert (seen.total, seen.counted, seen.hidden, len(seen.page.rows)) == (5, 5, 0, 5)
    assert [row.day for row in seen.page.rows] == WORKING_DAYS[:5]
    assert len([row for row in seen.page.rows if row.figures["number_at_client"] == 1]) == 3
    actions = (await behind("core.plan_completion")).page.rows
    assert sorted((row.figures["done"], row.figures["asked"]) for row in actions) == [(1, 1), (1, 2)]
    clocks = await behind("core.promises_kept")
    assert (clocks.total, clocks.counted) == (2, 1)
    assert [row.figures["state"] for row in clocks.page.rows] == ["kept", "late"]
    assert (await behind("core.profile_freshness")).total == 4
    unseen = await behind("core.clients_visited", blind)
    assert (unseen.total, unseen.hidden, unseen.page.rows) == (5, 5, ())
    with pytest.raises(ScoreNotFound):
        await behind("core.clients_visited", actor_with(SCORES_VIEW, scope=Scope.OWN, user=company.managers[1]))


async def test_scores_are_of_the_units_in_reach(database: Database) -> None:
    company = await make_company(database, 1, 1)
    day = today(ZONE)
    async with database.write(company.tenant_id, TESTS) as session:
        below = await create_unit(session, code="B1", name="下级", parent_id=company.unit_id, today=day)
    lead = actor_with(SCORES_RUN, SCORES_VIEW, scope=Scope.SUBTREE, unit_id=below.id)
    team = actor_with(SCORES_RUN, SCORES_VIEW, scope=Scope.TEAM, unit_id=company.unit_id)
    async with database.write(company.tenant_id, lead) as session:
        with pytest.raises(WholeCompanyNeeded):
            await request_scores(session, NOVEMBER.start, today=AFTER)
        run = await request_scores(session, NOVEMBER.start, unit_id=below.id, today=max(day, AFTER))
    async with database.write(company.tenant_id, team) as session:
        with pytest.raises(UnitPartlyReached):
            await request_scores(session, NOVEMBER.start, unit_id=company.unit_id, today=max(day, AFTER))
        with pytest.raises(MonthNotBegun):
            await request_scores(session, date(2099, 1, 1), today=AFTER)
        with pytest.raises(MonthNotOver):
            await finalise_scores(session, NOVEMBER.start, today=date(2026, 11, 30))
    await drive(database, company.tenant_id, lead, run.id, TOOLS)
    assert await rows_of(database, company) == []  # nobody works in the unit below


async def test_the_export_holds_what_is_in_reach(database: Database) -> None:
    company = await make_company(database, 1, 1)
    owner, _ = company.of(0)
    await worked_out(database, company)
    me = actor_with(SCORES_VIEW, scope=Scope.OWN, user=owner)
    async with database.write(company.tenant_id, me) as session:
        content, rows = await export_scores(session, NOVEMBER.start, today=AFTER, locale="zh-CN")
    lines = content.decode("utf-8-sig").splitlines()
    assert rows == 1
    assert (
        lines[0] == "月份,机构,客户经理,得分,状态,第几次计算,计划完成率,走访客户数,日均走访次数,承诺兑现率,档案及时率"
    )
    assert lines[1].split(",")[:3] == ["2026-11", "测试部", owner.name]


async def test_a_score_under_way_is_nobodys(database: Database) -> None:
    company = await make_company(database, 1)
    async with database.write(company.tenant_id, RUNNER) as session:
        run = await request_scores(session, NOVEMBER.start, today=AFTER)
    async with database.write(company.tenant_id, RUNNER) as session:
        await advance(session, run.id, TOOLS)
    found = await rows_of(database, company)
    assert [(row.status, row.current, row.score) for row in found] == [(ScoreStatus.COMPUTING, False, None)]
    await drive(database, company.tenant_id, RUNNER, run.id, TOOLS)
    async with database.read(company.tenant_id, TESTS) as session:
        score = await score_of(session, company.managers[0])
    assert score.score == Decimal("27.27")  # no visits: 0 of 40; fresh profiles: 15 of 15; 55 of the hundred count
