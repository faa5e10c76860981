"""The hourly round of the platform: it begins at once, survives what fails, and stops when told to."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from steward_server import upkeep
from steward_tenants.database.database import Database
from steward_tenants.directory.models import PlatformEvent, Tenant
from steward_tenants.files.store import FileStore, LocalFileStore
from tests.factories import make_tenant


async def test_a_round_that_fails_is_followed_by_the_next_and_keeps_no_other_duty_waiting(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    stop, store = asyncio.Event(), LocalFileStore(tmp_path)

    async def keep_up(given: Database) -> None:
        assert given is database
        done.append("tidied")
        if len(done) == 1:
            raise RuntimeError

    async def purge(given: Database, kept_in: FileStore) -> int:
        assert (given, kept_in) == (database, store)
        done.append("erased")
        if len(done) == 2:
            raise RuntimeError
        stop.set()
        return 0

    monkeypatch.setattr(upkeep, "keep_up_platform", keep_up)
    monkeypatch.setattr(upkeep, "purge_due", purge)
    monkeypatch.setattr(upkeep, "EVERY_SECONDS", 0.01)
    async with asyncio.timeout(20):
        await upkeep.run(database, store, stop)
    assert done == ["tidied", "erased", "tidied", "erased"]


async def test_a_long_round_ends_when_it_is_told_to_stop(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, broken_off = asyncio.Event(), asyncio.Event()

    async def purge(_database: Database, _store: FileStore) -> int:
        stop.set()
        try:
            await asyncio.sleep(3600)
        finally:
            broken_off.set()
        return 0

    monkeypatch.setattr(upkeep, "purge_due", purge)
    async with asyncio.timeout(20):
        await upkeep.run(database, LocalFileStore(tmp_path), stop)
    assert broken_off.is_set()


async def test_a_tenant_whose_time_has_passed_is_erased_by_the_round(database: Database, tmp_path: Path) -> None:
    past, ahead = [
        await make_tenant(database, status="deleting", delete_after=datetime.now(UTC) + timedelta(days=days))
        for days in (-1, 1)
    ]
    stop = asyncio.Event()
    running = asyncio.create_task(upkeep.run(database, LocalFileStore(tmp_path), stop))
    async with asyncio.timeout(60):
        while past in (left := await tenants(database)):
            await asyncio.sleep(0.1)
    stop.set()
    await running
    assert ahead in left
    async with database.directory() as directory:
        actions = await directory.scalars(select(PlatformEvent.action).where(PlatformEvent.tenant_id == past))
        await directory.execute(update(Tenant).where(Tenant.id == ahead).values(delete_after=None))
    assert sorted(actions) == ["tenant.purge_begun", "tenant.purged"]


async def tenants(database: Database) -> set[object]:
    async with database.directory() as directory:
        return set(await directory.scalars(select(Tenant.id)))
