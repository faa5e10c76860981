"""Lists with what hangs on them: aliases, fragments, switches, relations, page information."""

from __future__ import annotations

import json

import pytest

from steward_core.permissions import CLIENTS_VIEW, FORMS_VIEW
from steward_graphql.limits.errors import PageRefused
from steward_tenants.access.permissions import PEOPLE_VIEW, UNITS_VIEW
from steward_tenants.access.rules import MASK
from tests.factories import actor_with
from tests.gql.compiler.conftest import Tiny
from tests.gql.compiler.running import NONCE

ALL = actor_with(CLIENTS_VIEW, PEOPLE_VIEW, UNITS_VIEW, FORMS_VIEW)
CLIENTS_ONLY = actor_with(CLIENTS_VIEW)


async def test_a_list_with_its_relations(tiny: Tiny) -> None:
    data = await tiny.runner.ask(
        """{ clients(first: 100) { __typename totalCount
             edges { cursor __typename node { id n: name status code tier lastActivityOn owner { name } parent { id }
             contacts(first: 2) { nodes { name phone roles } pageInfo { hasNextPage endCursor } totalCount } } }
             pageInfo { __typename hasNextPage hasPreviousPage startCursor endCursor } } }""",
        ALL,
    )
    answer = data["clients"]
    assert (answer["__typename"], answer["totalCount"]) == ("ClientConnection", 22)
    assert answer["pageInfo"] == {
        "__typename": "PageInfo",
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": answer["edges"][0]["cursor"],
        "endCursor": answer["edges"][-1]["cursor"],
    }
    names = {person.id: person.name for person in tiny.people}
    for edge, client in zip(answer["edges"], sorted(tiny.clients, key=lambda c: (c.name, c.id)), strict=True):
        node = edge["node"]
        contacts = sorted((c for c in tiny.contacts if c.client_id == client.id), key=lambda c: c.id)
        assert edge["__typename"] == "ClientEdge"
        assert node["contacts"].pop("pageInfo")["hasNextPage"] is (len(contacts) > 2)
        assert node == {
            "id": str(client.id),
            "n": client.name,
            "status": client.status.upper(),
            "code": client.code,
            "tier": client.tier,
            "lastActivityOn": client.last_activity_on and client.last_activity_on.isoformat(),
            "owner": client.owner_id and {"name": names[client.owner_id]},
            "parent": client.parent_id and {"id": str(client.parent_id)},
            "contacts": {
                "nodes": [
                    {"name": c.name, "phone": MASK * 4 + str(c.phone)[-4:], "roles": c.roles} for c in contacts[:2]
                ],
                "totalCount": len(contacts),
            },
        }


async def test_fragments_switches_and_merging(tiny: Tiny) -> None:
    data = await tiny.runner.ask(
        """query ($yes: Boolean!, $no: Boolean = false, $first: Int) {
             clients(first: $first) { ...Page ... on ClientConnection { nodes { code } } nodes { contacts { totalCount } } }
             gone: clients @skip(if: $yes) { totalCount } __typename
             more: clients(first: 0) { nodes { id } totalCount @include(if: $no) pageInfo { hasNextPage } }
           }
           fragment Page on ClientConnection { nodes { ... @include(if: $yes) { name } ...Never @include(if: $no)
             ... on Node { id } ... on Contact { id } contacts { nodes { name } } } }
           fragment Never on Client { tier }""".replace("... on Contact { id } ", ""),
        ALL,
        {"yes": True, "first": 3},
    )
    assert list(data) == ["clients", "__typename", "more"]
    assert data["__typename"] == "Query"
    assert data["more"] == {"nodes": [], "pageInfo": {"hasNextPage": True}}
    (node, *_) = data["clients"]["nodes"]
    assert list(node) == ["name", "id", "contacts", "code"]
    assert list(node["contacts"]) == ["nodes", "totalCount"]
    assert len(data["clients"]["nodes"]) == 3


async def test_a_value_that_is_never_null_by_declaration_drops_no_row(tiny: Tiny) -> None:
    data = await tiny.runner.ask("{ clients(first: 100) { nodes { shout custom } } }", ALL)
    assert len(data["clients"]["nodes"]) == 22
    assert {node["shout"] for node in data["clients"]["nodes"]} == {c.short_name for c in tiny.clients}
    assert {node["custom"]["b"] for node in data["clients"]["nodes"]} == {"x\ny"}


async def test_an_argument_of_a_value(tiny: Tiny) -> None:
    data = await tiny.runner.ask(
        """query ($keys: [String!]) { clients(first: 1) { nodes { all: picked
             some: picked(keys: ["a"]) given: picked(keys: $keys) } } }""",
        ALL,
        {"keys": ['b"', "b", "a"]},
    )
    (node,) = data["clients"]["nodes"]
    assert (list(node["all"]), node["some"], node["given"]) == (["a", "b"], {"b": "x\ny"}, {})


async def test_fields_without_permission_are_null_and_told_of(tiny: Tiny) -> None:
    text = "{ people { totalCount } clients(first: 2) { edges { node { name boss: owner { name } region unit { name } } } } }"
    data = await tiny.runner.ask(text, CLIENTS_ONLY)
    assert data["people"] is None
    for edge in data["clients"]["edges"]:
        assert (edge["node"]["boss"], edge["node"]["region"]) == (None, None)
        assert edge["node"]["unit"]["name"].startswith("机构")
    notices = {notice.at: notice for notice in tiny.runner.plans[-1].notices}
    assert {at: notice.path for at, notice in notices.items()} == {
        "people": ("people",),
        "clients.edges.node.boss": None,
        "clients.edges.node.region": None,
    }
    assert "See people" in notices["people"].message.en


async def test_batched_places_are_marked(tiny: Tiny) -> None:
    plan, variables = await tiny.runner.plan("{ clients(first: 2) { nodes { score again: score id } } }", ALL)
    ((text,),) = await tiny.runner.run(plan, ALL, variables)
    for client in sorted(tiny.clients, key=lambda c: (c.name, c.id))[:2]:
        mark = f"{NONCE}0:{client.id}{NONCE}"
        assert f'"score":{mark},"again":{mark}' in text
    assert [field.name for field in plan.batches] == ["score"]


async def test_a_link_through_another_table(tiny: Tiny) -> None:
    data = await tiny.runner.ask("{ clients(first: 100) { nodes { id mainContacts { nodes { name } } } } }", ALL)
    for node in data["clients"]["nodes"]:
        main = [c.name for c in tiny.contacts if str(c.client_id) == node["id"] and c.main]
        assert sorted(one["name"] for one in node["mainContacts"]["nodes"]) == sorted(main)
    data = await tiny.runner.ask(
        '{ clients(first: 100, filter: {mainContacts: {some: {name: {eq: "联系人4"}}}}) { nodes { id } } }', ALL
    )
    assert data["clients"]["nodes"] == [{"id": str(tiny.contacts[4].client_id)}]


async def test_what_lists_leave_out_is_reached_by_id(tiny: Tiny) -> None:
    data = await tiny.runner.ask(
        """query ($id: ID!) { contacts(first: 100) { totalCount nodes { id } } node(id: $id) { ... on Contact { name } }
             clients { nodes { contacts { nodes { id } } } } }""",
        ALL,
        {"id": str(tiny.left.id)},
    )
    assert data["contacts"]["totalCount"] == 40
    assert str(tiny.left.id) not in json.dumps([data["contacts"], data["clients"]])
    assert data["node"] == {"name": "离职"}


@pytest.mark.parametrize(
    "page",
    [
        "first: 1, last: 1",
        'first: 1, before: "x"',
        'last: 1, after: "x"',
        'before: "x"',
        'first: 1, after: "x", before: "y"',
        "first: 101",
        "first: -1",
        "last: 101",
    ],
)
async def test_pages_that_are_none(tiny: Tiny, page: str) -> None:
    with pytest.raises(PageRefused):
        await tiny.runner.ask(f"{{ clients({page}) {{ totalCount nodes {{ id }} }} }}", ALL)


async def test_a_page_by_variable_is_checked_when_bound(tiny: Tiny) -> None:
    plan, _ = await tiny.runner.plan("query ($n: Int) { clients(first: $n) { nodes { id } } }", ALL, {"n": 3})
    assert len((await tiny.runner.run(plan, ALL, {"n": 5}))[0]) == 1
    with pytest.raises(PageRefused):
        await tiny.runner.run(plan, ALL, {"n": 101})


async def test_nothing_but_total(tiny: Tiny) -> None:
    data = await tiny.runner.ask("{ clients { totalCount __typename } }", ALL)
    assert data["clients"] == {"totalCount": 22, "__typename": "ClientConnection"}
    assert b"LIMIT" not in tiny.runner.plans[-1].sql
