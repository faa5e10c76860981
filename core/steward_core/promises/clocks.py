"""The clock of a promise: how its time counts, when it warns, when it is due, and how pauses prolong it. Pure.

Minutes run in calendar time or in business hours. A count of days ends with the work of its last day: working days of
the calendar, or calendar days (and months) moved to the next working day. A pause prolongs a clock of calendar minutes
by the time that passed, all others by exactly the working time that was paused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from steward_core.calendars.rules import days_between
from steward_core.calendars.working_time import NONE, WorkingTime, utc
from steward_core.forms.fields import Choice, Refused, field
from steward_tenants.errors import invalid
from steward_tenants.texts import Bilingual

MINUTE = timedelta(minutes=1)


class Part(BaseModel):
    """A part of what a tenant sets about promises; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", validate_default=True, frozen=True)


class Unit(Choice):
    """How time counts; the first four are what a plugin's promises name."""

    CALENDAR_MINUTES = "calendar_minutes", "分钟", "calendar minutes"
    BUSINESS_MINUTES = "business_minutes", "工作时间（分钟）", "minutes of business hours"
    WORKING_DAYS = "working_days", "工作日", "working days"
    CALENDAR_DAYS = "calendar_days", "天（遇休息日顺延）", "days, moved to a working day"
    CALENDAR_MONTHS = "calendar_months", "月（遇休息日顺延）", "months, moved to a working day"


MINUTES = frozenset({Unit.CALENDAR_MINUTES, Unit.BUSINESS_MINUTES})
MOST: Mapping[Unit, int] = {
    Unit.CALENDAR_MINUTES: 525_600,
    Unit.BUSINESS_MINUTES: 525_600,
    Unit.WORKING_DAYS: 1_000,
    Unit.CALENDAR_DAYS: 1_000,
    Unit.CALENDAR_MONTHS: 60,
}
"""The longest span of each unit: a slip of the keyboard is longer."""
_HOUR_WORDS = {
    Unit.CALENDAR_MINUTES: Bilingual("{count} 小时", "{count} h"),
    Unit.BUSINESS_MINUTES: Bilingual("{count} 工作小时", "{count} business h"),
}
_UNIT_WORDS = {
    Unit.CALENDAR_MINUTES: Bilingual("{count} 分钟", "{count} min"),
    Unit.BUSINESS_MINUTES: Bilingual("{count} 工作分钟", "{count} business min"),
    Unit.WORKING_DAYS: Bilingual("{count} 个工作日", "{count} working day(s)"),
    Unit.CALENDAR_DAYS: Bilingual("{count} 天（遇休息日顺延）", "{count} day(s), moved to a working day"),
    Unit.CALENDAR_MONTHS: Bilingual("{count} 个月（遇休息日顺延）", "{count} month(s), moved to a working day"),
}


class Span(Part):
    """An amount of time in a unit, such as 30 calendar minutes or 5 working days."""

    count: Annotated[int, Field(ge=1), field("数量", "Count")]
    unit: Annotated[Unit, field("单位", "Unit")]

    @model_validator(mode="after")
    def _not_too_long(self) -> Span:
        if self.count > MOST[self.unit]:
            raise Refused(f"时长过长，最多 {MOST[self.unit]}。", f"This is too long: at most {MOST[self.unit]}.")
        return self

    @property
    def words(self) -> Bilingual:
        """The span as people say it."""
        if self.unit in MINUTES and self.count % 60 == 0:
            return _HOUR_WORDS[self.unit].fill(count=self.count // 60)
        return _UNIT_WORDS[self.unit].fill(count=self.count)


class WarningPoint(Part):
    """When a clock warns: at a share of its time, so long before it is due, or so long after its start (in its unit).

    A clock of days warns with the beginning of the work of the day so counted; with a share at the moment at which
    that share of the working time is over.
    """

    share_percent: Annotated[int | None, Field(ge=1, le=99), field("占时限（%）", "Share of the limit (%)")] = None
    before: Annotated[int | None, Field(ge=1), field("到期前", "Before it is due")] = None
    after: Annotated[int | None, Field(ge=1), field("开始后", "After the start")] = None

    @model_validator(mode="after")
    def _one_way(self) -> WarningPoint:
        if sum(one is not None for one in (self.share_percent, self.before, self.after)) != 1:
            raise Refused("请只填写一种预警方式。", "Give one way of warning, and only one.")
        return self


class Clock(Part):
    """How the time of a promise runs. `calendar` names one of the tenant's calendars; None: the unit's own."""

    limit: Annotated[Span, field("时限", "Limit")]
    warning: Annotated[WarningPoint | None, field("预警", "Warning")] = None
    calendar: Annotated[str | None, Field(min_length=1, max_length=63), field("日历", "Calendar")] = None

    @model_validator(mode="after")
    def _warns_in_time(self) -> Clock:
        point, count = self.warning, self.limit.count
        if point is not None and ((point.before or 0) >= count or (point.after or 0) > count):
            raise Refused("预警须早于到期，请缩短。", "The warning must come before the limit; make it shorter.")
        return self


@dataclass(frozen=True)
class Pause:
    """Time in which a clock stands still, such as waiting for the client. `until` None: it lasts."""

    since: datetime
    until: datetime | None = None


@dataclass(frozen=True)
class Course:
    """One promise under way: its clock since `started`, in the working time it runs by; `ended` is when it was kept,
    however late."""

    clock: Clock
    started: datetime
    working_time: WorkingTime
    pauses: tuple[Pause, ...] = ()
    ended: datetime | None = None

    @property
    def unit(self) -> Unit:
        """How its time counts."""
        return self.clock.limit.unit


@dataclass(frozen=True)
class Reckoned:
    """When a clock warns and is due, its pauses counted: `paused` in the clock's own time, before it was due.

    `provisional`: the days until then lie in a year whose exchanged days are not announced.
    """

    due: datetime
    warning: datetime | None
    pauses: tuple[Pause, ...]
    paused: timedelta
    provisional: bool


def calendar_of(clock: Clock, own: WorkingTime, named: Mapping[str, WorkingTime]) -> WorkingTime:
    """The working time by which a clock runs. Raises InvalidInput when its calendar is not there."""
    if clock.calendar is None:
        return own
    if clock.calendar not in named:
        raise invalid(
            "clock.calendar",
            "unknown",
            f"没有日历“{clock.calendar}”，请选择已有的日历。",
            f"There is no calendar “{clock.calendar}”; choose one that exists.",
        )
    return named[clock.calendar]


def last_day_of(span: Span, start: date, working_time: WorkingTime) -> date:
    """The day with which a count of days or months ends. Raises CalendarEnds."""
    if span.unit is Unit.WORKING_DAYS:
        return working_time.working_days_later(start, span.count)
    if span.unit is Unit.CALENDAR_DAYS:
        return working_time.days_later(start, span.count)
    return working_time.months_later(start, span.count)


def after(span: Span, moment: datetime, working_time: WorkingTime) -> datetime:
    """The moment at which a span that begins at `moment` is over. Raises CalendarEnds."""
    if span.unit is Unit.CALENDAR_MINUTES:
        return utc(moment) + span.count * MINUTE
    if span.unit is Unit.BUSINESS_MINUTES:
        return working_time.add(moment, span.count * MINUTE)
    return working_time.end_of_work(last_day_of(span, working_time.day_of(moment), working_time))


def clock_time(unit: Unit, first: datetime, last: datetime, working_time: WorkingTime) -> timedelta:
    """The time between two moments as a clock of this unit counts it; negative backwards."""
    return utc(last) - utc(first) if unit is Unit.CALENDAR_MINUTES else working_time.between(first, last)


def due_at(course: Course, now: datetime) -> datetime:
    """By when the promise must be kept; while it is paused, as if it were resumed now. Raises CalendarEnds."""
    return reckon(course, now).due


def warning_at(course: Course, now: datetime) -> datetime | None:
    """From when on people are warned; None: never. Raises CalendarEnds."""
    return reckon(course, now).warning


def reckon(course: Course, now: datetime) -> Reckoned:
    """When a promise warns and is due. A pause that lasts counts until `now`, or until the promise ended; one that
    began when it was due already, or later, changes nothing. Raises CalendarEnds, InvalidInput."""
    started, unit, working_time = utc(course.started), course.unit, course.working_time
    first_due = after(course.clock.limit, started, working_time)
    counted = counted_pauses(course.pauses, started, now if course.ended is None else course.ended)
    due, prolonging = _prolonged(first_due, unit, counted, working_time)
    point = course.clock.warning
    warning = None if point is None else _first_warning(course, point, first_due)
    return Reckoned(
        due=due,
        warning=None if warning is None else _prolonged(warning, unit, counted, working_time)[0],
        pauses=prolonging,
        paused=sum((_length(unit, pause, working_time) for pause in prolonging), NONE),
        provisional=unit is not Unit.CALENDAR_MINUTES and provisional_between(started, due, working_time),
    )


def counted_pauses(pauses: Sequence[Pause], started: datetime, now: datetime) -> tuple[Pause, ...]:
    """The pauses in order, each with its end, none before the start and none over another. Raises InvalidInput."""
    merged: list[Pause] = []
    for since, until in sorted(_closed(pauses, utc(now))):
        begins = max(since, utc(started))
        if until <= begins:
            continue
        if merged and begins <= _end(merged[-1]):
            merged[-1] = Pause(merged[-1].since, max(until, _end(merged[-1])))
        else:
            merged.append(Pause(begins, until))
    return tuple(merged)


def provisional_between(first: datetime, last: datetime, working_time: WorkingTime) -> bool:
    """Whether a day from one moment to another lies in a year that is not announced yet."""
    days = days_between(working_time.day_of(first), working_time.day_of(last))
    return any(working_time.days.of(day).provisional for day in days)


def _first_warning(course: Course, point: WarningPoint, due: datetime) -> datetime:
    """When a clock warns that is never paused."""
    started, unit, count = utc(course.started), course.unit, course.clock.limit.count
    working_time = course.working_time
    if point.share_percent is not None:
        share = clock_time(unit, started, due, working_time) * point.share_percent // 100
        return started + share if unit is Unit.CALENDAR_MINUTES else working_time.add(started, share)
    reached = Span(count=count - (point.before or 0) if point.after is None else point.after, unit=unit)
    if unit in MINUTES:
        return after(reached, started, working_time)
    return working_time.begin_of_work(last_day_of(reached, working_time.day_of(started), working_time))


def _prolonged(
    moment: datetime, unit: Unit, pauses: Sequence[Pause], working_time: WorkingTime
) -> tuple[datetime, tuple[Pause, ...]]:
    """A moment moved by the pauses that begin before it, and which those are."""
    prolonging: list[Pause] = []
    for pause in pauses:
        if pause.since >= moment:
            break
        length = _length(unit, pause, working_time)
        moment = moment + length if unit is Unit.CALENDAR_MINUTES else working_time.add(moment, length)
        prolonging.append(pause)
    return moment, tuple(prolonging)


def _length(unit: Unit, pause: Pause, working_time: WorkingTime) -> timedelta:
    return clock_time(unit, pause.since, _end(pause), working_time)


def _end(pause: Pause) -> datetime:
    assert pause.until is not None
    return pause.until


def _closed(pauses: Sequence[Pause], now: datetime) -> Iterator[tuple[datetime, datetime]]:
    for place, pause in enumerate(pauses):
        since = utc(pause.since)
        until = max(now, since) if pause.until is None else utc(pause.until)
        if until < since:
            raise invalid(
                f"pauses.{place}.until",
                "order",
                "暂停的结束不得早于开始，请改正。",
                "A pause cannot end before it begins; correct it.",
            )
        yield since, until
