"""The scoring with figures worked by hand from the defaults, and what must hold for any figures."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from steward_core.industry.declarations import Graded
from steward_tobacco.grading import (
    INDICATORS,
    Column,
    decide,
    figures_of,
    policy_of,
    star_of,
    supply_grade,
    total_of,
)
from steward_tobacco.settings import IndicatorPoints, Scales, Step, Thresholds, TobaccoSettings

DEFAULTS = policy_of(TobaccoSettings())
BEST: Mapping[str, Any] = {
    "licence_number": "369900000001",
    "months": 3,
    "cartons": 30_000,  # 300.00 cartons in three months
    "cartons_before": 25_000,
    "amount": 9_000_000,  # 90,000 yuan: 300 yuan a carton
    "orders_due": 13,
    "orders_placed": 13,
    "orders_fulfilled": 13,
    "settlement_signed": True,
    "settlement_attempts": 13,
    "settlement_successes": 13,
    "brands_targeted": 4,
    "brands_on_shelf": 4,
    "display_rate": 10_000,
    "tags_rate": 10_000,
    "cooperation_rate": 10_000,
}


def one(policy: Mapping[str, Any] = DEFAULTS, **changes: Any) -> Graded:
    return decide(policy, [{"client_id": "1", **BEST, **changes}])[0]


def points(graded: Graded) -> dict[str, int]:
    return {key: graded.document[f"points_{key}"] for key in INDICATORS if f"points_{key}" in graded.document}


def test_the_defaults_are_those_of_the_domain() -> None:
    assert list(IndicatorPoints().model_dump().values()) == [20, 15, 10, 10, 5, 10, 10, 5, 5, 0, 10]
    assert list(Thresholds().model_dump().values()) == [90, 80, 70, 60]
    defaults = TobaccoSettings()
    assert (defaults.minor_violation_cap, defaults.major_violation_cap, defaults.supply_grades) == (3, 1, 30)
    assert (defaults.licence_warning_days, defaults.licence_last_warning_days) == (60, 30)
    assert (defaults.volume_drop_percent, defaults.volume_mean_months, defaults.missed_orders) == (30, 3, 2)
    assert defaults.grading_period == "quarter"


def test_everything_at_its_best_is_a_hundred_points_and_five_stars() -> None:
    graded = one()
    assert points(graded) == {
        "volume": 2000,
        "value": 1500,
        "growth": 1000,
        "regularity": 1000,
        "fulfilment": 500,
        "settlement": 1000,
        "shelf": 1000,
        "display": 500,
        "tags": 500,
        "cooperation": 1000,
    }
    assert (graded.score, graded.star, graded.grade, graded.rank, graded.tier) == (10_000, 5, 30, 1, "star_5")


def test_a_middling_retailer_by_hand() -> None:
    """volume 135/3 = 45 a month → ≥40: 80 % of 20 = 16 · value 2,700,000 fen / 135 = 20,000 → ≥20,000: 80 % of 15 = 12
    growth (135−150)/150 = −10 % → ≥−10: 60 % of 10 = 6 · regularity 11/13 = 84.62 % → ≥80: 70 % of 10 = 7
    fulfilment 10/11 = 90.91 % → ≥90: 90 % of 5 = 4.5 · settlement 11/11 → 10 · shelf 3/4 = 75 % → ≥60: 60 % of 10 = 6
    display 75 % → ≥70: 50 % of 5 = 2.5 · tags 100 % → 5 · cooperation 80 % → 80 % of 10 = 8
    16+12+6+7+4.5+10+6+2.5+5+8 = 77.00 → ≥70: three stars"""
    graded = one(
        cartons=13_500,
        amount=2_700_000,
        cartons_before=15_000,
        orders_placed=11,
        orders_fulfilled=10,
        settlement_attempts=11,
        settlement_successes=11,
        brands_on_shelf=3,
        display_rate=7_500,
        cooperation_rate=8_000,
    )
    assert list(points(graded).values()) == [1600, 1200, 600, 700, 450, 1000, 600, 250, 500, 800]
    assert (graded.score, graded.star) == (7_700, 3)
    assert [line.zh for line in graded.lines[:2]] == [
        "月均购进量 45.00 条：16.00/20 分",
        "条均值 200.00 元：12.00/15 分",
    ]
    assert graded.lines[3].zh == "按时订货率 84.62%：7.00/10 分"
    assert graded.lines[-2].zh == "总分 77.00，达到 70 分，评为三星"
    assert graded.lines[-2].en == "Total 77.00 reaches 70: 3★"


def test_a_poor_retailer_by_hand() -> None:
    """volume 9/3 = 3 a month → below 5: 0 · value 54,000/9 = 6,000 → 0 · growth (9−20)/20 = −55 % → 0
    regularity 8/13 = 61.54 % → 30 % of 10 = 3 · fulfilment 8/8 → 5 · settlement 5/8 = 62.5 % → 30 % of 10 = 3
    shelf 1/4 = 25 % → 20 % of 10 = 2 · display 0 · tags 50 % → 0 · cooperation 40 % → 40 % of 10 = 4
    3+5+3+2+4 = 17.00 → one star"""
    graded = one(
        cartons=900,
        amount=54_000,
        cartons_before=2_000,
        orders_placed=8,
        orders_fulfilled=8,
        settlement_attempts=8,
        settlement_successes=5,
        brands_on_shelf=1,
        display_rate=0,
        tags_rate=5_000,
        cooperation_rate=4_000,
    )
    assert (graded.score, graded.star, graded.tier) == (1_700, 1, "star_1")


def test_figures_that_are_missing_are_left_out_and_said() -> None:
    """Without brands, display, tags, cooperation 70 points are known: 70 earned of 70 → 70×100/70 = 100."""
    gone: dict[str, Any] = dict.fromkeys(
        ("brands_targeted", "brands_on_shelf", "display_rate", "tags_rate", "cooperation_rate"), None
    )
    graded = one(**gone)
    assert (graded.score, graded.star) == (10_000, 5)
    assert "品牌上柜率：无数据，不计入" in graded.lines[6].zh
    assert "按可用的 70 分折算" in graded.lines[-2].zh
    zero = policy_of(TobaccoSettings(missing_figures="zero"))
    assert (one(zero, **gone).score, one(zero, **gone).star) == (7_000, 3)


def test_little_known_does_not_make_five_stars() -> None:
    """Only price tags are known: 5 of 5, scaled as if 50 points were known: 5×100/50 = 10."""
    graded = decide(DEFAULTS, [{"client_id": "1", "tags_rate": 10_000}])[0]
    assert (graded.score, graded.star) == (1_000, 1)
    nothing = decide(DEFAULTS, [{"client_id": "1"}])[0]
    assert (nothing.score, nothing.star, nothing.grade) == (0, 1, 30)


@pytest.mark.parametrize("figure", ["display_rate", "tags_rate", "cooperation_rate"])
def test_a_figure_that_becomes_known_at_its_best_never_lowers_a_star(figure: str) -> None:
    """Left out, the rest is scaled: a poor figure that becomes known may lower the total, full points never do."""
    for cooperation in (None, 0, 5_000, 10_000):
        given: dict[str, Any] = {
            "cooperation_rate": cooperation,
            "display_rate": 7_000,
            "tags_rate": None,
            figure: None,
        }
        before, after = one(**given), one(**{**given, figure: 10_000})
        assert (after.score, after.star) >= (before.score, before.star)
        zero = policy_of(TobaccoSettings(missing_figures="zero"))
        for known in (0, 3_000, 10_000):
            assert one(zero, **{**given, figure: known}).score >= one(zero, **given).score


def test_the_explanation_says_what_a_total_was_scaled_from() -> None:
    few = decide(DEFAULTS, [{"client_id": "1", "tags_rate": 10_000}])[0]
    assert few.lines[-2].zh == "总分 10.00（仅有 5 分可用，按 50 分折算），不足 60 分，评为一星"
    assert few.lines[-2].en == "Total 10.00 (only 5 points are known, scaled as if 50 were) short of 60: 1★"
    zeroing = policy_of(TobaccoSettings(major_violation_zeroes=True))
    lost = one(zeroing, major_violations=1, display_rate=None)
    assert lost.lines[-2].zh == "总分 0.00，不足 60 分，评为一星"
    assert [line.zh for line in lost.lines[-4:-2]] == ["有严重违规 1 次，最高一星", "严重违规，总分清零"]


def test_scaling_rounds_half_up() -> None:
    """36 of 65: 3600×100/65 = 5538.46… → 55.38; 33.5 of 67 → 50.00; 1 of 80 in hundredths: 1×100/80 = 1.25 → 1."""
    assert total_of(DEFAULTS, 3_600, 65) == 5_538
    assert total_of(DEFAULTS, 3_350, 67) == 5_000
    assert total_of(DEFAULTS, 1, 80) == 1
    assert total_of(DEFAULTS, 2, 80) == 3  # 2.5 → 3


@pytest.mark.parametrize(
    ("total", "star"),
    [
        (10_000, 5),
        (9_000, 5),
        (8_999, 4),
        (8_000, 4),
        (7_999, 3),
        (7_000, 3),
        (6_999, 2),
        (6_000, 2),
        (5_999, 1),
        (0, 1),
    ],
)
def test_stars_begin_at_their_points(total: int, star: int) -> None:
    assert star_of(DEFAULTS, total) == star


@pytest.mark.parametrize(
    ("changes", "star"),
    [
        ({"minor_violations": 1}, 3),
        ({"minor_violations": 4}, 3),
        ({"major_violations": 1}, 1),
        ({"minor_violations": 1, "major_violations": 1}, 1),
        ({"licence_lapsed": True}, 1),
    ],
)
def test_the_licence_and_law_record_caps(changes: dict[str, Any], star: int) -> None:
    graded = one(**changes)
    assert (graded.score, graded.star) == (10_000, star)
    assert any("最高" in line.zh for line in graded.lines)
    assert "应为五星，受限为" in graded.lines[-2].zh


def test_a_major_violation_takes_all_points_where_the_tenant_says_so() -> None:
    assert one(policy_of(TobaccoSettings(major_violation_zeroes=True)), major_violations=1).score == 0


def test_a_retailer_without_a_settlement_contract_has_no_points_for_it() -> None:
    assert points(one(settlement_signed=False, settlement_attempts=None))["settlement"] == 0


def test_supply_grades_of_sixty_retailers_come_in_pairs() -> None:
    assert [supply_grade(rank, 60, 30) for rank in (1, 2, 3, 58, 59, 60)] == [30, 30, 29, 2, 1, 1]


def test_ties_go_by_volume_then_licence_number() -> None:
    """All three have 100 points: 400 cartons before 300; of two with 300 the lower licence number first."""
    rows = [
        {"client_id": "a", **BEST, "licence_number": "369900000009"},
        {"client_id": "b", **BEST, "licence_number": "369900000002"},
        {"client_id": "c", **BEST, "cartons": 40_000, "cartons_before": 30_000, "amount": 12_000_000},
    ]
    assert [graded.rank for graded in decide(DEFAULTS, rows)] == [3, 2, 1]


def test_a_capped_retailer_stands_behind_those_with_more_stars() -> None:
    rows = [{"client_id": "a", **BEST, "minor_violations": 1}, {"client_id": "b", **BEST, "cartons": 13_500}]
    capped, lower = decide(DEFAULTS, rows)
    assert capped.score > lower.score
    assert (capped.star, capped.rank, lower.rank) == (3, 2, 1)


COUNTS = st.none() | st.integers(0, 14)
RATES = st.none() | st.integers(0, 10_000)
CARTONS = st.none() | st.integers(0, 60_000)
RETAILERS = st.fixed_dictionaries(
    {
        "licence_number": st.none() | st.sampled_from(["369900000001", "369900000002", "369900000003"]),
        "months": st.integers(1, 3),
        "cartons": CARTONS,
        "cartons_before": CARTONS,
        "amount": st.none() | st.integers(0, 10**8),
        "orders_due": COUNTS,
        "orders_placed": COUNTS,
        "orders_fulfilled": COUNTS,
        "settlement_signed": st.none() | st.booleans(),
        "settlement_attempts": COUNTS,
        "settlement_successes": COUNTS,
        "brands_targeted": COUNTS,
        "brands_on_shelf": COUNTS,
        "display_rate": RATES,
        "tags_rate": RATES,
        "cooperation_rate": RATES,
        "minor_violations": st.none() | st.integers(0, 2),
        "major_violations": st.none() | st.integers(0, 1),
        "licence_lapsed": st.none() | st.booleans(),
    }
)


def county(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"client_id": f"{place:04}", **row} for place, row in enumerate(rows)]


@settings(deadline=None)
@given(st.lists(RETAILERS, min_size=1, max_size=80))
def test_every_county_is_graded_within_bounds(rows: list[dict[str, Any]]) -> None:
    found = decide(DEFAULTS, county(rows))
    assert sorted(graded.rank for graded in found) == list(range(1, len(rows) + 1))
    for row, graded in zip(rows, found, strict=True):
        assert 0 <= graded.score <= 10_000
        assert 1 <= graded.star <= 5
        assert 1 <= graded.grade <= 30
        assert len(graded.lines) >= len(INDICATORS) + 2
        if row["major_violations"] or row["licence_lapsed"]:
            assert graded.star == 1
        elif row["minor_violations"]:
            assert graded.star <= 3


@settings(deadline=None)
@given(st.lists(RETAILERS, min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_results_do_not_depend_on_the_order_of_the_inputs(rows: list[dict[str, Any]], random: Any) -> None:
    given_order = county(rows)
    shuffled = list(given_order)
    random.shuffle(shuffled)
    by_id = {row["client_id"]: graded for row, graded in zip(shuffled, decide(DEFAULTS, shuffled), strict=True)}
    for row, graded in zip(given_order, decide(DEFAULTS, given_order), strict=True):
        assert graded == by_id[row["client_id"]]


@settings(deadline=None)
@given(st.lists(RETAILERS, min_size=1, max_size=60))
def test_more_stars_more_points_never_a_worse_rank_or_grade(rows: list[dict[str, Any]]) -> None:
    ranked = sorted(decide(DEFAULTS, county(rows)), key=lambda graded: graded.rank)
    for better, worse in pairwise(ranked):
        assert (better.star, better.score) >= (worse.star, worse.score)
        assert better.grade >= worse.grade


@settings(deadline=None)
@given(st.integers(1, 2_000), st.integers(2, 100))
def test_bands_differ_in_size_by_at_most_one(retailers: int, grades: int) -> None:
    sizes = Counter(supply_grade(rank, retailers, grades) for rank in range(1, retailers + 1))
    counted = [sizes[grade] for grade in range(1, grades + 1)]
    assert sum(counted) == retailers
    assert max(counted) - min(counted) <= 1
    assert supply_grade(1, retailers, grades) == grades


@settings(deadline=None)
@given(RETAILERS, st.integers(0, 9_999), st.integers(0, 10_000))
def test_adding_points_never_lowers_a_star(row: dict[str, Any], total: int, more: int) -> None:
    assert star_of(DEFAULTS, min(total + more, 10_000)) >= star_of(DEFAULTS, total)
    before = decide(DEFAULTS, county([row]))[0]
    for name in ("display_rate", "tags_rate", "cooperation_rate"):
        if row[name] is not None:
            after = decide(DEFAULTS, county([{**row, name: max(row[name], more)}]))[0]
            assert (after.score, after.star) >= (before.score, before.star)


@settings(deadline=None, max_examples=300 if os.environ.get("STEWARD_TEST_FULL") == "1" else 80)
@given(st.sampled_from(sorted(INDICATORS)), st.integers(-20_000, 10**6), st.integers(0, 10**6))
def test_a_better_figure_never_gives_fewer_points(key: str, figure: int, more: int) -> None:
    column = Column(key, DEFAULTS)
    lower, higher = column.points(figure)[0], column.points(figure + more)[0]
    assert lower is not None
    assert higher is not None
    assert lower <= higher <= DEFAULTS["points"][key] * 100


def test_figures_are_rounded_half_up() -> None:
    """100.00 cartons in 3 months: 33.33; 200.00 in 3: 66.67; 1 of 3 orders: 33.33 %; −1/200: −0.5 % exactly."""
    assert figures_of({"cartons": 10_000, "months": 3})["volume"] == 3_333
    assert figures_of({"cartons": 20_000, "months": 3})["volume"] == 6_667
    assert figures_of({"orders_placed": 1, "orders_due": 3})["regularity"] == 3_333
    assert figures_of({"cartons": 19_900, "cartons_before": 20_000})["growth"] == -50


@pytest.mark.parametrize(
    "bad",
    [
        {"points": {"volume": 30}},
        {"points": {"law": 5, "volume": 15}},
        {"stars": {"four": 95}},
        {"scales": {"volume": [{"at_least": 5, "percent": 50}, {"at_least": 10, "percent": 40}]}},
        {"scales": {"volume": [{"at_least": 5, "percent": 50}, {"at_least": 5, "percent": 60}]}},
        {"scales": {"volume": []}},
        {"licence_last_warning_days": 60},
        {"major_violation_cap": 4},
        {"unknown": 1},
    ],
)
def test_settings_that_do_not_hold_together_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TobaccoSettings.model_validate(bad)


def test_other_settings_give_another_grading() -> None:
    changed = TobaccoSettings(
        points=IndicatorPoints(volume=10, value=25),
        scales=Scales(volume=(Step(at_least=1, percent=100),)),
        stars=Thresholds(five=99),
        supply_grades=10,
    )
    graded = one(policy_of(changed), cartons=300, amount=90_000, cartons_before=250)
    assert points(graded)["volume"] == 1_000
    assert graded.grade == 10
