"""What it costs to do what is due about promises with a million open clocks against ten thousand, as many being due.

Two companies differ in their open clocks only. In each round as many clocks of each go over their limit, and the
watcher's own function does what follows (evidence, notices, the next step of the escalation) and asks when the next one
is due; the companies take turns.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from statistics import median
from uuid import UUID

import psycopg

from bench.cluster import BenchCluster, bench_cluster
from bench.report import Ratio, at_most
from steward_core.promises.clocks import Clock, Span, Unit
from steward_core.promises.follow_ups import Titles
from steward_core.promises.templates import Promise
from steward_core.promises.waking import next_change
from steward_core.promises.watching import AT_ONCE, advance
from steward_tenants.database.actor import system
from steward_tenants.database.database import Database
from steward_tenants.database.floors import load_floors
from steward_tenants.database.identifiers import new_id
from steward_tenants.directory.models import Tenant

MANY, FEW = 1_000_000, 10_000
DUE = AT_ONCE - 1
"""Clocks that go over their limit in a round."""
ROUNDS = 21
OWNERS = 50
BAR = 1.2
BENCH = system("bench")
PROMISE = Promise(
    key="own.measured",
    title=Titles(zh="测量", en="Measured"),
    trigger="measured",
    clock=Clock(limit=Span(count=30, unit=Unit.CALENDAR_MINUTES)),
)
_COLUMNS = (
    "tenant_id, id, kind, promise, trigger, subject, subject_id, owner_id, title_zh, title_en, definition, state,"
    " started_at, due_at, changes_at"
)


async def run() -> list[Ratio]:
    """Fill both companies, and measure them in turn."""
    load_floors()
    with bench_cluster({"shared_buffers": "512MB"}) as cluster:
        database = Database(cluster.settings(pool_size=2))
        try:
            many, few = [await _company(cluster, database, count) for count in (MANY, FEW)]
            for company in (many, few):
                await _round(cluster, database, company)
            found = [
                (await _round(cluster, database, many), await _round(cluster, database, few)) for _ in range(ROUNDS)
            ]
        finally:
            await database.dispose()
    slow, fast = (median(times) for times in zip(*found, strict=True))
    ratios = sorted(one / other for one, other in found)
    detail = (
        f"{slow * 1000:,.1f} ms against {fast * 1000:,.1f} ms for {DUE} due, rounds {ratios[0]:.2f}–{ratios[-1]:.2f}"
    )
    return [at_most(f"clocks that are due with {MANY:,} open against {FEW:,}", median(ratios), BAR, detail)]


async def _company(cluster: BenchCluster, database: Database, count: int) -> UUID:
    """A company with so many clocks that are open for a long while yet."""
    tenant_id = new_id()
    async with database.directory() as directory:
        directory.add(Tenant(id=tenant_id, key=f"bench-{count}", name=f"测量公司{count}"))
    owners = [new_id() for _ in range(OWNERS)]
    with psycopg.connect(cluster.superuser(), autocommit=True) as connection:
        connection.execute(
            f"insert into app.promise_clock ({_COLUMNS})"
            " select %s, uuidv7(), 'promise', %s, %s, 'measured', uuidv7(), (%s::uuid[])[1 + n %% %s], '测量',"
            " 'Measured', %s, 'running', now(), now() + interval '100 days' + n * interval '1 second',"
            " now() + interval '100 days' + n * interval '1 second' from generate_series(1, %s) n",
            (
                tenant_id,
                PROMISE.key,
                PROMISE.trigger,
                owners,
                OWNERS,
                json.dumps(PROMISE.model_dump(mode="json")),
                count,
            ),
        )
        connection.execute("vacuum analyze app.promise_clock")
    return tenant_id


async def _round(cluster: BenchCluster, database: Database, tenant_id: UUID) -> float:
    """The seconds that it takes to do what is due, as many clocks having gone over their limit just before."""
    with psycopg.connect(cluster.superuser(), autocommit=True) as connection:
        connection.execute(
            "update app.promise_clock set started_at = now() - interval '31 minutes', due_at = now() - interval"
            " '1 minute', changes_at = now() - interval '1 minute' where tenant_id = %s and id in (select id from"
            " app.promise_clock where tenant_id = %s and state = 'running' limit %s)",
            (tenant_id, tenant_id, DUE),
        )
    begun = time.perf_counter()
    async with database.write(tenant_id, BENCH) as session:
        looked = await advance(session, datetime.now(UTC))
        await next_change(session)
    took = time.perf_counter() - begun
    if looked != DUE:
        raise AssertionError(f"{looked} clocks were looked at instead of {DUE}")
    return took
