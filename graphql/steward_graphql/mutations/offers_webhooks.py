"""Commands of webhooks."""

from __future__ import annotations

from steward_core.webhooks.models import WebhookDelivery, WebhookEndpoint
from steward_graphql.declared.scalars import DATETIME, STRING
from steward_graphql.mutations.derive import Offer
from steward_graphql.mutations.payloads import Result, id_of, number, plain, row
from steward_tenants.texts import Bilingual

_ENDPOINT = {"endpoint_id": Bilingual("Webhook 端点", "The endpoint")}
_WANTED = {
    "url": Bilingual("接收方的 https 地址", "The receiver's https URL"),
    "events": Bilingual(
        "操作标识、前缀（clients.*）或 *", "Keys of commands, prefixes such as clients.*, or * for all that is done"
    ),
}


def _endpoint() -> Result:
    return row("endpoint", WebhookEndpoint, "端点", "The endpoint")


def _delivery() -> Result:
    return row("delivery", WebhookDelivery, "投递", "The delivery")


def _with_secret() -> tuple[Result, ...]:
    return (
        row("endpoint", WebhookEndpoint, "端点", "The endpoint", lambda answer, _: answer.endpoint),
        plain("secret", STRING, "签名密钥，只显示一次", "The secret that signs, shown this once"),
    )


def webhooks() -> dict[str, Offer]:
    """Endpoints, their secrets, and sending again."""
    return {
        "webhooks.endpoint.create": Offer(
            "createWebhookEndpoint",
            _with_secret(),
            Bilingual("密钥只显示这一次", "the secret is shown this once"),
            texts=_WANTED,
            secret=frozenset({"secret"}),
        ),
        "webhooks.endpoint.change": Offer(
            "changeWebhookEndpoint",
            (_endpoint(),),
            Bilingual("未给的不变", "what is left out stays"),
            texts={**_ENDPOINT, **_WANTED},
        ),
        "webhooks.secret.rotate": Offer(
            "rotateWebhookSecret",
            _with_secret(),
            Bilingual("密钥只显示这一次", "the secret is shown this once"),
            texts={
                **_ENDPOINT,
                "hours": Bilingual("原密钥继续有效的小时数", "For how many hours the former one signs too"),
            },
            secret=frozenset({"secret"}),
        ),
        "webhooks.endpoint.pause": Offer("pauseWebhookEndpoint", (_endpoint(),), texts=_ENDPOINT),
        "webhooks.endpoint.resume": Offer(
            "resumeWebhookEndpoint",
            (_endpoint(),),
            texts={
                **_ENDPOINT,
                "skip": Bilingual("不补发暂停期间的事件", "Do not send what happened during the pause"),
            },
        ),
        "webhooks.endpoint.delete": Offer("deleteWebhookEndpoint", (id_of("endpoint_id"),), texts=_ENDPOINT),
        "webhooks.endpoint.ping": Offer(
            "pingWebhookEndpoint",
            (_delivery(),),
            Bilingual("由后台发送，结果见投递记录", "a worker sends it; the delivery tells what became of it"),
            texts=_ENDPOINT,
        ),
        "webhooks.delivery.replay": Offer(
            "replayWebhookDelivery", (_delivery(),), texts={"delivery_id": Bilingual("投递", "The delivery")}
        ),
        "webhooks.range.replay": Offer(
            "replayWebhookEvents",
            (number("events", "重放的事件数", "How many events are sent again"),),
            kinds={"since": DATETIME, "until": DATETIME},
            texts={
                **_ENDPOINT,
                "since": Bilingual("从此时起", "From this moment on"),
                "until": Bilingual("到此时为止（不含）", "Before this moment"),
            },
            cost=500,
        ),
    }
