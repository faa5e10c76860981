"""A job's turn at one endpoint: what is to be sent next, and what became of the one before."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update

from steward_core.webhooks.delivery import Answered
from steward_core.webhooks.enqueuing import enqueue_delivery
from steward_core.webhooks.failing import pause_failing
from steward_core.webhooks.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint
from steward_core.webhooks.queries import happened
from steward_core.webhooks.rules import (
    EVENT_HEADER,
    HOLDS,
    SIGNATURE_HEADER,
    body_of,
    given_up,
    next_try,
    rests,
    secret_place,
    signature,
)
from steward_tenants.database.actor import system
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.database.vault import Unreadable

WEBHOOKS = system("webhooks")
LEASE = timedelta(seconds=60)
"""How long a job has an endpoint to itself after its last sign of life; an attempt takes a quarter of that at most."""


@dataclass(frozen=True)
class Ready:
    """A request to send. `error`: it cannot be made, and why."""

    delivery_id: UUID
    url: str
    body: bytes
    headers: Mapping[str, str]
    error: str | None = None

    def failed(self) -> Answered:
        """What becomes of one that cannot be made."""
        return Answered(None, 0, self.error)


@dataclass
class Turn:
    """One job's turn. `more` afterwards: something is due still."""

    database: Database
    tenant_id: UUID
    endpoint_id: UUID
    job_id: UUID
    more: bool = False

    async def first(self) -> Ready | None:
        """Take the endpoint's lease, and what is due first; None: nothing is, or another job is at it."""
        async with self.database.write(self.tenant_id, WEBHOOKS) as session:
            endpoint = await self._endpoint(session)
            return None if endpoint is None else await self._next(session, endpoint, go_on=True)

    async def after(self, ready: Ready, answered: Answered, *, go_on: bool) -> Ready | None:
        """Note what became of a request; what is due next unless the turn is to end."""
        async with self.database.write(self.tenant_id, WEBHOOKS) as session:
            endpoint = await self._endpoint(session)
            if endpoint is None:
                return None
            await _note(session, endpoint, ready, answered)
            await self._read_again(session, endpoint)
            return await self._next(session, endpoint, go_on=go_on)

    async def _endpoint(self, session: WriteSession) -> Any:
        """The endpoint's row, locked so that whoever adds a delivery comes before or after; None: it is gone, or
        another job has it."""
        # Columns, not the mapped row: what jobs note must not count as a change that somebody made to the endpoint.
        rows = await session.rows(
            select(WebhookEndpoint.__table__, func.clock_timestamp().label("clock"))
            .where(session.within(WebhookEndpoint), WebhookEndpoint.id == self.endpoint_id)
            .with_for_update()
        )
        if not rows:
            return None
        row = dict(rows[0]._mapping)
        if row["lease_by"] not in (None, self.job_id) and (row["lease_until"] or row["clock"]) > row["clock"]:
            return None
        return row

    async def _read_again(self, session: WriteSession, endpoint: dict[str, Any]) -> None:
        names = ("paused", "failures", "failing_since", "rest_until")
        columns = [getattr(WebhookEndpoint, name) for name in names]
        rows = await session.rows(
            select(*columns).where(session.within(WebhookEndpoint), WebhookEndpoint.id == self.endpoint_id)
        )
        endpoint.update(zip(names, rows[0], strict=True))

    async def _next(self, session: WriteSession, endpoint: dict[str, Any], *, go_on: bool) -> Ready | None:
        """What is due, with the lease for it; None: nothing is, so the lease is given back and the endpoint looked at
        again when something will be."""
        now = endpoint["clock"]
        delivery, due = await _first(session, endpoint)
        if delivery is not None and go_on:
            await _set(session, self.endpoint_id, lease_by=self.job_id, lease_until=now + LEASE)
            return await _ready(session, endpoint, delivery)
        self.more = delivery is not None
        await _set(session, self.endpoint_id, lease_by=None, lease_until=None)
        if due is not None:
            await enqueue_delivery(session, self.endpoint_id, (due - now).total_seconds())
        return None


async def _first(session: WriteSession, endpoint: Mapping[str, Any]) -> tuple[Any, datetime | None]:
    """The delivery that is due first, or else when the next one will be."""
    now, rest_until = endpoint["clock"], endpoint["rest_until"]
    if rest_until is not None and rest_until > now:
        return None, rest_until
    rows = await session.rows(
        select(WebhookDelivery.__table__)
        .where(*_waiting(session, endpoint), WebhookDelivery.next_at <= now)
        .order_by(WebhookDelivery.batch, WebhookDelivery.place, WebhookDelivery.id)
        .limit(1)
    )
    if rows:
        return rows[0], None
    return None, await session.scalar(select(func.min(WebhookDelivery.next_at)).where(*_waiting(session, endpoint)))


def _waiting(session: WriteSession, endpoint: Mapping[str, Any]) -> list[Any]:
    """The deliveries that wait for an endpoint: a paused one only gets pings."""
    conditions = [
        session.within(WebhookDelivery),
        WebhookDelivery.endpoint_id == endpoint["id"],
        WebhookDelivery.status == DeliveryStatus.WAITING.value,
    ]
    return conditions if endpoint["paused"] is None else [*conditions, WebhookDelivery.event_id.is_(None)]


async def _ready(session: WriteSession, endpoint: Mapping[str, Any], delivery: Any) -> Ready:
    event = await happened(session, delivery)
    if event is None:
        return Ready(delivery.id, "", b"", {}, "event")
    try:
        signing = _secrets(session, endpoint)
    except Unreadable:
        return Ready(delivery.id, "", b"", {}, "secret")
    body = body_of(session.tenant_id, event)
    headers = {
        SIGNATURE_HEADER: signature(signing, body, int(time.time())),
        EVENT_HEADER: event.action,
        "Steward-Delivery": str(delivery.id),
        "Steward-Attempt": str(delivery.attempts + 1),
    }
    return Ready(delivery.id, endpoint["url"], body, headers)


def _secrets(session: WriteSession, endpoint: Mapping[str, Any]) -> Sequence[str]:
    place = secret_place(session.tenant_id, endpoint["id"])
    values = [endpoint["secret"]]
    if endpoint["previous_secret"] is not None and endpoint["previous_until"] > endpoint["clock"]:
        values.append(endpoint["previous_secret"])
    return [session.vault.decrypt(value, place) for value in values]


async def _note(session: WriteSession, endpoint: Mapping[str, Any], ready: Ready, answered: Answered) -> None:
    delivery = await session.get(WebhookDelivery, ready.delivery_id, lock=True)
    if delivery is None or delivery.status != DeliveryStatus.WAITING.value:
        return
    now: datetime = endpoint["clock"]
    delivery.attempts += 1
    delivery.tried_at, delivery.duration_ms = now, answered.duration_ms
    delivery.response_code, delivery.error = answered.response_code, answered.error
    if answered.error is None:
        delivery.status = DeliveryStatus.DELIVERED.value
        await session.flush()
        await _got_through(session, endpoint, now)
        return
    following = None if answered.error == "event" else next_try(delivery.attempts, now, random.random())  # noqa: S311 - no secret
    if following is None or delivery.event_id is None:
        # A ping is tried once: whoever sent it wants to know now.
        delivery.status = DeliveryStatus.DEAD.value
    else:
        delivery.next_at = following
    await session.flush()
    if delivery.event_id is not None and answered.error != "event":
        await _failed(session, endpoint, now, rests(delivery.attempts, following))


async def _got_through(session: WriteSession, endpoint: Mapping[str, Any], now: datetime) -> None:
    await _set(
        session,
        endpoint["id"],
        failures=0,
        failing_since=None,
        rest_until=None,
        delivered_at=now,
    )
    if endpoint["failures"] > HOLDS:
        # The receiver is back: what waits for its next attempt need not wait any longer.
        await session.execute(
            update(WebhookDelivery)
            .where(*_waiting(session, endpoint), WebhookDelivery.next_at > now)
            .values(next_at=now)
            .execution_options(synchronize_session=False)
        )


async def _failed(
    session: WriteSession, endpoint: Mapping[str, Any], now: datetime, rest_until: datetime | None
) -> None:
    since = endpoint["failing_since"] or now
    await _set(
        session,
        endpoint["id"],
        failures=endpoint["failures"] + 1,
        failing_since=since,
        rest_until=rest_until,
    )
    if endpoint["paused"] is None and given_up(since, now):
        await pause_failing(session, endpoint["id"], endpoint["name"])


async def _set(session: WriteSession, endpoint_id: UUID, **values: Any) -> None:
    await session.execute(
        update(WebhookEndpoint)
        .where(session.within(WebhookEndpoint), WebhookEndpoint.id == endpoint_id)
        .values(values)
        .execution_options(synchronize_session=False)
    )
