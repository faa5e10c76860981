"""What people do about jobs: see them, retry dead ones, give one up; and what the operator sees of all tenants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete, select

from steward_tenants.access.permissions import JOBS_MANAGE, JOBS_VIEW
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.directory.models import Doorbell, Tenant, TenantStatus
from steward_tenants.errors import Forbidden, NotFound
from steward_tenants.outbox.commands import discard_job, retry_job
from steward_tenants.outbox.errors import JobNotDead, JobOver, JobWaitsAlready
from steward_tenants.outbox.jobs import JobTools, Payload, Queue
from steward_tenants.outbox.models import JobStatus
from steward_tenants.outbox.performing import perform_due
from steward_tenants.outbox.queries import (
    JobCount,
    backlog,
    count_jobs,
    error_text,
    find_job,
    kind_title,
    list_jobs,
)
from steward_tenants.outbox.service import enqueue
from tests.factories import TESTS, actor_with, make_tenant
from tests.outbox.conftest import KindMaker, doorbells, job_of

KEEPER = actor_with(JOBS_VIEW, JOBS_MANAGE)


async def refuse(_session: WriteSession, _payload: Payload, _tools: JobTools) -> None:
    raise NotFound(kind="客户")


async def dead_job(database: Database, tenant_id: UUID, tools: JobTools, unique_key: str | None = None) -> UUID:
    async with database.write(tenant_id, TESTS) as session:
        job_id = await enqueue(session, "tests.kind", {}, unique_key=unique_key)
    await perform_due(database, tenant_id, tools)
    async with database.directory() as directory:
        await directory.execute(delete(Doorbell).where(Doorbell.tenant_id == tenant_id))
    return job_id


async def test_a_dead_job_can_be_retried(database: Database, tools: JobTools, kind: KindMaker) -> None:
    tenant_id = await make_tenant(database)
    kind(refuse)
    job_id = await dead_job(database, tenant_id, tools)
    async with database.write(tenant_id, KEEPER) as session:
        job = await retry_job(session, job_id)
        assert (job.status, job.attempts) == ("waiting", 0)
        assert job.due.tzinfo is not None
    (bell,) = await doorbells(database, tenant_id)
    assert (bell.queue, bell.due <= datetime.now(UTC)) == ("normal", True)
    kind(lambda *_: _nothing())
    assert await perform_due(database, tenant_id, tools) == 1
    assert (await job_of(database, tenant_id, job_id)).status == "done"
    async with database.write(tenant_id, KEEPER) as session:
        with pytest.raises(JobNotDead):
            await retry_job(session, job_id)
    async with database.read(tenant_id, TESTS) as session:
        (event,) = await session.scalars(
            select(AuditEvent).where(session.within(AuditEvent), AuditEvent.subject_id == job_id)
        )
    assert (event.action, event.changes) == ("jobs.retry", {"status": ["dead", "waiting"]})


async def _nothing() -> None:
    pass


async def test_a_dead_job_is_not_retried_beside_one_that_waits(
    database: Database, tools: JobTools, kind: KindMaker
) -> None:
    tenant_id = await make_tenant(database)
    kind(refuse)
    job_id = await dead_job(database, tenant_id, tools, "x")
    async with database.write(tenant_id, TESTS) as session:
        assert await enqueue(session, "tests.kind", {}, unique_key="x") != job_id
    with pytest.raises(JobWaitsAlready):
        async with database.write(tenant_id, KEEPER) as session:
            await retry_job(session, job_id)
    assert (await job_of(database, tenant_id, job_id)).status == "dead"


async def test_a_job_can_be_given_up(database: Database, tools: JobTools, kind: KindMaker) -> None:
    tenant_id = await make_tenant(database)
    kind(refuse)
    dead = await dead_job(database, tenant_id, tools)
    async with database.write(tenant_id, TESTS) as session:
        waiting = await enqueue(session, "tests.kind", {})
    for job_id in (dead, waiting):
        async with database.write(tenant_id, KEEPER) as session:
            job = await discard_job(session, job_id, reason="不再需要")
            assert (job.status, job.done_at is not None) == ("discarded", True)
        async with database.write(tenant_id, KEEPER) as session:
            with pytest.raises(JobOver):
                await discard_job(session, job_id)
            with pytest.raises(JobNotDead):
                await retry_job(session, job_id)
    assert await perform_due(database, tenant_id, tools) == 0


async def test_others_may_not(database: Database, tools: JobTools, kind: KindMaker) -> None:
    tenant_id, other = await make_tenant(database), await make_tenant(database)
    kind(refuse)
    job_id = await dead_job(database, tenant_id, tools)
    for act in (retry_job, discard_job):
        async with database.write(tenant_id, actor_with(JOBS_VIEW)) as session:
            with pytest.raises(Forbidden):
                await act(session, job_id)
        async with database.write(other, KEEPER) as session:
            with pytest.raises(NotFound):
                await act(session, job_id)
    async with database.read(tenant_id, actor_with()) as session:
        for read in (find_job(session, job_id), list_jobs(session), count_jobs(session)):
            with pytest.raises(Forbidden):
                await read
    async with database.read(other, KEEPER) as session:
        with pytest.raises(NotFound):
            await find_job(session, job_id)
        assert list(await list_jobs(session)) == []


async def test_jobs_are_listed_newest_first_and_counted(database: Database, tools: JobTools, kind: KindMaker) -> None:
    tenant_id = await make_tenant(database)
    kind(refuse)
    dead = await dead_job(database, tenant_id, tools)
    async with database.write(tenant_id, TESTS) as session:
        first = await enqueue(session, "tests.kind", {})
        second = await enqueue(session, "other.kind", {}, queue=Queue.BULK)
    async with database.read(tenant_id, KEEPER) as session:
        assert [job.id for job in await list_jobs(session)] == [second, first, dead]
        assert [job.id for job in await list_jobs(session, most=1)] == [second]
        assert [job.id for job in await list_jobs(session, status=JobStatus.DEAD)] == [dead]
        assert [job.id for job in await list_jobs(session, kind="tests.kind", queue=Queue.NORMAL)] == [first, dead]
        assert await count_jobs(session) == [
            JobCount("bulk", "waiting", 1),
            JobCount("normal", "dead", 1),
            JobCount("normal", "waiting", 1),
        ]
        job = await find_job(session, dead)
    text = error_text(job.error)
    assert text is not None
    assert text.en.startswith("No such 客户.")
    assert error_text(None) is None
    assert kind_title(job.kind) == ("测试任务", "Test job")
    assert kind_title("other.kind") == ("other.kind", "other.kind")


async def test_the_backlog_counts_tenants_and_not_jobs(database: Database) -> None:
    """Others in this database may have jobs waiting, so that only what is added counts."""
    due = datetime.now(UTC) - timedelta(days=900)
    async with database.directory() as directory:
        before = {entry.queue: entry for entry in await backlog(directory)}
    assert list(before) == list(Queue)
    tenants = [await make_tenant(database) for _ in range(4)]
    for tenant_id in tenants:
        async with database.write(tenant_id, TESTS) as session:
            for _ in range(3):
                await enqueue(session, "tests.kind", {}, queue=Queue.BULK, due=due)
            await enqueue(session, "tests.kind", {}, queue=Queue.URGENT, due=datetime.now(UTC) + timedelta(days=1))
    async with database.directory() as directory:
        suspended = await directory.find(Tenant, Tenant.id == tenants[0])
        assert suspended is not None
        suspended.status = TenantStatus.SUSPENDED
    async with database.directory() as directory:
        after = {entry.queue: entry for entry in await backlog(directory)}
        await directory.execute(delete(Doorbell).where(Doorbell.tenant_id.in_(tenants)))
    assert after[Queue.BULK].tenants == before[Queue.BULK].tenants + 3
    assert after[Queue.URGENT].tenants == before[Queue.URGENT].tenants
    assert after[Queue.BULK].oldest_seconds >= timedelta(days=899).total_seconds()


async def test_a_job_that_does_not_exist_is_not_found(database: Database) -> None:
    async with database.write(await make_tenant(database), KEEPER) as session:
        for act in (retry_job, discard_job):
            with pytest.raises(NotFound):
                await act(session, new_id())
