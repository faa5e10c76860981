"""Reading plans: what does not fit, a month by unit, what somebody may do with a plan now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Date, cast, func, null, select

from steward_core.clients.models import Client
from steward_core.permissions import PLANS_VIEW
from steward_core.plans.models import ActionStatus, PlanAction, VisitPlan
from steward_core.plans.moving import doer, plan_in_reach, pure
from steward_core.plans.row_kinds import PLAN
from steward_core.visits.plan_states import (
    PlanCommand,
    PlanEdit,
    PlanState,
    edit_refusal,
    offered,
)
from steward_tenants.access.queries import units_below
from steward_tenants.access.rules import require
from steward_tenants.database.session import TenantSession
from steward_tenants.people.models import User

MOST = 500


@dataclass(frozen=True)
class NotFitting:
    """An open action of which `missing` visits stand on no day of the month."""

    action_id: UUID
    plan_id: UUID
    owner_id: UUID
    owner_name: str
    client_id: UUID
    client_name: str
    source: str
    due_on: date
    carried: int
    missing: int


@dataclass(frozen=True)
class UnitMonth:
    """A month's plans of one unit. `overflow`: actions that do not fit; `carried`: actions carried over into it."""

    unit_id: UUID | None
    plans: int
    states: dict[str, int]
    actions: int
    open: int
    done: int
    dropped: int
    carried: int
    carried_out: int
    temporary: int
    overflow: int


@dataclass(frozen=True)
class Offered:
    """What somebody may do with a plan now."""

    plan_id: UUID
    state: PlanState
    commands: tuple[PlanCommand, ...]
    edits: tuple[PlanEdit, ...]
    let_through: bool


def missing_visits() -> Any:
    """How many visits of an action stand on no day; 0 while nobody has looked."""
    remaining = func.cardinality(func.array_positions(PlanAction.days, cast(null(), Date())))
    return func.coalesce(remaining, 0)


async def not_fitting(
    session: TenantSession, month: date, *, today: date, unit_id: UUID | None = None, limit: int = MOST
) -> list[NotFitting]:
    """The open actions of a month that do not fit in whole, in the actor's reach, those carried over most often first.

    Raises Forbidden.
    """
    require(session.actor, PLANS_VIEW)
    statement = (
        select(
            PlanAction.id,
            VisitPlan.id,
            VisitPlan.owner_id,
            User.name,
            Client.id,
            Client.name,
            PlanAction.source,
            PlanAction.due_on,
            PlanAction.carried,
            missing_visits(),
        )
        .select_from(PlanAction)
        .join(VisitPlan, (VisitPlan.id == PlanAction.plan_id) & session.within(VisitPlan))
        .join(User, (User.id == VisitPlan.owner_id) & session.within(User))
        .join(Client, (Client.id == PlanAction.client_id) & session.within(Client))
        .where(
            session.within(PlanAction),
            PLAN.within_reach(session, PLANS_VIEW, today),
            VisitPlan.month == month,
            PlanAction.status == ActionStatus.OPEN,
            missing_visits() > 0,
        )
        .order_by(PlanAction.carried.desc(), PlanAction.due_on, PlanAction.id)
        .limit(min(limit, MOST))
    )
    if unit_id is not None:
        statement = statement.where(VisitPlan.unit_id.in_(units_below(session, unit_id, today)))
    return [NotFitting(*row) for row in await session.rows(statement)]


async def overview(session: TenantSession, month: date, *, today: date, unit_id: UUID | None = None) -> list[UnitMonth]:
    """A month's plans by unit, in the actor's reach. Two statements. Raises Forbidden."""
    require(session.actor, PLANS_VIEW)
    seen = [session.within(VisitPlan), PLAN.within_reach(session, PLANS_VIEW, today), VisitPlan.month == month]
    if unit_id is not None:
        seen.append(VisitPlan.unit_id.in_(units_below(session, unit_id, today)))
    counts = (
        select(
            PlanAction.plan_id,
            func.count().label("actions"),
            *(
                func.count().filter(PlanAction.status == status).label(status.value)
                for status in (ActionStatus.OPEN, ActionStatus.DONE, ActionStatus.DROPPED)
            ),
            func.count().filter(PlanAction.carried > 0).label("carried"),
            func.count().filter(PlanAction.temporary).label("temporary"),
            func.count().filter(PlanAction.status == ActionStatus.OPEN, missing_visits() > 0).label("overflow"),
        )
        .where(
            session.within(PlanAction),
            PlanAction.plan_id.in_(select(VisitPlan.id).where(*seen)),
        )
        .group_by(PlanAction.plan_id)
        .subquery("counts")
    )
    named = ("actions", "open", "done", "dropped", "carried", "temporary", "overflow")
    rows = await session.rows(
        select(
            VisitPlan.unit_id,
            VisitPlan.state,
            func.count(),
            func.sum(VisitPlan.carried_out),
            *(func.coalesce(func.sum(counts.c[name]), 0) for name in named),
        )
        .outerjoin(counts, counts.c.plan_id == VisitPlan.id)
        .where(*seen)
        .group_by(VisitPlan.unit_id, VisitPlan.state)
        .order_by(VisitPlan.unit_id, VisitPlan.state)
    )
    found: dict[UUID | None, dict[str, Any]] = {}
    for unit, state, plans, carried_out, *figures in rows:
        line = found.setdefault(unit, {"plans": 0, "states": {}, "carried_out": 0, **dict.fromkeys(named, 0)})
        line["plans"] += plans
        line["states"][state] = plans
        line["carried_out"] += int(carried_out)
        for name, figure in zip(named, figures, strict=True):
            line[name] += int(figure)
    return [UnitMonth(unit_id=unit, **line) for unit, line in found.items()]


async def offers(session: TenantSession, plan_id: UUID, *, today: date) -> Offered:
    """What the actor may do with a plan now. Raises Forbidden, PlanNotFound."""
    row = await plan_in_reach(session, plan_id, today=today)
    who, plan = await doer(session, row.owner_id, today), pure(row)
    if row.closed_at is not None:
        return Offered(plan_id, plan.state, (), (), let_through=False)
    edits = tuple(edit for edit in PlanEdit if edit_refusal(plan, edit, who) is None)
    supervised = who.supervises and who.user_id not in (plan.owner_id, plan.submitted_by)
    through = supervised and plan.state is not PlanState.RESULTS_APPROVED
    return Offered(plan_id, plan.state, offered(plan, who, today=today), edits, let_through=through)
