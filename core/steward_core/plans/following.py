"""Open actions follow a client to its new owner.

They go into the new owner's plan of the latest month whose plans were made (of the action's own month where that is
later), which is made when it is missing, whatever state it is in: a hand-over is a decision that stands above a plan.
They count as carried over as often as before, and stand on no day until the plan is spread; a plan of an earlier month
counts those that leave it. Those of a client in the public pool stay where they are until somebody takes it, those in a
plan of a closed month until a later month's plan is there.

Those of a client that is merged into another go to the client that is kept, unless that has the same one open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, and_, func, literal, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from steward_core.clients.followers import follow_owner
from steward_core.clients.merge_moves import belongs_to_client
from steward_core.clients.models import Client, ClientStatus
from steward_core.clients.ownership import these
from steward_core.plans.models import ActionStatus, PlanAction, VisitPlan
from steward_tenants.database.references import Reference
from steward_tenants.database.session import WriteSession
from steward_tenants.people.models import User

TWICE = "合并后保留的客户已有此事项 / The client that was kept has the same action"


async def follow(session: WriteSession, client_ids: Sequence[UUID]) -> None:
    """Let the open actions of these clients follow: four statements."""
    if not client_ids:
        return
    same: Any = Reference(PlanAction)
    await session.execute(
        update(PlanAction)
        .where(
            session.within(PlanAction),
            PlanAction.client_id == these(client_ids),
            PlanAction.status == ActionStatus.OPEN,
            PlanAction.client_id == Client.id,
            session.within(Client),
            Client.status == ClientStatus.MERGED,
            session.within(same),
            same.client_id == Client.merged_into_id,
            same.source == PlanAction.source,
            same.status == ActionStatus.OPEN,
        )
        .values(status=ActionStatus.DROPPED, result=TWICE, version=PlanAction.version + 1)
        .execution_options(synchronize_session=False)
    )
    moves = _moves(session, client_ids).subquery("moves")
    await session.execute(
        insert(VisitPlan)
        .from_select(
            ["tenant_id", "id", "owner_id", "unit_id", "month"],
            select(
                literal(session.tenant_id, Uuid()),
                func.uuidv7(),
                *select(moves.c.owner_id, moves.c.unit_id, moves.c.month).distinct().subquery("missing").c,
            ),
            include_defaults=False,
        )
        .on_conflict_do_nothing(index_elements=["tenant_id", "owner_id", "month"])
    )
    there: Any = Reference(VisitPlan)
    into = (
        session.within(there),
        there.owner_id == moves.c.owner_id,
        there.month == moves.c.month,
        there.closed_at.is_(None),
    )
    leaving = (
        select(moves.c.plan_id, func.count().label("number"))
        .join(there, and_(*into, there.month > moves.c.from_month))
        .group_by(moves.c.plan_id)
        .subquery("leaving")
    )
    await session.execute(
        update(VisitPlan)
        .where(session.within(VisitPlan), VisitPlan.id == leaving.c.plan_id)
        .values(carried_out=VisitPlan.carried_out + leaving.c.number, version=VisitPlan.version + 1)
        .execution_options(synchronize_session=False)
    )
    await session.execute(
        update(PlanAction)
        .where(session.within(PlanAction), PlanAction.id == moves.c.action_id, *into)
        .values(plan_id=there.id, days=null(), planned_on=None, place_on_day=None, version=PlanAction.version + 1)
        .execution_options(synchronize_session=False)
    )


def _moves(session: WriteSession, client_ids: Sequence[UUID]) -> Any:
    """The actions that move: action_id, plan_id and from_month, and the new owner's owner_id, unit_id and the month of
    the plan that they go into."""
    plan: Any = Reference(VisitPlan)
    latest: Any = Reference(VisitPlan)
    newest = (
        select(func.max(latest.month)).where(session.within(latest), latest.generated_at.is_not(None)).scalar_subquery()
    )
    later = plan.month < newest
    return (
        select(
            PlanAction.id.label("action_id"),
            plan.id.label("plan_id"),
            plan.month.label("from_month"),
            User.id.label("owner_id"),
            User.unit_id,
            func.greatest(plan.month, newest).label("month"),
        )
        .select_from(PlanAction)
        .join(plan, plan.id == PlanAction.plan_id)
        .join(Client, Client.id == PlanAction.client_id)
        .join(User, User.id == Client.owner_id)
        .where(
            session.within(PlanAction),
            session.within(plan),
            session.within(Client),
            session.within(User),
            PlanAction.client_id == these(client_ids),
            PlanAction.status == ActionStatus.OPEN,
            # Whoever takes a client back from the pool has its plan of an earlier month, which is no place to act in.
            or_(plan.owner_id != User.id, later),
            or_(plan.closed_at.is_(None), later),
        )
    )


follow_owner("plans", follow)
belongs_to_client("plan_actions", PlanAction, PlanAction.status == ActionStatus.OPEN)
