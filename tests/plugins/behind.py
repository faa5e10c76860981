"""What lies behind an indicator adds up to its figure: of every owner that a test measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from steward_core.database.context import QueryContext
from steward_core.industry.declarations import Period
from steward_core.industry.evaluation import IndicatorFound, IndicatorRow, indicators
from steward_core.performance.evidence import COLUMNS
from steward_core.performance.queries import EvidenceRow
from steward_tenants.database.session import TenantSession

Rows = Sequence[EvidenceRow]
Check = Callable[[IndicatorRow, Rows], bool]


def _share(row: IndicatorRow, rows: Rows) -> bool:
    return row.numerator == sum(one.counted for one in rows) and row.denominator == len(rows)


def _sums(upper: str, lower: str | None = None) -> Check:
    """The numerator (without one: the value) is a sum of one figure, the denominator one of another."""

    def check(row: IndicatorRow, rows: Rows) -> bool:
        above = row.value if row.numerator is None else row.numerator
        same = above == sum(one.figures[upper] for one in rows)
        return same and (lower is None or row.denominator == sum(one.figures[lower] for one in rows))

    return check


def _of_each(figure: str, most: int) -> Check:
    """The numerator is a sum, the denominator `most` for each row."""

    def check(row: IndicatorRow, rows: Rows) -> bool:
        total: int = sum(one.figures[figure] for one in rows)
        return row.numerator == total and row.denominator == most * len(rows)

    return check


def _money(row: IndicatorRow, rows: Rows) -> bool:
    recovered: int = sum(one.figures["fen"] for one in rows if one.counted)
    owed: int = sum(one.figures["fen"] for one in rows)
    return row.numerator == recovered and row.denominator == owed


CHECKS: dict[str, Check] = {
    "telecom.retention_rate": _share,
    "telecom.renewal_rate": _share,
    "telecom.revenue": _sums("fen"),
    "telecom.revenue_growth": _sums("change", "before"),
    "telecom.new_services": lambda row, rows: row.value == len(rows),
    "telecom.arrears_recovered": _money,
    "telecom.profile_freshness": _share,
    "telecom.competitor_reports": lambda row, rows: row.value == len(rows),
    "telecom.vpn_members_gained": _sums("gained"),
    "telecom.churn_handling_days": _of_each("days", 1),
    "tobacco.sales_against_target": _sums("order_volume", "sales_target"),
    "tobacco.value_per_carton": _sums("order_amount", "order_volume"),
    "tobacco.shelf_rate": _share,
    "tobacco.settlement_success": _sums("settlement_successes", "settlement_attempts"),
    "tobacco.order_success": _sums("orders_placed", "orders_due"),
    "tobacco.data_accuracy": _share,
    "tobacco.satisfaction": _of_each("stars", 5),
    "tobacco.cases_written": _sums("cases"),
}


async def adds_up(session: TenantSession, key: str, period: Period, today: date, found: IndicatorFound) -> None:
    """Fails where the rows behind a figure do not make it."""
    declared = (await indicators(session))[key]
    evidence: Any = declared.what.evidence
    for row in found.rows:
        statement = evidence(QueryContext(session, today, declared.settings), period, row.owner_id)
        assert tuple(statement.selected_columns.keys()) == COLUMNS
        rows = [EvidenceRow(*one) for one in await session.rows(statement)]
        assert None not in {part for one in rows for part in (one.id, one.day, one.counted)}, (key, rows)
        assert len({(one.day, one.id) for one in rows}) == len(rows), (key, rows)
        assert CHECKS[key](row, rows), (key, row, rows)
