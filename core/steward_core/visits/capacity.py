"""Spreading a month's visits over its working days. Pure.

Visits in order of their due days take one slot each: the first free one on or after the first working day from their
due day on, and no later than leaves room for those that follow. So order is kept, a day never has more than it takes,
and whatever fits at all is placed. Further visits of a client (a weekly one's second) are placed before the first
visits of all, on their days: only first visits are brought forward to bring a day up to the floor.

Each of the two placings is two window functions in SQL. With the slots of a month numbered from 1 (day by day, as many
as `rooms` gives), `target` the first slot from a visit's due day on, `rn` its row_number() in due order within the
manager, `n` the manager's count of visits and `size` that of slots:

    slot = least(rn + max(target - rn) OVER (PARTITION BY manager ORDER BY due order), size - n + rn)
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from steward_core.calendars.rules import WorkingDays
from steward_core.industry.declarations import Period
from steward_core.visits.actions import PlanAction, last_of
from steward_core.visits.templates import VisitFigures
from steward_tenants.texts import Bilingual

UNRANKED = 1_000_000
"""Where a client without a tier stands: behind all others."""


@dataclass(frozen=True)
class PlannedVisit:
    """One visit to a client with everything that is to be done on it. `number` counts the client's visits of the
    month from 0; `tier_rank` 1 is the most valuable tier."""

    client_id: UUID
    due_on: date
    number: int = 0
    carried: int = 0
    tier_rank: int = UNRANKED
    sources: tuple[str, ...] = ()

    @property
    def due_order(self) -> tuple[object, ...]:
        """By due day; on one day by priority."""
        return (self.due_on, *self.priority)

    @property
    def priority(self) -> tuple[object, ...]:
        """What was carried over more often goes first, then the more valuable tier, then the earlier day."""
        return (-self.carried, self.tier_rank, self.due_on, self.client_id, self.number)


@dataclass(frozen=True)
class Placed:
    """A visit on its day. `target`: the first working day from its due day on; None: the month has none any more."""

    visit: PlannedVisit
    day: date
    target: date | None

    @property
    def line(self) -> Bilingual | None:
        """Why it is not on its target day; None: it is."""
        if self.target is None or self.day < self.target:
            return Bilingual(
                f"{self.visit.due_on} 到期，之后已无空位，提前到 {self.day}",
                f"Due {self.visit.due_on}, no room from then on: brought forward to {self.day}",
            )
        if self.day > self.target:
            return Bilingual(
                f"{self.visit.due_on} 到期，{self.target} 已满，顺延到 {self.day}",
                f"Due {self.visit.due_on}, {self.target} is full: put off to {self.day}",
            )
        return None


@dataclass(frozen=True)
class Spread:
    """A month's visits on their days, those that do not fit (for the supervisor, most important first), and why."""

    placed: tuple[Placed, ...]
    overflow: tuple[PlannedVisit, ...]
    lines: tuple[Bilingual, ...]


def gathered(actions: Iterable[PlanAction], tier_ranks: Mapping[UUID, int]) -> tuple[PlannedVisit, ...]:
    """The visits that open actions ask for: what is to be done at a client on the way is done on the visit before it,
    or moves the client's first visit forward. No action is lost, and none makes a visit of its own beside another."""
    by_client: dict[UUID, list[PlanAction]] = {}
    for action in actions:
        if not action.done:
            by_client.setdefault(action.client_id, []).append(action)
    return tuple(
        visit for client, own in by_client.items() for visit in _of_client(own, tier_ranks.get(client, UNRANKED))
    )


def _of_client(actions: Sequence[PlanAction], tier_rank: int) -> list[PlannedVisit]:
    leading = min(actions, key=lambda one: (-len(one.visits), one.visits, one.source))
    days = list(leading.visits)
    days[0] = min(day for one in actions for day in one.visits)
    sources: list[list[str]] = [[] for _ in days]
    carried = [0] * len(days)
    for action in sorted(actions, key=lambda one: (one.due_on, one.source)):
        places = {max(number for number, on in enumerate(days) if on <= day) for day in action.visits}
        for number in places if action is not leading else range(len(days)):
            sources[number].append(action.source)
        first = min(places)
        carried[first] = max(carried[first], action.carried)
    # What is overdue keeps its place in the order by the day on which it fell due.
    days[0] = min(days[0], *(one.due_on for one in actions))
    return [
        PlannedVisit(leading.client_id, day, number, carried[number], tier_rank, tuple(sources[number]))
        for number, day in enumerate(days)
    ]


def rooms(count: int, taken: Sequence[int], least: int, most: int) -> tuple[int, ...]:
    """How many of `count` visits each day takes, where `taken` stand on it already.

    Each day has `least` in all before any has more; then days fill evenly, earlier ones first, up to `most`.
    """

    def at(level: int) -> list[int]:
        return [max(0, min(level, most) - already) for already in taken]

    level = min(least, most)
    while level < most and sum(at(level)) < count:
        level += 1
    found = at(level)
    spare = sum(found) - count
    if level > min(least, most):
        lower = at(level - 1)
        for place in reversed(range(len(found))):
            if spare <= 0:
                break
            if found[place] > lower[place]:
                found[place] -= 1
                spare -= 1
    return tuple(found)


def spread(
    visits: Iterable[PlannedVisit],
    month: Period,
    days: WorkingDays,
    figures: VisitFigures,
    *,
    absent: Collection[date] = (),
    taken: Mapping[date, int] | None = None,
) -> Spread:
    """Spread visits over the working days of a month.

    4 visits a working day are the floor [000#4], 8 the capacity by default. `absent` are working days on which the
    manager is away, `taken` counts the visits that stand on a day already. When not all fit, the least important stay
    out and are listed; none is dropped.
    """
    worked = [day for day in days.working_between(month.start, last_of(month)) if day not in absent]
    already = [(taken or {}).get(day, 0) for day in worked]
    wanted = sorted(visits, key=lambda one: one.priority)
    least, most = figures.least_visits_a_day, figures.most_visits_a_day
    size = sum(max(0, most - count) for count in already)
    kept, overflow = wanted[:size], wanted[size:]
    further = [one for one in kept if one.number]
    placed = _placed(further, worked, rooms(len(further), already, most, most))
    counts = Counter(one.day for one in placed)
    standing = [count + counts[day] for count, day in zip(already, worked, strict=True)]
    first = [one for one in kept if not one.number]
    placed += _placed(first, worked, rooms(len(first), standing, least, most))
    placed = sorted(_by_number(placed, worked), key=lambda one: (one.day, one.visit.due_order))
    return Spread(tuple(placed), tuple(overflow), _lines(len(wanted), worked, already, len(overflow), figures))


def _placed(visits: Iterable[PlannedVisit], worked: Sequence[date], room: Sequence[int]) -> list[Placed]:
    """Each visit on a day; there is room for all."""
    slots = [day for day, places in zip(worked, room, strict=True) for _ in range(places)]
    order = sorted(visits, key=lambda one: one.due_order)
    placed, put_off = [], 0
    for place, visit in enumerate(order):
        put_off = max(put_off, bisect_left(slots, visit.due_on) - place)
        slot = place + min(put_off, len(slots) - len(order))
        placed.append(_on(visit, slots[slot], worked))
    return placed


def _on(visit: PlannedVisit, day: date, worked: Sequence[date]) -> Placed:
    first = bisect_left(worked, visit.due_on)
    return Placed(visit, day, worked[first] if first < len(worked) else None)


def _by_number(placed: Iterable[Placed], worked: Sequence[date]) -> Iterator[Placed]:
    """The same with each client's visits in their order: a first one that was put off changes place with the next."""
    by_client: dict[UUID, list[Placed]] = {}
    for one in placed:
        by_client.setdefault(one.visit.client_id, []).append(one)
    for own in by_client.values():
        if len(own) == 1:
            yield own[0]
            continue
        days = sorted(one.day for one in own)
        numbered = sorted((one.visit for one in own), key=lambda visit: visit.number)
        yield from (_on(visit, day, worked) for visit, day in zip(numbered, days, strict=True))


def _lines(
    count: int, worked: Sequence[date], already: Sequence[int], left: int, figures: VisitFigures
) -> tuple[Bilingual, ...]:
    least, most = figures.least_visits_a_day, figures.most_visits_a_day
    all_in = count - left + sum(already)
    lines = [
        Bilingual(
            f"{len(worked)} 个工作日，每日 {least} 至 {most} 次，共安排 {all_in} 次",
            f"{len(worked)} working days with {least} to {most} visits each: {all_in} in all",
        )
    ]
    if all_in < least * len(worked):
        missing = least * len(worked) - all_in
        lines.append(
            Bilingual(
                f"每日 {least} 次应为 {least * len(worked)} 次，尚缺 {missing} 次",
                f"{least} a day would be {least * len(worked)}: {missing} short",
            )
        )
    if left:
        lines.append(
            Bilingual(
                f"{left} 次走访超出当月容量，已列出，请主管安排",
                f"{left} visit(s) do not fit into the month and are listed for the supervisor",
            )
        )
    return tuple(lines)


def moved_to(action: PlanAction, placed: Iterable[Placed]) -> PlanAction:
    """An action with the days on which its visits were placed; as it was where none was."""
    own = sorted(
        one.day for one in placed if one.visit.client_id == action.client_id and action.source in one.visit.sources
    )
    return replace(action, visits=tuple(own)) if own else action
