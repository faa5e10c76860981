"""The limits as the engine keeps them: before any SQL, with typed errors, counted in the client's budget."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from steward_graphql.execution.answers import Request
from steward_graphql.execution.engine import Engine
from steward_graphql.limits.budget import Budget
from steward_tenants.access.permissions import PEOPLE_VIEW, UNITS_VIEW
from steward_tenants.database.database import Database
from steward_tenants.signin.caller import Caller
from steward_tenants.valkey import Valkey
from tests.cluster import Addresses
from tests.factories import actor_with, make_tenant
from tests.gql.limits.test_shape import ATTACKS
from tests.gql.limits.world import API

DEAR = {
    "a dear request": ("{ units(first: 100) { nodes { people(first: 100) { nodes { id } } } } }", "too_expensive"),
    "a dear request by aliases": (
        "{"
        + " ".join(
            f"a{n}: units(first: 100) {{ nodes {{ people(first: 5) {{ nodes {{ id }} }} }} }}" for n in range(20)
        )
        + "}",
        "too_expensive",
    ),
    "a large page": ("{ people(first: 101) { nodes { id } } }", "page_refused"),
    "both ends": ("{ people(first: 1, last: 1) { nodes { id } } }", "page_refused"),
    "many ids": ("{ nodes(ids: [" + ", ".join(f'"{UUID(int=n)}"' for n in range(101)) + "]) { id } }", "too_many_ids"),
}


class Sql:
    """A database that is only to be asked before `closed`."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0

        def counted(*_: Any, **__: Any) -> Any:
            self.asked += 1
            raise AssertionError("SQL")

        monkeypatch.setattr(engine.database, "read", counted)
        monkeypatch.setattr(engine.database, "write", counted)
        monkeypatch.setattr(engine.database, "directory", counted)
        monkeypatch.setattr(engine.pipelines, "fetch", counted)


@pytest_asyncio.fixture
async def valkey(addresses: Addresses) -> AsyncIterator[Valkey]:
    valkey: Valkey = Valkey(addresses.redis_url)
    yield valkey
    await valkey.close()


@pytest_asyncio.fixture
async def engine(database: Database, valkey: Valkey) -> AsyncIterator[Engine]:
    engine = Engine(database, api_for=lambda _: API, connections=1, budget=Budget(valkey, 1_000, clock=lambda: 30.0))
    engine.tenants._seconds = engine.trusted._seconds = 600.0
    yield engine
    await engine.close()


@pytest_asyncio.fixture
async def caller(database: Database) -> Caller:
    tenant_id = await make_tenant(database)
    return Caller(tenant_id, actor_with(PEOPLE_VIEW, UNITS_VIEW), None, datetime.now(UTC) + timedelta(hours=1))


async def code_of(engine: Engine, caller: Caller, text: str, **variables: Any) -> str | None:
    answer = await engine.execute(Request(text, variables=variables), caller)
    told = json.loads(answer.body)
    assert answer.executed is ("data" in told)
    return str(told["errors"][0]["extensions"]["code"]) if "errors" in told else None


async def test_every_attack_is_refused_before_any_sql(
    engine: Engine, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await code_of(engine, caller, "{ __typename }") is None
    sql = Sql(engine, monkeypatch)
    monkeypatch.setattr(engine, "_budget", None)  # which all of these together would spend
    for name, (text, error) in ATTACKS.items():
        assert await code_of(engine, caller, text) == error.code, name
    for name, (text, code) in DEAR.items():
        assert await code_of(engine, caller, text) == code, name
    assert (
        await code_of(engine, caller, "query($n: Int) { people(first: $n) { nodes { id } } }", n=101) == "page_refused"
    )
    answer = await engine.execute(
        Request("mutation { rename(input: {}) { userErrors { code } } }"), caller, allow_mutation=False
    )
    assert (answer.status, answer.executed) == (405, False)
    assert sql.asked == 0


async def test_what_passes_is_paid_and_the_rest_is_told(engine: Engine, caller: Caller) -> None:
    text = "{ people(first: 100) { nodes { name } } }"
    left = []
    for _ in range(9):
        answer = await engine.execute(Request(text), caller)
        assert json.loads(answer.body) == {"data": {"people": {"nodes": []}}}
        left.append(int(answer.headers["X-Budget-Remaining"]))
    assert left == [899, 798, 697, 596, 495, 394, 293, 192, 91]
    refused = await engine.execute(Request(text), caller)
    assert (refused.executed, refused.status) == (False, 429)
    assert refused.headers["Retry-After"] == refused.headers["X-Budget-Reset"] == "30"
    assert refused.headers["X-Budget-Remaining"] == "0"


async def test_the_budget_stands_in_the_answer_on_demand(engine: Engine, caller: Caller) -> None:
    answer = await engine.execute(Request("{ people(first: 9) { totalCount } }", extensions={"cost": True}), caller)
    assert json.loads(answer.body)["extensions"] == {
        "cost": {"points": 3, "limit": 1_000, "remaining": 997, "resetSeconds": 30}
    }


async def test_what_is_refused_costs_no_more_than_its_reading(engine: Engine, caller: Caller) -> None:
    for text, _ in DEAR.values():
        await engine.execute(Request(text), caller)
    answer = await engine.execute(Request("{ people(first: 9) { totalCount } }"), caller)
    read = sum(max(0, len(text) - 1_000) // 10 for text, _ in DEAR.values())
    assert answer.headers["X-Budget-Remaining"] == str(997 - read)


async def test_long_documents_cost_something_until_they_are_known(engine: Engine, caller: Caller) -> None:
    """Also those that are refused, and so never known: reading them is work."""
    known = "{ people(first: 9) { totalCount } }" + "\n" * 2_000
    wrong = "{ moon }" + " " * 3_992
    left = []
    for text in (known, known, wrong, wrong, known):
        answer = await engine.execute(Request(text), caller)
        if answer.executed:
            left.append(int(answer.headers["X-Budget-Remaining"]))
    first = 1_000 - (len(known) - 1_000) // 10 - 3
    assert left == [first, first - 3, first - 3 - 600 - 3]
    assert await code_of(engine, caller, wrong) == "budget_spent"
