"""What a month must come to: 20 distinct clients [002], 4 visits a working day [000#4]."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_core.calendars.rules import WorkingDays
from steward_core.visits.quotas import Visited, distinct_clients, visits_a_day
from steward_core.visits.templates import VisitFigures

FIGURES = VisitFigures()
NOVEMBER = WorkingDays().working_between(date(2026, 11, 1), date(2026, 11, 30))


def visit(client: int, day: date = NOVEMBER[0]) -> Visited:
    return Visited(UUID(int=client), day)


@pytest.mark.parametrize(("clients", "met", "missing"), [(0, False, 20), (19, False, 1), (20, True, 0), (21, True, 0)])
def test_twenty_distinct_clients_a_month(clients: int, met: bool, missing: int) -> None:
    visits = [visit(number % clients) for number in range(40)] if clients else []
    found = distinct_clients(visits, FIGURES)
    assert (found.met, found.figure, found.wanted, found.missing) == (met, Decimal(clients), 20, missing)


def test_distinct_clients_are_explained() -> None:
    found = distinct_clients([visit(1), visit(1), visit(2)], FIGURES)
    assert found.lines == (
        ("走访 3 次，共 2 户，应不少于 20 户，尚缺 18 户", "3 visit(s) to 2 distinct client(s), 20 wanted: 18 short"),
    )
    assert distinct_clients([visit(1)], VisitFigures(distinct_clients=1)).lines[0].zh.endswith("已达到")


@pytest.mark.parametrize(
    ("visits", "met", "mean", "missing"),
    [(0, False, "0.00", 84), (83, False, "3.95", 1), (84, True, "4.00", 0), (100, True, "4.76", 0)],
)
def test_four_visits_a_working_day(visits: int, met: bool, mean: str, missing: int) -> None:
    """21 working days: 84 visits."""
    found = visits_a_day([visit(1, NOVEMBER[number % 21]) for number in range(visits)], NOVEMBER, FIGURES)
    assert (found.met, found.figure, found.wanted, found.missing) == (met, Decimal(mean), 4, missing)


def test_days_with_too_few_are_told() -> None:
    visits = [visit(1, NOVEMBER[0])] * 81 + [visit(1, NOVEMBER[5])] * 3
    found = visits_a_day(visits, NOVEMBER, FIGURES)
    assert found.met
    assert [line.en for line in found.lines] == [
        "84 visit(s) in 21 working day(s), 4.00 a day, 4 wanted: met",
        "20 day(s) with fewer than 4, the first on 2026-11-03",
    ]


def test_who_did_not_work_owes_nothing() -> None:
    found = visits_a_day([], [], FIGURES)
    assert (found.met, found.missing, found.lines[0].zh) == (True, 0, "没有工作日，不作要求")


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 29)), max_size=150), st.integers(1, 6))
def test_the_quotas_count_what_is_there(drawn: list[tuple[int, int]], least: int) -> None:
    figures = VisitFigures(least_visits_a_day=least, distinct_clients=least * 5)
    visits = [visit(client, date(2026, 11, 1) + timedelta(days=day)) for client, day in drawn]
    clients, daily = distinct_clients(visits, figures), visits_a_day(visits, NOVEMBER, figures)
    assert clients.missing == max(0, least * 5 - len({client for client, _ in drawn}))
    assert daily.missing == max(0, least * 21 - len(drawn))
    assert clients.met is (clients.missing == 0)
    assert daily.met is (daily.missing == 0)
