"""Which days are worked, and the business hours of a day. Nothing here knows a database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from steward_core.calendars.china import WORKED, china_year
from steward_tenants.texts import Bilingual

DAY = timedelta(days=1)
SATURDAY = 5
FURTHEST = 400
"""Days within which a working day must be found; a calendar that has none for longer has an end there."""
WEEKEND = Bilingual("周末", "Weekend")


class CalendarBase(StrEnum):
    """What a tenant's own days are laid over. `china`: public holidays with exchanged days. `weekends`: no holidays."""

    CHINA = "china"
    WEEKENDS = "weekends"


@dataclass(frozen=True)
class OwnDay:
    """A day for which a tenant decided itself."""

    working: bool
    title: str = ""


@dataclass(frozen=True)
class Day:
    """One day of a calendar. `title` says why it is off, or worked on a weekend; `own`: the tenant decided.
    `provisional`: the year's exchanged days have not been announced."""

    day: date
    working: bool
    title: Bilingual | None
    own: bool
    provisional: bool


@dataclass(frozen=True)
class BusinessHours:
    """When a working day begins and ends, in the tenant's zone."""

    begins: time = time(8, 45)
    ends: time = time(17, 30)


@dataclass(frozen=True)
class WorkingDays:
    """A tenant's calendar: the base, and its own days over it."""

    base: CalendarBase = CalendarBase.CHINA
    own: Mapping[date, OwnDay] = field(default_factory=dict)

    def is_working(self, day: date) -> bool:
        """Whether a day is worked."""
        if day in self.own:
            return self.own[day].working
        if self.base is CalendarBase.CHINA:
            year = china_year(day.year)
            if day in year.worked:
                return True
            if day in year.off:
                return False
        return day.weekday() < SATURDAY

    def of(self, day: date) -> Day:
        """A day with the reason why it is worked or not."""
        year = china_year(day.year) if self.base is CalendarBase.CHINA else None
        title = None
        if day in self.own:
            own = self.own[day].title
            title = Bilingual(own, own) if own else None
        elif year is not None and day in year.worked:
            title = WORKED
        elif year is not None and day in year.off:
            title = year.off[day]
        elif day.weekday() >= SATURDAY:
            title = WEEKEND
        provisional = year is not None and year.provisional and day not in self.own
        return Day(day, self.is_working(day), title, day in self.own, provisional)

    def on_or_after(self, day: date) -> date | None:
        """The first working day from `day` on; None when there is none for `FURTHEST` days."""
        return next((one for one in _from(day, DAY) if self.is_working(one)), None)

    def on_or_before(self, day: date) -> date | None:
        """The last working day up to `day`; None when there is none for `FURTHEST` days."""
        return next((one for one in _from(day, -DAY) if self.is_working(one)), None)

    def after(self, day: date, count: int) -> date | None:
        """The working day that is `count` (at least 1) working days after `day`, which itself does not count."""
        found: date | None = day
        for _ in range(count):
            found = None if found is None else self.on_or_after(found + DAY)
        return found

    def working_between(self, first: date, last: date) -> list[date]:
        """The working days from `first` to `last`, both included."""
        return [day for day in days_between(first, last) if self.is_working(day)]


def _from(day: date, step: timedelta) -> Iterator[date]:
    for number in range(FURTHEST):
        try:
            yield day + number * step
        except OverflowError:
            return


def days_between(first: date, last: date) -> Iterator[date]:
    """Every day from `first` to `last`, both included."""
    for number in range((last - first).days + 1):
        yield first + number * DAY


def within_hours(days: WorkingDays, hours: BusinessHours, local: datetime) -> bool:
    """Whether a moment, in the tenant's zone, is within business hours of a working day."""
    return days.is_working(local.date()) and hours.begins <= local.time() < hours.ends
