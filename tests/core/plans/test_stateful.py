"""No sequence of what people do to a plan reaches a state that the rules forbid: the service against the rules' model."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from steward_core.approvals import service as approvals
from steward_core.approvals.trail import Act
from steward_core.plans import service
from steward_core.plans.actions import add_action, drop_action, record_result
from steward_core.plans.errors import PlanNotFound
from steward_core.plans.generation import generate
from steward_core.plans.models import PlanAction, PlanTransition, VisitPlan
from steward_core.plans.moving import pure
from steward_core.visits.plan_states import Doer, Plan, PlanCommand, PlanEdit, PlanState, change, move
from steward_tenants.database.database import Database
from steward_tenants.errors import StewardError
from tests.cluster import Addresses
from tests.core.plans.worlds import NOVEMBER, Team, make_team, plan_of
from tests.factories import TESTS

DAY = date(2026, 11, 3)
C, E = PlanCommand, PlanEdit
DECIDE: dict[PlanCommand | PlanEdit, Act] = {
    C.APPROVE: Act.APPROVE,
    C.REJECT: Act.REJECT,
    C.APPROVE_RESULTS: Act.APPROVE,
    C.REJECT_RESULTS: Act.REJECT,
}
LIKELY = [  # most steps are such that lead somewhere
    *((what, "manager") for what in (C.SUBMIT, C.START, C.SUBMIT_RESULTS, E.CHANGE_ACTIONS, E.RECORD_RESULT)),
    *((what, "lead") for what in DECIDE),
]
ANY = st.tuples(
    st.sampled_from([*PlanCommand, *PlanEdit]), st.sampled_from(["manager", "lead", "other_lead", "stranger"])
)
STEPS = st.lists(st.sampled_from(LIKELY) | ANY, min_size=8, max_size=16)


async def _done(session: Any, plan: VisitPlan, what: PlanCommand | PlanEdit, team: Team) -> None:
    """What a person does, through the service."""
    if what in DECIDE:
        subject = "visit_plan" if what in (C.APPROVE, C.REJECT) else "visit_plan_results"
        asked = await approvals.of_subject(session, subject, plan.id)
        if asked is None:
            raise PlanNotFound
        await approvals.decide(session, asked.id, act=DECIDE[what], turn=asked.turn, reason="意见", today=DAY)
        return
    actions = await session.scalars(
        select(PlanAction)
        .where(session.within(PlanAction), PlanAction.plan_id == plan.id, PlanAction.status == "open")
        .order_by(PlanAction.id)
    )
    if what is C.SUBMIT:
        await service.submit(session, plan.id, today=DAY)
    elif what is C.SUBMIT_RESULTS:
        await service.submit_results(session, plan.id, today=DAY)
    elif what in (C.WITHDRAW, C.WITHDRAW_RESULTS):
        await service.withdraw(session, plan.id, today=DAY)
    elif what is C.START:
        await service.start(session, plan.id, today=DAY)
    elif what is E.ADD_TEMPORARY:
        await add_action(session, plan.id, client_id=team.clients[0], day=DAY, title="临时", today=DAY)
    elif what is E.CHANGE_ACTIONS:
        await drop_action(session, actions[-1].id, reason="不去了", today=DAY)
    else:
        await record_result(session, actions[-1].id, done=False, result="未遇", today=DAY)


def _foreseen(plan: Plan, what: PlanCommand | PlanEdit, who: Doer) -> PlanState | None:
    """The state that the rules lead to; None: they refuse."""
    now = datetime.now(UTC)
    if what in (C.WITHDRAW, C.WITHDRAW_RESULTS):  # one command takes back either
        what = C.WITHDRAW_RESULTS if plan.state is PlanState.RESULTS_SUBMITTED else C.WITHDRAW
    if what is E.ADD_TEMPORARY and who.user_id == plan.owner_id:
        editable = plan.state in (PlanState.PLANNED, PlanState.EDITED, PlanState.REJECTED)
        what = E.CHANGE_ACTIONS if editable else what
    try:
        if isinstance(what, PlanCommand):
            return move(plan, what, who, at=now, today=DAY, reason="意见")[0].state
        return change(plan, what, who, at=now)[0].state
    except StewardError:
        return None


async def _walk(database: Database, team: Team, steps: list[tuple[PlanCommand | PlanEdit, str]]) -> None:
    async with database.write(team.tenant, TESTS) as session:
        for table in (PlanAction, PlanTransition, VisitPlan):
            await session.execute(delete(table).where(session.within(table)))
        await generate(session, NOVEMBER)
    for what, name in steps:
        async with database.read(team.tenant, TESTS) as session:
            plan = await plan_of(session, team.manager.id, NOVEMBER)
            assert plan is not None
            before = pure(plan)
        user = getattr(team, name)
        who = Doer(user.id, supervises=name in ("lead", "other_lead"))
        wanted = _foreseen(before, what, who)
        try:
            async with database.write(team.tenant, team[user]) as session:
                await _done(session, plan, what, team)
        except StewardError:
            assert wanted is None, (before.state, what, name)
        else:
            assert wanted is not None, (before.state, what, name)
        async with database.read(team.tenant, TESTS) as session:
            after = await plan_of(session, team.manager.id, NOVEMBER)
            assert after is not None
            assert after.state == (before.state if wanted is None else wanted).value


def test_no_sequence_of_commands_leads_where_the_rules_do_not(addresses: Addresses, database_name: str) -> None:
    with asyncio.Runner() as runner:
        database = Database(addresses.settings(database_name))
        team = runner.run(make_team(database, clients=20))

        @settings(max_examples=6, deadline=None)
        @given(STEPS)
        def walk(steps: list[tuple[PlanCommand | PlanEdit, str]]) -> None:
            runner.run(_walk(database, team, steps))

        try:
            walk()
        finally:
            runner.run(database.dispose())
