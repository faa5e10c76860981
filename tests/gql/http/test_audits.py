"""The checks of GraphQL over HTTP, by the ids under which the community's audit lists them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from steward_graphql.execution.engine import Engine
from steward_graphql.http.endpoint import GraphQLEndpoint
from steward_tenants.database.database import Database
from steward_tenants.signin.caller import Caller
from tests.factories import actor_with, make_tenant
from tests.gql.http.caller import ORIGIN, Answered, Door, World, make_world

JSON = "application/json"
RESPONSE = "application/graphql-response+json"
PLAIN = {"query": "{ __typename }"}
NAMED = {"query": "query Query { __typename }", "operationName": "Query"}
TYPE = "query Type($name: String!) { __type(name: $name) { name } }"
TYPED = {"query": TYPE, "variables": {"name": "sometype"}}
COERCED = {"query": "query Wrong($id: ID!) { __typename }", "variables": {"id": None}}
UNKNOWN = {"query": "{ nothingOfThatName }"}
HALF = b'{ "half of a'

Case = tuple[str, dict[str, Any], int | tuple[int, int], dict[str, Any]]


def post(body: Any = None, accept: str | None = None, **more: Any) -> dict[str, Any]:
    return {"body": body, "accept": accept, **more}


def get(address: dict[str, str], accept: str | None = None) -> dict[str, Any]:
    return {"method": "GET", "address": address, "accept": accept}


def wrong_kinds(prefix: str, parameter: str, values: list[Any]) -> list[Case]:
    return [(f"{prefix}{place}", post({**PLAIN, parameter: value}), 400, {}) for place, value in enumerate(values)]


CASES: list[Case] = [
    # media types
    ("22EB", post(PLAIN, RESPONSE), 200, {"kind": RESPONSE}),
    ("4655", post(PLAIN, JSON), 200, {"kind": JSON}),
    ("47DE", post(PLAIN, "*/*"), 200, {"kind": JSON}),
    ("80D8", post(PLAIN), 200, {"kind": JSON}),
    ("82A3", post(PLAIN), 200, {"utf8": True}),
    (
        "BF61",
        post({"query": '{ __type(name: "Run🏃Swim🏊") { name } }'}, kind="application/json; charset=utf-8"),
        200,
        {},
    ),
    ("78D5", post(PLAIN), 200, {}),
    # methods and bodies
    ("2C94", post(PLAIN), 200, {}),
    ("5A70", get(PLAIN), 200, {}),
    ("9C48", get({"query": "mutation { __typename }"}, RESPONSE), (400, 499), {}),
    ("9ABE", post(PLAIN, kind=None), (400, 499), {}),
    ("03D4", post(PLAIN), 200, {}),
    ("A5BF", post(), 400, {}),
    # parameters
    ("423L", post({"notquery": "{ __typename }"}, RESPONSE), 400, {}),
    *wrong_kinds("LKJ", "query", [{"obj": "ect"}, 0, False, ["array"]]),
    ("34A2", post(PLAIN, RESPONSE), 200, {}),
    ("13EE", post(PLAIN, JSON), 200, {"clean": True}),
    *wrong_kinds("6C0", "operationName", [{"obj": "ect"}, 0, False, ["array"]]),
    ("8161", post(NAMED, RESPONSE), 200, {}),
    ("B8B3", post(NAMED, JSON), 200, {"clean": True}),
    *(
        (f"{prefix}{place}", post({**PLAIN, name: None}, accept), 200, {"clean": True})
        for place, name in enumerate(("variables", "operationName", "extensions"))
        for prefix, accept in (("94B", RESPONSE), ("022", JSON))
    ),
    *wrong_kinds("476", "variables", ["string", 0, False, ["array"]]),
    ("2EA1", post(TYPED, RESPONSE), 200, {}),
    ("28B9", post(TYPED, JSON), 200, {"clean": True}),
    ("D6D5", get({"query": TYPE, "variables": '{"name": "sometype"}'}, RESPONSE), 200, {"clean": True}),
    ("6A70", get({"query": TYPE, "variables": '{"name": "sometype"}'}, JSON), 200, {"clean": True}),
    *wrong_kinds("58B", "extensions", ["string", 0, False, ["array"]]),
    ("428F", post({**PLAIN, "extensions": {"some": "value"}}, RESPONSE), 200, {}),
    ("1B7A", post({**PLAIN, "extensions": {"some": "value"}}, JSON), 200, {"clean": True}),
    # what cannot be read
    ("B6DC", post(raw=HALF, accept=JSON), (200, 599), {}),
    ("BCF8", post(raw=HALF, accept=JSON), 400, {}),
    ("B7N8", post(raw=HALF, accept=RESPONSE), 400, {}),
    ("8764", post({"qeury": "{ __typename }"}), (400, 599), {}),
    ("3E3A", post({"qeury": "{ __typename }"}), 400, {}),
    # documents that are refused, as application/json
    ("572B", post({"query": "{"}, JSON), 200, {}),
    ("FDE2", post(UNKNOWN, JSON), 200, {}),
    ("7B9B", post(COERCED, JSON), 200, {}),
    # and as application/graphql-response+json
    ("865D", post({"query": "{"}, RESPONSE), (400, 599), {}),
    ("556A", post({"query": "{"}, RESPONSE), 400, {}),
    ("D586", post({"query": "{"}, RESPONSE), 400, {"no data": True}),
    ("51FE", post(UNKNOWN, RESPONSE), (400, 599), {}),
    ("74FF", post(UNKNOWN, RESPONSE), 400, {}),
    ("5E5B", post(UNKNOWN, RESPONSE), 400, {"no data": True}),
    ("86EE", post(COERCED, RESPONSE), 400, {}),
]


def test_all_of_them_are_here() -> None:
    assert len(CASES) == len({case[0] for case in CASES}) == 61


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def product(database: Database) -> AsyncIterator[Any]:
    """The endpoint over the product's own engine and schema."""
    engine = Engine(database, connections=1)
    tenant_id = await make_tenant(database)
    door = Door(Caller(tenant_id, actor_with(), None, datetime.now(UTC) + timedelta(hours=1)))
    yield World(engine, door, GraphQLEndpoint(engine, door, public_origin=ORIGIN))  # type: ignore[arg-type]
    await engine.close()


@pytest.mark.parametrize("over", ["a small schema", "the product"])
@pytest.mark.parametrize(("request_", "status", "more"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
async def test_audit(
    product: World, over: str, request_: dict[str, Any], status: int | tuple[int, int], more: dict[str, Any]
) -> None:
    world = product if over == "the product" else make_world()
    answer = await world.ask(**request_)
    least, most = status if isinstance(status, tuple) else (status, status)
    assert least <= answer.status <= most
    holds(answer, more)


def holds(answer: Answered, more: dict[str, Any]) -> None:
    assert answer.body.decode("utf-8")
    if "kind" in more:
        assert answer.kind == f"{more['kind']}; charset=utf-8"
    if "clean" in more:
        assert "errors" not in answer.json
    if "no data" in more:
        assert "data" not in answer.json
