"""Functions, mutations, subscriptions, batched fields and special filters that do what real ones seldom do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from steward_core.clients.models import Client, ClientTier
from steward_core.permissions import CLIENTS_VIEW
from steward_graphql.catalogue.all import catalogues
from steward_graphql.declared.api import Api
from steward_graphql.declared.entities import Batched, Catalogue, Row, Special
from steward_graphql.declared.scalars import ID, INT, STRING
from steward_graphql.declared.shapes import (
    Argument,
    Asked,
    EntityRef,
    Function,
    InputObject,
    ListOf,
    Mutation,
    ObjectShape,
    Part,
    Subscription,
)
from steward_graphql.errors import SubscriptionNotAllowed
from steward_graphql.execution.engine import Engine, Request
from steward_graphql.execution.mutating import CHANGES_TENANT
from steward_graphql.schema.build import build_api
from steward_graphql.schema.registry import api_for
from steward_tenants.commands.models import IdempotencyRecord
from steward_tenants.database.database import Database
from steward_tenants.database.errors import QueryTimeout
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import ReadSession, WriteSession
from steward_tenants.errors import Conflict, Unauthenticated, invalid
from steward_tenants.signin.caller import Caller
from steward_tenants.texts import Bilingual
from tests.factories import TESTS
from tests.gql.execution.conftest import Shop

TEXT = Bilingual("测试", "Test")
TIER_FIELDS = InputObject(
    "TierFields",
    TEXT,
    (Argument("key", STRING, TEXT, required=True), Argument("titleZh", STRING, TEXT, target="title_zh")),
)
PAIR = ObjectShape(
    "Pair",
    TEXT,
    (
        Part("client", EntityRef("Client"), TEXT),
        Part("number", INT, TEXT, nullable=False),
        Part("rest", ListOf(STRING), TEXT),
    ),
)
calls: list[str] = []
events: asyncio.Queue[Any] = asyncio.Queue()


async def lengths(session: ReadSession, ids: Sequence[UUID], today: date) -> Mapping[UUID, Any]:
    calls.append(f"lengths of {len(ids)}")
    rows = await session.rows(select(Client.id, Client.name).where(session.within(Client), Client.id.in_(ids)))
    return {row.id: len(row.name) for row in rows}


async def broken(session: ReadSession, ids: Sequence[UUID], today: date) -> Mapping[UUID, Any]:
    raise RuntimeError("secret of the batch")


async def ends_with(session: ReadSession, value: Any, today: date) -> Any:
    assert await session.scalar(select(func.count()).select_from(Client).where(session.within(Client)))
    calls.append(f"prepared {value}")

    def condition(row: Row) -> Any:
        return func.right(row.table.name, 1) == value

    return condition


async def pair(session: ReadSession, asked: Asked, client_id: UUID | None = None, number: int | None = 1) -> Any:
    return {"client": client_id, "number": number, "rest": ["x"]}


async def pairs(session: ReadSession, asked: Asked, ids: list[UUID]) -> Any:
    return [{"client": one, "number": place, "rest": None} for place, one in enumerate(ids)]


async def explode(session: ReadSession, asked: Asked) -> Any:
    await session.execute(text("select 1/0"))


async def make_tier(session: WriteSession, asked: Asked, fields: dict[str, Any], mood: str = "") -> Any:
    tier = ClientTier(key=fields["key"], title_zh=fields.get("title_zh", "级"), title_en="T", rank=50)
    session.add(tier)
    calls.append(f"made {fields['key']}")
    if mood == "refuse":
        raise invalid("fields.title_zh", "odd", "不对。", "Odd.")
    if mood == "explode":
        raise RuntimeError("secret of the mutation")
    if mood == "conflict":
        raise Conflict
    client = await session.scalar(select(Client.id).where(session.within(Client)).order_by(Client.code).limit(1))
    return {"key": tier.key, "client": client, "clients": [client, new_id()], "token": f"t-{tier.key}"}


async def fail_at_commit(session: WriteSession, asked: Asked) -> Any:
    async def commit() -> None:
        raise IntegrityError("", None, Exception("secret of the commit"))

    session._orm.commit = commit  # type: ignore[method-assign]
    session.add(ClientTier(key="lost", title_zh="级", title_en="T", rank=51))
    return {"key": "lost"}


async def by_edge(database: Database, asked: Asked, key: str) -> Any:
    async with database.write(asked.tenant_id, asked.caller.actor) as session:
        return await make_tier(session, asked, {"key": key})


async def ticks(asked: Asked, upto: int = 2) -> AsyncIterator[Any]:
    try:
        while (event := await events.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event
    finally:
        calls.append("closed")


TIER_RESULTS = (
    Part("key", STRING, TEXT),
    Part("client", EntityRef("Client"), TEXT),
    Part("clients", ListOf(EntityRef("Client")), TEXT),
    Part("token", STRING, TEXT),
)
FIELDS = Argument("fields", TIER_FIELDS, TEXT, required=True)


def odd_api() -> Api:
    """The core with odd fields beside its own."""
    known = []
    for one in catalogues():
        entities = [
            replace(
                entity,
                fields=(
                    *entity.fields,
                    Batched("nameLength", INT, TEXT, lengths),
                    Batched("broken", INT, TEXT, broken),
                ),
                specials=(*entity.specials, Special("endsWith", TEXT, ends_with, STRING)),
            )
            if entity.name == "Client"
            else entity
            for entity in one.entities
        ]
        known.append(Catalogue(entities, one.roots, one.plugin))
    client_id = Argument("clientId", ID, TEXT, target="client_id")
    core = api_for(frozenset())
    missing = [
        entity for entity in core.entities.values() if entity.name not in {e.name for c in known for e in c.entities}
    ]
    return build_api(
        [*known, Catalogue(missing)],
        (
            Function("pair", TEXT, PAIR, pair, (client_id, Argument("number", INT, TEXT))),
            Function("surePair", TEXT, PAIR, pair, (Argument("number", INT, TEXT),), nullable=False),
            Function("pairs", TEXT, ListOf(PAIR), pairs, (Argument("ids", ID, TEXT, required=True, listed=True),)),
            Function("explode", TEXT, STRING, explode),
            Function("sureExplode", TEXT, STRING, explode, nullable=False),
        ),
        (
            Mutation(
                "makeTier",
                TEXT,
                make_tier,
                TIER_RESULTS,
                (FIELDS, Argument("mood", STRING, TEXT)),
                secret=frozenset({"token"}),
            ),
            Mutation("lockedTier", TEXT, make_tier, TIER_RESULTS, (FIELDS,), permission=CLIENTS_VIEW),
            Mutation("failAtCommit", TEXT, fail_at_commit, (Part("key", STRING, TEXT),)),
            Mutation(
                "edgeTier", TEXT, by_edge, TIER_RESULTS, (Argument("key", STRING, TEXT, required=True),), edge=True
            ),
        ),
        (Subscription("ticks", TEXT, PAIR, ticks, (Argument("upto", INT, TEXT),)),),
        frozenset({"odd"}),
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def odd(database: Database) -> AsyncIterator[Engine]:
    api = odd_api()
    made = Engine(database, api_for=lambda _: api, connections=2)
    yield made
    await made.close()


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    calls.clear()


async def ask(engine: Engine, caller: Caller, query: str, **variables: Any) -> dict[str, Any]:
    answer = await engine.execute(Request(query, None, variables), caller, locale="en")
    assert b"secret" not in answer.body
    assert answer.executed, answer.body
    found: dict[str, Any] = json.loads(answer.body)
    return found


async def tiers(database: Database, shop: Shop) -> set[str]:
    async with database.read(shop.tenant_id, TESTS) as session:
        return set(await session.scalars(select(ClientTier.key).where(session.within(ClientTier)))) - {
            "key",
            "A",
            "B",
            "C",
        }


async def test_batched_fields_are_asked_for_once(odd: Engine, shop: Shop) -> None:
    found = await ask(odd, shop.caller(), "{ clients { nodes { name n: nameLength broken } } }")
    assert [one["n"] for one in found["data"]["clients"]["nodes"]] == [4] * 6
    assert [one["broken"] for one in found["data"]["clients"]["nodes"]] == [None] * 6
    assert calls == ["lengths of 6"]
    (error,) = found["errors"]
    assert (error["extensions"]["code"], error["extensions"]["at"]) == ("internal_error", "broken")


async def test_batched_fields_below_a_function_and_a_mutation(odd: Engine, shop: Shop) -> None:
    found = await ask(
        odd,
        shop.caller(),
        "query ($id: ID!) { pair(clientId: $id) { client { nameLength } } }",
        id=str(shop.clients[0]),
    )
    assert found == {"data": {"pair": {"client": {"nameLength": 4}}}}
    found = await ask(
        odd, shop.caller(), 'mutation { makeTier(input: {fields: {key: "b1"}}) { client { nameLength } } }'
    )
    assert found == {"data": {"makeTier": {"client": {"nameLength": 4}}}}


async def test_special_filters_are_prepared_for_each_request(odd: Engine, shop: Shop) -> None:
    query = "query ($f: ClientFilter) { clients(filter: $f) { nodes { name } } }"
    for wanted in ("1", "2"):
        found = await ask(odd, shop.caller(), query, f={"endsWith": wanted})
        assert [one["name"][-1] for one in found["data"]["clients"]["nodes"]] == [wanted]
    assert calls == ["prepared 1", "prepared 2"]
    assert len((await ask(odd, shop.caller(), query))["data"]["clients"]["nodes"]) == 6
    written = '{ a: clients(filter: {endsWith: "3"}) { totalCount } }'
    assert [await ask(odd, shop.caller(), written) for _ in range(2)] == [{"data": {"a": {"totalCount": 1}}}] * 2


async def test_nulls_and_errors_of_functions(odd: Engine, shop: Shop) -> None:
    caller = shop.caller()
    found = await ask(odd, caller, "{ pair(number: null) { number } units { totalCount } }")
    assert found["data"] == {"pair": None, "units": {"totalCount": 1}}
    assert (found["errors"][0]["path"], found["errors"][0]["extensions"]["code"]) == (
        ["pair", "number"],
        "missing_value",
    )
    found = await ask(odd, caller, "{ units { totalCount } surePair(number: null) { number } }")
    assert found["data"] is None
    found = await ask(odd, caller, "{ e: explode units { totalCount } }")
    assert found["data"] == {"e": None, "units": {"totalCount": 1}}
    assert (found["errors"][0]["path"], found["errors"][0]["extensions"]["code"]) == (["e"], "internal_error")
    assert list(found) == ["errors", "data"]
    assert (await ask(odd, caller, "{ sureExplode }"))["data"] is None


async def tenant_is_known(odd: Engine, shop: Shop) -> None:
    """Neither its state nor its switches are asked for over the pipelines while a test stands in their place."""
    odd.tenants._seconds = odd.trusted._seconds = 3600
    await odd.tenants.of(shop.tenant_id)
    await odd.trusted.only_trusted(shop.tenant_id)


async def test_rows_of_a_function_are_read_in_one_batch(
    odd: Engine, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []
    fetch = odd.pipelines.fetch

    async def counted(sql: bytes, *arguments: Any, **options: Any) -> Any:
        sent.append(sql)
        return await fetch(sql, *arguments, **options)

    await tenant_is_known(odd, shop)
    monkeypatch.setattr(odd.pipelines, "fetch", counted)
    ids = [str(one) for one in [*shop.clients, new_id(), shop.clients[0]]]
    found = await ask(
        odd, shop.caller(), "query ($ids: [ID!]!) { pairs(ids: $ids) { n: number client { code } } }", ids=ids
    )
    assert [one["client"] and one["client"]["code"] for one in found["data"]["pairs"]] == [
        "甲0", "甲1", "甲2", "甲3", "甲4", "甲5", None, "甲0",
    ]  # fmt: skip
    assert len(sent) == 1
    assert "errors" not in found


MAKE = """mutation ($fields: TierFields!, $mood: String, $key: String) {
  makeTier(input: {fields: $fields, mood: $mood, idempotencyKey: $key}) {
    key client { code } clients { code } token userErrors { code path message } } }"""


async def test_mutations_that_fail_change_nothing(odd: Engine, shop: Shop, database: Database) -> None:
    caller = shop.caller()
    found = await ask(odd, caller, MAKE, fields={"key": "x", "titleZh": "甲"}, mood="refuse")
    assert found["data"]["makeTier"] == {
        "key": None, "client": None, "clients": None, "token": None,
        "userErrors": [{"code": "odd", "path": ["fields", "titleZh"], "message": "Odd."}],
    }  # fmt: skip
    found = await ask(odd, caller, MAKE, fields={"key": "x"}, mood="conflict")
    assert [one["code"] for one in found["data"]["makeTier"]["userErrors"]] == ["conflict"]
    found = await ask(odd, caller, MAKE, fields={"key": "x"}, mood="explode")
    assert found["data"] == {"makeTier": None}
    assert found["errors"][0]["extensions"]["code"] == "internal_error"
    assert await tiers(database, shop) == set()


async def test_a_failing_commit_is_no_success(odd: Engine, shop: Shop, database: Database) -> None:
    found = await ask(odd, shop.caller(), "mutation { failAtCommit(input: {}) { key userErrors { code } } }")
    payload = found["data"]["failAtCommit"]
    assert payload is None or (payload["key"] is None and payload["userErrors"])
    assert await tiers(database, shop) == set()


async def test_a_repeat_answers_again_without_the_secret(odd: Engine, shop: Shop, database: Database) -> None:
    caller = shop.caller()
    first = await ask(odd, caller, MAKE, fields={"key": "y"}, key="k")
    again = await ask(odd, caller, MAKE, fields={"key": "y"}, key="k")
    assert first["data"]["makeTier"]["token"] == "t-y"
    assert first["data"]["makeTier"]["clients"] == [{"code": "甲0"}]
    assert again == {"data": {"makeTier": {**first["data"]["makeTier"], "token": None}}}
    assert calls == ["made y"]
    async with database.read(shop.tenant_id, TESTS) as session:
        kept = await session.scalar(select(IdempotencyRecord.answer).where(session.within(IdempotencyRecord)))
    assert "t-y" not in json.dumps(kept)


async def test_edges_see_to_their_own_transactions(odd: Engine, shop: Shop, database: Database) -> None:
    caller = shop.caller()
    query = """mutation ($key: String) { edgeTier(input: {key: "e", idempotencyKey: $key}) {
      key client { code } userErrors { code } } }"""
    expected = {"data": {"edgeTier": {"key": "e", "client": {"code": "甲0"}, "userErrors": []}}}
    assert [await ask(odd, caller, query, key="e1") for _ in range(2)] == [expected] * 2
    assert calls == ["made e"]
    assert await tiers(database, shop) == {"e"}
    clash = await ask(odd, caller, query)
    assert [one["code"] for one in clash["data"]["edgeTier"]["userErrors"]] == ["conflict"]


async def test_a_declared_permission_is_asked_first(odd: Engine, shop: Shop, database: Database) -> None:
    from steward_tenants.access.permissions import UNITS_VIEW  # noqa: PLC0415

    found = await ask(
        odd, shop.caller(UNITS_VIEW), 'mutation { lockedTier(input: {fields: {key: "l"}}) { key userErrors { code } } }'
    )
    assert found == {"data": {"lockedTier": {"key": None, "userErrors": [{"code": "forbidden"}]}}}
    assert calls == []


async def test_a_subscription_tells_each_change(odd: Engine, shop: Shop) -> None:
    checked: list[Caller] = []
    caller = shop.caller()

    async def recheck() -> Caller:
        checked.append(caller)
        if len(checked) == 3:
            raise Unauthenticated
        return caller

    query = "subscription { t: ticks(upto: 5) { number client { code } } }"
    for number in range(3):
        events.put_nowait({"client": shop.clients[number], "number": number, "rest": []})
    bodies = [
        json.loads(body)
        async for body in odd.subscribe(Request(query), caller, locale="en", request_id="r", recheck=recheck)
    ]
    assert bodies[:2] == [{"data": {"t": {"number": n, "client": {"code": f"甲{n}"}}}} for n in range(2)]
    assert bodies[2]["data"] == {"t": None}
    assert bodies[2]["errors"][0]["extensions"]["code"] == "unauthenticated"
    assert len(bodies) == 3
    assert calls == ["closed"]


async def test_a_subscription_that_breaks_or_is_refused(odd: Engine, shop: Shop) -> None:
    events.put_nowait(RuntimeError("secret of the stream"))
    bodies = [body async for body in odd.subscribe(Request("subscription { ticks { number } }"), shop.caller())]
    assert json.loads(bodies[0])["errors"][0]["extensions"]["code"] == "internal_error"
    assert b"secret" not in bodies[0]
    bodies = [body async for body in odd.subscribe(Request("subscription { nothing }"), shop.caller())]
    assert [list(json.loads(body)) for body in bodies] == [["errors"]]
    with pytest.raises(SubscriptionNotAllowed):
        await anext(odd.subscribe(Request("{ units { totalCount } }"), shop.caller()))


def test_the_mutations_that_change_a_tenant_exist() -> None:
    assert api_for(frozenset()).mutations.keys() >= CHANGES_TENANT


async def test_an_edge_that_is_done_is_never_told_as_refused(
    odd: Engine, shop: Shop, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unavailable(*_arguments: Any, **_options: Any) -> Any:
        raise Conflict

    await tenant_is_known(odd, shop)
    monkeypatch.setattr(odd.pipelines, "fetch", unavailable)
    found = await ask(
        odd, shop.caller(), 'mutation { edgeTier(input: {key: "done"}) { client { code } userErrors { code } } }'
    )
    assert found["data"] == {"edgeTier": None}
    assert found["errors"][0]["path"] == ["edgeTier"]
    assert await tiers(database, shop) == {"done"}


async def test_a_statement_that_fails_is_told_at_its_fields(
    odd: Engine, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def timed_out(*_arguments: Any, **_options: Any) -> Any:
        raise QueryTimeout

    await tenant_is_known(odd, shop)
    monkeypatch.setattr(odd.pipelines, "fetch", timed_out)
    for query in (
        "{ a: units { totalCount } people { totalCount } }",
        "{ a: units { totalCount } people { totalCount } pair { number } }",
    ):
        found = await ask(odd, shop.caller(), query)
        assert (found["data"]["a"], found["data"]["people"]) == (None, None)
        assert [(one["path"], one["extensions"]["code"]) for one in found["errors"]] == [
            (["a"], "query_timeout"), (["people"], "query_timeout"),
        ]  # fmt: skip
        assert "pair" not in query or found["data"]["pair"] == {"number": 1}
    found = await ask(odd, shop.caller(), "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[str(new_id())])
    assert found["data"] is None


async def test_whatever_breaks_is_answered(odd: Engine, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def odd_rows(*_arguments: Any, **_options: Any) -> Any:
        return []

    await tenant_is_known(odd, shop)
    monkeypatch.setattr(odd.pipelines, "fetch", odd_rows)
    answer = await odd.execute(Request("{ units { totalCount } }"), shop.caller())
    assert (answer.executed, answer.status) == (False, 500)
    assert json.loads(answer.body)["errors"][0]["extensions"]["code"] == "internal_error"
