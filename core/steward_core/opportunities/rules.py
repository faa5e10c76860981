"""Decisions about opportunities: stages, weights, prices below the standard, papers. Pure and explained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, Protocol, TypeVar

from pydantic import BaseModel, Field, ValidationError, ValidationInfo, field_validator

from steward_core.forms.fields import Body, Money, Refused, Text, field
from steward_core.forms.problems import problems_of
from steward_core.opportunities.models import Outcome
from steward_core.opportunities.settings import Stage
from steward_core.promises.clocks import Part
from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.texts import Bilingual

HUNDREDTH = Decimal("0.0001")
CERTAIN, IMPOSSIBLE = 100, 0
Item = TypeVar("Item", bound=BaseModel)
Lines = tuple[Bilingual, ...]


class QuotedItem(Part):
    """One item of a proposal. Prices in fen, for the whole quantity."""

    title: Annotated[Text, field("项目", "Item")]
    quantity: Annotated[int, Field(ge=1, le=10**9), field("数量", "Quantity")] = 1
    standard: Annotated[Money, field("标准价（分）", "Standard price (fen)")]
    quoted: Annotated[Money, field("报价（分）", "Price quoted (fen)")]


class AskedItem(Part):
    """One item for which a lower price is asked, and why. Prices in fen, for the whole quantity."""

    title: Annotated[Text, field("项目", "Item")]
    quantity: Annotated[int, Field(ge=1, le=10**9), field("数量", "Quantity")] = 1
    standard: Annotated[Money, Field(gt=0), field("标准价（分）", "Standard price (fen)")]
    asked: Annotated[Money, field("申请价（分）", "Price asked for (fen)")]
    reason: Annotated[Body, field("理由", "Reason")]

    @field_validator("asked")
    @classmethod
    def _not_above(cls, asked: int, info: ValidationInfo) -> int:
        standard = info.data.get("standard")
        if standard is not None and asked > standard:
            raise Refused("申请价不能高于标准价。", "The price asked for cannot be above the standard price.")
        return asked


class _Items(BaseModel):
    items: Annotated[list[Any], Field(min_length=1, max_length=100), field("项目", "Items")]


def read_items(model: type[Item], given: Any) -> list[Item]:
    """Items as they come from outside. Raises InvalidInput, which names each item and field: `items.0.quoted`."""
    try:
        listed = _Items.model_validate({"items": given}).items
    except ValidationError as error:
        raise InvalidInput(problems=problems_of(error, _Items)) from None
    items, problems = [], []
    for place, one in enumerate(listed):
        try:
            items.append(model.model_validate(one))
        except ValidationError as error:
            problems += [
                FieldProblem(("items", str(place), *each.path), each.code, each.message)
                for each in problems_of(error, model)
            ]
    if problems:
        raise InvalidInput(problems=problems)
    return items


def weighted(amount: int | None, probability: int) -> int:
    """The amount weighted with its probability in percent, rounded half up to the fen."""
    return ((amount or 0) * probability + 50) // 100


def probability_at(stages: Iterable[Stage], key: str) -> int | None:
    """The probability of an open stage; None: the tenant has no such stage."""
    return next((one.probability for one in stages if one.key == key), None)


def goes_back(stages: Sequence[Stage], before: str, after: str) -> bool:
    """Whether a move leads to an earlier stage. From a stage that is no longer among them nothing is earlier."""
    keys = [one.key for one in stages]
    return before in keys and keys.index(after) < keys.index(before)


def stage_titles(stages: Iterable[Stage]) -> dict[str, Bilingual]:
    """The titles of all stages, the endings among them."""
    titles = {one.key: one.title.text for one in stages}
    return titles | {one.value: one.title for one in Outcome if one is not Outcome.OPEN}


@dataclass(frozen=True)
class Discount:
    """What a request asks for: sums in fen, and the discount in percent of the standard prices (4 places, half up)."""

    standard: int
    asked: int

    @property
    def total(self) -> int:
        """What the client would save, in fen."""
        return self.standard - self.asked

    @property
    def percent(self) -> Decimal:
        """The discount in percent of the standard prices."""
        if self.standard == 0:
            return Decimal(0)
        return (Decimal(self.total) * 100 / self.standard).quantize(HUNDREDTH, ROUND_HALF_UP)


def discount_of(items: Iterable[AskedItem]) -> Discount:
    """What items ask for together."""
    listed = list(items)
    return Discount(sum(one.standard for one in listed), sum(one.asked for one in listed))


@dataclass(frozen=True)
class Uncovered:
    """An item that is quoted below its standard price without an approved discount, and why none covers it."""

    item: QuotedItem
    why: Bilingual


def uncovered(items: Iterable[QuotedItem], approved: Iterable[AskedItem]) -> tuple[Uncovered, ...]:
    """The items of a proposal whose prices nobody has approved.

    A price below the standard is covered by an approved item of the same title, for at least as large a quantity as
    was approved, at a unit price not below the approved one.
    """
    known = list(approved)
    found = []
    for item in items:
        if item.quoted >= item.standard:
            continue
        same = [one for one in known if _same(one.title, item.title)]
        if not any(_covers(one, item) for one in same):
            found.append(Uncovered(item, _why(item, same)))
    return tuple(found)


def _same(one: str, other: str) -> bool:
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


def _covers(approved: AskedItem, item: QuotedItem) -> bool:
    return item.quantity >= approved.quantity and item.quoted * approved.quantity >= approved.asked * item.quantity


def _why(item: QuotedItem, same: Sequence[AskedItem]) -> Bilingual:
    if not same:
        return Bilingual(f"“{item.title}”没有获批的优惠", f"no discount on “{item.title}” is approved")
    cheapest = min(same, key=lambda one: Decimal(one.asked) / one.quantity)
    terms = Bilingual(
        f"获批 {cheapest.quantity} 件 {cheapest.asked} 分，报价 {item.quantity} 件 {item.quoted} 分",
        f"approved: {cheapest.asked} fen for {cheapest.quantity}, quoted: {item.quoted} fen for {item.quantity}",
    )
    return Bilingual(
        f"“{item.title}”超出获批优惠（{terms.zh}）", f"“{item.title}” goes beyond what is approved ({terms.en})"
    )


class PaperState(Protocol):
    """What is looked at of a paper."""

    title_zh: str
    title_en: str
    copies: int
    present: int
    seam_seal: bool
    sealed: bool


def missing_papers(papers: Iterable[PaperState]) -> Lines:
    """Which papers are missing or lack their seals, in their order; nothing: all is there."""
    lines = []
    for one in papers:
        if one.present < one.copies:
            short = one.copies - one.present
            lines.append(
                Bilingual(
                    f"{one.title_zh}缺 {short} 份（应 {one.copies} 份）",
                    f"{one.title_en}: {short} of {one.copies} missing",
                )
            )
        elif one.seam_seal and not one.sealed:
            lines.append(Bilingual(f"{one.title_zh}未盖骑缝章", f"{one.title_en}: no seals on the seam"))
    return tuple(lines)


def joined(lines: Iterable[Bilingual]) -> Bilingual:
    """Several short texts as one."""
    listed = list(lines)
    return Bilingual("；".join(one.zh for one in listed), "; ".join(one.en for one in listed))
