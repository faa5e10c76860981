"""When a work-horse was killed: what it was doing stands in memory that it shares with its worker.

Without that a job that kills whoever does it would be tried for ever.
"""

from __future__ import annotations

import asyncio
import mmap
import signal
from uuid import UUID

from steward_tenants.database.database import Database
from steward_tenants.outbox.failures import JobTooSlow, ProcessLost
from steward_tenants.outbox.performing import note_failure
from steward_workers import bells
from steward_workers.messages import Ring

SIZE = 256
TRIES = 10
PAUSE_SECONDS = 0.3


class WorkHorseFailed(Exception):
    """The process that did the job broke: a fault of the job, or of a library that it uses."""


class WorkHorseKilled(ProcessLost):
    """The process that did the job was killed from outside: by a person, or by the kernel for want of memory."""


class AtWork:
    """What a work-horse is doing: the bell that it holds, and the job that it has begun. Written by the work-horse,
    read by its worker; made before the fork."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, SIZE)

    def write(self, ring: Ring | None = None, job_id: UUID | None = None) -> None:
        """From now on it does this."""
        text = f"{ring.message_id if ring else ''} {job_id or ''} "
        self._shared[:] = text.encode("ascii").ljust(SIZE, b"\0")

    def read(self) -> tuple[Ring, UUID | None] | None:
        """What it did last; None: nothing."""
        words = bytes(self._shared[:]).split(b" ")
        if len(words) < 3 or not words[0]:
            return None
        return Ring.named(words[0].decode("ascii")), UUID(words[1].decode("ascii")) if words[1] else None


def error_for(number: int) -> Exception:
    """What stands for the signal that ended a work-horse."""
    if number == signal.SIGALRM:
        return JobTooSlow()
    if number in (signal.SIGKILL, signal.SIGTERM):
        return WorkHorseKilled()
    return WorkHorseFailed()


async def hold(database: Database, ring: Ring, job_id: UUID | None, error: Exception) -> None:
    """Note the failure of the job that was begun, if it was, and let the bell be rung again soon."""
    if job_id is not None:
        for _ in range(TRIES):  # the database may not know yet that the connection is gone, and hold the job's lock
            if await note_failure(database, ring.tenant_id, job_id, error) is not None:
                break
            await asyncio.sleep(PAUSE_SECONDS)
    async with database.directory() as directory:
        await bells.renew(directory, ring, bells.PAUSE_SECONDS)
