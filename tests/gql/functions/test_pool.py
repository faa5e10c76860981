"""The public pool as an account manager meets it: see, turn pages, claim, have."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio

from steward_core.permissions import CLIENTS_CLAIM, CLIENTS_EDIT, CLIENTS_VIEW
from steward_graphql.execution.engine import Engine, Request
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.signin.caller import Caller
from tests.core.factories import make_client, make_kinds
from tests.factories import TESTS, actor_with, make_member, make_tenant, make_unit

POOL = """query ($after: String) { clientPool(first: 2, after: $after, sort: NAME) {
  clients { id name kind status region unitId phone poolSince claimFrom } nextCursor } }"""
CLAIM = """mutation ($id: ID!) { claimClient(input: {clientId: $id}) {
  client { id name phone } userErrors { code message } } }"""


@pytest_asyncio.fixture(loop_scope="session")
async def engine(database: Database) -> AsyncIterator[Engine]:
    """The engine over the real schemas."""
    made = Engine(database, connections=1)
    yield made
    await made.close()


async def ask(engine: Engine, caller: Caller, text: str, **variables: Any) -> dict[str, Any]:
    answer = await engine.execute(Request(text, None, variables), caller, locale="en")
    found = json.loads(answer.body)
    assert "errors" not in found, found
    data: dict[str, Any] = found["data"]
    return data


async def test_a_manager_finds_a_client_in_the_pool_and_claims_it(engine: Engine, database: Database) -> None:
    """Whoever sees only their own clients sees the pool's all the same, and can name them to the mutation."""
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        make_kinds(session, "company")
        unit = make_unit(session, name="城北支局")
        await session.flush()
        free = [make_client(session, name=f"公海{n}", unit_id=unit.id, phone=f"1390000000{n}") for n in range(5)]
    manager = await make_member(database, tenant_id, unit_id=unit.id)
    actor = actor_with(CLIENTS_VIEW, CLIENTS_EDIT, CLIENTS_CLAIM, scope=Scope.OWN, user=manager)
    caller = Caller(tenant_id, actor, None, datetime.now(UTC) + timedelta(hours=1))
    assert (await ask(engine, caller, "{ clients { totalCount } }"))["clients"]["totalCount"] == 0

    seen: list[dict[str, Any]] = []
    after = None
    for size in (2, 2, 1):
        page = (await ask(engine, caller, POOL, after=after))["clientPool"]
        assert len(page["clients"]) == size
        seen += page["clients"]
        after = page["nextCursor"]
    assert after is None
    assert [one["name"] for one in seen] == [f"公海{n}" for n in range(5)]
    assert {one["id"] for one in seen} == {str(client.id) for client in free}
    assert not any("1390000" in one["phone"] for one in seen)
    assert {one["unitId"] for one in seen} == {str(unit.id)}

    claimed = (await ask(engine, caller, CLAIM, id=seen[0]["id"]))["claimClient"]
    assert claimed["userErrors"] == []
    assert claimed["client"]["name"] == "公海0"
    many = await ask(
        engine,
        caller,
        """mutation ($items: [ClaimClientsItem!]!) { claimClients(input: {items: $items}) { succeeded } }""",
        items=[{"clientId": one["id"]} for one in seen[1:3]],
    )
    assert many["claimClients"]["succeeded"] == 2
    assert (await ask(engine, caller, "{ clients { totalCount } }"))["clients"]["totalCount"] == 3
    left = (await ask(engine, caller, POOL))["clientPool"]["clients"]
    assert [one["name"] for one in left] == ["公海3", "公海4"]
