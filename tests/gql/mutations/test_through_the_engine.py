"""The whole way: a document with a mutation in, the payload out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest_asyncio

from steward_core.clients.models import Client
from steward_core.runs.service import RunTools
from steward_graphql.execution.engine import Engine, Request
from steward_graphql.schema.registry import api_for
from steward_tenants.audit.models import AuditEvent
from steward_tenants.commands.models import IdempotencyRecord
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.files.store import LocalFileStore
from steward_tenants.signin.mail import FolderMailer
from tests.gql.mutations.place import Place, make_place

ERRORS = "userErrors { code path message messageZh messageEn remedy }"


@pytest_asyncio.fixture(loop_scope="session")
async def telecom(database: Database, tmp_path: Path) -> Place:
    """A tenant of the telecom industry."""
    return await make_place(database, tmp_path, "telecom")


@pytest_asyncio.fixture(loop_scope="session")
async def engine(database: Database, tmp_path: Path) -> AsyncIterator[Engine]:
    """The engine over the real schemas, with files and a mailer."""
    tools = RunTools(LocalFileStore(tmp_path / "files"), tmp_path)
    mailer = FolderMailer(tmp_path / "mail", sender="steward@example.test")
    made = Engine(database, tools=tools, mailer=mailer, connections=2)
    yield made
    await made.close()


async def send(
    engine: Engine, place: Place, mutation: str, selection: str, given: dict[str, Any], actor: Actor | None = None
) -> dict[str, Any]:
    """The payload of one mutation, after it was answered without an error of the request."""
    head = mutation[:1].upper() + mutation[1:]
    text = f"mutation M($input: {head}Input!) {{ done: {mutation}(input: $input) {{ {selection} {ERRORS} }} }}"
    caller = place.asked(actor).caller
    answer = await engine.execute(Request(text, "M", {"input": given}), caller, locale="zh-CN")
    body = json.loads(answer.body)
    assert "errors" not in body, body
    payload: dict[str, Any] = body["data"]["done"]
    return payload


async def test_a_client_is_created_changed_and_read_back(engine: Engine, telecom: Place) -> None:
    fields = {"name": "远山科技", "kind": "company", "latitude": "31.2", "longitude": 121.5, "phone": "13900004444"}
    made = await send(
        engine, telecom, "createClient", "client { id name phone status owner { name } }",
        {"fields": {**fields, "ownerId": str(telecom.manager.id)}},
    )  # fmt: skip
    client = made["client"]
    assert made["userErrors"] == []
    assert (client["name"], client["owner"]["name"]) == ("远山科技", telecom.manager.name)
    assert client["phone"] != "13900004444"
    changed = await send(
        engine, telecom, "setClientTier", "client { id tier }",
        {"clientId": client["id"], "tier": "A", "reason": "年度评定", "version": 1},
    )  # fmt: skip
    assert changed["client"]["id"] == client["id"]
    late = await send(
        engine, telecom, "updateClient", "client { id }", {"clientId": client["id"], "fields": {}, "version": 1}
    )
    assert late["client"] is None
    assert late["userErrors"][0]["path"] == []


async def test_wrong_input_is_told_where_it_stands(engine: Engine, telecom: Place) -> None:
    payload = await send(
        engine, telecom, "createClient", "client { id }", {"fields": {"name": " ", "kind": "none", "creditCode": "1"}}
    )
    assert payload["client"] is None
    assert {tuple(one["path"]) for one in payload["userErrors"]} == {
        ("fields", "name"), ("fields", "kind"), ("fields", "creditCode"),
    }  # fmt: skip
    person = await send(
        engine, telecom, "updatePerson", "person { id }",
        {"personId": str(telecom.manager.id), "fields": {"phone": "12"}, "version": 1},
    )  # fmt: skip
    assert person["userErrors"][0]["path"] == ["fields", "phone"]
    version = await send(engine, telecom, "setSetting", "key", {"key": "imports.megabytes", "value": 20, "version": 7})
    assert version["key"] is None
    assert version["userErrors"]


async def test_the_same_key_answers_the_same_again(engine: Engine, telecom: Place) -> None:
    given = {"clientId": str(telecom.client_id), "body": "下周回访", "idempotencyKey": uuid4().hex}
    first = await send(engine, telecom, "writeNote", "note { id body }", given)
    again = await send(engine, telecom, "writeNote", "note { id body }", given)
    assert first == again
    assert first["note"]["body"] == "下周回访"
    other = await send(engine, telecom, "writeNote", "note { id }", {**given, "body": "另一条"})
    assert other["userErrors"][0]["code"] == "idempotency_key_reused"
    items = {"items": [{"clientId": str(telecom.client_id)}], "allOrNothing": False, "idempotencyKey": uuid4().hex}
    selection = "succeeded failed results { index client { id } userErrors { code path messageZh } }"
    bulk = await send(engine, telecom, "claimClients", selection, items)
    assert bulk == await send(engine, telecom, "claimClients", selection, items)
    assert bulk["results"][0]["userErrors"][0]["path"] == ["items", "0"]


async def test_bulk_items_tell_for_themselves(engine: Engine, telecom: Place) -> None:
    good, bad = {"name": "甲店", "kind": "shop"}, {"name": "乙店", "kind": "shop", "creditCode": "1"}
    payload = await send(
        engine, telecom, "createClients",
        "succeeded failed results { index client { id name } userErrors { code path message } }",
        {"items": [{"fields": good}, {"fields": bad}], "allOrNothing": False},
    )  # fmt: skip
    assert (payload["succeeded"], payload["failed"]) == (1, 1)
    first, second = payload["results"]
    assert (first["client"]["name"], first["userErrors"]) == ("甲店", [])
    assert second["userErrors"][0]["path"] == ["items", "1", "fields", "creditCode"]
    payload = await send(
        engine, telecom, "createClients", "succeeded failed results { index client { id } }",
        {"items": [{"fields": {**good, "name": "丙店"}}, {"fields": bad}]},
    )  # fmt: skip
    assert (payload["succeeded"], payload["failed"]) == (0, 2)
    assert {row.name for row in await telecom.rows(Client)} & {"甲店", "丙店"} == {"甲店"}


async def test_a_typed_record(engine: Engine, telecom: Place) -> None:
    values = {
        "competitor": "远通", "offer": "首年五折", "strength": "STRONG", "source": "走访", "reportedOn": "2026-11-20",
    }  # fmt: skip
    payload = await send(
        engine, telecom, "saveTelecomCompetitorReport", "record { id competitor strength reportedOn state }",
        {"clientId": str(telecom.client_id), "values": values},
    )  # fmt: skip
    record = payload["record"]
    assert (record["competitor"], record["strength"], record["reportedOn"]) == ("远通", "STRONG", "2026-11-20")
    moved = await send(
        engine, telecom, "moveRecord", "record { id state form }",
        {"recordId": record["id"], "move": "withdraw", "reason": "误报"},
    )  # fmt: skip
    assert moved["record"]["state"] == "withdrawn"
    wrong = await send(
        engine, telecom, "saveTelecomCompetitorReport", "record { id }",
        {"clientId": str(telecom.client_id), "values": {**values, "competitor": " "}},
    )  # fmt: skip
    assert wrong["userErrors"][0]["path"] == ["values", "competitor"]


async def test_reading_in_full_is_on_record(engine: Engine, telecom: Place) -> None:
    given = {"clientId": str(telecom.client_id), "idempotencyKey": uuid4().hex}
    selection = "phone phoneRevealed contacts { id phone revealed } client { id phone }"
    payload = await send(engine, telecom, "revealClient", selection, given)
    assert (payload["phone"], payload["phoneRevealed"], payload["contacts"]) == ("13900003333", True, [])
    assert payload["client"]["phone"] != "13900003333"
    again = await send(engine, telecom, "revealClient", selection, given)
    assert again["phone"] is None
    assert len(await telecom.rows(AuditEvent, AuditEvent.action == "read.client")) == 1


async def test_what_sees_to_its_own_transactions(engine: Engine, telecom: Place) -> None:
    login = f"zhao-{uuid4().hex[:10]}@example.test"
    made = await send(
        engine, telecom, "createPerson", "person { id name status } mailedTo url expiresAt",
        {"fields": {"login": login, "name": "赵一"}, "unitId": str(telecom.unit.id)},
    )  # fmt: skip
    assert (made["person"]["name"], made["mailedTo"], made["url"]) == ("赵一", login, None)
    exported = await send(engine, telecom, "exportClients", "rows download fileId file { id }", {"format": "CSV"})
    assert exported["rows"] == 1
    assert exported["download"] == f"/files/{exported['fileId']}"
    run = await send(
        engine, telecom, "requestRun", "run { id status }", {"kind": "CLIENTS_CONTRACTS_END", "period": "2026-11"}
    )
    driven = await send(engine, telecom, "advanceRun", "run { id status }", {"runId": run["run"]["id"], "seconds": 5})
    assert driven["run"]["status"] == "DONE"
    wrong = await send(engine, telecom, "advanceRun", "run { id }", {"runId": run["run"]["id"], "seconds": 99})
    assert wrong["userErrors"][0]["path"] == ["seconds"]


async def test_the_answers_of_administration(engine: Engine, telecom: Place) -> None:
    unit = await send(
        engine, telecom, "createUnit", "unit { id name }",
        {"code": "N1", "name": "城北一组", "parentId": str(telecom.unit.id)},
    )  # fmt: skip
    moved = await send(
        engine, telecom, "moveUnit", "unit { id }", {"unitId": unit["unit"]["id"], "parentId": None, "on": "2027-01-01"}
    )
    assert moved["unit"] == {"id": unit["unit"]["id"]}
    missing = await send(engine, telecom, "moveUnit", "unit { id }", {"unitId": unit["unit"]["id"], "on": "2027-01-01"})
    assert (missing["userErrors"][0]["path"], missing["userErrors"][0]["code"]) == (["parentId"], "missing")
    field = await send(
        engine, telecom, "createCustomField", "customField { id key }",
        {"target": "client", "key": "building", "kind": "TEXT", "values": {"titleZh": "楼宇", "titleEn": "Building"}},
    )  # fmt: skip
    assert field["customField"]["key"] == "building"
    off = await send(
        engine, telecom, "disablePlugin", "plugin enabled version rows { part retired } runs { id }",
        {"plugin": "telecom", "reason": "试用结束"},
    )  # fmt: skip
    assert (off["plugin"], off["enabled"], off["runs"]) == ("telecom", False, [])
    forbidden = await send(engine, telecom, "enablePlugin", "plugin", {"plugin": "telecom"}, telecom.as_manager)
    assert forbidden["userErrors"][0]["code"] == "forbidden"


async def test_a_problem_names_the_key_as_it_was_sent(engine: Engine, telecom: Place) -> None:
    """JSON keeps the form's own keys; typed inputs have GraphQL's."""
    loose = await send(
        engine, telecom, "saveRecord", "record { id }",
        {"form": "telecom.competitor_report", "subjectId": str(telecom.client_id), "values": {"reported_on": "?"}},
    )  # fmt: skip
    assert ["values", "reported_on"] in [one["path"] for one in loose["userErrors"]]
    dates = {"validFrom": "2026-11-05", "validUntil": "2026-11-01"}
    typed = await send(
        engine, telecom, "saveTelecomCompetitorReport", "record { id }",
        {
            "clientId": str(telecom.client_id),
            "values": {"competitor": "远通", "offer": "五折", "strength": "STRONG", "source": "走访", "reportedOn": "2026-11-20", **dates},
        },
    )  # fmt: skip
    assert ["values", "validUntil"] in [one["path"] for one in typed["userErrors"]], typed


async def test_what_is_revealed_is_never_kept(engine: Engine, telecom: Place) -> None:
    """A repeat with the same key shows it no more; the store of answers never had it."""
    await telecom.ask("addContact", clientId=str(telecom.client_id), fields={"name": "钱七", "phone": "13900005555"})
    report = {
        "applicant": "赵一", "installAddress": "城北路 1 号", "contactName": "钱七", "contactPhone": "13900004444",
        "mailingAddress": "城北路 1 号", "lineRateMbit": "100", "addresses": 4,
    }  # fmt: skip
    saved = await telecom.ask("saveTelecomIpRequest", clientId=str(telecom.client_id), values=report)
    cases = [
        ("revealClient", {"clientId": str(telecom.client_id)}, "client { id } phone contacts { phone }"),
        ("revealPerson", {"personId": str(telecom.manager.id)}, "person { id } phone email identityNumber"),
        ("revealRecord", {"recordId": str(saved["record"])}, "record { id } values revealed"),
    ]
    assert {name for name, _, _ in cases} == {
        name for name in api_for({"telecom"}).mutations if name.startswith("reveal")
    }
    for name, given, selection in cases:
        first, again = [
            await send(engine, telecom, name, selection, {**given, "idempotencyKey": f"key-{name}"}) for _ in range(2)
        ]
        assert "1390000" in json.dumps(first), first
        assert "1390000" not in json.dumps(again), again
        row = selection.split()[0]
        assert again[row] == first[row] is not None
    kept = [json.dumps(one.answer, ensure_ascii=False) for one in await telecom.rows(IdempotencyRecord)]
    assert len(kept) == len(cases)
    assert not any("1390000" in one or "城北路" in one for one in kept), kept
