"""Plans and their actions as kinds of rows: who sees them."""

from __future__ import annotations

from steward_core.permissions import PLANS_VIEW
from steward_core.plans.models import PlanAction, PlanTransition, VisitPlan
from steward_tenants.access.row_kinds import RowKind, row_kinds
from steward_tenants.texts import Bilingual

PLAN = row_kinds.declare(
    RowKind(
        "visit_plan",
        Bilingual("服务计划", "service plan"),
        VisitPlan,
        PLANS_VIEW,
        owner=VisitPlan.owner_id,
        unit=VisitPlan.unit_id,
    )
)
ACTION = row_kinds.declare(
    RowKind(
        "plan_action",
        Bilingual("计划事项", "action of a plan"),
        PlanAction,
        PLANS_VIEW,
        parent=PLAN,
        parent_id=PlanAction.plan_id,
    )
)
TRANSITION = row_kinds.declare(
    RowKind(
        "plan_transition",
        Bilingual("计划流转记录", "step of a plan"),
        PlanTransition,
        PLANS_VIEW,
        parent=PLAN,
        parent_id=PlanTransition.plan_id,
    )
)
