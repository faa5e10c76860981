"""A company's office in Shanghai, and moments on its wall clock."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from steward_core.calendars.rules import BusinessHours, WorkingDays
from steward_core.calendars.working_time import WorkingTime
from steward_core.promises.clocks import Clock, Course, Pause, Span, Unit, WarningPoint

ZONE = ZoneInfo("Asia/Shanghai")
OFFICE = WorkingTime(WorkingDays(), BusinessHours(), ZONE)


def at(text: str) -> datetime:
    """A moment by the wall clock in Shanghai."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC)


def pause(since: str, until: str | None = None) -> Pause:
    """A pause by the wall clock; without `until` it lasts."""
    return Pause(at(since), None if until is None else at(until))


def clock(
    count: int, unit: Unit, *, share: int | None = None, before: int | None = None, after: int | None = None
) -> Clock:
    """A clock, with a warning where one is given."""
    warns = any(one is not None for one in (share, before, after))
    warning = WarningPoint(share_percent=share, before=before, after=after) if warns else None
    return Clock(limit=Span(count=count, unit=unit), warning=warning)


def course(given: Clock, started: str, *pauses: Pause, ended: str | None = None) -> Course:
    """A promise under way in the office."""
    return Course(given, at(started), OFFICE, pauses, None if ended is None else at(ended))
