"""The lines of a statement: each figure together with the formula that it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from steward_core.incentives.statements import Line, Rule
from steward_core.incentives.tiers import MILLION, CommissionTier, Part, half_up, yuan
from steward_tenants.texts import Bilingual

_ROUNDED = Bilingual("（四舍五入到分）", " (half up to the fen)")
NOTHING = Bilingual("", "")


def percent(rate: Decimal) -> str:
    """A rate as people write it: `15%`, `0.5%`."""
    shown = f"{rate:f}"
    return f"{shown.rstrip('0').rstrip('.') if '.' in shown else shown}%"


def span(tier: CommissionTier) -> str:
    """The revenue that a row is for."""
    if tier.below is None:
        return f"≥ {yuan(tier.at_least)}"
    return f"< {yuan(tier.below)}" if tier.at_least == 0 else f"{yuan(tier.at_least)} – {yuan(tier.below - 1)}"


def fixed(rule: Rule, fen: int, inputs: Mapping[str, Any], why: Bilingual) -> Line:
    """A line whose figure is an amount of the scheme."""
    amount = yuan(fen)
    return Line(rule.value, rule.title, inputs, Bilingual(f"{why.zh} = {amount}", f"{why.en} = {amount}"), fen)


def told(rule: Rule, inputs: Mapping[str, Any], what: Bilingual) -> Line:
    """A line that tells something and pays nothing."""
    return Line(rule.value, rule.title, inputs, what, 0)


def shares(rule: Rule, parts: Sequence[Part], inputs: Mapping[str, Any], before: Bilingual = NOTHING) -> Line:
    """A line that pays a share of one or more amounts: the products are added exactly and rounded once."""
    exact = sum(part.millionths for part in parts)
    fen = half_up(exact)
    sums = " + ".join(f"{yuan(part.amount)} × {percent(part.rate_percent)}" for part in parts)
    shown = yuan(fen)
    if fen * MILLION == exact:
        return Line(
            rule.value,
            rule.title,
            inputs,
            Bilingual(f"{before.zh}{sums} = {shown}", f"{before.en}{sums} = {shown}"),
            fen,
        )
    whole, rest = divmod(exact, 100 * MILLION)
    unrounded = f"{whole:,}.{rest:08}".rstrip("0")
    sums = f"{sums} = {unrounded} ≈ {shown}"
    return Line(
        rule.value,
        rule.title,
        inputs,
        Bilingual(f"{before.zh}{sums}{_ROUNDED.zh}", f"{before.en}{sums}{_ROUNDED.en}"),
        fen,
    )
