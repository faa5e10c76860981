"""Jobs from their commit to their end against RQ alone, on as many workers; and how long one waits to be begun.

Steward commits each job in PostgreSQL, rings, and marks it done in the transaction of its effect; RQ alone fetches a
function from Valkey and calls it. The waiting is measured with nothing else to do, and while another tenant has 100,000
jobs in the same queue.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from uuid import UUID

import psycopg
from redis import Redis
from rq import Queue as RqQueue
from rq import Worker
from rq.registry import StartedJobRegistry
from sqlalchemy import func, select

from bench import graphql_peers as peers
from bench.cluster import BenchCluster, bench_cluster
from bench.peers.empty_job import KIND
from bench.peers.nothing import nothing
from bench.peers.rq_workers import QUEUE
from bench.report import Ratio, at_least, at_most
from steward_server.embedded import EmbeddedHome, EmbeddedValkey
from steward_tenants.database.actor import system
from steward_tenants.database.database import Database
from steward_tenants.database.floors import load_floors
from steward_tenants.database.identifiers import new_id
from steward_tenants.directory.models import Tenant
from steward_tenants.outbox.models import JobStatus, OutboxJob
from steward_tenants.outbox.ringing import ring_with
from steward_tenants.outbox.service import enqueue, enqueue_many
from steward_tenants.valkey import Valkey
from steward_workers.relay import Relay
from steward_workers.ring import Ringer

WORKERS = 2
TENANTS = 20
EACH = 40
"""Jobs of a tenant in a round."""
ROUNDS = 5
WAITS = 80
WAIT_SECONDS = 0.5
"""Between jobs that are waited for: each meets workers with nothing else to do."""
QUEUED = 100_000
FINISHED = 1_000_000
SLOWEST_SECONDS = 0.25
BENCH = system("bench")


async def run() -> list[Ratio]:
    """Start both, and measure in turn."""
    load_floors()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="steward-bench-")))
        cluster = stack.enter_context(bench_cluster({"shared_buffers": "512MB"}))
        valkey = stack.enter_context(EmbeddedValkey(EmbeddedHome(folder / "home")))
        database = Database(cluster.settings(pool_size=4))
        tenants = [await _tenant(database, number) for number in range(TENANTS + 2)]
        stack.enter_context(_processes(cluster, valkey.url, folder))
        bell = Ringer(Valkey(valkey.url))
        ring_with(bell.ring)
        alone = valkey.url.removesuffix("/0") + "/1"
        stack.enter_context(process([sys.executable, "-m", "bench.peers.rq_workers", alone, str(WORKERS)], {}, folder))
        try:
            return [
                await _throughput(cluster, database, tenants[:TENANTS], alone),
                *await _waiting(database, tenants[TENANTS], tenants[TENANTS + 1]),
                await _rounds(cluster, database, valkey.url, tenants[0]),
            ]
        finally:
            ring_with(None)
            await bell.close()
            await database.dispose()


async def _tenant(database: Database, number: int) -> UUID:
    tenant_id = new_id()
    async with database.directory() as directory:
        directory.add(Tenant(id=tenant_id, key=f"bench-{number}", name=f"测量公司{number}"))
    return tenant_id


@contextmanager
def _processes(cluster: BenchCluster, redis_url: str, folder: Path) -> Iterator[None]:
    environment = peers.steward_environment(cluster, redis_url, peers.free_port(), folder)
    environment["PYTHONPATH"] = str(peers.ROOT)
    worker = [sys.executable, "-m", "bench.peers.worker", str(WORKERS)]
    scheduler = [sys.executable, "-m", "steward_server", "scheduler"]
    with process(worker, environment, folder), process(scheduler, environment, folder):
        while Worker.count(connection=Redis.from_url(redis_url)) < WORKERS:
            time.sleep(0.05)
        yield


@contextmanager
def process(arguments: list[str], environment: dict[str, str], folder: Path) -> Iterator[None]:
    """Run something beside the measurement, with its log in the folder."""
    with (folder / f"{arguments[2]}.log").open("wb") as log:
        process = subprocess.Popen(
            arguments, cwd=peers.ROOT, env=environment or None, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _throughput(cluster: BenchCluster, database: Database, tenants: list[UUID], alone: str) -> Ratio:
    await _ours(cluster, database, tenants)
    await asyncio.to_thread(_theirs, alone)
    found = [(await _ours(cluster, database, tenants), await asyncio.to_thread(_theirs, alone)) for _ in range(ROUNDS)]
    ours, theirs = (median(rates) for rates in zip(*found, strict=True))
    ratios = [mine / other for mine, other in found]
    detail = f"{ours:,.0f}/s against {theirs:,.0f}/s, rounds {min(ratios):.2f}–{max(ratios):.2f}"
    return at_least(f"empty jobs a second on {WORKERS} workers, against RQ alone", median(ratios), 0.5, detail)


async def _ours(cluster: BenchCluster, database: Database, tenants: list[UUID]) -> float:
    """Jobs a second from the first commit to the last one's completion."""
    start = time.perf_counter()
    for tenant in tenants:
        async with database.write(tenant, BENCH) as session:
            await enqueue_many(session, KIND, [{} for _ in range(EACH)])
    await asyncio.to_thread(_until_done, cluster)
    return len(tenants) * EACH / (time.perf_counter() - start)


def _until_done(cluster: BenchCluster) -> None:
    with psycopg.connect(cluster.superuser(), autocommit=True) as connection:
        while connection.execute("select 1 from app.outbox_job where status = 'waiting' limit 1").fetchone():
            time.sleep(0.01)


def _theirs(url: str) -> float:
    many = TENANTS * EACH // 2
    connection = Redis.from_url(url)
    queue = RqQueue(QUEUE, connection=connection)
    start = time.perf_counter()
    queue.enqueue_many([RqQueue.prepare_data(nothing, result_ttl=0) for _ in range(many)])
    started = StartedJobRegistry(QUEUE, connection=connection)
    while queue.count or started.get_job_count(cleanup=False):
        time.sleep(0.01)
    rate = many / (time.perf_counter() - start)
    connection.close()
    return rate


async def _waiting(database: Database, quiet: UUID, busy: UUID) -> list[Ratio]:
    idle = await _waits(database, quiet)
    async with database.write(busy, BENCH, timeout_ms=300_000) as session:
        await enqueue_many(session, KIND, [{} for _ in range(QUEUED)])
    await asyncio.sleep(1)
    beside = await _waits(database, quiet)
    async with database.read(busy, BENCH) as reading:
        left = await reading.scalar(
            select(func.count()).where(reading.within(OutboxJob), OutboxJob.status == JobStatus.WAITING.value)
        )
    detail = f"{idle * 1000:.0f} ms"
    compared = f"{beside * 1000:.0f} ms against {idle * 1000:.0f} ms; {left or 0:,} of {QUEUED:,} still queued"
    return [
        at_most(
            "from commit to start with nothing else to do, P95 of a quarter second", idle / SLOWEST_SECONDS, 1.0, detail
        ),
        at_most("the same while another tenant has 100,000 jobs, against that", beside / idle, 1.2, compared),
    ]


async def _waits(database: Database, tenant: UUID) -> float:
    """P95 of the seconds from before the commit to the job's start."""
    asked: dict[UUID, datetime] = {}
    for _ in range(WAITS):
        async with database.write(tenant, BENCH) as session:
            moment = datetime.now(UTC)
            asked[await enqueue(session, KIND, {})] = moment
        await asyncio.sleep(WAIT_SECONDS)
    await asyncio.sleep(1)
    async with database.read(tenant, BENCH) as reading:
        rows = await reading.rows(
            select(OutboxJob.id, OutboxJob.tried_at).where(reading.within(OutboxJob), OutboxJob.id.in_(asked))
        )
    waited = [(row.tried_at - asked[row.id]).total_seconds() for row in rows]
    p95: float = quantiles(waited, n=20)[-1]
    return p95


async def _rounds(cluster: BenchCluster, database: Database, url: str, tenant: UUID) -> Ratio:
    """A round of the relay with a million finished jobs against one with few."""
    relay = Relay(database, url)

    async def seconds() -> float:
        found = []
        for _ in range(100):
            start = time.perf_counter()
            await relay.round()
            found.append(time.perf_counter() - start)
        return median(found)

    few = await seconds()
    with psycopg.connect(cluster.superuser(), autocommit=True) as connection:
        connection.execute(
            "insert into app.outbox_job (tenant_id, id, queue, kind, status, done_at)"
            " select %s, uuidv7(), 'normal', %s, 'done', now() from generate_series(1, %s)",
            (tenant, KIND, FINISHED),
        )
        connection.execute("vacuum analyze app.outbox_job")
    many = await seconds()
    detail = f"{many * 1000:.1f} ms against {few * 1000:.1f} ms"
    return at_most(f"a round of the relay with {FINISHED:,} finished jobs against few", many / few, 1.2, detail)
