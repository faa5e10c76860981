"""A month's plans for a whole company: made and stored, against one bare INSERT … SELECT of as many rows.

The plans are those of 5,000 managers with 200 clients each, made by the command that a month's opening uses: plans,
policies resolved for each client by its tier and its last visit, every trigger of the core asked, one action for each
client. The peer is superuser's INSERT … SELECT of those very rows out of the finished table into an empty copy of it
with the same columns, defaults, checks and primary key (`LIKE … INCLUDING ALL`, its further indexes left out), without
row-level security: what PostgreSQL needs to write so many such rows at all. Both commit; both begin on an empty table.
The detail also tells the same against a copy without any index, and against one with all of the table's indexes.

Linearity: what an action costs in the whole company against what it costs in one of a tenth.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from statistics import median
from typing import NamedTuple
from uuid import UUID

import psycopg

from bench.cluster import LARGE, BenchCluster, bench_cluster
from bench.report import Ratio, at_most
from steward_core.plans.generation import generated
from steward_core.visits.actions import month_of
from steward_tenants.database.actor import system
from steward_tenants.database.database import Database
from steward_tenants.database.floors import load_floors
from steward_tenants.database.identifiers import new_id
from steward_tenants.directory.models import Tenant

BENCH = system("bench")
CLIENTS = int(os.environ.get("STEWARD_BENCH_CLIENTS", "1000000"))
EACH = 200
"""Clients of a manager."""
SMALLER = 10
ROUNDS = int(os.environ.get("STEWARD_BENCH_ROUNDS", "3"))
BAR, LINEAR_BAR = 4.0, 1.3
MONTH = month_of(date(2026, 11, 1))
TABLES = ("plan_action", "visit_plan", "plan_ground")
MINUTES = 30


_WITHOUT = "create table bare_action (like app.plan_action including all excluding indexes)"
COPIES = (
    (_WITHOUT, "alter table bare_action add primary key (tenant_id, id)"),
    (_WITHOUT,),
    ("create table bare_action (like app.plan_action including all)",),
)


class Round(NamedTuple):
    """Seconds: plans made, the peer, the same without any index and with all of them, and plans of the smaller one."""

    made: float
    bare: float
    heap: float
    indexed: float
    less: float


@dataclass(frozen=True)
class Company:
    """A tenant with so many clients, each due for a visit in the month."""

    tenant_id: UUID
    clients: int


async def run(*, rounds: int = ROUNDS) -> list[Ratio]:
    """Fill two companies, then measure in turn."""
    load_floors()
    with bench_cluster(LARGE) as cluster:
        database = Database(cluster.settings(pool_size=2))
        try:
            large = await _company(cluster, database, CLIENTS)
            small = await _company(cluster, database, CLIENTS // SMALLER)
            made: list[Round] = []
            for _ in range(rounds + 1):
                less = await _made(cluster, database, small)
                more = await _made(cluster, database, large)
                bare, heap, indexed = (_bare(cluster, large, copy) for copy in COPIES)
                made.append(Round(more, bare, heap, indexed, less))
        finally:
            await database.dispose()
    measured = made[1:] or made  # the first warms up
    more, bare, heap, indexed, less = (median(one) for one in zip(*measured, strict=True))
    return [
        at_most(
            f"plans of {large.clients:,} clients, against one bare INSERT … SELECT of as many rows",
            median(one.made / one.bare for one in measured),
            BAR,
            f"{more:.1f} s against {bare:.1f} s ({heap:.1f} s without any index, {indexed:.1f} s with all of them),"
            f" {large.clients // EACH:,} managers",
        ),
        at_most(
            f"plans, each of {large.clients:,} clients against each of {small.clients:,}",
            median(one.made / large.clients / (one.less / small.clients) for one in measured),
            LINEAR_BAR,
            f"{more / large.clients * 1e6:.1f} us against {less / small.clients * 1e6:.1f} us a client",
        ),
    ]


async def _made(cluster: BenchCluster, database: Database, company: Company) -> float:
    """The seconds in which the month's plans were made."""
    with psycopg.connect(cluster.superuser(), autocommit=True) as connection:
        connection.execute(f"truncate {', '.join(f'app.{table}' for table in TABLES)} cascade".encode())
        connection.execute("checkpoint")
    start = time.perf_counter()
    async with database.write(company.tenant_id, BENCH, timeout_ms=MINUTES * 60_000) as session:
        made = await generated(session, MONTH)
    spent = time.perf_counter() - start
    assert (made.plans, made.new) == (company.clients // EACH, company.clients), made
    return spent


def _bare(cluster: BenchCluster, company: Company, statements: tuple[str, ...]) -> float:
    """The seconds in which PostgreSQL writes the same rows into a copy of the table."""
    with psycopg.connect(cluster.superuser(), autocommit=True) as connection:
        connection.execute("drop table if exists bare_action")
        for statement in statements:
            connection.execute(statement.encode())
        connection.execute("checkpoint")
        start = time.perf_counter()
        connection.execute("insert into bare_action select * from app.plan_action")
        spent = time.perf_counter() - start
        row = connection.execute("select count(*) from bare_action").fetchone()
    assert row == (company.clients,)
    return spent


async def _company(cluster: BenchCluster, database: Database, clients: int) -> Company:
    tenant_id = new_id()
    async with database.directory() as directory:
        directory.add(Tenant(id=tenant_id, key=f"b{tenant_id.hex[-12:]}", name="测量公司"))
    owners = [new_id() for _ in range(clients // EACH)]
    ids = [new_id() for _ in range(clients)]
    with psycopg.connect(cluster.superuser(), autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        for table, columns, lines in (
            ("tenant_user", "tenant_id, id, account_id, login, name, email, status", _users(tenant_id, owners)),
            ("client", _CLIENT_COLUMNS, _clients(tenant_id, ids, owners)),
            ("visit", _VISIT_COLUMNS, _visits(tenant_id, ids, owners)),
        ):
            with connection.cursor().copy(f"copy app.{table} ({columns}) from stdin".encode()) as copy:
                while block := "".join(islice(lines, 5_000)):
                    copy.write(block)
        connection.execute("vacuum analyze")
    return Company(tenant_id, clients)


_CLIENT_COLUMNS = (
    "tenant_id, id, code, name, kind, tier, status, owner_id, basic_confirmed_on, personal_confirmed_on,"
    " last_activity_on, created_by"
)


_VISIT_COLUMNS = "tenant_id, id, client_id, owner_id, status, day, began_at, ended_at, created_by"


def _users(tenant_id: UUID, owners: list[UUID]) -> Iterator[str]:
    for number, owner in enumerate(owners):
        yield f"{tenant_id}\t{owner}\t{new_id()}\towner{number}\t客户经理{number}\towner{number}@example.test\tactive\n"


def _clients(tenant_id: UUID, ids: list[UUID], owners: list[UUID]) -> Iterator[str]:
    confirmed = MONTH.start + timedelta(days=10)
    for number, client_id in enumerate(ids):
        owner, tier = owners[number // EACH], ("key", "A", "B", "C")[number % 4]
        yield (
            f"{tenant_id}\t{client_id}\tC{number:07}\t客户{number}有限公司\tcompany\t{tier}\tactive\t{owner}"
            f"\t{confirmed}\t{confirmed}\t{confirmed}\t{owner}\n"
        )


def _visits(tenant_id: UUID, ids: list[UUID], owners: list[UUID]) -> Iterator[str]:
    """One done visit in the month before for each client."""
    for number, client_id in enumerate(ids):
        owner, day = owners[number // EACH], MONTH.start - timedelta(days=1 + number % 28)
        yield f"{tenant_id}\t{new_id()}\t{client_id}\t{owner}\tdone\t{day}\t{day}\t{day}\t{owner}\n"
