"""A Valkey of its own, and processes of workers and relays over it and the worker's database."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
from redis import Redis
from sqlalchemy import func, select

from steward_server.embedded import EmbeddedHome, EmbeddedValkey
from steward_tenants.database.database import Database
from steward_tenants.directory.models import Bell, Doorbell
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.outbox.models import JobStatus, OutboxJob
from steward_tenants.outbox.service import enqueue_many
from tests.cluster import SECRET_KEYS, TENANT_KEYS, Addresses
from tests.factories import TESTS
from tests.server.api.live import as_text
from tests.workers import kinds  # noqa: F401 - declares them

WITHIN = 120.0
ROOT = Path(__file__).parents[2]


class Place:
    """Servers and processes of one test. Everything that it started ends with it."""

    def __init__(self, folder: Path, addresses: Addresses, database_name: str, database: Database) -> None:
        folder.chmod(0o711)
        folder.parent.chmod(0o711)
        self.folder = folder
        self.database = database
        self._urls = {
            "application_url": addresses.url("steward_app", database_name),
            "directory_url": addresses.url("steward_directory", database_name),
            "tenant_keys": as_text(TENANT_KEYS),
            "secret_keys": as_text(SECRET_KEYS),
        }
        self.superuser = addresses.superuser(database_name)
        self.valkey = EmbeddedValkey(EmbeddedHome(folder / "home"))
        self.valkey.start()
        self.processes: list[subprocess.Popen[bytes]] = []

    @property
    def redis(self) -> Redis:
        """A client of the queue server."""
        return Redis.from_url(self.valkey.url)

    def start(self, what: str, *, count: int = 1, slots: int | None = None) -> subprocess.Popen[bytes]:
        """A process of `count` workers (`worker`), or a relay."""
        values = {**self._urls, "redis_url": self.valkey.url, "count": count, "slots": slots}
        settings = self.folder / f"{what}{len(self.processes)}.json"
        settings.write_text(json.dumps(values))
        with (self.folder / f"{what}{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.workers.program", what, str(settings)],
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": ""},
            )
        self.processes.append(process)
        return process

    def end(self) -> None:
        """Stop everything."""
        for process in self.processes:
            process.kill()
            process.wait()
        self.valkey.stop()

    def logs(self) -> str:
        """What the processes wrote."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def workers(self, pool: subprocess.Popen[bytes]) -> list[psutil.Process]:
        """The workers of a pool."""
        return psutil.Process(pool.pid).children()

    def horses(self, pool: subprocess.Popen[bytes]) -> list[psutil.Process]:
        """The work-horses of a pool."""
        found = []
        for worker in self.workers(pool):
            try:
                found += worker.children()
            except psutil.NoSuchProcess:
                continue
        return found

    async def until(self, true: Callable[[], Awaitable[Any]], seconds: float = WITHIN) -> Any:
        """Wait until something is so; its value."""
        deadline = time.monotonic() + seconds
        while not (value := await true()):
            assert time.monotonic() < deadline, self.logs()[-5000:]
            await asyncio.sleep(0.05)
        return value

    async def horse(self, pool: subprocess.Popen[bytes]) -> psutil.Process:
        """A work-horse, as soon as there is one."""

        async def look() -> list[psutil.Process]:
            return self.horses(pool)

        found: list[psutil.Process] = await self.until(look)
        return found[0]

    async def put(self, tenant_id: UUID, kind: str, numbers: range, **payload: Any) -> list[UUID]:
        """Jobs with these numbers."""
        async with self.database.write(tenant_id, TESTS) as session:
            return await enqueue_many(session, kind, [{"number": number, **payload} for number in numbers])

    async def jobs(self, tenant_id: UUID) -> list[OutboxJob]:
        """All jobs of a tenant."""
        async with self.database.read(tenant_id, TESTS, even_suspended=True) as session:
            return list(
                await session.scalars(
                    select(OutboxJob).where(session.within(OutboxJob)).order_by(OutboxJob.done_at, OutboxJob.id)
                )
            )

    async def finished(self, tenant_id: UUID) -> bool:
        """Whether no job of a tenant waits."""
        async with self.database.read(tenant_id, TESTS) as session:
            waiting = select(func.count()).where(session.within(OutboxJob), OutboxJob.status == JobStatus.WAITING.value)
            return not await session.scalar(waiting)

    async def marks(self, tenant_id: UUID) -> list[str]:
        """What jobs left behind."""
        async with self.database.read(tenant_id, TESTS, even_suspended=True) as session:
            return list(await session.scalars(select(OrgUnit.name).where(session.within(OrgUnit))))

    async def done(self, tenant_id: UUID, count: int) -> None:
        """Wait until all jobs are done; each left one mark, and neither doorbells nor bells are left."""

        async def all_done() -> bool:
            return await self.finished(tenant_id)

        await self.until(all_done)
        assert [job.status for job in await self.jobs(tenant_id)] == ["done"] * count, self.logs()[-5000:]
        marks = await self.marks(tenant_id)
        assert len(marks) == len(set(marks)) == count
        await self.quiet(tenant_id)

    async def quiet(self, tenant_id: UUID) -> None:
        """Wait until no doorbell and no bell of a tenant is left, but such as nobody renews."""

        async def nothing() -> bool:
            async with self.database.directory() as directory:
                doorbells = select(func.count()).select_from(Doorbell)
                left = await directory.scalar(
                    doorbells.where(Doorbell.tenant_id == tenant_id, Doorbell.queue != "audit")
                )
                bells = await directory.scalar(
                    select(func.count())
                    .select_from(Bell)
                    .where(Bell.tenant_id == tenant_id, Bell.lease_until >= func.now())
                )
            return not left and not bells

        await self.until(nothing)


def kill(process: subprocess.Popen[bytes] | psutil.Process) -> None:
    """kill -9."""
    os.kill(process.pid, signal.SIGKILL)
