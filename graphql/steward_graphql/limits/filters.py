"""What filters cost, before any SQL: special members, and relations, which read rows of other tables for each row.

A relation inside another is met for each row of the outer one, so that in the worst case the work multiplies with every
step; so do the points.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLInputObjectType,
    GraphQLNamedType,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
    get_named_type,
)

from steward_graphql.declared.api import Api
from steward_graphql.declared.entities import One
from steward_graphql.limits.errors import NestedTooDeeply, TooManyConditions

MOST_CONDITIONS = 200
MOST_DEPTH = 20
SPECIAL = 5
RELATION = 5
"""A relation's points; each relation inside another costs so many times as much."""


@dataclass(frozen=True)
class Place:
    """A type of input, and how deep in a filter it stands: in objects, and in relations."""

    kind: GraphQLNamedType
    depth: int = 1
    relations: int = 0


@dataclass(frozen=True)
class Filtering:
    """A filter: points and members that are known, and the variables that stand in it."""

    points: int = 0
    members: int = 0
    variables: tuple[tuple[str, Place], ...] = ()


def filter_points(api: Api, filterings: Iterable[Filtering], variables: Mapping[str, Any]) -> int:
    """The points of filters. Raises TooManyConditions, NestedTooDeeply."""
    points = 0
    for one in filterings:
        points, members = points + one.points, one.members
        for name, place in one.variables:
            more, further = _in_value(api, place, variables.get(name), members)
            points, members = points + more, members + further
        _check_members(members)
    return points


def filter_in_document(api: Api, kind: GraphQLNamedType, value: ValueNode) -> Filtering:
    """What a filter that the document writes comes to. Raises NestedTooDeeply."""
    points = members = 0
    variables: list[tuple[str, Place]] = []
    waiting: list[tuple[Place, ValueNode]] = [(Place(kind), value)]
    while waiting:
        place, node = waiting.pop()
        if not isinstance(place.kind, GraphQLInputObjectType):
            continue
        if isinstance(node, ListValueNode):
            waiting.extend((place, one) for one in node.values)
        elif isinstance(node, VariableNode):
            variables.append((node.name.value, place))
        elif isinstance(node, ObjectValueNode):
            given = {one.name.value: one.value for one in node.fields if not isinstance(one.value, NullValueNode)}
            members += len(given) or 1  # lists of empty ones are not for nothing
            more, inner = _object(api, place, given)
            points += more
            waiting.extend(inner)
    return Filtering(points, members, tuple(variables))


def _in_value(api: Api, place: Place, value: Any, members_before: int) -> tuple[int, int]:
    """Points and members of what a variable gives."""
    points = members = 0
    waiting: list[tuple[Place, Any]] = [(place, value)]
    while waiting:
        place, value = waiting.pop()
        if not isinstance(place.kind, GraphQLInputObjectType):
            continue
        if isinstance(value, list | tuple):
            waiting.extend((place, one) for one in value)
        elif isinstance(value, Mapping):
            given = {name: one for name, one in value.items() if one is not None and name in place.kind.fields}
            members += len(given) or 1
            _check_members(members_before + members)
            more, inner = _object(api, place, given)
            points += more
            waiting.extend(inner)
    return points, members


def _object(api: Api, place: Place, given: Mapping[str, Any]) -> tuple[int, list[tuple[Place, Any]]]:
    """The points of an object's own members, and what stands below them."""
    if place.depth > MOST_DEPTH:
        raise NestedTooDeeply(MOST_DEPTH, place.depth)
    points = 0
    below: list[tuple[Place, Any]] = []
    kind = place.kind
    assert isinstance(kind, GraphQLInputObjectType)
    entity = api.entities.get(kind.name.removesuffix("Filter"))
    of_many = entity is None and kind.name.endswith("ManyFilter")
    for name, value in given.items():
        if name not in kind.fields:
            continue
        if entity is not None and name in entity.specials_by_name:
            points += SPECIAL
            continue
        relations = place.relations
        if of_many or (entity is not None and isinstance(entity.by_name.get(name), One)):
            relations += 1
            points += RELATION**relations
        below.append((Place(get_named_type(kind.fields[name].type), place.depth + 1, relations), value))
    return points, below


def _check_members(members: int) -> None:
    if members > MOST_CONDITIONS:
        raise TooManyConditions(MOST_CONDITIONS, members)
