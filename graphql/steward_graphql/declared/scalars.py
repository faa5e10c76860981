"""Kinds of single values: their GraphQL name, how SQL writes them as JSON, how input is read.

Whole numbers that may pass 2^31 and all decimals travel as text, so that no client loses digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, ColumnElement, Date, DateTime, Integer, Numeric, Text, Uuid, cast, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from steward_graphql.declared.fragments import json_of, quoted
from steward_tenants.texts import Bilingual

INT_MOST = 2**31 - 1
LONG_MOST = 2**63 - 1
_DECIMAL = re.compile(r"^-?[0-9]{1,30}(\.[0-9]{1,15})?$")
_WHOLE = re.compile(r"^-?[0-9]{1,19}$")


class Unreadable(ValueError):
    """An input value is not of its kind; `text` says what is wanted, in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} {en}")
        self.text = Bilingual(zh, en)


@dataclass(frozen=True, eq=False)
class Scalar:
    """`read` turns a JSON input value into the Python value that is bound, and raises Unreadable. `ordered`: it can be
    compared; `number`: it can be summed; `builtin`: GraphQL's own scalar."""

    name: str
    text: Bilingual
    sql: TypeEngine[Any]
    as_json: Callable[[Any], ColumnElement[str]] = field(repr=False)
    read: Callable[[Any], Any] = field(repr=False)
    ordered: bool = True
    number: bool = False
    textual: bool = False
    builtin: bool = False


@dataclass(frozen=True, eq=False)
class EnumKind:
    """A closed list of keys. In SQL the key as it is stored (`in_use`), in GraphQL its name (`IN_USE`).

    `members`: (stored key, title) in order.
    """

    name: str
    text: Bilingual
    members: tuple[tuple[str, Bilingual], ...]
    sql: TypeEngine[Any] = field(default_factory=Text)
    ordered: bool = False
    number: bool = False
    textual: bool = False
    builtin: bool = False

    def as_json(self, value: Any) -> ColumnElement[str]:
        """The GraphQL name in quotes."""
        return quoted(func.upper(func.translate(value, "-.: ", "____")))

    def read(self, value: Any) -> str:
        """The stored key of a GraphQL name."""
        for key, _ in self.members:
            if enum_name(key) == value:
                return key
        raise Unreadable(f"没有取值“{value}”。", f"There is no value {value!r}.")


Kind = Scalar | EnumKind


def enum_name(key: str) -> str:
    """The GraphQL name of a stored key."""
    return re.sub(r"[-.: ]", "_", key).upper()


def enum_of(
    python: type[Enum], name: str, zh: str, en: str, titles: dict[str, tuple[str, str]] | None = None
) -> EnumKind:
    """The kind of a Python enum whose values are the stored keys; `titles`: (Chinese, English) by key."""
    told = titles or {}
    members = []
    for member in python:
        title = getattr(member, "title", None)
        known = title if isinstance(title, Bilingual) else Bilingual(*told.get(member.value, (member.value,) * 2))
        members.append((str(member.value), known))
    return EnumKind(name, Bilingual(zh, en), tuple(members))


def _id(value: Any) -> UUID:
    try:
        return UUID(value)
    except (ValueError, AttributeError, TypeError):
        raise Unreadable("编号应为 UUID。", "An id is a UUID.") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Unreadable("应为文本。", "Give text.")
    if "\0" in value or any(0xD800 <= ord(c) <= 0xDFFF for c in value):
        raise Unreadable("文本含有无法保存的字符。", "The text has characters that cannot be stored.")
    return value


def _int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > INT_MOST:
        raise Unreadable("应为 32 位整数。", "Give a whole number of 32 bits.")
    return value


def _long(value: Any) -> int:
    if isinstance(value, str) and _WHOLE.match(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LONG_MOST:
        raise Unreadable("应为整数（数字或文本）。", "Give a whole number, as a number or as text.")
    return value


def _decimal(value: Any) -> Decimal:
    text = repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if isinstance(text, str) and _DECIMAL.match(text):
        try:
            return Decimal(text)
        except InvalidOperation:  # pragma: no cover - the pattern leaves none
            pass
    raise Unreadable("应为十进制数（数字或文本）。", "Give a decimal number, as a number or as text.")


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unreadable("应为 true 或 false。", "Give true or false.")
    return value


def _date(value: Any) -> date:
    try:
        if isinstance(value, str) and len(value) == 10:
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise Unreadable("日期应为 YYYY-MM-DD。", "A day is YYYY-MM-DD.")


def _datetime(value: Any) -> datetime:
    try:
        if isinstance(value, str) and len(value) <= 40:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Unreadable(
        "时间须带时区，例如 2026-11-05T09:30:00+08:00。", "Give a time with its zone, as 2026-11-05T09:30:00+08:00."
    )


def _any(value: Any) -> Any:
    return value


ID = Scalar("ID", Bilingual("编号（UUID）", "Identifier, a UUID"), Uuid(), quoted, _id, ordered=False, builtin=True)
STRING = Scalar("String", Bilingual("文本", "Text"), Text(), json_of, _text, textual=True, builtin=True)
INT = Scalar(
    "Int", Bilingual("整数", "Whole number"), Integer(), lambda x: cast(x, Text), _int, number=True, builtin=True
)
BOOLEAN = Scalar(
    "Boolean", Bilingual("是否", "True or false"), Boolean(), lambda x: cast(x, Text), _boolean, False, builtin=True
)
LONG = Scalar(
    "Long",
    Bilingual("64 位整数，以文本传输", "Whole number of 64 bits, sent as text"),
    BigInteger(),
    quoted,
    _long,
    number=True,
)
FEN = Scalar(
    "Fen",
    Bilingual("金额，单位为分（1/100 元），以文本传输", "Money in fen (1/100 yuan), a whole number sent as text"),
    BigInteger(),
    quoted,
    _long,
    number=True,
)
DECIMAL = Scalar(
    "Decimal",
    Bilingual("十进制数，以文本传输", "Decimal number, sent as text"),
    Numeric(),
    quoted,
    _decimal,
    number=True,
)
DATE = Scalar(
    "Date", Bilingual("日期 YYYY-MM-DD（租户时区）", "Day, YYYY-MM-DD, in the tenant's zone"), Date(), quoted, _date
)
DATETIME = Scalar(
    "DateTime",
    Bilingual("时间（ISO 8601，带时区）", "Moment, ISO 8601 with its zone"),
    DateTime(timezone=True),
    json_of,
    _datetime,
)
JSON = Scalar(
    "JSON",
    Bilingual("任意 JSON 值", "Any JSON value"),
    JSONB(),
    lambda x: cast(x, Text),
    _any,
    ordered=False,
)
SCALARS = (ID, STRING, INT, BOOLEAN, LONG, FEN, DECIMAL, DATE, DATETIME, JSON)
