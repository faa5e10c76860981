"""What is installed, what a tenant has on, what that contributes, and its settings as they may be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from steward_core.forms.description import FormField, fields_of
from steward_core.industry.containment import fault_counts
from steward_core.industry.enabled import Enabled, enabled, standing
from steward_core.industry.errors import PluginNotEnabled
from steward_core.industry.models import PluginInstallation
from steward_core.industry.plugin_settings import UNSET, secret_fields, shown
from steward_core.industry.registry import broken, full_key, industries, industry_of
from steward_tenants.access.permissions import PLUGINS_MANAGE
from steward_tenants.access.rules import require
from steward_tenants.database.session import TenantSession
from steward_tenants.plugins.models import PluginSwitch
from steward_tenants.plugins.queries import plugin_switches
from steward_tenants.texts import Bilingual

PARTS = (
    "kinds",
    "tiers",
    "trades",
    "metrics",
    "forms",
    "triggers",
    "indicators",
    "cadences",
    "freshness",
    "promises",
    "templates",
    "importers",
    "navigation",
    "schedules",
    "fields",
    "advisors",
    "gradings",
)
"""The parts of a declaration that a tenant gets by enabling the plugin."""


@dataclass(frozen=True)
class Contribution:
    """One thing that an enabled plugin brings. `what` is its declaration; `key` its full key."""

    plugin: str
    part: str
    key: str
    title: Bilingual
    what: Any


@dataclass(frozen=True)
class PluginState:
    """A plugin as a tenant sees it. `version` None: no longer installed, or broken (`reasons`). `installed_version` is
    the one that the tenant's data stand at; `behind`: an upgrade waits. `working` False: on, but its settings do not
    hold, or it is gone. `faults`: how many kinds of faults are not settled."""

    key: str
    title: Bilingual
    distribution: str
    version: str | None
    enabled: bool
    working: bool
    installed_version: str | None
    behind: bool
    faults: int
    reasons: tuple[Bilingual, ...] = ()
    changed_at: datetime | None = None
    switch_version: int = 0


@dataclass(frozen=True)
class SettingState:
    """One setting here. `value` is a JSON value, of a secret `set` or `unset`; `own`: the tenant decided it."""

    field: FormField
    value: Any
    default: Any
    own: bool
    secret: bool


async def contributions(session: TenantSession) -> Mapping[str, tuple[Contribution, ...]]:
    """What the enabled plugins bring, by part of the declaration."""
    plugins = await enabled(session)
    return {part: tuple(one for plugin in plugins for one in contributed(plugin, part)) for part in PARTS}


def contributed(plugin: Enabled, part: str) -> list[Contribution]:
    """What one plugin brings to one part."""
    found = []
    for place, what in enumerate(getattr(plugin.industry, part)):
        named = what.about if part == "forms" else what
        key = getattr(named, "key", str(place + 1))
        title = getattr(named, "title", plugin.industry.title)
        found.append(Contribution(plugin.key, part, full_key(plugin.key, key), title, what))
    return found


async def installation_of(session: TenantSession, plugin: str) -> PluginInstallation | None:
    """What the tenant's data stand at; None when it never had the plugin."""
    return await session.find(PluginInstallation, PluginInstallation.plugin == plugin)


async def plugin_overview(session: TenantSession) -> list[PluginState]:
    """Every plugin that is installed, broken, or was ever on here; in order of key."""
    switches = await plugin_switches(session)
    installed = {
        row.plugin: row
        for row in await session.scalars(select(PluginInstallation).where(session.within(PluginInstallation)))
    }
    working = {one.key for one in (await standing(session)).working}
    faults = await fault_counts(session)
    keys = sorted({*industries(), *switches, *installed})
    states = [_state(key, switches.get(key), installed.get(key), key in working, faults.get(key, 0)) for key in keys]
    return states + [
        PluginState(
            one.name, Bilingual(one.name, one.name), one.distribution, None, False, False, None, False, 0, one.reasons
        )
        for one in broken()
        if one.name not in keys
    ]


def _state(
    key: str, switch: PluginSwitch | None, installation: PluginInstallation | None, working: bool, faults: int
) -> PluginState:
    loaded = industries().get(key)
    reasons = tuple(reason for one in broken() if one.name == key for reason in one.reasons)
    stands_at = installation.plugin_version if installation else None
    return PluginState(
        key=key,
        title=loaded.industry.title if loaded else Bilingual(key, key),
        distribution=loaded.distribution if loaded else "",
        version=loaded.industry.version if loaded else None,
        enabled=switch is not None and switch.enabled,
        working=working,
        installed_version=stands_at,
        behind=loaded is not None and installation is not None and _behind(loaded.industry, installation),
        faults=faults,
        reasons=reasons,
        changed_at=switch.changed_at if switch else None,
        switch_version=switch.version if switch else 0,
    )


def _behind(industry: Any, installation: PluginInstallation) -> bool:
    return bool(installation.plugin_version != industry.version or installation.forms != form_versions(industry))


def form_versions(industry: Any) -> dict[str, int]:
    """The version of each form by key."""
    return {form.about.key: form.about.version for form in industry.forms}


async def settings_of(session: TenantSession, plugin: str) -> list[SettingState]:
    """The settings of a plugin here, in the order of its model. Raises Forbidden, PluginNotInstalled,
    PluginNotEnabled."""
    require(session.actor, PLUGINS_MANAGE)
    model = industry_of(plugin).industry.settings
    here = next((one for one in await enabled(session) if one.key == plugin), None)
    if here is None:
        raise PluginNotEnabled(plugin=plugin)
    secret, values, defaults = secret_fields(model), shown(here.settings), shown(model())
    return [
        SettingState(
            field,
            values[field.name],
            defaults[field.name] if field.name not in secret else UNSET,
            field.name in here.settings.model_fields_set,
            field.name in secret,
        )
        for field in fields_of(model)
        if field.name in values
    ]
