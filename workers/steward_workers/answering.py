"""Answering a bell: one tenant's due jobs of one queue, one after another, for a short while."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from uuid import UUID

from steward_tenants.database.database import Database
from steward_tenants.errors import TenantNotFound, TenantSuspended
from steward_tenants.outbox.jobs import JobKind, JobTools
from steward_tenants.outbox.performing import note_failure, perform_next
from steward_workers import bells, limits
from steward_workers.inquest import AtWork
from steward_workers.messages import Ring
from steward_workers.settling import settle

log = logging.getLogger(__name__)

BATCH_SECONDS = 1.0
SHARED_BATCH_SECONDS = 0.2
"""How long a batch may last while others wait for a worker."""
LOOK_SECONDS = 0.1
LOOKS = 2
"""How often to look for work while some is left: it may have been committed after the first look."""
GRACE_SECONDS = 6.0
"""How long the job at hand may go on after a stop was asked for; then it is undone and left to others."""


@dataclass
class Answered:
    """What came of it: how many jobs by outcome, and the ring to send when there is more to do."""

    outcomes: Counter[str] = field(default_factory=Counter)
    again: Ring | None = None


@dataclass(frozen=True)
class Bench:
    """What a batch works with. `others_wait` tells whether somebody waits for this worker; `step_back` is called when
    the batch is no longer short, so that those who begin are served first by the machine; after `stop` no further job
    is begun; what is being done is written to `at_work`."""

    database: Database
    tools: JobTools
    others_wait: Callable[[], bool]
    step_back: Callable[[], object]
    stop: asyncio.Event
    at_work: AtWork


async def answer(bench: Bench, ring: Ring) -> Answered:
    """Take the bell, work, settle the tenant's doorbells, give the bell back. A bell that is not there, or not as it
    was rung, is not answered."""
    answered = Answered()
    database = bench.database
    async with database.directory() as directory:
        taken = await bells.take(directory, ring)
    if taken is None:
        return answered
    bench.at_work.write(taken)
    try:
        async with _held(database, taken), _patience(bench.stop):
            for _ in range(LOOKS):
                exhausted = await _work(bench, taken, answered.outcomes)
                left = await settle(database, taken.tenant_id, taken.queue)
                if not (left.due and exhausted):
                    break
    except (TenantSuspended, TenantNotFound):
        await _give_back(database, taken)
    except BaseException:
        with suppress(Exception):
            await asyncio.shield(_pause(database, taken))
        raise
    else:
        if not left.due:
            await _give_back(database, taken)
        elif exhausted:
            await _pause(database, taken)  # what is due is being done by somebody else
        else:
            async with database.directory() as directory:
                answered.again = await bells.take(directory, taken)
    finally:
        bench.at_work.write()
    return answered


async def _work(bench: Bench, ring: Ring, outcomes: Counter[str]) -> bool:
    """Do due jobs until none is left (True), the time is over, or a stop is asked for."""
    begun = looked = time.monotonic()
    polite = False
    while not bench.stop.is_set():
        outcome = await _next(bench, ring)
        if outcome is None:
            return True
        outcomes[outcome] += 1
        now = time.monotonic()
        if now - begun >= BATCH_SECONDS:
            break
        if now - begun < SHARED_BATCH_SECONDS:
            continue
        if not polite:
            bench.step_back()
            polite = True
        if now - looked >= LOOK_SECONDS:
            looked = now
            if bench.others_wait():
                break
    return False


async def _next(bench: Bench, ring: Ring) -> str | None:
    """Do one job within its limits. Gives its outcome."""
    job_ids: list[UUID] = []

    def begin(job_id: UUID, kind: JobKind) -> None:
        job_ids.append(job_id)
        bench.at_work.write(ring, job_id)
        limits.begin(kind)

    try:
        performed = await perform_next(bench.database, ring.tenant_id, ring.queue, bench.tools, begun=begin)
        return None if performed is None else performed.outcome
    except MemoryError:
        if not job_ids:
            raise
    finally:
        limits.end()
        bench.at_work.write(ring)
    # Noting the failure needed more memory than was left; what the job held is free only now.
    noted = await note_failure(bench.database, ring.tenant_id, job_ids[-1], MemoryError())
    return "gone" if noted is None else noted.outcome


@asynccontextmanager
async def _held(database: Database, ring: Ring) -> AsyncIterator[None]:
    """Renew the lease all the while. Whoever cannot goes on with the job at hand: its row is locked, not the bell."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(bells.RENEW_SECONDS)
            try:
                async with database.directory() as directory:
                    await bells.renew(directory, ring)
            except Exception as error:
                log.warning("a bell was not renewed: %s", type(error).__name__)

    task = asyncio.create_task(renew())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def _patience(stop: asyncio.Event) -> AsyncIterator[None]:
    """Interrupt what goes on for longer than GRACE_SECONDS after `stop`. Raises TimeoutError then."""

    async def wait() -> None:
        await stop.wait()
        limit.reschedule(asyncio.get_running_loop().time() + GRACE_SECONDS)

    async with asyncio.timeout(None) as limit:
        task = asyncio.create_task(wait())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _give_back(database: Database, ring: Ring) -> None:
    async with database.directory() as directory:
        await bells.hang_up(directory, ring)


async def _pause(database: Database, ring: Ring) -> None:
    async with database.directory() as directory:
        await bells.renew(directory, ring, bells.PAUSE_SECONDS)
