"""Cron lines: minute, hour, day of the month, month, day of the week. The library reads them and counts on wall clocks
without a zone; what changes of the clocks mean is decided here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter  # type: ignore[import-untyped]
from croniter.croniter import CroniterError  # type: ignore[import-untyped]

from steward_core.schedules.zones import change_between, moment_of, offset_at, wall_at

_PARTS = re.compile(r"[0-9A-Za-z*,/#-]{1,60}")
_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)
_FAR = datetime(2200, 1, 1)  # noqa: DTZ001 - a wall time


@dataclass(frozen=True)
class CronRule:
    """A line of five parts. With an hour that begins with `*` it goes by elapsed time, and fires in an hour that comes
    twice both times; otherwise each wall time fires once (see `zones.moment_of`)."""

    line: str

    @property
    def by_elapsed_time(self) -> bool:
        """Whether it means every hour, or every so many, rather than named ones."""
        return self.line.split()[1].startswith("*")

    def moments(self, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
        """The moments after `after`, in order."""
        return self._elapsed(after, zone) if self.by_elapsed_time else self._named(after, zone)

    def _named(self, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
        last = after
        for wall in self._walls(wall_at(after, zone)):
            moment = moment_of(wall, zone)
            if moment > last:
                yield moment
                last = moment

    def _elapsed(self, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
        # `now` is walked along with the offset that holds there; where the offset changes, walls are counted anew.
        now = after.astimezone(UTC)
        while True:
            offset = offset_at(now, zone)
            wall = next(self._walls((now + offset).replace(tzinfo=None)), None)
            if wall is None:
                return
            found = wall.replace(tzinfo=UTC) - offset
            horizon = min(found, now + _DAY)
            if offset_at(horizon, zone) != offset:
                now = change_between(now, horizon, zone) - _TICK
                changed = offset_at(now + _TICK, zone)
                first = next(self._walls((now + changed).replace(tzinfo=None)), None)
                if first is not None and first.replace(tzinfo=UTC) - changed == now + _TICK:
                    yield now + _TICK
                now += _TICK
            elif horizon == found:
                yield found
                now = found
            else:
                now = max(horizon, found - _DAY)

    def _walls(self, after: datetime) -> Iterator[datetime]:
        lines = croniter(self.line, after)
        while True:
            try:
                wall: datetime = lines.get_next(datetime)
            except CroniterError:
                return
            if wall > _FAR:
                return
            yield wall


def read_cron(text: str) -> CronRule | None:
    """The rule of a cron line; None when it is none, or when no day ever meets it."""
    parts = text.split()
    if len(parts) != 5 or not all(_PARTS.fullmatch(part) for part in parts):
        return None
    line = " ".join(parts).lower()
    try:
        croniter(line, datetime(2024, 1, 1)).get_next(datetime)  # noqa: DTZ001 - a wall time
    except (CroniterError, ValueError, KeyError):
        return None
    return CronRule(line)
