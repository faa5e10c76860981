"""A plugin's life in a tenant: enable → configure → upgrade → disable; its secrets and its faults."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from steward_core.forms.upgrade import UPGRADE, request_upgrade
from steward_core.industry.containment import fault_of_id
from steward_core.industry.contributed_rows import RowChanges, retire_rows, write_rows
from steward_core.industry.declarations import Industry
from steward_core.industry.enabled import forget_enabled
from steward_core.industry.errors import (
    FaultNotFound,
    PluginEnabledAlready,
    PluginNotEnabled,
    PluginRequirementsMissing,
    PluginsConflict,
    PluginSecretUnreadable,
    PluginStillRequired,
)
from steward_core.industry.models import PluginFault, PluginInstallation
from steward_core.industry.overview import form_versions, installation_of
from steward_core.industry.planning import conflicting_with, missing_for, outdated_records
from steward_core.industry.plugin_settings import place_of, sealed, secret_fields
from steward_core.industry.registry import Loaded, full_key, industries, industry_of
from steward_core.industry.settings_input import accepted
from steward_core.runs.models import Run, RunStatus
from steward_core.runs.service import resume_run
from steward_core.schedules.provided import bring_plugin_schedules, retire_plugin_schedules
from steward_tenants.access.permissions import PLUGINS_MANAGE
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.database.vault import Unreadable
from steward_tenants.errors import invalid
from steward_tenants.plugins.models import PluginSwitch
from steward_tenants.plugins.queries import enabled_plugins
from steward_tenants.plugins.service import set_plugin

SUBJECT = Subject("plugin")
MOST_STORED = 256_000
"""Characters of a plugin's settings as they are stored."""


@dataclass(frozen=True)
class Enabling:
    """What enabling, upgrading or disabling did: the switch, the rows of kinds, tiers and metrics, and the runs that
    wait for somebody to drive them."""

    switch: PluginSwitch
    rows: Mapping[str, RowChanges]
    runs: tuple[Run, ...] = ()


@command("plugins.enable", "启用行业插件", "Enable a plugin", permission=PLUGINS_MANAGE)
async def enable(session: WriteSession, key: str, *, settings: Mapping[str, Any] | None = None) -> Enabling:
    """Switch a plugin on, with `settings` over those that it had here before, and bring its kinds, tiers and metrics.

    Keys of kinds, tiers and metrics that the tenant or another plugin has stay theirs (`rows[…].kept`). Raises
    PluginNotInstalled, PluginEnabledAlready, PluginRequirementsMissing, PluginsConflict, InvalidInput, PluginFailed.
    """
    loaded = industry_of(key)
    await _turn(session)
    on = await enabled_plugins(session)
    _may_be_on(loaded.industry, on)
    switch = await session.find(PluginSwitch, PluginSwitch.plugin == key, lock=True)
    stored = None if switch is None else switch.settings
    wanted = await accepted(session, loaded, stored, settings or {})
    sealed_now = _kept_secrets(loaded, stored or {}, sealed(session, key, wanted), settings or {})
    switch = await _store(session, loaded, sealed_now, enabled=True)
    rows = await write_rows(session, loaded.industry)
    await bring_plugin_schedules(session, loaded.industry)
    runs = await _request_upgrades(session, loaded.industry)
    before = await _install(session, loaded.industry)
    await _record(session, "plugins.enable", loaded.industry, before, rows)
    forget_enabled(session)
    return Enabling(switch, rows, runs)


def _may_be_on(industry: Industry, on: frozenset[str]) -> None:
    if industry.key in on:
        raise PluginEnabledAlready(plugin=industry.key)
    if missing := missing_for(industry, on):
        raise PluginRequirementsMissing(plugin=industry.key, missing=", ".join(missing))
    if others := conflicting_with(industry, on):
        raise PluginsConflict(plugin=industry.key, others=", ".join(others))


@command("plugins.configure", "配置行业插件", "Configure a plugin", permission=PLUGINS_MANAGE)
async def configure(
    session: WriteSession,
    key: str,
    values: Mapping[str, Any],
    expected_version: int | None = None,
    *,
    reset: Collection[str] = (),
) -> PluginSwitch:
    """Change some settings of a plugin that is on; `reset` names those that go back to their defaults.

    `expected_version` is that of the switch as it was read. Raises PluginNotInstalled, PluginNotEnabled, InvalidInput
    with paths `settings.<field>`, PluginSwitchChanged, PluginFailed.
    """
    loaded = industry_of(key)
    await _turn(session)
    switch = await _switched_on(session, key)
    before = sorted(switch.settings)
    wanted = await accepted(session, loaded, switch.settings, values, reset)
    stored = _kept_secrets(loaded, switch.settings, sealed(session, key, wanted), values)
    switch = await _store(session, loaded, stored, enabled=True, expected_version=expected_version)
    await record(
        session,
        "plugins.configure",
        SUBJECT,
        before={"plugin": None, "settings": before},
        after={"plugin": key, "settings": sorted(stored), "given": sorted(values), "reset": sorted(reset)},
    )
    forget_enabled(session)
    return switch


def _kept_secrets(
    loaded: Loaded, before: Mapping[str, Any], stored: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Secrets that were not given stay as they were encrypted, so that the audit log tells which ones changed."""
    staying = secret_fields(loaded.industry.settings) & set(before) & set(stored) - set(given)
    return {**stored, **{name: before[name] for name in staying}}


@command("plugins.upgrade", "升级行业插件", "Upgrade a plugin", permission=PLUGINS_MANAGE)
async def upgrade(session: WriteSession, key: str) -> Enabling:
    """Bring what this tenant has of a plugin up to the installed version: rows, settings that are gone, and a run for
    each form whose records an older version wrote (`plan` tells beforehand).

    A run that failed before is resumed. Asking again when all is done changes nothing. Raises PluginNotInstalled,
    PluginNotEnabled, PluginRequirementsMissing, PluginsConflict, InvalidInput when stored settings no longer hold.
    """
    loaded = industry_of(key)
    await _turn(session)
    switch = await _switched_on(session, key)
    on = await enabled_plugins(session)
    _may_be_on(loaded.industry, on - {key})
    wanted = await accepted(session, loaded, switch.settings, {})
    stored = _kept_secrets(loaded, switch.settings, sealed(session, key, wanted), {})
    if stored != switch.settings:
        switch = await _store(session, loaded, stored, enabled=True)
    rows = await write_rows(session, loaded.industry)
    await bring_plugin_schedules(session, loaded.industry)
    runs = await _request_upgrades(session, loaded.industry)
    before = await _install(session, loaded.industry)
    await _record(session, "plugins.upgrade", loaded.industry, before, rows)
    forget_enabled(session)
    return Enabling(switch, rows, runs)


async def _request_upgrades(session: WriteSession, industry: Industry) -> tuple[Run, ...]:
    """A run for each form with records of older versions; one that was asked for before is taken up again."""
    runs = []
    for form in industry.forms:
        name = full_key(industry.key, form.about.key)
        if await outdated_records(session, name, form.about.version):
            run = await _open_run(session, name) or await request_upgrade(session, name)
            runs.extend([run] if run else [])
    return tuple(runs)


async def _open_run(session: WriteSession, form: str) -> Run | None:
    """The form's upgrade that is not over yet, set going again if it failed."""
    run: Run | None = await session.scalar(
        select(Run)
        .where(
            session.within(Run),
            Run.kind == UPGRADE.key,
            Run.subject == form,
            Run.status.in_([RunStatus.WAITING, RunStatus.RUNNING, RunStatus.FAILED]),
        )
        .order_by(Run.requested_at.desc())
        .limit(1)
    )
    if run is not None and run.status == RunStatus.FAILED:
        return await resume_run(session, run.id)
    return run


@command("plugins.disable", "停用行业插件", "Disable a plugin", permission=PLUGINS_MANAGE)
async def disable(session: WriteSession, key: str, reason: str) -> Enabling:
    """Switch a plugin off. Its records stay readable and its settings are kept; its triggers, indicators, menu entries,
    advisors, fields and checks are gone; its kinds, tiers and metrics are retired unless a client has them.

    Works for a plugin that is no longer installed too. Raises PluginNotEnabled, PluginStillRequired, InvalidInput.
    """
    if not reason.strip():
        raise invalid("reason", "required", "须填写停用原因。", "Say why it is disabled.")
    await _turn(session)
    await _switched_on(session, key)
    others = [
        other
        for other in sorted(await enabled_plugins(session))
        if other in industries() and key in industries()[other].industry.requires
    ]
    if others:
        raise PluginStillRequired(plugin=key, others=", ".join(others))
    switch = await set_plugin(session, key, enabled=False)
    rows = await retire_rows(session, key)
    await retire_plugin_schedules(session, key)
    await record(
        session,
        "plugins.disable",
        SUBJECT,
        before={"plugin": key, "enabled": True},
        after={"plugin": key, "enabled": False, **_written(rows)},
        reason=reason,
    )
    forget_enabled(session)
    return Enabling(switch, rows)


@command("plugins.secrets.rotate", "轮换插件密钥的加密", "Encrypt plugins' secrets anew", permission=PLUGINS_MANAGE)
async def rotate_secrets(session: WriteSession) -> dict[str, int]:
    """Encrypt the plugins' stored secrets that are under an older key under the first one; how many, by plugin.

    Secrets of plugins that are off count too; of plugins that are no longer installed nothing is known. Raises
    PluginSecretUnreadable when a key that is still needed was taken away.
    """
    done: dict[str, int] = {}
    statement = select(PluginSwitch).where(session.within(PluginSwitch)).order_by(PluginSwitch.plugin)
    for switch in await session.scalars(statement.with_for_update()):
        loaded = industries().get(switch.plugin)
        renewed = {} if loaded is None else _renewed(session, loaded, switch.settings)
        if renewed:
            switch.settings = {**switch.settings, **renewed}
            done[switch.plugin] = len(renewed)
    await record(session, "plugins.secrets.rotate", SUBJECT, after={"renewed": done})
    forget_enabled(session)
    return done


def _renewed(session: TenantSession, loaded: Loaded, stored: Mapping[str, Any]) -> dict[str, str]:
    vault, plugin = session.vault, loaded.industry.key
    renewed = {}
    for name in secret_fields(loaded.industry.settings) & set(stored):
        value = stored[name]
        if value is not None and vault.outdated(value):
            place = place_of(session, plugin, name)
            try:
                renewed[name] = vault.encrypt(vault.decrypt(value, place), place)
            except Unreadable:
                raise PluginSecretUnreadable(plugin=plugin) from None
    return renewed


@command("plugins.fault.settle", "标记插件故障已处理", "Settle a plugin's fault", permission=PLUGINS_MANAGE)
async def settle_fault(session: WriteSession, fault_id: UUID) -> PluginFault:
    """Take a fault off the list; it comes back when it happens again. Raises FaultNotFound."""
    fault = await fault_of_id(session, fault_id)
    if fault is None:
        raise FaultNotFound
    fault.settled_at = datetime.now(UTC)
    await record(
        session,
        "plugins.fault.settle",
        Subject("plugin_fault", fault_id),
        after={"plugin": fault.plugin, "hook": fault.hook, "settled": True},
    )
    return fault


async def _turn(session: WriteSession) -> None:
    """Two people must not enable two plugins that exclude each other at the same time."""
    await take_turn(session, "plugins")


async def _switched_on(session: WriteSession, key: str) -> PluginSwitch:
    switch = await session.find(PluginSwitch, PluginSwitch.plugin == key, lock=True)
    if switch is None or not switch.enabled:
        raise PluginNotEnabled(plugin=key)
    return switch


async def _store(
    session: WriteSession,
    loaded: Loaded,
    stored: dict[str, Any],
    *,
    enabled: bool,
    expected_version: int | None = None,
) -> PluginSwitch:
    if len(json.dumps(stored)) > MOST_STORED:
        raise invalid("settings", "too_long", "设置内容过大。", "The settings are too large.")
    switch = await set_plugin(
        session,
        loaded.industry.key,
        enabled=enabled,
        settings=stored,
        secret=secret_fields(loaded.industry.settings),
        expected_version=expected_version,
    )
    await session.flush()
    return switch


async def _install(session: WriteSession, industry: Industry) -> str | None:
    """Note the version that the tenant's data stand at; answers the one before."""
    installation = await installation_of(session, industry.key)
    if installation is None:
        session.add(
            PluginInstallation(plugin=industry.key, plugin_version=industry.version, forms=form_versions(industry))
        )
        return None
    before = installation.plugin_version
    if before != industry.version or installation.forms != form_versions(industry):
        installation.plugin_version, installation.forms = industry.version, form_versions(industry)
        installation.upgraded_at = datetime.now(UTC)
    return before


async def _record(
    session: WriteSession, action: str, industry: Industry, before: str | None, rows: Mapping[str, RowChanges]
) -> None:
    await record(
        session,
        action,
        SUBJECT,
        before={"plugin": None, "version": before},
        after={"plugin": industry.key, "version": industry.version, "forms": form_versions(industry), **_written(rows)},
    )


def _written(rows: Mapping[str, RowChanges]) -> dict[str, Any]:
    """What happened to the rows, for the audit log."""
    return {
        f"{part}.{what}": list(keys)
        for part, changes in rows.items()
        for what in ("added", "changed", "retired", "kept", "in_use")
        if (keys := getattr(changes, what))
    }
