"""Filters, over Python values. A comparison with a value that is not there is neither true nor false, as in SQL."""

from __future__ import annotations

import operator
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC
from typing import Any

from steward_graphql.declared.entities import Condition, Entity, Many, One, Value
from steward_graphql.declared.scalars import EnumKind, Kind, Scalar
from tests.gql.reference.tables import Record, Tables

Prepare = Callable[[Entity, str, Any], Awaitable[Condition]]
_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "contains": lambda value, wanted: wanted in value,
    "startsWith": lambda value, wanted: value.startswith(wanted),
    "endsWith": lambda value, wanted: value.endswith(wanted),
    "in": lambda value, wanted: value in wanted,
}


class Conditions:
    """Decides which rows meet a filter. `prepare` gives the SQL condition of a special filter."""

    def __init__(self, tables: Tables, prepare: Prepare) -> None:
        self.tables = tables
        self._prepare = prepare

    async def matching(self, entity: Entity, given: Mapping[str, Any] | None, records: list[Record]) -> list[Record]:
        """Those of `records` that meet the filter."""
        if not given:
            return records
        return [one for one in records if await self.holds(entity, given, one)]

    async def holds(self, entity: Entity, given: Mapping[str, Any], record: Record) -> bool:
        """Whether a row meets a filter."""
        for name, wanted in given.items():
            if wanted is None:
                continue
            if name == "and":
                held = all([await self.holds(entity, one, record) for one in wanted])
            elif name == "or":
                held = any([await self.holds(entity, one, record) for one in wanted])
            elif name == "not":
                held = not await self.holds(entity, wanted, record)
            else:
                held = await self._member(entity, name, wanted, record)
            if not held:
                return False
        return True

    async def _member(self, entity: Entity, name: str, wanted: Any, record: Record) -> bool:
        if name in entity.specials_by_name:
            condition = await self._prepare(entity, name, wanted)
            return record.key in self.tables.matching(entity, condition)
        one = entity.by_name[name]
        if isinstance(one, Value):
            value = record.values[name]
            return _list_holds(one.kind, value, wanted) if one.listed else _holds(one.kind, value, wanted)
        assert isinstance(one, One | Many)
        target = self.tables.api.entities[one.target]
        found = [
            other
            for other in self.tables.linked(entity, name, target, one.link, record.key)
            if self.reachable(other, one)
        ]
        if isinstance(one, One):
            return any([await self.holds(target, wanted, other) for other in found])
        for quantifier, inner in wanted.items():
            if inner is None:
                continue
            some = any([await self.holds(target, inner, other) for other in found])
            if some is (quantifier == "none"):
                return False
        return True

    def reachable(self, record: Record, through: One | Many | None) -> bool:
        """Whether a row can be come by: it is one of this type, in reach, and for lists meets what always holds."""
        if not self.tables.belongs(record):
            return False
        if (through is None or isinstance(through, Many)) and not record.flags.get("always", True):
            return False
        return (through is not None and through.granted) or self.tables.reaches(record)


def _read(kind: Kind, value: Any) -> Any:
    """A filter's value as the table has it."""
    if isinstance(kind, EnumKind):
        return value if any(value == key for key, _ in kind.members) else kind.read(value)
    return value


def _holds(kind: Kind, value: Any, wanted: Mapping[str, Any]) -> bool:
    for name, given in wanted.items():
        if given is None:
            continue
        if name == "isNull":
            held = (value is None) is given
        elif name in ("ne", "notIn"):
            others = [_read(kind, one) for one in (given if name == "notIn" else [given])]
            held = value is None or value not in others
        else:
            other = [_read(kind, one) for one in given] if name == "in" else _read(kind, given)
            held = value is not None and _COMPARED[name](value, other)
        if not held:
            return False
    return True


def _list_holds(kind: Kind, value: Any, wanted: Mapping[str, Any]) -> bool:
    for name, given in wanted.items():
        if given is None:
            continue
        held = _read(kind, given) in (value or ()) if name == "has" else (not value) is given
        if not held:
            return False
    return True


def shown(kind: Kind, value: Any, listed: bool = False) -> Any:
    """A value as JSON has it; of an enum its stored key, which graphql-core turns into its name."""
    if listed and value is not None:
        return [shown(kind, one) for one in value]
    if value is None or isinstance(kind, EnumKind):
        return value
    assert isinstance(kind, Scalar)
    match kind.name:
        case "Int":
            return int(value)
        case "Long" | "Fen":
            return str(int(value))
        case "Decimal":
            return format(value, "f")
        case "Date":
            return value.isoformat()
        case "DateTime":
            return moment(value)
        case "ID":
            return str(value)
    return value


def moment(value: Any) -> str:
    """A moment as PostgreSQL writes it in JSON, in UTC: no digits of seconds that say nothing."""
    text: str = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return f"{text}+00:00"
