"""Writing jobs, in the transaction of the command that wants them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, DateTime, and_, case, cast, delete, func, literal, select
from sqlalchemy.dialects.postgresql import Insert, insert

from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.directory.models import Doorbell
from steward_tenants.outbox.errors import UnfitJob
from steward_tenants.outbox.jobs import JOB_KINDS, Payload, Queue
from steward_tenants.outbox.models import WAITING_ONCE, JobStatus, OutboxJob
from steward_tenants.outbox.ringing import ring
from steward_tenants.outbox.rules import check_name, check_unique_key, fit_payload

DOORBELL = ["queue", "tenant_id", "job_id", "due"]
_RETURNED = (OutboxJob.queue, OutboxJob.tenant_id, OutboxJob.id, OutboxJob.due)


async def enqueue(
    session: WriteSession,
    kind: str,
    payload: Mapping[str, Any],
    *,
    due: datetime | None = None,
    unique_key: str | None = None,
    queue: Queue | None = None,
) -> UUID:
    """Write a job and its doorbell; both stand or fall with the command. Gives the job's id.

    `due` (default: at once) is the earliest moment to do it. With a `unique_key`, a job of that kind and key that waits
    already is joined: it keeps its payload and the earlier of the two moments, and is done once more when it had been
    begun. One that has failed keeps the moment of its next attempt: being asked for does not hurry it. `queue` is the
    kind's unless given. Raises UnfitJob when a name is no short key, nobody declares the kind and no queue is given, or
    the payload carries more than identifiers, numbers and short keys.
    """
    row = _row(session, kind, payload, due, queue)
    await session.flush()
    session.after_commit(ring)
    if unique_key is None:
        job = insert(OutboxJob).values(row).returning(*_RETURNED).cte("job")
        await session.execute(_rung(job))
        return UUID(str(row["id"]))
    check_unique_key(unique_key)
    return await _join(session, {**row, "unique_key": unique_key})


async def enqueue_many(
    session: WriteSession,
    kind: str,
    payloads: Sequence[Mapping[str, Any]],
    *,
    due: datetime | None = None,
    queue: Queue | None = None,
) -> list[UUID]:
    """`enqueue` for any number of jobs of one kind, in a few statements. Gives their ids in the given order."""
    rows = [_row(session, kind, payload, due, queue) for payload in payloads]
    if not rows:
        return []
    await session.flush()
    session.after_commit(ring)
    for start in range(0, len(rows), 1000):
        some = rows[start : start + 1000]
        job = insert(OutboxJob).values(some).returning(*_RETURNED).cte("job")
        await session.execute(_rung(job))
    return [row["id"] for row in rows]


def _rung(job: CTE) -> Insert:
    columns = select(job.c.queue, job.c.tenant_id, job.c.id, job.c.due)
    return insert(Doorbell).from_select(DOORBELL, columns)


def _row(
    session: WriteSession, kind: str, payload: Payload, due: datetime | None, queue: Queue | None
) -> dict[str, Any]:
    check_name("kind", kind)
    if queue is None:
        if kind not in JOB_KINDS:
            raise UnfitJob("kind", "is declared by nobody")
        queue = JOB_KINDS[kind].queue
    if due is not None and due.tzinfo is None:
        raise UnfitJob("due", "has no time zone")
    return {
        "tenant_id": session.tenant_id,
        "id": new_id(),
        "queue": Queue(queue).value,
        "kind": kind,
        "payload": fit_payload(payload),
        "due": func.now() if due is None else due,
    }


async def _join(session: WriteSession, row: dict[str, Any]) -> UUID:
    """Insert the job, or bring forward the one that waits for the same; either way with a doorbell, unless the one
    that waits is due earlier or waits after a failure. A second doorbell bears an id of its own: the application may
    insert them only."""
    statement = insert(OutboxJob).values(row)
    given = statement.excluded.due
    failed = and_(OutboxJob.attempts > 0, OutboxJob.error.is_not(None))
    job = statement.on_conflict_do_update(
        index_elements=[OutboxJob.tenant_id, OutboxJob.kind, OutboxJob.unique_key],
        index_where=WAITING_ONCE,
        set_={
            "due": case((failed, OutboxJob.due), else_=func.least(OutboxJob.due, given)),
            "again": func.least(OutboxJob.again, given),
        },
    )
    returned: CTE = job.returning(*_RETURNED, OutboxJob.again).cte("job")
    fresh = returned.c.id == row["id"]
    earlier = returned.c.due == cast(row["due"], DateTime(timezone=True))
    rung = (
        insert(Doorbell)
        .from_select(
            DOORBELL,
            select(
                returned.c.queue,
                returned.c.tenant_id,
                case((fresh, returned.c.id), else_=literal(new_id())),
                returned.c.due,
            ).where(fresh | earlier),
        )
        .cte("rung")
    )
    return UUID(str(await session.scalar(select(returned.c.id).add_cte(rung))))


async def ring_for(session: WriteSession, queue: str, due: datetime | None = None) -> None:
    """Write a doorbell for a job that exists: it was retried, or is due earlier now."""
    await session.execute(
        insert(Doorbell).values(
            queue=queue, tenant_id=session.tenant_id, job_id=new_id(), due=func.now() if due is None else due
        )
    )
    session.after_commit(ring)


async def forget_done_jobs(session: WriteSession, before: datetime) -> int:
    """Delete the jobs that were done or discarded before then. Gives how many; dead ones wait for a person."""
    gone = await session.execute(
        delete(OutboxJob)
        .where(
            session.within(OutboxJob),
            OutboxJob.done_at < before,
            OutboxJob.status.in_([JobStatus.DONE, JobStatus.DISCARDED]),
        )
        .execution_options(preserve_rowcount=True, synchronize_session=False)
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]
