"""What webhooks can tell of, and the exact body of a delivery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from steward_core.permissions import WEBHOOKS_MANAGE
from steward_core.webhooks.queries import delivery_of, payload_of
from steward_graphql.declared.scalars import ID, STRING
from steward_graphql.declared.shapes import Asked, Function, ListOf
from steward_graphql.functions.parts import argument, part, shape, texts
from steward_graphql.mutations.command_modules import load_commands
from steward_tenants.access.rules import require
from steward_tenants.commands.service import COMMANDS
from steward_tenants.database.session import ReadSession
from steward_tenants.texts import Bilingual


@dataclass(frozen=True)
class WebhookEvent:
    """A type of event."""

    key: str
    title: Bilingual


async def _events(session: ReadSession, asked: Asked) -> Sequence[WebhookEvent]:  # noqa: ARG001 - how functions are called
    """Raises Forbidden."""
    require(session.actor, WEBHOOKS_MANAGE)
    load_commands()
    return [WebhookEvent(key, COMMANDS[key].title) for key in sorted(COMMANDS)]


async def _payload(session: ReadSession, asked: Asked, *, delivery_id: UUID) -> str | None:  # noqa: ARG001 - how functions are called
    """Raises Forbidden, DeliveryNotFound."""
    require(session.actor, WEBHOOKS_MANAGE)
    return await payload_of(session, await delivery_of(session, delivery_id))


EVENT = shape(
    "WebhookEvent",
    "一类可以接收的事件",
    "A type of event that an endpoint can be told of",
    part("key", STRING, "操作标识，即事件类型", "Key of the command, which is the event's type"),
    texts("title", "名称", "What it is"),
)
FUNCTIONS = (
    Function(
        "webhookEvents",
        Bilingual("Webhook 可以接收的事件", "What webhooks can be told of"),
        ListOf(EVENT),
        _events,
        cost=10,
    ),
    Function(
        "webhookPayload",
        Bilingual(
            "一次投递的正文，逐字节一致；审计事件已不在时为空",
            "The body of a delivery, byte for byte; none when the audit log no longer has the event",
        ),
        STRING,
        _payload,
        (argument("deliveryId", ID, "投递", "The delivery", required=True),),
        cost=10,
    ),
)
