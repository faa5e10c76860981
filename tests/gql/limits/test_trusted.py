"""Documents by digest, and tenants that allow nothing else."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from steward_core.trusted_documents.errors import (
    DigestDiffers,
    DigestUnreadable,
    DocumentNotTrusted,
    OnlyTrustedDocuments,
)
from steward_core.trusted_documents.rules import digest_of
from steward_core.trusted_documents.service import trust_document, withdraw_document
from steward_graphql.execution.answers import Request
from steward_graphql.execution.engine import Engine
from steward_graphql.http.endpoint import GraphQLEndpoint
from steward_graphql.limits import trusted
from steward_graphql.limits.trusted import TrustedDocuments
from steward_tenants.access.permissions import SETTINGS_MANAGE
from steward_tenants.configuration.service import set_setting
from steward_tenants.database.database import Database
from steward_tenants.signin.caller import Caller
from tests.factories import actor_with, make_tenant
from tests.gql.http.caller import Door, World
from tests.gql.limits.world import API

ADMIN = actor_with(SETTINGS_MANAGE)
TEXT = "query Kind { __typename }"
OTHER = "query Other { __typename }"


async def trust(database: Database, tenant: Any, text: str = TEXT) -> str:
    async with database.write(tenant, ADMIN) as session:
        return (await trust_document(session, name="甲", text=text)).digest


async def only_trusted(database: Database, tenant: Any) -> None:
    async with database.write(tenant, ADMIN) as session:
        await set_setting(session, "graphql.trusted_only", True)


async def test_a_digest_stands_for_its_text(database: Database) -> None:
    tenant, other = await make_tenant(database), await make_tenant(database)
    digest = await trust(database, tenant)
    documents = TrustedDocuments(database)
    hashed = {"persistedQuery": {"version": 1, "sha256Hash": digest}}
    assert await documents.text_of(tenant, None, f"sha256:{digest}") == TEXT
    assert await documents.text_of(tenant, None, digest.upper()) == TEXT
    assert await documents.text_of(tenant, None, None, hashed) == TEXT
    assert await documents.text_of(tenant, TEXT, None, hashed) == TEXT
    assert await documents.text_of(tenant, OTHER) == OTHER
    assert await documents.text_of(tenant, None) is None
    with pytest.raises(DocumentNotTrusted):
        await documents.text_of(other, None, digest)
    with pytest.raises(DigestDiffers):
        await documents.text_of(tenant, OTHER, digest)
    with pytest.raises(DigestUnreadable):
        await documents.text_of(tenant, None, "abc")


async def test_asking_for_a_text_and_its_digest_registers_nothing(database: Database) -> None:
    tenant = await make_tenant(database)
    documents = TrustedDocuments(database)
    digest = digest_of(OTHER)
    assert await documents.text_of(tenant, OTHER, digest) == OTHER
    with pytest.raises(DocumentNotTrusted):
        await documents.text_of(tenant, None, digest)


async def test_a_tenant_may_allow_nothing_else(database: Database) -> None:
    tenant = await make_tenant(database)
    digest = await trust(database, tenant)
    await only_trusted(database, tenant)
    documents = TrustedDocuments(database)
    assert await documents.text_of(tenant, None, digest) == TEXT
    assert await documents.text_of(tenant, TEXT) == TEXT
    for query, document_id in (
        (OTHER, None),
        (OTHER, digest_of(OTHER)),
        (TEXT + " ", None),
        ("{ __schema { types { name } } }", None),
    ):
        with pytest.raises(OnlyTrustedDocuments):
            await documents.text_of(tenant, query, document_id)


async def test_a_withdrawal_and_the_switch_are_noticed(database: Database) -> None:
    tenant = await make_tenant(database)
    digest = await trust(database, tenant)
    documents = TrustedDocuments(database, seconds=0.05)
    assert await documents.text_of(tenant, None, digest) == TEXT
    assert await documents.text_of(tenant, OTHER) == OTHER
    async with database.write(tenant, ADMIN) as session:
        await withdraw_document(session, digest)
    await only_trusted(database, tenant)
    await asyncio.sleep(0.06)
    with pytest.raises(DocumentNotTrusted):
        await documents.text_of(tenant, None, digest)
    with pytest.raises(OnlyTrustedDocuments):
        await documents.text_of(tenant, OTHER)


async def test_what_is_remembered_is_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trusted, "MOST_CHARACTERS", len(TEXT) + 1)
    monkeypatch.setattr(trusted, "MOST_TENANTS", 1)
    documents = TrustedDocuments(database)
    for _ in range(3):
        tenant = await make_tenant(database)
        digest = await trust(database, tenant)
        assert await documents.text_of(tenant, None, digest) == TEXT
        assert await documents.text_of(tenant, TEXT) == TEXT
        assert (len(documents._texts), len(documents._only)) == (1, 1)


async def test_over_http_no_other_text_passes_where_only_trusted_ones_may(database: Database) -> None:
    tenant = await make_tenant(database)
    digest = await trust(database, tenant)
    await only_trusted(database, tenant)
    engine = Engine(database, api_for=lambda _: API, connections=1)
    door = Door(Caller(tenant, actor_with(), None, datetime.now(UTC) + timedelta(hours=1)))
    world: Any = World(engine, door, GraphQLEndpoint(engine, door, public_origin="https://steward.example"))  # type: ignore[arg-type]
    for body in ({"documentId": f"sha256:{digest}"}, {"extensions": {"persistedQuery": {"sha256Hash": digest}}}):
        assert (await world.ask(body=body)).json == {"data": {"__typename": "Query"}}
    by_get = await world.ask("GET", address={"documentId": f"sha256:{digest}"})
    assert by_get.json == {"data": {"__typename": "Query"}}
    for query in (OTHER, "{ __schema { types { name } } }", "mutation { rename(input: {}) { userErrors { code } } }"):
        answer = await world.ask(body={"query": query}, accept="application/graphql-response+json")
        assert (answer.status, answer.code) == (403, "only_trusted_documents")
    unknown = await world.ask(body={"documentId": "0" * 64})
    assert unknown.code == "document_not_trusted"
    await engine.close()


async def test_the_engine_takes_a_named_document(database: Database) -> None:
    tenant = await make_tenant(database)
    digest = await trust(database, tenant)
    engine = Engine(database, api_for=lambda _: API, connections=1)
    caller = Caller(tenant, actor_with(), None, datetime.now(UTC) + timedelta(hours=1))
    answer = await engine.execute(Request(None, document_id=digest), caller)
    assert json.loads(answer.body) == {"data": {"__typename": "Query"}}
    await engine.close()
