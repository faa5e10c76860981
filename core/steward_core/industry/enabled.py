"""The plugins that a tenant has enabled, with its settings. Read once in a session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from pydantic import ValidationError

from steward_core.forms.form import Form
from steward_core.industry.containment import Fault, fault_of, note
from steward_core.industry.declarations import Industry
from steward_core.industry.errors import FormNotFound, PluginNotEnabled
from steward_core.industry.plugin_settings import opened
from steward_core.industry.registry import Loaded, industries
from steward_tenants.database.session import TenantSession
from steward_tenants.database.vault import Unreadable
from steward_tenants.plugins.models import PluginSwitch
from steward_tenants.plugins.queries import plugin_switches

LOAD, SETTINGS = "load", "settings"
"""What stands in the place of a hook when an enabled plugin is gone, or its stored settings do not hold."""


@dataclass(frozen=True)
class Enabled:
    """A plugin that is on here: what it declares and the tenant's validated settings (secrets open)."""

    loaded: Loaded
    settings: Any

    @property
    def industry(self) -> Industry:
        """What the plugin declares."""
        return self.loaded.industry

    @property
    def key(self) -> str:
        """The plugin's key."""
        return self.loaded.industry.key


@dataclass(frozen=True)
class Standing:
    """What is on in a tenant: the plugins that work, and why others that are on do not."""

    working: tuple[Enabled, ...]
    faults: tuple[Fault, ...]


_standing: WeakKeyDictionary[TenantSession, tuple[Mapping[str, Loaded], Standing]] = WeakKeyDictionary()


async def enabled(session: TenantSession) -> tuple[Enabled, ...]:
    """The plugins that are on and work here, in order of key.

    One that is no longer installed, or whose stored settings no longer hold, is kept as a fault and left out.
    """
    return (await standing(session)).working


async def standing(session: TenantSession) -> Standing:
    """The plugins that are on here, working or not. Read once in a session; see `forget_enabled`."""
    known = _standing.get(session)
    if known is not None and known[0] is industries():
        return known[1]
    working: list[Enabled] = []
    found: list[Fault] = []
    for key, switch in (await plugin_switches(session)).items():
        if not switch.enabled:
            continue
        one = _open(session, key, switch)
        if isinstance(one, Enabled):
            working.append(one)
        else:
            found.append(await note(session, one))
    answer = Standing(tuple(working), tuple(found))
    _standing[session] = (industries(), answer)
    return answer


def forget_enabled(session: TenantSession) -> None:
    """Read the switches again the next time: they were changed in this session."""
    _standing.pop(session, None)


def _open(session: TenantSession, key: str, switch: PluginSwitch) -> Enabled | Fault:
    loaded = industries().get(key)
    if loaded is None:
        return Fault(key, LOAD, "PluginNotInstalled", "")
    try:
        return Enabled(loaded, opened(session, key, loaded.industry.settings, switch.settings))
    except ValidationError as error:
        names = sorted({str(one["loc"][0]) for one in error.errors(include_input=False) if one["loc"]})
        return Fault(key, SETTINGS, "ValidationError", ", ".join(names))
    except Unreadable as error:
        return fault_of(key, SETTINGS, error)


async def enabled_plugin(session: TenantSession, plugin: str) -> Enabled:
    """The plugin of this key, on and working. Raises PluginNotEnabled."""
    for one in await enabled(session):
        if one.key == plugin:
            return one
    raise PluginNotEnabled(plugin=plugin)


async def enabled_form(session: TenantSession, key: str) -> tuple[Enabled, type[Form]]:
    """The form of this full key and its plugin, which is on here. Raises FormNotFound."""
    plugin, _, name = key.partition(".")
    for one in await enabled(session):
        if one.key == plugin:
            for form in one.industry.forms:
                if form.about.key == name:
                    return one, form
    raise FormNotFound(form=key)
