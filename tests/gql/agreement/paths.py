"""How a query comes to each type of an API, and every filter and order that it has there."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from graphql import GraphQLInputObjectType, get_named_type

from steward_graphql.declared.api import Api
from steward_graphql.declared.entities import Batched, Entity, ListRoot, Many, One, OneRoot, Value, snake
from tests.gql.agreement.documents import EnumName, Pool, Writer, literal

ROWS = 30


@dataclass(frozen=True)
class Way:
    """A way to a type: `before` + something of it + `after`; `name` is the field that is its list, if it is one."""

    before: str
    after: str
    name: str | None


def ways(api: Api) -> dict[str, Way]:
    """The shortest way to every type that a list can be had of, or else a single row."""
    found: dict[str, Way] = {}
    waiting: deque[tuple[str, Way]] = deque()
    for root in api.roots.values():
        if isinstance(root, ListRoot):
            waiting.append((root.entity, Way("", "", root.name)))
    for root in api.roots.values():
        if isinstance(root, OneRoot) and root.of_actor is not None:
            waiting.append((root.entity, Way(f"{root.name} {{", "}", None)))
    while waiting:
        name, way = waiting.popleft()
        if name in found:
            continue
        found[name] = way
        entity = api.entities[name]
        before, after = way.before, way.after
        if way.name is not None:
            before, after = f"{before} {way.name}(first: {ROWS}) {{ nodes {{", f"}} }} {after}"
        for part in entity.concrete:
            waiting.append((part.entity, Way(f"{before} ... on {part.entity} {{", f"}} {after}", None)))
        for one in entity.fields:
            if isinstance(one, Many):
                waiting.append((one.target, Way(before, after, one.name)))
            elif isinstance(one, One):
                waiting.append((one.target, Way(f"{before} {one.name} {{", f"}} {after}", None)))
    return found


def leaves(entity: Entity) -> list[str]:
    """The fields of a type that are values."""
    return [one.name for one in entity.fields if isinstance(one, Value | Batched)]


def shared(api: Api, entity: Entity) -> frozenset[str]:
    """The fields that a type has from its interface."""
    return frozenset(name for one in entity.interfaces for name in api.entities[one].by_name)


def filters(api: Api, entity: Entity, pool: Pool, leave_out: frozenset[str]) -> Iterator[str]:
    """A filter for every member and operator of an entity, as a document writes it."""
    kind: Any = api.schema.type_map[f"{entity.name}Filter"]
    writer = Writer(api, pool, Random(entity.name))
    for name in kind.fields:
        if name in ("and", "or", "not") or name in leave_out:
            continue
        one = entity.by_name.get(name)
        if one is None:
            yield from (literal({name: value}) for value in writer.special_values(entity, name))
            continue
        inner = get_named_type(kind.fields[name].type)
        assert isinstance(inner, GraphQLInputObjectType)
        for operator in inner.fields if isinstance(one, Value) else ():
            for value in _operands(writer, entity, name, operator, inner):
                yield literal({name: {operator: value}})
        if isinstance(one, One):
            yield literal({name: {}})
            yield literal({name: _some(writer, api, one.target)})
        if isinstance(one, Many):
            for quantifier in ("some", "none"):
                yield literal({name: {quantifier: {}}})
                yield literal({name: {quantifier: _some(writer, api, one.target)}})


def _operands(writer: Writer, entity: Entity, name: str, operator: str, kind: GraphQLInputObjectType) -> Iterator[Any]:
    if operator in ("isNull", "isEmpty"):
        yield from (True, False)
        return
    position = kind.fields[operator].type
    value = writer.leaf(entity, name, position)
    if operator in ("contains", "startsWith", "endsWith") and isinstance(value, str):
        value = {"contains": value[1:4], "startsWith": value[:3]}.get(operator, value[-3:])
    yield [value, writer.leaf(entity, name, position)] if operator in ("in", "notIn") else value


def _some(writer: Writer, api: Api, target: str) -> dict[str, Any]:
    entity = api.entities[target]
    values = [one for one in entity.fields if isinstance(one, Value) and one.filter and not one.listed]
    if not values:
        return {}
    kind: Any = get_named_type(api.schema.type_map[f"{target}Filter"])
    chosen = writer.random.choice(values)
    inner: Any = get_named_type(kind.fields[chosen.name].type)
    if "eq" not in inner.fields:
        return {chosen.name: {"isNull": False}}
    value = writer.leaf(entity, chosen.name, inner.fields["eq"].type)
    return {chosen.name: {"eq": value}}


def orders(api: Api, entity: Entity, leave_out: frozenset[str] = frozenset()) -> Iterator[str]:
    """Every order of an entity, both ways."""
    kind: Any = api.schema.type_map.get(f"{entity.name}OrderField")
    left_out = {snake(name) for name in leave_out}
    for name in kind.values if kind is not None else ():
        if name in left_out:
            continue
        for direction in ("ASC", "DESC"):
            yield literal([{"field": EnumName(name), "direction": EnumName(direction)}])
