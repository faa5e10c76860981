"""Stops on days of leave: each goes to the next day with room, or to the last before, or does not fit."""

from __future__ import annotations

from collections import Counter
from datetime import date
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from steward_core.calendars.rules import WorkingDays
from steward_core.visits.away import Stop, make_way

WORKED = WorkingDays().working_between(date(2026, 11, 1), date(2026, 11, 30))
"""The 21 working days of November 2026."""


def nov(day: int) -> date:
    return date(2026, 11, day)


def stop(client: int, day: int, **values: int) -> Stop:
    return Stop(UUID(int=client), nov(day), **values)


def standing(*stops: Stop) -> set[tuple[UUID, date]]:
    return {(one.client_id, one.day) for one in stops}


def placed(*stops: Stop, there: set[tuple[UUID, date]], most: int, without: tuple[int, ...]) -> list[int | None]:
    """The days of November on which these stops are now."""
    worked = [day for day in WORKED if day.day not in without]
    found = make_way(stops, there, worked, most)
    days = [found[one.client_id, one.day] for one in stops]
    return [None if day is None else day.day for day in days]


def test_they_go_to_the_next_day_that_is_worked_and_has_room() -> None:
    """Leave on Thursday and Friday; Monday takes one more, Tuesday the rest."""
    away = [stop(number, 12 + number % 2) for number in range(4)]
    there = standing(stop(10, 16), stop(11, 16), stop(12, 17))
    assert placed(*away, there=there, most=3, without=(12, 13)) == [16, 17, 17, 18]


def test_at_the_end_of_the_month_they_go_to_the_last_day_before() -> None:
    away = [stop(1, 27), stop(2, 30)]
    there = standing(stop(9, 26))
    assert placed(*away, there=there, most=2, without=(27, 30)) == [26, 25]


def test_the_most_important_go_first() -> None:
    away = [stop(1, 12, tier_rank=2), stop(2, 12, tier_rank=1), stop(3, 12, tier_rank=3, carried=1)]
    assert placed(*away, there=set(), most=1, without=(12,)) == [17, 16, 13]


def test_a_client_is_not_visited_twice_on_a_day_for_it() -> None:
    assert placed(stop(1, 12), there=standing(stop(1, 13)), most=8, without=(12,)) == [16]


def test_where_no_day_has_room_it_does_not_fit() -> None:
    assert placed(stop(1, 12), there=set(), most=8, without=tuple(range(1, 31))) == [None]
    full = standing(*(stop(number, day) for number in (8, 9) for day in range(1, 31)))
    assert placed(stop(1, 12), there=full, most=2, without=(12,)) == [None]


@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.sampled_from(WORKED), st.integers(0, 3), st.integers(1, 3)),
        max_size=60,
        unique_by=lambda one: one[:2],
    ),
    st.sets(st.sampled_from(WORKED), max_size=15),
    st.integers(1, 6),
    st.sampled_from(WORKED),
)
def test_whatever_the_leave_no_rule_is_broken(
    stops: list[tuple[int, date, int, int]], leave: set[date], most: int, today: date
) -> None:
    """Nothing on a day of leave or in the past, no day above its capacity for it, what can stand stands, and the same
    stops in any order give the same days."""
    everything = [Stop(UUID(int=client), day, carried, rank) for client, day, carried, rank in stops]
    leaving = [one for one in everything if one.day in leave and one.day >= today]
    there = standing(*(one for one in everything if one not in leaving))
    ahead = [day for day in WORKED if day >= today and day not in leave]
    found = make_way(leaving, there, ahead, most)
    assert set(found) == standing(*leaving)
    assert make_way(reversed(leaving), there, ahead, most) == found
    before, after = Counter(day for _, day in there), Counter(day for day in found.values() if day is not None)
    assert set(after) <= set(ahead)
    assert all(before[day] + number <= most for day, number in after.items())
    landed = {(client, day) for (client, _), day in found.items() if day is not None}
    assert len(landed) == sum(after.values()), "a client twice on one day"
    assert not landed & there
    for (client, day), new in found.items():
        free = [
            one
            for one in ahead
            if before[one] + after[one] < most and (client, one) not in there and (client, one) not in landed
        ]
        if new is None:
            assert not free, "there was room"
        elif new > day:
            assert not any(day < one < new for one in free), "an earlier one was free"
        else:
            assert not any(one > day or new < one < day for one in free), "a later one was free"
