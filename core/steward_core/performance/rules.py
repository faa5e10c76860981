"""From a manager's indicators to the score of the month, with a line for each step. Pure.

Every figure is exact until it is rounded: an item's points once, half up to the hundredth of a point; the total is the
sum of the points shown, and only where items were left out it is brought to the hundred and rounded once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

from steward_core.performance.errors import ScoreRuleMissing
from steward_core.performance.schemes import WHOLE, Better, Item, Method, Scheme, Without
from steward_tenants.texts import Bilingual

RULE_VERSION = 1
"""Of the rules below; what changes any score gets a new one, and the old stay in `RULES`."""
_HUNDREDTH = Decimal("0.01")
_TOTAL = Bilingual("合计", "Total")


class Outcome(StrEnum):
    """What became of an item."""

    SCORED = "scored"
    CAPPED = "capped"
    BELOW = "below"
    WITHOUT = "without"


@dataclass(frozen=True)
class Reading:
    """What is known of one indicator of one manager."""

    value: Decimal | None
    numerator: Decimal | None = None
    denominator: Decimal | None = None


NOTHING = Reading(None)


@dataclass(frozen=True)
class ScoreLine:
    """One item reckoned: its inputs, the formula with its figures, and the points. `counts` False: it was left out."""

    item: Item
    reading: Reading
    outcome: Outcome
    points: Decimal
    counts: bool
    formula: Bilingual

    def as_json(self) -> dict[str, Any]:
        """The line as it is kept."""
        return {
            "indicator": self.item.indicator,
            "title": _texts(self.item.title),
            "measure": self.item.measure,
            "method": self.item.method.value,
            "weight": plain(self.item.weight),
            "target": plain(self.item.target),
            "value": plain(self.reading.value),
            "numerator": plain(self.reading.numerator),
            "denominator": plain(self.reading.denominator),
            "outcome": self.outcome.value,
            "points": f"{self.points:.2f}",
            "formula": _texts(self.formula),
        }


@dataclass(frozen=True)
class Scored:
    """A month's score (None: there was nothing to score) and how it came about."""

    score: Decimal | None
    lines: tuple[ScoreLine, ...]
    formula: Bilingual

    def as_json(self) -> list[dict[str, Any]]:
        """The lines as they are kept, the total last; it is of no indicator."""
        total = {
            "indicator": None,
            "title": _texts(_TOTAL),
            "points": None if self.score is None else f"{self.score:.2f}",
            "formula": _texts(self.formula),
        }
        return [*(line.as_json() for line in self.lines), total]


Rules = Callable[[Scheme, Mapping[str, Reading]], Scored]


def rules_of(version: int) -> Rules:
    """The rules of a version. Raises ScoreRuleMissing."""
    if version not in RULES:
        raise ScoreRuleMissing(rule_version=version)
    return RULES[version]


def score(scheme: Scheme, readings: Mapping[str, Reading]) -> Scored:
    """The score of one manager's month."""
    lines = tuple(_line(item, readings.get(item.indicator, NOTHING)) for item in scheme.items)
    counted = [line for line in lines if line.counts]
    points = sum((line.points for line in counted), Decimal(0))
    weight = sum((line.item.weight for line in counted), Decimal(0))
    if not weight:
        return Scored(
            None, lines, Bilingual("没有可计分的指标，不评分。", "No indicator could be scored: there is no score.")
        )
    sums = " + ".join(f"{line.points:.2f}" for line in counted)
    if weight == WHOLE:
        return Scored(points, lines, Bilingual(f"{sums} = {points:.2f} 分", f"{sums} = {points:.2f} points"))
    total = _hundredths(_exact((points, WHOLE), (weight,)))
    formula = f"({sums}) ÷ {plain(weight)} × 100 = {total:.2f}"
    return Scored(
        total,
        lines,
        Bilingual(
            f"{formula} 分（未计入的权重按其余各项折算，四舍五入到 0.01 分）",
            f"{formula} points (what was left out is made up by the others; half up to 0.01)",
        ),
    )


RULES: Mapping[int, Rules] = {1: score}


def _line(item: Item, reading: Reading) -> ScoreLine:
    if reading.value is None:
        return _without(item, reading)
    if item.method is Method.SHARE:
        return _share(item, reading, reading.value)
    if item.method is Method.REACHED:
        return _reached(item, reading, reading.value)
    return _bands(item, reading, reading.value)


def _without(item: Item, reading: Reading) -> ScoreLine:
    points = item.weight if item.without is Without.FULL else Decimal(0)
    texts = {
        Without.LEFT_OUT: Bilingual("本月无数据，不计入", "No figure this month: left out"),
        Without.ZERO: Bilingual("本月无数据，计 0 分", "No figure this month: 0 points"),
        Without.FULL: Bilingual(
            f"本月无数据，计满分 {plain(points)} 分", f"No figure this month: all {plain(points)} points"
        ),
    }
    counts = item.without is not Without.LEFT_OUT
    return ScoreLine(item, reading, Outcome.WITHOUT, points, counts, texts[item.without])


def _share(item: Item, reading: Reading, value: Decimal) -> ScoreLine:
    target = item.target or Decimal(1)
    shown, aim = amount(value, item.measure), amount(target, item.measure)
    if item.better is Better.HIGHER:
        percent, division = _exact((value, WHOLE), (target,)), f"{shown} ÷ {aim}"
    elif value > 0:
        percent, division = _exact((target, WHOLE), (value,)), f"{aim} ÷ {shown}"
    else:
        percent, division = _exact((item.cap_percent,), ()), shown
    reached = f"{division} = {_hundredths(percent):.2f}%"
    weight, floor, cap = plain(item.weight), plain(item.floor_percent), plain(item.cap_percent)
    if _below(percent, item.floor_percent):
        text = Bilingual(f"{reached}，低于 {floor}%，计 0 分", f"{reached}, below {floor} %: 0 points")
        return ScoreLine(item, reading, Outcome.BELOW, Decimal(0), True, text)
    capped = _above(percent, item.cap_percent)
    counted = _exact((item.cap_percent,), ()) if capped else (max(percent[0], 0), percent[1])
    numerator, denominator = _exact((item.weight,), (WHOLE,))
    points = _hundredths((counted[0] * numerator, counted[1] * denominator))
    limit = Bilingual(f"，封顶 {cap}%", f", at most {cap} %") if capped else Bilingual("", "")
    text = Bilingual(
        f"{reached}{limit.zh}，× {weight} = {points:.2f} 分", f"{reached}{limit.en}; × {weight} = {points:.2f} points"
    )
    return ScoreLine(item, reading, Outcome.CAPPED if capped else Outcome.SCORED, points, True, text)


def _reached(item: Item, reading: Reading, value: Decimal) -> ScoreLine:
    target = item.target or Decimal(0)
    good = value >= target if item.better is Better.HIGHER else value <= target
    sign = ("≥" if good else "<") if item.better is Better.HIGHER else ("≤" if good else ">")
    points = item.weight if good else Decimal(0)
    compared = f"{amount(value, item.measure)} {sign} {amount(target, item.measure)}"
    text = Bilingual(
        f"{compared}，{'达标' if good else '未达标'}，{points:.2f} 分",
        f"{compared}, {'reached' if good else 'not reached'}: {points:.2f} points",
    )
    return ScoreLine(item, reading, Outcome.SCORED if good else Outcome.BELOW, points, True, text)


def _bands(item: Item, reading: Reading, value: Decimal) -> ScoreLine:
    higher = item.better is Better.HIGHER
    reached = [band for band in item.bands if (value >= band.bound if higher else value <= band.bound)]
    shown, weight = amount(value, item.measure), plain(item.weight)
    if not reached:
        text = Bilingual(f"{shown}，未达到最低档，计 0 分", f"{shown}, below the first band: 0 points")
        return ScoreLine(item, reading, Outcome.BELOW, Decimal(0), True, text)
    band = reached[-1]
    points = _hundredths(_exact((band.percent, item.weight), (WHOLE,)))
    compared = f"{shown} {'≥' if higher else '≤'} {amount(band.bound, item.measure)}"
    product = f"{plain(band.percent)}% × {weight} = {points:.2f}"
    return ScoreLine(
        item,
        reading,
        Outcome.SCORED,
        points,
        True,
        Bilingual(f"{compared}，{product} 分", f"{compared}: {product} points"),
    )


Exact = tuple[int, int]
"""A fraction that is never rounded: numerator and positive denominator. `Fraction` keeps it in lowest terms after each
step, which takes longer than all the rest of a score."""


def _exact(parts: Iterable[Decimal], divisors: Iterable[Decimal]) -> Exact:
    """The product of these, divided by each positive divisor."""
    numerator = denominator = 1
    for part in parts:
        above, below = part.as_integer_ratio()
        numerator, denominator = numerator * above, denominator * below
    for divisor in divisors:
        above, below = divisor.as_integer_ratio()
        numerator, denominator = numerator * below, denominator * above
    return numerator, denominator


def _below(value: Exact, limit: Decimal) -> bool:
    above, below = limit.as_integer_ratio()
    return value[0] * below < above * value[1]


def _above(value: Exact, limit: Decimal) -> bool:
    above, below = limit.as_integer_ratio()
    return value[0] * below > above * value[1]


def _hundredths(value: Exact) -> Decimal:
    numerator, denominator = value
    rounded = (abs(numerator) * 200 + denominator) // (2 * denominator)
    return Decimal(rounded if numerator >= 0 else -rounded) * _HUNDREDTH


def half_up(value: Fraction) -> Decimal:
    """Rounded to the hundredth, half up, for values of 0 and more as for those below."""
    return _hundredths((value.numerator, value.denominator))


def plain(value: Decimal | None) -> str | None:
    """A figure as it is kept and shown: no exponent, no zeroes at its end."""
    if value is None:
        return None
    shown = f"{value:f}"
    shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    return "0" if shown in ("-0", "") else shown


def amount(value: Decimal, measure: str) -> str:
    """A figure with its unit: money in yuan, shares with their sign."""
    if measure == "fen":
        return f"¥{_hundredths(_exact((value,), (WHOLE,))):,.2f}"
    return f"{plain(value)}%" if measure == "%" else f"{plain(value)}"


def _texts(text: Bilingual) -> dict[str, str]:
    return {"zh-CN": text.zh, "en": text.en}


def readings_of(rows: Sequence[tuple[str, Decimal | None, Decimal | None, Decimal | None]]) -> dict[str, Reading]:
    """Readings of rows of indicator, value, numerator, denominator."""
    return {indicator: Reading(*rest) for indicator, *rest in rows}
