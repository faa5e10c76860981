"""Whoever reads what is sensitive is on record before the answer leaves, whichever way it is asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from steward_graphql.declared.entities import Catalogue, many
from steward_graphql.execution import recording
from steward_graphql.execution.engine import Engine
from steward_graphql.schema.build import build_api
from steward_graphql.schema.registry import api_for
from steward_tenants.access.permissions import AUDIT_READ, PEOPLE_MANAGE, PEOPLE_VIEW, UNITS_VIEW
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.database import Database
from steward_tenants.errors import Conflict
from steward_tenants.signin.caller import Caller
from tests.factories import TESTS
from tests.gql.execution.conftest import Shop
from tests.gql.execution.test_engine import ask


@pytest.fixture
def auditor(shop: Shop) -> Caller:
    return shop.caller(AUDIT_READ, PEOPLE_VIEW, UNITS_VIEW)


async def recorded(database: Database, shop: Shop) -> list[AuditEvent]:
    """The reads that are on record, in order."""
    async with database.read(shop.tenant_id, TESTS) as session:
        statement = select(AuditEvent).where(session.within(AuditEvent), AuditEvent.action == "read.audit")
        return list(await session.scalars(statement.order_by(AuditEvent.at, AuditEvent.id)))


WAYS = (
    "{ auditEvents { nodes { action } } }",
    "{ a: auditEvents(first: 1) { edges { cursor } } b: auditEvents { totalCount } }",
    "{ auditEvents { totalCount } }",
    "{ auditEvents { aggregate { count } } }",
    "{ auditEvents { groups(by: [ACTION]) { key { action } count } } }",
    "{ auditEvents { pageInfo { hasNextPage } } units { totalCount } viewer { permissions } }",
    "query ($no: Boolean = false) { auditEvents @skip(if: $no) { nodes { id } } }",
    '{ auditEvents(filter: {actionPrefix: "read."}) { nodes { id } } }',
)


@pytest.mark.parametrize("query", WAYS)
async def test_every_way_of_reading_is_on_record_once(
    engine: Engine, shop: Shop, auditor: Caller, database: Database, query: str
) -> None:
    for times in (1, 2):
        found = await ask(engine, auditor, query)
        assert "errors" not in found
        events = await recorded(database, shop)
        assert len(events) == times
        assert (events[0].actor_id, events[0].subject_kind) == (auditor.actor.id, "audit")


async def test_the_record_says_what_was_asked_and_repeats_no_text(
    engine: Engine, shop: Shop, auditor: Caller, database: Database
) -> None:
    query = """query Look($who: ID!, $of: String!) { seen: auditEvents(first: 3, filter: {actorId: {eq: $who},
      actor: {name: {contains: $of}}}) { nodes { id } } }"""
    await ask(engine, auditor, query, who=str(shop.owner.id), of="李甲")
    (event,) = await recorded(database, shop)
    changes: dict[str, Any] = event.changes
    assert changes["operation"] == [None, "Look"]
    (told,) = changes["fields"][1].values()
    assert (told["field"], told["first"], told["filter"]["actorId"]) == (
        "auditEvents", 3, {"eq": str(shop.owner.id)},
    )  # fmt: skip
    assert "李甲" not in json.dumps(changes, ensure_ascii=False)
    assert "seen" in changes["fields"][1]
    assert len(changes["document"][1]) == 64


async def test_what_reads_nothing_sensitive_is_not_on_record(
    engine: Engine, shop: Shop, auditor: Caller, database: Database
) -> None:
    await ask(engine, auditor, "{ units { nodes { id } } people { totalCount } }")
    await ask(
        engine,
        auditor,
        "query ($no: Boolean = true) { units { totalCount } auditEvents @skip(if: $no) { totalCount } }",
    )
    refused = await ask(engine, shop.caller(UNITS_VIEW), "{ auditEvents { nodes { id } } }")
    assert refused["data"] == {"auditEvents": None}
    assert await recorded(database, shop) == []


async def test_what_cannot_be_recorded_is_not_read(
    engine: Engine, shop: Shop, auditor: Caller, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_arguments: Any, **_options: Any) -> None:
        raise Conflict

    monkeypatch.setattr(recording, "record", full)
    for query in ("{ auditEvents { nodes { id } } }", "{ auditEvents { nodes { id } } viewer { permissions } }"):
        found = await ask(engine, auditor, query)
        assert found["data"]["auditEvents"] is None
        assert found["errors"][0]["path"] == ["auditEvents"]
        assert found["errors"][0]["extensions"]["code"] == "conflict"
    assert "permissions" in found["data"]["viewer"]


async def test_relations_to_what_is_recorded_count_too(shop: Shop, database: Database) -> None:
    """With a person's events as a relation: in rows, in filters, below rows that a function refers to."""
    core = api_for(frozenset())
    events = replace(many("events", "AuditEvent", "actor_id", "事件", "Events"), filter=True)
    entities = [
        replace(one, fields=(*one.fields, events)) if one.name == "Person" else one for one in core.entities.values()
    ]
    catalogue = Catalogue(entities, tuple(core.roots.values()))
    made = build_api([catalogue], tuple(core.functions.values()), tuple(core.mutations.values()), (), frozenset())
    engine = Engine(database, api_for=lambda _plugins: made, connections=1)
    auditor = shop.caller(AUDIT_READ, PEOPLE_VIEW)
    try:
        queries = (
            "{ people { nodes { name events(first: 1) { nodes { action } } } } }",
            '{ people(filter: {events: {some: {action: {eq: "read.audit"}}}}) { totalCount } }',
            f'{{ node(id: "{shop.owner.id}") {{ ... on Person {{ events {{ totalCount }} }} }} }}',
            "{ viewer { person { events { totalCount } } } }",
        )
        for times, query in enumerate(queries, start=1):
            found = await ask(engine, auditor, query)
            assert "errors" not in found, found
            assert len(await recorded(database, shop)) == times, query
        changed = await ask(
            engine,
            shop.caller(AUDIT_READ, PEOPLE_VIEW, PEOPLE_MANAGE),
            """mutation ($who: ID!) { updatePerson(input: {personId: $who, fields: {title: "经理"}, version: 1}) {
              person { events { nodes { action } } } userErrors { code } } }""",
            who=str(shop.owner.id),
        )
        payload = changed["data"]["updatePerson"]
        assert payload["userErrors"] == []
        assert {"action": "read.audit"} in payload["person"]["events"]["nodes"]
        assert len(await recorded(database, shop)) == len(queries) + 1
        lesser = shop.caller(PEOPLE_VIEW)
        await ask(engine, lesser, queries[0])
        await ask(engine, lesser, queries[1])
        assert len(await recorded(database, shop)) == len(queries) + 1
    finally:
        await engine.close()
