"""What plans hold on the tenant's own people."""

from __future__ import annotations

from sqlalchemy import and_, or_, select

from steward_core.plans.models import PlanTransition, VisitPlan
from steward_tenants.database.session import TenantSession
from steward_tenants.people.models import User
from steward_tenants.privacy.subjects import Records, personal_data_source


async def _plans(session: TenantSession, user: User) -> Records:
    """Their own plans, with each step of them, and the steps that they took on others'."""
    rows = await session.rows(
        select(
            VisitPlan.month,
            VisitPlan.state,
            VisitPlan.submitted_at,
            VisitPlan.reason.label("decision"),
            PlanTransition.what,
            PlanTransition.at,
            PlanTransition.reason,
        )
        .outerjoin(PlanTransition, and_(session.within(PlanTransition), PlanTransition.plan_id == VisitPlan.id))
        .where(session.within(VisitPlan), or_(VisitPlan.owner_id == user.id, PlanTransition.by == user.id))
        .order_by(VisitPlan.month, PlanTransition.at, PlanTransition.id)
    )
    return [dict(row._mapping) for row in rows]


personal_data_source("plans", "服务计划与审批", "Service plans and their approval", _plans)
