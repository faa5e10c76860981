"""Hourly upkeep: what has ended is forgotten in every open tenant, and a shut one stops nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from steward_core.clients.hand_over import HandOverSelection, plan_hand_over
from steward_core.clients.models import Client, Contract
from steward_server import upkeep
from steward_tenants.audit.models import AuditEvent
from steward_tenants.commands.models import IdempotencyRecord
from steward_tenants.commands.service import KEPT_FOR
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.directory.models import OneTimeToken, Tenant, TenantStatus, TokenPurpose
from steward_tenants.files.service import add_upload, delete_file
from steward_tenants.files.store import LocalFileStore
from tests.cluster import Addresses
from tests.core.factories import make_client
from tests.factories import TESTS, make_account, make_tenant, make_unit, make_user


async def test_what_ended_is_forgotten_everywhere(addresses: Addresses, worker_id: str, tmp_path: Path) -> None:
    name = f"steward_upkeep_{worker_id}"
    addresses.clone(name)
    database = Database(addresses.settings(name))
    try:
        tenants = [await make_tenant(database) for _ in range(3)]
        account = await make_account(database)
        async with database.directory() as directory:
            directory.add(
                OneTimeToken(
                    digest=b"x" * 32,
                    purpose=TokenPurpose.PASSWORD_RESET,
                    account_id=account.id,
                    expires_at=datetime.now(UTC) - timedelta(days=400),
                )
            )
        for tenant_id in tenants:
            async with database.write(tenant_id, TESTS) as session:
                session.add(
                    IdempotencyRecord(
                        actor_id=tenant_id,
                        key="k",
                        command="c",
                        input_digest=b"",
                        answer=1,
                        created_at=datetime.now(UTC) - KEPT_FOR - timedelta(minutes=1),
                    )
                )
        async with database.directory() as directory:
            shut = update(Tenant).where(Tenant.id == tenants[0]).values(status=TenantStatus.SUSPENDED)
            await directory.execute(shut)
        database.forget_status(tenants[0])

        stop = asyncio.Event()
        running = asyncio.create_task(upkeep.run(database, LocalFileStore(tmp_path), stop))
        async with asyncio.timeout(20):
            while await _left(database, tenants[2]):
                await asyncio.sleep(0.05)
        stop.set()
        await running

        assert [await _left(database, tenant_id) for tenant_id in tenants] == [1, 0, 0]
        async with database.directory() as directory:
            assert await directory.scalar(select(func.count(OneTimeToken.digest))) == 0
    finally:
        await database.dispose()
        addresses.drop(name)


async def _left(database: Database, tenant_id: UUID) -> int:
    async with database.read(tenant_id, TESTS, even_suspended=True) as session:
        return int(await session.scalar(select(func.count()).where(session.within(IdempotencyRecord))))


async def test_one_tenants_failure_keeps_no_other_waiting_and_files_are_swept(
    addresses: Addresses, worker_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"steward_sweep_{worker_id}"
    addresses.clone(name)
    database, store = Database(addresses.settings(name)), LocalFileStore(tmp_path)
    try:
        broken, sound = [await make_tenant(database) for _ in range(2)]
        file_id = new_id()
        written = await store.write(sound, file_id, _once(b"hello"), 100)
        async with database.write(sound, TESTS) as session:
            await add_upload(session, file_id, written, "a.txt", "text/plain")
            await delete_file(session, file_id)

        async def forget(session: WriteSession) -> int:
            if session.tenant_id == broken:
                raise RuntimeError
            return 0

        monkeypatch.setattr(upkeep, "forget_ended_sessions", forget)
        await upkeep.keep_up(database, store)
        assert await store.listing(sound) == []
    finally:
        await database.dispose()
        addresses.drop(name)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def test_hand_overs_and_contracts_take_effect_on_their_day(
    addresses: Addresses, worker_id: str, tmp_path: Path
) -> None:
    name = f"steward_days_{worker_id}"
    addresses.clone(name)
    database = Database(addresses.settings(name))
    try:
        tenant_id, idle = await make_tenant(database), await make_tenant(database)
        day = datetime.now(ZoneInfo("Asia/Shanghai")).date()
        async with database.write(tenant_id, TESTS) as session:
            unit = make_unit(session)
            old, new = make_user(session, unit_id=unit.id), make_user(session, unit_id=unit.id)
            await session.flush()
            clients = [make_client(session, owner_id=old.id, unit_id=unit.id) for _ in range(3)]
            await session.flush()
            ends = {"HT-1": day - timedelta(days=1), "HT-2": day}
            session.add(
                *(
                    Contract(
                        id=new_id(),
                        client_id=clients[0].id,
                        number=number,
                        title="专线",
                        start_on=day - timedelta(days=30),
                        end_on=end,
                        created_by=TESTS.id,
                    )
                    for number, end in ends.items()
                )
            )
            tomorrow = day + timedelta(days=1)
            for client, on in ((clients[0], tomorrow), (clients[1], tomorrow)):
                selection = HandOverSelection(client_ids=(client.id,))
                made = await plan_hand_over(session, selection, new.id, effective_on=on, reason="调岗", today=day)
                if client is clients[0]:
                    made.effective_on = day  # as it is when the day has come
        for _ in range(2):
            await upkeep.keep_up(database, LocalFileStore(tmp_path))
        async with database.read(tenant_id, TESTS) as session:
            owners = {
                row.id: row.owner_id for row in await session.scalars(select(Client).where(session.within(Client)))
            }
            assert [owners[client.id] for client in clients] == [new.id, old.id, old.id]
            statuses = await session.rows(select(Contract.number, Contract.status).where(session.within(Contract)))
            assert dict(map(tuple, statuses)) == {"HT-1": "ended", "HT-2": "active"}
            told = await session.scalars(
                select(AuditEvent.action).where(
                    session.within(AuditEvent),
                    AuditEvent.action.in_(("clients.hand_over.apply", "clients.contract.end_past")),
                )
            )
            assert sorted(told) == ["clients.contract.end_past", "clients.hand_over.apply"], "once each"
        async with database.read(idle, TESTS) as session:
            assert await session.scalar(select(func.count(AuditEvent.id)).where(session.within(AuditEvent))) == 0
    finally:
        await database.dispose()
        addresses.drop(name)
