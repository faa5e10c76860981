"""The periods of the grading: quarters, or half-years where the tenant says so."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

from steward_core.industry.declarations import Period
from steward_tobacco.settings import TobaccoSettings

MONTHS = {"quarter": 3, "half_year": 6}


def period_of(settings: TobaccoSettings, day: date) -> Period:
    """The period that a day lies in: `2026Q4`, or `2026H2`."""
    months = MONTHS[settings.grading_period]
    place = (day.month - 1) // months
    start = date(day.year, place * months + 1, 1)
    last = place == 12 // months - 1
    end = date(day.year + 1, 1, 1) if last else date(day.year, (place + 1) * months + 1, 1)
    letter = "Q" if settings.grading_period == "quarter" else "H"
    return Period(f"{day.year}{letter}{place + 1}", start, end)


def period_before(period: Period) -> Period:
    """The period of the same length that ends where this one begins, whatever the settings say by now."""
    length: Literal["quarter", "half_year"] = "quarter" if months_in(period) == MONTHS["quarter"] else "half_year"
    return period_of(TobaccoSettings(grading_period=length), period.start - timedelta(days=1))


def months_in(period: Period) -> int:
    """How many months a period has."""
    return (period.end.year - period.start.year) * 12 + period.end.month - period.start.month
