"""A month is opened and closed by runs that can be stopped anywhere; what stands in the way is said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

import steward_core.months.commands  # noqa: F401 - declares the runs
from steward_core.months.errors import (
    MonthBusy,
    MonthClosed,
    MonthNotOver,
    MonthTooFarAhead,
    MonthUnknown,
    WholeCompanyNeeded,
)
from steward_core.months.models import BusinessMonth, MonthStatus
from steward_core.months.queries import standing_of
from steward_core.months.service import close_month, open_month
from steward_core.performance.models import MonthIndicator, MonthScore, ScoreStatus
from steward_core.permissions import MONTHS_RUN
from steward_core.plans.models import PlanAction, VisitPlan
from steward_core.runs.models import Run, RunStatus
from steward_core.runs.service import RunTools, advance, drive
from steward_core.visits.errors import MonthBlocked
from steward_core.visits.plan_states import PlanState
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.files.store import LocalFileStore
from tests.core.factories import make_kinds
from tests.core.plans.worlds import NOVEMBER, done_visit, fresh_client
from tests.factories import TESTS, actor_with, make_tenant, make_user

FIRST, OVER = NOVEMBER.start, NOVEMBER.end
ZONE = "Asia/Shanghai"


async def make_company(database: Database, managers: int = 3) -> UUID:
    """Managers with two clients each; nobody was visited yet."""
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        make_kinds(session)
        owners = [make_user(session) for _ in range(managers)]
        await session.flush()
        for owner in owners:
            for _ in range(2):
                fresh_client(session, owner.id)
    return tenant


def tools_in(folder: Path) -> RunTools:
    return RunTools(LocalFileStore(folder), folder)


async def opened(database: Database, tenant: UUID, tools: RunTools) -> None:
    async with database.write(tenant, TESTS) as session:
        month = await open_month(session, FIRST, today=FIRST)
        run_id = month.opening_run_id
    assert run_id is not None
    await drive(database, tenant, TESTS, run_id, tools)


async def worked(database: Database, tenant: UUID) -> None:
    """Every manager visits one of two clients, and all results are approved."""
    async with database.write(tenant, TESTS) as session:
        await work(session, date(2026, 11, 5))


async def work(session: WriteSession, day: date) -> None:
    """The same on a day, of all plans that there are."""
    rows = await session.rows(
        select(VisitPlan.owner_id, PlanAction.id, PlanAction.client_id)
        .join(PlanAction, PlanAction.plan_id == VisitPlan.id)
        .where(session.within(VisitPlan), session.within(PlanAction))
        .order_by(VisitPlan.owner_id, PlanAction.id)
    )
    seen: set[UUID] = set()
    for owner_id, action_id, client_id in rows:
        if owner_id not in seen:
            seen.add(owner_id)
            done_visit(session, client_id, owner_id, day, action_id=action_id)
    await session.execute(
        update(VisitPlan)
        .where(session.within(VisitPlan))
        .values(state=PlanState.RESULTS_APPROVED.value)
        .execution_options(synchronize_session=False)
    )


async def asked_to_close(database: Database, tenant: UUID) -> UUID:
    async with database.write(tenant, TESTS) as session:
        month = await close_month(session, FIRST, today=OVER, zone=ZONE)
        run_id = month.closing_run_id
    assert run_id is not None
    return run_id


async def figures(database: Database, tenant: UUID, month: date = FIRST) -> list[tuple[object, ...]]:
    """What a closed month says of each manager, without identifiers."""
    async with database.read(tenant, TESTS) as session:
        rows = await session.rows(
            select(
                MonthScore.score, MonthIndicator.indicator, MonthIndicator.value, MonthScore.status, MonthScore.current
            )
            .join(MonthIndicator, MonthIndicator.score_id == MonthScore.id)
            .where(session.within(MonthScore), session.within(MonthIndicator), MonthScore.month == month)
            .order_by(MonthScore.score, MonthIndicator.indicator, MonthIndicator.value)
        )
    return [tuple(row) for row in rows]


async def status_of(database: Database, tenant: UUID) -> str | None:
    async with database.read(tenant, TESTS) as session:
        found = await session.find(BusinessMonth, BusinessMonth.month == FIRST)
        return None if found is None else found.status


async def test_a_month_from_opening_to_closing(database: Database, tmp_path: Path) -> None:
    tenant, tools = await make_company(database), tools_in(tmp_path)
    await opened(database, tenant, tools)
    assert await status_of(database, tenant) == MonthStatus.OPEN
    async with database.read(tenant, TESTS) as session:
        month = await session.find(BusinessMonth, BusinessMonth.month == FIRST)
        assert month is not None
        assert month.figures["opened"]["plans"] == 3
        assert month.figures["opened"]["new"] == 6
        standing = await standing_of(session, NOVEMBER)
    assert not standing.possible
    assert len(standing.blocking) == 3
    await worked(database, tenant)
    await drive(database, tenant, TESTS, await asked_to_close(database, tenant), tools)
    assert await status_of(database, tenant) == MonthStatus.CLOSED
    async with database.read(tenant, TESTS) as session:
        sealed = await session.scalar(
            select(func.count()).where(session.within(VisitPlan), VisitPlan.closed_at.is_not(None))
        )
        final = await session.scalar(
            select(func.count()).where(session.within(MonthScore), MonthScore.status == ScoreStatus.FINAL.value)
        )
    assert (sealed, final) == (3, 3)
    distinct = [row[2] for row in await figures(database, tenant) if row[1] == "core.clients_visited"]
    assert distinct == [1, 1, 1]


async def test_opening_again_makes_nothing_twice(database: Database, tmp_path: Path) -> None:
    tenant, tools = await make_company(database), tools_in(tmp_path)
    for _ in range(2):
        await opened(database, tenant, tools)
    async with database.read(tenant, TESTS) as session:
        assert await session.scalar(select(func.count()).where(session.within(VisitPlan))) == 3
        assert await session.scalar(select(func.count()).where(session.within(PlanAction))) == 6


async def test_who_comes_later_gets_a_plan_by_opening_again(database: Database, tmp_path: Path) -> None:
    tenant, tools = await make_company(database), tools_in(tmp_path)
    await opened(database, tenant, tools)
    async with database.write(tenant, TESTS) as session:
        late = make_user(session)
        await session.flush()
        fresh_client(session, late.id)
    await opened(database, tenant, tools)
    async with database.read(tenant, TESTS) as session:
        assert await session.find(VisitPlan, VisitPlan.owner_id == late.id) is not None


async def test_what_stands_in_the_way_is_said(database: Database, tmp_path: Path) -> None:
    tenant, tools = await make_company(database), tools_in(tmp_path)
    with pytest.raises(MonthUnknown):
        await asked_to_close(database, tenant)
    with pytest.raises(MonthTooFarAhead):
        async with database.write(tenant, TESTS) as session:
            await open_month(session, date(2027, 1, 1), today=date(2026, 12, 24))
    async with database.write(tenant, TESTS) as session:
        await open_month(session, FIRST, today=FIRST)
    with pytest.raises(MonthBusy):
        await asked_to_close(database, tenant)
    await opened(database, tenant, tools)
    with pytest.raises(MonthNotOver):
        async with database.write(tenant, TESTS) as session:
            await close_month(session, FIRST, today=date(2026, 11, 30), zone=ZONE)
    with pytest.raises(MonthBlocked):
        await asked_to_close(database, tenant)
    assert await status_of(database, tenant) == MonthStatus.OPEN
    await worked(database, tenant)
    await drive(database, tenant, TESTS, await asked_to_close(database, tenant), tools)
    with pytest.raises(MonthClosed):
        await asked_to_close(database, tenant)
    with pytest.raises(MonthClosed):
        await opened(database, tenant, tools)


async def test_a_month_is_the_whole_companys(database: Database) -> None:
    tenant = await make_company(database)
    lead = actor_with(MONTHS_RUN, scope=Scope.TEAM, unit_id=tenant)
    with pytest.raises(WholeCompanyNeeded):
        async with database.write(tenant, lead) as session:
            await open_month(session, FIRST, today=FIRST)


async def test_two_who_close_at_once_are_one(database: Database, tmp_path: Path) -> None:
    tenant, tools = await make_company(database), tools_in(tmp_path)
    await opened(database, tenant, tools)
    await worked(database, tenant)
    first, second = await asyncio.gather(*(asked_to_close(database, tenant) for _ in range(2)))
    assert first == second
    await asyncio.gather(*(drive(database, tenant, TESTS, first, tools) for _ in range(2)))
    assert await status_of(database, tenant) == MonthStatus.CLOSED
    assert len([row for row in await figures(database, tenant) if row[1] == "core.clients_visited"]) == 3


class Torn(Exception):
    """The process ended before a chunk was committed."""


async def test_torn_at_every_chunk_the_month_is_the_same(database: Database, tmp_path: Path) -> None:
    """Each chunk is done, lost, and done again: plans, scores and figures are those of a month that nobody disturbed."""
    tools = tools_in(tmp_path)
    calm, torn = await make_company(database), await make_company(database)
    await opened(database, calm, tools)
    async with database.write(torn, TESTS) as session:
        run_id = (await open_month(session, FIRST, today=FIRST)).opening_run_id
    assert run_id is not None
    assert await torn_through(database, torn, run_id, tools) > 2
    for tenant in (calm, torn):
        await worked(database, tenant)
    await drive(database, calm, TESTS, await asked_to_close(database, calm), tools)
    assert await torn_through(database, torn, await asked_to_close(database, torn), tools) > 5
    assert await figures(database, torn) == await figures(database, calm)
    assert await status_of(database, torn) == MonthStatus.CLOSED


async def torn_through(database: Database, tenant: UUID, run_id: UUID, tools: RunTools) -> int:
    """Drive a run whose every chunk is undone once; how many chunks there were."""
    chunks = 0
    while True:
        with pytest.raises(Torn):
            async with chunk(database, tenant, run_id, tools):
                raise Torn
        async with chunk(database, tenant, run_id, tools) as run:
            chunks += 1
        if run.status == RunStatus.DONE:
            return chunks


@asynccontextmanager
async def chunk(database: Database, tenant: UUID, run_id: UUID, tools: RunTools) -> AsyncIterator[Run]:
    async with database.write(tenant, TESTS) as session:
        yield await advance(session, run_id, tools)
