"""Which plugins a tenant has on, and with which settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from steward_tenants.database.session import TenantSession
from steward_tenants.plugins.models import PluginSwitch


async def enabled_plugins(session: TenantSession) -> frozenset[str]:
    """Keys of the plugins that are on here."""
    return frozenset(
        await session.scalars(
            select(PluginSwitch.plugin).where(session.within(PluginSwitch), PluginSwitch.enabled.is_(True))
        )
    )


async def plugin_switches(session: TenantSession) -> Mapping[str, PluginSwitch]:
    """Every switch that was ever set here, by plugin."""
    rows = await session.scalars(select(PluginSwitch).where(session.within(PluginSwitch)).order_by(PluginSwitch.plugin))
    return {row.plugin: row for row in rows}


async def plugin_settings(session: TenantSession, plugin: str) -> dict[str, Any] | None:
    """The stored settings of a plugin that is on; None when it is off."""
    row = await session.find(PluginSwitch, PluginSwitch.plugin == plugin, PluginSwitch.enabled.is_(True))
    return None if row is None else dict(row.settings)
