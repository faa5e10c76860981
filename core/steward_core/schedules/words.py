"""Calendar words: rules such as `first working day 09:00`, `last friday 18:00`, `quarter end 20:00`.

    [every] working day                                  each working day
    [every] friday                                       each week on a day
    first … tenth | last  working day [of quarter|year]  counted in a month unless said otherwise
    first … fifth | last  friday [of quarter|year]
    day 5 | day 31                                       of each month; in shorter months the last day
    month|quarter|year  start|end

Any but the working days may go on with `or next working day` or `or previous working day`; all end with a time.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from steward_core.calendars.rules import DAY, FURTHEST, WorkingDays
from steward_core.schedules.zones import moment_of, wall_at

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_LAST = -1
_MOST_WEEKDAYS = 5
_YEARS = 8
"""Years within which a rule must find a day: 29 February is at most eight years away."""
_WORDS = re.compile(
    r"(?:(?P<every>every )?(?P<each>working day|DAYS)"
    r"|(?P<ordinal>ORDINALS|last) (?P<counted>working day|DAYS)(?: of (?P<of>month|quarter|year))?"
    r"|day (?P<number>\d{1,2})"
    r"|(?P<span>month|quarter|year) (?P<edge>start|end))"
    r"(?: or (?P<shift>next|previous) working day)?"
    r" (?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d)".replace("DAYS", "|".join(WEEKDAYS)).replace(
        "ORDINALS", "|".join(ORDINALS)
    )
)


class Span(StrEnum):
    """In what a day is counted."""

    DAY = "day"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


_MONTHS = {Span.MONTH: 1, Span.QUARTER: 3, Span.YEAR: 12}
Pick = Callable[[date, date, WorkingDays], date | None]
"""The day of a span of days, given its first and last; None: it has none."""


@dataclass(frozen=True)
class WordsRule:
    """Calendar words, read. `shift` moves a day that is not worked: 1 to the next working day, -1 to the one before."""

    words: str
    span: Span
    pick: Pick
    shift: int
    at: time

    def moments(self, after: datetime, zone: ZoneInfo, days: WorkingDays) -> Iterator[datetime]:
        """The moments after `after`, in order; ends where no day meets the rule for years."""
        begin, last = wall_at(after, zone).date(), after
        found = begin
        # A day may have been moved here from the span before, over as many days as a calendar can have off.
        for first, end in spans(self.span, begin - timedelta(days=62)):
            if first > found + timedelta(days=366 * _YEARS):
                return
            day = self._day(first, end, days)
            if day is None:
                continue
            moment = moment_of(datetime.combine(day, self.at), zone)
            if moment > last:
                yield moment
                last, found = moment, day

    def _day(self, first: date, end: date, days: WorkingDays) -> date | None:
        day = self.pick(first, end, days)
        if day is None or not self.shift:
            return day
        return days.on_or_after(day) if self.shift > 0 else days.on_or_before(day)


def read_words(text: str) -> WordsRule | None:
    """The rule of calendar words; None when they are none."""
    words = " ".join(text.lower().split())
    found = _WORDS.fullmatch(words)
    if found is None:
        return None
    span, pick = _pick(found)
    if pick is None or (found["shift"] and "working day" in (found["each"], found["counted"])):
        return None
    shift = {"next": 1, "previous": -1}.get(found["shift"] or "", 0)
    return WordsRule(words, span, pick, shift, time(int(found["hour"]), int(found["minute"])))


def _pick(found: re.Match[str]) -> tuple[Span, Pick | None]:
    if found["each"]:
        return Span.DAY, _worked if found["each"] == "working day" else _weekday(WEEKDAYS.index(found["each"]))
    if found["number"]:
        number = int(found["number"])
        return Span.MONTH, _numbered(number) if 1 <= number <= 31 else None
    if found["span"]:
        return Span(found["span"]), _first_day if found["edge"] == "start" else _last_day
    place = _LAST if found["ordinal"] == "last" else ORDINALS.index(found["ordinal"])
    span = Span(found["of"] or Span.MONTH)
    if found["counted"] == "working day":
        return span, _counted_working(place)
    too_many = span is Span.MONTH and place >= _MOST_WEEKDAYS
    return span, None if too_many else _counted_weekday(WEEKDAYS.index(found["counted"]), place)


def _worked(first: date, _end: date, days: WorkingDays) -> date | None:
    return first if days.is_working(first) else None


def _weekday(weekday: int) -> Pick:
    return lambda first, _end, _days: first if first.weekday() == weekday else None


def _numbered(number: int) -> Pick:
    return lambda first, end, _days: first.replace(day=min(number, end.day))


def _first_day(first: date, _end: date, _days: WorkingDays) -> date:
    return first


def _last_day(_first: date, end: date, _days: WorkingDays) -> date:
    return end


def _counted_weekday(weekday: int, place: int) -> Pick:
    def pick(first: date, end: date, _days: WorkingDays) -> date | None:
        if place == _LAST:
            return end - timedelta(days=(end.weekday() - weekday) % 7)
        day = first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * place)
        return day if day <= end else None

    return pick


def _counted_working(place: int) -> Pick:
    def pick(first: date, end: date, days: WorkingDays) -> date | None:
        if place == _LAST:
            day = days.on_or_before(end)
            return day if day is not None and day >= first else None
        day = days.after(first - DAY, place + 1)
        return day if day is not None and day <= end else None

    return pick


def spans(span: Span, day: date) -> Iterator[tuple[date, date]]:
    """The spans from the one that holds `day` on, each with its first and last day; ends with the calendar itself."""
    if span is Span.DAY:
        while day < date.max - timedelta(days=FURTHEST):
            yield day, day
            day += DAY
        return
    months = _MONTHS[span]
    number = day.year * 12 + (day.month - 1) // months * months
    while number < (date.max.year - 1) * 12:
        last = number + months - 1
        first = date(number // 12, number % 12 + 1, 1)
        yield first, date(last // 12, last % 12 + 1, monthrange(last // 12, last % 12 + 1)[1])
        number += months
