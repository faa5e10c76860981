"""Tables of commission: what is refused, and what of a revenue each row takes."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_core.incentives.errors import SchemeRefused
from steward_core.incentives.schemes import read_scheme
from steward_core.incentives.templates import TEAM_COMMISSION
from steward_core.incentives.tiers import CommissionTier, TierMethod, TierTable, half_up, problems_of_tiers, yuan

REVENUES = st.integers(-1_000_000, 20_000_000)


def shipped(method: str = "slab") -> TierTable:
    scheme = read_scheme({**TEAM_COMMISSION.content, "method": method})
    return TierTable(scheme.tiers, scheme.method)


def exact(table: TierTable, revenue: int) -> int:
    return sum(part.millionths for part in table.parts(revenue))


def fen(table: TierTable, revenue: int) -> int:
    return half_up(exact(table, revenue))


@st.composite
def tables(draw: st.DrawFn, method: TierMethod | None = None) -> TierTable:
    starts = [0, *sorted(draw(st.sets(st.integers(1, 15_000_000), max_size=6)))]
    rates = draw(st.lists(st.integers(0, 1_000_000), min_size=len(starts), max_size=len(starts)))
    bases = draw(st.lists(st.integers(0, 1_000_000), min_size=len(starts), max_size=len(starts)))
    tiers = [
        CommissionTier(at_least=start, below=end, base_pay=base, rate_percent=Decimal(rate) / 10_000)
        for start, end, rate, base in zip(starts, [*starts[1:], None], rates, bases, strict=True)
    ]
    assert not list(problems_of_tiers(tiers))
    return TierTable(tiers, method or draw(st.sampled_from(TierMethod)))


@pytest.mark.parametrize(
    ("row", "field", "value", "code", "named", "says"),
    [
        (1, "at_least", 2_000_001, "gap", "1", "Row 2: revenue from 20,000.00 to 20,000.01 belongs to no row"),
        (1, "at_least", 1_999_999, "overlap", "1", "Row 2: revenue from 19,999.99 to 20,000.00 belongs to two rows"),
        (0, "at_least", 1, "gap", "0", "Row 1: the first row must begin at 0"),
        (0, "at_least", -1, "negative", "0", "Row 1: a bound cannot be negative (-0.01 yuan)"),
        (2, "below", 4_000_000, "falling", "2", "Row 3: the upper bound 40,000.00 must be above"),
        (2, "at_least", 1_000_000, "falling", "2", "Row 3: its lower bound 10,000.00 must be above"),
        (3, "below", 9_000_000, "gap", "3", "Row 4: the last row must have no upper bound"),
        (1, "below", None, "overlap", "1", "Row 2: only the last row may have no upper bound"),
    ],
)
def test_a_faulty_table_is_refused_with_the_row(
    row: int, field: str, value: int | None, code: str, named: str, says: str
) -> None:
    document: dict[str, Any] = copy.deepcopy(dict(TEAM_COMMISSION.content))
    document["tiers"][row][field] = value
    with pytest.raises(SchemeRefused) as refused:
        read_scheme(document)
    problem = refused.value.problems[0]
    assert (problem.path[:2], problem.code) == (("tiers", named), code)
    assert says in problem.message.en
    assert problem.message.zh.startswith(f"第 {int(named) + 1} 档：")


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(SchemeRefused) as refused:
        read_scheme({**TEAM_COMMISSION.content, "tiers": []})
    assert refused.value.problems[0].path == ("tiers",)


def test_rates_and_bases_that_cannot_be_are_refused_with_the_row() -> None:
    for field, value in (("rate_percent", "100.1"), ("rate_percent", "-1"), ("base_pay", -1), ("rate", "10")):
        document: dict[str, Any] = copy.deepcopy(dict(TEAM_COMMISSION.content))
        document["tiers"][2][field] = value
        with pytest.raises(SchemeRefused) as refused:
            read_scheme(document)
        assert refused.value.problems[0].path == ("tiers", "2", field)


@given(st.lists(st.tuples(st.integers(-5, 20), st.one_of(st.none(), st.integers(-5, 20))), min_size=1, max_size=5))
def test_what_is_accepted_gives_every_revenue_exactly_one_row(bounds: list[tuple[int, int | None]]) -> None:
    tiers = [CommissionTier(at_least=low, below=high, base_pay=0, rate_percent=Decimal(1)) for low, high in bounds]
    holders = [
        sum(tier.at_least <= revenue and (tier.below is None or revenue < tier.below) for tier in tiers)
        for revenue in range(0, 30)
    ]
    sound = set(holders) == {1} and all(low >= 0 for low, _ in bounds) and bounds == sorted(bounds, key=lambda b: b[0])
    sound = sound and all(high is None or low < high for low, high in bounds)
    assert (not list(problems_of_tiers(tiers))) is sound


@pytest.mark.parametrize(
    ("revenue", "slab", "marginal"),
    [
        (0, 0, 0),
        (1_999_999, 200_000, 200_000),
        (2_000_000, 300_000, 200_000),
        (3_999_999, 600_000, 500_000),
        (4_000_000, 800_000, 500_000),
        (5_999_999, 1_200_000, 900_000),
        (6_000_000, 1_500_000, 900_000),
        (6_000_001, 1_500_000, 900_000),
        (-100, 0, 0),
    ],
)
def test_commission_at_the_bounds(revenue: int, slab: int, marginal: int) -> None:
    assert fen(shipped("slab"), revenue) == slab
    assert fen(shipped("marginal"), revenue) == marginal


def test_a_half_fen_is_rounded_up_and_only_once() -> None:
    assert [half_up(millionths) for millionths in (499_999, 500_000, 1_499_999, 1_500_000)] == [0, 1, 1, 2]
    # 0.05 yuan in each of two rows at 10 %: two halves make one fen, not two.
    tiers = [
        CommissionTier(at_least=0, below=5, base_pay=0, rate_percent=Decimal(10)),
        CommissionTier(at_least=5, below=None, base_pay=0, rate_percent=Decimal(10)),
    ]
    assert fen(TierTable(tiers, TierMethod.MARGINAL), 10) == 1


@given(tables(TierMethod.MARGINAL), REVENUES, st.integers(0, 1_000))
def test_marginal_commission_is_monotone_and_continuous(table: TierTable, revenue: int, more: int) -> None:
    rise = exact(table, revenue + more) - exact(table, revenue)
    assert 0 <= rise <= more * 1_000_000
    assert fen(table, revenue + more) >= fen(table, revenue)


@given(tables(TierMethod.SLAB), REVENUES)
def test_slab_commission_jumps_only_at_bounds(table: TierTable, revenue: int) -> None:
    step = exact(table, revenue + 1) - exact(table, revenue)
    if revenue + 1 not in {tier.at_least for tier in table.tiers}:
        assert 0 <= step <= 1_000_000
    else:
        before, after = table.tiers[table.reached(revenue)], table.tiers[table.reached(revenue + 1)]
        assert step == (revenue + 1) * int(after.rate_percent * 10_000) - revenue * int(before.rate_percent * 10_000)


@given(tables(), REVENUES)
def test_the_parts_are_the_revenue(table: TierTable, revenue: int) -> None:
    parts = table.parts(revenue)
    assert sum(part.amount for part in parts) == max(revenue, 0)
    assert all(part.amount >= 0 for part in parts)
    row = table.tiers[table.reached(revenue)]
    if revenue >= 0:
        assert row.at_least <= revenue
        assert row.below is None or revenue < row.below


def test_amounts_as_people_write_them() -> None:
    assert [yuan(fen) for fen in (0, 5, -5, 2_000_000, -123_456_789)] == [
        "0.00",
        "0.05",
        "-0.05",
        "20,000.00",
        "-1,234,567.89",
    ]
