"""The order of a day's visits: always to the nearest client that is left. Pure; O(n²) for the few stops of a day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from math import asin, cos, pi, radians, sin, sqrt
from typing import NamedTuple
from uuid import UUID

from steward_tenants.texts import Bilingual

EARTH_METRES = 6_371_008.8
"""The earth's mean radius."""
HEMISPHERE = 0.5
"""The haversine of a quarter of a great circle."""


class Place(NamedTuple):
    """A point on the earth in degrees."""

    latitude: Decimal | float
    longitude: Decimal | float


@dataclass(frozen=True)
class Stop:
    """A visit of the day; `place` None: the client's coordinates are not known."""

    id: UUID
    place: Place | None


@dataclass(frozen=True)
class Leg:
    """A stop of the route and the metres from the one before; None: not known, or the first without a start."""

    stop: Stop
    metres: int | None


@dataclass(frozen=True)
class Route:
    """The day's stops in order, the metres in all, and how the order came about."""

    legs: tuple[Leg, ...]
    metres: int
    lines: tuple[Bilingual, ...]


def distance(one: Place, other: Place) -> float:
    """Metres between two places along the earth's surface (haversine; by way of the opposite point where that is
    nearer, for close to it an arc's sine says little about the arc)."""
    latitude, longitude = radians(float(one.latitude)), radians(float(one.longitude))
    to_latitude, to_longitude = radians(float(other.latitude)), radians(float(other.longitude))
    turned, both = (to_longitude - longitude) / 2, cos(latitude) * cos(to_latitude)
    half = sin((to_latitude - latitude) / 2) ** 2 + both * sin(turned) ** 2
    if half <= HEMISPHERE:
        return 2 * EARTH_METRES * asin(sqrt(half))
    opposite = sin((to_latitude + latitude) / 2) ** 2 + both * cos(turned) ** 2
    return EARTH_METRES * (pi - 2 * asin(sqrt(opposite)))


def route(stops: Iterable[Stop], start: Place | None = None) -> Route:
    """The stops by nearest neighbour from `start`, which may be left open: then from the outermost stop, the one that
    is farthest from all others together. Stops without coordinates come last. Equal distances are told apart by id, so
    the order in which stops are given does not matter."""
    given = sorted(stops, key=lambda one: one.id)
    placed = [(one, one.place) for one in given if one.place is not None]
    unplaced = [one for one in given if one.place is None]
    legs: list[Leg] = []
    here = start
    if here is None and placed:
        first = max(placed, key=lambda one: (sum(distance(one[1], other) for _, other in placed), -one[0].id.int))
        placed.remove(first)
        legs.append(Leg(first[0], None))
        here = first[1]
    while placed and here is not None:
        from_here = here
        metres, at = min((distance(from_here, place), at) for at, (_, place) in enumerate(placed))
        stop, here = placed.pop(at)
        legs.append(Leg(stop, round(metres)))
    legs += [Leg(one, None) for one in unplaced]
    total = sum(leg.metres or 0 for leg in legs)
    return Route(tuple(legs), total, _lines(len(legs) - len(unplaced), len(unplaced), total, start))


def _lines(placed: int, unplaced: int, total: int, start: Place | None) -> tuple[Bilingual, ...]:
    begin = (
        Bilingual("从最外围的客户开始", "from the outermost client")
        if start is None
        else Bilingual("从出发点开始", "from the starting point")
    )
    lines = []
    if placed:
        lines.append(
            Bilingual(
                f"{begin.zh}，每次前往最近的客户，{placed} 处共 {total} 米",
                f"Always to the nearest client {begin.en}: {placed} stop(s), {total} m",
            )
        )
    if unplaced:
        lines.append(Bilingual(f"{unplaced} 户没有坐标，排在最后", f"{unplaced} without coordinates, put at the end"))
    return tuple(lines)
