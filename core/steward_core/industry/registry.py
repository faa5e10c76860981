"""The installed industry plugins: loaded once from entry points, each on its own.

A distribution that cannot be imported, or whose declaration has mistakes, is left out with its reasons; the others
work. Each plugin has a plugin manager of its own, so that none can wrap another's hooks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any, TypeVar

import pluggy

from steward_core.forms.form import Form
from steward_core.industry import hookspecs
from steward_core.industry.declarations import Advisor, GradingScheme, Importer, Indicator, Industry, Trigger
from steward_core.industry.errors import (
    AdvisorNotFound,
    FormNotFound,
    ImporterNotFound,
    IndicatorNotFound,
    PluginNotInstalled,
    SchemeNotFound,
    TriggerNotFound,
)
from steward_core.industry.validation import mistakes_in, mistakes_together
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import NotFound
from steward_tenants.texts import Bilingual

log = logging.getLogger(__name__)

T = TypeVar("T")
CORE_TRIGGERS = {"clients": "steward_core.clients.triggers"}
"""The core's own triggers: prefix of their full keys → module whose `TRIGGERS` declares them."""
CORE_INDICATORS = {"core": "steward_core.performance.indicators"}
"""The core's own indicators: prefix of their full keys → module whose `INDICATORS` declares them."""


@dataclass(frozen=True)
class Loaded:
    """A plugin that may be enabled: what it declares, the module or object behind it, and its hooks."""

    industry: Industry
    plugin: object = field(repr=False)
    distribution: str
    hooks: pluggy.HookRelay = field(repr=False)

    @property
    def package(self) -> str:
        """The top-level package that the plugin's code stands in."""
        (declared,) = self.hooks.industry.get_hookimpls()
        return str(declared.function.__module__).partition(".")[0]

    def implements(self, hook: str) -> bool:
        """Whether the plugin has this hook."""
        return bool(getattr(self.hooks, hook).get_hookimpls())

    def call(self, hook: str, **values: Any) -> Any:
        """What the plugin's hook answers; None when it has none. Raises whatever the hook raises."""
        answers = getattr(self.hooks, hook)(**values)
        return answers[0] if answers else None


@dataclass(frozen=True)
class Broken:
    """A distribution whose plugin was left out. `name` is that of its entry point."""

    name: str
    distribution: str
    reasons: tuple[Bilingual, ...]


@dataclass(frozen=True)
class _Known:
    loaded: Mapping[str, Loaded]
    broken: tuple[Broken, ...]


_registered: dict[str, object] = {}


def full_key(plugin: str, key: str) -> str:
    """`<plugin>.<key>`: how a form, trigger, indicator, scheme, importer or advisor is named outside its plugin."""
    return f"{plugin}.{key}"


def industries() -> Mapping[str, Loaded]:
    """Every plugin that may be enabled, by key."""
    return _known().loaded


def broken() -> tuple[Broken, ...]:
    """The distributions that were left out, with the reasons."""
    return _known().broken


def industry_of(plugin: str) -> Loaded:
    """The plugin of this key. Raises PluginNotInstalled."""
    found = industries().get(plugin)
    if found is None:
        raise PluginNotInstalled(plugin=plugin)
    return found


def forms() -> Mapping[str, type[Form]]:
    """The forms of all installed plugins, by full key."""
    return _all_forms()


def form_of(key: str) -> type[Form]:
    """The form of this full key, whether or not a tenant has it on. Raises FormNotFound."""
    found = _all_forms().get(key)
    if found is None:
        raise FormNotFound(form=key)
    return found


def trigger_of(key: str) -> Trigger:
    """The trigger of this full key, the core's own (`clients.<key>`) among them. Raises TriggerNotFound."""
    prefix, _, name = key.partition(".")
    if prefix in CORE_TRIGGERS:
        return _named(core_triggers(prefix), name, TriggerNotFound(trigger=key))
    return _found(key, lambda industry: industry.triggers, TriggerNotFound(trigger=key))


def indicator_of(key: str) -> Indicator:
    """The indicator of this full key, the core's own among them. Raises IndicatorNotFound."""
    prefix, _, name = key.partition(".")
    if prefix in CORE_INDICATORS:
        return _named(core_indicators(prefix), name, IndicatorNotFound(indicator=key))
    return _found(key, lambda industry: industry.indicators, IndicatorNotFound(indicator=key))


def scheme_of(key: str) -> GradingScheme:
    """The grading scheme of this full key. Raises SchemeNotFound."""
    return _found(key, lambda industry: industry.gradings, SchemeNotFound(scheme=key))


def importer_of(key: str) -> Importer:
    """The ready-made mapping of this full key. Raises ImporterNotFound."""
    return _found(key, lambda industry: industry.importers, ImporterNotFound(importer=key))


def advisor_of(key: str) -> Advisor:
    """The advisor of this full key. Raises AdvisorNotFound."""
    return _found(key, lambda industry: industry.advisors, AdvisorNotFound(advisor=key))


def core_triggers(prefix: str) -> tuple[Trigger, ...]:
    """The triggers that a domain of the core declares under this prefix."""
    declared: tuple[Trigger, ...] = import_module(CORE_TRIGGERS[prefix]).TRIGGERS
    return declared


def core_indicators(prefix: str) -> tuple[Indicator, ...]:
    """The indicators that a domain of the core declares under this prefix."""
    declared: tuple[Indicator, ...] = import_module(CORE_INDICATORS[prefix]).INDICATORS
    return declared


async def core_settings(session: TenantSession, prefix: str) -> Any:
    """The tenant's policies that a domain of the core gives to its own triggers or indicators."""
    return await import_module({**CORE_INDICATORS, **CORE_TRIGGERS}[prefix]).settings(session)


@contextmanager
def registered(*plugins: object) -> Iterator[None]:
    """Have these modules or objects count as installed plugins inside the block, for tests and embedding.

    Raises ValueError, naming every mistake, when one of them cannot be used.
    """
    before = dict(_registered)
    names = [f"registered-{len(before) + place}" for place in range(len(plugins))]
    _registered.update(zip(names, plugins, strict=True))
    forget()
    try:
        refused = [one for one in broken() if one.name in names]
        if refused:
            raise ValueError("; ".join(reason.en for one in refused for reason in one.reasons))
        yield
    finally:
        _registered.clear()
        _registered.update(before)
        forget()


def forget() -> None:
    """Look for installed plugins again the next time."""
    _known.cache_clear()
    _all_forms.cache_clear()


def _named(declared: Iterable[T], name: str, missing: NotFound) -> T:
    for one in declared:
        if one.key == name:  # type: ignore[attr-defined]
            return one
    raise missing


def _found(key: str, part: Callable[[Industry], Iterable[T]], missing: NotFound) -> T:
    plugin, _, name = key.partition(".")
    loaded = industries().get(plugin)
    if loaded is None:
        raise missing
    return _named(part(loaded.industry), name, missing)


@cache
def _all_forms() -> Mapping[str, type[Form]]:
    return MappingProxyType(
        {full_key(key, form.about.key): form for key, loaded in industries().items() for form in loaded.industry.forms}
    )


@cache
def _known() -> _Known:
    loaded: dict[str, Loaded] = {}
    names: dict[str, str] = {}
    refused: list[Broken] = []
    for name, distribution, load in _candidates():
        found = _load(name, distribution, load)
        if isinstance(found, Loaded) and found.industry.key in loaded:
            other = loaded[found.industry.key].distribution
            found = Broken(name, distribution, (_taken(found.industry.key, other),))
        if isinstance(found, Broken):
            refused.append(found)
        else:
            loaded[found.industry.key] = found
            names[found.industry.key] = name
    for key, reasons in mistakes_together({key: one.industry for key, one in loaded.items()}).items():
        refused.append(Broken(names[key], loaded.pop(key).distribution, reasons))
    for one in refused:
        log.error("plugin %s (%s) is left out: %s", one.name, one.distribution, "; ".join(r.en for r in one.reasons))
    return _Known(MappingProxyType(loaded), tuple(refused))


def _candidates() -> Iterator[tuple[str, str, Callable[[], object]]]:
    """Name, distribution and how to get at each plugin; in order of name."""
    for entry in sorted(entry_points(group=hookspecs.ENTRY_POINTS), key=lambda entry: entry.name):
        yield entry.name, entry.dist.name if entry.dist else "", entry.load
    for name, plugin in _registered.items():
        yield name, "", lambda plugin=plugin: plugin  # type: ignore[misc]


def _load(name: str, distribution: str, load: Callable[[], object]) -> Loaded | Broken:
    try:
        plugin = load()
        manager = pluggy.PluginManager(hookspecs.PROJECT)
        manager.add_hookspecs(hookspecs)
        manager.register(plugin, name=name)
        manager.check_pending()
        answers = manager.hook.industry()
        declared = answers[0] if answers else None
        reasons = mistakes_in(declared)
    except (Exception, SystemExit) as error:
        log.exception("plugin %s cannot be loaded", name)
        return Broken(name, distribution, (_failed(error),))
    if reasons or not isinstance(declared, Industry):
        return Broken(name, distribution, reasons)
    return Loaded(declared, plugin, distribution, manager.hook)


def _failed(error: BaseException) -> Bilingual:
    kind = f"{type(error).__name__}: {error}"
    return Bilingual(f"加载失败（{kind}）。", f"It cannot be loaded ({kind}).")


def _taken(key: str, other: str) -> Bilingual:
    return Bilingual(f"标识 {key} 已被 {other} 使用。", f"The key {key} is taken by {other}.")
