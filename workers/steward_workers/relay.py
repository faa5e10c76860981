"""The relay: looks where work is due and rings for it. Several may run; each bell is rung by one of them.

It looks when somebody rings after a commit, and several times a second by itself. Nothing that it needs is kept in its
memory: it may end, and so may the queue server with all that it held, at any moment.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress

from redis.exceptions import RedisError, ResponseError

from steward_tenants.database.database import Database
from steward_tenants.outbox.jobs import Queue
from steward_workers import bells, presence
from steward_workers.messages import Ring, connect, on_their_way, send
from steward_workers.ring import WAKE

log = logging.getLogger(__name__)

POLL_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 2.0
SWEEP_SECONDS = 60.0
COUNT_SECONDS = 1.0
MOST_SLOTS = 16


class Relay:
    """One relay. `slots` fixes how many bells a tenant may have at once in a queue; without it, one fewer than there
    are workers, so that a worker is always free for others."""

    def __init__(self, database: Database, redis_url: str, slots: int | None = None) -> None:
        self._database = database
        self._connection = connect(redis_url)
        self._fixed_slots = slots
        self._slots = 1
        self._counted = self._swept = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. Whatever fails is done again, after a pause that grows to two seconds."""
        failures = 0
        while not stop.is_set():
            try:
                await asyncio.to_thread(self._wait)
                await self.round()
                failures = 0
            except Exception as error:
                if failures == 0:
                    log.warning("the relay pauses: %s", type(error).__name__)
                failures += 1
                pause = min(LONGEST_PAUSE_SECONDS, POLL_SECONDS * 2 ** min(failures, 10))
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause)
        await asyncio.to_thread(self._connection.close)

    async def round(self) -> int:
        """Look once, and ring for what is due. Gives the number of bells. Raises what the servers answer."""
        async with self._database.directory() as directory:
            queues = await bells.due_queues(directory)
            if time.monotonic() - self._swept > SWEEP_SECONDS:
                await bells.forget_silent(directory)
                self._swept = time.monotonic()
        rung = 0
        for queue in queues:
            rung += await self._ring(queue)
        return rung

    def _wait(self) -> None:
        """Until somebody rings, and for a moment at most. Reminders that came meanwhile are all met by one round."""
        try:
            if self._connection.blpop([WAKE], POLL_SECONDS) is None:
                return
        except ResponseError:
            log.warning("what stood for reminders was none, and is removed")
        self._connection.delete(WAKE)

    async def _ring(self, queue: Queue) -> int:
        await self._renew_waiting(queue)
        slots = await asyncio.to_thread(self._slots_now)
        async with self._database.directory() as directory:
            rings = await bells.ring_due(directory, queue, slots)
        if rings:
            await self._send(rings)
        return len(rings)

    async def _send(self, rings: Sequence[Ring]) -> None:
        try:
            await asyncio.to_thread(send, self._connection, rings)
        except RedisError:
            async with self._database.directory() as directory:
                await bells.take_back(directory, rings)
            raise

    async def _renew_waiting(self, queue: Queue) -> None:
        """Bells that ran out while their messages waited for a worker are not rung a second time."""
        async with self._database.directory() as directory:
            late = await bells.overdue(directory, queue)
        if not late:
            return
        there = await asyncio.to_thread(on_their_way, self._connection, queue)
        waiting = [ring for ring in late if ring.message_id in there]
        async with self._database.directory() as directory:
            await bells.keep_waiting(directory, queue, waiting)

    def _slots_now(self) -> int:
        if self._fixed_slots is not None:
            return self._fixed_slots
        if time.monotonic() - self._counted > COUNT_SECONDS:
            self._slots = min(MOST_SLOTS, max(1, presence.present(self._connection) - 1))
            self._counted = time.monotonic()
        return self._slots
