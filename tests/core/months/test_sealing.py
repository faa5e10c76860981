"""A closed month's plans change no more: what they still waited for is taken back, what stood open leaves them counted."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select

from steward_core.approvals import service as approvals
from steward_core.approvals.errors import NotRunning
from steward_core.approvals.models import ApprovalSeat
from steward_core.approvals.trail import Act
from steward_core.clients.ownership import move, moves_to
from steward_core.months.models import BusinessMonth, MonthStatus
from steward_core.months.sealing import seal
from steward_core.months.tending import close_before
from steward_core.plans import service
from steward_core.plans.errors import PlanClosed
from steward_core.plans.generation import generate
from steward_core.plans.models import VisitPlan
from steward_core.runs.service import drive
from steward_core.visits.errors import MonthBlocked
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from tests.core.months.test_month import ZONE, asked_to_close, chunk, tools_in
from tests.core.plans.worlds import DAY_OF_WORK, DECEMBER, NOVEMBER, Team, actions_of, make_team, plan_of
from tests.factories import TESTS
from tests.turns import meanwhile


@pytest.fixture
async def team(database: Database) -> Team:
    team = await make_team(database)
    async with database.write(team.tenant, TESTS) as session:
        await generate(session, NOVEMBER)
        session.add(BusinessMonth(id=new_id(), month=NOVEMBER.start, status=MonthStatus.OPEN.value))
    return team


async def november(database: Database, team: Team) -> VisitPlan:
    async with database.read(team.tenant, TESTS) as session:
        found = await plan_of(session, team.manager.id, NOVEMBER)
    assert found is not None
    return found


async def closed(database: Database, team: Team, folder: Path) -> None:
    """A supervisor lets the month close, and it is closed."""
    plan = await november(database, team)
    async with database.write(team.tenant, team[team.lead]) as session:
        await service.let_through(session, plan.id, reason="病假", today=DAY_OF_WORK)
    await drive(database, team.tenant, TESTS, await asked_to_close(database, team.tenant), tools_in(folder))


async def handed(database: Database, team: Team, to: UUID | None) -> None:
    async with database.write(team.tenant, TESTS) as session:
        await move(session, moves_to(session, team.clients[:1], to, None), on=date(2026, 12, 2), reason="换人")


async def test_nobody_is_asked_to_decide_on_a_sealed_plan(database: Database, team: Team, tmp_path: Path) -> None:
    plan = await november(database, team)
    async with database.write(team.tenant, team[team.manager]) as session:
        asked = (await service.submit(session, plan.id, today=DAY_OF_WORK)).approval_id
    assert asked is not None
    await closed(database, team, tmp_path)
    async with database.read(team.tenant, TESTS) as session:
        assert await session.scalar(select(func.count()).where(session.within(ApprovalSeat))) == 0
    with pytest.raises(NotRunning):
        async with database.write(team.tenant, team[team.lead]) as session:
            await approvals.decide(session, asked, act=Act.APPROVE, turn=1, today=DAY_OF_WORK)
    with pytest.raises(PlanClosed):
        async with database.write(team.tenant, team[team.manager]) as session:
            await service.withdraw(session, plan.id, today=DAY_OF_WORK)
    sealed = await november(database, team)
    assert (sealed.state, sealed.let_through, sealed.submitted_by) == ("submitted", "submitted", team.manager.id)
    assert sealed.closed_at is not None


async def test_no_plan_is_made_in_a_closed_month(database: Database, team: Team, tmp_path: Path) -> None:
    """What stood open stays until the next month is opened, which gives it to the client's owner."""
    await closed(database, team, tmp_path)
    await handed(database, team, team.stranger.id)
    async with database.write(team.tenant, TESTS) as session:
        assert await plan_of(session, team.stranger.id, NOVEMBER) is None
        assert len(await actions_of(session, NOVEMBER, team.manager.id)) == 3
        await generate(session, DECEMBER)
        (moved,) = await actions_of(session, DECEMBER, team.stranger.id)
    assert (moved.client_id, moved.carried) == (team.clients[0], 1)
    assert (await november(database, team)).carried_out == 3


@pytest.mark.parametrize("taker", ["stranger", "manager"])
async def test_what_is_taken_from_the_pool_is_counted_by_the_plan_that_it_leaves(
    database: Database, team: Team, tmp_path: Path, taker: str
) -> None:
    await handed(database, team, None)
    await closed(database, team, tmp_path)
    async with database.write(team.tenant, TESTS) as session:
        await generate(session, DECEMBER)
        assert len(await actions_of(session, NOVEMBER)) == 1
    assert (await november(database, team)).carried_out == 2
    owner = getattr(team, taker).id
    await handed(database, team, owner)
    async with database.read(team.tenant, TESTS) as session:
        assert await actions_of(session, NOVEMBER) == []
        assert team.clients[0] in {one.client_id for one in await actions_of(session, DECEMBER, owner)}
    assert (await november(database, team)).carried_out == 3


async def test_what_somebody_goes_on_with_meanwhile_is_not_sealed(
    database: Database, team: Team, tmp_path: Path
) -> None:
    """Let through as it stood, submitted since: the closing stops, and goes on once it is let through again."""
    plan = await november(database, team)
    async with database.write(team.tenant, team[team.lead]) as session:
        await service.let_through(session, plan.id, reason="病假", today=DAY_OF_WORK)
    run_id = await asked_to_close(database, team.tenant)
    async with chunk(database, team.tenant, run_id, tools_in(tmp_path)):
        pass
    async with database.write(team.tenant, team[team.manager]) as session:
        await service.submit(session, plan.id, today=DAY_OF_WORK)
    with pytest.raises(MonthBlocked):
        await drive(database, team.tenant, TESTS, run_id, tools_in(tmp_path))
    async with database.write(team.tenant, TESTS) as session:
        assert await close_before(session, NOVEMBER, DECEMBER.start, ZONE) is None
    assert (await november(database, team)).closed_at is None
    await closed(database, team, tmp_path)
    assert (await november(database, team)).closed_at is not None


async def test_a_plan_that_is_submitted_while_others_are_sealed_is_left_to_the_next_chunk(
    database: Database, team: Team
) -> None:
    plan = await november(database, team)
    async with database.write(team.tenant, team[team.lead]) as session:
        await service.let_through(session, plan.id, reason="病假", today=DAY_OF_WORK)
    found = []

    async def submitted(session: WriteSession) -> None:
        session.actor = team[team.manager]
        await service.submit(session, plan.id, today=DAY_OF_WORK)
        session.actor = team[team.lead]
        await service.let_through(session, plan.id, reason="病假", today=DAY_OF_WORK)

    async def sealed(session: WriteSession) -> None:
        found.append(await seal(session, NOVEMBER.start, most=10))

    assert await meanwhile(database, team.tenant, TESTS, submitted, sealed) is None
    async with database.write(team.tenant, TESTS) as session:
        found += [await seal(session, NOVEMBER.start, most=10) for _ in range(2)]
    assert found == [(0, False), (1, False), (0, True)]
    assert (await november(database, team)).state == "submitted"
