"""A tenant's configuration goes from one tenant to another as one file, whole or not at all."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import date
from types import SimpleNamespace
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import Field, SecretStr

from steward_core.clients.policies import kinds, save_kind, save_tier, tiers
from steward_core.configuration_file.document import as_document, read_document
from steward_core.configuration_file.errors import ConfigurationRefused, ConfigurationUnreadable
from steward_core.configuration_file.service import (
    apply_configuration,
    as_bytes,
    configuration_changes,
    export_configuration,
)
from steward_core.custom_fields.service import create_field, fields_of
from steward_core.forms.fields import field
from steward_core.industry.declarations import Industry, Kind, PluginSettings
from steward_core.industry.enabled import enabled
from steward_core.industry.hookspecs import hookimpl
from steward_core.industry.registry import registered
from steward_core.industry.service import enable
from steward_core.permissions import CUSTOM_FIELDS_MANAGE, POLICIES_MANAGE, RECORDS_IMPORT
from steward_tenants.access.permissions import (
    CLIENTS_CONNECT,
    PLUGINS_MANAGE,
    ROLES_MANAGE,
    ROLES_VIEW,
    SETTINGS_MANAGE,
    UNITS_MANAGE,
    UNITS_VIEW,
)
from steward_tenants.access.role_queries import list_roles
from steward_tenants.access.service import create_role
from steward_tenants.audit.models import AuditEvent
from steward_tenants.configuration.queries import all_settings
from steward_tenants.configuration.service import set_setting
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.organisation.queries import tree
from steward_tenants.organisation.service import create_unit
from steward_tenants.texts import Bilingual
from tests.factories import actor_with, make_tenant

TODAY = date(2026, 11, 2)
ADMIN = actor_with(
    UNITS_VIEW,
    UNITS_MANAGE,
    SETTINGS_MANAGE,
    PLUGINS_MANAGE,
    POLICIES_MANAGE,
    CUSTOM_FIELDS_MANAGE,
    RECORDS_IMPORT,
)
SECURITY = actor_with(ROLES_VIEW, ROLES_MANAGE)


class TeaSettings(PluginSettings):
    """Settings of an invented industry."""

    warn_days: Annotated[int, Field(ge=1, le=365), field("提前天数", "Days ahead")] = 30
    token: Annotated[SecretStr | None, field("令牌", "Token")] = None


class _Tea:
    @staticmethod
    @hookimpl
    def industry() -> Industry:
        return Industry(
            "tea",
            Bilingual("茶叶", "Tea"),
            "1.0",
            Bilingual("测试行业", "An industry for tests"),
            settings=TeaSettings,
            kinds=(Kind("tea_house", Bilingual("茶馆", "Tea house")),),
        )


@pytest.fixture(autouse=True)
def tea() -> Iterator[None]:
    with registered(SimpleNamespace(industry=_Tea.industry, __name__="tests.tea")):
        yield


async def _configured(database: Database) -> tuple[UUID, dict[str, Any]]:
    """A tenant with something in every section, and its file."""
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        root = await create_unit(session, code="HQ", name="总部", today=TODAY)
        await create_unit(session, code="EAST", name="城东支局", kind="branch", parent_id=root.id, today=TODAY)
        await save_tier(session, "gold", title_zh="金牌", title_en="Gold", rank=1)
        await save_kind(session, "shop", title_zh="门店", title_en="Shop")
        await set_setting(session, "clients.dormant_after_days", 90)
        await create_field(
            session,
            "client",
            "floor_area",
            "integer",
            {"title_zh": "营业面积", "title_en": "Floor area", "rules": {"least": 0}, "filterable": True},
        )
        await enable(session, "tea", settings={"warn_days": 45, "token": "t0ken"})
    async with database.write(tenant, SECURITY) as session:
        await create_role(session, key="coach", title_zh="教练", title_en="Coach", permissions=["units.view"])
    async with database.read(tenant, ADMIN) as session:
        document = await export_configuration(session, tenant="source", today=TODAY)
    async with database.read(tenant, SECURITY) as session:
        document |= {
            name: part
            for name, part in (
                await export_configuration(session, tenant="source", today=TODAY, sections=["roles"])
            ).items()
            if name == "roles"
        }
    return tenant, json.loads(as_bytes(document))


async def test_a_file_makes_another_tenant_the_same(database: Database) -> None:
    source, document = await _configured(database)
    target = await make_tenant(database)
    async with database.read(target, ADMIN) as session:
        assert "roles" not in await export_configuration(session, tenant="target", today=TODAY)
        planned = await configuration_changes(
            session, document, today=TODAY, sections=["units", "plugins", "tiers", "kinds", "settings", "custom_fields"]
        )
    assert {(change.section, change.kind.value, change.key) for change in planned} == {
        ("units", "added", "HQ"),
        ("units", "added", "EAST"),
        ("plugins", "added", "tea"),
        ("tiers", "added", "gold"),
        ("kinds", "added", "shop"),
        ("settings", "added", "clients.dormant_after_days"),
        ("custom_fields", "added", "client/floor_area"),
    }
    business = {name: part for name, part in document.items() if name != "roles"}
    async with database.write(target, ADMIN) as session:
        done = await apply_configuration(session, business, today=TODAY)
    assert {(change.section, change.key) for change in done} == {(change.section, change.key) for change in planned}
    async with database.write(target, SECURITY) as session:
        await apply_configuration(session, document, today=TODAY, sections=["roles"])
    async with database.read(target, ADMIN) as session:
        assert [(unit.code, unit.depth) for unit in await tree(session, TODAY, today=TODAY)] == [("HQ", 0), ("EAST", 1)]
        assert [tier.key for tier in await tiers(session)] == ["gold"]
        assert {kind.key: kind.plugin for kind in await kinds(session)} == {"shop": "", "tea_house": "tea"}
        assert (await all_settings(session))["clients.dormant_after_days"].value == 90
        assert [field.filterable for field in await fields_of(session, "client")] == [True]
        (plugin,) = await enabled(session)
        assert (plugin.settings.warn_days, plugin.settings.token) == (45, None), "secrets never travel"
        again = await export_configuration(session, tenant="source", today=TODAY)
        assert json.loads(as_bytes(again)) == business
        unchanged = await configuration_changes(session, business, today=TODAY)
        assert unchanged == ()
    async with database.read(target, SECURITY) as session:
        assert [role.key for role in await list_roles(session, TODAY)] == ["coach"]
    async with database.read(source, ADMIN) as session:
        assert await configuration_changes(session, business, today=TODAY) == ()


async def test_applying_twice_changes_nothing_and_only_what_differs_is_written(database: Database) -> None:
    tenant, document = await _configured(database)
    changed = copy.deepcopy({name: part for name, part in document.items() if name != "roles"})
    changed["units"][1]["name"] = "城东营业部"
    changed["units"].append({"code": "NORTH", "name": "城北支局", "kind": "branch", "parent": "EAST"})
    changed["settings"]["clients.dormant_after_days"] = 120
    changed["custom_fields"][0]["retired"] = True
    changed["plugins"][0]["settings"] = {}
    del changed["tiers"][0]
    async with database.write(tenant, ADMIN) as session:
        done = await apply_configuration(session, changed, today=TODAY)
        assert await apply_configuration(session, changed, today=TODAY) == ()
    assert {(c.section, c.kind.value, c.key, *sorted(c.fields)) for c in done} == {
        ("units", "changed", "EAST", "name"),
        ("units", "added", "NORTH", "code", "kind", "name", "parent"),
        ("settings", "changed", "clients.dormant_after_days", "value"),
        ("custom_fields", "changed", "client/floor_area", "retired"),
        ("plugins", "changed", "tea", "settings"),
    }
    async with database.read(tenant, ADMIN) as session:
        (plugin,) = await enabled(session)
        assert (plugin.settings.warn_days, plugin.settings.token.get_secret_value()) == (30, "t0ken")
        assert [tier.key for tier in await tiers(session)] == ["gold"], "what a file leaves out stays"
        only = [
            c.key for c in await configuration_changes(session, changed, today=TODAY) if c.kind.value == "only_here"
        ]
        assert only == ["gold"]
        events = await session.scalars(AuditEvent.__table__.select().where(session.within(AuditEvent)))
        assert events


async def test_one_bad_part_and_nothing_of_the_file_is_applied(database: Database) -> None:
    tenant, document = await _configured(database)
    bad = {name: part for name, part in copy.deepcopy(document).items() if name != "roles"}
    bad["units"].append({"code": "GOOD", "name": "好的", "kind": "branch", "parent": "HQ"})
    bad["units"].append({"code": "LOST", "name": "无上级", "kind": "branch", "parent": "NOWHERE"})
    bad["tiers"][0]["rank"] = 5000
    bad["settings"]["clients.dormant_after_days"] = -4
    bad["settings"]["no.such.setting"] = 1
    bad["plugins"][0]["settings"]["warn_days"] = 9999
    bad["plugins"].append({"key": "no_such_plugin", "settings": {}})
    bad["custom_fields"].append({**bad["custom_fields"][0], "key": "BAD KEY"})
    with pytest.raises(ConfigurationRefused) as refused:
        async with database.write(tenant, ADMIN) as session:
            await apply_configuration(session, bad, today=TODAY)
    places = {problem.path[:2] for problem in refused.value.problems}
    assert places == {
        ("units", "3"),
        ("tiers", "0"),
        ("settings", "clients.dormant_after_days"),
        ("settings", "no.such.setting"),
        ("plugins", "0"),
        ("plugins", "1"),
        ("custom_fields", "1"),
    }
    assert all(problem.message.zh and problem.message.en for problem in refused.value.problems)
    async with database.read(tenant, ADMIN) as session:
        assert "GOOD" not in [unit.code for unit in await tree(session, TODAY, today=TODAY)]


async def test_each_section_needs_its_own_permission(database: Database) -> None:
    tenant, document = await _configured(database)
    changed = copy.deepcopy(document)
    changed["roles"][0]["permissions"] = []
    async with database.write(tenant, ADMIN) as session:
        with pytest.raises(Forbidden):
            await apply_configuration(session, changed, today=TODAY)
    async with database.write(tenant, SECURITY) as session:
        with pytest.raises(Forbidden):
            await apply_configuration(session, changed, today=TODAY)
        await apply_configuration(session, changed, today=TODAY, sections=["roles"])
    stranger = actor_with(CLIENTS_CONNECT)
    async with database.read(tenant, stranger) as session:
        exported = await export_configuration(session, tenant="x", today=TODAY)
        assert set(exported) == {"format", "version", "tenant"}
        with pytest.raises(Forbidden):
            await export_configuration(session, tenant="x", today=TODAY, sections=["units"])
        with pytest.raises(InvalidInput):
            await export_configuration(session, tenant="x", today=TODAY, sections=["nonsense"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{",
        b'{"format": "other", "version": 1}',
        b'{"format": "steward.configuration", "version": 2}',
        b"[" * 100_000,
        b" " * (5 * 1024 * 1024 + 1),
    ],
)
def test_what_is_no_configuration_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(ConfigurationUnreadable) as refused:
        read_document(content)
    (problem,) = refused.value.problems
    assert problem.message.zh
    assert problem.message.en


def test_bad_shapes_are_named_by_their_place() -> None:
    head = {"format": "steward.configuration", "version": 1}
    document = {
        **head,
        "units": [{"code": "A", "name": "甲"}, {"code": "A", "name": "乙"}],
    }
    with pytest.raises(ConfigurationRefused) as twice:
        read_document(json.dumps(document).encode())
    assert twice.value.problems[0].path == ("units", "1")
    document = {**head, "units": [{"code": 7, "color": "red"}], "tiers": [{"key": "a"}], "weather": []}
    with pytest.raises(ConfigurationRefused) as refused:
        read_document(json.dumps(document).encode())
    assert {problem.path[:3] for problem in refused.value.problems} >= {
        ("units", "0", "code"),
        ("units", "0", "color"),
        ("tiers", "0", "rank"),
        ("weather",),
    }


async def test_secrets_of_a_plugin_that_is_gone_stay_out_of_the_file(database: Database) -> None:
    """What is stored of it is not known any more: a ciphertext could stand anywhere among the settings."""
    with registered(SimpleNamespace(industry=_of_another("coffee").industry, __name__="tests.coffee")):
        tenant = await make_tenant(database)
        async with database.write(tenant, ADMIN) as session:
            await enable(session, "coffee", settings={"warn_days": 45, "token": "t0ken"})
    async with database.read(tenant, ADMIN) as session:
        document = await export_configuration(session, tenant="a", today=TODAY)
        assert document["plugins"] == [{"key": "coffee", "settings": {}}]
        assert await configuration_changes(session, document, today=TODAY) == ()


def _of_another(key: str) -> Any:
    class Another:
        @staticmethod
        @hookimpl
        def industry() -> Industry:
            return Industry(
                key, Bilingual("咖啡", "Coffee"), "1.0", Bilingual("测试行业", "For tests"), settings=TeaSettings
            )

    return Another


@pytest.mark.parametrize("section", ["plugins", "settings", "custom_fields", "import_mappings"])
def test_values_that_are_nested_too_deeply_are_refused(section: str) -> None:
    deep: Any = {}
    for _ in range(400):
        deep = {"a": deep}
    items: dict[str, Any] = {
        "plugins": [{"key": "tea", "settings": deep}],
        "settings": {"clients.freshness": deep},
        "custom_fields": [
            {"target": "client", "key": "a", "type": "text", "title_zh": "甲", "title_en": "A", "rules": deep}
        ],
        "import_mappings": [{"target": "client", "name": "a", "columns": deep}],
    }
    document = {"format": "steward.configuration", "version": 1, section: items[section]}
    with pytest.raises(ConfigurationUnreadable):
        as_document(document)
