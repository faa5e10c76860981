"""Fields that a column of a file can be mapped to: their titles and how a cell is read into a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from steward_core.spreadsheets.values import (
    is_blank,
    read_boolean,
    read_choice,
    read_code,
    read_date,
    read_integer,
    read_money,
    read_number,
    read_phone,
    read_text,
)
from steward_core.spreadsheets.writers import ColumnKind
from steward_tenants.access.fields import FieldClass
from steward_tenants.access.rules import MASK
from steward_tenants.errors import FieldProblem
from steward_tenants.people.rules import Unacceptable
from steward_tenants.texts import Bilingual

Read = Callable[[Any, tuple[str, ...]], Any]
"""Takes a cell and the path of its problem; answers the value, None for a blank cell, or a FieldProblem."""
Clean = Callable[[Any], Any]


@dataclass(frozen=True)
class ImportField:
    """A field of a target. `aliases` are further headings under which files know it; `required` for a new row.

    `masked`: a cell that still holds the mask of an export is left out. `choices` are offered in templates.
    """

    key: str
    title: Bilingual
    read: Read
    aliases: tuple[str, ...] = ()
    required: bool = False
    kind: ColumnKind = ColumnKind.TEXT
    choices: tuple[str, ...] = ()
    masked: FieldClass | None = None
    path: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", tuple(self.key.split(".")))

    def value(self, cell: Any) -> Any:
        """The value of a cell; see `Read`."""
        return self.read(cell, self.path)


def problem(path: tuple[str, ...] | str, code: str, zh: str, en: str) -> FieldProblem:
    """A problem of one field of a row."""
    return FieldProblem(tuple(path.split(".")) if isinstance(path, str) else path, code, Bilingual(zh, en))


def missing(path: tuple[str, ...] | str) -> FieldProblem:
    """The problem that a required field is blank."""
    return problem(path, "missing", "必填。", "This is required.")


def as_cell(value: Any) -> Any:
    """A value that a program gives, as a cell that a reader takes."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, list | tuple | set | frozenset) and all(isinstance(one, str) for one in value):
        return "、".join(sorted(value) if isinstance(value, set | frozenset) else value)
    return value


def line_of(longest: int, clean: Clean | None = None) -> Read:
    """Text of one or several lines."""

    def read(cell: Any, path: tuple[str, ...]) -> Any:
        if is_blank(cell):
            return None
        found = read_text(cell, path, longest=longest)
        return found if clean is None else cleaned(found, path, clean)

    return read


def code(longest: int = 64, clean: Clean | None = None) -> Read:
    """A code or number that is a name."""

    def read(cell: Any, path: tuple[str, ...]) -> Any:
        found = read_code(cell, path, longest=longest)
        return found if clean is None else cleaned(found, path, clean)

    return read


def cleaned(found: Any, path: tuple[str, ...], clean: Clean) -> Any:
    """What was read, in stored form."""
    if found is None or isinstance(found, FieldProblem):
        return found
    try:
        return clean(found)
    except Unacceptable as refused:
        return FieldProblem(path, refused.code, refused.message)


def then(read: Read, clean: Clean) -> Read:
    """A reader followed by a cleaner."""
    return lambda cell, path: cleaned(read(cell, path), path, clean)


def day(cell: Any, path: tuple[str, ...]) -> Any:
    """A day."""
    return read_date(cell, path, month_as=None)


def choice(choices: Mapping[str, Bilingual]) -> Read:
    """One of a closed list, by key or title."""
    return lambda cell, path: read_choice(cell, path, choices)


def several(choices: Mapping[str, Bilingual]) -> Read:
    """Any of a closed list, separated by 、 , ; or |."""

    def read(cell: Any, path: tuple[str, ...]) -> Any:
        if is_blank(cell):
            return None
        found = []
        for part in str(cell).replace("，", "、").replace(",", "、").replace(";", "、").replace("；", "、").split("、"):
            one = read_choice(part.strip(), path, choices)
            if isinstance(one, FieldProblem):
                return one
            if one is not None and one not in found:
                found.append(one)
        return found or None

    return read


def not_negative(read: Read) -> Read:
    """A number that must not be below zero."""

    def checked(cell: Any, path: tuple[str, ...]) -> Any:
        found = read(cell, path)
        if found is not None and not isinstance(found, FieldProblem) and found < 0:
            return problem(path, "negative", "不能为负数。", "It must not be negative.")
        return found

    return checked


def still_masked(cell: Any) -> bool:
    """Whether a cell holds the mask that an export put there."""
    return isinstance(cell, str) and MASK * 4 in cell


BOOLEAN: Read = read_boolean
INTEGER: Read = read_integer
MONEY: Read = read_money
NUMBER: Read = read_number
PHONE: Read = read_phone
