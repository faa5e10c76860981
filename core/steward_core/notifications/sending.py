"""Sending what is due: to each person at once, by each channel, in a transaction of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, or_, select, update

from steward_core.notifications.channels import SENDERS
from steward_core.notifications.models import DeliveryStatus, Notice, NoticeDelivery, QuietHours
from steward_core.notifications.queries import due_recipients
from steward_core.notifications.rules import Quiet
from steward_core.notifications.senders import AddressRefused, NoticeText, Parcel, Recipient
from steward_core.notifications.service import SEND
from steward_tenants.audit.service import Subject
from steward_tenants.configuration.queries import TenantFacts, tenant_facts
from steward_tenants.database.actor import system
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.outbox.jobs import JobPlace, Queue
from steward_tenants.outbox.service import enqueue
from steward_tenants.people.models import UserStatus
from steward_tenants.texts import Bilingual

SENDS = system("notifications")
PEOPLE_AT_ONCE = 200
NOTICES_AT_ONCE = 100
GIVEN_UP_AFTER = timedelta(days=3)
"""Nobody wants to be told after that; it stays in the inbox."""
SECONDS = 45.0
"""How long one parcel may take; the database ends a transaction that idles for a minute."""

Address = tuple[UUID, str]
"""A person and a channel."""
QuietSpan = tuple[int, int, str | None]
"""Quiet hours as they stand: start, end, zone."""


@dataclass(frozen=True)
class Due:
    """What is due in a tenant: to be sent now, to wait until a moment (for the `quiet` hours of those people), not to
    be sent any more."""

    now: Sequence[tuple[str, Recipient]]
    later: Mapping[datetime, Sequence[Address]]
    quiet: Mapping[UUID, QuietSpan]
    never: Sequence[Address]


async def sort_due(place: JobPlace, *, without: Collection[str] = ()) -> Due:
    """Sort what is due for at most `PEOPLE_AT_ONCE` people by channels other than `without`; what is to wait or to be
    dropped is noted, and a job is written for each moment at which quiet hours end."""
    facts = await tenant_facts(place.database, place.tenant_id)
    async with place.database.write(place.tenant_id, SENDS) as session:
        await _give_up(session)
        due = _sorted(await due_recipients(session, PEOPLE_AT_ONCE, without), facts, datetime.now(UTC))
        if due.never:
            await _end(session, _addressed(due.never), DeliveryStatus.DROPPED)
        if due.later:
            changed = await _changed_since(session, due.quiet)
            for end, addresses in due.later.items():
                if still := [address for address in addresses if address[0] not in changed]:
                    await _postpone(session, still, end)
    return due


async def _changed_since(session: WriteSession, seen: Mapping[UUID, QuietSpan]) -> set[UUID]:
    """Whose quiet hours are no longer those that were seen: they are sorted anew in the next round. The others' cannot
    change before this transaction ends, so that whoever changes them then finds what was put off."""
    rows = await session.rows(
        select(QuietHours.user_id, QuietHours.starts, QuietHours.ends, QuietHours.zone)
        .where(session.within(QuietHours), QuietHours.user_id.in_(sorted(seen)))
        .order_by(QuietHours.user_id)
        .with_for_update(read=True)
    )
    now = {row.user_id: (row.starts, row.ends, row.zone) for row in rows}
    return {person for person, span in seen.items() if now.get(person) != span}


async def _give_up(session: WriteSession) -> None:
    old = select(Notice.id).where(
        session.within(Notice),
        Notice.id == NoticeDelivery.notice_id,
        Notice.created_at < func.now() - GIVEN_UP_AFTER,
    )
    await _end(session, old.correlate(NoticeDelivery).exists(), DeliveryStatus.FAILED)


def _sorted(rows: Sequence[Any], facts: TenantFacts, now: datetime) -> Due:
    ready: list[tuple[str, Recipient]] = []
    later: dict[datetime, list[Address]] = {}
    quiet: dict[UUID, QuietSpan] = {}
    never: list[Address] = []
    for user_id, channel, name, email, locale, status, starts, ends, zone_key in rows:
        zone = ZoneInfo(zone_key or facts.time_zone)
        recipient = Recipient(user_id, name, email, locale, zone)
        sender = SENDERS.get(channel)
        end = None if starts is None else Quiet(starts, ends).end_after(now, zone)
        if status != UserStatus.ACTIVE.value or sender is None or not sender.reaches(recipient):
            never.append((user_id, channel))
        elif end is not None:
            later.setdefault(end, []).append((user_id, channel))
            quiet[user_id] = (starts, ends, zone_key)
        else:
            ready.append((channel, recipient))
    return Due(ready, later, quiet, never)


def _addressed(addresses: Sequence[Address]) -> ColumnElement[bool]:
    by_channel: dict[str, list[UUID]] = {}
    for user_id, channel in addresses:
        by_channel.setdefault(channel, []).append(user_id)
    parts = [
        and_(NoticeDelivery.channel == channel, NoticeDelivery.user_id.in_(people))
        for channel, people in sorted(by_channel.items())
    ]
    return or_(*parts)


def _waiting(session: TenantSession) -> ColumnElement[bool]:
    return and_(
        session.within(NoticeDelivery),
        NoticeDelivery.status == DeliveryStatus.WAITING.value,
        NoticeDelivery.due <= func.now(),
    )


async def _end(session: WriteSession, which: ColumnElement[bool], status: DeliveryStatus) -> None:
    await session.execute(
        update(NoticeDelivery)
        .where(_waiting(session), which)
        .values(status=status.value, ended_at=func.now())
        .execution_options(synchronize_session=False)
    )


async def _postpone(session: WriteSession, addresses: Sequence[Address], end: datetime) -> None:
    await session.execute(
        update(NoticeDelivery)
        .where(_waiting(session), _addressed(addresses))
        .values(due=end)
        .execution_options(synchronize_session=False)
    )
    await enqueue(session, SEND, {}, due=end, unique_key=f"due-{int(end.timestamp())}", queue=Queue.NORMAL)


async def send_to(place: JobPlace, channel: str, recipient: Recipient) -> int:
    """Send a person everything that is due by a channel, in one parcel, and note it; gives how many notices it held.

    Another worker that does the same at this moment finds nothing. Notices that were read meanwhile are not sent. When
    the process ends after the sender took the parcel and before that was noted, it is sent again: at least once, with
    the same `Parcel.key`. Raises SenderFailed, and what else the sender raises: then nothing is noted.
    """
    facts = await tenant_facts(place.database, place.tenant_id)
    async with place.database.write(place.tenant_id, SENDS) as session:
        rows = await _claimed(session, channel, recipient.user_id)
        unread = [notice for notice in rows if notice.read_at is None]
        outcome = DeliveryStatus.SENT
        if unread:
            parcel = Parcel(recipient, facts.name, [_text(row) for row in unread], place.tenant_id)
            try:
                async with asyncio.timeout(SECONDS):
                    await SENDERS[channel].send(place, parcel)
            except AddressRefused:
                outcome = DeliveryStatus.FAILED
        for status, ids in (
            (outcome, [notice.id for notice in unread]),
            (DeliveryStatus.DROPPED, [notice.id for notice in rows if notice.read_at is not None]),
        ):
            if ids:
                which = and_(NoticeDelivery.channel == channel, NoticeDelivery.notice_id.in_(ids))
                await _end(session, which, status)
    return len(unread) if outcome is DeliveryStatus.SENT else 0


async def put_last(place: JobPlace, channel: str, user_id: UUID) -> None:
    """Have those who wait go before a person who could not be reached."""
    async with place.database.write(place.tenant_id, SENDS) as session:
        await session.execute(
            update(NoticeDelivery)
            .where(_waiting(session), _addressed([(user_id, channel)]))
            .values(due=func.now())
            .execution_options(synchronize_session=False)
        )


async def _claimed(session: WriteSession, channel: str, user_id: UUID) -> Sequence[Any]:
    """The notices that are due, their deliveries locked until the transaction ends."""
    return await session.rows(
        select(
            Notice.id,
            Notice.kind,
            Notice.title_zh,
            Notice.title_en,
            Notice.body_zh,
            Notice.body_en,
            Notice.subject_kind,
            Notice.subject_id,
            Notice.created_at,
            Notice.read_at,
        )
        .join_from(NoticeDelivery, Notice, and_(session.within(Notice), Notice.id == NoticeDelivery.notice_id))
        .where(_waiting(session), NoticeDelivery.user_id == user_id, NoticeDelivery.channel == channel)
        .order_by(NoticeDelivery.notice_id)
        .limit(NOTICES_AT_ONCE)
        .with_for_update(of=NoticeDelivery, skip_locked=True)
    )


def _text(row: Any) -> NoticeText:
    body = None if row.body_zh is None else Bilingual(row.body_zh, row.body_en or row.body_zh)
    subject = None if row.subject_kind is None else Subject(row.subject_kind, row.subject_id)
    return NoticeText(row.id, row.kind, Bilingual(row.title_zh, row.title_en), body, row.created_at, subject)
