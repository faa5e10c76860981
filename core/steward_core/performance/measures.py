"""The parts of the core's indicators that their evidence shares: what counts, from when until when."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Date, DateTime, Text, and_, case, func, literal, not_, or_, select
from sqlalchemy import cast as sql_cast

from steward_core.clients.fact_queries import Wanted, latest_revisions
from steward_core.clients.freshness import is_due
from steward_core.database.context import QueryContext
from steward_core.industry.declarations import Period
from steward_core.plans.models import ActionStatus
from steward_core.promises.models import ClockState
from steward_core.visits.models import VisitStatus


def visited(ctx: QueryContext, period: Period, visit: Any) -> ColumnElement[bool]:
    """The condition that a visit was done in a period."""
    return and_(
        ctx.within(visit),
        visit.status == VisitStatus.DONE.value,
        visit.day >= literal(period.start, Date()),
        visit.day < literal(period.end, Date()),
    )


def last_day(ctx: QueryContext, period: Period) -> date:
    """The last day of a period that has come."""
    return min(ctx.today, period.end - timedelta(days=1))


def elapsed_working_days(ctx: QueryContext, period: Period) -> int:
    """The working days of a period so far: a month under way is not measured by days to come."""
    last = last_day(ctx, period)
    return len(ctx.settings.days.working_between(period.start, last)) if last >= period.start else 0


def asked(action: Any) -> ColumnElement[Any]:
    """How many visits an action asks for."""
    return func.cardinality(action.visits)


def carried_out(action: Any) -> ColumnElement[Any]:
    """How many of them are done."""
    return case(
        (action.status == ActionStatus.DONE.value, asked(action)), else_=func.least(action.visited, asked(action))
    )


def ended_in(ctx: QueryContext, period: Period, clock: Any) -> ColumnElement[bool]:
    """The condition that a promise counts in a period: kept in it, or broken in it, whether or not it was still met
    later. So each counts once, and one that is never met does not go unseen."""
    start, end = (
        func.timezone(literal(ctx.session.time_zone, Text()), sql_cast(literal(day, Date()), DateTime(timezone=False)))
        for day in (period.start, period.end)
    )
    due = and_(clock.due_at >= start, clock.due_at < end)
    return or_(
        and_(clock.ended_at >= start, clock.ended_at < end, clock.state == ClockState.KEPT.value),
        and_(clock.ended_at >= start, clock.state == ClockState.LATE.value, due),
        and_(clock.ended_at.is_(None), clock.state == ClockState.BREACHED.value, due),
    )


def fresh_on(ctx: QueryContext, day: date) -> ColumnElement[bool]:
    """The condition that neither profile of a client was due on a day, by when they were confirmed last."""
    rules = ctx.settings.freshness
    return not_(or_(is_due("basic", rules, day), is_due("personal", rules, day)))


def held_on(ctx: QueryContext, held: Any, day: Any) -> ColumnElement[bool]:
    """The condition that a stay of a client with an owner covers a day."""
    return and_(ctx.within(held), held.owner_id.is_not(None), held.valid_from <= day, held.valid_until > day)


def revenue_facts(ctx: QueryContext, period: Period) -> Any:
    """The revenue facts in force of a period: client_id, booked_on, value."""
    metrics: tuple[str, ...] = ctx.settings.revenue_metrics
    latest = latest_revisions(ctx, Wanted(metrics, period.start, period.end))
    # A constant FALSE would swallow the tenant's condition next to it; a bound one leaves it standing.
    known = latest.c.withdrawn.is_(False) if metrics else literal(False)
    return select(latest.c.client_id, latest.c.booked_on, latest.c.value).where(known).subquery("facts")
