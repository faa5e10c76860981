"""How long churn warnings wait for somebody to deal with them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Numeric, Select, Subquery, and_, case, cast, func, literal, or_, select, true

from steward_core.database.context import QueryContext
from steward_core.industry.declarations import Indicator, Period
from steward_core.performance.evidence import evidence_row
from steward_core.plans.models import ActionStatus, PlanAction, VisitPlan
from steward_telecom.keys import PLUGIN
from steward_tenants.texts import Bilingual

CHURN_WARNINGS = tuple(f"{PLUGIN}.{key}" for key in ("bill_fell", "minutes_fell", "traffic_fell", "members_left"))
"""The triggers that warn of churn 流失预警: use or bill falls, members leave."""


def _warnings(ctx: QueryContext, period: Period) -> Subquery:
    """The warnings dealt with in the period, and those open at its end: owner_id, id, client_id, warned_on, days,
    dealt_with."""
    last = min(ctx.today, period.end - timedelta(days=1))
    warned_on = cast(func.timezone("UTC", PlanAction.created_at), Date)
    dealt_with = and_(
        PlanAction.status == ActionStatus.DONE.value,
        PlanAction.done_on < literal(period.end, Date()),
    )
    until = case((dealt_with, PlanAction.done_on), else_=literal(last, Date()))
    return (
        select(
            VisitPlan.owner_id,
            PlanAction.id,
            PlanAction.client_id,
            warned_on.label("warned_on"),
            func.greatest(until - warned_on, 0).label("days"),
            func.coalesce(dealt_with, literal(False)).label("dealt_with"),
        )
        .join_from(PlanAction, VisitPlan, and_(ctx.within(VisitPlan), VisitPlan.id == PlanAction.plan_id))
        .where(
            ctx.within(PlanAction),
            PlanAction.source.in_(CHURN_WARNINGS),
            PlanAction.status != ActionStatus.DROPPED.value,
            warned_on < literal(period.end, Date()),
            or_(PlanAction.done_on.is_(None), PlanAction.done_on >= literal(period.start, Date())),
        )
        .subquery("warnings")
    )


def churn_handling_days(ctx: QueryContext, period: Period) -> Select[Any]:
    """The mean of the days from the churn warning in a manager's plan to the day on which it was dealt with, over those
    dealt with in the period. Those that were open at its end count with their days until then, so that none is better
    off for leaving one; dropped ones do not count."""
    rows = _warnings(ctx, period)
    days, number = func.sum(rows.c.days), func.count()
    return select(
        rows.c.owner_id,
        func.round(cast(days, Numeric()) / number, 2).label("value"),
        days.label("numerator"),
        number.label("denominator"),
    ).group_by(rows.c.owner_id)


def _handled(ctx: QueryContext, period: Period, owner_id: UUID) -> Select[Any]:
    """The actions that the warnings asked for, and their days."""
    rows = _warnings(ctx, period)
    columns = evidence_row(
        "action", rows.c.id, rows.c.client_id, rows.c.warned_on, true(), days=rows.c.days, dealt_with=rows.c.dealt_with
    )
    return select(*columns).where(rows.c.owner_id == owner_id)


CHURN_INDICATORS = (
    Indicator(
        "churn_handling_days",
        Bilingual("流失预警处理时长", "Handling time of churn warnings"),
        "days",
        churn_handling_days,
        better="lower",
        evidence=_handled,
    ),
)
