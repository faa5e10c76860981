"""What was left open goes on into the next month, once for each client and source, counted and marked."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_core.visits.actions import PlanAction, Symbol, month_of
from steward_core.visits.carrying import carry_over

OCTOBER, NOVEMBER, DECEMBER = (month_of(date(2026, month, 1)) for month in (10, 11, 12))


def action(client: int = 1, source: str = "p", on: date = date(2026, 10, 9), **values: Any) -> PlanAction:
    return PlanAction(UUID(int=client), source, on, values.pop("visits", (on,)), **values)


@pytest.mark.parametrize(
    ("values", "symbol"),
    [
        ({}, "☆"),
        ({"carried": 2}, "☆"),
        ({"temporary": True}, "●"),
        ({"done": True}, "★"),
        ({"done": True, "temporary": True}, "★"),
    ],
)
def test_signs_of_the_day_sheet(values: dict[str, Any], symbol: str) -> None:
    assert action(**values).symbol == Symbol(symbol)


def test_carried_twice_counts_two() -> None:
    once = carry_over([action()], [], NOVEMBER).all
    twice = carry_over(once, [], DECEMBER).all
    assert [one.carried for one in (*once, *twice)] == [1, 2]
    assert once[0].mark is not None
    assert twice[0].mark is not None
    assert (once[0].mark.zh, once[0].mark.en) == ("结转 1 次", "carried over once")
    assert (twice[0].mark.zh, twice[0].mark.en) == ("结转 2 次", "carried over twice")
    assert twice[0].due_on == date(2026, 10, 9)
    assert twice[0].visits == (date(2026, 12, 1),)
    assert [line.en for line in twice[0].lines] == [
        "Not done last month, carried over for the 1st time (due 2026-10-09)",
        "Not done last month, carried over for the 2nd time (due 2026-10-09)",
    ]
    assert action().mark is None
    assert replace(action(), carried=3).mark == ("结转 3 次", "carried over 3 times")


def test_what_is_done_stays_behind() -> None:
    found = carry_over([action(done=True), action(2)], [], NOVEMBER)
    assert [one.client_id.int for one in found.all] == [2]


def test_a_temporary_task_is_planned_in_the_next_month() -> None:
    (carried,) = carry_over([action(temporary=True)], [], NOVEMBER).carried
    assert (carried.symbol, carried.carried) == (Symbol.PLANNED, 1)


def test_a_carried_one_replaces_a_new_one_and_keeps_its_visits() -> None:
    weekly = tuple(date(2026, 11, day) for day in (1, 8, 15, 22, 29))
    new = [action(on=date(2026, 10, 16), visits=weekly), action(source="q", on=date(2026, 11, 3)), action(2)]
    found = carry_over([action(carried=1)], new, NOVEMBER)
    assert [(one.client_id.int, one.source, one.carried) for one in found.all] == [
        (1, "p", 2),
        (1, "q", 0),
        (2, "p", 0),
    ]
    assert (found.carried[0].visits, found.carried[0].due_on) == (weekly, date(2026, 10, 9))
    assert found.replaced == (new[0],)


ACTIONS = st.lists(
    st.builds(
        action,
        st.integers(1, 4),
        st.sampled_from("pq"),
        st.dates(date(2026, 9, 1), date(2026, 11, 30)),
        done=st.booleans(),
        temporary=st.booleans(),
        carried=st.integers(0, 3),
    ),
    max_size=12,
)


def key(one: PlanAction) -> tuple[UUID, str]:
    return one.client_id, one.source


@given(ACTIONS, ACTIONS)
def test_nothing_open_is_lost_and_nothing_stands_twice(before: list[PlanAction], new: list[PlanAction]) -> None:
    found = carry_over(before, new, NOVEMBER)
    keys = [key(one) for one in found.all]
    assert len(keys) == len(set(keys))
    open_before = {key(one) for one in before if not one.done}
    assert set(keys) == open_before | {key(one) for one in new}
    assert {key(one) for one in found.carried} == open_before
    assert all(one.carried >= 1 and not one.temporary and not one.done for one in found.carried)
    assert all(day >= NOVEMBER.start for one in found.carried for day in one.visits if key(one) not in map(key, new))
    assert {key(one) for one in found.replaced} == open_before & {key(one) for one in new}
