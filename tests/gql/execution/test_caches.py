"""What is kept between requests: bounded, by the right key, forgotten in time."""

from __future__ import annotations

import asyncio
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from graphql import GraphQLField, GraphQLInt, GraphQLObjectType, GraphQLSchema, OperationType

from steward_core.permissions import CLIENTS_VIEW
from steward_graphql.declared.api import Api
from steward_graphql.errors import IntrospectionOff, UnknownOperation
from steward_graphql.execution.bounded import Bounded
from steward_graphql.execution.documents import DocumentRefused, Documents
from steward_graphql.execution.engine import Engine, Request
from steward_graphql.execution.metrics import EngineMetrics
from steward_graphql.execution.plans import MOST_BYTES, Standings
from steward_graphql.execution.tenants import Tenants, TenantState
from steward_graphql.limits.errors import RefusedShape
from steward_tenants.access.symbolic import root_mark
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.pipeline import Pipelines
from steward_tenants.directory.models import TenantStatus
from steward_tenants.errors import TenantNotFound, TenantSuspended
from steward_tenants.plugins.models import PluginSwitch
from tests.factories import TESTS, actor_with, make_tenant
from tests.gql.execution.conftest import make_shop


def test_bounded_by_number_and_weight() -> None:
    gone: list[None] = []
    held: Bounded[int, str] = Bounded(3, 10, len, lambda: gone.append(None))
    for key, value in ((1, "aa"), (2, "bb"), (3, "cc"), (4, "dd")):
        held.put(key, value)
    assert [held.get(key) for key in (1, 2, 3, 4)] == [None, "bb", "cc", "dd"]
    held.get(2)
    held.put(5, "eeeee")
    assert [held.get(key) for key in (2, 3, 4, 5)] == ["bb", None, "dd", "eeeee"]
    held.put(6, "e" * 11)
    assert held.get(6) is None
    held.put(5, "f" * 8)
    assert held.get(5) == "f" * 8
    assert held.weight == 10
    held.forget(5)
    held.forget(5)
    assert held.get(5) is None
    assert gone


def api() -> Api:
    query = GraphQLObjectType("Query", {"one": GraphQLField(GraphQLInt), "two": GraphQLField(GraphQLInt)})
    mutation = GraphQLObjectType("Mutation", {"change": GraphQLField(GraphQLInt)})
    return Api(frozenset(), {}, {}, {}, {}, {}, GraphQLSchema(query, mutation))


def test_documents_are_read_once() -> None:
    metrics = EngineMetrics()
    documents, known = Documents(metrics), api()
    text = "query A { one } query B($x: Boolean!) { two @skip(if: $x) }"
    first = documents.of(known, text, "A")
    assert documents.of(known, text, "A") is first
    other = documents.of(known, text, "B")
    assert other is not first
    assert (first.declares, other.declares, first.plain) == (False, True, True)
    assert first.operation.text_key != other.operation.text_key
    assert documents.of(known, "mutation { change }", None).kind is OperationType.MUTATION
    with pytest.raises(UnknownOperation):
        documents.of(known, text, None)
    with pytest.raises(UnknownOperation):
        documents.of(known, text, "C")


@pytest.mark.parametrize(
    ("text", "syntax"), [("{ one", True), ("{ three }", False), ("", True), ("query($a: Nothing) { one }", False)]
)
def test_refused_documents_keep_their_places(text: str, syntax: bool) -> None:
    with pytest.raises(DocumentRefused) as refused:
        Documents(EngineMetrics()).of(api(), text, None)
    assert refused.value.syntax is syntax
    assert all(error.locations for error in refused.value.errors)


def test_documents_outside_the_limits_are_refused_before_validation() -> None:
    with pytest.raises(RefusedShape):
        Documents(EngineMetrics()).of(api(), "{ " + " ".join(f"a{n}: nothing" for n in range(60)) + " }", None)


def test_introspection_can_be_off() -> None:
    closed = Documents(EngineMetrics(), introspection=False)
    for text in ("{ __schema { description } }", '{ ... on Query { x: __type(name: "Query") { name } } }'):
        assert Documents(EngineMetrics()).of(api(), text, None).introspects
        with pytest.raises(IntrospectionOff):
            closed.of(api(), text, None)
    assert not closed.of(api(), "{ __typename }", None).introspects
    with pytest.raises(DocumentRefused) as refused:
        closed.of(api(), "{ ones }", None)
    assert "Did you mean" not in str(refused.value.errors)


def test_equal_profiles_have_one_number() -> None:
    standings = Standings()
    unit, other = new_id(), new_id()
    first = actor_with(CLIENTS_VIEW, scope=Scope.SUBTREE, unit_id=unit)
    second = actor_with(CLIENTS_VIEW, scope=Scope.SUBTREE, unit_id=other)
    third = actor_with(CLIENTS_VIEW, scope=Scope.ALL)
    a, b, c = (standings.of(one) for one in (first, second, third))
    assert a is standings.of(first)
    assert a.number == b.number != c.number
    assert (a.standing.roots, b.standing.roots) == ((unit,), (other,))
    assert a.standing.profile.actor.grants[0].unit_id == root_mark(0)


async def test_a_tenant_is_remembered_for_a_moment(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = await make_tenant(database, time_zone="Asia/Urumqi")
    tenants = Tenants(database, seconds=60)
    looked: list[Any] = []
    look_up = tenants._look_up

    async def counted(tenant_id: Any) -> Any:
        looked.append(tenant_id)
        return await look_up(tenant_id)

    monkeypatch.setattr(tenants, "_look_up", counted)
    states = await asyncio.gather(*(tenants.of(tenant) for _ in range(5)))
    assert len(looked) == 1
    assert (states[0].zone.key, states[0].plugins) == ("Asia/Urumqi", frozenset())
    async with database.write(tenant, TESTS) as session:
        session.add(PluginSwitch(plugin="telecom", enabled=True, settings={}))
    assert (await tenants.of(tenant)).plugins == frozenset()
    tenants.forget(tenant)
    assert (await tenants.of(tenant)).plugins == {"telecom"}
    assert len(looked) == 2


async def test_what_was_forgotten_while_it_was_asked_for_is_not_kept(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await make_tenant(database)
    tenants = Tenants(database, seconds=60)
    asking = asyncio.create_task(tenants.of(tenant))
    await asyncio.sleep(0)
    tenants.forget(tenant)
    await asking
    assert tenant not in tenants._known


async def test_plugins_and_zone_are_asked_for_over_pipelines_too(database: Database) -> None:
    pipelines = Pipelines(database, 1)
    try:
        tenants, other = Tenants(database, pipelines, seconds=0), await make_tenant(database)
        tenant = await make_tenant(database, time_zone="Asia/Urumqi")
        for key, enabled in (("telecom", True), ("tobacco", False)):
            async with database.write(tenant, TESTS) as session:
                session.add(PluginSwitch(plugin=key, enabled=enabled, settings={}))
        assert await tenants.of(tenant) == TenantState(ZoneInfo("Asia/Urumqi"), frozenset({"telecom"}))
        assert (await tenants.of(other)).plugins == frozenset()
        async with database.write(tenant, TESTS) as session:
            switch = await session.find(PluginSwitch, PluginSwitch.plugin == "telecom")
            assert switch is not None
            switch.enabled = False
        assert (await tenants.of(tenant)).plugins == frozenset()
    finally:
        await pipelines.close()


@pytest.mark.parametrize("piped", [False, True])
async def test_no_or_suspended_tenant(database: Database, piped: bool) -> None:
    pipelines = Pipelines(database, 1)
    tenants = Tenants(database, pipelines if piped else None)
    try:
        with pytest.raises(TenantNotFound):
            await tenants.of(new_id())
        with pytest.raises(TenantSuspended):
            await tenants.of(await make_tenant(database, status=TenantStatus.SUSPENDED))
    finally:
        await pipelines.close()


async def test_hostile_variety_does_not_grow_the_plans(database: Database) -> None:
    """Long names, long values and long lists of variables count by what they take, however short their SQL is."""
    shop = await make_shop(database)
    engine = Engine(database, connections=1)
    caller = shop.caller(CLIENTS_VIEW)
    try:
        for number in range(6):
            long = f"a{number}" + "a" * 30_000
            for text, variables in (
                (f"{{ {long}: clients {{ totalCount }} }}", {}),
                (f'{{ clients(filter: {{name: {{eq: "{long}"}}}}) {{ totalCount }} }}', {}),
                (
                    "query ($by: [ClientGroupField!]!) { clients { groups(by: $by) { count } } }",
                    {"by": ["TIER"] * (30_000 + number)},
                ),
            ):
                before = engine._plans._known.weight
                answer = await engine.execute(Request(text, None, variables), caller)
                assert b"errors" not in answer.body
                assert engine._plans._known.weight - before > 100_000
        assert engine._plans._known.weight <= MOST_BYTES
    finally:
        await engine.close()


async def test_many_wrong_values_are_not_told_one_by_one(database: Database) -> None:
    shop = await make_shop(database)
    engine = Engine(database, connections=1)
    try:
        for text, variables in (
            ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["x"] * 20_000}),
            (
                "query ($f: ClientFilter) { clients(filter: $f) { totalCount } }",
                {"f": {f"k{number}": 1 for number in range(20_000)}},
            ),
            ("query ($f: ClientFilter) { clients(filter: $f) { totalCount } }", {"f": {"k" * 200_000: 1}}),
        ):
            answer = await engine.execute(Request(text, None, variables), shop.caller(CLIENTS_VIEW))
            assert not answer.executed
            assert len(answer.body) < 50_000
    finally:
        await engine.close()
