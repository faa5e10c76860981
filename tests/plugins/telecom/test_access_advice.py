"""The access advice and the ring's capacity: every branch, the worked example, and an answer to whatever is asked."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from steward_core.industry.declarations import Advice
from steward_core.industry.dispatcher import ask
from steward_telecom.access_advice import (
    ACCESS_ANSWERS,
    AccessQuestion,
    RingQuestion,
    advise_access,
    advise_ring,
    ring_load,
)
from steward_telecom.choices import AccessTrade, ExistingLine, Place, SecurityClass
from steward_telecom.settings import AccessFigures, TelecomSettings
from steward_tenants.database.database import Database
from steward_tenants.errors import InvalidInput
from tests.plugins.telecom.tenants import telecom

SETTINGS = TelecomSettings()
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def advice(settings: TelecomSettings = SETTINGS, **question: Any) -> Advice:
    return advise_access(settings, AccessQuestion.model_validate({"rate_mbit": 4, "place": "city", **question}))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        # finance, party-government-military: MSTP at any rate, while there are spare slots
        ({"trade": "finance", "spare_slots": True}, "mstp"),
        ({"trade": "government", "spare_slots": True, "rate_mbit": 100}, "mstp"),
        ({"trade": "finance", "slot_use_percent": 80, "spare_slots": True}, "mstp"),
        ({"trade": "finance"}, "mstp_expansion"),
        ({"trade": "government", "rate_mbit": 622, "place": "town"}, "mstp_expansion"),
        # up to 10 Mbit/s on a ring below 50 %, or with a year's need free
        ({"slot_use_percent": "49.99", "spare_slots": True, "rate_mbit": 10}, "mstp"),
        ({"slot_use_percent": 50, "spare_slots": True}, "vpls"),
        ({"slot_use_percent": 50, "year_need_free": True, "spare_slots": True}, "mstp"),
        ({"year_need_free": True, "spare_slots": True, "security": "high"}, "mstp"),
        ({"slot_use_percent": 20, "security": "high", "spare_slots": True}, "mstp"),
        # without spare slots
        ({"slot_use_percent": 20}, "vpls"),
        ({"slot_use_percent": 20, "security": "high"}, "review"),
        ({"slot_use_percent": 60, "security": "high", "spare_slots": True}, "review"),
        ({"spare_slots": True}, "vpls"),
        # above 10 Mbit/s
        ({"rate_mbit": "10.001", "slot_use_percent": 10, "spare_slots": True}, "ipran"),
        ({"rate_mbit": 100, "place": "county"}, "ipran_otn"),
        ({"rate_mbit": 100, "place": "town", "security": "high"}, "ipran_otn"),
        ({"rate_mbit": 100, "place": "across_cities"}, "ipran_otn"),
        # what is there stays
        ({"existing_line": "atm", "trade": "finance", "spare_slots": True}, "keep"),
        ({"existing_line": "ddn"}, "keep"),
        ({"existing_line": "frame_relay", "rate_mbit": 1000}, "keep"),
        ({"existing_line": "other", "rate_mbit": 1000}, "ipran"),
    ],
)
def test_a_line_is_connected_by_trade_rate_and_ring(question: dict[str, Any], answer: str) -> None:
    assert advice(**question).answer == answer


@pytest.mark.parametrize(
    ("question", "form"),
    [
        ({"place": "county"}, "county"),
        ({"place": "town"}, "county"),
        ({"place": "county", "one_bas": False}, "city"),
        ({"place": "city"}, "city"),
        ({"place": "across_cities"}, "across_cities"),
    ],
)
def test_vpls_has_three_forms(question: dict[str, Any], form: str) -> None:
    found = advice(**question)
    assert (found.answer, found.figures["vpls"]) == ("vpls", form)


def test_ipran_in_the_city_is_connected_at_an_own_exchange_building() -> None:
    found = advice(rate_mbit=50)
    assert found.figures["connect_at"] == "own_exchange"
    assert "自有局房" in found.lines[-1].zh
    assert "not at a base station" in found.lines[-1].en


def test_the_figures_are_the_tenants() -> None:
    settings = TelecomSettings(access=AccessFigures(mstp_rate_mbit=Decimal(20), slot_use_below=Decimal(40)))
    assert advice(settings, rate_mbit=20, slot_use_percent=39, spare_slots=True).answer == "mstp"
    assert advice(settings, rate_mbit=20, slot_use_percent=40, spare_slots=True).answer == "vpls"
    assert "20 Mbit/s" in advice(settings, rate_mbit=21).lines[0].en


@pytest.mark.parametrize(
    ("percent", "due", "word"),
    [
        ("24.99", False, "first"),
        ("25", False, "target"),
        ("45", False, "target"),
        ("45.01", False, "high-quality"),
        ("49.99", False, "high-quality"),
        ("50", True, "expansion is due"),
        ("70", True, "expansion is due"),
        ("70.01", True, "at once"),
    ],
)
def test_a_rings_load_is_judged(percent: str, due: bool, word: str) -> None:
    line, expansion = ring_load(SETTINGS.ring, Decimal(percent))
    assert (expansion, word in line.en) == (due, True)
    asked = advice(slot_use_percent=percent)
    assert asked.figures["expansion_due"] is due
    assert asked.lines[-1] == line


def test_the_worked_example_leaves_one_ge_for_clients() -> None:
    found = advise_ring(SETTINGS, RingQuestion(nodes=4, stations_per_node=5))
    assert found.figures == {"usable_ge": 5, "used_ge": 4, "left_ge": 1}
    assert found.answer == "room"
    assert found.lines[-1].en == "1GE is left for clients."


@pytest.mark.parametrize(
    ("question", "answer", "left"),
    [
        ({"nodes": 5, "stations_per_node": 5}, "full", 0),
        ({"nodes": 6, "stations_per_node": 5}, "full", -1),
        ({"nodes": 0, "stations_per_node": 0}, "room", 5),
        ({"nodes": 4, "stations_per_node": 5, "asked_mbit": 1000}, "room", 1),
        ({"nodes": 4, "stations_per_node": 5, "asked_mbit": "1000.5"}, "full", 1),
        ({"nodes": 4, "stations_per_node": 5, "station_mbit": 100}, "room", 3),
        ({"nodes": 4, "stations_per_node": 5, "ring_ge": 100}, "room", 46),
    ],
)
def test_a_rings_capacity(question: dict[str, Any], answer: str, left: int) -> None:
    found = advise_ring(SETTINGS, RingQuestion.model_validate(question))
    assert (found.answer, found.figures["left_ge"]) == (answer, left)


questions = st.builds(
    AccessQuestion,
    rate_mbit=st.decimals(min_value="0.001", max_value=1_000_000, places=3),
    trade=st.sampled_from(AccessTrade),
    security=st.sampled_from(SecurityClass),
    place=st.sampled_from(Place),
    slot_use_percent=st.none() | st.decimals(min_value=0, max_value=100, places=4),
    year_need_free=st.booleans(),
    spare_slots=st.booleans(),
    one_bas=st.booleans(),
    existing_line=st.sampled_from(ExistingLine),
)


@given(questions)
def test_there_is_always_an_explained_answer(question: AccessQuestion) -> None:
    found = advise_access(SETTINGS, question)
    assert found.title == ACCESS_ANSWERS[found.answer]
    assert found.lines
    for line in found.lines:
        assert CHINESE.search(line.zh)
        assert not CHINESE.search(line.en)
    if found.answer == "mstp":
        assert question.spare_slots
    if found.answer == "mstp_expansion":
        assert not question.spare_slots
        assert question.trade is not AccessTrade.OTHER
    if found.answer in ("vpls", "review"):
        assert question.rate_mbit <= 10


@given(questions)
def test_a_faster_line_never_goes_from_ipran_back_to_vpls(question: AccessQuestion) -> None:
    faster = question.model_copy(update={"rate_mbit": question.rate_mbit + 11})
    if advise_access(SETTINGS, question).answer.startswith("ipran"):
        assert advise_access(SETTINGS, faster).answer == advise_access(SETTINGS, question).answer


@pytest.mark.parametrize("question", [{"place": "city", "rate_mbit": 0}, {"place": "moon", "rate_mbit": 1}, {}])
def test_a_bad_question_is_refused(question: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AccessQuestion.model_validate(question)


async def test_the_advisors_are_asked_by_their_names(database: Database) -> None:
    async with telecom(database, ring={"station_mbit": 100}) as session:
        answer = await ask(session, "telecom.leased_line", {"rate_mbit": 4, "place": "county"})
        assert answer.answer == "vpls"
        ring = await ask(session, "telecom.ring_capacity", {"nodes": 4, "stations_per_node": 5})
        assert ring.figures["left_ge"] == 3
        with pytest.raises(InvalidInput) as refused:
            await ask(session, "telecom.leased_line", {"rate_mbit": "fast"})
        assert {problem.path for problem in refused.value.problems} == {("rate_mbit",), ("place",)}
