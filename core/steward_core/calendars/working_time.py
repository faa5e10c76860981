"""Working time: the business hours of working days in a time zone, counted, added and taken away.

Moments are aware and answered in UTC; days and wall times belong to the zone. What is counted is time that passed: a
change of the clocks within business hours makes that day's work shorter or longer. Nothing here knows a database.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from steward_core.calendars.rules import DAY, FURTHEST, BusinessHours, WorkingDays
from steward_core.schedules.zones import moment_of, wall_at
from steward_tenants.errors import Conflict, invalid
from steward_tenants.texts import Bilingual

NONE = timedelta(0)
Shift = tuple[datetime, datetime]
"""When the work of a day begins and ends, in UTC."""


class CalendarEnds(Conflict):
    """No working day is left in the calendar for as long as may be looked ahead or back."""

    code = "calendar_ends"
    message = Bilingual("{day} 前后 {days} 天内没有工作日。", "There is no working day within {days} days of {day}.")
    remedy = Bilingual("请检查工作日历中单独设定的日期。", "Check the days that your calendar sets itself.")


@dataclass(frozen=True)
class WorkingTime:
    """The working time of a unit or a tenant: its calendar, its business hours, its zone.

    Keep one for as long as it is in use: it remembers the days it has seen, so that counting over months is short.
    """

    days: WorkingDays
    hours: BusinessHours
    zone: ZoneInfo
    _shifts: dict[date, Shift | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.hours.begins >= self.hours.ends:
            raise invalid("hours.ends", "order", "下班时间须晚于上班时间，请改正。", "Work must end after it begins.")

    def day_of(self, moment: datetime) -> date:
        """The day of a moment in the zone."""
        return wall_at(utc(moment), self.zone).date()

    def at(self, day: date, wall: time) -> datetime:
        """The moment of a wall time on a day."""
        return moment_of(datetime.combine(day, wall), self.zone)

    def begin_of_work(self, day: date) -> datetime:
        """When business hours begin on a day, worked or not."""
        return self.at(day, self.hours.begins)

    def end_of_work(self, day: date) -> datetime:
        """When business hours end on a day, worked or not."""
        return self.at(day, self.hours.ends)

    def working_day_from(self, day: date) -> date:
        """The day itself when it is worked, or the next one that is. Raises CalendarEnds."""
        return self._found(self.days.on_or_after(day), day)

    def working_day_until(self, day: date) -> date:
        """The day itself when it is worked, or the last one before it that is. Raises CalendarEnds."""
        return self._found(self.days.on_or_before(day), day)

    def working_days_later(self, day: date, count: int) -> date:
        """The working day that is `count` working days after `day`, which itself does not count; before it where
        `count` is negative; 0 is the day itself, moved to the next working day. Raises CalendarEnds."""
        if count == 0:
            return self.working_day_from(day)
        found = day
        for _ in range(abs(count)):
            found = self.working_day_from(_moved(found, 1)) if count > 0 else self.working_day_until(_moved(found, -1))
        return found

    def days_later(self, day: date, count: int) -> date:
        """`count` calendar days after a day, moved to the next working day. Raises CalendarEnds."""
        return self.working_day_from(_moved(day, count))

    def weeks_later(self, day: date, count: int) -> date:
        """`count` weeks after a day, moved to the next working day. Raises CalendarEnds."""
        return self.days_later(day, 7 * count)

    def months_later(self, day: date, count: int) -> date:
        """The same day `count` months later (the month's last where it is shorter), moved to the next working day.
        Raises CalendarEnds."""
        months = day.year * 12 + day.month - 1 + count
        year, month = months // 12, months % 12 + 1
        if not date.min.year <= year <= date.max.year:
            raise CalendarEnds(day=day, days=FURTHEST)
        return self.working_day_from(date(year, month, min(day.day, monthrange(year, month)[1])))

    def shift(self, day: date) -> Shift | None:
        """When the work of a day begins and ends; None for a day that is not worked."""
        if day not in self._shifts:
            begins, ends = self.begin_of_work(day), self.end_of_work(day)
            # Where the clocks skip the whole of the hours nothing of the day's work is left.
            self._shifts[day] = (begins, ends) if self.days.is_working(day) and begins < ends else None
        return self._shifts[day]

    def is_working(self, moment: datetime) -> bool:
        """Whether work goes on from a moment: the beginning of the hours is within them, their end is not."""
        moment = utc(moment)
        around = (self.shift(_moved(self.day_of(moment), step)) for step in (-1, 0, 1))
        return any(shift is not None and shift[0] <= moment < shift[1] for shift in around)

    def next_moment(self, moment: datetime) -> datetime:
        """The moment itself when work goes on from it, or when work begins next. Raises CalendarEnds."""
        moment = utc(moment)
        return max(moment, next(begins for begins, ends in self._shifts_from(moment) if ends > moment))

    def previous_moment(self, moment: datetime) -> datetime:
        """The moment itself when work went on until it, or when work ended last. Raises CalendarEnds."""
        moment = utc(moment)
        return min(moment, next(ends for begins, ends in self._shifts_until(moment) if begins < moment))

    def between(self, first: datetime, last: datetime) -> timedelta:
        """The working time from one moment to another; negative where `last` is the earlier one."""
        first, last = utc(first), utc(last)
        if last < first:
            return -self.between(last, first)
        total = NONE
        day, end = _moved(self.day_of(first), -1), _moved(self.day_of(last), 1)
        while day <= end:
            shift = self.shift(day)
            if shift is not None:
                total += max(NONE, min(shift[1], last) - max(shift[0], first))
            day = _moved(day, 1)
        return total

    def add(self, moment: datetime, amount: timedelta) -> datetime:
        """The first moment by which `amount` of working time has passed since `moment`: at the end of a day's work
        rather than at the beginning of the next. Nothing added leaves the moment. Raises CalendarEnds."""
        moment = utc(moment)
        if amount < NONE:
            return self.subtract(moment, -amount)
        if amount == NONE:
            return moment
        for begins, ends in self._shifts_from(moment):
            begun = max(begins, moment)
            if ends - begun >= amount:
                return begun + amount
            amount -= max(NONE, ends - begun)
        raise AssertionError("shifts go on or raise")

    def subtract(self, moment: datetime, amount: timedelta) -> datetime:
        """The last moment from which `amount` of working time passes until `moment`: at the beginning of a day's
        work rather than at the end of the one before. Raises CalendarEnds."""
        moment = utc(moment)
        if amount < NONE:
            return self.add(moment, -amount)
        if amount == NONE:
            return moment
        for begins, ends in self._shifts_until(moment):
            ended = min(ends, moment)
            if ended - begins >= amount:
                return ended - amount
            amount -= max(NONE, ended - begins)
        raise AssertionError("shifts go on or raise")

    def _shifts_from(self, moment: datetime) -> Iterator[Shift]:
        return self._walk(self.day_of(moment), 1)

    def _shifts_until(self, moment: datetime) -> Iterator[Shift]:
        return self._walk(self.day_of(moment), -1)

    def _walk(self, start: date, step: int) -> Iterator[Shift]:
        """The shifts around and beyond a day, one after another; raises CalendarEnds when none follows."""
        # Clocks put back over midnight show a day again: hence from a day before.
        day, idle = _moved(start, -step), 0
        while idle < FURTHEST:
            shift = self.shift(day)
            if shift is not None:
                yield shift
            idle = idle + 1 if shift is None else 0
            day = _moved(day, step)
        raise CalendarEnds(day=start, days=FURTHEST)

    @staticmethod
    def _found(found: date | None, day: date) -> date:
        if found is None:
            raise CalendarEnds(day=day, days=FURTHEST)
        return found


def utc(moment: datetime) -> datetime:
    """A moment in UTC, in which moments are compared and counted."""
    if moment.tzinfo is None:
        raise ValueError("a moment has a zone")
    return moment.astimezone(UTC)


def _moved(day: date, count: int) -> date:
    try:
        return day + count * DAY
    except OverflowError:
        raise CalendarEnds(day=day, days=FURTHEST) from None
