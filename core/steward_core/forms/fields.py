"""Declaring a form's fields: their titles, kinds of values, and what may be done with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, computed_field

from steward_tenants.access.fields import FieldClass
from steward_tenants.texts import Bilingual

T = TypeVar("T")
COMPUTED = "__steward_text__"
LONGEST_TEXT = 200
LONGEST_BODY = 4000


class Widget(StrEnum):
    """Hints for whoever shows a form."""

    BODY = "body"
    MONEY = "money"
    STARS = "stars"
    PHONE = "phone"
    FILE = "file"
    PERCENT = "percent"


@dataclass(frozen=True)
class FieldText:
    """What is said about a field. `filterable` values go to the field index, and only those can be filtered and sorted
    by. `personal` marks data of a person (digests in the audit log). `masked` names the class that hides it; a masked
    field is never filterable."""

    title: Bilingual
    hint: Bilingual | None = None
    widget: Widget | None = None
    filterable: bool = False
    personal: bool = False
    masked: FieldClass | None = None
    headers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.masked is not None and self.filterable:
            raise ValueError(f"{self.title.en}: a masked field cannot be filterable")


def field(
    zh: str,
    en: str,
    *,
    hint: tuple[str, str] | None = None,
    widget: Widget | None = None,
    filterable: bool = False,
    personal: bool = False,
    masked: FieldClass | None = None,
    headers: tuple[str, ...] = (),
) -> FieldText:
    """Title a field inside `Annotated[…]`; `headers` are further column headings under which imports know it."""
    return FieldText(
        Bilingual(zh, en), Bilingual(*hint) if hint else None, widget, filterable, personal, masked, headers
    )


class Choice(StrEnum):
    """One of a closed list, each with its title: `OPEN = "open", "未处理", "Open"`."""

    title: Bilingual  # type: ignore[assignment]

    def __new__(cls, value: str, zh: str, en: str) -> Choice:
        """A member whose value is `value`."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.title = Bilingual(zh, en)
        return member


class Refused(ValueError):
    """Raised by a form's own validators, so that people read why in their language."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.text = Bilingual(zh, en)


def _with_zone(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise Refused(
            "时间须带时区，例如 2026-11-05T09:30:00+08:00。", "Give the zone, as in 2026-11-05T09:30:00+08:00."
        )
    return moment


Code = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT, strip_whitespace=True)]
Body = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_BODY, strip_whitespace=True), Widget.BODY]
Count = Annotated[int, Field(ge=0, le=10**12)]
Money = Annotated[int, Field(ge=0, le=10**15), Widget.MONEY]
"""In fen."""
Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=7, decimal_places=4), Widget.PERCENT]
Quantity = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=3)]
Stars = Annotated[int, Field(ge=1, le=5), Widget.STARS]
Day = date
Moment = Annotated[datetime, AfterValidator(_with_zone)]


def computed(
    zh: str, en: str, *, filterable: bool = False, hint: tuple[str, str] | None = None
) -> Callable[[Callable[[Any], T]], T]:
    """A value computed from the form's own fields, evaluated at save and stored with the form's version.

    Anything that depends on today or on other records is an indicator in SQL instead.
    """
    text = field(zh, en, hint=hint, filterable=filterable)

    def declare(function: Callable[[Any], T]) -> T:
        setattr(function, COMPUTED, text)
        made: Any = computed_field(title=zh)(property(function))
        return made  # type: ignore[no-any-return]

    return declare


def text_of_computed(model: type[BaseModel], name: str) -> FieldText:
    """What `computed` said of a computed field."""
    wrapped: Any = model.model_computed_fields[name].wrapped_property
    text: FieldText = getattr(wrapped.fget, COMPUTED)
    return text
