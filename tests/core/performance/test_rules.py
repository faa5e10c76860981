"""From indicators to points: every way of reckoning by its figures, and what holds of any scheme."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_core.performance.errors import SchemeRefused, ScoreRuleMissing
from steward_core.performance.rules import Reading, Scored, half_up, rules_of, score
from steward_core.performance.schemes import Scheme, read_scheme
from steward_core.performance.templates import CORE_SCHEME


def item(**values: Any) -> dict[str, Any]:
    """An item that holds the whole weight."""
    return {"indicator": "core.revenue", "weight": "100", "method": "share", "target": "20", **values}


def scored(given: Mapping[str, Any], value: str | None) -> Scored:
    """The score of one item."""
    return score(read_scheme([given]), {"core.revenue": Reading(None if value is None else Decimal(value))})


@pytest.mark.parametrize(
    ("values", "value", "points"),
    [
        ({}, "20", "100.00"),
        ({}, "19", "95.00"),
        ({}, "25", "100.00"),
        ({"cap_percent": "120"}, "25", "120.00"),
        ({"cap_percent": "120"}, "23", "115.00"),
        ({}, "0", "0.00"),
        ({}, "-3", "0.00"),
        ({"floor_percent": "60"}, "11.99", "0"),
        ({"floor_percent": "60"}, "12", "60.00"),
        ({"better": "lower"}, "25", "80.00"),
        ({"better": "lower"}, "10", "100.00"),
        ({"better": "lower", "cap_percent": "120"}, "0", "120.00"),
        ({"method": "reached"}, "19.99", "0"),
        ({"method": "reached"}, "20", "100"),
        ({"method": "reached", "better": "lower"}, "20", "100"),
        ({"method": "reached", "better": "lower"}, "20.01", "0"),
        ({"target": "3"}, "1", "33.33"),
        ({"target": "80"}, "0.1", "0.13"),  # 0.125: half up
        ({"without": "zero"}, None, "0"),
        ({"without": "full"}, None, "100"),
    ],
)
def test_points_of_an_item(values: dict[str, Any], value: str | None, points: str) -> None:
    assert scored(item(**values), value).score == Decimal(points)


BANDS = [{"bound": "60", "percent": "50"}, {"bound": "80", "percent": "80"}, {"bound": "95", "percent": "100"}]


@pytest.mark.parametrize(
    ("value", "points"), [("59.99", "0"), ("60", "50"), ("79.99", "50"), ("80", "80"), ("95", "100"), ("120", "100")]
)
def test_bands(value: str, points: str) -> None:
    assert scored(item(method="bands", target=None, bands=BANDS), value).score == Decimal(points)


def test_bands_where_lower_is_better() -> None:
    bands = [{"bound": "10", "percent": "50"}, {"bound": "3", "percent": "100"}]
    given = item(method="bands", target=None, bands=bands, better="lower")
    assert [scored(given, value).score for value in ("11", "10", "3.5", "3", "0")] == [0, 50, 50, 100, 100]


def test_what_is_left_out_is_made_up_by_the_others() -> None:
    """Two items of 60 and 20 with 45 and 20 points; the third, of 20, has no figure: 65 of 80."""
    scheme = read_scheme(
        [
            item(weight="60", indicator="a.b", target="100"),
            item(weight="20", indicator="a.c", target="1"),
            item(weight="20", indicator="a.d"),
        ]
    )
    result = score(scheme, {"a.b": Reading(Decimal(75)), "a.c": Reading(Decimal(1))})
    assert result.score == Decimal("81.25")
    assert (
        result.formula.zh == "(45.00 + 20.00) ÷ 80 × 100 = 81.25 分（未计入的权重按其余各项折算，四舍五入到 0.01 分）"
    )
    assert [line.counts for line in result.lines] == [True, True, False]


def test_nothing_to_score_is_no_score() -> None:
    assert scored(item(), None).score is None


def test_money_is_shown_in_yuan() -> None:
    result = scored(item(measure="fen", target="2000000"), "1999999")
    assert result.lines[0].formula.en == "¥19,999.99 ÷ ¥20,000.00 = 100.00%; × 100 = 100.00 points"


def test_the_shipped_scheme_has_the_domains_figures() -> None:
    scheme = read_scheme(CORE_SCHEME.content["items"])
    targets = {one.indicator: one.target for one in scheme.items}
    assert targets["core.clients_visited"] == 20
    assert targets["core.visits_per_day"] == 4


@pytest.mark.parametrize(
    ("items", "path", "code"),
    [
        ([item(weight="99.99")], ("items",), "weights"),
        ([item(weight="50"), item(weight="50")], ("items", "1", "indicator"), "repeated"),
        ([item(target=None)], ("items", "0", "target"), "required"),
        ([item(target="0")], ("items", "0", "target"), "range"),
        ([item(floor_percent="110")], ("items", "0", "cap_percent"), "range"),
        ([item(method="bands")], ("items", "0", "bands"), "bands"),
        ([item(bands=BANDS)], ("items", "0", "bands"), "bands"),
        ([item(method="bands", target=None, bands=BANDS[::-1])], ("items", "0", "bands", "1"), "order"),
        ([item(method="bands", target=None, bands=BANDS, better="lower")], ("items", "0", "bands", "1"), "order"),
        ([], ("items",), "length"),
        ([item(weight="0")], ("items", "0", "weight"), None),
        ([item(method="guess")], ("items", "0", "method"), None),
        ([item(cap_percent="201")], ("items", "0", "cap_percent"), None),
        ([item(colour="red")], ("items", "0", "colour"), "unknown"),
        ([item(indicator="revenue")], ("items", "0", "indicator"), None),
        ([item(target="NaN")], ("items", "0", "target"), None),
    ],
)
def test_a_scheme_that_does_not_hold_together_is_refused(
    items: list[dict[str, Any]], path: tuple[str, ...], code: str | None
) -> None:
    with pytest.raises(SchemeRefused) as refused:
        read_scheme(items)
    found = {problem.path: problem.code for problem in refused.value.problems}
    assert path in found
    assert code is None or found[path] == code


def test_rules_that_are_not_installed() -> None:
    with pytest.raises(ScoreRuleMissing):
        rules_of(99)


@given(st.fractions(min_value=0, max_value=1000, max_denominator=10_000))
def test_rounding_is_half_up(value: Fraction) -> None:
    rounded = Fraction(half_up(value))
    assert -Fraction(1, 200) < rounded - value <= Fraction(1, 200)


WEIGHTS = st.lists(st.integers(1, 1000), min_size=1, max_size=6).map(
    lambda parts: [*parts, 10_000 - sum(parts)]  # hundredths of a point; the last one takes the rest
)
FIGURE = st.decimals(min_value=-10, max_value=500, places=2)


@st.composite
def schemes(draw: st.DrawFn) -> Scheme:
    """Schemes of every method whose weights make a hundred."""
    items = []
    for place, weight in enumerate(draw(WEIGHTS)):
        method = draw(st.sampled_from(["share", "reached", "bands"]))
        items.append(
            item(
                indicator=f"tests.i{place}",
                weight=str(Decimal(weight) / 100),
                method=method,
                target=None if method == "bands" else "100",
                bands=BANDS if method == "bands" else [],
                cap_percent=draw(st.sampled_from(["100", "120"])) if method == "share" else "100",
                floor_percent=draw(st.sampled_from(["0", "60"])) if method == "share" else "0",
                without=draw(st.sampled_from(["left_out", "zero", "full"])),
            )
        )
    return read_scheme(items)


READINGS = st.dictionaries(st.integers(0, 6).map(lambda place: f"tests.i{place}"), st.none() | FIGURE)


@given(schemes(), READINGS, st.integers(0, 6), st.decimals(min_value=0, max_value=100, places=2))
def test_what_holds_of_every_score(
    scheme: Scheme, figures: dict[str, Decimal | None], better: int, by: Decimal
) -> None:
    """Between 0 and the caps; the lines shown make the total; doing better never costs a point."""
    readings = {key: Reading(value) for key, value in figures.items()}
    result = score(scheme, readings)
    counted = [line for line in result.lines if line.counts]
    weight = sum((line.item.weight for line in counted), Decimal(0))
    assert (result.score is None) is (not counted)
    if result.score is None:
        return
    assert 0 <= result.score <= 120
    total = sum((line.points for line in counted), Decimal(0))
    assert result.score == half_up(Fraction(total) * 100 / Fraction(weight))
    assert f"{result.score:.2f}" == result.as_json()[-1]["points"]
    key = f"tests.i{better}"
    value = figures.get(key)
    if value is not None:
        after = score(scheme, {**readings, key: Reading(value + by)})
        assert after.score is not None
        assert after.score >= result.score
