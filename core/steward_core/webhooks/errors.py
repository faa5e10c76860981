"""Errors of webhooks."""

from __future__ import annotations

from steward_tenants.errors import Conflict, NotFound, StewardError
from steward_tenants.texts import Bilingual


class EndpointNotFound(NotFound):
    """The tenant has no endpoint of this id."""

    code = "webhook_endpoint_not_found"
    message = Bilingual("找不到此 Webhook 端点。", "There is no such webhook endpoint.")
    remedy = Bilingual("请刷新端点列表后重试。", "Reload the list of endpoints and try again.")


class DeliveryNotFound(NotFound):
    """The tenant has no delivery of this id, or it was too long ago."""

    code = "webhook_delivery_not_found"
    message = Bilingual("找不到此投递记录。", "There is no such delivery.")
    remedy = Bilingual(
        "记录保留 30 天；更早的事件可按时间范围重放。",
        "Deliveries are kept for 30 days; replay earlier events by their range of time.",
    )


class TooManyEndpoints(Conflict):
    """A tenant has no more endpoints."""

    code = "too_many_webhook_endpoints"
    message = Bilingual("最多设置 {most} 个 Webhook 端点。", "At most {most} webhook endpoints can be set up.")
    remedy = Bilingual("请先删除不再使用的端点。", "Delete endpoints that are no longer used.")


class EndpointPaused(Conflict):
    """What was asked for needs an active endpoint."""

    code = "webhook_endpoint_paused"
    message = Bilingual("此端点已暂停。", "This endpoint is paused.")
    remedy = Bilingual("请先恢复此端点。", "Resume it first.")


class TooMuchToReplay(Conflict):
    """A range has more events than are replayed at once."""

    code = "webhook_replay_too_large"
    message = Bilingual("该时间范围内的事件超过 {most} 条。", "The range has more than {most} events.")
    remedy = Bilingual("请缩短时间范围，分次重放。", "Replay shorter ranges one after another.")


class AddressRefused(StewardError):
    """A host leads to an address that may not be connected to."""

    code = "webhook_address_refused"
    status = 422
    message = Bilingual("该主机指向不允许访问的地址。", "The host leads to an address that may not be connected to.")
    remedy = Bilingual(
        "请使用公网地址，或请平台运营方放行该网段。",
        "Use a public address, or ask the platform's operator to allow the network.",
    )
