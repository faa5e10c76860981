"""Plans that are kept, and the profiles that they depend on."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from steward_graphql.compiler.plan import Plan
from steward_graphql.execution.bounded import Bounded
from steward_graphql.execution.metrics import EngineMetrics
from steward_tenants.access.symbolic import Profile, Standing, standing_of
from steward_tenants.database.actor import Actor

MOST_PLANS = 2_000
MOST_BYTES = 16_000_000
MOST_INTROSPECTIONS = 20
MOST_PROFILES = 2_000
MOST_ACTORS = 500
"""Each takes some 6 KB, and every look-up of a token makes a new one: more would be kept long after its time."""
_OVERHEAD, _PER_SQL, _PER_KEY = 5_000, 4, 10
"""What a plan takes in bytes, measured: so much, and so many times its SQL and its key as text."""


@dataclass(frozen=True, eq=False)
class Framed:
    """A plan, and the bytes that stand before each of its columns in an answer of which it is the whole."""

    plan: Plan
    heads: tuple[bytes, ...]
    weight: int = 0
    """Bytes that it and its key take, roughly."""


class Known(NamedTuple):
    """An actor's standing, and the number of its profile: equal profiles have one number."""

    actor: Actor
    standing: Standing
    number: int


class Standings:
    """The standings of actors that were seen lately. An actor is known by identity: whoever authenticates keeps it for
    a moment, and to compare two would cost as much as to work it out."""

    def __init__(self) -> None:
        self._known: Bounded[int, Known] = Bounded(MOST_ACTORS)
        self._profiles: Bounded[Profile, tuple[Profile, int]] = Bounded(MOST_PROFILES)
        self._next = 0

    def of(self, actor: Actor) -> Known:
        """The standing of an actor."""
        known = self._known.get(id(actor))
        if known is not None:
            return known
        standing = standing_of(actor)
        held = self._profiles.get(standing.profile)
        if held is None:
            self._next += 1
            held = (standing.profile, self._next)
            self._profiles.put(standing.profile, held)
        # `actor` is held, so that no other object gets its identity while the entry stands.
        known = Known(actor, Standing(held[0], standing.actor_id, standing.roots), held[1])
        self._known.put(id(actor), known)
        return known


class Plans:
    """Compiled plans by (plugins, document, structure of the variables, profile, place); and what introspection without
    variables answered, by (plugins, document)."""

    def __init__(self, metrics: EngineMetrics) -> None:
        self._metrics = metrics
        self._known: Bounded[Hashable, Framed] = Bounded(
            MOST_PLANS, MOST_BYTES, lambda one: one.weight, metrics.plan_evictions.inc
        )

        self.introspections: Bounded[Hashable, Mapping[str, bytes]] = Bounded(
            MOST_INTROSPECTIONS, MOST_BYTES, lambda one: sum(map(len, one.values()))
        )

    def get(self, key: Hashable) -> Framed | None:
        """The plan that is kept under a key."""
        found = self._known.get(key)
        if found is not None:
            self._metrics.plan_hits.inc()
        return found

    def make(self, key: Hashable, compile_it: Callable[[], Plan], texts: int = 0) -> Framed:
        """Compile a plan, and keep it when it holds for other requests too. `texts`: bytes that the document's names
        and values may take in it."""
        self._metrics.plan_misses.inc()
        start = time.perf_counter()
        plan = compile_it()
        self._metrics.compile_seconds.observe(time.perf_counter() - start)
        heads = tuple(
            (b'{"data":{"' if place == 0 else b',"') + name.encode() + b'":' for place, name in enumerate(plan.names)
        )
        # A key has the structure of variables, which whoever sends them may make long.
        weight = len(plan.sql) * _PER_SQL + len(repr(key)) * _PER_KEY + texts + _OVERHEAD
        made = Framed(plan, heads, weight)
        if plan.reusable:
            self._known.put(key, made)
        return made
