"""Wall clocks and moments: what becomes of a time that a change of the clocks skips or shows twice.

A wall time is a naive `datetime` in the tenant's zone, a moment an aware one in UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)


def wall_at(moment: datetime, zone: ZoneInfo) -> datetime:
    """What the wall clock shows at a moment."""
    return moment.astimezone(zone).replace(tzinfo=None)


def offset_at(moment: datetime, zone: ZoneInfo) -> timedelta:
    """How far the zone's clock is ahead of UTC at a moment."""
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


def moment_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """The one moment that stands for a wall time: the first, where it comes twice; where the clocks skip it, the
    moment at which they jump."""
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if wall_at(moment, zone) == wall:
        return moment
    # In a gap the earlier offset points past the jump and the later one before it: it lies between the two.
    later = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return change_between(min(moment, later), max(moment, later), zone)


def change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first moment, to the minute, from which the zone's offset is no longer that of `before`; at `after` it has
    changed."""
    offset = offset_at(before, zone)
    while after - before > MINUTE:
        middle = before + (after - before) / 2
        if offset_at(middle, zone) == offset:
            before = middle
        else:
            after = middle
    # Zones change at whole minutes.
    return after.replace(second=0, microsecond=0)
