"""Constants of plans, and JSON objects from their parts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Integer, Text, cast, func, literal_column
from sqlalchemy.types import Numeric

from steward_graphql.compiler.building import Building
from steward_graphql.declared.fragments import NULL, Constant, Joined
from steward_graphql.declared.scalars import EnumKind, Kind

ONE: ColumnElement[int] = literal_column("1", Integer)
ZERO: ColumnElement[int] = literal_column("0", Integer)
COMMA = Constant(",")
EMPTY = Constant("")
_TEXTS: ARRAY[str] = ARRAY(Text())
Part = ColumnElement[Any]


def joined(parts: Iterable[Part]) -> Part:
    """The parts one after another, neighbouring constants as one."""
    flat: list[Part] = []
    text = ""
    for part in _flat(parts):
        if isinstance(part, Constant):
            text += part.text
            continue
        if text:
            flat.append(Constant(text))
            text = ""
        flat.append(part)
    if text or not flat:
        flat.append(Constant(text))
    return flat[0] if len(flat) == 1 else Joined(*flat)


def _flat(parts: Iterable[Part]) -> Iterable[Part]:
    for part in parts:
        if isinstance(part, Joined):
            yield from _flat(part.parts)
        elif part is NULL:
            yield Constant("null")
        else:
            yield part


def key_parts(building: Building, key: str, name: str) -> list[Part]:
    """`"key":`; a key that the document made up is bound."""
    if key == name:
        return [Constant(f'"{name}":')]
    return [building.parameters.constant(json.dumps(key) + ":", Text())]


def json_object(building: Building, members: Iterable[tuple[str, str, Part]]) -> Part:
    """A JSON object of (response key, field's name, JSON text) each."""
    parts: list[Part] = [Constant("{")]
    for number, (key, name, value) in enumerate(members):
        if number:
            parts.append(COMMA)
        parts.extend(key_parts(building, key, name))
        parts.append(value)
    parts.append(Constant("}"))
    return joined(parts)


def listed_json(kind: Kind, values: Any) -> Part:
    """The JSON text of an SQL array of a kind; NULL stays NULL."""
    if isinstance(kind, EnumKind):
        return func.upper(func.translate(cast(func.to_json(values), Text), Constant("-.: "), Constant("____")))
    if isinstance(kind.sql, Numeric) or kind.name in ("Long", "Fen"):
        return cast(func.to_json(cast(values, _TEXTS)), Text)
    return cast(func.to_json(values), Text)


def string_json(text: Any) -> Part:
    """A text that needs no escaping, in quotes."""
    return Joined(Constant('"'), text, Constant('"'))
