"""The nightly look at clients, from the reading to the last notice: what it costs for each client that is due, whether
that grows with their number, and what a client costs that is not due.

Tenants of two sizes have profiles to be confirmed and contracts that end at each of their clients; a third, as large as
the larger one, has none. An owner has a hundred clients and gets one notice of each sort. What a round told is removed
before the next, so that each tells everything anew; the two of a pair are measured in turn.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from statistics import median
from uuid import UUID

import psycopg

from bench.cluster import LARGE, BenchCluster, bench_cluster
from bench.report import Ratio, at_most
from steward_core.clients.nightly import scan
from steward_tenants.access.queries import today
from steward_tenants.database.database import Database
from steward_tenants.database.floors import load_floors
from steward_tenants.database.identifiers import new_id
from steward_tenants.directory.models import Tenant
from steward_tenants.files.store import LocalFileStore
from steward_tenants.outbox.jobs import JobPlace, JobTools
from steward_tenants.signin.mail import FolderMailer

CLIENTS = int(os.environ.get("STEWARD_BENCH_CLIENTS", "1000000"))
SMALLER = 10
"""How many times smaller the smaller tenant is."""
EACH = 100
"""Clients of an owner."""
ROUNDS = 5
LINEAR_BAR, NOT_DUE_BAR = 1.5, 0.2
ZONE = "Asia/Shanghai"
TODAY = today(ZONE)


@dataclass(frozen=True)
class Scanned:
    """A tenant with so many clients, all of them due or none."""

    place: JobPlace
    clients: int
    due: bool

    @property
    def owners(self) -> int:
        return -(-self.clients // EACH)


async def run(*, rounds: int = ROUNDS) -> list[Ratio]:
    """Fill three tenants, then measure in turn."""
    load_floors()
    with bench_cluster(LARGE) as cluster, tempfile.TemporaryDirectory(prefix="steward-scans-") as folder:
        database = Database(cluster.settings(pool_size=4))
        try:
            large, small, idle = [
                await _tenant(cluster, database, Path(folder), clients, due=due)
                for clients, due in ((CLIENTS, True), (CLIENTS // SMALLER, True), (CLIENTS, False))
            ]
            _tidy(cluster)
            spent: dict[Scanned, list[float]] = {large: [], small: [], idle: []}
            for number in range(rounds + 1):
                for one in (large, small, idle) if number % 2 else (idle, small, large):
                    taken = await _microseconds(cluster, one)
                    if number:
                        spent[one].append(taken)
        finally:
            await database.dispose()
    large_us, small_us, idle_us = (median(spent[one]) for one in (large, small, idle))
    return [
        at_most(
            f"nightly look, each of {large.clients:,} clients that are due, against each of {small.clients:,}",
            median(a / b for a, b in zip(spent[large], spent[small], strict=True)),
            LINEAR_BAR,
            f"{large_us:.2f} us against {small_us:.2f} us a client, {large.owners:,} and {small.owners:,} owners told",
        ),
        at_most(
            f"nightly look, each of {idle.clients:,} clients that are not due, against each that is",
            median(a / b for a, b in zip(spent[idle], spent[large], strict=True)),
            NOT_DUE_BAR,
            f"{idle_us:.2f} us against {large_us:.2f} us a client",
        ),
    ]


async def _microseconds(cluster: BenchCluster, one: Scanned) -> float:
    """What a client cost in one look at a tenant that nobody was told of yet."""
    with psycopg.connect(cluster.superuser()) as connection:
        connection.execute("truncate app.notice_delivery, app.notice, app.outbox_job")
    _tidy(cluster)
    start = time.perf_counter()
    while not await scan(one.place, {}):
        pass
    taken = time.perf_counter() - start
    with psycopg.connect(cluster.superuser()) as connection:
        row = connection.execute(
            "select count(*), count(distinct user_id) from app.notice where tenant_id = %s", [one.place.tenant_id]
        ).fetchone()
    assert row == ((2 * one.owners, one.owners) if one.due else (0, 0)), row
    return taken * 1_000_000 / one.clients


def _tidy(cluster: BenchCluster) -> None:
    with psycopg.connect(cluster.superuser(), autocommit=True) as connection:
        connection.execute("vacuum analyze app.client, app.contract, app.tenant_user, app.notice, app.notice_delivery")


async def _tenant(cluster: BenchCluster, database: Database, folder: Path, clients: int, *, due: bool) -> Scanned:
    tenant_id = new_id()
    async with database.directory() as directory:
        directory.add(Tenant(id=tenant_id, key=f"b{tenant_id.hex[-12:]}", name="测量公司", time_zone=ZONE))
    tools = JobTools(LocalFileStore(folder / "files"), FolderMailer(folder / "mail"), "http://steward.example")
    found = Scanned(JobPlace(database, tenant_id, tools, new_id(), 1), clients, due)
    owners = [new_id() for _ in range(found.owners)]
    ids = [new_id() for _ in range(clients)]
    with psycopg.connect(cluster.superuser()) as connection:
        connection.execute("set session_replication_role = replica")  # what refers is made here, and known to be there
        for table, columns, lines in (
            ("tenant_user", "tenant_id, id, account_id, login, name, email, status", _users(tenant_id, owners)),
            ("client", _CLIENT_COLUMNS, _clients(tenant_id, ids, owners, due=due)),
            ("contract", _CONTRACT_COLUMNS, _contracts(tenant_id, ids, owners, due=due)),
        ):
            with connection.cursor().copy(f"copy app.{table} ({columns}) from stdin".encode()) as copy:
                while block := "".join(islice(lines, 5_000)):
                    copy.write(block)
    return found


_CLIENT_COLUMNS = (
    "tenant_id, id, code, name, kind, tier, status, owner_id, basic_confirmed_on, personal_confirmed_on, created_by"
)
_CONTRACT_COLUMNS = "tenant_id, id, client_id, number, title, status, start_on, end_on, amount, created_by"


def _users(tenant_id: UUID, owners: list[UUID]) -> Iterator[str]:
    for number, owner in enumerate(owners):
        yield f"{tenant_id}\t{owner}\t{new_id()}\towner{number}\t客户经理{number}\towner{number}@example.test\tactive\n"


def _clients(tenant_id: UUID, ids: list[UUID], owners: list[UUID], *, due: bool) -> Iterator[str]:
    confirmed = TODAY - timedelta(days=200 if due else 5)
    for number, client_id in enumerate(ids):
        owner, tier = owners[number // EACH], ("key", "A", "B", "C")[number % 4]
        yield (
            f"{tenant_id}\t{client_id}\tC{number:07}\t客户{number}有限公司\tcompany\t{tier}\tactive\t{owner}"
            f"\t{confirmed - _some(number)}\t{confirmed - _some(number)}\t{owner}\n"
        )


def _contracts(tenant_id: UUID, ids: list[UUID], owners: list[UUID], *, due: bool) -> Iterator[str]:
    for number, client_id in enumerate(ids):
        end = TODAY + (_some(number * 7) + timedelta(days=2) if due else timedelta(days=400))
        yield (
            f"{tenant_id}\t{new_id()}\t{client_id}\tHT{number:07}\t合同\tactive\t{_before(end)}\t{end}\t100000"
            f"\t{owners[number // EACH]}\n"
        )


def _some(number: int) -> timedelta:
    return timedelta(days=number % 20)


def _before(end: date) -> date:
    return end - timedelta(days=730)
