"""An import of clients from a file, against a bare COPY of the rows that it leaves behind.

The import is all that a person waits for: the file read, every row checked in a dry run, then applied in chunks. The
COPY puts the same rows of the same tables, with the same indexes and constraints, into another tenant as superuser,
from text that PostgreSQL itself wrote.
"""

from __future__ import annotations

import csv
import io
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg import sql

from bench.clients import name_of
from bench.cluster import LARGE, BenchCluster, bench_cluster
from bench.report import Ratio, at_least, at_most
from steward_core.clients.models import ClientKind, ClientTier
from steward_core.imports.edge import Place, Request, import_file
from steward_core.runs.service import RunTools
from steward_tenants.database.actor import system
from steward_tenants.database.database import Database
from steward_tenants.database.floors import load_floors
from steward_tenants.database.identifiers import new_id
from steward_tenants.directory.models import Tenant
from steward_tenants.files.store import LocalFileStore

BENCH = system("bench")
COPY_BAR, FLAT_BAR = 0.3, 1.5
LARGEST = int(os.environ.get("STEWARD_BENCH_IMPORT", "100000"))
"""Set STEWARD_BENCH_IMPORT=1000000 to follow the cost per row up to a million; that takes a quarter of an hour."""
COPIED = 100_000
"""Beyond, only the cost of a row is of interest."""
TODAY = date(2026, 11, 16)
TABLES = ("client", "client_ownership", "client_search_key", "contact", "client_change", "import_effect")
HEAD = ("客户编码", "客户名称", "客户类型", "客户等级", "状态", "地址", "联系电话")


async def run() -> list[Ratio]:
    """One import for each size, each into a tenant of its own; each is then copied into another."""
    load_floors()
    sizes = [size for size in (1_000, 10_000, 100_000, 1_000_000) if size <= LARGEST]
    with bench_cluster(LARGE) as cluster, tempfile.TemporaryDirectory(prefix="steward-bench-") as folder:
        database = Database(cluster.settings(pool_size=4))
        tools = RunTools(LocalFileStore(Path(folder) / "files"), Path(folder))
        try:
            measured: dict[int, tuple[float, float | None]] = {}
            async with _tenant(database) as warm:
                await _imported(database, tools, warm, 200)
            for size in sizes:
                async with _tenant(database) as tenant_id, _tenant(database) as other_id:
                    spent = await _imported(database, tools, tenant_id, size)
                    copied = _copied(cluster, tenant_id, other_id) if size <= COPIED else None
                    measured[size] = (spent, copied)
                    print(f"import of {size:,}: {spent:.1f} s, COPY {copied} s", file=sys.stderr, flush=True)
        finally:
            await database.dispose()
    return _ratios(measured)


def _ratios(measured: dict[int, tuple[float, float | None]]) -> list[Ratio]:
    ratios = [
        at_least(
            f"import of {size:,} clients, against a bare COPY of the same rows",
            copied / imported,
            COPY_BAR,
            f"{imported:.1f} s ({size / imported:,.0f} clients/s) against {copied:.1f} s",
        )
        for size, (imported, copied) in measured.items()
        if size >= 100_000 and copied is not None
    ]
    sizes = [size for size in measured if size >= 10_000] or list(measured)
    per_row = {size: measured[size][0] / size * 1e6 for size in measured}
    ratios.append(
        at_most(
            f"cost of a row, {sizes[-1]:,} clients against {min(measured):,}",
            per_row[sizes[-1]] / per_row[min(measured)],
            FLAT_BAR,
            ", ".join(f"{size:,}: {cost:,.0f} µs" for size, cost in per_row.items()),
        )
    )
    return ratios


@asynccontextmanager
async def _tenant(database: Database) -> AsyncIterator[UUID]:
    tenant_id = new_id()
    async with database.directory() as directory:
        directory.add(Tenant(id=tenant_id, key=f"b{tenant_id.hex[-12:]}", name="测量公司"))
    async with database.write(tenant_id, BENCH) as session:
        session.add(ClientKind(key="company", title_zh="企业", title_en="Company"))
        session.add(*(ClientTier(key=key, title_zh=key, title_en=key, rank=n) for n, key in enumerate("ABC", 1)))
    yield tenant_id


def _file(size: int) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEAD)
    for number in range(size):
        name = name_of(number)
        phone = f"0101{number % 10_000_000:07}"
        address = f"{name[:2]}市中心路{number % 999}号"
        writer.writerow((f"C{number:07}", name, "企业", "ABC"[number % 3], "active", address, phone))
    return text.getvalue().encode("utf-8-sig")


async def _imported(database: Database, tools: RunTools, tenant_id: UUID, size: int) -> float:
    content = _file(size)
    place = Place(database, tools, tenant_id, BENCH, TODAY, "Asia/Shanghai")
    start = time.perf_counter()
    batch = await import_file(place, content, "clients.csv", Request("client"))
    spent = time.perf_counter() - start
    assert batch.counts["created"] == size, batch.counts
    return spent


def _copied(cluster: BenchCluster, tenant_id: UUID, other_id: UUID) -> float:
    """Seconds that COPY takes for all rows of a tenant's tables, made another tenant's beforehand."""
    dumps: list[tuple[str, list[str], list[bytes]]] = []
    with psycopg.connect(cluster.superuser(), autocommit=True) as connection:
        for table in TABLES:
            columns = [
                row[0]
                for row in connection.execute(
                    "select attname::text from pg_attribute where attrelid = ('app.' || %s)::regclass"
                    " and attnum > 1 and not attisdropped order by attnum",
                    [table],
                )
            ]
            listed = sql.SQL(", ").join(map(sql.Identifier, columns))
            out = sql.SQL("copy (select {}::uuid, {} from app.{} where tenant_id = {}) to stdout").format(
                sql.Literal(other_id), listed, sql.Identifier(table), sql.Literal(tenant_id)
            )
            with connection.cursor().copy(out) as copy:
                dumps.append((table, columns, [bytes(block) for block in copy]))
        _same_batches(connection, tenant_id, other_id)
        start = time.perf_counter()
        with connection.transaction():
            for table, columns, blocks in dumps:
                into = sql.SQL("copy app.{} (tenant_id, {}) from stdin").format(
                    sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
                )
                with connection.cursor().copy(into) as copy:
                    for block in blocks:
                        copy.write(block)
        return time.perf_counter() - start


def _same_batches(connection: psycopg.Connection[tuple[object, ...]], tenant_id: UUID, other_id: UUID) -> None:
    """The rows that the copied ones refer to."""
    for table in ("stored_file", "import_batch"):
        connection.execute(
            sql.SQL(
                "insert into app.{table}"
                " select (jsonb_populate_record(t, jsonb_build_object('tenant_id', {other}::text))).*"
                " from app.{table} t where tenant_id = {tenant}"
            ).format(table=sql.Identifier(table), other=sql.Literal(str(other_id)), tenant=sql.Literal(tenant_id))
        )
