"""Where other systems are told of events, and what became of each delivery."""

from __future__ import annotations

from sqlalchemy import ColumnElement

from steward_core.permissions import WEBHOOKS_MANAGE
from steward_core.webhooks.models import DeliveryStatus, PauseReason, WebhookDelivery, WebhookEndpoint
from steward_graphql.declared.entities import Catalogue, Entity, ListRoot, OneRoot, Row, column, computed, many, one
from steward_graphql.declared.scalars import BOOLEAN, INT, LONG, enum_of
from steward_tenants.texts import Bilingual

PAUSE_REASON = enum_of(
    PauseReason,
    "WebhookPauseReason",
    "Webhook 端点暂停的原因",
    "Why a webhook endpoint is paused",
    {
        "person": ("人工暂停", "Somebody paused it"),
        "failing": ("长时间投递失败", "Nothing got through for long"),
        "restored": ("随租户副本还原而来", "It came with a copy of a tenant"),
    },
)
DELIVERY_STATUS = enum_of(
    DeliveryStatus,
    "WebhookDeliveryStatus",
    "Webhook 投递的状态",
    "State of a webhook's delivery",
    {
        "waiting": ("等待投递", "Waits for its next attempt"),
        "delivered": ("已送达", "The receiver accepted it"),
        "dead": ("已放弃，可重放", "Given up; it can be replayed"),
    },
)


def _active(row: Row) -> ColumnElement[bool]:
    found: ColumnElement[bool] = row.table.paused.is_(None)
    return found


WEBHOOK_ENDPOINT = Entity(
    "WebhookEndpoint",
    WebhookEndpoint,
    Bilingual("Webhook 端点：事件发往何处", "A webhook endpoint: where events are sent"),
    view=WEBHOOKS_MANAGE,
    order=(("createdAt", True),),
    fields=(
        column(WebhookEndpoint.id, "编号", "Identifier", filter=True),
        column(WebhookEndpoint.name, "名称", "Its name", filter=True, order=True),
        column(WebhookEndpoint.url, "地址", "Its URL", filter=True),
        column(
            WebhookEndpoint.events,
            "要接收的事件：操作标识、前缀（clients.*）或 *",
            "Events that it wants: keys of commands, prefixes (clients.*), or *",
        ),
        computed("active", BOOLEAN, _active, "是否启用", "Whether events are sent", filter=True),
        column(
            WebhookEndpoint.paused, "暂停原因，启用时为空", "Why it is paused, if so", kind=PAUSE_REASON, filter=True
        ),
        column(WebhookEndpoint.failures, "连续失败次数", "Attempts that failed since the last success", kind=INT),
        column(WebhookEndpoint.failing_since, "何时起失败", "Since when it fails, if so", filter=True),
        column(WebhookEndpoint.delivered_at, "最近送达时间", "When something was last accepted", order=True),
        column(WebhookEndpoint.previous_until, "原密钥有效至", "Until when the former secret signs as well"),
        column(WebhookEndpoint.cursor, "已处理到的审计封印批次", "The sealed batch it was told up to", kind=LONG),
        column(WebhookEndpoint.created_at, "创建时间", "When it was set up", filter=True, order=True),
        column(WebhookEndpoint.version, "版本", "Counts its changes"),
        one("createdBy", "Person", WebhookEndpoint.created_by, "创建人", "Who set it up"),
        many("deliveries", "WebhookDelivery", "endpoint_id", "投递记录", "Its deliveries"),
    ),
)
WEBHOOK_DELIVERY = Entity(
    "WebhookDelivery",
    WebhookDelivery,
    Bilingual("一个事件对一个端点的投递", "The delivery of one event to one endpoint"),
    view=WEBHOOKS_MANAGE,
    order=(("createdAt", True),),
    fields=(
        column(WebhookDelivery.id, "编号", "Identifier", filter=True),
        column(
            WebhookDelivery.event_id, "审计事件编号；测试为空", "Id of the audit event; none for a ping", filter=True
        ),
        column(WebhookDelivery.event_at, "事件时间", "When the event happened", filter=True, order=True),
        column(WebhookDelivery.action, "事件类型", "Type of the event", filter=True, group=True),
        column(WebhookDelivery.status, "状态", "Its state", kind=DELIVERY_STATUS, filter=True, group=True),
        column(
            WebhookDelivery.attempts,
            "尝试次数",
            "How often it was tried since it was last replayed",
            kind=INT,
            filter=True,
        ),
        column(WebhookDelivery.replays, "重放次数", "How often it was replayed", kind=INT),
        column(WebhookDelivery.next_at, "下次尝试时间", "When it is tried next, if it waits", filter=True, order=True),
        column(WebhookDelivery.tried_at, "最近尝试时间", "When it was last tried", filter=True, order=True),
        column(
            WebhookDelivery.response_code, "HTTP 状态码", "Status of the last answer", kind=INT, filter=True, group=True
        ),
        column(
            WebhookDelivery.duration_ms, "用时（毫秒）", "How long the last attempt took, in ms", kind=INT, order=True
        ),
        column(WebhookDelivery.error, "失败原因的代码", "Code of why the last attempt failed", filter=True, group=True),
        column(WebhookDelivery.created_at, "记录时间", "When it was made", filter=True, order=True),
        one("endpoint", "WebhookEndpoint", WebhookDelivery.endpoint_id, "端点", "The endpoint"),
    ),
)

CATALOGUE = Catalogue(
    entities=(WEBHOOK_ENDPOINT, WEBHOOK_DELIVERY),
    roots=(
        ListRoot("webhookEndpoints", "WebhookEndpoint", Bilingual("Webhook 端点", "Webhook endpoints")),
        OneRoot("webhookEndpoint", "WebhookEndpoint", Bilingual("一个 Webhook 端点", "One webhook endpoint")),
        ListRoot("webhookDeliveries", "WebhookDelivery", Bilingual("Webhook 投递记录", "Deliveries of webhooks")),
        OneRoot("webhookDelivery", "WebhookDelivery", Bilingual("一次投递", "One delivery")),
    ),
)
