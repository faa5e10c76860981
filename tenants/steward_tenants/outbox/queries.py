"""Reading jobs: one with its texts, many by status and kind, and how much waits on the whole platform."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, text

from steward_tenants.access.permissions import JOBS_VIEW
from steward_tenants.access.rules import require
from steward_tenants.database.session import DirectorySession, TenantSession
from steward_tenants.errors import NotFound
from steward_tenants.outbox.jobs import JOB_KINDS, Queue
from steward_tenants.outbox.models import JobStatus, OutboxJob
from steward_tenants.texts import Bilingual

JOB = Bilingual("任务", "job")
MOST_LISTED = 1000

# A loose scan over the doorbells: its cost grows with the tenants that have jobs waiting, not with the jobs.
BACKLOG = text(
    """
    with recursive waiting(queue, tenant_id, due) as (
      select q.queue, n.tenant_id, n.due from unnest(cast(:queues as text[])) as q(queue) cross join lateral
        (select d.tenant_id, d.due from directory.doorbell d
          where d.queue = q.queue order by d.tenant_id, d.due limit 1) n
      union all
      select w.queue, n.tenant_id, n.due from waiting w cross join lateral
        (select d.tenant_id, d.due from directory.doorbell d
          where d.queue = w.queue and d.tenant_id > w.tenant_id order by d.tenant_id, d.due limit 1) n
    )
    select w.queue, count(*) as tenants, extract(epoch from clock_timestamp() - min(w.due))::float8 as oldest
      from waiting w join directory.tenant t on t.id = w.tenant_id and t.status = 'active'
     where w.due <= clock_timestamp() group by w.queue
    """
)


@dataclass(frozen=True)
class Backlog:
    """How many active tenants have a job of this queue due, and for how many seconds the oldest has been."""

    queue: Queue
    tenants: int
    oldest_seconds: float


@dataclass(frozen=True)
class JobCount:
    """How many jobs of a tenant stand so. Only those that wait or are dead are counted: the others are many."""

    queue: str
    status: str
    jobs: int


async def backlog(directory: DirectorySession) -> list[Backlog]:
    """What is due on the platform, for each job queue. Suspended tenants' jobs do not count: they may wait."""
    rows = await directory.rows(BACKLOG, {"queues": [queue.value for queue in Queue]})
    found = {row.queue: row for row in rows}
    return [
        Backlog(queue, found[queue.value].tenants, found[queue.value].oldest)
        if queue.value in found
        else Backlog(queue, 0, 0.0)
        for queue in Queue
    ]


async def find_job(session: TenantSession, job_id: UUID) -> OutboxJob:
    """A job of this tenant. Raises Forbidden, NotFound."""
    require(session.actor, JOBS_VIEW)
    job = await session.get(OutboxJob, job_id)
    if job is None:
        raise NotFound(kind=JOB)
    return job


async def list_jobs(
    session: TenantSession,
    *,
    status: JobStatus | None = None,
    kind: str | None = None,
    queue: Queue | None = None,
    after: UUID | None = None,
    most: int = 100,
) -> Sequence[OutboxJob]:
    """The newest jobs, at most `most` (up to 1000), from the one that follows `after` on. Raises Forbidden."""
    require(session.actor, JOBS_VIEW)
    conditions = [session.within(OutboxJob)]
    for column, value in ((OutboxJob.status, status), (OutboxJob.kind, kind), (OutboxJob.queue, queue)):
        if value is not None:
            conditions.append(column == str(value))
    if after is not None:
        conditions.append(OutboxJob.id < after)
    found: Sequence[OutboxJob] = await session.scalars(
        select(OutboxJob).where(*conditions).order_by(OutboxJob.id.desc()).limit(max(1, min(most, MOST_LISTED)))
    )
    return found


async def count_jobs(session: TenantSession) -> list[JobCount]:
    """How many jobs wait, and how many are dead, in each queue. Raises Forbidden."""
    require(session.actor, JOBS_VIEW)
    rows: Sequence[Row[Any]] = await session.rows(
        select(OutboxJob.queue, OutboxJob.status, func.count().label("jobs"))
        .where(session.within(OutboxJob), OutboxJob.status.in_([JobStatus.WAITING, JobStatus.DEAD]))
        .group_by(OutboxJob.queue, OutboxJob.status)
        .order_by(OutboxJob.queue, OutboxJob.status)
    )
    return [JobCount(row.queue, row.status, row.jobs) for row in rows]


def kind_title(kind: str) -> Bilingual:
    """What a kind is called; its key when this program does not know it."""
    known = JOB_KINDS.get(kind)
    return Bilingual(kind, kind) if known is None else known.title


def error_text(error: dict[str, Any] | None) -> Bilingual | None:
    """The texts of a kept error."""
    if not error:
        return None
    return Bilingual(error["message"]["zh-CN"], error["message"]["en"])
