"""The APIs of the sets of plugins that tenants have enabled, built when they are first asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import NamedTuple

from steward_core.industry.declarations import Industry
from steward_core.industry.registry import Loaded, industries
from steward_graphql.catalogue import all as all_catalogues
from steward_graphql.catalogue.forms import catalogue_of, concrete_of, fields_of_subjects
from steward_graphql.catalogue.plugin_fields import plugin_fields
from steward_graphql.catalogue.records import family
from steward_graphql.declared.api import Api
from steward_graphql.declared.entities import Catalogue, Field
from steward_graphql.declared.shapes import Function, Mutation, Subscription
from steward_graphql.functions import all as all_functions
from steward_graphql.mutations import all as all_mutations
from steward_graphql.schema.build import build_api
from steward_graphql.schema.types import Shared

MOST_SETS = 8
"""Sets of plugins whose APIs are kept; the one that was not asked for longest goes first."""


class CacheInfo(NamedTuple):
    """How often an API was found and how often it had to be built, and how many are kept."""

    hits: int
    builds: int
    size: int
    most: int


@dataclass(frozen=True)
class _Plugin:
    """What one plugin adds: its forms' types, and fields of the core's types."""

    catalogue: Catalogue
    fields: Mapping[str, tuple[Field, ...]]
    mutations: tuple[Mutation, ...]


class Registry:
    """APIs by the set of enabled plugins. What they have in common is declared and built once."""

    def __init__(self, most: int = MOST_SETS) -> None:
        self._most = most
        self._lock = Lock()
        self._hits = self._builds = 0
        self._start(industries())

    def _start(self, installed: Mapping[str, Loaded]) -> None:
        self._last: tuple[frozenset[str], Api] | None = None
        self._installed = installed
        self._apis: OrderedDict[frozenset[str], Api] = OrderedDict()
        self._shared = Shared()
        self._plugins: dict[str, _Plugin] = {}
        self._core: tuple[Catalogue, ...] = all_catalogues.catalogues()
        self._functions: tuple[Function, ...] = all_functions.functions()
        self._subscriptions: tuple[Subscription, ...] = all_functions.subscriptions()
        self._mutations: tuple[Mutation, ...] = all_mutations.mutations()

    def api_for(self, plugins: Iterable[str]) -> Api:
        """The API of these plugins, as far as they are installed."""
        last = self._last
        if last is not None and last[0] == plugins and industries() is self._installed:
            self._hits += 1
            return last[1]
        with self._lock:
            installed = industries()
            if installed is not self._installed:
                self._start(installed)
            chosen = frozenset(plugins).intersection(installed)
            found = self._apis.get(chosen)
            if found is None:
                found = self._apis[chosen] = self._build(chosen)
                self._builds += 1
                while len(self._apis) > self._most:
                    self._apis.popitem(last=False)
            else:
                self._apis.move_to_end(chosen)
                self._hits += 1
            self._last = chosen, found
            return found

    def cache_info(self) -> CacheInfo:
        """Figures of the cache since the process began."""
        return CacheInfo(self._hits, self._builds, len(self._apis), self._most)

    def _build(self, plugins: frozenset[str]) -> Api:
        chosen = [self._plugin(key) for key in sorted(plugins)]
        concrete = [one for plugin in chosen for one in concrete_of(plugin.catalogue)]
        mutations = [*self._mutations, *(one for plugin in chosen for one in plugin.mutations)]
        return build_api(
            [
                *(_extended(one, [plugin.fields for plugin in chosen]) for one in self._core),
                Catalogue(family(concrete)),
                *(plugin.catalogue for plugin in chosen),
            ],
            self._functions,
            mutations,
            self._subscriptions,
            plugins,
            shared=self._shared,
        )

    def _plugin(self, key: str) -> _Plugin:
        found = self._plugins.get(key)
        if found is None:
            industry = self._installed[key].industry
            found = _Plugin(catalogue_of(industry), _fields(industry), all_mutations.plugin_mutations(industry))
            self._plugins[key] = found
        return found


def _fields(industry: Industry) -> dict[str, tuple[Field, ...]]:
    found: dict[str, tuple[Field, ...]] = {}
    for more in (fields_of_subjects(industry), plugin_fields(industry)):
        for entity, fields in more.items():
            found[entity] = (*found.get(entity, ()), *fields)
    return found


def _extended(catalogue: Catalogue, plugins: Iterable[Mapping[str, tuple[Field, ...]]]) -> Catalogue:
    """A catalogue of the core with what plugins add to its types; what nothing is added to stays the same object."""
    entities = []
    for entity in catalogue.entities:
        more = [field for fields in plugins for field in fields.get(entity.name, ())]
        entities.append(replace(entity, fields=(*entity.fields, *more)) if more else entity)
    return replace(catalogue, entities=tuple(entities))


_registry: Registry | None = None
_making = Lock()


def _kept() -> Registry:
    global _registry  # noqa: PLW0603 - one for the process, made when it is first needed
    with _making:
        if _registry is None:
            _registry = Registry()
        return _registry


def api_for(plugins: Iterable[str]) -> Api:
    """The API of these plugins, as far as they are installed. At most `MOST_SETS` are kept."""
    return _kept().api_for(plugins)


def cache_info() -> CacheInfo:
    """How often an API was found and built in this process, and how many are kept."""
    return _kept().cache_info()
