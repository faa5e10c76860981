"""How a month is scored, as versioned data: which indicators, with which weight and target, reckoned in which way.

Nothing here has a default figure: the figures are a template's or a tenant's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from steward_core.forms.fields import Choice
from steward_core.forms.problems import problems_of
from steward_core.performance.errors import SchemeRefused
from steward_tenants.errors import FieldProblem
from steward_tenants.texts import Bilingual

MOST_ITEMS = 30
MOST_BANDS = 20
WHOLE = Decimal(100)
"""What the weights come to together."""
Figure = Annotated[Decimal, Field(ge=-(10**15), le=10**15, max_digits=18, decimal_places=4)]
Weight = Annotated[Decimal, Field(gt=0, le=100, max_digits=5, decimal_places=2)]
Share = Annotated[Decimal, Field(ge=0, le=200, max_digits=5, decimal_places=2)]


class Method(Choice):
    """How points are reckoned."""

    SHARE = "share", "按完成比例", "Share of the target"
    REACHED = "reached", "达标得分", "Reached or not"
    BANDS = "bands", "分档得分", "By bands"


class Better(Choice):
    """Which way an indicator is better."""

    HIGHER = "higher", "越高越好", "Higher is better"
    LOWER = "lower", "越低越好", "Lower is better"


class Without(Choice):
    """What becomes of an item of which a manager has no figure, as where no promise ended in the month."""

    LEFT_OUT = "left_out", "不计入，按其余各项折算", "Left out: the other items make up the hundred"
    ZERO = "zero", "计 0 分", "No points"
    FULL = "full", "计满分", "Full points"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Band(_Part):
    """From `bound` on (down from it, where lower is better), `percent` of the weight is earned."""

    bound: Figure
    percent: Share


class Item(_Part):
    """One indicator of a scheme.

    `share`: the weight times value by target (target by value, where lower is better), at most `cap_percent` of the
    weight, nothing below `floor_percent`. `reached`: the weight from the target on, else nothing. `bands`: the percent
    of the best band that is reached, nothing below the first. Title and unit are those of the indicator when the
    scheme was made.
    """

    indicator: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$", max_length=120)]
    weight: Weight
    method: Method
    target: Figure | None = None
    floor_percent: Share = Decimal(0)
    cap_percent: Share = WHOLE
    bands: Annotated[tuple[Band, ...], Field(max_length=MOST_BANDS)] = ()
    without: Without = Without.LEFT_OUT
    better: Better = Better.HIGHER
    measure: Annotated[str, Field(max_length=40)] = ""
    title_zh: Annotated[str, Field(max_length=120)] = ""
    title_en: Annotated[str, Field(max_length=120)] = ""

    @property
    def title(self) -> Bilingual:
        """What the indicator is called; its key where the scheme does not say."""
        return Bilingual(self.title_zh or self.indicator, self.title_en or self.indicator)


class Scheme(_Part):
    """The items of a scheme. Raises SchemeRefused where they do not hold together."""

    items: Annotated[tuple[Item, ...], Field(min_length=1, max_length=MOST_ITEMS)]

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if problems := list(_problems(self.items)):
            raise SchemeRefused(problems=problems)
        return self

    def document(self) -> list[dict[str, Any]]:
        """The items as JSON."""
        return [item.model_dump(mode="json") for item in self.items]


def read_scheme(items: Sequence[Mapping[str, Any]]) -> Scheme:
    """The scheme of a document. Raises SchemeRefused naming every item and field that is wrong."""
    try:
        return Scheme.model_validate({"items": items})
    except ValidationError as error:
        raise SchemeRefused(problems=problems_of(error)) from None


def _problems(items: Sequence[Item]) -> Iterator[FieldProblem]:
    for place, item in enumerate(items):
        if item.indicator in {other.indicator for other in items[:place]}:
            yield _problem(place, "indicator", "repeated", "指标重复。", "stands twice in the scheme.")
        yield from _problems_of_method(place, item)
    total = sum((item.weight for item in items), Decimal(0))
    if total != WHOLE:
        text = Bilingual(f"各项权重合计 {total}，应为 100。", f"The weights come to {total}; they must make 100.")
        yield FieldProblem(("items",), "weights", text)


def _problems_of_method(place: int, item: Item) -> Iterator[FieldProblem]:
    by_bands = item.method is Method.BANDS
    if by_bands is not bool(item.bands):
        yield _problem(
            place, "bands", "bands", "仅分档得分须填写档位。", "are given where points go by bands, and only there."
        )
    if by_bands and item.target is not None:
        yield _problem(place, "target", "not_used", "分档得分不使用目标值。", "is not used where points go by bands.")
    if not by_bands and item.target is None:
        yield _problem(place, "target", "required", "须填写目标值。", "is needed.")
    if item.method is Method.SHARE:
        if item.target is not None and item.target <= 0:
            yield _problem(
                place, "target", "range", "按比例计分的目标值须大于 0。", "must be above 0 for a share of it."
            )
        if item.floor_percent > item.cap_percent or not item.cap_percent:
            yield _problem(
                place, "cap_percent", "range", "封顶须大于 0 且不低于保底。", "must be above 0 and the floor."
            )
    yield from _problems_of_bands(place, item)


def _problems_of_bands(place: int, item: Item) -> Iterator[FieldProblem]:
    for number in range(1, len(item.bands)):
        before, band = item.bands[number - 1], item.bands[number]
        climbs = band.bound > before.bound if item.better is Better.HIGHER else band.bound < before.bound
        if not climbs or band.percent <= before.percent:
            yield FieldProblem(
                ("items", str(place), "bands", str(number)),
                "order",
                Bilingual(
                    f"第 {place + 1} 项第 {number + 1} 档：须由低到高排列，越好得分越多。",
                    f"Item {place + 1}, band {number + 1}: bands go from worse to better, each with more points.",
                ),
            )


def _problem(place: int, field: str, code: str, zh: str, en: str) -> FieldProblem:
    return FieldProblem(
        ("items", str(place), field),
        code,
        Bilingual(f"第 {place + 1} 项：{zh}", f"Item {place + 1}: {field} {en}"),
    )
