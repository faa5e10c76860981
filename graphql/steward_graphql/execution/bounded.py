"""A cache that forgets what was used least recently, bounded by number and by weight."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Bounded(Generic[K, V]):
    """At most `most` entries that weigh at most `weight` together; `weigh` gives one's. `evicted` hears of each that
    had to go."""

    def __init__(
        self,
        most: int,
        weight: int = 0,
        weigh: Callable[[V], int] | None = None,
        evicted: Callable[[], None] | None = None,
    ) -> None:
        self._most = most
        self._weight = weight
        self._weigh = weigh
        self._evicted = evicted
        self._held: OrderedDict[K, V] = OrderedDict()
        self.weight = 0

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: K) -> V | None:
        """What is kept under a key; it counts as used."""
        found = self._held.get(key)
        if found is not None:
            self._held.move_to_end(key)
        return found

    def put(self, key: K, value: V) -> None:
        """Keep a value, and let go of others where there is no room. What alone weighs too much is not kept."""
        weigh = self._weigh
        own = weigh(value) if weigh else 0
        self.forget(key)
        if weigh and own > self._weight:
            return
        self._held[key] = value
        self.weight += own
        while len(self._held) > self._most or (weigh and self.weight > self._weight):
            self.forget(next(iter(self._held)))
            if self._evicted is not None:
                self._evicted()

    def forget(self, key: K) -> None:
        """Let go of one."""
        value = self._held.pop(key, None)
        if value is not None and self._weigh:
            self.weight -= self._weigh(value)
