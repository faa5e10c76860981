"""A demo company lives through a month: closed with scores and statements, and the present one is under way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import func, select

from steward_core.clients.models import Client
from steward_core.months.models import BusinessMonth, MonthStatus
from steward_core.performance.models import MonthScore, ScoreStatus
from steward_core.plans.models import PlanAction, VisitPlan
from steward_core.promises.models import RequestStatus, ServiceRequest
from steward_core.reports.models import ReportKind, ReportState, WorkReport
from steward_core.runs.service import RunTools
from steward_core.visits.models import Visit
from steward_core.visits.plan_states import PlanState
from steward_server import demo
from steward_server.simulation.company import PLATFORM, LivedThroughElsewhere, NotADemo, company_of
from steward_server.simulation.life import TURN, live
from steward_tenants.database.database import Database
from steward_tenants.database.locks import try_turn
from steward_tenants.files.store import LocalFileStore
from tests.cluster import Addresses
from tests.factories import make_tenant

PASSWORD = "Quiet-Lantern-Meadow-2291"
TODAY = date(2026, 11, 4)


@pytest_asyncio.fixture
async def lively(addresses: Addresses, worker_id: str, tmp_path: Path) -> AsyncIterator[tuple[Database, RunTools]]:
    name = f"steward_lively_{worker_id}"
    addresses.clone(name)
    database = Database(addresses.settings(name))
    tools = RunTools(LocalFileStore(tmp_path), tmp_path)
    await demo.ensure(database, PASSWORD, tools)
    yield database, tools
    await database.dispose()


async def test_a_company_is_in_the_middle_of_its_month(lively: tuple[Database, RunTools]) -> None:
    database, tools = lively
    company = await company_of(database, tools, "yunling", 1)
    lived = await live(company, 0, date(2026, 11, 3))
    assert (lived.months, lived.closed) == (1, 0)
    async with database.read(company.tenant_id, PLATFORM) as session:
        states = await session.scalars(select(VisitPlan.state).where(session.within(VisitPlan)))
        done = await session.scalar(select(func.count()).where(session.within(Visit), Visit.status == "done"))
        ahead = await session.scalar(select(func.count()).where(session.within(Visit), Visit.day >= date(2026, 11, 3)))
    assert set(states) == {PlanState.IN_EXECUTION}
    assert done == lived.visits > 0
    assert ahead == 0


@pytest.mark.full
async def test_a_company_lives_through_a_month(lively: tuple[Database, RunTools]) -> None:
    database, tools = lively
    company = await company_of(database, tools, "yunling", 1)
    lived = await live(company, 1, TODAY)
    assert (lived.months, lived.closed) == (2, 1)
    assert lived.visits > 0
    async with database.read(company.tenant_id, PLATFORM) as session:
        months = {
            one.month: one.status
            for one in await session.scalars(select(BusinessMonth).where(session.within(BusinessMonth)))
        }
        assert months == {date(2026, 10, 1): MonthStatus.CLOSED, date(2026, 11, 1): MonthStatus.OPEN}
        plans = await session.rows(
            select(VisitPlan.month, VisitPlan.state, func.count())
            .where(session.within(VisitPlan))
            .group_by(VisitPlan.month, VisitPlan.state)
            .order_by(VisitPlan.month)
        )
        assert [row[1] for row in plans] == [PlanState.RESULTS_APPROVED, PlanState.IN_EXECUTION]
        carried = await session.scalar(select(func.count()).where(session.within(PlanAction), PlanAction.carried == 1))
        done = await session.scalar(select(func.count()).where(session.within(Visit), Visit.status == "done"))
        ahead = await session.scalar(select(func.count()).where(session.within(Visit), Visit.day >= TODAY))
        scores = await session.rows(
            select(MonthScore.score).where(
                session.within(MonthScore),
                MonthScore.month == date(2026, 10, 1),
                MonthScore.status == ScoreStatus.FINAL.value,
            )
        )
        summaries = await session.rows(
            select(WorkReport.state).where(session.within(WorkReport), WorkReport.kind == ReportKind.MONTH.value)
        )
        requests = dict(
            await session.rows(
                select(ServiceRequest.status, func.count())
                .where(session.within(ServiceRequest))
                .group_by(ServiceRequest.status)
            )
        )
        fresh = await session.scalar(
            select(func.count()).where(session.within(Client), Client.basic_confirmed_on >= date(2026, 10, 1))
        )
    assert carried > 0
    assert done == lived.visits
    assert ahead == 0
    assert scores
    assert {row.state for row in summaries} == {ReportState.READ}
    assert requests.get(RequestStatus.CLOSED, 0) > requests.get(RequestStatus.OPEN, 0)
    assert fresh > 0
    again = await live(company, 1, TODAY)
    assert again.closed == 0


async def test_a_company_is_lived_through_once_at_a_time(lively: tuple[Database, RunTools]) -> None:
    database, tools = lively
    company = await company_of(database, tools, "yunling", 1)
    async with database.write(company.tenant_id, PLATFORM) as session:
        assert await try_turn(session, TURN)
        with pytest.raises(LivedThroughElsewhere):
            await live(company, 0, date(2026, 11, 3))


async def test_only_a_demo_is_simulated(database: Database, tmp_path: Path) -> None:
    await make_tenant(database, key="earnest")
    with pytest.raises(NotADemo):
        await company_of(database, RunTools(LocalFileStore(tmp_path), tmp_path), "earnest", 1)
