"""A month's visits on its working days: at least 4 and at most 8 a day, in due order, and nothing dropped."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_core.calendars.rules import CalendarBase, WorkingDays
from steward_core.visits.actions import PlanAction, last_of, month_of
from steward_core.visits.capacity import PlannedVisit, Spread, gathered, moved_to, rooms, spread
from steward_core.visits.templates import VisitFigures

NOVEMBER = month_of(date(2026, 11, 1))
"""21 working days; the 1st is a Sunday."""
OCTOBER = month_of(date(2026, 10, 1))
"""Off from the 1st to the 7th; Saturday 10 October is worked (调休)."""
CHINA = WorkingDays()
FIGURES = VisitFigures()


def nov(day: int) -> date:
    return date(2026, 11, day)


def visit(client: int, on: date = NOVEMBER.start, **values: Any) -> PlannedVisit:
    return PlannedVisit(UUID(int=client), on, **values)


def action(client: int, source: str, *days: date, **values: Any) -> PlanAction:
    return PlanAction(UUID(int=client), source, values.pop("due_on", days[0]), days, **values)


def counts(found: Spread) -> list[int]:
    by_day = Counter(one.day for one in found.placed)
    return [by_day[day] for day in CHINA.working_between(NOVEMBER.start, last_of(NOVEMBER))]


@pytest.mark.parametrize(
    ("visits", "expected"),
    [
        (0, [0] * 21),
        (20, [4] * 5 + [0] * 16),
        (84, [4] * 21),
        (85, [5] + [4] * 20),
        (100, [5] * 16 + [4] * 5),
        (168, [8] * 21),
        (200, [8] * 21),
    ],
)
def test_days_fill_from_the_floor_to_the_capacity(visits: int, expected: list[int]) -> None:
    """4 visits a working day are the floor [000#4], 8 the capacity; 200 clients do not fit into 21 days of 8."""
    found = spread([visit(number) for number in range(visits)], NOVEMBER, CHINA, FIGURES)
    assert counts(found) == expected
    assert len(found.overflow) == max(0, visits - 168)


def test_what_does_not_fit_is_told() -> None:
    found = spread([visit(number) for number in range(200)], NOVEMBER, CHINA, FIGURES)
    assert [line.en for line in found.lines] == [
        "21 working days with 4 to 8 visits each: 168 in all",
        "32 visit(s) do not fit into the month and are listed for the supervisor",
    ]
    short = spread([visit(number) for number in range(20)], NOVEMBER, CHINA, FIGURES)
    assert short.lines[1].zh == "每日 4 次应为 84 次，尚缺 64 次"


def test_what_matters_least_stays_out() -> None:
    one_a_day = VisitFigures(least_visits_a_day=1, most_visits_a_day=1)
    weekend = WorkingDays(CalendarBase.WEEKENDS)
    away = weekend.working_between(nov(4), nov(30))
    visits = [
        visit(1, nov(2), tier_rank=3),
        visit(2, nov(20), tier_rank=1),
        visit(3, nov(1), tier_rank=3),
        visit(4, nov(30), tier_rank=4, carried=2),
        visit(5, nov(1)),
    ]
    found = spread(visits, NOVEMBER, weekend, one_a_day, absent=away)
    assert [(one.visit.client_id.int, one.day.day) for one in found.placed] == [(2, 2), (4, 3)]
    assert [one.client_id.int for one in found.overflow] == [3, 1, 5]


def test_a_visit_falls_on_the_first_working_day_from_its_due_day() -> None:
    found = spread([visit(1, nov(7)), visit(2, nov(30)), visit(3, date(2026, 10, 2))], NOVEMBER, CHINA, FIGURES)
    assert [(one.visit.client_id.int, one.day) for one in found.placed] == [(3, nov(2)), (1, nov(9)), (2, nov(30))]
    assert [one.line for one in found.placed] == [None, None, None]
    golden = spread([visit(1, date(2026, 10, 1)), visit(2, date(2026, 10, 10))], OCTOBER, CHINA, FIGURES)
    assert [one.day for one in golden.placed] == [date(2026, 10, 8), date(2026, 10, 10)]


def test_a_full_day_puts_off_and_the_months_end_brings_forward() -> None:
    crowd = [visit(number, nov(5)) for number in range(5)] + [visit(10 + number, nov(30)) for number in range(6)]
    found = spread(crowd, NOVEMBER, CHINA, FIGURES)
    assert [(one.visit.client_id.int, one.day.day) for one in found.placed] == [
        *((number, 5) for number in range(4)),
        (4, 6),
        (10, 27),
        (11, 27),
        *((number, 30) for number in range(12, 16)),
    ]
    late, early = found.placed[4].line, found.placed[5].line
    assert late is not None
    assert early is not None
    assert late.zh == "2026-11-05 到期，2026-11-05 已满，顺延到 2026-11-06"
    assert early.en == "Due 2026-11-30, no room from then on: brought forward to 2026-11-27"


def test_days_away_and_visits_that_stand_take_room() -> None:
    taken = {nov(2): 8, nov(3): 3}
    found = spread([visit(number) for number in range(6)], NOVEMBER, CHINA, FIGURES, absent={nov(4)}, taken=taken)
    assert [one.day.day for one in found.placed] == [3, 5, 5, 5, 5, 6]
    nobody = spread([visit(1)], NOVEMBER, CHINA, FIGURES, absent=set(CHINA.working_between(nov(1), nov(30))))
    assert (nobody.placed, len(nobody.overflow)) == ((), 1)


def test_a_weekly_client_is_seen_weekly_however_full_the_month_is() -> None:
    weekly = [visit(1, nov(day), number=number) for number, day in enumerate((2, 9, 16, 23, 30))]
    found = spread([*weekly, *(visit(number, nov(30)) for number in range(2, 100))], NOVEMBER, CHINA, FIGURES)
    days = [one.day.day for one in found.placed if one.visit.client_id.int == 1]
    assert days == [2, 9, 16, 23, 30]
    assert min(counts(found)) == 4


def test_what_is_to_be_done_at_a_client_is_done_on_one_visit() -> None:
    weekly = action(1, "weekly", nov(1), nov(8), nov(15), due_on=date(2026, 10, 25), carried=1)
    profile, birthday = action(1, "profile", nov(12)), action(1, "birthday", nov(20), carried=2)
    other, early = action(2, "monthly", nov(20)), action(2, "contract", nov(3))
    found = gathered([weekly, profile, birthday, other, early, action(3, "done", nov(4), done=True)], {UUID(int=1): 2})
    assert found == (
        visit(1, date(2026, 10, 25), number=0, carried=1, tier_rank=2, sources=("weekly",)),
        visit(1, nov(8), number=1, tier_rank=2, sources=("weekly", "profile")),
        visit(1, nov(15), number=2, carried=2, tier_rank=2, sources=("weekly", "birthday")),
        visit(2, nov(3), sources=("contract", "monthly")),
    )
    placed = spread(found, NOVEMBER, CHINA, FIGURES).placed
    assert moved_to(weekly, placed).visits == (nov(2), nov(9), nov(16))
    assert moved_to(other, placed).visits == (nov(3),)
    assert moved_to(action(9, "x", nov(5)), placed).visits == (nov(5),)


VISITS = st.lists(
    st.builds(
        visit,
        st.integers(1, 400),
        st.dates(date(2026, 10, 1), nov(30)),
        tier_rank=st.integers(1, 5),
        carried=st.integers(0, 2),
    ),
    max_size=60,
    unique_by=lambda one: one.client_id,
)
AWAY = st.sets(st.sampled_from(CHINA.working_between(nov(1), nov(30))), max_size=21)
TAKEN = st.dictionaries(st.sampled_from(CHINA.working_between(nov(1), nov(30))), st.integers(0, 5), max_size=6)
LIMITS = st.tuples(st.integers(0, 4), st.integers(1, 4)).map(
    lambda both: VisitFigures(least_visits_a_day=min(both), most_visits_a_day=max(both))
)


@given(VISITS, AWAY, TAKEN, LIMITS)
def test_nothing_is_dropped_and_no_day_overfilled(
    visits: list[PlannedVisit], away: set[date], taken: dict[date, int], figures: VisitFigures
) -> None:
    found = spread(visits, NOVEMBER, CHINA, figures, absent=away, taken=taken)
    assert Counter([*(one.visit for one in found.placed), *found.overflow]) == Counter(visits)
    worked = [day for day in CHINA.working_between(nov(1), nov(30)) if day not in away]
    room = {day: max(0, figures.most_visits_a_day - taken.get(day, 0)) for day in worked}
    by_day = Counter(one.day for one in found.placed)
    assert all(by_day[day] <= room.get(day, 0) for day in by_day)
    assert len(found.placed) == min(len(visits), sum(room.values()))
    if found.overflow and found.placed:
        assert max(one.visit.priority for one in found.placed) < min(one.priority for one in found.overflow)
    floor = {
        day: max(0, min(figures.least_visits_a_day, room[day] + taken.get(day, 0)) - taken.get(day, 0))
        for day in worked
    }
    if len(visits) >= sum(floor.values()):
        assert all(by_day[day] >= floor[day] for day in worked)
    # Due order is kept over the days.
    order = sorted(found.placed, key=lambda one: one.visit.due_order)
    assert all(before.day <= after.day for before, after in pairwise(order))
    # The order in which visits are given does not matter.
    assert found == spread(list(reversed(visits)), NOVEMBER, CHINA, figures, absent=away, taken=taken)


@given(VISITS)
def test_with_room_for_all_everybody_comes_on_the_first_free_day(visits: list[PlannedVisit]) -> None:
    wide = VisitFigures(least_visits_a_day=8, most_visits_a_day=8)
    found = spread(visits, NOVEMBER, CHINA, wide)
    by_day = Counter(one.day for one in found.placed)
    for one in found.placed:
        if one.target is not None and one.day > one.target:
            between = CHINA.working_between(one.target, one.day - timedelta(days=1))
            assert all(by_day[day] == 8 for day in between)


@given(st.integers(0, 60), st.lists(st.integers(0, 9), max_size=10), st.integers(0, 5), st.integers(1, 8))
def test_rooms_are_level(count: int, taken: list[int], least: int, most: int) -> None:
    least = min(least, most)
    found = rooms(count, taken, least, most)
    capacity = [max(0, most - one) for one in taken]
    floor = [max(0, least - one) for one in taken]
    assert all(low <= room <= high for low, room, high in zip(floor, found, capacity, strict=True))
    assert sum(found) == min(sum(capacity), max(count, sum(floor)))
    above = [one + room for one, room, low in zip(taken, found, floor, strict=True) if room > low]
    if above:
        lower = [one + room for one, room in zip(taken, found, strict=True) if one < most]
        assert max(above) - min(lower) <= 1
