"""Every query field of every schema answers: whatever a role may see, nothing breaks."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from steward_graphql.execution.engine import Engine, Request
from steward_graphql.schema.registry import api_for
from tests.gql.world import READERS, World

FULL = os.environ.get("STEWARD_TEST_FULL") == "1"
BROKEN = {"internal_error", "missing_value", "database_unavailable", "query_timeout"}


def selection(kind: Any, depth: int) -> str:
    """All fields down to a depth, without those that take arguments."""
    named = get_named_type(kind)
    if not isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
        return ""
    parts = ["__typename"]
    for name, field in named.fields.items():
        if any(is_required_argument(one) for one in field.args.values()):
            continue
        if is_leaf_type(get_named_type(field.type)):
            parts.append(name)
        elif depth and not field.args:
            parts.append(f"{name} {selection(field.type, depth - 1)}")
    return "{ " + " ".join(parts) + " }"


def query_of(name: str, field: GraphQLField) -> str:
    kind = get_named_type(field.type)
    if kind.name.endswith("Connection"):
        assert isinstance(kind, GraphQLObjectType)
        row = selection(kind.fields["nodes"].type, 1 if FULL else 0)
        return f"{{ {name}(first: 3) {{ totalCount nodes {row} pageInfo {{ endCursor }} aggregate {{ count }} }} }}"
    return f"{{ {name} {selection(field.type, 2)} }}"


@pytest.mark.parametrize(
    ("letter", "roles"),
    [("C", ("boss",)), *(pytest.param(letter, READERS, marks=pytest.mark.full) for letter in "ABC")],
)
async def test_every_root_answers_every_role(engine: Engine, world: World, letter: str, roles: tuple[str, ...]) -> None:
    tenant = world[letter]
    query_type = api_for(tenant.plugins).schema.query_type
    assert query_type is not None
    broken = []
    for name, field in query_type.fields.items():
        if any(is_required_argument(one) for one in field.args.values()):
            continue
        for role in roles:
            answer = await engine.execute(Request(query_of(name, field)), tenant.caller(role), locale="en")
            found = json.loads(answer.body)
            codes = {one["extensions"]["code"] for one in found.get("errors", ())}
            if codes & BROKEN or not answer.executed:
                broken.append((name, role, found["errors"][0]))
    assert broken == []


PLAUSIBLE = {
    "ID": '"00000000-0000-7000-8000-000000000001"',
    "String": '"x"',
    "Int": "1",
    "BigInt": "1",
    "Float": "1.0",
    "Decimal": '"1"',
    "Boolean": "true",
    "Date": '"2026-03-31"',
    "DateTime": '"2026-03-31T08:00:00Z"',
    "JSON": "{}",
}


def plausible(kind: Any) -> str:
    """A value of a required argument."""
    if isinstance(kind, GraphQLNonNull):
        return plausible(kind.of_type)
    if isinstance(kind, GraphQLList):
        return f"[{plausible(kind.of_type)}]"
    if isinstance(kind, GraphQLEnumType):
        return str(next(iter(kind.values)))
    if isinstance(kind, GraphQLInputObjectType):
        parts = {name: part.type for name, part in kind.fields.items() if isinstance(part.type, GraphQLNonNull)}
        return "{" + ", ".join(f"{name}: {plausible(part)}" for name, part in parts.items()) + "}"
    return PLAUSIBLE[kind.name]


@pytest.mark.parametrize("who", ["admin", pytest.param("boss", marks=pytest.mark.full)])
async def test_null_is_an_answer_to_every_argument_that_may_be_left_out(engine: Engine, world: World, who: str) -> None:
    tenant = world["C"]
    query_type = api_for(tenant.plugins).schema.query_type
    assert query_type is not None
    broken, asked = [], 0
    for name, field in query_type.fields.items():
        if not field.args:
            continue
        given = ", ".join(
            f"{argument}: {plausible(one.type) if is_required_argument(one) else 'null'}"
            for argument, one in field.args.items()
        )
        listed = get_named_type(field.type).name.endswith("Connection")
        shown = "{ totalCount nodes { __typename } }" if listed else selection(field.type, 1)
        text = f"{{ {name}({given}) {shown} }}"
        answer = await engine.execute(Request(text), tenant.caller(who), locale="en")
        found = json.loads(answer.body)
        asked += answer.executed
        if {one["extensions"]["code"] for one in found.get("errors", ())} & BROKEN:
            broken.append((text, found["errors"][0]))
    assert broken == []
    assert asked > 50
