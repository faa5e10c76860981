"""Periods and days in the selects of figures, and who owned a client on a day."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Date, and_, func, literal

from steward_core.clients.fact_rules import shifted
from steward_core.database.context import QueryContext
from steward_core.industry.declarations import Period


def day_of(day: date) -> ColumnElement[date]:
    """A day as a value of SQL."""
    return literal(day, Date())


def last_day(period: Period) -> ColumnElement[date]:
    """The last day of a period."""
    return day_of(period.end - timedelta(days=1))


def within(day: Any, period: Period) -> ColumnElement[bool]:
    """Whether a day is in a period."""
    return and_(day >= day_of(period.start), day < day_of(period.end))


def rate(owner: Any, counted: ColumnElement[Any], of: ColumnElement[Any]) -> tuple[ColumnElement[Any], ...]:
    """Owner, `counted` of `of` in percent, and the two; without a percentage where there is nothing to count."""
    return (
        owner.label("owner_id"),
        func.round(counted * Decimal(100) / func.nullif(of, 0), 2).label("value"),
        counted.label("numerator"),
        of.label("denominator"),
    )


def held_on(ctx: QueryContext, held: Any, client_id: Any, day: Any) -> ColumnElement[bool]:
    """Whether `held`, a stretch of ownership, is that of a client on a day, by somebody."""
    return and_(
        ctx.within(held),
        held.client_id == client_id,
        held.owner_id.is_not(None),
        held.valid_from <= day,
        held.valid_until > day,
    )


def months_of(period: Period) -> int:
    """How many calendar months a period has; 0 when it does not consist of whole months."""
    if period.start.day != 1 or period.end.day != 1:
        return 0
    return (period.end.year - period.start.year) * 12 + period.end.month - period.start.month


def compared_with(period: Period, against: str) -> Period:
    """The period before this one of the same length, or the same one last year."""
    months = months_of(period)
    if against == "last_year":
        months_back = 12
    elif months:
        months_back = months
    else:
        return Period("before", period.start - (period.end - period.start), period.start)
    return Period("before", _months_earlier(period.start, months_back), _months_earlier(period.end, months_back))


def _months_earlier(day: date, months: int) -> date:
    first = shifted("month", day.replace(day=1), -months)
    following = shifted("month", first, 1)
    return min(first + timedelta(days=day.day - 1), following - timedelta(days=1))
