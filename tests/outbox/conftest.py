"""What these tests share: tools for jobs, kinds that last as long as a test, and looks at what stands in the tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from steward_tenants.database.database import Database
from steward_tenants.directory.models import Doorbell
from steward_tenants.files.store import LocalFileStore
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.outbox.jobs import JOB_KINDS, Beside, InSession, JobKind, JobTools, Queue
from steward_tenants.outbox.models import OutboxJob
from steward_tenants.signin.mail import FolderMailer
from steward_tenants.texts import Bilingual
from tests.factories import TESTS

KindMaker = Callable[..., str]


@pytest.fixture
def tools(tmp_path: Path) -> JobTools:
    """What a job may use, in a folder of the test."""
    return JobTools(LocalFileStore(tmp_path), FolderMailer(tmp_path), "https://steward.test")


@pytest.fixture
def kind(monkeypatch: pytest.MonkeyPatch) -> KindMaker:
    """Makes a kind that is gone after the test; gives its key."""

    def make(
        in_session: InSession | None = None,
        beside: Beside | None = None,
        *,
        key: str = "tests.kind",
        queue: Queue = Queue.NORMAL,
        most_attempts: int = 8,
        seconds: float = 60.0,
    ) -> str:
        made = JobKind(key, Bilingual("测试任务", "Test job"), queue, in_session, beside, most_attempts, seconds)
        monkeypatch.setitem(JOB_KINDS, key, made)
        return key

    return make


async def doorbells(database: Database, tenant_id: UUID) -> Sequence[Doorbell]:
    """The tenant's doorbells in job queues."""
    queues = [queue.value for queue in Queue]
    async with database.directory() as directory:
        return await directory.scalars(
            select(Doorbell).where(Doorbell.tenant_id == tenant_id, Doorbell.queue.in_(queues)).order_by(Doorbell.due)
        )


async def job_of(database: Database, tenant_id: UUID, job_id: UUID) -> OutboxJob:
    """The job as it stands."""
    async with database.read(tenant_id, TESTS) as session:
        job = await session.get(OutboxJob, job_id)
    assert job is not None
    return job


async def unit_codes(database: Database, tenant_id: UUID) -> Sequence[str]:
    """Which units the tests' jobs have made."""
    async with database.read(tenant_id, TESTS) as session:
        return await session.scalars(select(OrgUnit.code).where(session.within(OrgUnit)).order_by(OrgUnit.code))


async def make_due(database: Database, tenant_id: UUID) -> None:
    """Let every postponed job of the tenant be due now."""
    async with database.write(tenant_id, TESTS) as session:
        await session.execute(update(OutboxJob).where(session.within(OutboxJob)).values(due=func.now()))
