"""Reading what webhooks are made of: endpoints, deliveries, and events of the sealed log in its order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import and_, exists, func, or_, select

from steward_core.permissions import WEBHOOKS_MANAGE
from steward_core.webhooks.errors import DeliveryNotFound, EndpointNotFound
from steward_core.webhooks.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint
from steward_core.webhooks.rules import PING, Happened, body_of
from steward_tenants.access.rules import require
from steward_tenants.audit.models import AuditEvent, AuditSeal
from steward_tenants.audit.queries import identifiers_in
from steward_tenants.database.session import TenantSession


class Sealed(NamedTuple):
    """An event at its place in the sealed log."""

    batch: int
    place: int
    id: UUID
    at: datetime
    action: str


class Seal(NamedTuple):
    """A sealed batch: its number, its events in order, and the span of time they lie in."""

    batch: int
    event_ids: Sequence[UUID]
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True)
class Wishes:
    """What an active endpoint wants, and how far it was looked at."""

    id: UUID
    cursor: int
    events: Sequence[str]


async def endpoint_of(session: TenantSession, endpoint_id: UUID, *, lock: bool = False) -> WebhookEndpoint:
    """The endpoint of this id. Raises EndpointNotFound."""
    endpoint = await session.get(WebhookEndpoint, endpoint_id, lock=lock)
    if endpoint is None:
        raise EndpointNotFound
    return endpoint


async def delivery_of(session: TenantSession, delivery_id: UUID, *, lock: bool = False) -> WebhookDelivery:
    """The delivery of this id. Raises DeliveryNotFound."""
    delivery = await session.get(WebhookDelivery, delivery_id, lock=lock)
    if delivery is None:
        raise DeliveryNotFound
    return delivery


async def has_active_endpoints(session: TenantSession) -> bool:
    """Whether anything of the tenant's is to be sent anywhere."""
    return bool(
        await session.scalar(select(exists().where(session.within(WebhookEndpoint), WebhookEndpoint.paused.is_(None))))
    )


async def active_endpoints(session: TenantSession) -> list[Wishes]:
    """The endpoints that are told of events."""
    rows = await session.rows(
        select(WebhookEndpoint.id, WebhookEndpoint.cursor, WebhookEndpoint.events)
        .where(session.within(WebhookEndpoint), WebhookEndpoint.paused.is_(None))
        .order_by(WebhookEndpoint.id)
    )
    return [Wishes(row.id, row.cursor, tuple(row.events)) for row in rows]


async def last_batch(session: TenantSession, before: datetime | None = None) -> int:
    """The number of the last sealed batch, of those sealed before then; 0: there is none."""
    statement = select(func.coalesce(func.max(AuditSeal.batch), 0)).where(session.within(AuditSeal))
    if before is not None:
        statement = statement.where(AuditSeal.sealed_at < before)
    return int(await session.scalar(statement))


async def seals_after(
    session: TenantSession, batch: int, most: int, *, since: datetime | None = None, until: datetime | None = None
) -> list[Seal]:
    """The next sealed batches after one; with `since` and `until` those that may hold events of this span."""
    statement = (
        select(AuditSeal.batch, AuditSeal.event_ids, AuditSeal.first_at, AuditSeal.last_at)
        .where(session.within(AuditSeal), AuditSeal.batch > batch)
        .order_by(AuditSeal.batch)
        .limit(most)
    )
    if since is not None:
        statement = statement.where(AuditSeal.last_at >= since)
    if until is not None:
        statement = statement.where(AuditSeal.first_at < until)
    return [Seal(*row) for row in await session.rows(statement)]


async def events_of(session: TenantSession, seals: Sequence[Seal]) -> list[Sealed]:
    """The events of sealed batches, in the order of the log. Those that the log no longer keeps are not among them."""
    if not seals:
        return []
    places = {event: (seal.batch, place) for seal in seals for place, event in enumerate(seal.event_ids)}
    rows = await session.rows(
        select(AuditEvent.id, AuditEvent.at, AuditEvent.action).where(
            session.within(AuditEvent),
            AuditEvent.at >= min(seal.first_at for seal in seals),
            AuditEvent.at <= max(seal.last_at for seal in seals),
            identifiers_in(AuditEvent.id, list(places)),
        )
    )
    return sorted(Sealed(*places[row.id], row.id, row.at, row.action) for row in rows)


async def endpoints_with_work(session: TenantSession, among: Collection[UUID] | None = None) -> list[UUID]:
    """Active endpoints that have something due, do not rest, and that no job is at."""
    now = func.now()
    due = exists().where(
        session.within(WebhookDelivery),
        WebhookDelivery.endpoint_id == WebhookEndpoint.id,
        WebhookDelivery.status == DeliveryStatus.WAITING.value,
        WebhookDelivery.next_at <= now,
    )
    free = and_(
        or_(WebhookEndpoint.lease_until.is_(None), WebhookEndpoint.lease_until <= now),
        or_(WebhookEndpoint.rest_until.is_(None), WebhookEndpoint.rest_until <= now),
    )
    statement = select(WebhookEndpoint.id).where(
        session.within(WebhookEndpoint), WebhookEndpoint.paused.is_(None), free, due
    )
    if among is not None:
        statement = statement.where(identifiers_in(WebhookEndpoint.id, list(among)))
    return list(await session.scalars(statement.order_by(WebhookEndpoint.id)))


async def happened(session: TenantSession, delivery: WebhookDelivery | Any) -> Happened | None:
    """What a delivery tells of; None when the audit log no longer has it."""
    if delivery.event_id is None:
        return Happened(
            delivery.id, delivery.created_at, PING, "system", None, "webhook_endpoint", delivery.endpoint_id
        )
    rows = await session.rows(
        select(
            AuditEvent.id,
            AuditEvent.at,
            AuditEvent.action,
            AuditEvent.actor_kind,
            AuditEvent.actor_id,
            AuditEvent.subject_kind,
            AuditEvent.subject_id,
        ).where(session.within(AuditEvent), AuditEvent.at == delivery.event_at, AuditEvent.id == delivery.event_id)
    )
    return Happened(*rows[0]) if rows else None


async def payload_of(session: TenantSession, delivery: WebhookDelivery) -> str | None:
    """The body of a delivery as it was or will be sent; None when the audit log no longer has the event."""
    event = await happened(session, delivery)
    return None if event is None else body_of(session.tenant_id, event).decode()


async def list_deliveries(
    session: TenantSession,
    *,
    endpoint_id: UUID | None = None,
    status: DeliveryStatus | None = None,
    action: str | None = None,
    since: datetime | None = None,
    limit: int = 50,
) -> Sequence[WebhookDelivery]:
    """Deliveries, the latest first, narrowed by what is given. Raises Forbidden."""
    require(session.actor, WEBHOOKS_MANAGE)
    statement = select(WebhookDelivery).where(session.within(WebhookDelivery))
    if endpoint_id is not None:
        statement = statement.where(WebhookDelivery.endpoint_id == endpoint_id)
    if status is not None:
        statement = statement.where(WebhookDelivery.status == status.value)
    if action is not None:
        statement = statement.where(WebhookDelivery.action == action)
    if since is not None:
        statement = statement.where(WebhookDelivery.created_at >= since)
    order = (WebhookDelivery.created_at.desc(), WebhookDelivery.id.desc())
    return await session.scalars(statement.order_by(*order).limit(limit))
