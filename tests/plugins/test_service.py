"""Plugin switches of a tenant."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from steward_tenants.access.permissions import PEOPLE_VIEW, PLUGINS_MANAGE
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.plugins.errors import PluginSwitchChanged
from steward_tenants.plugins.queries import enabled_plugins, plugin_settings, plugin_switches
from steward_tenants.plugins.service import set_plugin
from tests.factories import actor_with, make_tenant

ADMIN = actor_with(PLUGINS_MANAGE)


async def test_a_plugin_is_on_where_it_was_switched_on_and_nowhere_else(database: Database) -> None:
    here, elsewhere = await make_tenant(database), await make_tenant(database)
    async with database.write(here, ADMIN) as session:
        await set_plugin(
            session,
            "tobacco",
            enabled=True,
            settings={"区域": ["城区"], "token": "k.abc"},
            secret=["token"],
            expected_version=0,
        )
    async with database.read(here, ADMIN) as session:
        assert await enabled_plugins(session) == {"tobacco"}
        assert await plugin_settings(session, "tobacco") == {"区域": ["城区"], "token": "k.abc"}
        assert await plugin_settings(session, "telecom") is None
        changes = await session.scalar(select(AuditEvent.changes).where(session.within(AuditEvent)))
    assert changes["settings.token"] == [None, "•••"]
    assert changes["enabled"] == [False, True]
    async with database.read(elsewhere, ADMIN) as session:
        assert await enabled_plugins(session) == frozenset()


async def test_switching_off_keeps_the_settings_and_an_old_version_is_refused(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, ADMIN) as session:
        await set_plugin(session, "telecom", enabled=True, settings={"a": 1})
    async with database.write(tenant_id, ADMIN) as session:
        await set_plugin(session, "telecom", enabled=False, expected_version=1)
    async with database.write(tenant_id, ADMIN) as session:
        switch = (await plugin_switches(session))["telecom"]
        assert (switch.enabled, switch.settings) == (False, {"a": 1})
        with pytest.raises(PluginSwitchChanged):
            await set_plugin(session, "telecom", enabled=True, expected_version=1)


async def test_switching_needs_the_permission_and_a_key(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, actor_with(PEOPLE_VIEW)) as session:
        with pytest.raises(Forbidden):
            await set_plugin(session, "telecom", enabled=True)
    async with database.write(tenant_id, ADMIN) as session:
        with pytest.raises(InvalidInput):
            await set_plugin(session, "Not A Key", enabled=True)
