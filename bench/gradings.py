"""Grading a county of 30,000 retailers, against the one aggregate over their facts that it needs, bare.

The grading is the whole run: inputs, decision over all, explanations, and 30,000 records written as a preview. The bare
side sends the same aggregate as superuser, without row-level security, with the same memory and planner
settings, and reads its rows.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Engine, create_engine, text

from bench.cluster import BenchCluster, bench_cluster
from bench.report import Ratio, at_most
from steward_core.database.context import QueryContext
from steward_core.gradings import runner
from steward_core.gradings.models import Grading
from steward_core.gradings.schemes import scheme_here
from steward_core.gradings.service import discard, request_grading
from steward_core.industry.declarations import Period
from steward_core.industry.service import enable
from steward_core.runs.service import RunTools, drive
from steward_tenants.database.actor import system
from steward_tenants.database.database import Database, driver_url
from steward_tenants.database.floors import load_floors
from steward_tenants.database.identifiers import new_id
from steward_tenants.directory.models import Tenant
from steward_tenants.files.store import LocalFileStore
from steward_tenants.organisation.service import create_unit

BENCH = system("bench")
BAR = 3.0
RETAILERS = int(os.environ.get("STEWARD_BENCH_RETAILERS", "30000"))
TODAY = date(2026, 10, 12)
QUARTER = Period("2026Q3", date(2026, 7, 1), date(2026, 10, 1))
SCHEME = "tobacco.retailer_grading"
METRICS = (
    "order_volume",
    "order_amount",
    "orders_due",
    "orders_placed",
    "orders_fulfilled",
    "settlement_attempts",
    "settlement_successes",
)


async def run(*, rounds: int = 5) -> list[Ratio]:
    """Fill one county, then grade it and run the bare aggregate in turn."""
    load_floors()
    with bench_cluster() as cluster, tempfile.TemporaryDirectory(prefix="steward-bench-") as folder:
        database = Database(cluster.settings(pool_size=4))
        tools = RunTools(LocalFileStore(Path(folder) / "files"), Path(folder))
        bare = create_engine(driver_url(cluster.superuser()))
        try:
            tenant_id, unit_id = await _county(database)
            _fill(cluster, tenant_id, unit_id)
            pairs = []
            for _ in range(rounds + 1):
                asked = await _bare(database, bare, tenant_id, unit_id)
                graded = await _graded(database, tools, tenant_id, unit_id)
                pairs.append((graded, asked))
                with psycopg.connect(cluster.superuser(), autocommit=True) as connection:
                    connection.execute("delete from app.form_record")
                    connection.execute("vacuum analyze app.form_record")
        finally:
            bare.dispose()
            await database.dispose()
    measured = pairs[1:]  # the first warms up
    return [
        at_most(
            f"grading {RETAILERS:,} retailers, against the bare aggregate over their facts",
            median(graded / asked for graded, asked in measured),
            BAR,
            f"{median(graded for graded, _ in measured):.1f} s against {median(asked for _, asked in measured):.1f} s,"
            f" {len(METRICS) * 6 * RETAILERS:,} facts",
        )
    ]


async def _county(database: Database) -> tuple[UUID, UUID]:
    tenant_id = new_id()
    async with database.directory() as directory:
        directory.add(Tenant(id=tenant_id, key="bench", name="测量公司"))
    async with database.write(tenant_id, BENCH) as session:
        unit = await create_unit(session, code="COUNTY", name="某县", today=date(2020, 1, 1))
        await enable(session, "tobacco")
    return tenant_id, unit.id


def _fill(cluster: BenchCluster, tenant_id: UUID, unit_id: UUID) -> None:
    with psycopg.connect(cluster.superuser(), autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(
            "insert into app.client (tenant_id, id, code, name, kind, status, unit_id, created_by)"
            " select %s, uuidv7(), 'K' || n, '零售户' || n, 'retailer', 'active', %s, %s from generate_series(1, %s) n",
            [tenant_id, unit_id, BENCH.id, RETAILERS],
        )
        connection.execute(
            "insert into app.client_fact (tenant_id, metric, period, client_id, source, revision, value, booked_on,"
            " recorded_by) select tenant_id, metric, month, id, 'import', 1, case metric when 'order_volume' then"
            " floor(random() * 100) when 'order_amount' then floor(random() * 1000000) when 'orders_due' then 4"
            " else floor(random() * 5) end, month + 27, created_by from app.client, unnest(%s::text[]) metric,"
            " (select (date '2026-04-01' + n * interval '1 month')::date as month from generate_series(0, 5) n) months"
            " where tenant_id = %s",
            [list(METRICS), tenant_id],
        )
        connection.execute("vacuum analyze")


async def _bare(database: Database, bare: Engine, tenant_id: UUID, unit_id: UUID) -> float:
    async with database.read(tenant_id, BENCH) as session:
        scheme, settings = await scheme_here(session, SCHEME)
        statement = runner.inputs_select(scheme, QueryContext(session, TODAY, settings), unit_id, QUARTER)
    with bare.connect() as connection:
        connection.execute(text(f"set local work_mem = '{runner.SORT_MEMORY}'"))
        connection.execute(text(f"set local random_page_cost = {runner.PAGE_COST}"))
        start = time.perf_counter()
        rows: Sequence[Any] = connection.execute(statement).all()
        spent = time.perf_counter() - start
    assert len(rows) == RETAILERS
    return spent


async def _graded(database: Database, tools: RunTools, tenant_id: UUID, unit_id: UUID) -> float:
    async with database.write(tenant_id, BENCH) as session:
        grading, asked = await request_grading(session, SCHEME, unit_id, today=TODAY)
    start = time.perf_counter()
    done = await drive(database, tenant_id, BENCH, asked.id, tools)
    spent = time.perf_counter() - start
    assert done.done == RETAILERS
    async with database.write(tenant_id, BENCH) as session:
        assert await session.get(Grading, grading.id) is not None
        await discard(session, grading.id, today=TODAY)
    return spent
