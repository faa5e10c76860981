"""Notices as personal data: they are in a person's copy, and go with the person."""

from __future__ import annotations

from sqlalchemy import delete, select

from steward_core.notifications.models import Notice, NoticePreference, QuietHours
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.people.models import User
from steward_tenants.privacy.subjects import Records, personal_data_source


async def _notices(session: TenantSession, user: User) -> Records:
    rows = await session.rows(
        select(Notice.kind, Notice.title_zh, Notice.body_zh, Notice.created_at, Notice.read_at)
        .where(session.within(Notice), Notice.user_id == user.id)
        .order_by(Notice.created_at, Notice.id)
    )
    return [dict(row._mapping) for row in rows]


async def _forget(session: WriteSession, user: User) -> None:
    for table in (Notice, NoticePreference, QuietHours):
        await session.execute(delete(table).where(session.within(table), table.user_id == user.id))


personal_data_source("notices", "收到的通知", "Notices received", _notices, erase=_forget)
