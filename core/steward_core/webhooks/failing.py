"""Pausing an endpoint where nothing gets through any more, and telling those who can do something about it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func, select, update

from steward_core.notifications.rules import declare_notice
from steward_core.notifications.service import notify
from steward_core.permissions import WEBHOOKS_MANAGE
from steward_core.webhooks.models import PauseReason, WebhookEndpoint
from steward_tenants.access.role_queries import holders_of
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.session import WriteSession
from steward_tenants.texts import Bilingual

PAUSED = declare_notice("webhooks.paused", "Webhook 端点已自动暂停", "A webhook endpoint was paused")


async def pause_failing(session: WriteSession, endpoint_id: UUID, name: str) -> None:
    """Pause an endpoint that has failed for long. What waits is kept, and sent when somebody resumes it."""
    await session.execute(
        update(WebhookEndpoint)
        .where(session.within(WebhookEndpoint), WebhookEndpoint.id == endpoint_id)
        .values(paused=PauseReason.FAILING.value, version=WebhookEndpoint.version + 1)
        .execution_options(synchronize_session=False)
    )
    subject = Subject("webhook_endpoint", endpoint_id)
    await record(
        session,
        "webhooks.endpoint.pause",
        subject,
        before={"paused": None},
        after={"paused": PauseReason.FAILING.value},
    )
    # A day more or less where the tenant's day differs does not matter for whom to tell.
    holders = await holders_of(session, WEBHOOKS_MANAGE, await session.scalar(select(func.current_date())))
    await notify(
        session,
        [line.user_id for line in holders],
        PAUSED.key,
        title=Bilingual(f"Webhook 端点“{name}”已自动暂停", f"The webhook endpoint “{name}” was paused"),
        body=Bilingual(
            "24 小时内没有一次投递成功。请检查接收方，然后恢复该端点；期间的事件会补发。",
            "Nothing was accepted for 24 hours. Look after the receiver, then resume it; what it missed is sent then.",
        ),
        subject=subject,
    )
