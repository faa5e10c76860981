"""How periods are called."""

from __future__ import annotations

from datetime import date

from steward_core.reports.models import ReportKind
from steward_tenants.texts import Bilingual


def period_words(kind: ReportKind, start: date) -> Bilingual:
    """`2026-11-05 日志`, `2026 年第 45 周小结`, `2026 年 11 月总结`."""
    if kind is ReportKind.DAY:
        return Bilingual(f"{start:%Y-%m-%d} 日志", f"daily log of {start:%Y-%m-%d}")
    if kind is ReportKind.WEEK:
        year, week, _ = start.isocalendar()
        return Bilingual(f"{year} 年第 {week} 周小结", f"summary of week {week} of {year}")
    return Bilingual(f"{start.year} 年 {start.month} 月总结", f"summary of {start:%Y-%m}")
