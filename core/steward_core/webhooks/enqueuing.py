"""Asking for the work of webhooks: light enough for whoever writes, the sealer among them."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select

from steward_core.webhooks.queries import has_active_endpoints
from steward_tenants.audit.sealing_hooks import when_sealed
from steward_tenants.database.session import WriteSession
from steward_tenants.outbox.jobs import Queue
from steward_tenants.outbox.service import enqueue

PUMP, DELIVER = "webhooks.pump", "webhooks.deliver"


async def enqueue_pump(session: WriteSession) -> None:
    """Have the sealed log looked at."""
    await enqueue(session, PUMP, {}, unique_key="pump", queue=Queue.NORMAL)


async def enqueue_delivery(session: WriteSession, endpoint_id: UUID, seconds: float = 0.0) -> None:
    """Have what waits for an endpoint sent, after so many seconds."""
    due: datetime | None = None
    if seconds > 0:
        due = await session.scalar(select(func.clock_timestamp())) + timedelta(seconds=seconds)
    payload = {"endpoint_id": endpoint_id}
    await enqueue(session, DELIVER, payload, due=due, unique_key=str(endpoint_id), queue=Queue.NORMAL)


@when_sealed
async def pump_what_was_sealed(session: WriteSession) -> None:
    """In the transaction that writes a seal: have it looked at, where there is an endpoint at all."""
    if await has_active_endpoints(session):
        await enqueue_pump(session)
