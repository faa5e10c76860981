"""Interfaces with their concrete types, `node` and `nodes`."""

from __future__ import annotations

from typing import Any

from steward_core.permissions import CLIENTS_VIEW, FORMS_VIEW
from steward_tenants.access.permissions import PEOPLE_VIEW
from tests.factories import actor_with
from tests.gql.compiler.conftest import Tiny

ALL = actor_with(CLIENTS_VIEW, FORMS_VIEW, PEOPLE_VIEW)
TYPES = {"tiny.visit": "VisitRecord", "tiny.care": "CareRecord", "tiny.else": "OtherRecord"}


async def test_concrete_types(tiny: Tiny) -> None:
    data = await tiny.runner.ask(
        """{ records(first: 100) { totalCount nodes { __typename kind: __typename title ... on VisitRecord { purpose client { name } }
             ... on CareRecord { purpose: gift } ... on FormRecord { form } ... on Node { id } } }
             plain: records(first: 100) { nodes { __typename title } }
             clients(first: 100) { nodes { records { nodes { ... on CareRecord { gift } } totalCount } } } }""",
        ALL,
    )
    by_id = {str(record.id): record for record in tiny.records}
    names = {client.id: client.name for client in tiny.clients}
    assert data["records"]["totalCount"] == 12
    for node in data["records"]["nodes"]:
        record = by_id[node["id"]]
        expected: dict[str, object] = {
            "__typename": TYPES[record.form],
            "kind": TYPES[record.form],
            "title": record.title,
        }
        if record.form == "tiny.visit":
            assert record.client_id is not None
            expected |= {"purpose": record.document["purpose"], "client": {"name": names[record.client_id]}}
        elif record.form == "tiny.care":
            expected |= {"purpose": None}
        assert node == {**expected, "form": record.form, "id": str(record.id)}
    assert {n["__typename"] for n in data["plain"]["nodes"]} == set(TYPES.values())
    assert sum(n["records"]["totalCount"] for n in data["clients"]["nodes"]) == 12
    assert sum(bool(r) for n in data["clients"]["nodes"] for r in n["records"]["nodes"]) == 4


async def test_a_concrete_types_own_list(tiny: Tiny) -> None:
    data = await tiny.runner.ask('{ visits(filter: {purpose: {eq: "拜访3"}}) { totalCount nodes { title } } }', ALL)
    assert data["visits"]["totalCount"] == 1


async def test_node_by_id(tiny: Tiny) -> None:
    text = """query ($id: ID!) { node(id: $id) { __typename id ... on Client { name } ... on VisitRecord { purpose }
      ... on OtherRecord { title } } }"""
    subjects: list[Any] = [tiny.clients[0], tiny.contacts[0], tiny.people[0], *tiny.records[:3]]
    names = ["Client", "Contact", "Person", *(TYPES[record.form] for record in tiny.records[:3])]
    for subject, name in zip(subjects, names, strict=True):
        node = (await tiny.runner.ask(text, ALL, {"id": str(subject.id)}))["node"]
        assert (node["__typename"], node["id"]) == (name, str(subject.id))
    missing = await tiny.runner.ask('{ node(id: "0193a000-0000-7000-8000-000000000001") { id } }', ALL)
    assert missing == {"node": None}
    only = "query ($id: ID!) { node(id: $id) { ... on OtherRecord { title } } }"
    for record in tiny.records[:3]:
        found = (await tiny.runner.ask(only, ALL, {"id": str(record.id)}))["node"]
        assert found == ({"title": record.title} if record.form == "tiny.else" else None)


async def test_nodes_in_the_order_given(tiny: Tiny) -> None:
    ids = [tiny.contacts[3].id, tiny.clients[1].id, "0193a000-0000-7000-8000-000000000001", tiny.contacts[3].id]
    text = "query ($ids: [ID!]!) { nodes(ids: $ids) { id __typename } none: nodes(ids: []) { id } }"
    data = await tiny.runner.ask(text, ALL, {"ids": [str(one) for one in ids]})
    assert data["none"] == []
    assert data["nodes"] == [
        {"id": str(ids[0]), "__typename": "Contact"},
        {"id": str(ids[1]), "__typename": "Client"},
        None,
        {"id": str(ids[0]), "__typename": "Contact"},
    ]


async def test_a_row_by_another_column(tiny: Tiny) -> None:
    data = await tiny.runner.ask(
        '{ clientByCode(code: "C01") { name } none: clientByCode(code: "nope") { name } }', ALL
    )
    assert data == {"clientByCode": {"name": tiny.clients[1].name}, "none": None}
