"""What a person does about jobs: try a dead one again, give one up."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError

from steward_tenants.access.permissions import JOBS_MANAGE
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import NotFound
from steward_tenants.outbox.errors import JobNotDead, JobOver, JobWaitsAlready
from steward_tenants.outbox.models import JobStatus, OutboxJob
from steward_tenants.outbox.queries import JOB
from steward_tenants.outbox.service import ring_for


@command("jobs.retry", "重试任务", "Retry a job", permission=JOBS_MANAGE)
async def retry_job(session: WriteSession, job_id: UUID) -> OutboxJob:
    """Have a dead job done again, at once and with all its attempts. Raises Forbidden, NotFound, JobNotDead;
    JobWaitsAlready when another job waits for the same."""
    job = await _locked(session, job_id)
    if job.status != JobStatus.DEAD:
        raise JobNotDead
    try:
        async with session.savepoint():
            job.status, job.attempts, job.again = JobStatus.WAITING.value, 0, None
            job.due = func.clock_timestamp()
            await session.flush()
    except IntegrityError as error:
        raise JobWaitsAlready from error
    await ring_for(session, job.queue)
    await record(session, "jobs.retry", Subject("job", job.id), before={"status": "dead"}, after={"status": "waiting"})
    await session.refresh(job)
    return job


@command("jobs.discard", "放弃任务", "Discard a job", permission=JOBS_MANAGE)
async def discard_job(session: WriteSession, job_id: UUID, *, reason: str | None = None) -> OutboxJob:
    """Give up a job that is dead or waits: it will not be done, or no part of it that is still left. Raises Forbidden,
    NotFound, JobOver."""
    job = await _locked(session, job_id)
    before = job.status
    if before not in (JobStatus.DEAD, JobStatus.WAITING):
        raise JobOver
    job.status = JobStatus.DISCARDED.value
    job.done_at = func.clock_timestamp()
    await record(
        session,
        "jobs.discard",
        Subject("job", job.id),
        before={"status": before},
        after={"status": job.status},
        reason=reason,
    )
    await session.refresh(job)
    return job


async def _locked(session: WriteSession, job_id: UUID) -> OutboxJob:
    job = await session.get(OutboxJob, job_id, lock=True)
    if job is None:
        raise NotFound(kind=JOB)
    return job
