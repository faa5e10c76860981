"""Tables of commission by revenue: what a table must be, and what of a revenue each row takes.

Money is whole fen, rates are whole millionths while they are multiplied, so that every figure is exact until it is
rounded, once, half up to the fen.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from pydantic import BaseModel, ConfigDict

from steward_core.forms.fields import Money, Percent
from steward_tenants.errors import FieldProblem
from steward_tenants.texts import Bilingual

MILLION = 1_000_000


class TierMethod(StrEnum):
    """How tiers take a revenue. `slab`: the reached tier's rate on all of it; `marginal`: each tier's rate on the part
    that lies in the tier."""

    SLAB = "slab"
    MARGINAL = "marginal"


class CommissionTier(BaseModel):
    """One row: revenue from `at_least` (included) until `below` (excluded; None: without end), both in fen; the month's
    base pay, and the rate of commission."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_least: int
    below: int | None
    base_pay: Money
    rate_percent: Percent


@dataclass(frozen=True, slots=True)
class Part:
    """An amount in fen that a rate applies to."""

    amount: int
    rate_percent: Decimal

    @property
    def millionths(self) -> int:
        """The exact product, in millionths of a fen."""
        return self.amount * millionths_of(self.rate_percent)


def millionths_of(percent: Decimal) -> int:
    """A rate in millionths; exact, for rates have at most four decimal places."""
    return int(percent * 10_000)


def half_up(millionths: int) -> int:
    """Millionths of a fen as whole fen, rounded half up."""
    return (2 * millionths + MILLION) // (2 * MILLION)


def yuan(fen: int) -> str:
    """An amount as people write it: `20,000.00`."""
    sign, size = ("-" if fen < 0 else ""), abs(fen)
    return f"{sign}{size // 100:,}.{size % 100:02}"


class TierTable:
    """A checked table, prepared for many revenues."""

    def __init__(self, tiers: Sequence[CommissionTier], method: TierMethod) -> None:
        self.tiers, self.method = tuple(tiers), method
        self._starts = [tier.at_least for tier in tiers]

    def reached(self, revenue: int) -> int:
        """The number of the row (from 0) that a revenue reaches; a revenue below zero is in the first."""
        return max(bisect_right(self._starts, revenue) - 1, 0)

    def parts(self, revenue: int) -> tuple[Part, ...]:
        """What of a revenue is multiplied by which rate. A revenue below zero earns nothing and costs nothing."""
        whole, row = max(revenue, 0), self.reached(revenue)
        if self.method is TierMethod.SLAB:
            return (Part(whole, self.tiers[row].rate_percent),)
        tiers = self.tiers[: row + 1]
        ends = [*self._starts[1 : row + 1], whole]
        return tuple(Part(end - tier.at_least, tier.rate_percent) for tier, end in zip(tiers, ends, strict=True))


def problems_of_tiers(tiers: Sequence[CommissionTier], *path: str) -> Iterator[FieldProblem]:
    """What keeps rows from being a table that gives every revenue exactly one row: each problem names its row."""
    if not tiers:
        yield FieldProblem(path, "required", Bilingual("至少需要一档。", "At least one row is needed."))
        return
    for number, tier in enumerate(tiers):
        yield from _alone(number, tier, path)
    if tiers[0].at_least > 0:
        yield _problem(
            path,
            0,
            "at_least",
            "gap",
            Bilingual(
                f"首档须从 0 起，{yuan(tiers[0].at_least)} 元以下没有档位",
                f"the first row must begin at 0; nothing covers revenue below {yuan(tiers[0].at_least)} yuan",
            ),
        )
    for number, (before, tier) in enumerate(pairwise(tiers), 1):
        yield from _joint(number, before, tier, path)
    if tiers[-1].below is not None:
        yield _problem(
            path,
            len(tiers) - 1,
            "below",
            "gap",
            Bilingual(
                f"末档须不设上限，{yuan(tiers[-1].below)} 元起没有档位",
                f"the last row must have no upper bound; nothing covers revenue from {yuan(tiers[-1].below)} yuan",
            ),
        )


def _alone(number: int, tier: CommissionTier, path: tuple[str, ...]) -> Iterator[FieldProblem]:
    bounds = [("at_least", tier.at_least)] + ([] if tier.below is None else [("below", tier.below)])
    for field, bound in bounds:
        if bound < 0:
            yield _problem(
                path,
                number,
                field,
                "negative",
                Bilingual(f"界限不能为负（{yuan(bound)} 元）", f"a bound cannot be negative ({yuan(bound)} yuan)"),
            )
    if tier.below is not None and tier.below <= tier.at_least:
        yield _problem(
            path,
            number,
            "below",
            "falling",
            Bilingual(
                f"上限 {yuan(tier.below)} 元须大于下限 {yuan(tier.at_least)} 元",
                f"the upper bound {yuan(tier.below)} must be above the lower bound {yuan(tier.at_least)}",
            ),
        )


def _joint(number: int, before: CommissionTier, tier: CommissionTier, path: tuple[str, ...]) -> Iterator[FieldProblem]:
    start = yuan(tier.at_least)
    if tier.at_least <= before.at_least:
        yield _problem(
            path,
            number,
            "at_least",
            "falling",
            Bilingual(
                f"下限 {start} 元须大于上一档的下限 {yuan(before.at_least)} 元",
                f"its lower bound {start} must be above that of the row before, {yuan(before.at_least)}",
            ),
        )
    elif before.below is None:
        yield _problem(
            path,
            number - 1,
            "below",
            "overlap",
            Bilingual(
                f"只有末档可以不设上限，请填写 {start} 元",
                f"only the last row may have no upper bound; set it to {start}",
            ),
        )
    elif tier.at_least != before.below:
        gap = tier.at_least > before.below
        zh, en = ("之间没有档位", "belongs to no row") if gap else ("同时属于两档", "belongs to two rows")
        low, high = sorted((tier.at_least, before.below))
        yield _problem(
            path,
            number,
            "at_least",
            "gap" if gap else "overlap",
            Bilingual(
                f"{yuan(low)} 至 {yuan(high)} 元{zh}；下限应为上一档的上限 {yuan(before.below)} 元",
                f"revenue from {yuan(low)} to {yuan(high)} {en}; begin it at {yuan(before.below)}, where the row before"
                " ends",
            ),
        )


def _problem(path: tuple[str, ...], number: int, field: str, code: str, what: Bilingual) -> FieldProblem:
    text = Bilingual(f"第 {number + 1} 档：{what.zh}。", f"Row {number + 1}: {what.en}.")
    return FieldProblem((*path, str(number), field), code, text)
