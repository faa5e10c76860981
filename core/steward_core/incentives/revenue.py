"""Revenue by person and month, in fen: the indicator `core.revenue`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select

from steward_core.database.context import QueryContext
from steward_core.incentives.months import later_month, month_name
from steward_core.industry.declarations import Period
from steward_core.performance import indicators
from steward_core.performance.models import MonthIndicator, MonthScore, ScoreStatus
from steward_core.performance.settings import core_figures
from steward_tenants.database.references import Reference
from steward_tenants.database.session import TenantSession

Revenue = Mapping[tuple[UUID, date], int]
INDICATOR = "core.revenue"


async def revenue_by_person(session: TenantSession, since: date, until: date) -> Revenue:
    """What each person's clients brought in, by month, from the month `since` until before the month `until`; without
    an entry there was none. Booked revenue belongs to who owned the client on the booking date.

    A final score's figure is the one that counts, whatever was booked since: late figures belong to a month that is
    open. Whose score is not final is paid by what is booked now. One statement for the scores, one for each month.
    """
    found: dict[tuple[UUID, date], int] = {}
    settings = await core_figures(session)
    month = since
    while month < until:
        period = Period(month_name(month), month, later_month(month))
        context = QueryContext(session, later_month(month), settings)
        for row in await session.rows(indicators.revenue(context, period)):
            if row.owner_id is not None:
                found[row.owner_id, month] = _fen(row.value)
        month = later_month(month)
    return found | await _final(session, since, until)


async def _final(session: TenantSession, since: date, until: date) -> dict[tuple[UUID, date], int]:
    score: Any = Reference(MonthScore)
    rows = await session.rows(
        select(MonthIndicator.owner_id, MonthIndicator.month, MonthIndicator.value)
        .join(score, and_(session.within(score), score.id == MonthIndicator.score_id, score.current))
        .where(
            session.within(MonthIndicator),
            MonthIndicator.month >= since,
            MonthIndicator.month < until,
            MonthIndicator.indicator == INDICATOR,
            MonthIndicator.value.is_not(None),
            score.status == ScoreStatus.FINAL.value,
        )
    )
    return {(row[0], row[1]): _fen(row[2]) for row in rows}


def _fen(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_HALF_UP))
