"""Weights, prices below the standard, papers, stages: figures and properties."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from steward_core.opportunities.rules import (
    AskedItem,
    QuotedItem,
    discount_of,
    goes_back,
    joined,
    missing_papers,
    read_items,
    uncovered,
    weighted,
)
from steward_core.opportunities.settings import PAPERS, STAGES, USUAL_STAGES
from steward_tenants.errors import InvalidInput

FEN = st.integers(0, 10**13)


def quoted(title: str = "专线", quantity: int = 1, standard: int = 100, price: int = 100) -> QuotedItem:
    return QuotedItem(title=title, quantity=quantity, standard=standard, quoted=price)


def asked(title: str = "专线", quantity: int = 1, standard: int = 100, price: int = 80) -> AskedItem:
    return AskedItem(title=title, quantity=quantity, standard=standard, asked=price, reason="竞争")


@given(FEN, st.integers(0, 100))
def test_weights_are_rounded_half_up_to_the_fen(amount: int, probability: int) -> None:
    exact = Decimal(amount) * probability / 100
    assert weighted(amount, probability) == int(exact.quantize(Decimal(1), ROUND_HALF_UP))


@pytest.mark.parametrize(
    ("amount", "probability", "expected"), [(None, 70, 0), (1, 50, 1), (1, 49, 0), (150, 1, 2), (149, 1, 1)]
)
def test_weights_at_their_borders(amount: int | None, probability: int, expected: int) -> None:
    assert weighted(amount, probability) == expected


@given(st.lists(st.tuples(st.integers(1, 10**12), st.integers(0, 10**12)), min_size=1, max_size=20))
def test_a_discount_is_what_the_client_saves(prices: list[tuple[int, int]]) -> None:
    items = [asked(standard=max(pair), price=min(pair)) for pair in prices if max(pair) > 0]
    found = discount_of(items)
    assert found.total == sum(one.standard - one.asked for one in items)
    assert 0 <= found.percent <= 100
    assert abs(found.percent - Decimal(found.total) * 100 / found.standard) <= Decimal("0.00005")


def test_a_third_off_is_33_point_3333_percent() -> None:
    assert discount_of([asked(standard=300, price=200)]).percent == Decimal("33.3333")


@given(st.integers(1, 10**9), st.integers(1, 50), st.integers(0, 10**9), st.integers(1, 50), st.integers(0, 10**9))
def test_a_price_is_covered_by_an_approved_unit_price_for_as_many_or_more(
    standard: int, quantity: int, price: int, approved_quantity: int, approved_price: int
) -> None:
    item = quoted(quantity=quantity, standard=standard, price=price)
    approved = asked(quantity=approved_quantity, standard=max(approved_price, 1), price=approved_price)
    cheap = Decimal(price) / quantity < Decimal(approved_price) / approved_quantity
    refused = price < standard and (cheap or quantity < approved_quantity)
    assert bool(uncovered([item], [approved])) is refused


@pytest.mark.parametrize(
    ("item", "approved", "why"),
    [
        (quoted(price=99), [], "没有获批"),
        (quoted(price=79), [asked()], "超出获批优惠"),
        (quoted(price=80), [asked("其他")], "没有获批"),
        (quoted(price=80), [asked()], None),
        (quoted(" 专线 ", price=80), [asked()], None),
        (quoted(price=100), [], None),
        (quoted(price=120), [], None),
        (quoted(quantity=10, standard=1000, price=800), [asked()], None),
        (quoted(price=8, standard=10), [asked(quantity=10)], "超出获批优惠"),
    ],
)
def test_what_nobody_approved_is_named_with_the_reason(
    item: QuotedItem, approved: list[AskedItem], why: str | None
) -> None:
    found = uncovered([item], approved)
    assert [one.why.zh for one in found if why is None or why not in one.why.zh] == []
    assert len(found) == (why is not None)


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ([], [("items",)]),
        ("专线", [("items",)]),
        ([{}], [("items", "0", "title"), ("items", "0", "standard"), ("items", "0", "quoted")]),
        (
            [
                {"title": "专线", "standard": 1, "quoted": 1},
                {"title": " ", "quantity": 0, "standard": -1, "quoted": 1.5},
            ],
            [("items", "1", name) for name in ("title", "quantity", "standard", "quoted")],
        ),
        ([{"title": "专线", "standard": 1, "quoted": 1, "colour": "red"}], [("items", "0", "colour")]),
        ([7], [("items", "0")]),
    ],
)
def test_bad_items_are_named_by_place_and_field(given: Any, paths: list[tuple[str, ...]]) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_items(QuotedItem, given)
    assert [one.path for one in refused.value.problems] == paths


def test_nobody_asks_for_more_than_the_standard() -> None:
    with pytest.raises(InvalidInput) as refused:
        read_items(AskedItem, [{"title": "专线", "standard": 100, "asked": 101, "reason": "无"}])
    (problem,) = refused.value.problems
    assert problem.path == ("items", "0", "asked")
    assert "高于标准价" in problem.message.zh


@dataclass
class Paper:
    title_zh: str
    title_en: str
    copies: int
    present: int
    seam_seal: bool = False
    sealed: bool = False


def test_papers_are_missing_by_copies_and_by_seals() -> None:
    papers = [
        Paper("合同", "Contract", 4, 4, seam_seal=True),
        Paper("申请表", "Request", 2, 1),
        Paper("执照", "Licence", 1, 1),
        Paper("承诺书", "Letter", 2, 3, seam_seal=True, sealed=True),
    ]
    assert joined(missing_papers(papers)).zh == "合同未盖骑缝章；申请表缺 1 份（应 2 份）"
    assert missing_papers(papers[2:]) == ()


@given(st.sampled_from(USUAL_STAGES), st.sampled_from(USUAL_STAGES))
def test_a_move_goes_back_exactly_when_the_stage_stands_earlier(one: Any, other: Any) -> None:
    keys = [stage.key for stage in USUAL_STAGES]
    assert goes_back(USUAL_STAGES, one.key, other.key) is (keys.index(other.key) < keys.index(one.key))
    assert not goes_back(USUAL_STAGES, "gone", other.key)


@pytest.mark.parametrize(
    "stages",
    [
        [],
        [{"key": "lead", "title": {"zh": "线索", "en": "Lead"}, "probability": 101}],
        [{"key": "lost", "title": {"zh": "丢", "en": "Lost"}, "probability": 0}],
        [{"key": "a", "title": {"zh": "甲", "en": "A"}, "probability": 1}] * 2,
    ],
)
def test_stages_that_do_not_hold_together_are_refused(stages: list[Any]) -> None:
    with pytest.raises(ValidationError):
        STAGES.adapter.validate_python(stages)


def test_a_tenants_stages_come_back_from_json() -> None:
    for setting in (STAGES, PAPERS):
        adapter: TypeAdapter[Any] = setting.adapter
        assert adapter.validate_python(adapter.dump_python(setting.default, mode="json")) == setting.default
