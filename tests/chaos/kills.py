"""Who is killed, and when: all of it drawn from a seed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from random import Random

import psutil
import psycopg
import redis

from tests.chaos.place import Place, kill

LONGEST_AWAY = 2.0
"""Seconds for which a server stays away."""
HORSE_WITHIN = 10.0


class Killer:
    """Kills one thing after another. `done` counts what was killed."""

    def __init__(self, place: Place, seed: int) -> None:
        self.place = place
        self.random = Random(seed)
        self.done: dict[str, int] = dict.fromkeys(VICTIMS, 0)

    def plan(self, count: int) -> list[str]:
        """So many victims, each as often as the others, in any order."""
        planned: list[str] = []
        while len(planned) < count:
            planned += self.random.sample(list(VICTIMS), len(VICTIMS))
        return planned[:count]

    async def kill(self, victim: str) -> None:
        """Kill it, and see that it comes back."""
        # Connections of this program's own are no part of what is tried.
        await self.place.database.dispose()
        self._note(f"{victim} …")
        await VICTIMS[victim](self)
        self._note(f"{victim} is back")
        self.done[victim] += 1
        self.place.keep()

    def _note(self, text: str) -> None:
        with (self.place.folder / "kills.log").open("a") as log:
            log.write(f"{datetime.now(UTC):%H:%M:%S.%f} {text}\n")

    def away(self) -> float:
        return self.random.uniform(0.0, LONGEST_AWAY)

    async def process(self, name: str) -> None:
        kill(self.place.processes[name].pid)
        self.place.processes[name].wait()

    async def pool(self) -> None:
        await self.process("worker")

    async def worker(self) -> None:
        for one in await self.place.until(self.place.workers):
            if kill(one.pid):
                return

    async def horse(self) -> None:
        for one in await self.place.until(self.place.horses, HORSE_WITHIN):
            if kill(one.pid):
                return

    async def relay(self) -> None:
        await self.process(self.random.choice(("scheduler1", "scheduler2")))

    async def relays(self) -> None:
        await self.process("scheduler1")
        await self.process("scheduler2")

    async def sealer(self) -> None:
        await self.process("sealer")

    async def api(self) -> None:
        await self.process("api")

    async def valkey(self) -> None:
        await self.place.restart(self.place.valkey, self.away())

    async def valkey_empty(self) -> None:
        await self.place.restart(self.place.valkey, self.away(), empty=True)

    async def flush(self) -> None:
        with self.place.redis() as connection:
            try:
                connection.flushall()
            except redis.RedisError as error:
                raise AssertionError("Valkey was not there") from error

    async def postgres(self) -> None:
        await self.place.restart(self.place.postgres, self.away())

    async def backend(self) -> None:
        """One connection ends as if an operator had ended it."""
        if found := self.place.backends():
            self.place.rows("select pg_terminate_backend(%s)", self.random.choice(found))

    async def backend_killed(self) -> None:
        """PostgreSQL ends all connections and recovers when one of its processes is killed."""
        if found := self.place.backends():
            process_id = self.random.choice(found)
            kill(process_id)
            # Until the server has taken note, it would answer as if nothing had been.
            await self.place.until(lambda: not psutil.pid_exists(process_id))
            assert await self.place.until(self._answers)

    def _answers(self) -> bool:
        try:
            return bool(self.place.rows("select 1 as one"))
        except psycopg.OperationalError:
            return False


VICTIMS: dict[str, Callable[[Killer], Awaitable[None]]] = {
    "pool": Killer.pool,
    "worker": Killer.worker,
    "work-horse": Killer.horse,
    "relay": Killer.relay,
    "relays": Killer.relays,
    "sealer": Killer.sealer,
    "API": Killer.api,
    "Valkey": Killer.valkey,
    "Valkey, empty": Killer.valkey_empty,
    "FLUSHALL": Killer.flush,
    "PostgreSQL": Killer.postgres,
    "connection": Killer.backend,
    "backend": Killer.backend_killed,
}
