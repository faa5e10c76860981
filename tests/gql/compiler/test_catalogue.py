"""Every list of the product's own catalogue: PostgreSQL takes its statement, with every filter, order and group."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from steward_graphql.declared.api import Api
from steward_graphql.declared.entities import Batched, Entity, ListRoot, Many, One, Value, snake
from steward_graphql.declared.scalars import DATE, DATETIME
from steward_graphql.schema.registry import api_for
from steward_tenants.access.permissions import catalogue
from steward_tenants.database.actor import Scope
from tests.factories import actor_with
from tests.gql.compiler.conftest import Tiny
from tests.gql.compiler.running import Runner


@pytest.fixture(scope="module")
def whole() -> Api:
    """The API with both industries."""
    return api_for(frozenset({"telecom", "tobacco"}))


def _fields(api: Api, entity: Entity, deeper: bool) -> str:
    found = ["__typename"]
    for field in entity.fields:
        if isinstance(field, Value | Batched):
            found.append(field.name)
        elif deeper and isinstance(field, One):
            found.append(f"{field.name} {{ {_fields(api, api.entities[field.target], False)} }}")
        elif deeper:
            found.append(f"{field.name}(last: 2) {{ totalCount nodes {{ __typename }} }}")
    return " ".join(found)


def _filter(entity: Entity) -> str:
    parts = []
    for field in entity.fields:
        if isinstance(field, Value) and field.filter:
            parts.append(f"{{{field.name}: {{{'isEmpty' if field.listed else 'isNull'}: false}}}}")
        elif isinstance(field, Many) and field.filter:
            parts.append(f"{{{field.name}: {{none: {{}}}}}}")
        elif isinstance(field, One) and field.filter:
            parts.append(f"{{{field.name}: {{}}}}")
    return ", ".join(parts)


def _groups(entity: Entity) -> Iterator[str]:
    for field in entity.fields:
        if isinstance(field, Value) and field.group:
            if field.kind in (DATE, DATETIME):
                yield from (f"{snake(field.name)}_{period}" for period in ("DAY", "MONTH", "YEAR"))
            else:
                yield snake(field.name)


def _documents(api: Api, root: ListRoot) -> Iterator[str]:
    entity = api.entities[root.entity]
    own, parts = _fields(api, entity, True), _filter(entity)
    yield f"{{ a: {root.name}(first: 3) {{ totalCount nodes {{ {own} }} }} }}"
    if parts:
        yield f"{{ a: {root.name}(last: 3, filter: {{or: [{parts}]}}) {{ totalCount nodes {{ __typename }} }} }}"
    for field in entity.fields:
        if isinstance(field, Value) and field.order:
            order = f"orderBy: [{{field: {snake(field.name)}, direction: DESC}}]"
            yield f"{{ a: {root.name}(first: 1, {order}) {{ edges {{ cursor }} }} }}"
    keys = list(_groups(entity))
    if keys:
        yield f"{{ a: {root.name} {{ groups(by: [{', '.join(keys)}]) {{ count }} }} }}"
    sums = " ".join(field.name for field in entity.fields if isinstance(field, Value) and field.aggregate)
    if sums:
        yield f"{{ a: {root.name} {{ aggregate {{ sum {{ {sums} }} average {{ {sums} }} min {{ {sums} }} }} }} }}"


@pytest.mark.parametrize("scope", [Scope.ALL, pytest.param(Scope.SUBTREE, marks=pytest.mark.full)])
async def test_every_list(tiny: Tiny, whole: Api, scope: Scope) -> None:
    runner = Runner(whole, tiny.runner.database, tiny.runner.tenant_id)
    actor = actor_with(*catalogue.all(), scope=scope, user=tiny.people[0], unit_id=tiny.units[0].id)
    for root in whole.roots.values():
        if not isinstance(root, ListRoot):
            continue
        for text in _documents(whole, root):
            plan, variables = await runner.plan(text, actor)
            ((answer,),) = await runner.run(plan, actor, variables)
            found = json.loads(answer.replace("<n0nce>", "")) if not plan.batches else None
            edges = (found or {}).get("edges")
            if edges:
                after = json.dumps(edges[0]["cursor"])
                (again,) = (await runner.ask(text.replace("first: 1,", f"first: 1, after: {after},"), actor)).values()
                assert again["edges"] != edges


async def test_any_node(tiny: Tiny, whole: Api) -> None:
    runner = Runner(whole, tiny.runner.database, tiny.runner.tenant_id)
    actor = actor_with(*catalogue.all(), scope=Scope.SUBTREE, user=tiny.people[0], unit_id=tiny.units[0].id)
    data = await runner.ask(f'{{ node(id: "{tiny.clients[0].id}") {{ id __typename }} }}', actor)
    assert data["node"] == {"id": str(tiny.clients[0].id), "__typename": "Client"}
