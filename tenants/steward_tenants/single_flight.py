"""Looking something up once, however many ask for it at the same moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Look-ups under way, by key. Whoever asks for one that is under way waits for the same answer.

    A look-up goes on when those who wait for it go away; its error reaches all who wait. One that began more than
    `seconds` ago is not joined any more: what it found may be that old.
    """

    def __init__(self, seconds: float = float("inf")) -> None:
        self._seconds = seconds
        self._under_way: dict[K, asyncio.Task[V]] = {}
        self._begun: dict[K, float] = {}

    async def run(self, key: K, look_up: Callable[[], Awaitable[V]]) -> V:
        """The answer of `look_up`, or of the one for `key` that is under way."""
        task, now = self._under_way.get(key), time.monotonic()
        if task is None or now - self._begun[key] > self._seconds or task.get_loop() is not asyncio.get_running_loop():
            task = asyncio.ensure_future(_awaited(look_up))
            self._under_way[key], self._begun[key] = task, now
            task.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(task)

    def _landed(self, key: K, done: asyncio.Task[V]) -> None:
        if self._under_way.get(key) is done:
            del self._under_way[key], self._begun[key]
        if not done.cancelled():
            done.exception()  # so that nobody having waited is no warning


async def _awaited(look_up: Callable[[], Awaitable[V]]) -> V:
    return await look_up()
