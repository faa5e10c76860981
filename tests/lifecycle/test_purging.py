"""Erasing as the platform's own work: what is due and nothing else, once, however many do it and whoever dies."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy import select

from steward_tenants.database import locks
from steward_tenants.database.database import Database, DatabaseSettings
from steward_tenants.database.locks import TurnLost
from steward_tenants.directory.models import PlatformEvent, Tenant, TenantStatus
from steward_tenants.files.store import LocalFileStore
from steward_tenants.lifecycle import deletion
from steward_tenants.lifecycle.deletion import purge_due, purge_tenant, request_deletion
from steward_tenants.lifecycle.errors import ErasedElsewhere
from steward_tenants.lifecycle.service import resume_tenant
from tests.lifecycle.tenants import OPERATOR, furnished_tenant
from tests.lifecycle.test_deletion import deletable, let_grace_pass, rows_by_table, superuser

__all__ = ["superuser"]
GONE = {"directory.platform_event"}
PATIENCE = 60.0


@pytest_asyncio.fixture(autouse=True)
async def nothing_is_due(database: Database, store: LocalFileStore) -> None:
    """What other tests left to be erased is gone."""
    while await purge_due(database, store):
        pass


async def due_tenant(database: Database, store: LocalFileStore, folder: Path) -> UUID:
    tenant = await deletable(database, store, folder)
    await let_grace_pass(database, tenant.id)
    return tenant.id


async def told(database: Database, tenant_id: UUID) -> list[tuple[str, str]]:
    """What the platform's record says of the erasure: who, and what."""
    async with database.directory() as directory:
        rows = await directory.rows(
            select(PlatformEvent.operator, PlatformEvent.action)
            .where(PlatformEvent.tenant_id == tenant_id, PlatformEvent.action.startswith("tenant.purge"))
            .order_by(PlatformEvent.at)
        )
    return [(row.operator, row.action) for row in rows]


ONCE = [("lifecycle", "tenant.purge_begun"), ("lifecycle", "tenant.purged")]


async def test_only_tenants_whose_time_has_passed_are_erased(
    database: Database, store: LocalFileStore, tmp_path: Path, superuser: str
) -> None:
    active = await furnished_tenant(database, store)
    waiting = await deletable(database, store, tmp_path)
    taken_back = await furnished_tenant(database, store)
    await request_deletion(database, store, taken_back.id, OPERATOR, tmp_path)
    await let_grace_pass(database, taken_back.id)
    await resume_tenant(database, taken_back.id, OPERATOR)
    others = [one.id for one in (active, waiting, taken_back)]
    due = await due_tenant(database, store, tmp_path)
    before = [rows_by_table(superuser, one) for one in others]
    assert await purge_due(database, store) == 1
    assert await purge_due(database, store) == 0
    assert set(rows_by_table(superuser, due)) == GONE
    assert [rows_by_table(superuser, one) for one in others] == before
    assert sorted(path.name for path in store.root.iterdir()) == sorted(map(str, others))
    assert await told(database, due) == ONCE
    async with database.directory() as directory:
        row = await directory.find(Tenant, Tenant.id == waiting.id)
    assert row is not None
    assert row.status == TenantStatus.DELETING


async def test_several_at_once_erase_a_tenant_once(
    database: Database, store: LocalFileStore, tmp_path: Path, superuser: str
) -> None:
    due = [await due_tenant(database, store, tmp_path) for _ in range(3)]
    assert sum(await asyncio.gather(*(purge_due(database, store) for _ in range(4)))) == 3
    for tenant_id in due:
        assert set(rows_by_table(superuser, tenant_id)) == GONE
        assert await told(database, tenant_id) == ONCE


class Held:
    """Stops an erasure at the n-th of its steps until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()
        self._left = step
        self._step: Callable[..., Any] = deletion._erase_some
        monkeypatch.setattr(deletion, "_erase_some", self._do)

    async def _do(self, *given: Any) -> int:
        self._left -= 1
        if self._left == 0:
            self.reached.set()
            await self.go_on.wait()
        return int(await self._step(*given))


async def test_what_one_process_erases_another_passes_over(
    database: Database, store: LocalFileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = await due_tenant(database, store, tmp_path)
    held = Held(monkeypatch, 3)
    first = asyncio.create_task(purge_due(database, store))
    await held.reached.wait()
    assert await purge_due(database, store) == 0
    with pytest.raises(ErasedElsewhere):
        await purge_tenant(database, store, due, OPERATOR)
    held.go_on.set()
    assert await first == 1
    assert await told(database, due) == ONCE


async def test_who_loses_the_turn_stops_and_the_next_completes(
    database: Database,
    store: LocalFileStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    superuser: str,
) -> None:
    due = await due_tenant(database, store, tmp_path)
    monkeypatch.setattr(locks, "SPEAKS_SECONDS", 0.1)
    held = Held(monkeypatch, 4)
    first = asyncio.create_task(purge_tenant(database, store, due, OPERATOR))
    await held.reached.wait()
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid, 5000) from pg_locks where locktype = 'advisory' and granted"
            " and database = (select oid from pg_database where datname = current_database())"
        )
    with pytest.raises(TurnLost):
        await first
    assert await purge_due(database, store) == 1
    assert set(rows_by_table(superuser, due)) == GONE
    assert [action for _, action in await told(database, due)] == ["tenant.purge_begun", "tenant.purged"]


async def test_what_fails_in_one_keeps_no_other_waiting(
    database: Database, store: LocalFileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, superuser: str
) -> None:
    first, second = [await due_tenant(database, store, tmp_path) for _ in range(2)]
    remove = store.remove_tenant

    async def fail(tenant_id: UUID) -> None:
        if tenant_id == first:
            raise ConnectionResetError
        await remove(tenant_id)

    with monkeypatch.context() as patch:
        patch.setattr(store, "remove_tenant", fail)
        assert await purge_due(database, store) == 1
    assert set(rows_by_table(superuser, second)) == GONE
    assert await told(database, first) == ONCE[:1]
    assert await purge_due(database, store) == 1
    assert await told(database, first) == ONCE


def erase_slowly(settings: DatabaseSettings, folder: Path, steps: int, reached: Event) -> None:
    """A process that erases row by row, and gets stuck after some steps."""
    left, step = steps, deletion._erase_some
    deletion.ROWS_AT_ONCE = 1

    async def stuck(database: Database, tenant_id: UUID, table: str) -> int:
        nonlocal left
        left -= 1
        if left <= 0:
            reached.set()
            await asyncio.sleep(3600)
        return await step(database, tenant_id, table)

    deletion._erase_some = stuck

    async def run() -> None:
        database = Database(settings)
        try:
            await purge_due(database, LocalFileStore(folder))
        finally:
            await database.dispose()

    asyncio.run(run())


@pytest.mark.parametrize("steps", [1, 60])
async def test_a_killed_process_leaves_what_the_next_completes(
    database: Database, store: LocalFileStore, tmp_path: Path, superuser: str, steps: int
) -> None:
    due = await due_tenant(database, store, tmp_path)
    before = sum(rows_by_table(superuser, due).values())
    processes = multiprocessing.get_context("spawn")
    reached = processes.Event()
    process = processes.Process(target=erase_slowly, args=(database.settings, store.root, steps, reached), daemon=True)
    process.start()
    try:
        assert await asyncio.to_thread(reached.wait, PATIENCE)
    finally:
        process.kill()
        process.join()
    left = sum(rows_by_table(superuser, due).values())
    assert 0 < left < before
    # The dead process's turn ends when the database notices.
    until = time.monotonic() + PATIENCE
    while not await purge_due(database, store):
        assert time.monotonic() < until
        await asyncio.sleep(0.1)
    assert set(rows_by_table(superuser, due)) == GONE
    assert await told(database, due) == ONCE
