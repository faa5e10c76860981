"""The days that a report looks back on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from steward_core.reports.models import ReportKind


@dataclass(frozen=True)
class Span:
    """Days from `start` until the day before `end`."""

    start: date
    end: date

    def moments(self, zone: tzinfo) -> tuple[datetime, datetime]:
        """Its first moment, and the first after it, in the tenant's zone as UTC."""
        begin, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (self.start, self.end))
        return begin, end

    @property
    def last(self) -> date:
        """Its last day."""
        return self.end - timedelta(days=1)


def span_of(kind: ReportKind, day: date) -> Span:
    """The day, the week from Monday, or the month in which a day lies."""
    if kind is ReportKind.DAY:
        return Span(day, day + timedelta(days=1))
    if kind is ReportKind.WEEK:
        start = day - timedelta(days=day.weekday())
        return Span(start, start + timedelta(days=7))
    return _months(day, 1)


def next_span(kind: ReportKind, span: Span) -> Span:
    """The period that follows."""
    return span_of(kind, span.end)


def quarter_of(day: date) -> Span:
    """The quarter in which a day lies."""
    return _months(day, 3)


def _months(day: date, length: int) -> Span:
    start = day.replace(day=1, month=(day.month - 1) // length * length + 1)
    return Span(start, (start + timedelta(days=31 * length)).replace(day=1))
