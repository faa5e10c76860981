"""Many tenants over few pooled connections, with cancels, timeouts, errors and rollbacks: no row of a wrong tenant.

The same through PgBouncer in transaction mode where it is installed. The run is made from a seed; a failure names it.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Insert, insert, select, text
from sqlalchemy.exc import DBAPIError

from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.database import Database, DatabaseSettings
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession
from steward_tenants.organisation.models import OrgUnit
from tests.cluster import PASSWORDS, Addresses
from tests.factories import TESTS, make_tenant

pytestmark = pytest.mark.unwatched("reads without a predicate, so that wall 1 alone answers")

TENANTS = 50
CONNECTIONS = 5
AT_ONCE = 20
NORMAL = 2_000
FULL = 200_000
EVERY_UNIT = text("select tenant_id, name from app.org_unit")
SLOW = text("select count(*) from app.org_unit, pg_sleep(0.2)")


@dataclass
class Run:
    """One run: its random source, its tenants, and what came of each transaction."""

    database: Database
    tenants: list[UUID]
    random: random.Random
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    async def look(self, tenant_id: UUID, session: TenantSession) -> None:
        """Read without a predicate; anything but the tenant's own rows is wrong."""
        rows = await session.rows(EVERY_UNIT)
        if not rows or any(row.tenant_id != tenant_id or row.name != str(tenant_id) for row in rows):
            self.wrong.append(f"{tenant_id} saw {[str(row.tenant_id) for row in rows][:5]}")


async def reading(run: Run, tenant_id: UUID) -> None:
    async with run.database.read(tenant_id, TESTS) as session:
        await run.look(tenant_id, session)
        if run.random.random() < 0.2:
            await run.look(tenant_id, session)


async def writing(run: Run, tenant_id: UUID) -> None:
    async with run.database.write(tenant_id, TESTS) as session:
        await session.execute(_event(tenant_id))
        await run.look(tenant_id, session)


async def undone(run: Run, tenant_id: UUID) -> None:
    async with run.database.write(tenant_id, TESTS) as session:
        await session.execute(insert(OrgUnit).values(tenant_id=tenant_id, id=new_id(), code="undone", name="undone"))
        raise LookupError


async def failing(run: Run, tenant_id: UUID) -> None:
    async with run.database.write(tenant_id, TESTS) as session:
        await session.execute(text("select 1 / 0"))


async def intruding(run: Run, tenant_id: UUID) -> None:
    other = run.random.choice(run.tenants)
    async with run.database.write(tenant_id, TESTS) as session:
        await session.execute(_event(other))
        if other != tenant_id:
            run.wrong.append(f"{tenant_id} wrote into {other}")


async def timing_out(run: Run, tenant_id: UUID) -> None:
    async with run.database.write(tenant_id, TESTS, timeout_ms=run.random.choice([1, 5, 20])) as session:
        await session.execute(SLOW)
        run.wrong.append("a statement outlived its time")


async def without_tenant(run: Run, _: UUID) -> None:
    async with run.database.application.connect() as connection:
        rows = (await connection.execute(EVERY_UNIT)).all()
        if rows:
            run.wrong.append(f"a transaction without tenant saw {len(rows)} rows")


async def bulky(run: Run, tenant_id: UUID) -> None:
    async with run.database.write(tenant_id, TESTS) as session:
        await session.execute(_event(tenant_id), [{"id": new_id()} for _ in range(20)])
        await session.execute(text("select repeat('x', 100000) from generate_series(1, 20)"))
        await run.look(tenant_id, session)


def _event(tenant_id: UUID) -> Insert:
    return insert(AuditEvent).values(
        tenant_id=tenant_id,
        id=new_id(),
        action="test",
        actor_kind="system",
        actor_id=tenant_id,
        actor_label="tests",
        subject_kind="test",
        request_id="test",
    )


Kind = Callable[[Run, UUID], Coroutine[Any, Any, None]]
KINDS: dict[Kind, int] = {
    reading: 50,
    writing: 14,
    undone: 6,
    failing: 6,
    intruding: 6,
    timing_out: 4,
    without_tenant: 8,
    bulky: 6,
}
EXPECTED: dict[Kind, tuple[type[Exception], str]] = {
    undone: (LookupError, ""),
    failing: (DBAPIError, "division by zero"),
    intruding: (DBAPIError, "row-level security"),
    # With nobody cancelling, PostgreSQL named a user's request for 23 of 147,754 statements that only ran out of 1 ms.
    # For every other kind a cancel is wrong.
    timing_out: (DBAPIError, "canceling statement due to"),
}


async def one(run: Run) -> None:
    """One transaction of a random kind; one in twelve is cancelled after a random while."""
    (kind,) = run.random.choices(list(KINDS), list(KINDS.values()))
    delay = run.random.choice([0, 0, run.random.uniform(0, 0.002), run.random.uniform(0, 0.02)])
    cancelled = run.random.random() < 1 / 12
    task = asyncio.create_task(kind(run, run.random.choice(run.tenants)))
    if cancelled:
        for _ in range(run.random.randrange(12)):
            await asyncio.sleep(0)
        await asyncio.sleep(delay)
        task.cancel()
    (result,) = await asyncio.gather(task, return_exceptions=True)
    expected = EXPECTED.get(kind)
    if isinstance(result, asyncio.CancelledError) and cancelled:
        run.outcomes["cancelled"] += 1
    elif expected and isinstance(result, expected[0]) and expected[1] in str(result):
        run.outcomes[kind.__name__] += 1
    elif result is None:
        run.outcomes[f"{kind.__name__} done"] += 1
    else:
        run.wrong.append(f"{kind.__name__}{' cancelled' if cancelled else ''}: {result!r}"[:500])


async def interleave(settings: DatabaseSettings, count: int) -> Counter[str]:
    """Run `count` transactions, `AT_ONCE` at a time. Raises AssertionError with the seed when anything is wrong."""
    seed = int(os.environ.get("STEWARD_TEST_SEED") or time.time_ns())
    database = Database(replace(settings, pool_size=CONNECTIONS))
    run = Run(database, [], random.Random(seed))
    try:
        for _ in range(TENANTS):
            run.tenants.append(tenant_id := await make_tenant(database))
            async with database.write(tenant_id, TESTS) as session:
                session.add(OrgUnit(id=new_id(), code="only", name=str(tenant_id)))
        left = iter(range(count))

        async def work() -> None:
            for _ in left:
                await one(run)
                if len(run.wrong) > 5:
                    return

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        assert not run.wrong, f"STEWARD_TEST_SEED={seed}: {run.wrong}"
        await _all_is_as_it_was(run)
    finally:
        await database.dispose()
    return run.outcomes


async def _all_is_as_it_was(run: Run) -> None:
    assert run.database.application.pool.checkedout() == 0  # type: ignore[attr-defined]
    for tenant_id in run.tenants:
        async with run.database.read(tenant_id, TESTS) as session:
            units = await session.rows(select(OrgUnit.tenant_id, OrgUnit.name))
            assert units == [(tenant_id, str(tenant_id))]
            strangers = await session.scalar(
                select(AuditEvent.id).where(AuditEvent.actor_id != tenant_id, AuditEvent.action == "test").limit(1)
            )
            assert strangers is None


def _was_lively(outcomes: Counter[str]) -> None:
    expected = {"cancelled", *(kind.__name__ for kind in EXPECTED), "reading done", "writing done", "bulky done"}
    assert expected <= set(outcomes), outcomes


async def test_interleaved(addresses: Addresses, database_name: str) -> None:
    _was_lively(await interleave(addresses.settings(database_name), NORMAL))


@pytest.mark.full
async def test_interleaved_in_full(addresses: Addresses, database_name: str) -> None:
    _was_lively(await interleave(addresses.settings(database_name), FULL))


needs_pgbouncer = pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="pgbouncer is not installed")


@needs_pgbouncer
async def test_interleaved_through_pgbouncer(addresses: Addresses, database_name: str) -> None:
    with tempfile.TemporaryDirectory() as folder, pgbouncer(addresses, Path(folder)) as port:
        _was_lively(await interleave(_pooled(addresses, database_name, port), NORMAL))


@needs_pgbouncer
@pytest.mark.full
async def test_interleaved_through_pgbouncer_in_full(addresses: Addresses, database_name: str) -> None:
    with tempfile.TemporaryDirectory() as folder, pgbouncer(addresses, Path(folder)) as port:
        _was_lively(await interleave(_pooled(addresses, database_name, port), FULL))


def _pooled(addresses: Addresses, database_name: str, port: int) -> DatabaseSettings:
    through = replace(addresses, port=port)
    return replace(through.settings(database_name), prepared_statements=False)


@contextmanager
def pgbouncer(addresses: Addresses, folder: Path) -> Iterator[int]:
    """PgBouncer in transaction mode before the run's PostgreSQL, with fewer connections than its clients have."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    users = folder / "users.txt"
    users.write_text("".join(f'"{role}" "{password}"\n' for role, password in PASSWORDS.items()))
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host={addresses.host} port={addresses.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {users}\n"
        "pool_mode = transaction\ndefault_pool_size = 3\nmax_client_conn = 100\nlogfile =\npidfile =\n"
        "server_reset_query =\n"
    )
    program = shutil.which("pgbouncer")
    assert program is not None
    user: str | None = None
    if os.geteuid() == 0:
        user = "nobody"
        _open_to(user, folder)
    process = subprocess.Popen(
        [program, "-q", str(settings)], user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _open_to(user: str, folder: Path) -> None:
    ids = pwd.getpwnam(user)
    for path in (folder, *folder.iterdir()):
        os.chown(path, ids.pw_uid, ids.pw_gid)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert process.poll() is None, "pgbouncer ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("pgbouncer does not answer")


@asynccontextmanager
async def _single(addresses: Addresses, database_name: str) -> AsyncIterator[Database]:
    database = Database(replace(addresses.settings(database_name), pool_size=1))
    yield database
    await database.dispose()


@pytest.mark.parametrize("step", range(60))
async def test_a_cancel_at_any_step_leaves_a_clean_connection(
    addresses: Addresses, database_name: str, step: int
) -> None:
    """A transaction is cancelled at its n-th turn of the loop; the next one on the same connection is whole."""
    async with _single(addresses, database_name) as database:
        first, second = await make_tenant(database), await make_tenant(database)
        for tenant_id in (first, second):
            async with database.write(tenant_id, TESTS) as session:
                session.add(OrgUnit(id=new_id(), code="only", name=str(tenant_id)))
        run = Run(database, [first, second], random.Random(step))
        task = asyncio.create_task(bulky(run, first))
        for _ in range(step):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await without_tenant(run, first)
        await writing(run, second)
        await reading(run, second)
        assert run.wrong == []


async def test_a_cancel_inside_a_bulk_write_leaves_no_answers_behind(addresses: Addresses, database_name: str) -> None:
    """The driver sends many rows as a pipeline; interrupted, it would hand old answers to the next statements."""
    async with _single(addresses, database_name) as database:
        first, second = await make_tenant(database), await make_tenant(database)
        for tenant_id in (first, second):
            async with database.write(tenant_id, TESTS) as session:
                session.add(OrgUnit(id=new_id(), code="only", name=str(tenant_id)))
        run = Run(database, [first, second], random.Random(1))

        async def many() -> None:
            async with database.write(first, TESTS) as session:
                await session.execute(_event(first), [{"id": new_id()} for _ in range(400)])

        for number in range(60):
            task = asyncio.create_task(many())
            await asyncio.sleep(number / 2_000)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await reading(run, second)
            await writing(run, second)
            assert run.wrong == [], number


async def test_a_server_that_ends_connections_is_met_by_new_ones(addresses: Addresses, database_name: str) -> None:
    """Every pooled connection is lost between two transactions: nobody notices."""
    async with _single(addresses, database_name) as database:
        tenant_id = await make_tenant(database)
        async with database.write(tenant_id, TESTS) as session:
            session.add(OrgUnit(id=new_id(), code="only", name=str(tenant_id)))
            pid = await session.scalar(text("select pg_backend_pid()"))
        with psycopg.connect(addresses.superuser_dsn, autocommit=True) as superuser:
            superuser.execute("select pg_terminate_backend(%s)", [pid])
        run = Run(database, [tenant_id], random.Random(1))
        await reading(run, tenant_id)
        await writing(run, tenant_id)
        assert run.wrong == []
