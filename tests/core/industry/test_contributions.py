"""Adding an industry changes no file outside its folder: one with every kind of contribution, and where each appears."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from decimal import Decimal

from sqlalchemy import select

from steward_core.clients.models import ClientKind, ClientTier, Metric
from steward_core.forms.description import json_schema
from steward_core.forms.service import save_record
from steward_core.industry.declarations import DemoWorld, Industry, Period
from steward_core.industry.dispatcher import (
    ask,
    computed_fields,
    computed_values,
    indicator_rows,
    indicators,
    trigger_rows,
    triggers,
)
from steward_core.industry.overview import PARTS, contributions, plugin_overview, settings_of
from steward_core.industry.registry import importer_of, registered, scheme_of
from steward_core.industry.service import disable, enable
from steward_tenants.database.database import Database
from tests.core.factories import make_client
from tests.core.industry import orchard
from tests.factories import TESTS, make_tenant, make_user

TODAY = date(2026, 3, 9)
MONTH = Period("2026-03", date(2026, 3, 1), date(2026, 4, 1))
NOT_LISTED = {"key", "title", "version", "description", "settings", "requires", "conflicts", "demo"}


def test_every_part_of_a_declaration_is_listed_somewhere() -> None:
    assert {field.name for field in fields(Industry)} == {*PARTS, *NOT_LISTED}


async def test_each_contribution_appears_where_it_should(database: Database) -> None:
    tenant_id = await make_tenant(database)
    declared = orchard.INDUSTRY
    with registered(orchard.plugin()):
        async with database.write(tenant_id, TESTS) as session:
            await enable(session, "orchard")
            rows = {
                table: list(await session.scalars(select(table.key).where(session.within(table)).order_by(table.key)))
                for table in (ClientKind, ClientTier, Metric)
            }
            assert rows == {
                ClientKind: ["nursery", "orchard"],
                ClientTier: ["gold", "plain"],
                Metric: ["fruit_sold"],
            }
            manager = make_user(session)
            await session.flush()
            client = make_client(session, kind="orchard", owner_id=manager.id)
            await session.flush()
            saved = await save_record(
                session, "orchard.harvest", client.id, {"fruit": "pear", "baskets": 4}, today=TODAY
            )
            assert saved.computed == {"weight": 48}
            assert "orchard.due" in await triggers(session)
            due = await trigger_rows(session, "orchard.due", TODAY)
            assert [row.client_id for row in due.rows] == [client.id]
            assert [key for key in await indicators(session) if not key.startswith("core.")] == ["orchard.owned"]
            owned = await indicator_rows(session, "orchard.owned", MONTH, TODAY)
            assert [(row.owner_id, row.value) for row in owned.rows] == [(manager.id, Decimal(1))]
            assert list(await computed_fields(session)) == ["orchard.trees"]
            assert await computed_values(session, "client", [client.id], TODAY) == {client.id: {"orchard.trees": 40}}
            assert (await ask(session, "orchard.frost", {"degrees": -1})).answer == "cover"
            assert [state.field.name for state in await settings_of(session, "orchard")] == ["trees", "fruit", "token"]
            listed = await contributions(session)
            for part in PARTS:
                found = [one for one in listed[part] if one.plugin == "orchard"]
                assert [one.what for one in found] == list(getattr(declared, part)), part
                assert found, part
                assert all(one.key.startswith("orchard.") and one.title.zh for one in found)
            keys = {part: [one.key for one in listed[part]] for part in PARTS}
            assert keys["trades"] == ["orchard.stone_fruit"]
            assert keys["forms"] == ["orchard.harvest", "orchard.grade"]
            assert keys["freshness"] == ["orchard.1"]
            (state,) = [one for one in await plugin_overview(session) if one.key == "orchard"]
            assert (state.title, state.version) == (declared.title, declared.version)
            await disable(session, "orchard", "结束")
            listed = await contributions(session)
            assert not [one for part in PARTS for one in listed[part] if one.plugin == "orchard"]


def test_what_stands_by_itself_is_found_by_its_key() -> None:
    with registered(orchard.plugin()):
        declared = orchard.INDUSTRY
        assert importer_of("orchard.ledger") is declared.importers[0]
        assert scheme_of("orchard.yearly") is declared.gradings[0]
        assert json_schema(declared.forms[0], "zh-CN")["title"] == "采摘记录"
        assert declared.demo is not None
        demo = declared.demo(DemoWorld(TODAY, ("U1",), ("a@b.example",)))
        assert [row["kind"] for row in demo["client"]] == [declared.kinds[0].key]
        assert declared.description.en
        assert [cadence.kinds for cadence in declared.cadences] == [("orchard",)]
        assert [promise.clock for promise in declared.promises] == ["working_days"]
        assert [template.content for template in declared.templates] == [{"steps": []}]
        assert [schedule.task for schedule in declared.schedules] == ["grading:yearly"]
        assert [item.view for item in declared.navigation] == ["form:harvest"]
        assert [tier.rank for tier in declared.tiers] == [1, 2]
        assert [metric.additive for metric in declared.metrics] == [True]
        assert [trade.key for trade in declared.trades] == ["stone_fruit"]
        assert [one.personal_months for one in declared.freshness] == [6]
        assert [one.on for one in declared.fields] == ["client"]
        assert [one.question for one in declared.advisors] == [orchard.Weather]
