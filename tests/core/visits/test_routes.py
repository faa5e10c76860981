"""The order of a day's visits: nearest neighbour, the same whatever the order given, unknown places last."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from steward_core.visits.routes import EARTH_METRES, Place, Stop, distance, route

BEIJING, SHANGHAI = Place(39.9042, 116.4074), Place(31.2304, 121.4737)


def stop(number: int, latitude: float | Decimal | None = None, longitude: float | Decimal = 120.0) -> Stop:
    return Stop(UUID(int=number), None if latitude is None else Place(latitude, longitude))


@pytest.mark.parametrize(
    ("one", "other", "metres"),
    [
        (BEIJING, SHANGHAI, 1_067_000),
        (Place(0, 0), Place(0, 1), 111_195),
        (Place(0, 0), Place(1, 0), 111_195),
        (Place(60, 0), Place(60, 1), 55_597),
        (Place(0, 179.5), Place(0, -179.5), 111_195),
        (Place(90, 0), Place(-90, 0), 20_015_115),
    ],
)
def test_distances_are_those_of_the_earth(one: Place, other: Place, metres: int) -> None:
    assert distance(one, other) == pytest.approx(metres, rel=0.001)


PLACES = st.builds(
    Place,
    st.decimals(-90, 90, places=6),
    st.decimals(-180, 180, places=6),
)


@given(PLACES, PLACES, PLACES)
@example(Place(89.999999, 0), Place(0, 0), Place(-89.999997, 0))
def test_distance_is_a_metric(one: Place, other: Place, third: Place) -> None:
    assert distance(one, one) == 0
    assert distance(one, other) == distance(other, one)
    assert 0 <= distance(one, other) <= EARTH_METRES * 3.1416
    assert distance(one, third) <= distance(one, other) + distance(other, third) + 0.01


def test_from_a_start_always_to_the_nearest() -> None:
    stops = [stop(1, 30.03), stop(2, 30.01), stop(3, 30.02), stop(4, 29.95), stop(5)]
    found = route(stops, Place(30.0, 120.0))
    assert [leg.stop.id.int for leg in found.legs] == [2, 3, 1, 4, 5]
    assert [leg.metres for leg in found.legs] == [1112, 1112, 1112, 8896, None]
    assert found.metres == 12232
    assert [line.en for line in found.lines] == [
        "Always to the nearest client from the starting point: 4 stop(s), 12232 m",
        "1 without coordinates, put at the end",
    ]


def test_without_a_start_from_the_outermost() -> None:
    found = route([stop(1, 30.02), stop(2, 30.00), stop(3, 30.01), stop(4, 30.05)])
    assert [leg.stop.id.int for leg in found.legs] == [4, 1, 3, 2]
    assert found.legs[0].metres is None


def test_equal_distances_are_told_apart_by_id() -> None:
    stops = [stop(9, Decimal("30.0")), stop(3, Decimal("30.0")), stop(5, Decimal("30.0"))]
    assert [leg.stop.id.int for leg in route(stops).legs] == [3, 5, 9]
    assert [leg.stop.id.int for leg in route(stops, Place(30, 121)).legs] == [3, 5, 9]


def test_nothing_to_visit_and_nowhere_known() -> None:
    assert route([]).legs == ()
    found = route([stop(2), stop(1)], BEIJING)
    assert ([leg.stop.id.int for leg in found.legs], found.metres) == ([1, 2], 0)


STOPS = st.lists(
    st.tuples(st.integers(1, 99), st.none() | st.decimals(29, 31, places=4), st.decimals(119, 121, places=4)).map(
        lambda drawn: stop(*drawn)
    ),
    max_size=20,
    unique_by=lambda one: one.id,
)
STARTS = st.none() | st.builds(Place, st.decimals(29, 31, places=4), st.decimals(119, 121, places=4))


@given(STOPS, STARTS, st.randoms(use_true_random=False))
def test_every_leg_is_the_shortest_of_those_left(stops: list[Stop], start: Place | None, random: Any) -> None:
    found = route(stops, start)
    shuffled = list(stops)
    random.shuffle(shuffled)
    assert route(shuffled, start) == found
    order = [leg.stop for leg in found.legs]
    assert sorted(order, key=lambda one: one.id) == sorted(stops, key=lambda one: one.id)
    known = [one for one in order if one.place is not None]
    assert order == known + [one for one in order if one.place is None]
    here = start
    for number, one in enumerate(known):
        assert one.place is not None
        if here is not None:
            left = [distance(here, other.place) for other in known[number:] if other.place is not None]
            assert distance(here, one.place) == min(left)
            assert found.legs[number].metres == round(min(left))
        here = one.place
    assert found.metres == sum(leg.metres or 0 for leg in found.legs)
