"""What a tenant sets about notices."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from steward_core.permissions import WEBHOOKS_MANAGE
from steward_tenants.configuration.settings import declare_setting

KEPT_DAYS = declare_setting(
    "notifications.days",
    Annotated[int, Field(ge=7, le=3650)],
    180,
    "通知的保留天数",
    "Days that notices are kept",
)
WEBHOOK = declare_setting(
    "notifications.webhook",
    Annotated[str, Field(pattern="^$|^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")],
    "",
    "接收通知的 Webhook 端点编号；空为不发送",
    "Id of the webhook endpoint that notices go to; empty: none",
    permission=WEBHOOKS_MANAGE,
)
