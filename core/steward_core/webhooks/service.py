"""Setting up endpoints, rotating their secrets, trying them out, and sending again what was sent before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update

from steward_core.permissions import WEBHOOKS_MANAGE
from steward_core.webhooks.addresses import outgoing_policy, read_target
from steward_core.webhooks.enqueuing import enqueue_delivery, enqueue_pump
from steward_core.webhooks.errors import EndpointPaused, TooManyEndpoints
from steward_core.webhooks.models import (
    LONGEST_NAME,
    DeliveryStatus,
    PauseReason,
    WebhookDelivery,
    WebhookEndpoint,
)
from steward_core.webhooks.pumping import fresh_start, replay_range
from steward_core.webhooks.queries import Wishes, delivery_of, endpoint_of, last_batch
from steward_core.webhooks.rules import KEPT_FOR, PING, new_secret, read_patterns, secret_place
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import Conflict, invalid

MOST_ENDPOINTS = 20
MOST_OVERLAP_HOURS = 168
TURN = "webhooks.endpoints"


@dataclass(frozen=True)
class SecretShown:
    """An endpoint and its new secret, which nothing shows again."""

    endpoint: WebhookEndpoint
    secret: str


@command("webhooks.endpoint.create", "新建 Webhook 端点", "Set up a webhook endpoint", permission=WEBHOOKS_MANAGE)
async def create_endpoint(session: WriteSession, *, name: str, url: str, events: Sequence[str]) -> SecretShown:
    """Have events sent to a URL from now on. Raises Forbidden, InvalidInput, TooManyEndpoints."""
    await take_turn(session, TURN)
    held = await session.scalar(select(func.count()).where(session.within(WebhookEndpoint)))
    if held >= MOST_ENDPOINTS:
        raise TooManyEndpoints(most=MOST_ENDPOINTS)
    secret, endpoint_id = new_secret(), new_id()
    endpoint = WebhookEndpoint(
        id=endpoint_id,
        name=_name(name),
        url=_url(url),
        events=read_patterns(events),
        secret=session.vault.encrypt(secret, secret_place(session.tenant_id, endpoint_id)),
        cursor=await last_batch(session),
        created_by=session.actor.id,
    )
    session.add(endpoint)
    await session.flush()
    await session.refresh(endpoint)
    await _record(session, "webhooks.endpoint.create", endpoint, after=_told(endpoint))
    return SecretShown(endpoint, secret)


@command("webhooks.endpoint.change", "修改 Webhook 端点", "Change a webhook endpoint", permission=WEBHOOKS_MANAGE)
async def change_endpoint(
    session: WriteSession,
    endpoint_id: UUID,
    *,
    expected_version: int,
    name: str | None = None,
    url: str | None = None,
    events: Sequence[str] | None = None,
) -> WebhookEndpoint:
    """Change what is given. Events that wait go to the new URL. Raises Forbidden, EndpointNotFound, InvalidInput,
    Conflict."""
    endpoint = await endpoint_of(session, endpoint_id, lock=True)
    if endpoint.version != expected_version:
        raise Conflict
    before = _told(endpoint)
    if name is not None:
        endpoint.name = _name(name)
    if url is not None and url.strip() != endpoint.url:
        endpoint.url = _url(url)
        endpoint.rest_until = None
    if events is not None:
        endpoint.events = read_patterns(events)
    await session.flush()
    await _record(session, "webhooks.endpoint.change", endpoint, before=before, after=_told(endpoint))
    if endpoint.paused is None:
        await enqueue_delivery(session, endpoint.id)
    return endpoint


@command("webhooks.secret.rotate", "轮换 Webhook 密钥", "Rotate a webhook's secret", permission=WEBHOOKS_MANAGE)
async def rotate_secret(session: WriteSession, endpoint_id: UUID, *, hours: int = 24) -> SecretShown:
    """Sign by a new secret, and for `hours` by the former one as well; 0 ends it at once.

    Raises Forbidden, EndpointNotFound, InvalidInput.
    """
    if not 0 <= hours <= MOST_OVERLAP_HOURS:
        raise invalid(
            "hours", "range", f"请给出 0 到 {MOST_OVERLAP_HOURS} 小时。", f"Give 0 to {MOST_OVERLAP_HOURS} hours."
        )
    endpoint = await endpoint_of(session, endpoint_id, lock=True)
    secret = new_secret()
    endpoint.previous_secret = endpoint.secret if hours else None
    endpoint.previous_until = datetime.now(UTC) + timedelta(hours=hours) if hours else None
    endpoint.secret = session.vault.encrypt(secret, secret_place(session.tenant_id, endpoint.id))
    await session.flush()
    await _record(session, "webhooks.secret.rotate", endpoint, after={"hours": hours})
    return SecretShown(endpoint, secret)


@command("webhooks.endpoint.pause", "暂停 Webhook 端点", "Pause a webhook endpoint", permission=WEBHOOKS_MANAGE)
async def pause_endpoint(session: WriteSession, endpoint_id: UUID) -> WebhookEndpoint:
    """Send nothing until it is resumed; what happens meanwhile is caught up with then.

    Raises Forbidden, EndpointNotFound.
    """
    endpoint = await endpoint_of(session, endpoint_id, lock=True)
    before = {"paused": endpoint.paused}
    endpoint.paused = endpoint.paused or PauseReason.PERSON.value
    await session.flush()
    await _record(session, "webhooks.endpoint.pause", endpoint, before=before, after={"paused": endpoint.paused})
    return endpoint


@command("webhooks.endpoint.resume", "恢复 Webhook 端点", "Resume a webhook endpoint", permission=WEBHOOKS_MANAGE)
async def resume_endpoint(session: WriteSession, endpoint_id: UUID, *, skip: bool = False) -> WebhookEndpoint:
    """Send again. What happened during the pause, of the last 30 days, is sent first; with `skip` it never is, and
    what waited counts as given up. Raises Forbidden, EndpointNotFound."""
    endpoint = await endpoint_of(session, endpoint_id, lock=True)
    before = {"paused": endpoint.paused}
    skip = skip or endpoint.paused == PauseReason.RESTORED.value
    if endpoint.paused is not None:
        reached = await last_batch(session, None if skip else datetime.now(UTC) - KEPT_FOR)
        endpoint.cursor = max(endpoint.cursor, reached)
    endpoint.paused, endpoint.failures, endpoint.failing_since, endpoint.rest_until = None, 0, None, None
    await session.flush()
    values = {"status": DeliveryStatus.DEAD.value} if skip else fresh_start()
    await _change_waiting(session, endpoint.id, values)
    await _record(session, "webhooks.endpoint.resume", endpoint, before=before, after={"paused": None, "skip": skip})
    await enqueue_pump(session)
    return endpoint


@command("webhooks.endpoint.delete", "删除 Webhook 端点", "Delete a webhook endpoint", permission=WEBHOOKS_MANAGE)
async def delete_endpoint(session: WriteSession, endpoint_id: UUID) -> None:
    """Forget an endpoint and its deliveries; the audit trail tells of it. Raises Forbidden, EndpointNotFound."""
    endpoint = await endpoint_of(session, endpoint_id, lock=True)
    await session.delete(endpoint)
    await _record(session, "webhooks.endpoint.delete", endpoint, before=_told(endpoint))


@command("webhooks.endpoint.ping", "测试 Webhook 端点", "Try out a webhook endpoint", permission=WEBHOOKS_MANAGE)
async def ping_endpoint(session: WriteSession, endpoint_id: UUID) -> WebhookDelivery:
    """Send a signed `webhook.ping`, even to a paused endpoint and before all that waits; the delivery tells what became
    of it. Raises Forbidden, EndpointNotFound."""
    endpoint = await endpoint_of(session, endpoint_id, lock=True)
    delivery = WebhookDelivery(id=new_id(), endpoint_id=endpoint.id, action=PING, batch=0, place=0)
    session.add(delivery)
    endpoint.rest_until = None
    await session.flush()
    await session.refresh(delivery)
    await _record(session, "webhooks.endpoint.ping", endpoint, after={"delivery": delivery.id})
    await enqueue_delivery(session, endpoint.id)
    return delivery


@command("webhooks.delivery.replay", "重放一次投递", "Replay a delivery", permission=WEBHOOKS_MANAGE)
async def replay_delivery(session: WriteSession, delivery_id: UUID) -> WebhookDelivery:
    """Send an event again, with the same body and id. Raises Forbidden, DeliveryNotFound, EndpointPaused."""
    endpoint_id = (await delivery_of(session, delivery_id)).endpoint_id
    endpoint = await endpoint_of(session, endpoint_id, lock=True)
    if endpoint.paused is not None:
        raise EndpointPaused
    delivery = await delivery_of(session, delivery_id, lock=True)
    before = {"status": delivery.status}
    delivery.status, delivery.attempts, delivery.next_at = DeliveryStatus.WAITING.value, 0, datetime.now(UTC)
    delivery.replays += 1
    await session.flush()
    subject = Subject("webhook_delivery", delivery.id)
    await record(session, "webhooks.delivery.replay", subject, before=before, after={"status": delivery.status})
    await enqueue_delivery(session, endpoint.id)
    return delivery


@command("webhooks.range.replay", "按时间重放事件", "Replay the events of a span of time", permission=WEBHOOKS_MANAGE)
async def replay_events(session: WriteSession, endpoint_id: UUID, *, since: datetime, until: datetime) -> int:
    """Send an endpoint what it wants of the events from `since` until before `until`, whether it was sent before or
    not; gives how many. Only what the log has sealed. Raises Forbidden, EndpointNotFound, EndpointPaused,
    InvalidInput, TooMuchToReplay."""
    if since.tzinfo is None or until.tzinfo is None or since >= until:
        raise invalid(
            "until", "range", "结束时间须晚于开始时间，且均含时区。", "The end is after the start, both with a zone."
        )
    endpoint = await endpoint_of(session, endpoint_id, lock=True)
    if endpoint.paused is not None:
        raise EndpointPaused
    replayed = await replay_range(session, Wishes(endpoint.id, endpoint.cursor, endpoint.events), since, until)
    after = {"since": since, "until": until, "events": replayed}
    await _record(session, "webhooks.range.replay", endpoint, after=after)
    if replayed:
        await enqueue_delivery(session, endpoint.id)
    return replayed


def _name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME:
        raise invalid(
            "name", "length", f"名称应为 1 到 {LONGEST_NAME} 个字符。", f"Use 1 to {LONGEST_NAME} characters."
        )
    return name


def _url(url: str) -> str:
    url = url.strip()
    read_target(url, outgoing_policy())
    return url


def _told(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """What the audit log is told: of the URL that it changed, and its host; the rest may be a password to somebody."""
    host = endpoint.url.split("/")[2]
    return {"name": endpoint.name, "url": endpoint.url, "host": host, "events": list(endpoint.events)}


async def _record(session: WriteSession, action: str, endpoint: WebhookEndpoint, **values: Any) -> None:
    await record(session, action, Subject("webhook_endpoint", endpoint.id), secret=("url",), **values)


async def _change_waiting(session: WriteSession, endpoint_id: UUID, values: dict[str, Any]) -> None:
    await session.execute(
        update(WebhookDelivery)
        .where(
            session.within(WebhookDelivery),
            WebhookDelivery.endpoint_id == endpoint_id,
            WebhookDelivery.status == DeliveryStatus.WAITING.value,
        )
        .values(values)
        .execution_options(synchronize_session=False)
    )
