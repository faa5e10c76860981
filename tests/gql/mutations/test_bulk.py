"""Bulk mutations over real rows: all or nothing, or what is good."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from steward_core.clients.models import Client, Contact
from steward_core.permissions import CLIENTS_EDIT, CLIENTS_VIEW
from steward_graphql.mutations.bulk import BULK, MOST_ITEMS
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden, InvalidInput
from tests.core.factories import make_client
from tests.factories import TESTS
from tests.gql.mutations.asking import by_name
from tests.gql.mutations.place import Place, make_place


def new(name: str, **fields: Any) -> dict[str, Any]:
    return {"fields": {"name": name, "kind": "company", **fields}}


GOOD, BAD = new("甲店", code="B-1"), new("乙店", creditCode="123")


async def test_a_refused_item_undoes_all(place: Place) -> None:
    before = await place.names()
    answer = await place.ask("createClients", items=[GOOD, BAD, new("丙店")])
    assert await place.names() == before
    assert (answer["succeeded"], answer["failed"]) == (0, 3)
    first, second, third = answer["results"]
    assert [one["index"] for one in answer["results"]] == [0, 1, 2]
    assert [one["client"] for one in answer["results"]] == [None, None, None]
    (error,) = second["userErrors"]
    assert (error["path"], error["code"]) == (["items", "1", "fields", "creditCode"], "credit_code_length")
    assert error["message"] == error["messageZh"]
    for one in (first, third):
        assert [each["code"] for each in one["userErrors"]] == ["item_not_applied"]
    assert "clients.client.create" not in await place.actions()


async def test_what_is_good_is_done_where_that_is_asked(place: Place) -> None:
    answer = await place.ask("createClients", items=[GOOD, BAD, new("甲店", code="B-1")], allOrNothing=False)
    assert (answer["succeeded"], answer["failed"]) == (1, 2)
    first, second, third = answer["results"]
    (row,) = await place.rows(Client, Client.code == "B-1")
    assert (first["client"], first["userErrors"]) == (row.id, [])
    assert second["client"] is None
    assert third["userErrors"]
    assert (await place.actions()).count("clients.client.create") == 1


async def test_all_good_items_are_done(place: Place) -> None:
    answer = await place.ask("createClients", items=[GOOD, new("丙店")])
    assert (answer["succeeded"], answer["failed"]) == (2, 0)
    assert {"甲店", "丙店"} <= await place.names()


async def others(place: Place, number: int) -> list[str]:
    async with place.database.write(place.tenant_id, TESTS) as session:
        made = [make_client(session, owner_id=place.manager.id, unit_id=place.unit.id) for _ in range(number)]
        return [str(client.id) for client in made]


async def test_clients_are_changed_many_at_once(place: Place) -> None:
    ids = await others(place, 3)
    unknown = str(uuid4())
    await place.ask("updateClients", items=[{"clientId": one, "fields": {"region": "北区"}} for one in ids])
    tiers = [{"clientId": one, "tier": "A", "reason": "年度评定"} for one in (*ids, unknown)]
    answer = await place.ask("setClientTiers", items=tiers, allOrNothing=False)
    assert (answer["succeeded"], answer["failed"]) == (3, 1)
    assert answer["results"][3]["userErrors"][0]["path"] == ["items", "3"]
    statuses = [{"clientId": one, "status": "DORMANT", "reason": "停业"} for one in ids]
    assert (await place.ask("setClientStatuses", items=statuses))["succeeded"] == 3
    rows = await place.rows(Client, Client.id.in_([UUID(one) for one in ids]))
    assert {(row.region, row.tier, row.status) for row in rows} == {("北区", "A", "dormant")}
    contacts = [{"clientId": one, "fields": {"name": "钱七"}} for one in ids]
    answer = await place.ask("addContacts", items=contacts)
    assert {one["contact"] for one in answer["results"]} == {row.id for row in await place.rows(Contact)}


async def test_the_pool_many_at_once(place: Place) -> None:
    ids = await others(place, 2)
    back = [{"clientId": one, "reason": "长期无活动"} for one in ids]
    assert (await place.ask("returnClientsToPool", items=back))["succeeded"] == 2
    answer = await place.ask("claimClients", items=[{"clientId": one} for one in ids])
    assert [str(one["client"]) for one in answer["results"]] == ids
    answer = await place.ask("claimClients", items=[{"clientId": one} for one in ids])
    assert (answer["succeeded"], answer["failed"]) == (0, 2)


async def test_records_many_at_once(database: Database, place: Place) -> None:
    telecom = await make_place(database, place.folder, "telecom")
    values = {
        "competitor": "远通", "offer": "首年五折", "strength": "strong", "source": "走访", "reported_on": "2026-11-20",
    }  # fmt: skip
    item = {"form": "telecom.competitor_report", "subjectId": str(telecom.client_id)}
    bad = {**item, "values": {**values, "strength": "nothing"}}
    answer = await telecom.ask("saveRecords", items=[{**item, "values": values}, bad], allOrNothing=False)
    good, refused = answer["results"]
    assert refused["userErrors"][0]["path"] == ["items", "1", "values", "strength"]
    moves = [{"recordId": str(good["record"]), "move": "withdraw", "reason": "误报"}]
    assert (await telecom.ask("moveRecords", items=moves))["succeeded"] == 1


@pytest.mark.parametrize("number", [0, MOST_ITEMS + 1])
async def test_so_many_items_and_no_more(place: Place, number: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        await place.ask("claimClients", items=[{"clientId": str(uuid4())}] * number)
    assert refused.value.problems[0].path == ("items",)


async def test_an_item_that_is_forbidden_is_refused_like_any_other(place: Place) -> None:
    answer = await place.ask(
        "claimClients", place.as_manager_with(CLIENTS_VIEW), items=[{"clientId": str(place.client_id)}]
    )
    assert answer["results"][0]["userErrors"][0]["code"] == Forbidden.code
    mine = place.as_manager_with(CLIENTS_VIEW, CLIENTS_EDIT)
    stranger = (await others(place, 1))[0]
    async with place.database.write(place.tenant_id, TESTS) as session:
        row = await session.get(Client, UUID(stranger))
        assert row is not None
        row.owner_id = place.boss.id
    fields = {"region": "北区"}
    items = [{"clientId": str(place.client_id), "fields": fields}, {"clientId": stranger, "fields": fields}]
    answer = await place.ask("updateClients", mine, items=items, allOrNothing=False)
    assert [len(one["userErrors"]) for one in answer["results"]] == [0, 1]
    assert len(await place.rows(AuditEvent, AuditEvent.action == "clients.client.update")) == 1


def test_bulk_mutations_are_told_from_single_ones() -> None:
    for name, (single, _, _) in BULK.items():
        many, one = by_name()[name], by_name()[single]
        assert (many.command, many.permission) == (one.command, one.permission)
        assert many.cost > one.cost
        assert [argument.name for argument in many.arguments] == ["items", "allOrNothing"]
