"""A field becomes filterable: older rows are indexed by a run, in chunks, beside whoever saves rows meanwhile."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from steward_core.clients.models import Client
from steward_core.custom_fields import indexing
from steward_core.custom_fields.errors import FieldBeingIndexed
from steward_core.custom_fields.index import write_index
from steward_core.custom_fields.models import CustomField, FieldIndexEntry
from steward_core.custom_fields.queries import CustomFilter, custom_conditions
from steward_core.custom_fields.service import change_field, check_custom, create_field, entries_of_custom, fields_of
from steward_core.permissions import CUSTOM_FIELDS_MANAGE
from steward_core.runs.models import Run, RunStatus
from steward_core.runs.service import RunTools, advance, drive
from steward_tenants.database.database import Database
from steward_tenants.files.store import LocalFileStore
from tests.core.factories import make_client
from tests.factories import actor_with, make_tenant

ADMIN = actor_with(CUSTOM_FIELDS_MANAGE)


@pytest.fixture
def tools(tmp_path_factory: pytest.TempPathFactory) -> RunTools:
    return RunTools(LocalFileStore(tmp_path_factory.mktemp("files")))


async def company(database: Database, clients: int) -> tuple[UUID, CustomField]:
    """A tenant with clients that have 0, 1, 2 … seats, and a field that is not filterable yet."""
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        field = await create_field(session, "client", "seats", "integer", {"title_zh": "座位", "title_en": "Seats"})
        for number in range(clients):
            make_client(session, custom={"seats": number})
        make_client(session)
    return tenant, field


async def switch(database: Database, tenant: UUID, field: CustomField, filterable: bool) -> Run:
    async with database.write(tenant, ADMIN) as session:
        await change_field(session, field.id, {"filterable": filterable})
        run = await session.find(
            Run, Run.kind == indexing.INDEXING, Run.subject == str(field.id), Run.status == RunStatus.WAITING
        )
    assert run is not None
    return run


async def indexed(database: Database, tenant: UUID) -> int:
    async with database.read(tenant, ADMIN) as session:
        count: int = await session.scalar(select(func.count()).where(session.within(FieldIndexEntry)))
    return count


async def with_seats(database: Database, tenant: UUID, seats: int) -> int:
    async with database.read(tenant, ADMIN) as session:
        conditions = await custom_conditions(session, "client", [CustomFilter("seats", "ge", seats)], Client.id)
        count: int = await session.scalar(select(func.count()).where(session.within(Client), *conditions))
    return count


async def test_older_rows_are_indexed_and_taken_out_again(
    database: Database, tools: RunTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "CHUNK", 3)
    tenant, field = await company(database, 7)
    run = await switch(database, tenant, field, True)
    with pytest.raises(FieldBeingIndexed):
        await with_seats(database, tenant, 0)
    heard: list[int] = []
    done = await drive(database, tenant, ADMIN, run.id, tools, progress=lambda now: heard.append(now.done))
    assert (done.status, done.done, done.total, done.counts) == (RunStatus.DONE, 8, 8, {"values": 7})
    assert heard == [3, 6, 8]
    assert await with_seats(database, tenant, 5) == 2
    off = await switch(database, tenant, field, False)
    assert (await drive(database, tenant, ADMIN, off.id, tools)).counts == {"values": 7}
    assert await indexed(database, tenant) == 0
    again = await switch(database, tenant, field, True)
    await drive(database, tenant, ADMIN, again.id, tools)
    assert await with_seats(database, tenant, 0) == 7


async def test_a_switch_turned_twice_leaves_one_run(
    database: Database, tools: RunTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "CHUNK", 3)
    tenant, field = await company(database, 7)
    first = await switch(database, tenant, field, True)
    async with database.write(tenant, ADMIN) as session:
        await advance(session, first.id, tools)
    off = await switch(database, tenant, field, False)
    assert (await drive(database, tenant, ADMIN, first.id, tools)).status == RunStatus.CANCELLED
    await drive(database, tenant, ADMIN, off.id, tools)
    assert await indexed(database, tenant) == 0
    async with database.write(tenant, ADMIN) as session:
        still = await session.get(CustomField, field.id)
        assert still is not None
        assert still.indexed_at is None


async def test_a_row_saved_while_the_field_is_switched_is_indexed(database: Database, tools: RunTools) -> None:
    """A transaction that began by the old definition: the run waits for its end and sees its row."""
    tenant, field = await company(database, 2)
    began, switched = asyncio.Event(), asyncio.Event()

    async def save_slowly() -> None:
        async with database.write(tenant, ADMIN) as session:
            values = await check_custom(session, "client", {"seats": 99})
            began.set()
            await switched.wait()
            await asyncio.sleep(0.2)
            client = make_client(session, custom=values)
            await session.flush()
            entries = entries_of_custom(await fields_of(session, "client"), "client", client.id, values)
            assert entries == []
            await write_index(session, entries)

    async def switch_and_run() -> None:
        await began.wait()
        run = await switch(database, tenant, field, True)
        switched.set()
        await drive(database, tenant, ADMIN, run.id, tools)

    await asyncio.gather(save_slowly(), switch_and_run())
    assert await with_seats(database, tenant, 99) == 1


async def test_a_run_done_twice_changes_nothing(database: Database, tools: RunTools) -> None:
    tenant, field = await company(database, 4)
    run = await switch(database, tenant, field, True)
    await drive(database, tenant, ADMIN, run.id, tools)
    async with database.write(tenant, ADMIN) as session:
        await session.execute(
            update(Run)
            .where(session.within(Run), Run.id == run.id)
            .values(status=RunStatus.WAITING, position={}, done=0, counts={})
        )
    done = await drive(database, tenant, ADMIN, run.id, tools)
    assert done.counts == {"values": 4}
    assert await indexed(database, tenant) == 4
