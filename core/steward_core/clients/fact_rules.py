"""Pure decisions on client facts: periods by their grain, figures that can be kept."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from steward_tenants.people.rules import Unacceptable

GRAINS = ("day", "month", "quarter", "year")
MONTHS = {"month": 1, "quarter": 3, "year": 12}
EARLIEST, LATEST = date(1990, 1, 1), date(2200, 12, 31)
WHOLE_DIGITS, PLACES = 18, 6
"""Digits before and behind the point that a figure may have."""
MONEY = "fen"
BOOKED_WITHIN = timedelta(days=366)
"""How far outside of its period a fact may be booked."""


def first_day(grain: str, day: date) -> date:
    """The first day of the period in which a day lies."""
    if grain == "day":
        return day
    months = MONTHS[grain]
    return date(day.year, (day.month - 1) // months * months + 1, 1)


def shifted(grain: str, first: date, periods: int) -> date:
    """The first day of the period so many periods later (earlier, where negative)."""
    if grain == "day":
        return first + timedelta(days=periods)
    months = first.year * 12 + first.month - 1 + periods * MONTHS[grain]
    return date(months // 12, months % 12 + 1, 1)


def last_day(grain: str, first: date) -> date:
    """The last day of the period that begins on `first`."""
    return shifted(grain, first, 1) - timedelta(days=1)


def period_name(grain: str, first: date) -> str:
    """`2026-11-03`, `2026-11`, `2026Q4` or `2026`."""
    names = {
        "day": first.isoformat(),
        "month": f"{first.year:04}-{first.month:02}",
        "quarter": f"{first.year:04}Q{(first.month + 2) // 3}",
        "year": f"{first.year:04}",
    }
    return names[grain]


_MONTH = re.compile(r"(\d{4})(?:[-/.年]\s?(\d{1,2})月?|(\d{2}))", re.ASCII)
_QUARTER = re.compile(r"(\d{4})[-/年]?(?:[Qq]|第)([1-4一二三四])(?:季度)?", re.ASCII)
_YEAR = re.compile(r"(\d{4})年?", re.ASCII)
_NUMBERS = {"一": 1, "二": 2, "三": 3, "四": 4}


def clean_period(grain: str, value: Any) -> date:
    """The first day of a period given by its name (`2026-11`, `202611`, `2026年11月`; `2026Q4`; `2026`) or by that
    day. Raises Unacceptable."""
    first = _named(grain, value) if isinstance(value, str) else value
    if isinstance(first, datetime) or not isinstance(first, date):
        example = period_name(grain, date(2026, 10, 1))
        raise Unacceptable("period", f"应为期间，例如 {example}。", f"Give a period such as {example}.")
    if first != first_day(grain, first):
        raise Unacceptable(
            "period_start",
            f"应为期间的第一天（{first_day(grain, first)}）。",
            f"Give the first day of the period ({first_day(grain, first)}).",
        )
    if not EARLIEST <= first <= LATEST:
        raise Unacceptable("range", "期间超出范围。", "The period is out of range.")
    return first


def _named(grain: str, text: str) -> date | None:
    text = text.strip()
    with suppress(ValueError):
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            return date.fromisoformat(text)
        if grain == "month" and (found := _MONTH.fullmatch(text)):
            return date(int(found[1]), int(found[2] or found[3]), 1)
        if grain == "quarter" and (found := _QUARTER.fullmatch(text)):
            return date(int(found[1]), 3 * (_NUMBERS.get(found[2]) or int(found[2])) - 2, 1)
        if grain == "year" and (found := _YEAR.fullmatch(text)):
            return date(int(found[1]), 1, 1)
    return None


def check_not_too_late(grain: str, first: date, today: date) -> None:
    """Refuse periods beyond the one after today's. Raises Unacceptable."""
    latest = shifted(grain, first_day(grain, today), 1)
    if first > latest:
        name = period_name(grain, latest)
        raise Unacceptable("future", f"期间不能晚于 {name}。", f"The period cannot be later than {name}.")


def clean_figure(measure: str, value: Any) -> Decimal:
    """A fact's value: finite, at most 18 digits before and 6 behind the point; whole where it is money in fen.

    Raises Unacceptable.
    """
    refused = Unacceptable("number", "应为数字。", "Give a number.")
    if isinstance(value, bool) or not isinstance(value, Decimal | int | float | str):
        raise refused
    if isinstance(value, str) and not re.fullmatch(r"[+-]?\d{1,40}(?:\.\d{1,40})?", value.strip(), re.ASCII):
        raise refused
    if isinstance(value, int) and abs(value) >= 10**WHOLE_DIGITS:
        raise _too_large()
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        raise refused from None
    if not number.is_finite():
        raise Unacceptable("finite", "应为有限的数字。", "Give a finite number.")
    if number.adjusted() >= WHOLE_DIGITS and number:
        raise _too_large()
    places = 0 if measure == MONEY else PLACES
    exponent = number.normalize().as_tuple().exponent
    if number and isinstance(exponent, int) and exponent < -places:
        if measure == MONEY:
            raise Unacceptable("fen", "金额以分为单位，应为整数。", "Money is given in whole fen.")
        raise Unacceptable("places", f"小数最多 {PLACES} 位。", f"Use at most {PLACES} decimal places.")
    return number.quantize(Decimal(1).scaleb(-PLACES)) if number else Decimal(0)


def _too_large() -> Unacceptable:
    return Unacceptable("range", f"整数部分最多 {WHOLE_DIGITS} 位。", f"Use at most {WHOLE_DIGITS} digits.")


def clean_booking(grain: str, first: date, value: Any) -> date:
    """The booking date: by default the period's last day. Raises Unacceptable."""
    if value is None or value == "":
        return last_day(grain, first)
    if isinstance(value, str):
        with suppress(ValueError):
            value = date.fromisoformat(value.strip())
    if isinstance(value, datetime) or not isinstance(value, date):
        raise Unacceptable("date", "应为日期，例如 2026-11-03。", "Give a date such as 2026-11-03.")
    if not first - BOOKED_WITHIN <= value <= last_day(grain, first) + BOOKED_WITHIN:
        raise Unacceptable("range", "入账日期与期间相差超过一年。", "The booking date is over a year off the period.")
    return value
