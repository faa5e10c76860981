"""Months as their first days."""

from __future__ import annotations

from datetime import date

from steward_core.clients.fact_rules import period_name, shifted
from steward_tenants.errors import invalid


def first_of(field: str, month: date) -> date:
    """The month itself. Raises InvalidInput for a day that is not the first."""
    if month.day != 1:
        raise invalid(field, "month", "月份应写作当月 1 日。", "A month is written as its first day.")
    return month


def later_month(month: date, months: int = 1) -> date:
    """The first day so many months later (earlier, below zero)."""
    return shifted("month", month, months)


def month_name(month: date) -> str:
    """`2026-11`."""
    return period_name("month", month)
