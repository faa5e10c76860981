"""Check-ins: how far from the client, by which clock, how late; accepted, flagged or refused, each with its reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_core.visits.check_in import CheckIn, CheckInDecision, Verdict, check_in
from steward_core.visits.routes import Place
from steward_core.visits.templates import CheckInFigures

NOON = datetime(2026, 11, 5, 4, 0, tzinfo=UTC)
SHOP = Place(30.0, 120.0)
FIGURES = CheckInFigures()
METRE = 1 / 111_195
"""Degrees of latitude."""


def at(metres: float) -> Place:
    return Place(30.0 + metres * METRE, 120.0)


def decided(
    metres: float | None = 0,
    *,
    client: Place | None = SHOP,
    ahead: int = 0,
    late: int = 0,
    figures: CheckInFigures = FIGURES,
    **values: Any,
) -> CheckInDecision:
    """A check-in `metres` from the client on a device `ahead` seconds, sent `late` seconds after it was made."""
    sent = NOON + timedelta(seconds=ahead)
    place = None if metres is None else at(metres)
    given = CheckIn(sent - timedelta(seconds=late), sent, place, **values)
    return check_in(given, client, NOON, figures)


@pytest.mark.parametrize(
    ("metres", "accuracy", "verdict"),
    [
        (0, 0, Verdict.ACCEPTED),
        (300, 0, Verdict.ACCEPTED),
        (301, 0, Verdict.FLAGGED),
        (350, 50, Verdict.ACCEPTED),
        (400, 5000, Verdict.ACCEPTED),
        (401, 5000, Verdict.FLAGGED),
        (301, -500, Verdict.FLAGGED),
        (50_000, 0, Verdict.FLAGGED),
    ],
)
def test_distance_to_the_client(metres: int, accuracy: int, verdict: Verdict) -> None:
    found = decided(metres, accuracy_metres=accuracy)
    assert (found.verdict, found.metres) == (verdict, metres)


def test_a_distance_is_refused_where_the_tenant_says_so() -> None:
    figures = CheckInFigures(near_metres=200, far_metres=2000)
    assert [decided(metres, figures=figures).verdict for metres in (200, 201, 2000, 2001)] == [0, 1, 1, 2]
    line = decided(2001, figures=figures).lines[0]
    assert line.zh == "距客户 2001 米（扣除误差 0 米），超过 2000 米，请到客户处签到"
    assert line.en == "2001 m from the client (0 m of accuracy taken off), beyond 2000 m: check in at the client's"


def test_places_that_are_not_known() -> None:
    nowhere = decided(None)
    assert (nowhere.verdict, nowhere.metres, nowhere.lines[0].zh) == (Verdict.FLAGGED, None, "没有定位，无法核对距离")
    unknown = decided(0, client=None)
    assert (unknown.verdict, unknown.metres) == (Verdict.ACCEPTED, None)


@pytest.mark.parametrize(
    ("ahead", "verdict"),
    [
        (0, Verdict.ACCEPTED),
        (300, Verdict.ACCEPTED),
        (-300, Verdict.ACCEPTED),
        (301, Verdict.FLAGGED),
        (-301, Verdict.FLAGGED),
        (86_400, Verdict.FLAGGED),
        (86_401, Verdict.REFUSED),
        (-86_401, Verdict.REFUSED),
    ],
)
def test_the_devices_clock_against_the_servers(ahead: int, verdict: Verdict) -> None:
    found = decided(ahead=ahead)
    assert (found.verdict, found.clock_seconds) == (verdict, ahead)
    assert found.began_at == NOON


@pytest.mark.parametrize(
    ("late", "verdict"),
    [
        (0, Verdict.ACCEPTED),
        (24 * 3600, Verdict.ACCEPTED),
        (24 * 3600 + 1, Verdict.FLAGGED),
        (168 * 3600, Verdict.FLAGGED),
        (168 * 3600 + 1, Verdict.REFUSED),
        (-300, Verdict.ACCEPTED),
        (-301, Verdict.REFUSED),
    ],
)
def test_a_day_without_network_is_no_drift(late: int, verdict: Verdict) -> None:
    found = decided(late=late)
    assert (found.verdict, found.clock_seconds) == (verdict, 0)
    assert found.began_at == NOON - timedelta(seconds=late)


def test_every_decision_is_explained() -> None:
    found = decided(301, ahead=600, late=90_000)
    assert [line.zh for line in found.lines] == [
        "距客户 301 米（扣除误差 0 米），超过 300 米",
        "设备时钟快 600 秒，超过 300 秒，已按服务器时间修正",
        "签到后 1500 分钟上传，超过 24 小时",
    ]


@given(st.integers(0, 5000), st.integers(-200_000, 200_000), st.integers(-10_000, 2_000_000), st.integers(0, 300))
def test_the_gravest_finding_decides_and_more_is_never_better(
    metres: int, ahead: int, late: int, accuracy: int
) -> None:
    found = decided(metres, ahead=ahead, late=late, accuracy_metres=accuracy)
    alone = [decided(metres, accuracy_metres=accuracy), decided(ahead=ahead), decided(late=late)]
    assert found.verdict == max(one.verdict for one in alone)
    assert found.began_at == NOON - timedelta(seconds=late)
    assert decided(metres + 100, accuracy_metres=accuracy).verdict >= alone[0].verdict
    assert decided(ahead=ahead + (100 if ahead > 0 else -100)).verdict >= alone[1].verdict
