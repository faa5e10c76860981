"""Taking a plan's row through the rules of `visits.plan_states`: locked, with its version checked and its step kept."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from steward_core.approvals.people import supervises
from steward_core.permissions import PLANS_VIEW
from steward_core.plans.errors import ActionNotFound, PlanChanged, PlanClosed, PlanNotFound
from steward_core.plans.models import PlanAction, PlanTransition, VisitPlan
from steward_core.plans.row_kinds import PLAN
from steward_core.visits.actions import month_of
from steward_core.visits.plan_states import Doer, Plan, PlanCommand, PlanEdit, PlanState, PlanStep, change, move
from steward_tenants.access.permissions import Permission
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.database.actor import ActorKind
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession

OVERRIDE = "let_through"
"""What a step is called by which a supervisor lets the month close."""


_STATES = {one.value: one for one in PlanState}


def state_of(row: VisitPlan) -> PlanState:
    """The state that the row stands in."""
    return _STATES[row.state]


def pure(row: VisitPlan) -> Plan:
    """The plan as the rules know it."""
    return Plan(
        row.id,
        row.owner_id,
        month_of(row.month),
        state_of(row),
        row.submitted_by,
        None if row.submitted_from is None else _STATES[row.submitted_from],
    )


async def doer(session: TenantSession, owner_id: UUID, today: date) -> Doer:
    """Who acts, and whether they supervise the plan's owner at this moment."""
    if session.actor.kind is not ActorKind.USER:
        return Doer(None)
    own = session.actor.id == owner_id
    return Doer(session.actor.id, not own and await supervises(session, session.actor.id, owner_id, today))


async def plan_in_reach(
    session: TenantSession, plan_id: UUID, *, today: date, permission: Permission = PLANS_VIEW, lock: bool = False
) -> VisitPlan:
    """The plan, if the actor's scope reaches it; `lock` takes it FOR UPDATE. Raises Forbidden, PlanNotFound."""
    require(session.actor, permission)
    reach = PLAN.within_reach(session, PLANS_VIEW, today)
    row = await session.find(VisitPlan, VisitPlan.id == plan_id, reach, lock=lock)
    if row is None:
        raise PlanNotFound
    return row


async def plan_to_change(
    session: WriteSession, plan_id: UUID, *, today: date, permission: Permission, expected_version: int | None = None
) -> VisitPlan:
    """The plan, locked, for a command that changes it. Raises Forbidden, PlanNotFound, PlanChanged, PlanClosed."""
    row = await plan_in_reach(session, plan_id, today=today, permission=permission, lock=True)
    if expected_version is not None and expected_version != row.version:
        raise PlanChanged
    require_unsealed(row)
    return row


def require_unsealed(row: VisitPlan) -> None:
    """Raises PlanClosed for a plan of a closed month."""
    if row.closed_at is not None:
        raise PlanClosed(month=f"{row.month:%Y-%m}")


async def action_to_change(
    session: WriteSession, action_id: UUID, *, today: date, permission: Permission, expected_version: int | None = None
) -> tuple[VisitPlan, PlanAction]:
    """An action with its plan, both locked, the plan first. Raises Forbidden, ActionNotFound, PlanNotFound,
    PlanChanged, PlanClosed."""
    plan_id = await session.scalar(
        select(PlanAction.plan_id).where(session.within(PlanAction), PlanAction.id == action_id)
    )
    if plan_id is None:
        raise ActionNotFound
    try:
        plan = await plan_to_change(session, plan_id, today=today, permission=permission)
    except PlanNotFound:
        raise ActionNotFound from None
    action = await session.get(PlanAction, action_id, lock=True)
    if action is None or action.plan_id != plan.id:
        raise ActionNotFound
    if expected_version is not None and expected_version != action.version:
        raise PlanChanged
    return plan, action


async def moved(
    session: WriteSession,
    row: VisitPlan,
    command: PlanCommand,
    who: Doer,
    *,
    today: date,
    reason: str | None = None,
) -> PlanStep:
    """Take a locked plan to its next state. Raises what `plan_states.move` raises."""
    after, step = move(pure(row), command, who, at=clock_now(), today=today, reason=reason)
    _write(row, after)
    if command in (PlanCommand.SUBMIT, PlanCommand.SUBMIT_RESULTS):
        row.submitted_at, row.decided_by, row.decided_at, row.reason = step.at, None, None, None
    await keep(session, row, step)
    return step


async def changed(session: WriteSession, row: VisitPlan, edit: PlanEdit, who: Doer) -> None:
    """A change of what a locked plan holds, which takes it to another state where the rules say so. Raises what
    `plan_states.change` raises."""
    after, step = change(pure(row), edit, who, at=clock_now())
    if step is not None:
        _write(row, after)
        await keep(session, row, step)


def _write(row: VisitPlan, after: Plan) -> None:
    if row.state != after.state:
        row.let_through = None  # it counts for the state in which it was given
    row.state, row.submitted_by = after.state.value, after.submitted_by
    row.submitted_from = None if after.submitted_from is None else after.submitted_from.value


async def keep(session: WriteSession, row: VisitPlan, step: PlanStep) -> None:
    """Write a step down, for people and for the audit."""
    what = OVERRIDE if step.what is None else step.what.value
    session.add(
        PlanTransition(
            id=new_id(),
            plan_id=row.id,
            what=what,
            before=step.before.value,
            after=step.after.value,
            by=step.by,
            reason=step.reason,
        )
    )
    before: dict[str, Any] = {"state": step.before.value}
    await record(
        session,
        f"plans.{what}",
        Subject("visit_plan", row.id),
        before=before,
        after={"state": step.after.value},
        reason=step.reason,
    )
