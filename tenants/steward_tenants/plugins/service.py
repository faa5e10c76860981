"""Switching plugins on and off in a tenant. What a plugin's settings may be, its own model decides above."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from steward_tenants.access.permissions import PLUGINS_MANAGE
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import invalid
from steward_tenants.plugins.errors import PluginSwitchChanged
from steward_tenants.plugins.models import PluginSwitch

_KEY = re.compile(r"[a-z][a-z0-9_]{1,40}")


@command("plugins.switch.set", "启用或停用插件", "Switch a plugin", permission=PLUGINS_MANAGE, alone=False)
async def set_plugin(
    session: WriteSession,
    plugin: str,
    *,
    enabled: bool,
    settings: dict[str, Any] | None = None,
    secret: Collection[str] = (),
    expected_version: int | None = None,
) -> PluginSwitch:
    """Turn a plugin on or off and keep its settings (None: as they are); its data stay either way.

    `settings` have been validated, and secrets encrypted, by the caller; `secret` names those that the audit log
    masks. `expected_version` is the version that was read (0: never set). Raises InvalidInput, PluginSwitchChanged.
    """
    if not _KEY.fullmatch(plugin):
        raise invalid(
            "plugin",
            "format",
            "插件标识由小写字母、数字和下划线组成。",
            "A plugin's key is lower-case letters, digits and underscores.",
        )
    row = await session.find(PluginSwitch, PluginSwitch.plugin == plugin, lock=True)
    if expected_version is not None and expected_version != (row.version if row else 0):
        raise PluginSwitchChanged
    before = {"enabled": False} if row is None else {"enabled": row.enabled, **_named(row.settings)}
    if row is None:
        row = PluginSwitch(plugin=plugin, enabled=enabled, settings=settings or {})
        session.add(row)
    else:
        row.enabled, row.changed_at = enabled, datetime.now(UTC)
        if settings is not None:
            row.settings = settings
    await record(
        session,
        "plugins.switch.set",
        Subject("plugin"),
        before={"plugin": None, **before},
        after={"plugin": plugin, "enabled": enabled, **_named(row.settings)},
        secret={f"settings.{name}" for name in secret},
    )
    return row


def _named(settings: dict[str, Any]) -> dict[str, Any]:
    return {f"settings.{name}": value for name, value in settings.items()}
