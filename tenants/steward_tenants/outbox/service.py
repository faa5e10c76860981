"""Writing jobs, in the transaction of the command that wants them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select

from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.directory.models import Doorbell
from steward_tenants.outbox.models import OutboxJob
from steward_tenants.outbox.rules import check_name, fit_payload


async def enqueue(
    session: WriteSession, queue: str, kind: str, payload: Mapping[str, Any], due: datetime | None = None
) -> UUID:
    """Write a job and its doorbell; both stand or fall with the command. Gives the job's id.

    `due` (default: at once) is the earliest moment to run it. Raises UnfitJob when a name is no short key or the
    payload carries more than identifiers, numbers and short keys.
    """
    check_name("queue", queue)
    check_name("kind", kind)
    job_id = new_id()
    job = (
        insert(OutboxJob)
        .values(
            tenant_id=session.tenant_id,
            id=job_id,
            queue=queue,
            kind=kind,
            payload=fit_payload(payload),
            due=func.now() if due is None else due,
        )
        .returning(OutboxJob.queue, OutboxJob.tenant_id, OutboxJob.id, OutboxJob.due)
        .cte("job")
    )
    await session.flush()
    await session.execute(
        insert(Doorbell).from_select(
            ["queue", "tenant_id", "job_id", "due"], select(job.c.queue, job.c.tenant_id, job.c.id, job.c.due)
        )
    )
    return job_id
