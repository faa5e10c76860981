"""Settling doorbells: those that were answered go, and one stands for what still waits.

Doorbells are read first, then the jobs: a job that is committed in between has a doorbell that was not read, and
keeps it. Doorbells that stand for work are always new ones, so that two who settle at once cannot remove what the
other relies on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, exists, func, insert, literal, select, tuple_

from steward_tenants.database.actor import system
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import DirectorySession
from steward_tenants.directory.models import Doorbell
from steward_tenants.outbox.jobs import Queue
from steward_tenants.outbox.models import JobStatus, OutboxJob

WORKER = system("worker")
PAGE = 1000
STANDING = 16
"""How many doorbells stand for a tenant's due jobs at most: as many bells as it can use."""


@dataclass(frozen=True)
class Left:
    """What waits in a tenant's queue: how many jobs are due (counted up to STANDING), and the earliest moment at which
    one is or was due; None: nothing waits."""

    due: int
    earliest: datetime | None


async def settle(database: Database, tenant_id: UUID, queue: Queue) -> Left:
    """Take away the doorbells that are due, and leave those that what still waits needs."""
    while True:
        async with database.directory() as directory:
            read = await _due_doorbells(directory, tenant_id, queue)
        left = await what_is_left(database, tenant_id, queue)
        async with database.directory() as directory:
            await _replace(directory, tenant_id, queue, read, left)
        if len(read) < PAGE or left.due:
            return left


async def _due_doorbells(directory: DirectorySession, tenant_id: UUID, queue: Queue) -> list[UUID]:
    return list(
        await directory.scalars(
            select(Doorbell.job_id)
            .where(Doorbell.queue == queue.value, Doorbell.tenant_id == tenant_id, Doorbell.due <= func.now())
            .order_by(Doorbell.due)
            .limit(PAGE)
        )
    )


async def what_is_left(database: Database, tenant_id: UUID, queue: Queue) -> Left:
    """What waits in a tenant's queue, jobs that somebody is doing included."""
    async with database.read(tenant_id, WORKER, even_suspended=True) as session:
        waiting = (
            session.within(OutboxJob),
            OutboxJob.queue == queue.value,
            OutboxJob.status == JobStatus.WAITING.value,
        )
        some = select(OutboxJob.due).where(*waiting).order_by(OutboxJob.due).limit(STANDING).subquery()
        row = (
            await session.rows(
                select(func.count().filter(some.c.due <= func.now()).label("due"), func.min(some.c.due).label("first"))
            )
        )[0]
    return Left(row.due, row.first)


async def _replace(directory: DirectorySession, tenant_id: UUID, queue: Queue, read: list[UUID], left: Left) -> None:
    """In one transaction, new doorbells for those that were read. For a moment to come one that stands already is
    enough: nobody takes that away before it is due."""
    here = (Doorbell.queue == queue.value, Doorbell.tenant_id == tenant_id)
    if read:
        named = [(queue.value, tenant_id, job_id) for job_id in read]
        await directory.execute(
            delete(Doorbell)
            .where(tuple_(Doorbell.queue, Doorbell.tenant_id, Doorbell.job_id).in_(named))
            .execution_options(synchronize_session=False)
        )
    if left.earliest is None or (left.due and not read):
        return
    row = {"queue": queue.value, "tenant_id": tenant_id, "due": left.earliest}
    if left.due:
        await directory.execute(insert(Doorbell), [{**row, "job_id": new_id()} for _ in range(left.due)])
        return
    stands = exists().where(*here, Doorbell.due > func.now(), Doorbell.due <= left.earliest)
    await directory.execute(
        insert(Doorbell).from_select(
            ["queue", "tenant_id", "job_id", "due"],
            select(literal(queue.value), literal(tenant_id), literal(new_id()), literal(left.earliest)).where(~stands),
        )
    )
