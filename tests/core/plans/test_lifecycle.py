"""The way of a plan through its states, with approvals, real sessions and two supervisors at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from steward_core.approvals import service as approvals
from steward_core.approvals.trail import Act
from steward_core.plans import service
from steward_core.plans.actions import add_action, drop_action, move_action, record_result
from steward_core.plans.errors import ClientNotPlanned, PlanChanged, PlanClosed, PlanNotFound
from steward_core.plans.generation import generate
from steward_core.plans.models import ActionStatus, PlanAction, PlanTransition, VisitPlan
from steward_core.plans.service import start_due, tick_visit
from steward_core.visits.errors import (
    OverrideNotNeeded,
    PlanMonthAhead,
    PlanNeedsEditing,
    PlanNotEditable,
    PlanNotYours,
    PlanStateForbids,
)
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.errors import InvalidInput, StewardError
from tests.core.plans.worlds import (
    NOVEMBER,
    Team,
    actions_of,
    done_visit,
    fresh_client,
    make_team,
    plan_of,
)
from tests.factories import TESTS
from tests.turns import meanwhile

DAY = date(2026, 11, 3)
Act_ = Callable[..., Awaitable[Any]]


@pytest.fixture
async def team(database: Database) -> Team:
    team = await make_team(database)
    async with database.write(team.tenant, TESTS) as session:
        await generate(session, NOVEMBER)
    return team


async def the_plan(database: Database, team: Team) -> VisitPlan:
    async with database.read(team.tenant, TESTS) as session:
        plan = await plan_of(session, team.manager.id, NOVEMBER)
    assert plan is not None
    return plan


async def run(database: Database, team: Team, actor: Actor, command: Act_, *values: Any, **named: Any) -> Any:
    async with database.write(team.tenant, actor) as session:
        return await command(session, *values, today=DAY, **named)


async def decide(database: Database, team: Team, actor: Actor, act: Act, reason: str = "") -> None:
    plan = await the_plan(database, team)
    assert plan.approval_id is not None
    async with database.write(team.tenant, actor) as session:
        found = await approvals.of_subject(
            session, "visit_plan" if plan.state == "submitted" else "visit_plan_results", plan.id
        )
        assert found is not None
        await approvals.decide(session, found.id, act=act, turn=found.turn, reason=reason, today=DAY)


async def test_from_planned_to_approved_results(database: Database, team: Team) -> None:
    plan = await the_plan(database, team)
    manager, lead = team[team.manager], team[team.lead]
    await run(database, team, manager, service.submit, plan.id, reason="请审批")
    await decide(database, team, lead, Act.REJECT, "缺少重点客户")
    rejected = await the_plan(database, team)
    assert (rejected.state, rejected.decided_by, rejected.reason) == ("rejected", team.lead.id, "缺少重点客户")
    with pytest.raises(PlanNeedsEditing):
        await run(database, team, manager, service.submit, plan.id)
    await run(
        database, team, manager, add_action, plan.id, client_id=team.clients[0], day=date(2026, 11, 20), title="回访"
    )
    assert (await the_plan(database, team)).state == "edited"
    await run(database, team, manager, service.submit, plan.id)
    await decide(database, team, lead, Act.APPROVE)
    await run(database, team, manager, service.start, plan.id)
    await run(database, team, manager, service.submit_results, plan.id)
    await decide(database, team, lead, Act.REJECT, "请补充结果")
    async with database.read(team.tenant, TESTS) as session:
        action = (await actions_of(session, NOVEMBER))[0]
    await run(database, team, manager, record_result, action.id, done=False, result="客户外出")
    assert (await the_plan(database, team)).state == "corrected"
    await run(database, team, manager, service.submit_results, plan.id)
    await decide(database, team, lead, Act.APPROVE)
    assert (await the_plan(database, team)).state == "results_approved"
    async with database.read(team.tenant, TESTS) as session:
        steps = await session.scalars(
            select(PlanTransition).where(session.within(PlanTransition)).order_by(PlanTransition.id)
        )
    assert [(step.what, step.after, step.by) for step in steps] == [
        ("submit", "submitted", team.manager.id),
        ("reject", "rejected", team.lead.id),
        ("change_actions", "edited", team.manager.id),
        ("submit", "submitted", team.manager.id),
        ("approve", "approved", team.lead.id),
        ("start", "in_execution", team.manager.id),
        ("submit_results", "results_submitted", team.manager.id),
        ("reject_results", "results_rejected", team.lead.id),
        ("record_result", "corrected", team.manager.id),
        ("submit_results", "results_submitted", team.manager.id),
        ("approve_results", "results_approved", team.lead.id),
    ]
    with pytest.raises(OverrideNotNeeded):
        await run(database, team, lead, service.let_through, plan.id, reason="月底")


async def test_two_supervisors_at_once_give_one_result(database: Database, team: Team) -> None:
    plan = await the_plan(database, team)
    await run(database, team, team[team.manager], service.submit, plan.id)
    async with database.read(team.tenant, TESTS) as session:
        asked = await approvals.of_subject(session, "visit_plan", plan.id)
    assert asked is not None

    async def agree(session: Any) -> None:
        await approvals.decide(session, asked.id, act=Act.APPROVE, turn=asked.turn, today=DAY)

    async def reject(session: Any) -> None:
        session.actor = team[team.other_lead]
        await approvals.decide(session, asked.id, act=Act.REJECT, turn=asked.turn, reason="不同意", today=DAY)

    refused = await meanwhile(database, team.tenant, team[team.lead], agree, reject)
    assert isinstance(refused, StewardError)
    assert (await the_plan(database, team)).state == "approved"


async def test_a_submission_is_taken_back_to_where_it_came_from(database: Database, team: Team) -> None:
    plan, manager = await the_plan(database, team), team[team.manager]
    await run(database, team, manager, service.submit, plan.id)
    with pytest.raises(PlanNotEditable):
        await run(database, team, manager, add_action, plan.id, client_id=team.clients[0], day=DAY, title="回访")
    with pytest.raises(PlanNotFound):
        await run(database, team, team[team.stranger], service.withdraw, plan.id)
    with pytest.raises(PlanNotYours):
        await run(database, team, team[team.lead], service.withdraw, plan.id)
    back = await run(database, team, manager, service.withdraw, plan.id)
    assert (back.state, back.submitted_by) == ("planned", None)
    with pytest.raises(PlanStateForbids):
        await run(database, team, manager, service.withdraw, plan.id)


async def test_who_may_do_what(database: Database, team: Team) -> None:
    plan = await the_plan(database, team)
    for actor, error in ((team[team.stranger], PlanNotFound), (team[team.lead], PlanNotYours)):
        with pytest.raises(error):
            await run(database, team, actor, service.submit, plan.id)
    with pytest.raises(PlanChanged):
        await run(database, team, team[team.manager], service.submit, plan.id, expected_version=99)
    with pytest.raises(InvalidInput):
        await run(database, team, team[team.lead], service.let_through, plan.id, reason=" ")
    let = await run(database, team, team[team.lead], service.let_through, plan.id, reason="客户经理病假")
    assert let.let_through == "planned"
    await run(database, team, team[team.manager], service.submit, plan.id)
    assert (await the_plan(database, team)).let_through is None


async def test_an_approved_plan_takes_temporary_tasks_only(database: Database, team: Team) -> None:
    plan, manager = await the_plan(database, team), team[team.manager]
    await run(database, team, manager, service.submit, plan.id)
    await decide(database, team, team[team.lead], Act.APPROVE)
    async with database.read(team.tenant, TESTS) as session:
        action = (await actions_of(session, NOVEMBER))[0]
    with pytest.raises(PlanNotEditable):
        await run(database, team, manager, move_action, action.id, day=date(2026, 11, 9))
    with pytest.raises(PlanNotEditable):
        await run(database, team, manager, drop_action, action.id, reason="不去了")
    for actor in (manager, team[team.lead]):
        made = await run(
            database, team, actor, add_action, plan.id, client_id=team.clients[1], day=DAY, title="投诉处理"
        )
        assert (made.temporary, made.planned_on, made.status) == (True, DAY, "open")
    async with database.write(team.tenant, TESTS) as session:
        other = fresh_client(session, team.stranger.id)
        await session.flush()
        other_id = other.id
    with pytest.raises(ClientNotPlanned):
        await run(database, team, manager, add_action, plan.id, client_id=other_id, day=DAY, title="回访")
    with pytest.raises(InvalidInput):
        await run(
            database, team, manager, add_action, plan.id, client_id=team.clients[1], day=date(2026, 12, 1), title="回访"
        )


async def test_plans_start_when_their_month_has_begun(database: Database, team: Team) -> None:
    plan, manager = await the_plan(database, team), team[team.manager]
    await run(database, team, manager, service.submit, plan.id)
    await decide(database, team, team[team.lead], Act.APPROVE)
    async with database.write(team.tenant, manager) as session:
        with pytest.raises(PlanMonthAhead):
            await service.start(session, plan.id, today=date(2026, 10, 31))
        assert await start_due(session, NOVEMBER.start, today=date(2026, 10, 31)) == 0
    async with database.write(team.tenant, TESTS) as session:
        assert await start_due(session, NOVEMBER.start, today=DAY) == 1
        assert await start_due(session, NOVEMBER.start, today=DAY) == 0
    assert (await the_plan(database, team)).state == "in_execution"


async def test_visits_tick_actions(database: Database, team: Team) -> None:
    plan, manager = await the_plan(database, team), team[team.manager]
    client = team.clients[0]
    made = await run(database, team, manager, add_action, plan.id, client_id=client, day=DAY, title="带资料")
    async with database.write(team.tenant, TESTS) as session:
        task = await session.get(PlanAction, made.id)
        assert task is not None
        found = [one for one in await actions_of(session, NOVEMBER) if one.id != task.id]
        found.sort(key=lambda one: one.client_id != client)
        cadence, second = found[:2]
        cadence.visits = [DAY, date(2026, 11, 17)]
        cadence.days = [DAY, date(2026, 11, 17)]
        visit = done_visit(session, cadence.client_id, team.manager.id, DAY, action_id=task.id)
        await session.flush()
        await tick_visit(session, visit)
        for one in (task, cadence, second):
            await session.refresh(one)
        assert (task.status, task.done_on) == (ActionStatus.DONE, DAY)
        assert (cadence.status, cadence.visited, cadence.planned_on) == ("open", 1, date(2026, 11, 17))
        assert (second.status, second.visited) == ("open", 0)
        await tick_visit(session, done_visit(session, cadence.client_id, team.manager.id, date(2026, 11, 17)))
        await session.refresh(cadence)
        assert (cadence.status, cadence.visited, cadence.done_on) == ("done", 2, date(2026, 11, 17))


async def test_a_closed_month_stays_as_it_is(database: Database, team: Team) -> None:
    async with database.write(team.tenant, TESTS) as session:
        plan = await plan_of(session, team.manager.id, NOVEMBER)
        assert plan is not None
        plan.closed_at = datetime.now(UTC)
        (action, *_) = await actions_of(session, NOVEMBER)
        await session.flush()
        await tick_visit(session, done_visit(session, action.client_id, team.manager.id, DAY))
        await session.refresh(action)
        assert action.visited == 0
    with pytest.raises(PlanClosed):
        await run(database, team, team[team.manager], service.submit, plan.id)
