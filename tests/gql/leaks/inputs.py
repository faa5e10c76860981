"""The least that a function or mutation takes: a value for every required argument."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from steward_graphql.declared.scalars import ID, EnumKind, enum_name
from steward_graphql.declared.shapes import Argument, InputObject
from tests.gql.world import Tenant

PLAIN: Mapping[str, Any] = {
    "String": "测试",
    "Int": 1,
    "Long": "1",
    "Fen": "100",
    "Decimal": "1.5",
    "Boolean": True,
    "Date": "2026-12-01",
    "DateTime": "2026-12-01T00:00:00Z",
    "JSON": {},
}


def least(arguments: Sequence[Argument], row_id: str) -> dict[str, Any]:
    """An input that has every required argument and every id; ids are all `row_id`."""
    return {one.name: _value(one, row_id) for one in arguments if one.required or _is_id(one) or one.name == "version"}


def _is_id(one: Argument) -> bool:
    return one.kind is ID


def _value(one: Argument, row_id: str) -> Any:
    value: Any
    if isinstance(one.kind, InputObject):
        value = least(one.kind.parts, row_id)
    elif isinstance(one.kind, EnumKind):
        value = enum_name(one.kind.members[0][0])
    elif one.kind is ID:
        value = row_id
    else:
        value = PLAIN[one.kind.name]
    return [value] if one.listed else value


def has_id(arguments: Sequence[Argument]) -> bool:
    """Whether an id stands anywhere in an input."""
    return any(has_id(one.kind.parts) if isinstance(one.kind, InputObject) else one.kind is ID for one in arguments)


def least_arguments(arguments: Sequence[Argument], given: Mapping[str, str], tenant: Tenant) -> str:
    """Arguments of a field as a document writes them; `given` are written as they are."""
    parts = []
    for one in arguments:
        if one.name in given:
            text = f"[{given[one.name]}]" if one.listed else given[one.name]
        elif one.required:
            text = _literal(one, str(tenant.people["boss"].id))
        else:
            continue
        parts.append(f"{one.name}: {text}")
    return ", ".join(parts)


def _literal(one: Argument, row_id: str) -> str:
    if isinstance(one.kind, EnumKind):
        text = enum_name(one.kind.members[0][0])
        return f"[{text}]" if one.listed else text
    return json.dumps(_value(one, row_id), ensure_ascii=False)
