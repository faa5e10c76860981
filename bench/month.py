"""A mixed GraphQL load while months are being closed behind it, and what one company's heavy load is to another.

Requests drawn from lists, single clients, the inbox and new notes of 200 companies are sent when their time has come
whether or not earlier ones were answered; latency counts from that time. Spans with and without closings take turns. In
the background a worker closes months of companies with 300 managers, 30,000 clients and as many visits, made ready
between the spans; another one begins as soon as one is closed. The ratio is that at 60 requests a second, at which load
generator, API, database and worker find room on two cores; what becomes of 200 is told beside it. The heavy company
sends all it can, within the usual budget.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from statistics import median, quantiles
from uuid import UUID

import psycopg

from bench import graphql_peers as peers
from bench.cluster import BenchCluster, bench_cluster
from bench.graphql import LIST, ONE, PAGE, WRITE
from bench.graphql_data import BENCH, Company, fill
from bench.http_load import Connection, Refused, post
from bench.jobs import process
from bench.report import Ratio, at_most
from steward_core.months.models import BusinessMonth, MonthStatus
from steward_core.months.service import close_month
from steward_core.runs.jobs import load_kinds
from steward_server.embedded import EmbeddedHome, EmbeddedValkey
from steward_tenants.access.queries import today
from steward_tenants.database.database import Database
from steward_tenants.database.floors import load_floors
from steward_tenants.database.identifiers import new_id
from steward_tenants.directory.models import Tenant

SECONDS = float(os.environ.get("STEWARD_BENCH_SECONDS", "300"))
"""How long the load runs with closings, and as long without."""
SPAN = 30.0
RATE, MORE = 60, 200
READY = 10
"""Companies made ready for one span."""
CONNECTIONS = 64
MANAGERS, EACH = 300, 100
CLOSING_BAR, NEIGHBOUR_BAR = 3.0, 1.2
QUIET_RATE, HEAVY_CONNECTIONS = 2, 8
"""The quiet company stays within its own budget."""
INBOX = "{ inbox(first: 20) { items { key kind } } }"
ZONE = "Asia/Shanghai"
TODAY = today(ZONE)
MONTH = (TODAY.replace(day=1) - timedelta(days=1)).replace(day=1)


async def run() -> list[Ratio]:
    """Fill, start API, worker and scheduler, measure."""
    load_floors()
    load_kinds()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="steward-bench-")))
        cluster = stack.enter_context(bench_cluster({"shared_buffers": "1GB"}))
        database = Database(cluster.settings(pool_size=4))
        companies = (await fill(cluster, database))[:-1]
        months = Months(cluster, database)
        valkey = stack.enter_context(EmbeddedValkey(EmbeddedHome(folder / "home")))
        port = peers.free_port()
        environment = peers.steward_environment(cluster, valkey.url, port, folder)
        del environment["STEWARD_GRAPHQL_BUDGET"]
        stack.enter_context(peers.serving(port, folder, environment))
        for name in ("worker", "scheduler"):
            stack.enter_context(process([sys.executable, "-m", "steward_server", name], environment, folder))
        try:
            return [await _closing(companies, port, months), await _neighbour(companies, port)]
        finally:
            await database.dispose()


class Months:
    """Companies with a month that can be closed, made when one is wanted."""

    def __init__(self, cluster: BenchCluster, database: Database) -> None:
        self._cluster, self._database = cluster, database
        self.closed = 0

    async def ready(self) -> UUID:
        """A company whose last month has all its results."""
        tenant_id = new_id()
        async with self._database.directory() as directory:
            directory.add(Tenant(id=tenant_id, key=f"closing-{tenant_id.hex[:12]}", name="月结公司", time_zone=ZONE))
        await asyncio.to_thread(self._fill, tenant_id)
        return tenant_id

    def _fill(self, tenant_id: UUID) -> None:
        with psycopg.connect(self._cluster.superuser()) as connection:
            connection.execute("set session_replication_role = replica")
            for statement in _FILLING:
                connection.execute(
                    statement,
                    {"tenant": tenant_id, "managers": MANAGERS, "each": EACH, "month": MONTH, "no": BENCH.id},
                )

    async def close(self, tenant_id: UUID) -> None:
        """Ask for it, and wait until it is closed."""
        async with self._database.write(tenant_id, BENCH) as session:
            await close_month(session, MONTH, today=TODAY, zone=ZONE)
        while True:
            async with self._database.read(tenant_id, BENCH) as reading:
                month = await reading.find(BusinessMonth, BusinessMonth.month == MONTH)
            if month is not None and month.status == MonthStatus.CLOSED:
                self.closed += 1
                return
            await asyncio.sleep(0.2)


_FILLING = (
    """insert into app.tenant_user (tenant_id, id, account_id, login, name, status)
       select %(tenant)s, uuidv7(), uuidv7(), 'm' || n || '@closing.example', '经理' || n, 'active'
       from generate_series(1, %(managers)s) n""",
    """insert into app.client (tenant_id, id, name, kind, status, owner_id, created_by)
       select %(tenant)s, uuidv7(), '客户' || u.login || n, 'enterprise', 'active', u.id, %(no)s
       from app.tenant_user u, generate_series(1, %(each)s) n where u.tenant_id = %(tenant)s""",
    """insert into app.visit_plan (tenant_id, id, owner_id, month, state)
       select %(tenant)s, uuidv7(), u.id, %(month)s, 'results_approved' from app.tenant_user u
       where u.tenant_id = %(tenant)s""",
    """insert into app.plan_action
           (tenant_id, id, plan_id, client_id, source, due_on, visits, visited, status, done_on)
       select c.tenant_id, uuidv7(), p.id, c.id, 'core.floor', %(month)s::date + 5, array[%(month)s::date + 5], 1,
              'done', %(month)s::date + 5
       from app.client c join app.visit_plan p on p.tenant_id = c.tenant_id and p.owner_id = c.owner_id
       where c.tenant_id = %(tenant)s""",
    """insert into app.visit (tenant_id, id, client_id, owner_id, status, day, began_at, ended_at, created_by)
       select c.tenant_id, uuidv7(), c.id, c.owner_id, 'done', %(month)s::date + 5, %(month)s::date + 5,
              %(month)s::date + 6, c.owner_id
       from app.client c where c.tenant_id = %(tenant)s""",
    """insert into app.business_month (tenant_id, id, month, status)
       values (%(tenant)s, uuidv7(), %(month)s, 'open')""",
)


async def _closing(companies: Sequence[Company], port: int, months: Months) -> Ratio:
    alone: list[float] = []
    beside: list[float] = []
    async with _connected(port, CONNECTIONS) as connections:
        await _load(connections, _mixed(companies), RATE, 5.0)
        for _ in range(max(1, round(SECONDS / SPAN))):
            quiet, busy = await _pair(connections, companies, months, RATE)
            alone += quiet
            beside += busy
        closed = months.closed
        more_alone, more_beside = await _pair(connections, companies, months, MORE)
    quiet_tenth, busy_tenth = _tenth(alone), _tenth(beside)
    detail = (
        f"{busy_tenth * 1000:.1f} ms against {quiet_tenth * 1000:.1f} ms at {RATE} requests a second, median"
        f" {median(beside) * 1000:.1f} against {median(alone) * 1000:.1f}; no error in"
        f" {len(alone) + len(beside):,}; {closed} months closed; at {MORE} a second P90"
        f" {_tenth(more_beside) * 1000:.1f} ms against {_tenth(more_alone) * 1000:.1f} ms"
    )
    return at_most(
        "P90 of a mixed load while months are closed, against that without",
        busy_tenth / quiet_tenth,
        CLOSING_BAR,
        detail,
    )


async def _pair(
    connections: Sequence[Connection], companies: Sequence[Company], months: Months, rate: int
) -> tuple[list[float], list[float]]:
    """A span without closings, and one with them."""
    waiting = [await months.ready() for _ in range(READY)]
    alone = await _load(connections, _mixed(companies), rate, SPAN)
    closing = asyncio.create_task(_closings(months, waiting))
    beside = await _load(connections, _mixed(companies), rate, SPAN)
    if not closing.done():
        closing.cancel()
    with suppress(asyncio.CancelledError):
        await closing
    return alone, beside


async def _closings(months: Months, waiting: Sequence[UUID]) -> None:
    for tenant_id in waiting:
        await months.close(tenant_id)


async def _neighbour(companies: Sequence[Company], port: int) -> Ratio:
    """A quiet company's P95 while another sends all that it may."""
    heavy, quiet = companies[0], companies[1:2]
    alone: list[float] = []
    beside: list[float] = []
    refused = 0
    async with _connected(port, HEAVY_CONNECTIONS) as theirs, _connected(port, 8) as connections:
        for _ in range(4):
            alone += await _load(connections, _mixed(quiet), QUIET_RATE, 15.0)
            ending = asyncio.Event()
            sending = [asyncio.create_task(_heavy(one, heavy, ending)) for one in theirs]
            beside += await _load(connections, _mixed(quiet), QUIET_RATE, 15.0)
            ending.set()
            refused += sum(await asyncio.gather(*sending))
    before, with_it = _twentieth(alone), _twentieth(beside)
    detail = f"{with_it * 1000:.1f} ms against {before * 1000:.1f} ms; {refused:,} of the heavy one's were refused"
    return at_most(
        "P95 of a quiet company beside a heavy one, against that alone", with_it / before, NEIGHBOUR_BAR, detail
    )


async def _heavy(connection: Connection, company: Company, ending: asyncio.Event) -> int:
    refused = 0
    request = _request(company, LIST, {"first": PAGE})
    while not ending.is_set():
        try:
            body = await connection.send(request)
            refused += b'"errors"' in body
        except Refused:
            refused += 1
    return refused


def _request(company: Company, document: str, variables: dict[str, object]) -> bytes:
    body = json.dumps({"query": document, "variables": variables}).encode()
    return post("/graphql", body, {"Authorization": f"Bearer {company.token}"})


def _mixed(companies: Sequence[Company]) -> Iterator[bytes]:
    """Four of ten ask for one client, three for a list, one for the inbox, two write a note."""
    while True:
        company, kind = random.choice(companies), random.randrange(10)
        if kind < 4:
            yield _request(company, ONE, {"id": str(random.choice(company.client_ids))})
        elif kind < 7:
            yield _request(company, LIST, {"first": PAGE})
        elif kind < 8:
            yield _request(company, INBOX, {})
        else:
            yield _request(company, WRITE, {"id": str(random.choice(company.client_ids)), "body": "走访记录"})


async def _load(
    connections: Sequence[Connection], requests: Iterator[bytes], each_second: int, seconds: float
) -> list[float]:
    """The seconds of each answer, from the moment for which it was meant. Raises Refused; an answer with errors too."""
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for one in connections:
        free.put_nowait(one)
    found: list[float] = []
    start = time.perf_counter()

    async def ask(due: float) -> None:
        connection = await free.get()
        try:
            body = await connection.send(next(requests))
        finally:
            free.put_nowait(connection)
        if b'"errors":[' in body:
            raise Refused(body[:400].decode(errors="replace"))
        found.append(time.perf_counter() - due)

    async with asyncio.TaskGroup() as group:
        for number in range(int(each_second * seconds)):
            due = start + number / each_second
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            group.create_task(ask(due))
    return found


def _tenth(found: list[float]) -> float:
    return quantiles(found, n=10)[8]


def _twentieth(found: list[float]) -> float:
    return quantiles(found, n=20)[18]


@asynccontextmanager
async def _connected(port: int, count: int) -> AsyncIterator[list[Connection]]:
    connections = [await Connection.open(port) for _ in range(count)]
    try:
        yield connections
    finally:
        for one in connections:
            one.close()
