"""Telling the relay, after a commit, to look at once. Loads no client library: API processes ring too."""

from __future__ import annotations

import asyncio
import time

from steward_tenants.valkey import Valkey, ValkeyError

WAKE = "steward:ring"
MOST_WAKES = 16
"""More reminders than relays would only be read one after the other."""
SILENT_SECONDS = 1.0
"""How long nobody rings after the queue server did not answer; the relay looks by itself meanwhile."""


class Ringer:
    """Rings in the background: who committed neither waits for it nor hears of its failure. One reminder is on its way
    at a time; commits that come meanwhile share the next. It belongs to the event loop that makes it: what commits in
    another one does not ring."""

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._again = False
        self._silent_until = 0.0

    async def ring(self) -> None:
        """Have the relay look. Returns at once, raises nothing."""
        if time.monotonic() < self._silent_until or asyncio.get_running_loop() is not self._loop:
            return
        if self._task is not None and not self._task.done():
            self._again = True
            return
        self._task = asyncio.create_task(self._send())

    async def close(self) -> None:
        """Let what is on its way arrive, and hang up."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        await self._valkey.close()

    async def _send(self) -> None:
        self._again = True
        while self._again:
            self._again = False
            try:
                await self._valkey.remind(WAKE, MOST_WAKES)
            except ValkeyError:
                self._silent_until = time.monotonic() + SILENT_SECONDS
                return
