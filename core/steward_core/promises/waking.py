"""When somebody has to look at a tenant's clocks next: one job waits for it, at the earliest moment of all."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import func, select

from steward_core.promises.models import PromiseClock
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.outbox.jobs import Queue
from steward_tenants.outbox.models import JobStatus, OutboxJob
from steward_tenants.outbox.service import enqueue

WATCH = "promises.watch"
"""The job that does what is due about clocks."""
RECOMPUTE = "promises.recompute"
"""The job that reckons open clocks anew after the calendar has changed."""
KEY = "watch"


async def wake(session: WriteSession, at: datetime) -> None:
    """Have the clocks looked at once `at` has come.

    Where a job waits that is due early enough, it is held until this commits: it cannot be done without seeing what is
    written here, and many at once hold it together rather than one after another.
    """
    await session.flush()
    at = max(at, datetime.now(UTC))  # what is long due is due from now on
    held = await session.scalar(
        select(OutboxJob.id)
        .where(
            session.within(OutboxJob),
            OutboxJob.kind == WATCH,
            OutboxJob.unique_key == KEY,
            OutboxJob.status == JobStatus.WAITING.value,
            OutboxJob.due <= at,
        )
        .with_for_update(read=True, skip_locked=True)
    )
    if held is None:
        await enqueue(session, WATCH, {}, due=at, unique_key=KEY, queue=Queue.URGENT)


async def next_change(session: TenantSession) -> datetime | None:
    """The earliest moment at which a clock of this tenant changes by itself."""
    found: datetime | None = await session.scalar(
        select(func.min(PromiseClock.changes_at)).where(
            session.within(PromiseClock), PromiseClock.changes_at.is_not(None)
        )
    )
    return found


async def recompute(session: WriteSession) -> None:
    """Have open clocks reckoned anew: the calendar, business hours or the zone have changed."""
    await enqueue(session, RECOMPUTE, {}, unique_key=RECOMPUTE.partition(".")[2], queue=Queue.NORMAL)
