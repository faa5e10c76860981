"""Reading one's notices and how one wants them, and what is due to be sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, select

from steward_core.notifications.channels import SENDERS
from steward_core.notifications.models import DeliveryStatus, Notice, NoticeDelivery, NoticePreference, QuietHours
from steward_core.notifications.rules import NOTICE_KINDS, NoticeKind
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import invalid
from steward_tenants.people.models import User

MOST = 200


@dataclass(frozen=True)
class Preference:
    """How a kind of notice comes to the actor: by which channels, and whether that is the actor's own choice."""

    kind: NoticeKind
    channels: Mapping[str, bool]
    chosen: frozenset[str]


async def notices_of(
    session: TenantSession, *, unread: bool = False, after: UUID | None = None, limit: int = 50
) -> Sequence[Notice]:
    """The actor's own notices, the latest first; `after`: the last id of the page before. Raises InvalidInput."""
    if not 1 <= limit <= MOST:
        raise invalid("limit", "range", f"每次 1 到 {MOST} 条。", f"Ask for 1 to {MOST}.")
    statement = select(Notice).where(session.within(Notice), Notice.user_id == session.actor.id)
    if unread:
        statement = statement.where(Notice.read_at.is_(None))
    if after is not None:
        statement = statement.where(Notice.id < after)
    return await session.scalars(statement.order_by(Notice.id.desc()).limit(limit))


async def preferences_of(session: TenantSession) -> list[Preference]:
    """How each declared kind comes to the actor, in order of key."""
    rows = await session.rows(
        select(NoticePreference.kind, NoticePreference.channel, NoticePreference.wanted).where(
            session.within(NoticePreference), NoticePreference.user_id == session.actor.id
        )
    )
    wishes = {(kind, channel): wanted for kind, channel, wanted in rows}
    found = []
    for key in sorted(NOTICE_KINDS):
        kind = NOTICE_KINDS[key]
        channels = {name: bool(wishes.get((key, name), name in kind.channels)) for name in sorted(SENDERS)}
        found.append(Preference(kind, channels, frozenset(name for name in channels if (key, name) in wishes)))
    return found


async def quiet_hours_of(session: TenantSession) -> QuietHours | None:
    """The actor's quiet hours."""
    return await session.find(QuietHours, QuietHours.user_id == session.actor.id)


async def due_recipients(session: TenantSession, limit: int, without: Collection[str] = ()) -> Sequence[Any]:
    """Whom something is due to be sent to by which channel (other than `without`), those who wait longest first:
    user_id, channel, name, email, locale, status, starts, ends, zone."""
    waiting = (
        select(NoticeDelivery.user_id, NoticeDelivery.channel, func.min(NoticeDelivery.due).label("since"))
        .where(
            session.within(NoticeDelivery),
            NoticeDelivery.status == DeliveryStatus.WAITING.value,
            NoticeDelivery.due <= func.now(),
            NoticeDelivery.channel.not_in(list(without)),
        )
        .group_by(NoticeDelivery.user_id, NoticeDelivery.channel)
        .order_by(func.min(NoticeDelivery.due), NoticeDelivery.user_id, NoticeDelivery.channel)
        .limit(limit)
        .subquery("waiting")
    )
    return await session.rows(
        select(
            waiting.c.user_id,
            waiting.c.channel,
            User.name,
            User.email,
            User.locale,
            User.status,
            QuietHours.starts,
            QuietHours.ends,
            QuietHours.zone,
        )
        .join_from(waiting, User, and_(session.within(User), User.id == waiting.c.user_id))
        .outerjoin(QuietHours, and_(session.within(QuietHours), QuietHours.user_id == User.id))
        .order_by(waiting.c.since, waiting.c.user_id, waiting.c.channel)
    )
