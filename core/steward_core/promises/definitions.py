"""The promises and follow-ups in force in a tenant: what plugins declare and the core brings, and the tenant's own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on

from steward_core.industry.enabled import Enabled, enabled
from steward_core.promises.follow_ups import FollowUp, FollowUps
from steward_core.promises.models import DefinitionKind, PromiseVersion
from steward_core.promises.templates import CORE_PROMISES, FOLLOW_UPS, Promise, promises_of, read, started_by
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import InvalidInput

CORE, OWN = "core", "own"
"""Where a definition comes from, beside the keys of plugins."""


@dataclass(frozen=True)
class Definition:
    """A promise or follow-up as it holds here. `number` is the tenant's latest version, 0 where it never said anything;
    `source` names the plugin that declares it, `core`, or `own` for the tenant's; `changed`: not as it was declared."""

    kind: DefinitionKind
    key: str
    what: Promise | FollowUp
    source: str
    number: int = 0
    active: bool = True
    changed: bool = False


@dataclass(frozen=True)
class Definitions:
    """All of them, those that are switched off too."""

    all: tuple[Definition, ...] = field(default=())

    def find(self, kind: DefinitionKind, key: str) -> Definition | None:
        """The one of this kind and key."""
        return next((one for one in self.all if (one.kind, one.key) == (kind, key)), None)

    def started_by(self, trigger: str, facts: Collection[str] = ()) -> tuple[Definition, ...]:
        """Those that an event starts. A follow-up that a promise in force keeps is not started."""
        promises = started_by(self._promises, trigger, facts)
        follow_ups = self._follow_ups.started_by(trigger, self._promised, facts)
        return tuple(self._active[DefinitionKind.PROMISE, one.key] for one in promises) + tuple(
            self._active[DefinitionKind.FOLLOW_UP, one.key] for one in follow_ups
        )

    @cached_property
    def _active(self) -> dict[tuple[DefinitionKind, str], Definition]:
        return {(one.kind, one.key): one for one in self.all if one.active}

    @cached_property
    def _promises(self) -> tuple[Promise, ...]:
        return tuple(one.what for one in self._active.values() if isinstance(one.what, Promise))

    @cached_property
    def _follow_ups(self) -> FollowUps:
        return FollowUps(rules=tuple(one.what for one in self._active.values() if isinstance(one.what, FollowUp)))

    @cached_property
    def _promised(self) -> frozenset[str]:
        """The keys of the promises in force, with their plugin's and without."""
        keys = [one.key for one in self._promises]
        return frozenset([*keys, *(key.rpartition(".")[2] for key in keys)])


_known: WeakKeyDictionary[TenantSession, Definitions] = WeakKeyDictionary()


async def definitions_here(session: TenantSession) -> Definitions:
    """What is in force in this tenant. Read once in a session; see `forget_definitions`."""
    if session not in _known:
        latest = await latest_versions(session)
        declared = await declared_here(session)
        _known[session] = Definitions(tuple(_in_force(declared, latest)))
    return _known[session]


def forget_definitions(session: TenantSession) -> None:
    """Read them again the next time: they were changed in this session."""
    _known.pop(session, None)


async def declared_here(session: TenantSession) -> dict[tuple[DefinitionKind, str], Definition]:
    """What plugins that are on declare, with the limits of their settings, and what every tenant has."""
    found = [Definition(DefinitionKind.PROMISE, one.key, one, CORE) for one in CORE_PROMISES]
    for one in await enabled(session):
        promises = promises_of(one.key, one.industry.promises, _limits(one))
        found += [Definition(DefinitionKind.PROMISE, made.key, made, one.key) for made in promises]
    found += [Definition(DefinitionKind.FOLLOW_UP, rule.key, rule, CORE) for rule in FOLLOW_UPS.rules]
    return {(one.kind, one.key): one for one in found}


async def latest_versions(session: TenantSession) -> dict[tuple[DefinitionKind, str], PromiseVersion]:
    """The last thing that the tenant said of each."""
    rows = await session.scalars(
        select(PromiseVersion)
        .where(session.within(PromiseVersion))
        .order_by(PromiseVersion.kind, PromiseVersion.key, PromiseVersion.number.desc())
        .ext(distinct_on(PromiseVersion.kind, PromiseVersion.key))
    )
    return {(DefinitionKind[row.kind.upper()], row.key): row for row in rows}


async def next_number(session: TenantSession, kind: DefinitionKind, key: str) -> int:
    """The number of the next version."""
    known: int | None = await session.scalar(
        select(func.max(PromiseVersion.number)).where(
            session.within(PromiseVersion), PromiseVersion.kind == kind.value, PromiseVersion.key == key
        )
    )
    return (known or 0) + 1


def _limits(one: Enabled) -> dict[str, int]:
    named = {promise.key: promise.setting for promise in one.industry.promises if promise.setting is not None}
    return {key: getattr(one.settings, name) for key, name in named.items()}


def _in_force(
    declared: Mapping[tuple[DefinitionKind, str], Definition],
    latest: Mapping[tuple[DefinitionKind, str], PromiseVersion],
) -> list[Definition]:
    found = []
    for place in [*declared, *(place for place in latest if place not in declared)]:
        basis, version = declared.get(place), latest.get(place)
        if version is None or (version.document is None and basis is not None):
            if basis is not None:
                number = 0 if version is None else version.number
                active = version is None or version.active
                found.append(Definition(*place, basis.what, basis.source, number, active, changed=not active))
            continue
        what = _read(place[0], version.document)
        if what is not None and not (basis is None and _of_plugin(place[1])):
            source = OWN if basis is None else basis.source
            found.append(Definition(*place, what, source, version.number, version.active, changed=True))
    return found


def _of_plugin(key: str) -> bool:
    """Whether a key is that of a plugin's promise: with the plugin off, the tenant's change of it waits."""
    prefix, dot, _ = key.partition(".")
    return bool(dot) and prefix != OWN


def _read(kind: DefinitionKind, document: dict[str, Any] | None) -> Promise | FollowUp | None:
    """A stored document; None for one that this version of the product no longer takes."""
    if document is None:
        return None
    try:
        return read(Promise, document) if kind is DefinitionKind.PROMISE else read(FollowUp, document)
    except InvalidInput:
        return None
