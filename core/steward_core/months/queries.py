"""What stands in the way of closing a month, set-based."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from steward_core.industry.declarations import Period
from steward_core.plans.models import VisitPlan
from steward_core.runs.models import Run
from steward_core.visits.plan_states import Closing, PlanState
from steward_tenants.database.session import TenantSession
from steward_tenants.texts import Bilingual


def done_with(plan: Any = VisitPlan) -> ColumnElement[bool]:
    """The condition that a plan no longer blocks its month: its results are approved, or a supervisor let it through
    in the state in which it still is."""
    return or_(
        plan.state == PlanState.RESULTS_APPROVED.value,
        and_(plan.let_through.is_not(None), plan.let_through == plan.state),
    )


async def standing_of(session: TenantSession, period: Period) -> Closing:
    """Whether a month can be closed, as `plan_states.closing` decides it plan by plan; one statement over all plans."""
    approved = VisitPlan.state == PlanState.RESULTS_APPROVED.value
    rows = await session.rows(
        select(
            case((approved, "approved"), (done_with(), "overridden"), else_="blocking").label("what"),
            func.count().label("plans"),
            func.array_agg(VisitPlan.id).label("ids"),
        )
        .where(session.within(VisitPlan), VisitPlan.month == period.start)
        .group_by("what")
    )
    ids: dict[str, tuple[UUID, ...]] = {row.what: tuple(row.ids) for row in rows}
    yes, through, blocking = (ids.get(name, ()) for name in ("approved", "overridden", "blocking"))
    total = len(yes) + len(through) + len(blocking)
    line = Bilingual(
        f"共 {total} 份计划：结果已批准 {len(yes)}，主管放行 {len(through)}，阻止月结 {len(blocking)}",
        f"{total} plan(s): {len(yes)} approved, {len(through)} let through, {len(blocking)} blocking",
    )
    return Closing(yes, through, blocking, (line,))


def runs_of(kind: str, period: Period) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The conditions on a month's runs of a kind."""
    return Run.kind == kind, Run.period == period.name


async def latest_run(session: TenantSession, kind: str, period: Period) -> UUID | None:
    """A month's newest run of a kind."""
    newest = select(Run.id).where(session.within(Run), *runs_of(kind, period))
    found: UUID | None = await session.scalar(newest.order_by(Run.requested_at.desc(), Run.id.desc()).limit(1))
    return found


def month_before(day: date) -> date:
    """A day of the month before."""
    return date.fromordinal(day.replace(day=1).toordinal() - 1)
