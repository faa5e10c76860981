"""What auditing costs a command, and whether the sealer keeps up with it at full load.

Sixteen writers insert a row and commit, with and without an audit event, in short interleaved slices, so that what else
the machine does strikes both alike. A sealer runs all the time, in a process of its own as in production.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from statistics import median
from uuid import UUID

from bench.cluster import bench_cluster
from bench.report import Ratio, at_least
from steward_tenants.audit.queries import sealing_backlog
from steward_tenants.audit.sealer import Sealer
from steward_tenants.audit.service import Subject, record
from steward_tenants.audit.verification import verify
from steward_tenants.database.actor import Actor, ActorKind
from steward_tenants.database.database import Database, DatabaseSettings
from steward_tenants.database.identifiers import new_id
from steward_tenants.directory.models import Tenant
from steward_tenants.organisation.models import OrgUnit

WRITERS = 16
TENANTS = 64
SLICES = 8
SLICE_SECONDS = 1.5
LOAD_SECONDS = 12.0
COMMAND_BAR = 0.6
SEALING_BAR = 1.0
SEALING_SECONDS = 5.0
WRITER = Actor(ActorKind.USER, new_id(), "王芳")

Command = Callable[[Database, UUID], Awaitable[None]]


async def plain(database: Database, tenant_id: UUID) -> None:
    """Insert a row and commit."""
    async with database.write(tenant_id, WRITER) as session:
        unit_id = new_id()
        session.add(OrgUnit(id=unit_id, code=str(unit_id), name="客户部"))
        await session.flush()


async def audited(database: Database, tenant_id: UUID) -> None:
    """The same with an audit event."""
    async with database.write(tenant_id, WRITER) as session:
        unit_id = new_id()
        unit = OrgUnit(id=unit_id, code=str(unit_id), name="客户部")
        session.add(unit)
        after = {"code": unit.code, "name": unit.name}
        await record(session, "units.create", Subject("unit", unit_id), after=after)


async def rate(database: Database, tenants: list[UUID], command: Command, seconds: float) -> float:
    """Commands a second of all writers together."""
    end = time.monotonic() + seconds
    done = 0

    async def write(number: int) -> None:
        nonlocal done
        turn = number
        while time.monotonic() < end:
            await command(database, tenants[turn % len(tenants)])
            turn += WRITERS
            done += 1

    started = time.monotonic()
    await asyncio.gather(*(write(number) for number in range(WRITERS)))
    return done / (time.monotonic() - started)


async def new_tenants(database: Database, count: int) -> list[UUID]:
    """Fresh tenants."""
    ids = [new_id() for _ in range(count)]
    async with database.directory() as directory:
        directory.add(*(Tenant(id=tenant_id, key=f"b{tenant_id.hex[-12:]}", name="测试公司") for tenant_id in ids))
    return ids


@contextmanager
def sealing(database: Database) -> Iterator[None]:
    """A sealer at work, in a process of its own."""
    processes = multiprocessing.get_context("spawn")
    ready, stop = processes.Event(), processes.Event()
    process = processes.Process(target=_seal, args=(database.settings, ready, stop), daemon=True)
    process.start()
    try:
        if not ready.wait(60):
            raise TimeoutError("the sealer did not start")
        yield
    finally:
        stop.set()
        process.join(60)


def _seal(settings: DatabaseSettings, ready: Event, stop: Event) -> None:
    async def run() -> None:
        database, ended = Database(settings), asyncio.Event()
        running = asyncio.create_task(Sealer(database, upkeep=False).run(ended))
        ready.set()
        await asyncio.to_thread(stop.wait)
        ended.set()
        await running
        await database.dispose()

    asyncio.run(run())


async def cost(database: Database, name: str, tenants: list[UUID]) -> Ratio:
    """The throughput of the audited command over that of the plain one."""
    ratios, rates = [], [0.0, 0.0]
    with sealing(database):
        await rate(database, tenants, audited, SLICE_SECONDS)
        await rate(database, tenants, plain, SLICE_SECONDS)
        for number in range(SLICES):
            order = (audited, plain) if number % 2 else (plain, audited)
            measured = {command: await rate(database, tenants, command, SLICE_SECONDS) for command in order}
            ratios.append(measured[audited] / measured[plain])
            rates = [rates[0] + measured[audited] / SLICES, rates[1] + measured[plain] / SLICES]
    ratio = median(ratios)
    detail = f"{rates[0]:.0f}/s with audit, {rates[1]:.0f}/s without"
    return at_least(name, ratio, COMMAND_BAR, detail)


@dataclass
class _Load:
    """What was seen while the sealer worked at full load."""

    written: float
    sealed: float
    oldest: float
    intact: bool


async def _full_load(database: Database, tenants: list[UUID]) -> _Load:
    with sealing(database):
        before = await _backlog(database)
        written = LOAD_SECONDS * await rate(database, tenants, audited, LOAD_SECONDS)
        events, oldest = await _backlog(database)
    report = await verify(database, tenants[0])
    return _Load(written, written - (events - before[0]), oldest, report.intact)


async def _backlog(database: Database) -> tuple[int, float]:
    async with database.directory() as directory:
        backlog = await sealing_backlog(directory)
    return backlog.events, backlog.oldest


async def keeping_up(database: Database, name: str, tenants: list[UUID]) -> Ratio:
    """The seconds within which events are to be sealed, over the age of the oldest unsealed one after full load.

    With a sealer that falls behind, that age grows with the load's length and the ratio falls below one.
    """
    load = await _full_load(database, tenants)
    ratio = SEALING_SECONDS / max(load.oldest, 0.001)
    detail = (
        f"oldest unsealed event {load.oldest:.1f} s old after {LOAD_SECONDS:.0f} s at"
        f" {load.written / LOAD_SECONDS:.0f} events/s, {load.sealed / load.written:.0%} sealed by then"
    )
    return Ratio(name, round(ratio, 3), SEALING_BAR, ratio >= SEALING_BAR and load.intact, detail)


async def run() -> list[Ratio]:
    """All ratios of this bench."""
    with bench_cluster() as cluster:
        database = Database(cluster.settings(pool_size=WRITERS + 4))
        try:
            one, many = await new_tenants(database, 1), await new_tenants(database, TENANTS)
            return [
                await cost(database, f"a command with audit, {WRITERS} writers in one tenant", one),
                await cost(database, f"a command with audit, {WRITERS} writers in {TENANTS} tenants", many),
                await keeping_up(database, "the sealer keeps up with one tenant", one),
                await keeping_up(database, f"the sealer keeps up with {TENANTS} tenants", many),
            ]
        finally:
            await database.dispose()
