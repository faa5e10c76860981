"""Ids of rows that are another tenant's or out of reach answer just like ids of no rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from graphql import GraphQLInputObjectType, GraphQLScalarType, get_named_type, get_nullable_type

from steward_graphql.declared.entities import OneRoot, Value
from steward_graphql.declared.scalars import ID, STRING
from steward_graphql.execution.engine import Request
from tests.gql.agreement.answers import Bench
from tests.gql.agreement.documents import list_roots
from tests.gql.leaks.inputs import least_arguments
from tests.gql.world import READERS

NOWHERE = str(UUID(int=42))
ASKED = [pytest.param("A", "am1", marks=pytest.mark.full), ("C", "odd")]
DEAR = {"clientTriggers"}
"""Every trigger is run for each id, hundreds of statements in all: clients, people and units are enough for these."""
EVERYBODY = [(letter, name) for letter in "ABC" for name in READERS]


def strangers(bench: Bench, letter: str, name: str, table: str) -> list[str]:
    """Ids of rows of a table that somebody may not know of: other tenants', and their own tenant's out of reach."""
    found = [
        str(row.id)
        for tenant in bench.world.tenants.values()
        if tenant.letter != letter
        for row in tenant.rows.get(table, ())[:1]
    ]
    tables = bench.reference(letter, name).tables
    known = [
        list(tables.records(entity).values())
        for entity in tables.api.entities.values()
        if entity.table.__tablename__ == table and entity.key == ("id",)
    ]
    reached = {one.key for records in known for one in records if tables.belongs(one) and tables.reaches(one)}
    hidden = [one.key for one in (known[0] if known else ()) if one.key not in reached]
    found += [str(key[0]) for key in hidden[:2]]
    return found


def _tables(bench: Bench) -> list[str]:
    return sorted({table for tenant in bench.world.tenants.values() for table in tenant.rows})


async def _body(bench: Bench, letter: str, name: str, text: str, row_id: str) -> str:
    answer = await bench.engine.execute(
        Request(text, None, {"id": row_id}), bench.world[letter].caller(name), locale="en", request_id="r"
    )
    return answer.body.decode().replace(row_id, "ID")


async def _compare(bench: Bench, letter: str, name: str, text: str, ids: list[str]) -> Iterator[str]:
    wanted = await _body(bench, letter, name, text, NOWHERE)
    assert "internal_error" not in wanted, (text, wanted)
    wrong = []
    for one in ids:
        told = await _body(bench, letter, name, text, one)
        if told != wanted:
            wrong.append(f"{name}@{letter} {text[:300]}\n  {told[:300]}\n  {wanted[:300]}")
    return iter(wrong)


@pytest.mark.parametrize(("letter", "name"), ASKED)
async def test_single_rows_and_nodes(bench: Bench, letter: str, name: str) -> None:
    api, wrong = bench.api(letter), []
    texts = {"": "query($id: ID!) { node(id: $id) { __typename id } nodes(ids: [$id]) { __typename } }"}
    for root in api.roots.values():
        if isinstance(root, OneRoot) and root.of_actor is None and root.arguments[0][1] is ID:
            entity = api.entities[root.entity]
            argument = root.arguments[0][0]
            text = f"query($id: ID!) {{ {root.name}({argument}: $id) {{ __typename }} }}"
            wrong += list(
                await _compare(
                    bench, letter, name, text, strangers(bench, letter, name, str(entity.table.__tablename__))
                )
            )
    everything = [one for table in _tables(bench) for one in strangers(bench, letter, name, table)]
    wrong += list(await _compare(bench, letter, name, texts[""], everything))
    assert not wrong, "\n".join(wrong[:6])


@pytest.mark.parametrize(("letter", "name"), [("C", "odd")])
async def test_ids_in_filters(bench: Bench, letter: str, name: str) -> None:
    """A filter by an id out of reach finds what a filter by no id finds; its special filters too."""
    api, wrong = bench.api(letter), []
    for root in list_roots(api):
        entity = api.entities[root.entity]
        kind: Any = api.schema.type_map[f"{entity.name}Filter"]
        members = []
        for member, one in kind.fields.items():
            field = entity.by_name.get(member)
            inner = get_named_type(one.type)
            if isinstance(field, Value) and field.kind is ID and member == "id":
                members.append(f"{{{member}: {{eq: $id}}}}")
            elif field is None and isinstance(inner, GraphQLScalarType) and inner.name == "ID":
                members.append(f"{{{member}: $id}}")
            elif field is not None and isinstance(inner, GraphQLInputObjectType) and "id" in inner.fields:
                members.append(f"{{{member}: {{id: {{eq: $id}}}}}}")
        table = str(entity.table.__tablename__)
        for member in members:
            text = (
                f"query($id: ID!) {{ {root.name}(first: 3, filter: {member}) {{ totalCount nodes {{ __typename }} }} }}"
            )
            ids = strangers(bench, letter, name, table) if "{id:" in member[:5] else _foreign(bench, letter)
            wrong += list(await _compare(bench, letter, name, text, ids))
    assert not wrong, "\n".join(wrong[:6])


def _foreign(bench: Bench, letter: str) -> list[str]:
    return [
        str(row.id)
        for tenant in bench.world.tenants.values()
        if tenant.letter != letter
        for row in (tenant.units["east1"], tenant.people["am1"], tenant.rows["client"][0])
    ]


@pytest.mark.parametrize(("letter", "name"), ASKED)
async def test_ids_in_functions(bench: Bench, letter: str, name: str) -> None:
    await _functions(bench, letter, name, 1)


@pytest.mark.full
@pytest.mark.parametrize(("letter", "name"), EVERYBODY)
async def test_ids_everywhere(bench: Bench, letter: str, name: str) -> None:
    await test_single_rows_and_nodes(bench, letter, name)
    await test_ids_in_filters(bench, letter, name)
    await _functions(bench, letter, name, 4)


async def _functions(bench: Bench, letter: str, name: str, of_each: int) -> None:
    api, wrong = bench.api(letter), []
    query = api.schema.query_type
    assert query is not None
    nearest = [*strangers(bench, letter, name, "client"), *_foreign(bench, letter)]
    everything = [one for table in _tables(bench) for one in strangers(bench, letter, name, table)[-of_each:]]
    for function in api.functions.values():
        ids = [one for one in function.arguments if one.kind is ID or (one.kind is STRING and one.name.endswith("Id"))]
        for one in ids:
            arguments = least_arguments(function.arguments, {one.name: "$id"}, bench.world[letter])
            field = query.fields[function.name]
            below = "" if isinstance(get_named_type(field.type), GraphQLScalarType) else " { __typename }"
            text = f"query($id: ID!) {{ {function.name}({arguments}){below} }}"
            asked = nearest if of_each == 1 and function.name in DEAR else everything
            wrong += list(await _compare(bench, letter, name, text, asked))
    assert not wrong, "\n".join(wrong[:6])


async def test_errors_are_the_same_in_each_language(bench: Bench) -> None:
    """An error's text does not tell more in one language than in the other."""
    answer = await bench.engine.execute(
        Request("{ clients(first: 3) { nodes { id } } }"), bench.world["A"].caller("nobody"), locale="zh-CN"
    )
    (error,) = json.loads(answer.body)["errors"]
    assert error["message"] == error["extensions"]["messages"]["zhCN"]
    assert error["extensions"]["code"] == "forbidden"


def nullable(kind: Any) -> bool:
    """Whether an input may be left out."""
    return get_nullable_type(kind) is kind
