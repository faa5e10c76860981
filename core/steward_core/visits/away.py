"""Visits that stand on days on which their manager will be away, put on other days. Pure.

A stop is a client on a day. The most important first (carried over more often, the more valuable tier, the earlier
day), each goes to the first day after its own that the manager works, that has room, and on which the client is not
visited anyway; where there is none, to the last such day before; where there is none either, it does not fit. All other
stops stay where they are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True)
class Stop:
    """What is to be done at a client on a day; `tier_rank` 1 is the most valuable tier."""

    client_id: UUID
    day: date
    carried: int = 0
    tier_rank: int = 0

    @property
    def priority(self) -> tuple[object, ...]:
        """As among visits that are spread: see `capacity.PlannedVisit`."""
        return (-self.carried, self.tier_rank, self.day, self.client_id)


def make_way(
    leaving: Iterable[Stop], standing: Collection[tuple[UUID, date]], worked: Sequence[date], most: int
) -> dict[tuple[UUID, date], date | None]:
    """Where stops go that cannot stay, by client and former day; None: it does not fit. `standing` are the stops that
    stay, `worked` the days in order on which the manager works and that still lie ahead, `most` what a day takes."""
    there, counts = set(standing), Counter(day for _, day in standing)
    found: dict[tuple[UUID, date], date | None] = {}
    for stop in sorted(leaving, key=lambda one: one.priority):
        after = bisect_left(worked, stop.day)
        days = (*worked[after:], *reversed(worked[:after]))
        day = next((one for one in days if counts[one] < most and (stop.client_id, one) not in there), None)
        found[stop.client_id, stop.day] = day
        if day is not None:
            counts[day] += 1
            there.add((stop.client_id, day))
    return found
