"""The jobs of regular work: what has ended is forgotten, days come, a broken audit log is told of, exports are made."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from steward_core.clients import contracts
from steward_core.clients.hand_over import HandOverSelection, plan_hand_over
from steward_core.clients.models import Client, Contract
from steward_core.notifications.models import Notice
from steward_core.permissions import RECORDS_IMPORT
from steward_core.runs.service import request_run
from steward_core.upkeep import audit_watch, jobs  # noqa: F401 - declares the kinds
from steward_core.upkeep.exports import request_export
from steward_core.upkeep.platform import keep_up_platform
from steward_core.upkeep.tenant import DONE_JOBS_KEPT
from steward_tenants.access.permissions import AUDIT_READ, EXPORT_TENANT
from steward_tenants.audit.models import AuditEvent
from steward_tenants.audit.report import FindingKind, VerificationReport
from steward_tenants.commands.models import IdempotencyRecord
from steward_tenants.commands.service import KEPT_FOR
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.directory.models import OneTimeToken, TokenPurpose
from steward_tenants.errors import Forbidden
from steward_tenants.files.models import StoredFile
from steward_tenants.files.service import add_upload, delete_file
from steward_tenants.outbox.jobs import JOB_KINDS
from steward_tenants.outbox.models import JobStatus, OutboxJob
from steward_tenants.outbox.service import enqueue
from tests.core.factories import make_client
from tests.core.runs.places import job_tools, perform, somebody
from tests.factories import TESTS, make_account, make_tenant, make_unit, make_user


async def asked(database: Database, tenant_id: UUID, kind: str) -> None:
    """Have a job of this kind wait."""
    assert kind in JOB_KINDS
    async with database.write(tenant_id, TESTS) as session:
        await enqueue(session, kind, {})


async def test_what_ended_is_forgotten(database: Database, tmp_path: Path) -> None:
    tenant_id = await make_tenant(database)
    old = datetime.now(UTC) - max(KEPT_FOR, DONE_JOBS_KEPT) - timedelta(minutes=1)
    store, file_id = job_tools(tmp_path).files, new_id()
    written = await store.write(tenant_id, file_id, _once(b"hello"), 100)
    async with database.write(tenant_id, TESTS) as session:
        session.add(
            IdempotencyRecord(actor_id=tenant_id, key="k", command="c", input_digest=b"", answer=1, created_at=old),
            OutboxJob(id=new_id(), queue="bulk", kind="tests.done", status=JobStatus.DONE, done_at=old),
            OutboxJob(id=new_id(), queue="bulk", kind="tests.dead", status=JobStatus.DEAD, tried_at=old),
        )
        await add_upload(session, file_id, written, "a.txt", "text/plain")
        await delete_file(session, file_id)
    await asked(database, tenant_id, "upkeep.tenant")
    assert await perform(database, tenant_id, tmp_path) == 1
    async with database.read(tenant_id, TESTS) as session:
        assert await session.scalar(select(func.count()).where(session.within(IdempotencyRecord))) == 0
        kinds = await session.scalars(select(OutboxJob.kind).where(session.within(OutboxJob)).order_by(OutboxJob.id))
    assert sorted(kinds) == ["tests.dead", "upkeep.tenant"], "what is dead waits for a person"
    assert await store.listing(tenant_id) == []


async def test_runs_that_lost_their_job_get_one(database: Database, tmp_path: Path) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        await request_run(session, contracts.RUN_KIND, parameters={"on": "2026-11-22"})
        lost = update(OutboxJob).where(session.within(OutboxJob))
        await session.execute(lost.values(status=JobStatus.DISCARDED, done_at=func.now()))
    await asked(database, tenant_id, "upkeep.tenant")
    assert await perform(database, tenant_id, tmp_path) == 2


async def test_the_platforms_tokens_are_forgotten(database: Database) -> None:
    account = await make_account(database)
    async with database.directory() as directory:
        directory.add(
            OneTimeToken(
                digest=new_id().bytes * 2,
                purpose=TokenPurpose.PASSWORD_RESET,
                account_id=account.id,
                expires_at=datetime.now(UTC) - timedelta(days=400),
            )
        )
    await keep_up_platform(database)
    async with database.directory() as directory:
        mine = select(func.count()).where(OneTimeToken.account_id == account.id)
        assert await directory.scalar(mine) == 0


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def test_a_broken_audit_log_is_told_of_once(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant_id = await make_tenant(database)
    auditor, _ = await somebody(database, tenant_id, AUDIT_READ)
    await somebody(database, tenant_id, RECORDS_IMPORT)
    await asked(database, tenant_id, "audit.verify")
    assert await perform(database, tenant_id, tmp_path) == 1
    assert await _notices(database, tenant_id) == [], "an intact log is no news"

    async def broken(_database: Database, tenant: UUID) -> VerificationReport:
        report = VerificationReport(tenant, last_batch=3)
        report.found(FindingKind.CHAIN_BROKEN, 2)
        return report

    monkeypatch.setattr(audit_watch, "verify", broken)
    for _ in range(2):
        await asked(database, tenant_id, "audit.verify")
        await perform(database, tenant_id, tmp_path)
    (notice,) = await _notices(database, tenant_id)
    assert (notice.user_id, notice.kind) == (auditor.id, "audit.broken")


async def _notices(database: Database, tenant_id: UUID) -> list[Notice]:
    async with database.read(tenant_id, TESTS) as session:
        return list(await session.scalars(select(Notice).where(session.within(Notice))))


async def test_an_export_is_made_for_the_person_who_asked(database: Database, tmp_path: Path) -> None:
    tenant_id = await make_tenant(database)
    person, actor = await somebody(database, tenant_id, EXPORT_TENANT)
    _, other = await somebody(database, tenant_id, RECORDS_IMPORT)
    async with database.write(tenant_id, other) as session:
        with pytest.raises(Forbidden):
            await request_export(session)
    async with database.write(tenant_id, TESTS) as session:
        with pytest.raises(Forbidden):
            await request_export(session)
    async with database.write(tenant_id, actor) as session:
        assert await request_export(session) == await request_export(session)
    await perform(database, tenant_id, tmp_path)
    async with database.read(tenant_id, TESTS) as session:
        (file,) = await session.scalars(select(StoredFile).where(session.within(StoredFile)))
    assert file.owner_id == person.id
    assert [(one.user_id, one.kind) for one in await _notices(database, tenant_id)] == [(person.id, "tenant.exported")]


async def test_hand_overs_and_contracts_take_effect_on_their_day(database: Database, tmp_path: Path) -> None:
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
        for each in (tenant_id, idle):
            await asked(database, each, "upkeep.tenant")
            await perform(database, each, tmp_path)
    async with database.read(tenant_id, TESTS) as session:
        owners = {row.id: row.owner_id for row in await session.scalars(select(Client).where(session.within(Client)))}
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
