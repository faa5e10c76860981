"""The retailer grading 星级测评, version 1: figures → points → total → star and supply grade. Pure; whole numbers only.

Totals and points are in hundredths of a point, rates and cartons in hundredths, money in fen; quotients are rounded
half up. Never changed once a grading was bound with it: other rules are another version beside it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from steward_core.industry.declarations import Graded
from steward_tenants.texts import Bilingual
from steward_tobacco.settings import FULL, TobaccoSettings

RULE_VERSION = 1
INDICATORS: dict[str, Bilingual] = {
    "volume": Bilingual("月均购进量", "Cartons a month"),
    "value": Bilingual("条均值", "Value per carton"),
    "growth": Bilingual("购进增幅", "Growth"),
    "regularity": Bilingual("按时订货率", "Ordering regularity"),
    "fulfilment": Bilingual("订单满足率", "Order fulfilment"),
    "settlement": Bilingual("电子结算成功率", "E-settlement success"),
    "shelf": Bilingual("重点品牌上柜率", "Brands on shelf"),
    "display": Bilingual("陈列达标率", "Display standard"),
    "tags": Bilingual("标价规范率", "Price-tag honesty"),
    "cooperation": Bilingual("配合度", "Cooperation"),
}
"""The indicators that give points, in the order of the form. Licence and law record is a gate."""
LOWEST_STAR, HIGHEST_STAR = 1, 5
STAR_NAMES = {
    5: Bilingual("五星", "5★"),
    4: Bilingual("四星", "4★"),
    3: Bilingual("三星", "3★"),
    2: Bilingual("二星", "2★"),
    1: Bilingual("一星", "1★"),
}
_IN_HUNDREDTHS = frozenset(INDICATORS) - {"value"}
Inputs = Mapping[str, Any]


def tier_of(star: int) -> str:
    """The key of the client tier that a star sets."""
    return f"star_{star}"


def policy_of(settings: TobaccoSettings) -> Mapping[str, Any]:
    """The figures in force, as JSON values in the units of the figures."""
    points, scales = settings.points.model_dump(), settings.scales
    return {
        "points": {key: points[key] for key in INDICATORS},
        "scales": {
            key: [
                [step.at_least * (100 if key in _IN_HUNDREDTHS else 1), step.percent] for step in getattr(scales, key)
            ]
            for key in INDICATORS
        },
        "stars": [settings.stars.two, settings.stars.three, settings.stars.four, settings.stars.five],
        "caps": {
            "minor": settings.minor_violation_cap,
            "major": settings.major_violation_cap,
            "lapsed": settings.lapsed_licence_cap,
        },
        "major_zeroes": settings.major_violation_zeroes,
        "grades": settings.supply_grades,
        "missing": settings.missing_figures,
        "least_known": settings.least_points_known,
    }


def rounded(numerator: int, denominator: int) -> int:
    """A quotient, rounded half up (towards the greater number)."""
    return (2 * numerator + denominator) // (2 * denominator)


def _rate(part: int | None, whole: int | None) -> int | None:
    if part is None or not whole:
        return None
    rate = rounded(part * 10_000, whole)
    return rate if 0 <= rate <= 10_000 else max(0, min(10_000, rate))


def _volume(given: Inputs) -> int | None:
    cartons = given.get("cartons")
    return None if cartons is None else rounded(cartons, max(given.get("months") or 1, 1))


def _value(given: Inputs) -> int | None:
    cartons, amount = given.get("cartons"), given.get("amount")
    return None if not cartons or cartons < 0 or amount is None else rounded(amount * 100, cartons)


def _growth(given: Inputs) -> int | None:
    cartons, before = given.get("cartons"), given.get("cartons_before")
    return None if cartons is None or not before or before < 0 else rounded((cartons - before) * 10_000, before)


def _settlement(given: Inputs) -> int | None:
    if given.get("settlement_signed") is False:
        return 0
    return _rate(given.get("settlement_successes"), given.get("settlement_attempts"))


_FIGURES: dict[str, Callable[[Inputs], int | None]] = {
    "volume": _volume,
    "value": _value,
    "growth": _growth,
    "regularity": lambda given: _rate(given.get("orders_placed"), given.get("orders_due")),
    "fulfilment": lambda given: _rate(given.get("orders_fulfilled"), given.get("orders_placed")),
    "settlement": _settlement,
    "shelf": lambda given: _rate(given.get("brands_on_shelf"), given.get("brands_targeted")),
    "display": lambda given: given.get("display_rate"),
    "tags": lambda given: given.get("tags_rate"),
    "cooperation": lambda given: given.get("cooperation_rate"),
}


def figures_of(given: Inputs) -> dict[str, int | None]:
    """The figure of each indicator; None where there is nothing to tell it by."""
    return {key: figure(given) for key, figure in _FIGURES.items()}


def decimal_text(hundredths: int) -> str:
    """A number of hundredths as people write it."""
    sign, size = ("-" if hundredths < 0 else ""), abs(hundredths)
    return f"{sign}{size // 100}.{size % 100:02}"


def _figure_text(key: str, figure: int) -> Bilingual:
    shown = decimal_text(figure)
    if key == "volume":
        return Bilingual(f"{shown} 条", shown)
    if key == "value":
        return Bilingual(f"{shown} 元", f"{shown} yuan")
    return Bilingual(f"{shown}%", f"{shown}%")


class Column:
    """One indicator for all retailers: its points and line for a figure, each told apart figure only once."""

    def __init__(self, key: str, policy: Mapping[str, Any]) -> None:
        steps = policy["scales"][key]
        self.key, self.most, self.zero = key, policy["points"][key], policy["missing"] == "zero"
        self._starts = [start for start, _ in steps]
        self._shares = [0, *(share for _, share in steps)]
        self.known: dict[int | None, tuple[int | None, Bilingual]] = {None: (0 if self.zero else None, self._missing())}

    def points(self, figure: int | None) -> tuple[int | None, Bilingual]:
        """The points (None: left out) and the line that says so."""
        known = self.known.get(figure)
        if known is None and figure is not None:
            points = self.most * self._shares[bisect_right(self._starts, figure)]
            known = self.known[figure] = (points, self._line(figure, points))
        assert known is not None
        return known

    def _line(self, figure: int, points: int) -> Bilingual:
        title, shown, given = INDICATORS[self.key], _figure_text(self.key, figure), decimal_text(points)
        return Bilingual(
            f"{title.zh} {shown.zh}：{given}/{self.most} 分",
            f"{title.en} {shown.en}: {given}/{self.most}",
        )

    def _missing(self) -> Bilingual:
        title = INDICATORS[self.key]
        if self.zero:
            return Bilingual(f"{title.zh}：无数据，计 0 分", f"{title.en}: no figure, no points")
        return Bilingual(f"{title.zh}：无数据，不计入", f"{title.en}: no figure, left out")


def _gate(policy: Mapping[str, Any], given: Inputs) -> tuple[int, bool, tuple[Bilingual, ...]]:
    """The most stars that the licence and law record leaves, whether all points are lost, and why."""
    minor, major = given.get("minor_violations") or 0, given.get("major_violations") or 0
    lapsed = bool(given.get("licence_lapsed"))
    if not (minor or major or lapsed):
        return HIGHEST_STAR, False, ()
    caps, cap, lines = policy["caps"], HIGHEST_STAR, []
    zeroed = bool(major and policy["major_zeroes"])
    for happened, key, zh, en in (
        (minor, "minor", f"有轻微违规 {minor} 次", f"{minor} minor violation(s)"),
        (major, "major", f"有严重违规 {major} 次", f"{major} major violation(s)"),
        (lapsed, "lapsed", "期末许可证已过期", "The licence had lapsed by the period's end"),
    ):
        if happened:
            cap = min(cap, caps[key])
            name = STAR_NAMES[caps[key]]
            lines.append(Bilingual(f"{zh}，最高{name.zh}", f"{en}: at most {name.en}"))
    if zeroed:
        lines.append(Bilingual("严重违规，总分清零", "A major violation takes all points"))
    return cap, zeroed, tuple(lines)


def total_of(policy: Mapping[str, Any], earned: int, available: int) -> int:
    """The total in hundredths of a point: as earned, or scaled to 100 when indicators were left out.

    `available` are the points (whole) of the indicators that have a figure; fewer than `least_known` count as so many.
    """
    if policy["missing"] == "zero" or available >= 100:
        return earned
    return rounded(earned * 100, max(available, policy["least_known"], 1))


def star_of(policy: Mapping[str, Any], total: int) -> int:
    """The star that a total reaches, before the gate."""
    return LOWEST_STAR + bisect_right([points * 100 for points in policy["stars"]], total)


def supply_grade(rank: int, retailers: int, grades: int) -> int:
    """The supply grade of a rank (1: the best). Bands differ in size by at most one; the highest grade is the best."""
    return grades - (rank - 1) * grades // retailers


def _basis(policy: Mapping[str, Any], available: int) -> Bilingual:
    """What a total was scaled from, where it was."""
    if policy["missing"] == "zero" or available >= 100:
        return Bilingual("", "")
    least = policy["least_known"]
    if available < least:
        return Bilingual(
            f"（仅有 {available} 分可用，按 {least} 分折算）",
            f" (only {available} points are known, scaled as if {least} were)",
        )
    return Bilingual(f"（按可用的 {available} 分折算）", f" (scaled from the {available} points that are known)")


def _total_line(policy: Mapping[str, Any], total: int, available: int, star: int, reached: int) -> Bilingual:
    basis = _basis(policy, available)
    line = policy["stars"][reached - 2] if reached > LOWEST_STAR else 0
    name, would = STAR_NAMES[star], STAR_NAMES[reached]
    total_text = decimal_text(total)
    why = (
        Bilingual(f"达到 {line} 分", f"reaches {line}")
        if line
        else Bilingual(f"不足 {policy['stars'][0]} 分", f"short of {policy['stars'][0]}")
    )
    if star != reached:
        return Bilingual(
            f"总分 {total_text}{basis.zh}，{why.zh}，应为{would.zh}，受限为{name.zh}",
            f"Total {total_text}{basis.en} {why.en}: {would.en}, capped at {name.en}",
        )
    return Bilingual(
        f"总分 {total_text}{basis.zh}，{why.zh}，评为{name.zh}", f"Total {total_text}{basis.en} {why.en}: {name.en}"
    )


def _ranks(stars: Sequence[int], totals: Sequence[int], inputs: Sequence[Inputs]) -> list[int]:
    """The rank of each: by star, total, cartons, licence number, and at last the client's id."""
    order = sorted(
        range(len(inputs)),
        key=lambda at: (
            -stars[at],
            -totals[at],
            -(inputs[at].get("cartons") or 0),
            inputs[at].get("licence_number") or "\U0010ffff",
            str(inputs[at].get("client_id") or ""),
        ),
    )
    ranks = [0] * len(inputs)
    for rank, at in enumerate(order, 1):
        ranks[at] = rank
    return ranks


def decide(policy: Mapping[str, Any], inputs: Sequence[Inputs]) -> Sequence[Graded]:
    """Grade all retailers of a county at once; answers one result for each input, in the order given.

    A capped retailer stands behind everyone with more stars, so that star and supply grade agree.
    """
    columns = [
        (f"points_{key}", _FIGURES[key], column, column.known)
        for key in INDICATORS
        for column in (Column(key, policy),)
    ]
    total_lines: dict[tuple[int, int, int, int], Bilingual] = {}
    documents: list[dict[str, Any]] = []
    lines: list[list[Bilingual]] = []
    totals: list[int] = []
    stars: list[int] = []
    for given in inputs:
        document = {name: value for name, value in given.items() if value is not None and name != "client_id"}
        said: list[Bilingual] = []
        earned = available = 0
        for name, figure, column, known in columns:
            found = figure(given)
            points, line = known.get(found) or column.points(found)
            said.append(line)
            if points is not None:
                document[name] = points
                earned += points
                available += column.most
        cap, zeroed, why = _gate(policy, given)
        total = 0 if zeroed else total_of(policy, earned, available)
        reached = star_of(policy, total)
        star = min(reached, cap)
        said += why
        # What a major violation takes was not scaled from anything.
        basis = (total, FULL if zeroed else available, star, reached)
        if basis not in total_lines:
            total_lines[basis] = _total_line(policy, *basis)
        said.append(total_lines[basis])
        documents.append(document)
        lines.append(said)
        totals.append(total)
        stars.append(star)
    ranks = _ranks(stars, totals, inputs)
    count, grades = len(inputs), policy["grades"]
    results = []
    for document, said, total, star, rank in zip(documents, lines, totals, stars, ranks, strict=True):
        grade = supply_grade(rank, count, grades)
        said.append(
            Bilingual(
                f"全县 {count} 户中第 {rank} 名，供货档位 {grade}（最高 {grades}）",
                f"Rank {rank} of {count} in the county: supply grade {grade} of {grades}",
            )
        )
        results.append(Graded(document, total, star, grade, rank, tier_of(star), tuple(said)))
    return results
