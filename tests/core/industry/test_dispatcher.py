"""Asking enabled plugins: checks, triggers, indicators, fields, advice; and what a failing plugin leaves intact."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import ColumnElement, Select, column, func, literal, null, select, table, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from steward_core.clients.models import Client, ClientStatus, Contact
from steward_core.database.context import QueryContext
from steward_core.industry import registry
from steward_core.industry.declarations import (
    Advisor,
    FieldDescriptor,
    Indicator,
    Period,
    Trigger,
)
from steward_core.industry.dispatcher import (
    ask,
    check_client,
    check_clients,
    check_record,
    check_records,
    computed_fields,
    computed_values,
    contained,
    enabled,
    enabled_form,
    indicator_rows,
    trigger_rows,
    triggers,
)
from steward_core.industry.errors import (
    AdvisorNotFound,
    FormNotFound,
    IndicatorNotFound,
    PluginFailed,
    TriggerNotFound,
)
from steward_core.industry.hookspecs import hookimpl
from steward_core.industry.models import PluginFault
from steward_core.industry.registry import registered
from steward_core.industry.service import enable
from steward_core.industry.statements import OutsideTheTenant, kept_to_the_tenant
from steward_core.permissions import CLIENTS_VIEW
from steward_tenants.access.permissions import PEOPLE_VIEW
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual
from tests.core.factories import make_client, make_contact
from tests.core.industry import orchard
from tests.factories import TESTS, actor_with, make_tenant, make_unit, make_user

TODAY = date(2026, 3, 9)
MONTH = Period("2026-03", date(2026, 3, 1), date(2026, 4, 1))
TITLE = Bilingual("标题", "Title")
TEXT = Bilingual("不行。", "No.")


@pytest.fixture(autouse=True)
def no_core_triggers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The core's own triggers have tests of their own."""
    monkeypatch.setattr(registry, "CORE_TRIGGERS", {})
    monkeypatch.setattr("steward_core.industry.evaluation.CORE_TRIGGERS", {})


@asynccontextmanager
async def world(database: Database, *plugins: Any, actor: Actor = TESTS) -> AsyncIterator[WriteSession]:
    """A tenant with these plugins enabled."""
    tenant_id = await make_tenant(database)
    with registered(*plugins):
        async with database.write(tenant_id, actor) as session:
            for plugin in plugins:
                await enable(session, plugin.industry().key)
            yield session


async def all_faults(session: WriteSession) -> dict[tuple[str, str], tuple[str, int]]:
    """Kind and times of each fault, by plugin and hook."""
    rows = await session.scalars(
        select(PluginFault).where(session.within(PluginFault)).execution_options(populate_existing=True)
    )
    return {(row.plugin, row.hook): (row.error, row.times) for row in rows}


async def test_a_check_of_a_client_is_asked_with_the_settings(database: Database) -> None:
    def check(settings: Any, client: Any) -> list[FieldProblem]:
        return [FieldProblem(("name",), "short", TEXT)] if len(client["name"]) < settings.trees else []

    quiet = orchard.other("quiet")
    async with world(database, orchard.plugin(hooks={"check_client": check}), quiet) as session:
        assert [p.code for p in await check_client(session, {"name": "短"})] == ["short"]
        both = await check_clients(session, [{"name": "很" * 50}, {"name": "短"}])
        assert [len(problems) for problems in both] == [0, 1]
        assert await check_clients(session, []) == []


async def test_a_record_is_checked_by_its_own_plugin_only(database: Database) -> None:
    def check(settings: Any, form: str, values: Any, client: Any) -> list[FieldProblem]:
        return [FieldProblem(("fruit",), form, TEXT)] if values["fruit"] == "stone" or client is None else []

    stranger = orchard.other("stranger")
    stranger.check_record = hookimpl(lambda **_values: [FieldProblem((), "x", TEXT)])
    async with world(database, orchard.plugin(hooks={"check_record": check}), stranger) as session:
        assert [p.code for p in await check_record(session, "orchard.harvest", {"fruit": "stone"}, {})] == ["harvest"]
        many = await check_records(
            session, "orchard.harvest", [({"fruit": "pear"}, {}), ({"fruit": "pear"}, None), ({"fruit": "stone"}, {})]
        )
        assert [len(problems) for problems in many] == [0, 1, 1]
        assert await check_record(session, "nobody.form", {}) == []


async def test_one_row_that_fails_a_check_leaves_the_others_checked(database: Database) -> None:
    def check(settings: Any, client: Any) -> Any:
        if client["name"] == "bad":
            raise RuntimeError("a client's name that must not be kept: bad")
        return ["not a problem"] if client["name"] == "odd" else [FieldProblem(("name",), "x", TEXT)]

    async with world(database, orchard.plugin(hooks={"check_client": check})) as session:
        found = await check_clients(session, [{"name": "bad"}, {"name": "odd"}, {"name": "good"}])
        assert [len(problems) for problems in found] == [0, 0, 1]
        assert await all_faults(session) == {("orchard", "check_client"): ("RuntimeError", 1)}
        fault = await session.find(PluginFault)
        assert fault is not None
        assert fault.place.startswith("tests.core.industry.test_dispatcher:check:")


async def test_what_a_failing_plugin_did_is_undone_and_the_caller_goes_on(database: Database) -> None:
    async with world(database, orchard.plugin()) as session:
        client = make_client(session, kind="orchard")

        async def spoil() -> None:
            await session.execute(
                Client.__table__.update().where(session.within(Client)).values(name="spoilt")  # type: ignore[attr-defined]
            )
            raise RuntimeError

        outcome = await contained(session, "orchard", "spoil", spoil)
        assert outcome.fault is not None
        assert (outcome.fault.plugin, outcome.fault.error) == ("orchard", "RuntimeError")
        await contained(session, "orchard", "spoil", spoil)
        name = await session.scalar(select(Client.name).where(session.within(Client), Client.id == client.id))
        assert name == client.name
        assert await all_faults(session) == {("orchard", "spoil"): ("RuntimeError", 2)}


async def test_work_that_goes_on_at_the_same_time_does_not_wait_for_a_fault(database: Database) -> None:
    tenant_id = await make_tenant(database)

    def divide() -> float:
        return 1 / 0

    with registered(orchard.plugin()):
        for times in (1, 2):
            async with database.write(tenant_id, TESTS) as first, database.write(tenant_id, TESTS) as second:
                for session in (first, second):
                    outcome = await contained(session, "orchard", "divide", divide)
                    assert outcome.fault is not None
            async with database.write(tenant_id, TESTS) as session:
                assert await all_faults(session) == {("orchard", "divide"): ("ZeroDivisionError", times)}


async def test_what_the_caller_staged_wrongly_is_not_the_plugins_fault(database: Database) -> None:
    tenant_id = await make_tenant(database)

    async def stage() -> None:
        async with database.write(tenant_id, TESTS) as session:
            make_contact(session, UUID(int=7))
            await contained(session, "orchard", "innocent", lambda: None)

    with registered(orchard.plugin()), pytest.raises(IntegrityError):
        await stage()


async def test_a_fault_in_a_reading_session_is_answered_only(database: Database) -> None:
    tenant_id = await make_tenant(database)
    with registered(orchard.plugin()):
        async with database.read(tenant_id, TESTS) as session:
            outcome = await contained(session, "orchard", "divide", lambda: 1 // 0)
            assert outcome.fault is not None
            assert outcome.fault.error == "ZeroDivisionError"
            assert await session.find(PluginFault) is None


async def people_and_clients(session: WriteSession) -> tuple[User, User, list[Client]]:
    """Two managers in two units, with an orchard each, one of a third person, one in the pool, and others."""
    north, south = make_unit(session), make_unit(session)
    await session.flush()
    mine, other = make_user(session, unit_id=north.id), make_user(session, unit_id=south.id)
    await session.flush()
    clients = [
        make_client(session, kind="orchard", owner_id=mine.id, unit_id=north.id, name="北果园"),
        make_client(session, kind="orchard", owner_id=other.id, unit_id=south.id, name="南果园"),
        make_client(session, kind="orchard", name="无主果园"),
        make_client(session, kind="nursery", owner_id=mine.id, unit_id=north.id),
        make_client(session, kind="orchard", owner_id=mine.id, unit_id=north.id, status=ClientStatus.CLOSED),
    ]
    await session.flush()
    return mine, other, clients


async def test_a_trigger_is_seen_in_the_actors_reach_only(database: Database) -> None:
    async with world(database, orchard.plugin()) as session:
        mine, other, clients = await people_and_clients(session)
        found = await trigger_rows(session, "orchard.due", TODAY)
        assert {row.client_id for row in found.rows} == {client.id for client in clients[:3]}
        row = next(row for row in found.rows if row.client_id == clients[0].id)
        assert (row.trigger, row.client_name, row.owner_id, row.due_on) == ("orchard.due", "北果园", mine.id, TODAY)
        assert row.figures == {"trees": 40}
        assert (await trigger_rows(session, None, TODAY)).rows == found.rows
        for narrowed, expected in (
            ({"unit_id": clients[1].unit_id}, [clients[1].id]),
            ({"owner_id": mine.id}, [clients[0].id]),
            ({"client_id": clients[2].id}, [clients[2].id]),
        ):
            rows = (await trigger_rows(session, None, TODAY, **narrowed)).rows
            assert [row.client_id for row in rows] == expected
        assert len((await trigger_rows(session, None, TODAY, limit=2)).rows) == 2
        session.actor = actor_with(CLIENTS_VIEW, scope=Scope.OWN, user=other)
        assert [row.client_id for row in (await trigger_rows(session, None, TODAY)).rows] == [clients[1].id]
        session.actor = actor_with(PEOPLE_VIEW)
        assert (await trigger_rows(session, None, TODAY)).rows == ()


async def test_a_trigger_that_found_nothing_to_tell_has_empty_figures(database: Database) -> None:
    def bare(context: QueryContext) -> Select[Any]:
        nothing: tuple[Any, ...] = tuple(null().label(name) for name in ("subject_id", "due_on", "figures"))
        return select(Client.id.label("client_id"), *nothing).where(context.within(Client))

    plain = orchard.plugin(triggers=(Trigger("bare", TITLE, bare),), navigation=())
    async with world(database, plain) as session:
        make_client(session, kind="orchard")
        await session.flush()
        (row,) = (await trigger_rows(session, None, TODAY)).rows
        assert (row.subject_id, row.due_on, row.figures) == (None, TODAY, {})


async def test_an_indicator_counts_the_managers_in_reach(database: Database) -> None:
    async with world(database, orchard.plugin()) as session:
        mine, other, clients = await people_and_clients(session)
        found = await indicator_rows(session, "orchard.owned", MONTH, TODAY)
        assert {row.owner_id: row.value for row in found.rows} == {mine.id: 2, other.id: 1}
        assert {(row.numerator, row.denominator) for row in found.rows} == {(None, None)}
        below = await indicator_rows(session, "orchard.owned", MONTH, TODAY, unit_id=clients[1].unit_id)
        assert [row.owner_id for row in below.rows] == [other.id]
        one = await indicator_rows(session, "orchard.owned", MONTH, TODAY, owner_id=mine.id)
        assert [row.owner_name for row in one.rows] == [mine.name]
        session.actor = actor_with(CLIENTS_VIEW, scope=Scope.OWN, user=other)
        assert [r.owner_id for r in (await indicator_rows(session, "orchard.owned", MONTH, TODAY)).rows] == [other.id]


async def test_computed_fields_are_given_for_rows_in_reach(database: Database) -> None:
    async with world(database, orchard.plugin()) as session:
        mine, _, clients = await people_and_clients(session)
        ids = [client.id for client in clients]
        assert list(await computed_fields(session, "client")) == ["orchard.trees"]
        assert await computed_fields(session, "contact") == {}
        values = await computed_values(session, "client", ids, TODAY)
        assert values == {client_id: {"orchard.trees": 40} for client_id in ids}
        assert await computed_values(session, "client", ids[:1], TODAY, ["moon"]) == {ids[0]: {}}
        session.actor = actor_with(CLIENTS_VIEW, scope=Scope.OWN, user=mine)
        values = await computed_values(session, "client", ids[:2], TODAY)
        assert values == {ids[0]: {"orchard.trees": 40}, ids[1]: {}}


async def test_advice_is_given_on_typed_questions(database: Database) -> None:
    async with world(database, orchard.plugin()) as session:
        assert (await ask(session, "orchard.frost", {"degrees": -3})).answer == "cover"
        with pytest.raises(InvalidInput) as refused:
            await ask(session, "orchard.frost", {"degrees": "cold", "wind": 1})
        assert refused.value.problems[0].path == ("degrees",)
        with pytest.raises(AdvisorNotFound):
            await ask(session, "orchard.moon", {})


async def test_what_is_not_enabled_is_not_found(database: Database) -> None:
    tenant_id = await make_tenant(database)
    with registered(orchard.plugin()):
        async with database.read(tenant_id, TESTS) as session:
            assert await enabled(session) == ()
            assert await triggers(session) == {}
            assert (await trigger_rows(session, None, TODAY)).rows == ()
            with pytest.raises(TriggerNotFound):
                await trigger_rows(session, "orchard.due", TODAY)
            with pytest.raises(IndicatorNotFound):
                await indicator_rows(session, "orchard.owned", MONTH, TODAY)
            with pytest.raises(AdvisorNotFound):
                await ask(session, "orchard.frost", {"degrees": 1})
            with pytest.raises(FormNotFound):
                await enabled_form(session, "orchard.harvest")


async def test_the_form_of_an_enabled_plugin_comes_with_its_settings(database: Database) -> None:
    async with world(database, orchard.plugin()) as session:
        one, form = await enabled_form(session, "orchard.harvest")
        assert (one.settings.trees, form) == (40, orchard.Harvest)
        for key in ("orchard.moon", "orchard", "", "moon.harvest"):
            with pytest.raises(FormNotFound):
                await enabled_form(session, key)


def _raises(*_arguments: Any, **_values: Any) -> Any:
    raise RuntimeError("on purpose")


def _leaves(*_arguments: Any, **_values: Any) -> Any:
    sys.exit("a plugin must not end the process")


def unknown_column(context: QueryContext) -> Select[Any]:
    """Wrong SQL: there is no such column."""
    return orchard.due_orchards(context).where(text("moon = 1"))


def divides_by_zero(context: QueryContext) -> Select[Any]:
    """SQL that fails while it runs."""
    return orchard.due_orchards(context).where(literal(1) / (func.length(Client.name) * 0) == 1)


def wrong_columns(context: QueryContext) -> Select[Any]:
    """Lacks most columns."""
    return select(Client.id.label("client_id")).where(context.within(Client))


def wide(context: QueryContext) -> Select[Any]:
    """Leaves the tenant's condition out."""
    return orchard.due_orchards(context).add_columns(Contact.id).join(Contact, Contact.client_id == Client.id)


def no_select(_context: QueryContext) -> Any:
    """Built SQL is no select."""
    return text("select 1")


def _without_period(rows: Any, context: QueryContext, _period: Period) -> Any:
    return rows(context)


FAILING: dict[str, tuple[Any, str]] = {
    "raises": (_raises, "RuntimeError"),
    "leaves": (_leaves, "SystemExit"),
    "unknown_column": (unknown_column, "UndefinedColumn"),
    "divides": (divides_by_zero, "DivisionByZero"),
    "columns": (wrong_columns, "ValueError"),
    "wide": (wide, "OutsideTheTenant"),
    "no_select": (no_select, "TypeError"),
}


async def test_a_plugin_that_fails_everywhere_leaves_the_rest_intact_and_shows_one_fault_each(
    database: Database,
) -> None:
    broken = replace(
        orchard.INDUSTRY,
        key="broken",
        kinds=(),
        tiers=(),
        metrics=(),
        cadences=(),
        importers=(),
        triggers=tuple(Trigger(key, TITLE, rows) for key, (rows, _) in FAILING.items()),
        indicators=tuple(
            Indicator(key, TITLE, "%", partial(_without_period, rows)) for key, (rows, _) in FAILING.items()
        ),
        fields=(FieldDescriptor("client", "bad", TITLE, "text", _raises),),
        advisors=(Advisor("bad", TITLE, orchard.Weather, _raises),),
    )
    hooks = {
        "check_client": lambda **_values: _raises(),
        "check_record": lambda **_values: _raises(),
    }
    async with world(database, orchard.plugin(), orchard.plugin(broken, hooks=hooks)) as session:
        _, _, clients = await people_and_clients(session)
        whole = await trigger_rows(session, None, TODAY)
        assert {row.trigger for row in whole.rows} == {"orchard.due"}
        assert len(whole.rows) == 3
        assert {fault.hook: fault.error for fault in whole.faults} == {
            f"trigger:{key}": error for key, (_, error) in FAILING.items()
        }
        for key in FAILING:
            figures = await indicator_rows(session, f"broken.{key}", MONTH, TODAY)
            assert figures.rows == ()
            assert figures.fault is not None
        assert len((await indicator_rows(session, "orchard.owned", MONTH, TODAY)).rows) == 2
        values = await computed_values(session, "client", [clients[0].id], TODAY)
        assert values == {clients[0].id: {"orchard.trees": 40}}
        with pytest.raises(PluginFailed):
            await ask(session, "broken.bad", {"degrees": 1})
        assert (await ask(session, "orchard.frost", {"degrees": 1})).answer == "leave"
        assert await check_client(session, {}) == []
        assert await check_record(session, "broken.harvest", {}) == []
        found = await all_faults(session)
        assert {hook for _, hook in found} == {
            *(f"trigger:{key}" for key in FAILING),
            *(f"indicator:{key}" for key in FAILING),
            "field:bad",
            "advisor:bad",
            "check_client",
            "check_record",
        }
        assert {times for _, times in found.values()} == {1}
        assert {plugin for plugin, _ in found} == {"broken"}
        wrong = await session.find(PluginFault, PluginFault.hook == "trigger:unknown_column")
        assert wrong is not None
        assert wrong.place == 'column "moon" does not exist'


def test_a_select_names_the_tenant_for_each_table(database: Database) -> None:
    class Session:
        tenant_id = UUID(int=5)

        def within(self, one: Any) -> ColumnElement[bool]:
            condition: ColumnElement[bool] = one.tenant_id == self.tenant_id
            return condition

    context: Any = QueryContext(Session(), TODAY)  # type: ignore[arg-type]
    twin = aliased(Client)
    inner = select(Contact.id).where(context.within(Contact), Contact.client_id == Client.id)
    good = [
        orchard.due_orchards(QueryContext(Session(), TODAY, orchard.OrchardSettings())),  # type: ignore[arg-type]
        select(Client.id).where(context.within(Client), inner.exists()),
        select(Client.id)
        .join(twin, (twin.id == Client.parent_id) & context.within(twin))
        .where(context.within(Client)),
        select(null()),
    ]
    for statement in good:
        kept_to_the_tenant(statement)
    bad = [
        select(Client.id),
        select(Client.id).where(context.within(Client), select(Contact.id).exists()),
        select(Client.id).join(twin, twin.id == Client.parent_id).where(context.within(Client)),
        select(twin.id).where(context.within(Client)),
        select(Client.id).where(Client.tenant_id == Client.tenant_id),
        select(select(Client.id).subquery().c.id),
        select(table("client", column("id"), schema="app").c.id),
        select(table("client", column("id")).c.id),
        select(column("id")).select_from(text("app.client")),
    ]
    for statement in bad:
        with pytest.raises(OutsideTheTenant):
            kept_to_the_tenant(statement)
