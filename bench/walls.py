"""What the walls cost: a tenant session under signed row-level security against the same query without either.

The other side is what one would write without tenants: the same statement and pool, as a role that no policy
holds, on tables without row-level security, in a transaction that presents nothing.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from statistics import median
from uuid import UUID

import psycopg
from sqlalchemy import Select, bindparam, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from bench.cluster import BenchCluster, bench_cluster
from bench.report import Ratio, at_least
from steward_tenants.database.actor import system
from steward_tenants.database.database import Database, driver_url
from steward_tenants.database.identifiers import new_id
from steward_tenants.directory.models import Tenant
from steward_tenants.people.models import User

BENCH = system("bench")
BAR = 0.75
TENANTS = 20
USERS = 2_000
"""In each tenant."""
Call = Callable[[], Awaitable[None]]


async def run(*, seconds: float = 0.4, rounds: int = 11) -> list[Ratio]:
    """Measure for `rounds` rounds of `seconds` a side; each round has both sides, in turn first."""
    with bench_cluster() as cluster:
        database = Database(cluster.settings(pool_size=16))
        people = await _fill(database)
        await database.dispose()  # a database is cloned only while nobody is in it
        cluster.copy_without_row_security("unwalled")
        plain = create_async_engine(
            driver_url(cluster.superuser("unwalled")), pool_size=16, max_overflow=0, pool_recycle=1800
        )
        try:
            _vacuum(cluster)
            return [
                await _compare(
                    f"a read by primary key, {clients} client{'s' if clients > 1 else ''}",
                    (_walled_read(database, people), _plain_read(plain, people)),
                    clients,
                    seconds=seconds,
                    rounds=rounds,
                )
                for clients in (16, 1)
            ] + [
                await _compare(
                    "a scan of one tenant's 2,000 users, 1 client",
                    (_walled_scan(database, people), _plain_scan(plain, people)),
                    1,
                    seconds=seconds,
                    rounds=rounds,
                )
            ]
        finally:
            await database.dispose()
            await plain.dispose()


async def _fill(database: Database) -> list[tuple[UUID, UUID]]:
    people: list[tuple[UUID, UUID]] = []
    for number in range(TENANTS):
        tenant_id = new_id()
        async with database.directory() as directory:
            directory.add(Tenant(id=tenant_id, key=f"bench-{number}", name="测量公司"))
        rows = [
            {
                "tenant_id": tenant_id,
                "id": new_id(),
                "account_id": new_id(),
                "login": f"{n}@example.test",
                "name": f"{n}",
            }
            for n in range(USERS)
        ]
        async with database.write(tenant_id, BENCH) as session:
            await session.execute(insert(User), rows)
        people += [(tenant_id, row["id"]) for row in rows]  # type: ignore[misc]
    return people


def _vacuum(cluster: BenchCluster) -> None:
    with psycopg.connect(cluster.superuser(), autocommit=True) as connection:
        connection.execute("vacuum analyze")


def _by_key(tenant_id: UUID, user_id: UUID) -> Select[User]:
    return select(User).where(User.tenant_id == bindparam("t", tenant_id, unique=True), User.id == user_id)


def _walled_read(database: Database, people: list[tuple[UUID, UUID]]) -> Call:
    async def call() -> None:
        tenant_id, user_id = random.choice(people)
        async with database.read(tenant_id, BENCH) as session:
            (await session.execute(_by_key(tenant_id, user_id))).scalar_one()

    return call


def _plain_read(engine: AsyncEngine, people: list[tuple[UUID, UUID]]) -> Call:
    async def call() -> None:
        async with AsyncSession(engine, expire_on_commit=False, autoflush=False) as orm:
            (await orm.execute(_by_key(*random.choice(people)))).scalar_one()

    return call


def _count(tenant_id: UUID) -> Select[int]:
    return select(func.count(User.name)).where(User.tenant_id == tenant_id, User.title.is_(None))


def _walled_scan(database: Database, people: list[tuple[UUID, UUID]]) -> Call:
    async def call() -> None:
        tenant_id, _ = random.choice(people)
        async with database.read(tenant_id, BENCH) as session:
            assert await session.scalar(_count(tenant_id)) == USERS

    return call


def _plain_scan(engine: AsyncEngine, people: list[tuple[UUID, UUID]]) -> Call:
    async def call() -> None:
        async with AsyncSession(engine) as orm:
            assert (await orm.execute(_count(random.choice(people)[0]))).scalar_one() == USERS

    return call


async def _compare(name: str, sides: tuple[Call, Call], clients: int, *, seconds: float, rounds: int) -> Ratio:
    walled, plain = sides
    for warm in (walled, plain):
        await _rate(warm, clients, seconds)
    ratios, rates = [], []
    for number in range(rounds):
        pair = {}
        for call in (walled, plain) if number % 2 else (plain, walled):
            pair[call] = await _rate(call, clients, seconds)
        ratios.append(pair[walled] / pair[plain])
        rates.append((pair[walled], pair[plain]))
    with_walls, without = (median(rate[side] for rate in rates) for side in (0, 1))
    spread = f"{min(ratios):.2f}–{max(ratios):.2f}"
    return at_least(name, median(ratios), BAR, f"{with_walls:,.0f}/s against {without:,.0f}/s, rounds {spread}")


async def _rate(call: Call, clients: int, seconds: float) -> float:
    """Calls a second of `clients` at once."""
    done = 0
    start = time.perf_counter()
    end = start + seconds

    async def work() -> None:
        nonlocal done
        while time.perf_counter() < end:
            await call()
            done += 1

    await asyncio.gather(*(work() for _ in range(clients)))
    return done / (time.perf_counter() - start)
