"""The whole way of a request: text in, bytes out, over the real schemas."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

from prometheus_client import generate_latest
from sqlalchemy import func, select

from steward_core.clients.models import Client
from steward_graphql.execution.engine import Answer, Engine, Request
from steward_graphql.limits.budget import Budget
from steward_tenants.access.permissions import UNITS_VIEW
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.people.models import User
from steward_tenants.signin.caller import Caller
from tests.factories import TESTS
from tests.gql.execution.conftest import Shop, make_shop


async def ask(
    engine: Engine, caller: Caller, query: str, name: str | None = None, locale: str = "en", **variables: Any
) -> dict[str, Any]:
    answer = await engine.execute(Request(query, name, variables), caller, locale=locale)
    assert answer.executed, answer.body.decode()
    found: dict[str, Any] = json.loads(answer.body)
    return found


async def refused(engine: Engine, caller: Caller, query: str, **options: Any) -> tuple[Answer, str]:
    name, variables = options.pop("name", None), options.pop("variables", None)
    answer = await engine.execute(Request(query, name, variables), caller, **{"locale": "en", **options})
    assert not answer.executed
    body = json.loads(answer.body)
    assert body.keys() == {"errors"}
    code: str = body["errors"][0]["extensions"]["code"]
    return answer, code


async def test_a_list_with_what_hangs_on_it(engine: Engine, shop: Shop) -> None:
    found = await ask(
        engine,
        shop.caller(),
        """query ($n: Int!) { clients(first: $n, orderBy: [{field: CODE}]) {
             totalCount nodes { code owner { name } contacts(first: 2) { totalCount nodes { name } } } } }""",
        n=2,
    )
    assert "errors" not in found
    clients = found["data"]["clients"]
    assert clients["totalCount"] == 6
    assert [one["code"] for one in clients["nodes"]] == ["甲0", "甲1"]
    assert clients["nodes"][0]["owner"] == {"name": "李甲"}
    assert clients["nodes"][0]["contacts"]["totalCount"] == 3
    assert len(clients["nodes"][0]["contacts"]["nodes"]) == 2


async def test_a_plan_serves_others_of_the_same_profile(engine: Engine, database: Database) -> None:
    shops = [await make_shop(database, letter) for letter in "乙丙"]
    text = "query Shared { clients { nodes { name } } }"
    misses = engine.metrics.plan_misses.value
    for _ in range(2):
        for one in shops:
            found = await ask(engine, one.caller(), text)
            names = {node["name"][0] for node in found["data"]["clients"]["nodes"]}
            assert names == {"乙" if one is shops[0] else "丙"}
    own = await asyncio.gather(
        *(ask(engine, one.caller(scope=Scope.OWN, user=user), text) for one in shops for user in (one.owner, None))
    )
    assert [len(one["data"]["clients"]["nodes"]) for one in own] == [6, 6, 6, 6]
    stranger = User(id=new_id(), name="外人")
    found = await ask(engine, shops[0].caller(scope=Scope.OWN, user=stranger), text)
    assert found["data"]["clients"]["nodes"] == []
    assert engine.metrics.plan_misses.value - misses == 2


async def test_node_and_typename(engine: Engine, shop: Shop) -> None:
    found = await ask(
        engine,
        shop.caller(),
        "query ($id: ID!) { __typename node(id: $id) { __typename id ... on Client { code } } }",
        id=str(shop.clients[3]),
    )
    assert found == {
        "data": {"__typename": "Query", "node": {"__typename": "Client", "id": str(shop.clients[3]), "code": "甲3"}}
    }


async def test_mixed_root_fields_keep_their_order(engine: Engine, shop: Shop) -> None:
    query = """query ($off: Boolean!) {
      t: tenant { key } units { totalCount } __type(name: "Client") { name } v: viewer { __typename }
      clients(first: 1) { totalCount } people @skip(if: $off) { totalCount } __schema { queryType { name } } }"""
    found = await ask(engine, shop.caller(), query, off=True)
    assert "errors" not in found
    assert list(found["data"]) == ["t", "units", "__type", "v", "clients", "__schema"]
    assert found["data"]["__type"] == {"name": "Client"}
    assert list((await ask(engine, shop.caller(), query, off=False))["data"])[5] == "people"
    only = await ask(engine, shop.caller(), '{ __type(name: "Nothing") { name } }')
    assert only == {"data": {"__type": None}}


async def test_a_function_answers_rows_of_entities(engine: Engine, shop: Shop) -> None:
    found = await ask(
        engine,
        shop.caller(),
        "query ($client: ID!) { clientTree(clientId: $client) { __typename client { code contacts { totalCount } } } }",
        client=str(shop.clients[0]),
    )
    assert "errors" not in found, found
    assert found["data"]["clientTree"][0]["client"] == {"code": "甲0", "contacts": {"totalCount": 3}}


async def test_a_refusing_function_leaves_the_others(engine: Engine, shop: Shop) -> None:
    found = await ask(
        engine,
        shop.caller(),
        "query ($client: ID!) { bad: clientTree(clientId: $client) { __typename } units { totalCount } }",
        client=str(new_id()),
    )
    assert found["data"]["units"] == {"totalCount": 1}
    assert found["data"]["bad"] is None
    (error,) = found["errors"]
    assert error["path"] == ["bad"]
    assert error["extensions"]["code"] == "client_not_found"
    assert set(error["extensions"]["messages"]) == {"zhCN", "en"}


async def test_without_the_permission_a_field_is_null_and_says_so(engine: Engine, shop: Shop) -> None:
    found = await ask(engine, shop.caller(UNITS_VIEW), "{ clients { totalCount } units { totalCount } }")
    assert found["data"] == {"clients": None, "units": {"totalCount": 1}}
    (error,) = found["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["clients"], "forbidden")


UPDATE = """mutation ($id: ID!, $fields: ClientFields!, $version: Int, $key: String) {
  updateClient(input: {clientId: $id, fields: $fields, version: $version, idempotencyKey: $key}) {
    __typename client { id name version } userErrors { code path message messageZh messageEn remedy } } }"""


async def name_of(database: Database, shop: Shop, place: int) -> str:
    async with database.read(shop.tenant_id, TESTS) as session:
        statement = select(Client.name).where(session.within(Client), Client.id == shop.clients[place])
        name: str = await session.scalar(statement)
    return name


async def test_a_mutation_shows_what_it_did(engine: Engine, shop: Shop, database: Database) -> None:
    found = await ask(engine, shop.caller(), UPDATE, id=str(shop.clients[0]), fields={"name": "新名称"})
    payload = found["data"]["updateClient"]
    assert payload["userErrors"] == []
    assert (payload["__typename"], payload["client"]["name"]) == ("UpdateClientPayload", "新名称")
    assert await name_of(database, shop, 0) == "新名称"


async def test_a_mutation_tells_what_is_wrong_with_its_input(engine: Engine, shop: Shop, database: Database) -> None:
    found = await ask(engine, shop.caller(), UPDATE, locale="zh-CN", id=str(shop.clients[0]), fields={"name": ""})
    payload = found["data"]["updateClient"]
    assert payload["client"] is None
    (error,) = payload["userErrors"]
    assert error["path"] == ["fields", "name"]
    assert error["message"] == error["messageZh"] != error["messageEn"]
    stale = await ask(engine, shop.caller(), UPDATE, id=str(shop.clients[0]), fields={"name": "乙"}, version=99)
    assert stale["data"]["updateClient"]["userErrors"][0]["code"] == "client_changed"
    lacking = await ask(engine, shop.caller(UNITS_VIEW), UPDATE, id=str(shop.clients[0]), fields={"name": "乙"})
    assert lacking["data"]["updateClient"]["userErrors"][0]["code"] in ("forbidden", "not_found")
    assert "errors" not in lacking
    assert await name_of(database, shop, 0) == "甲客户0"


async def test_mutations_run_in_order_and_each_for_itself(engine: Engine, shop: Shop, database: Database) -> None:
    found = await ask(
        engine,
        shop.caller(),
        """mutation ($a: ID!) { __typename
          one: updateClient(input: {clientId: $a, fields: {name: "一"}}) { client { name } }
          two: updateClient(input: {clientId: $a, fields: {name: ""}}) { client { name } userErrors { code } }
          three: updateClient(input: {clientId: $a, fields: {shortName: "三"}}) { client { name shortName } } }""",
        a=str(shop.clients[0]),
    )
    data = found["data"]
    assert list(data) == ["__typename", "one", "two", "three"]
    assert data["one"]["client"] == {"name": "一"}
    assert data["two"]["client"] is None
    assert data["three"]["client"] == {"name": "一", "shortName": "三"}
    assert await name_of(database, shop, 0) == "一"


CREATE = """mutation ($fields: NewClientFields!, $key: String) {
  createClient(input: {fields: $fields, idempotencyKey: $key}) { client { id name } userErrors { code path } } }"""


async def test_the_same_key_answers_the_same(engine: Engine, shop: Shop, database: Database) -> None:
    fields = {"name": "只此一家", "kind": "company", "unitId": str(shop.unit_id)}
    caller = shop.caller()
    answers = await asyncio.gather(*(ask(engine, caller, CREATE, fields=fields, key="k1") for _ in range(3)))
    assert answers[0]["data"]["createClient"]["client"], answers[0]
    assert answers[0]["data"]["createClient"]["client"]["name"] == "只此一家"
    assert answers[0] == answers[1] == answers[2]
    async with database.read(shop.tenant_id, TESTS) as session:
        assert await session.scalar(select(func.count()).select_from(Client).where(session.within(Client))) == 7
    other = await ask(engine, caller, CREATE, fields={**fields, "name": "另一家"}, key="k1")
    assert other["data"]["createClient"]["userErrors"][0]["code"] == "idempotency_key_reused"
    refused = await ask(engine, caller, CREATE, fields={**fields, "kind": "none"}, key="k2")
    assert refused["data"]["createClient"]["userErrors"]
    again = await ask(engine, caller, CREATE, fields={**fields, "name": "第三家"}, key="k2")
    assert again["data"]["createClient"]["client"]["name"] == "第三家"


async def test_requests_that_are_refused_as_a_whole(engine: Engine, shop: Shop) -> None:
    caller = shop.caller()
    answer, code = await refused(engine, caller, "{ clients { ")
    assert (code, answer.status) == ("syntax_error", 400)
    assert json.loads(answer.body)["errors"][0]["locations"]
    assert (await refused(engine, caller, "{ nothingHere }"))[1] == "validation_failed"
    assert (await refused(engine, caller, "query A { __typename } query B { __typename }"))[1] == "unknown_operation"
    assert (await refused(engine, caller, ""))[1] == "nothing_asked"
    assert (await refused(engine, caller, "{ clients(first: 101) { totalCount } }"))[0].status in (400, 422)
    variables = {"id": "no uuid", "fields": {}}
    assert (await refused(engine, caller, UPDATE, variables=variables))[1] == "invalid_variables"
    variables = {"id": str(shop.clients[0]), "fields": {}}
    answer, code = await refused(engine, caller, UPDATE, variables=variables, allow_mutation=False)
    assert (code, answer.status) == ("mutation_not_allowed", 405)
    assert (await refused(engine, caller, "subscription { inbox { __typename } }"))[1] == "subscription_not_allowed"
    answer, code = await refused(engine, caller, '{ clients(after: "nonsense") { totalCount nodes { id } } }')
    assert (code, answer.status) == ("invalid_cursor", 400)


async def test_both_languages(engine: Engine, shop: Shop) -> None:
    answer, _ = await refused(engine, shop.caller(), "{ nothingHere }", locale="zh-CN")
    (error,) = json.loads(answer.body)["errors"]
    assert error["message"] == error["extensions"]["messages"]["zhCN"]
    assert error["extensions"]["messages"]["en"].startswith("Cannot query field")


async def test_the_cost_is_told_on_request(engine: Engine, shop: Shop) -> None:
    request = Request("{ clients(first: 5) { nodes { id } } }", extensions={"cost": True})
    found = json.loads((await engine.execute(request, shop.caller())).body)
    assert found["extensions"]["cost"]["points"] > 5
    assert len(found["data"]["clients"]["nodes"]) == 5


async def test_switching_a_plugin_changes_the_schema_at_once(engine: Engine, shop: Shop) -> None:
    caller = shop.caller()
    switch = "mutation ($p: String!) { enablePlugin(input: {plugin: $p}) { userErrors { code message } } }"
    types = "{ __schema { types { name } } }"
    before = await ask(engine, caller, types)
    found = await ask(engine, caller, switch, p="telecom")
    assert found["data"]["enablePlugin"]["userErrors"] == []
    after = await ask(engine, caller, types)
    assert len(after["data"]["__schema"]["types"]) > len(before["data"]["__schema"]["types"])


async def test_points_are_spent_and_told(database: Database, shop: Shop) -> None:
    made = Engine(database, connections=1, budget=Budget(None, per_minute=100))
    try:
        asked = Request("{ clients(first: 50) { nodes { id } } }", extensions={"cost": True})
        answer = await made.execute(asked, shop.caller())
        cost = json.loads(answer.body)["extensions"]["cost"]
        assert cost["limit"] == 100
        assert cost["points"] + cost["remaining"] == 100
        assert answer.headers["X-Budget-Remaining"] == str(cost["remaining"])
        caller = shop.caller(user=shop.owner)
        answers = [await made.execute(asked, caller) for _ in range(2)]
        assert [one.status for one in answers][-1] == 429
        assert not answers[-1].executed
        assert "Retry-After" in answers[-1].headers
    finally:
        await made.close()


async def test_without_introspection(database: Database, shop: Shop) -> None:
    made = Engine(database, connections=1, introspection=False)
    try:
        assert (await refused(made, shop.caller(), "{ __schema { queryType { name } } }"))[1] == "introspection_off"
        assert (await ask(made, shop.caller(), "{ __typename }")) == {"data": {"__typename": "Query"}}
        answer, _ = await refused(made, shop.caller(), "{ clientz { totalCount } }")
        assert b"Did you mean" not in answer.body
    finally:
        await made.close()


async def test_a_document_that_nobody_trusts(engine: Engine, shop: Shop) -> None:
    answer = await engine.execute(Request(None, document_id="sha256:" + "0" * 64), shop.caller())
    assert not answer.executed
    assert 400 <= answer.status < 500


async def test_metrics_count(engine: Engine, shop: Shop) -> None:
    query = "query Counted { units { totalCount } }"
    for _ in range(3):
        await ask(engine, shop.caller(), query)
    text = generate_latest(engine.metrics.registry).decode()
    for wanted in (
        'steward_graphql_cache_total{cache="plans",outcome="hit"}',
        'steward_graphql_cache_total{cache="documents",outcome="miss"}',
        'steward_graphql_requests_total{kind="query",outcome="answered"}',
        "steward_graphql_compile_seconds_count",
        "steward_graphql_statement_seconds_count",
        "steward_graphql_cost_points_total",
        "steward_graphql_statements_waiting 0.0",
    ):
        assert wanted in text


async def test_moments_are_written_alike_whatever_the_sessions_zone(database: Database, shop: Shop) -> None:
    """In a mutation's own transaction the session's zone is the server's; the answer is in UTC as everywhere."""
    url = f"{database.settings.application_url}?options=-c%20timezone%3DAsia/Shanghai"
    zoned = Database(replace(database.settings, application_url=url))
    made = Engine(zoned, connections=1)
    try:
        changed = await ask(
            made,
            shop.caller(),
            """mutation ($id: ID!) { updateClient(input: {clientId: $id, fields: {shortName: "x"}}) {
                 client { createdAt changes: contacts { nodes { createdAt } } } } }""",
            id=str(shop.clients[0]),
        )
        read = await ask(
            made,
            shop.caller(),
            "query ($id: ID!) { client(id: $id) { createdAt changes: contacts { nodes { createdAt } } } }",
            id=str(shop.clients[0]),
        )
        assert changed["data"]["updateClient"]["client"] == read["data"]["client"]
        assert read["data"]["client"]["createdAt"].endswith("+00:00")
    finally:
        await made.close()
        await zoned.dispose()
