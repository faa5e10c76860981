"""Row scope inside plans: what each kind of grant reaches, in lists, counts, relations, filters and by id."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from sqlalchemy import select

from steward_core.clients.models import Client
from steward_core.clients.row_kinds import CLIENT
from steward_core.permissions import CLIENTS_VIEW, FORMS_VIEW
from steward_graphql.compiler.compile import compile_query
from steward_tenants.access.permissions import PEOPLE_VIEW, UNITS_VIEW
from steward_tenants.access.symbolic import standing_of
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.identifiers import new_id
from tests.factories import actor_with
from tests.gql.compiler.conftest import Tiny
from tests.gql.compiler.running import TODAY

SEEN = (CLIENTS_VIEW, FORMS_VIEW, PEOPLE_VIEW, UNITS_VIEW)
TEXT = """query ($id: ID!) { clients(first: 100) { totalCount aggregate { count } nodes { id parent { id } children { totalCount } } }
  groups: clients { groups(by: [OWNER_ID]) { count key { ownerId } } }
  contacts(first: 100) { totalCount nodes { id client { id } } }
  records(first: 100) { nodes { id client { id } } }
  client(id: $id) { id } node(id: $id) { id __typename } nodes(ids: [$id]) { id }
  inner: contacts(first: 100, filter: {client: {name: {contains: ""}}}) { totalCount }
  me { id } }"""


def _actor(tiny: Tiny, which: str) -> Actor:
    if which == "own":
        return actor_with(*SEEN, scope=Scope.OWN, user=tiny.people[1])
    if which == "team":
        return actor_with(*SEEN, scope=Scope.TEAM, user=tiny.people[0])
    if which == "subtree":
        return actor_with(*SEEN, scope=Scope.SUBTREE, user=tiny.people[2], unit_id=tiny.units[0].id)
    return actor_with(*SEEN, user=tiny.people[3])


async def _reached(tiny: Tiny, actor: Actor) -> set[str]:
    """The clients that an actor reaches, by the rule that services use."""
    async with tiny.runner.database.read(tiny.runner.tenant_id, actor) as session:
        rows = await session.scalars(
            select(Client.id).where(session.within(Client), CLIENT.within_reach(session, CLIENTS_VIEW, TODAY))
        )
    return {str(row) for row in rows}


@pytest.mark.parametrize("which", ["own", "team", "subtree", "all"])
async def test_lists_and_single_reads_agree_with_the_rule(tiny: Tiny, which: str) -> None:
    actor = _actor(tiny, which)
    reached = await _reached(tiny, actor)
    assert 0 < len(reached) <= 22
    assert (len(reached) == 22) is (which == "all")
    for client in tiny.clients:
        data = await tiny.runner.ask(TEXT, actor, {"id": str(client.id)})
        inside = {"id": str(client.id)} if str(client.id) in reached else None
        assert data["client"] == inside
        assert data["node"] == (inside and {**inside, "__typename": "Client"})
        assert data["nodes"] == [inside]
    assert {node["id"] for node in data["clients"]["nodes"]} == reached
    assert data["clients"]["totalCount"] == data["clients"]["aggregate"]["count"] == len(reached)
    assert sum(group["count"] for group in data["groups"]["groups"]) == len(reached)
    contacts = {str(c.id) for c in tiny.contacts if str(c.client_id) in reached}
    assert {node["id"] for node in data["contacts"]["nodes"]} == contacts
    assert data["contacts"]["totalCount"] == data["inner"]["totalCount"] == len(contacts)
    records = {str(r.id) for r in tiny.records if str(r.client_id) in reached}
    assert {node["id"] for node in data["records"]["nodes"]} == records
    for node in data["clients"]["nodes"]:
        parent = next(c.parent_id for c in tiny.clients if str(c.id) == node["id"])
        assert node["parent"] == ({"id": str(parent)} if str(parent) in reached else None)
        children = [c for c in tiny.clients if str(c.parent_id) == node["id"] and str(c.id) in reached]
        assert node["children"]["totalCount"] == len(children)
    assert data["me"] == {"id": str(actor.id)}


async def test_nobody_sees_nothing(tiny: Tiny) -> None:
    actor = actor_with(scope=Scope.ALL, user=tiny.people[1])
    data = await tiny.runner.ask(TEXT, actor, {"id": str(tiny.clients[0].id)})
    assert data.pop("me") == {"id": str(tiny.people[1].id)}
    assert data.pop("nodes") == [None]
    assert set(map(json.dumps, data.values())) == {"null"}


async def test_one_plan_serves_all_with_equal_grants(tiny: Tiny) -> None:
    first, second = (actor_with(*SEEN, scope=Scope.OWN, user=tiny.people[n]) for n in (1, 2))
    assert standing_of(first).profile == standing_of(second).profile
    operation = tiny.runner.operation("{ clients(first: 100) { nodes { id } } }")
    plan = compile_query(tiny.runner.api, operation, {}, standing_of(first).profile)
    for actor in (first, second):
        ((text,),) = await tiny.runner.run(plan, actor, {})
        assert {node["id"] for node in json.loads(text)["nodes"]} == await _reached(tiny, actor)


async def test_rows_by_key_in_scope(tiny: Tiny) -> None:
    text = "{ clients { nodes { id } } }"
    actor = _actor(tiny, "own")
    reached = await _reached(tiny, actor)
    ids: list[UUID] = [*(client.id for client in tiny.clients), new_id()]
    operation = '{ client(id: "0193a000-0000-7000-8000-000000000001") { __typename x: name owner { id } } }'
    rows = await tiny.runner.by_key(operation, actor, "Client", ids)
    assert set(rows) == reached
    names = {str(client.id): client.name for client in tiny.clients}
    assert all(row["__typename"] == "Client" and row["x"] == names[key] for key, row in rows.items())
    assert text
