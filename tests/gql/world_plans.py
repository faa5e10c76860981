"""Rows of plans in the world."""

from __future__ import annotations

from datetime import date, timedelta

from steward_core.plans.models import ActionStatus, PlanAction, PlanGround, PlanTransition, VisitPlan
from steward_core.visits.plan_states import PlanState
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from tests.gql.world import Tenant
from tests.gql.world_forms import MOMENT, added

MONTHS = (date(2026, 2, 1), date(2026, 3, 1))
# owner, their unit then, state
PLANS = (
    ("am1", "east1", PlanState.PLANNED),
    ("am1", "east1", PlanState.RESULTS_APPROVED),
    ("am2", "west", PlanState.SUBMITTED),
    ("odd", "hq", PlanState.APPROVED),
    ("lead", "east", PlanState.IN_EXECUTION),
    ("team", None, PlanState.REJECTED),
)


async def fill(session: WriteSession, tenant: Tenant) -> None:
    """All rows of plans of a tenant; clients and people are there."""
    ground = PlanGround(
        id=new_id(),
        month=MONTHS[0],
        source="visits.floor",
        title_zh="每户最低频次",
        title_en="Floor for every client",
        lines_zh="按“每户最低频次”，每月一次走访",
        lines_en="“Floor for every client” holds",
        interval_zh="每月一次",
        interval_en="every month",
        first_days=7,
        digest="f" * 32,
    )
    session.add(ground)
    await session.flush()
    for place, (owner, unit, state) in enumerate(PLANS):
        plan = _plan(session, tenant, place, owner, unit, state)
        await session.flush()
        for number in range(3):
            _action(session, tenant, plan, place * 3 + number, ground)
        transition_id = new_id()
        added(
            session,
            tenant,
            PlanTransition(
                id=transition_id,
                plan_id=plan.id,
                what="submit" if place % 2 else "let_through",
                before=PlanState.PLANNED.value,
                after=state.value,
                by=tenant.people["boss"].id if place % 2 else None,
                at=MOMENT + timedelta(hours=place),
                reason=f"流转 {tenant.mark('plan_transition', transition_id)}",
            ),
        )


def _plan(
    session: WriteSession, tenant: Tenant, place: int, owner: str, unit: str | None, state: PlanState
) -> VisitPlan:
    plan_id = new_id()
    decided = place % 2 == 1
    made: VisitPlan = added(
        session,
        tenant,
        VisitPlan(
            id=plan_id,
            owner_id=tenant.people[owner].id,
            unit_id=tenant.units[unit].id if unit else None,
            month=MONTHS[place % 2],
            state=state.value,
            submitted_by=tenant.people[owner].id if decided else None,
            submitted_from=PlanState.PLANNED.value if decided else None,
            submitted_at=MOMENT + timedelta(hours=place) if decided else None,
            decided_by=tenant.people["lead"].id if decided else None,
            decided_at=MOMENT + timedelta(days=place) if decided else None,
            reason=f"意见 {tenant.mark('visit_plan', plan_id)}",
            let_through=state.value if place % 3 == 0 else None,
            generated_at=MOMENT,
            spread_at=MOMENT if place % 2 else None,
            carried_out=place,
            closed_at=MOMENT if state is PlanState.RESULTS_APPROVED else None,
        ),
    )
    return made


def _action(session: WriteSession, tenant: Tenant, plan: VisitPlan, place: int, ground: PlanGround) -> None:
    action_id = new_id()
    mark = tenant.mark("plan_action", action_id)
    temporary, asked = place % 3 == 2, place % 3 == 0
    status = list(ActionStatus)[place % 3 if place % 2 else 0]
    due = plan.month + timedelta(days=place)
    added(
        session,
        tenant,
        PlanAction(
            id=action_id,
            plan_id=plan.id,
            client_id=tenant.rows["client"][place % 9].id,
            source=f"temporary:{action_id}" if temporary else f"policy.{mark}",
            ground_id=ground.id if asked else None,
            counted_from=due - timedelta(days=30) if place % 2 else None,
            first_visit=place % 4 == 0,
            due_on=due,
            visits=[due, due + timedelta(days=7)],
            visited=place % 2,
            days=[due, None] if place % 2 else None,
            planned_on=due if place % 2 else None,
            place_on_day=place if place % 2 else None,
            carried=place % 3,
            temporary=temporary,
            status=status.value,
            title=f"临时任务 {mark}" if temporary else None,
            added_by=plan.owner_id if temporary else None,
            basis={"level": mark} if place % 2 else {},
            result=f"结果 {mark}" if status is not ActionStatus.OPEN else None,
            done_on=due if status is ActionStatus.DONE else None,
        ),
    )
