"""When a schedule fires: a rule, the tenant's zone and working days, and what becomes of missed moments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from steward_core.calendars.rules import CalendarBase, WorkingDays
from steward_core.schedules.cron import CronRule, read_cron
from steward_core.schedules.words import WordsRule, read_words
from steward_tenants.errors import invalid

LONGEST_RULE = 120
ON_TIME = timedelta(minutes=10)
"""A moment that is no older than this was not missed."""
AT_ONCE = 100
"""Missed moments of one schedule that are made up for in one transaction; the others follow in the next."""
_LOOK_BACK = (timedelta(hours=2), timedelta(days=2), timedelta(days=40), timedelta(days=800))


class CatchUp(StrEnum):
    """What becomes of moments that were missed while nothing ran or the tenant was suspended: `all` fire, the `last`
    fires once for them, or `none`."""

    ALL = "all"
    LAST = "last"
    NONE = "none"


@dataclass(frozen=True)
class Place:
    """Where a rule is read: the tenant's zone and working days."""

    zone: ZoneInfo
    days: WorkingDays

    @property
    def basis(self) -> str:
        """What plans were made on; when it differs they are made anew."""
        return basis_of(self.zone.key, self.days.base)


def basis_of(zone: str, base: CalendarBase) -> str:
    """See `Place.basis`."""
    return f"{zone} {base.value}"


@dataclass(frozen=True)
class Rule:
    """A cron line or calendar words, in the spelling in which it is kept."""

    text: str
    form: CronRule | WordsRule

    def moments(self, after: datetime, place: Place) -> Iterator[datetime]:
        """The moments (UTC) after `after`, each later than the one before."""
        if isinstance(self.form, CronRule):
            return self.form.moments(after, place.zone)
        return self.form.moments(after, place.zone, place.days)

    def next_after(self, after: datetime, place: Place) -> datetime | None:
        """The first moment after `after`; None: there is none any more."""
        return next(self.moments(after, place), None)


def read_rule(text: str, path: str = "rule") -> Rule:
    """The rule that a text says. Raises InvalidInput naming `path`."""
    found: CronRule | WordsRule | None = None
    if len(text) <= LONGEST_RULE:
        found = read_words(text) or read_cron(text)
    if found is None:
        raise invalid(
            path,
            "rule",
            "请使用五段 cron 表达式（如 0 9 * * 1-5），或日历词语（如 first working day 09:00、last friday 18:00、"
            "quarter end 20:00、day 5 or next working day 08:00）。",
            "Use a cron line of five parts (0 9 * * 1-5), or calendar words: first working day 09:00, "
            "last friday 18:00, quarter end 20:00, day 5 or next working day 08:00.",
        )
    return Rule(found.line if isinstance(found, CronRule) else found.words, found)


@dataclass(frozen=True)
class Firings:
    """What to fire now, in order, from where to count on, and when to look again (None: never)."""

    fire: tuple[datetime, ...]
    counted_from: datetime
    next_at: datetime | None


def firings(rule: Rule, place: Place, counted_from: datetime, now: datetime, catch_up: CatchUp) -> Firings:
    """Which moments after `counted_from` and up to `now` fire by the policy, and what comes next.

    A clock that went back leaves `counted_from` after `now`: then nothing fires until it is reached again.
    """
    if counted_from >= now:
        return Firings((), counted_from, rule.next_after(counted_from, place))
    if catch_up is CatchUp.ALL:
        due = tuple(islice(_up_to(rule, place, counted_from, now), AT_ONCE))
        until = due[-1] if len(due) == AT_ONCE else now
        return Firings(due, until, rule.next_after(until, place))
    last = _last(rule, place, counted_from, now)
    if last is not None and catch_up is CatchUp.NONE and now - last > ON_TIME:
        last = None
    return Firings(() if last is None else (last,), now, rule.next_after(now, place))


def _up_to(rule: Rule, place: Place, after: datetime, until: datetime) -> Iterator[datetime]:
    return takewhile(lambda moment: moment <= until, rule.moments(after, place))


def _last(rule: Rule, place: Place, after: datetime, until: datetime) -> datetime | None:
    """The last moment after `after` and up to `until`, looked for from its end: years of minutes are not counted."""
    for span in (*_LOOK_BACK, until - after):
        found = None
        for found in _up_to(rule, place, max(after, until - span), until):  # noqa: B007 - the last one is wanted
            pass
        if found is not None or until - span <= after:
            return found
    return None
