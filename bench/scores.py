"""A month's scores, from asking for them to the last manager's lines, against one bare aggregate over the same visits.

All visits of the tenant are of the month that is scored, each of 5,000 managers has 200 clients and ten visits at each:
both read every row of the table by the same conditions. What is compared with is the aggregate alone, as superuser
without row-level security and with as much memory to sort in. The scores read clients and their owners besides, and
write a score with its lines and six indicators for each manager.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from statistics import median
from typing import Any
from uuid import UUID

import psycopg

from bench.cluster import LARGE, BenchCluster, bench_cluster
from bench.report import Ratio, at_most
from steward_core.performance.scores import SCORES, SORT_MEMORY
from steward_core.runs.service import RunTools, drive, request_run
from steward_core.visits.actions import month_of
from steward_tenants.database.actor import system
from steward_tenants.database.database import Database
from steward_tenants.database.floors import load_floors
from steward_tenants.database.identifiers import new_id
from steward_tenants.directory.models import Tenant

VISITS = int(os.environ.get("STEWARD_BENCH_VISITS", "10000000"))
CLIENTS_EACH, VISITS_EACH = 200, 10
ROUNDS = 5
BAR = 1.5
MONTH = month_of(date(2026, 11, 1))
BENCH = system("bench")
TOOLS = RunTools(files=None)  # type: ignore[arg-type]  # scores read and write no files
PEER = """
select owner_id, count(*), count(distinct client_id) from app.visit
where tenant_id = %s and status = 'done' and day >= %s and day < %s group by owner_id
"""


async def run(*, rounds: int = ROUNDS) -> list[Ratio]:
    """Fill a tenant, then measure in turn; the first round warms up."""
    load_floors()
    with bench_cluster(LARGE) as cluster:
        database = Database(cluster.settings(pool_size=4))
        try:
            tenant_id = new_id()
            async with database.directory() as directory:
                directory.add(Tenant(id=tenant_id, key=f"b{tenant_id.hex[-12:]}", name="测量公司"))
            managers = _fill(cluster, tenant_id)
            ours, theirs = [], []
            for number in range(rounds + 1):
                mine = await _seconds(cluster, database, tenant_id, managers)
                bare = _bare(cluster, tenant_id, managers)
                if number:
                    ours.append(mine)
                    theirs.append(bare)
        finally:
            await database.dispose()
    return [
        at_most(
            f"month scores of {managers:,} managers over {VISITS:,} visits, against one bare aggregate over them",
            median(a / b for a, b in zip(ours, theirs, strict=True)),
            BAR,
            f"{median(ours):.2f} s against {median(theirs):.2f} s",
        )
    ]


async def _seconds(cluster: BenchCluster, database: Database, tenant_id: UUID, managers: int) -> float:
    """How long a run of its own takes, of a month that has no scores yet."""
    with psycopg.connect(cluster.superuser(), autocommit=True) as connection:
        connection.execute("truncate app.month_indicator, app.month_score, app.run cascade")
        connection.execute("checkpoint")
    begun = time.perf_counter()
    async with database.write(tenant_id, BENCH) as session:
        parameters = {"month": MONTH.start.isoformat()}
        run_id = (await request_run(session, SCORES.key, period=MONTH.name, parameters=parameters)).id
    await drive(database, tenant_id, BENCH, run_id, TOOLS)
    taken = time.perf_counter() - begun
    with psycopg.connect(cluster.superuser()) as connection:
        row = connection.execute("select count(*), count(score) from app.month_score where current").fetchone()
    assert row == (managers, managers), row
    return taken


def _bare(cluster: BenchCluster, tenant_id: UUID, managers: int) -> float:
    with psycopg.connect(cluster.superuser()) as connection:
        connection.execute(f"set work_mem = '{SORT_MEMORY}'".encode())
        begun = time.perf_counter()
        rows = connection.execute(PEER, [tenant_id, MONTH.start, MONTH.end]).fetchall()
        taken = time.perf_counter() - begun
    assert len(rows) == managers
    assert rows[0][1:] == (CLIENTS_EACH * VISITS_EACH, CLIENTS_EACH)
    return taken


def _fill(cluster: BenchCluster, tenant_id: UUID) -> int:
    """Managers, clients with their owners, visits; answers how many managers."""
    managers = VISITS // (CLIENTS_EACH * VISITS_EACH)
    clients = managers * CLIENTS_EACH
    with psycopg.connect(cluster.superuser(), autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")  # what refers is made here, and known to be there
        connection.execute(
            "create temporary table owner as select n, uuidv7() as id from generate_series(0, %s) n", [managers - 1]
        )
        connection.execute(
            "create temporary table portfolio as select c.n, uuidv7() as id, owner.id as owner_id"
            " from generate_series(0, %s) as c(n) join owner on owner.n = c.n / %s",
            [clients - 1, CLIENTS_EACH],
        )
        with _without_indexes(connection, "visit"):
            for statement in _ROWS:
                connection.execute(statement.encode(), {"tenant": tenant_id, "month": MONTH.start, "each": VISITS_EACH})
        connection.execute(
            "vacuum analyze app.tenant_user, app.client, app.client_ownership, app.visit, app.month_score,"
            " app.month_indicator"
        )
    return managers


@contextmanager
def _without_indexes(connection: psycopg.Connection[Any], table: str) -> Iterator[None]:
    """Have a table's further indexes made after it is filled, as is quicker."""
    found = connection.execute(
        "select indexname, indexdef from pg_indexes"
        " where schemaname = 'app' and tablename = %s and indexname like 'ix%%'",
        [table],
    ).fetchall()
    for name, _ in found:
        connection.execute(f"drop index app.{name}".encode())
    yield
    for _, definition in found:
        connection.execute(definition.encode())


_ROWS = (
    """
    insert into app.tenant_user (tenant_id, id, account_id, login, name, status)
    select %(tenant)s, id, uuidv7(), 'm' || n || '@example.test', '客户经理' || n, 'active' from owner
    """,
    """
    insert into app.client (tenant_id, id, code, name, kind, status, owner_id, created_by,
                            basic_confirmed_on, personal_confirmed_on)
    select %(tenant)s, id, 'C' || n, '客户' || n, 'company', 'active', owner_id, owner_id,
           %(month)s::date + (n %% 28), %(month)s::date + (n %% 28)
    from portfolio
    """,
    """
    insert into app.client_ownership (tenant_id, client_id, valid_from, owner_id, reason)
    select %(tenant)s, id, date '2024-01-01', owner_id, '' from portfolio
    """,
    """
    insert into app.visit (tenant_id, id, client_id, owner_id, status, day, began_at, ended_at, created_by)
    select %(tenant)s, uuidv7(), p.id, p.owner_id, 'done', day, day + interval '10 hours', day + interval '11 hours',
           p.owner_id
    from generate_series(0, %(each)s - 1) as v(n), portfolio p,
         lateral (select %(month)s::date + ((p.n + v.n * 3) %% 28)) as d(day)
    """,
)
