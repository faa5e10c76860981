"""The jobs of webhooks: making deliveries of what was sealed, sending them, keeping the log short.

One job at a time delivers to an endpoint (it holds the endpoint's lease), one event after another in the order of the
log. An event that fails holds back later ones for its first three delays, so that a short outage of the receiver
changes no order; then it steps aside, so that one that is never accepted does not stop the others. Every attempt is
noted in a transaction of its own after the answer: a worker that dies in between sends once more.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update

from steward_core.webhooks.addresses import outgoing_policy
from steward_core.webhooks.delivery import Sender
from steward_core.webhooks.enqueuing import DELIVER, PUMP, enqueue_delivery, enqueue_pump
from steward_core.webhooks.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint
from steward_core.webhooks.pumping import pump
from steward_core.webhooks.queries import endpoints_with_work, has_active_endpoints
from steward_core.webhooks.rules import KEPT_FOR, secret_place
from steward_core.webhooks.turns import WEBHOOKS, Turn
from steward_tenants.database.session import WriteSession
from steward_tenants.database.vault import Unreadable
from steward_tenants.outbox.jobs import JobPlace, JobTools, Payload, Queue, declare_job
from steward_tenants.outbox.service import enqueue

UPKEEP = "webhooks.upkeep"
TURN_SECONDS = 10.0
"""After so long other jobs have their turn."""
UPKEEP_EVERY = timedelta(hours=1)
FORGOTTEN_AT_ONCE = 20_000


async def make_deliveries(place: JobPlace, _payload: Payload) -> bool:
    """One turn at the sealed log; False: there is more of it."""
    async with place.database.write(place.tenant_id, WEBHOOKS) as session:
        more = await pump(session)
        for endpoint_id in await endpoints_with_work(session):
            await enqueue_delivery(session, endpoint_id)
        due = datetime.now(UTC) + UPKEEP_EVERY
        await enqueue(session, UPKEEP, {}, due=due, unique_key="upkeep", queue=Queue.BULK)
    return not more


async def deliver(place: JobPlace, payload: Payload) -> bool:
    """One turn at an endpoint; False: more is due."""
    turn = Turn(place.database, place.tenant_id, UUID(payload["endpoint_id"]), place.job_id)
    sender = Sender(outgoing_policy())
    ends = time.monotonic() + TURN_SECONDS
    ready = await turn.first()
    while ready is not None:
        answered = await sender.post(ready.url, ready.body, ready.headers) if ready.error is None else ready.failed()
        ready = await turn.after(ready, answered, go_on=time.monotonic() < ends)
    return not turn.more


async def keep_webhooks(session: WriteSession) -> int:
    """Forget deliveries of more than 30 days ago unless they still wait; gives how many. Ends former secrets whose time
    is over, encrypts anew what an older key encrypted, and sees to endpoints that nobody is at."""
    gone = (
        select(WebhookDelivery.id)
        .where(
            session.within(WebhookDelivery),
            WebhookDelivery.created_at < func.now() - KEPT_FOR,
            WebhookDelivery.status != DeliveryStatus.WAITING.value,
        )
        .limit(FORGOTTEN_AT_ONCE)
    )
    forgotten = await session.scalars(
        delete(WebhookDelivery)
        .where(session.within(WebhookDelivery), WebhookDelivery.id.in_(gone))
        .returning(WebhookDelivery.id)
        .execution_options(synchronize_session=False)
    )
    await _keep_secrets(session)
    for endpoint_id in await endpoints_with_work(session):
        await enqueue_delivery(session, endpoint_id)
    if await has_active_endpoints(session):
        await enqueue_pump(session)
    return len(forgotten)


async def _keep_secrets(session: WriteSession) -> None:
    await session.execute(
        update(WebhookEndpoint)
        .where(
            session.within(WebhookEndpoint),
            or_(WebhookEndpoint.previous_until <= func.now(), WebhookEndpoint.previous_until.is_(None)),
            WebhookEndpoint.previous_secret.is_not(None),
        )
        .values(previous_secret=None, previous_until=None)
        .execution_options(synchronize_session=False)
    )
    rows = await session.scalars(select(WebhookEndpoint).where(session.within(WebhookEndpoint)).with_for_update())
    for row in rows:
        place = secret_place(session.tenant_id, row.id)
        for name in ("secret", "previous_secret"):
            value = getattr(row, name)
            if value is not None and session.vault.outdated(value):
                try:
                    setattr(row, name, session.vault.encrypt(session.vault.decrypt(value, place), place))
                except Unreadable:
                    continue  # deliveries say so, and what to do


async def _upkeep(session: WriteSession, _payload: Payload, _tools: JobTools) -> None:
    await keep_webhooks(session)


declare_job(PUMP, "整理待发送的 Webhook 事件", "Make deliveries of sealed events", beside=make_deliveries)
declare_job(DELIVER, "发送 Webhook 事件", "Deliver to a webhook endpoint", beside=deliver, most_attempts=20)
declare_job(UPKEEP, "整理 Webhook 记录", "Keep the log of deliveries", Queue.BULK, in_session=_upkeep)
