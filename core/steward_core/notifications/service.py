"""Telling people: a notice for each, in the transaction of what it tells of. What a person says about the own ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Boolean, Text, Uuid, and_, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.types import TypeEngine

from steward_core.notifications.channels import SENDERS
from steward_core.notifications.errors import NoticeNotFound
from steward_core.notifications.models import DeliveryStatus, Notice, NoticeDelivery, NoticePreference, QuietHours
from steward_core.notifications.rules import NOTICE_KINDS, clock, read_clock
from steward_core.notifications.settings import KEPT_DAYS
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.configuration.queries import get_setting
from steward_tenants.configuration.rules import time_zone_problem
from steward_tenants.database.actor import ActorKind
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import Forbidden, InvalidInput, invalid
from steward_tenants.outbox.jobs import Queue
from steward_tenants.outbox.service import enqueue
from steward_tenants.people.models import User, UserStatus
from steward_tenants.texts import Bilingual

SEND = "notifications.send"
"""The kind of job that sends what is due."""
LONGEST_TITLE = 300
LONGEST_BODY = 4_000
FORGOTTEN_AT_ONCE = 20_000


@dataclass(frozen=True)
class Message:
    """What one person is told: the text, what it is about, and the key under which the person hears of it once."""

    user_id: UUID
    title: Bilingual
    body: Bilingual | None = None
    subject: Subject | None = None
    key: str | None = None


async def notify(
    session: WriteSession,
    user_ids: Sequence[UUID],
    kind: str,
    *,
    title: Bilingual,
    body: Bilingual | None = None,
    subject: Subject | None = None,
    key: str | None = None,
) -> int:
    """Write one notice for each of these people and have it sent as each of them wishes; gives their number.

    Whoever is not an active user of the tenant gets none. With a `key`, a person gets one notice of this kind and key
    at most. Texts must hold nothing that one of the recipients may not see: name the `subject`, whose page shows each
    of them what is theirs to see. Raises KeyError for a kind that is not declared.
    """
    people = sorted(set(user_ids))
    return await notify_many(session, kind, [Message(person, title, body, subject, key) for person in people])


async def notify_many(session: WriteSession, kind: str, messages: Sequence[Message]) -> int:
    """`notify` with a text for each: any number of notices of one kind in as many statements as one takes. Gives how
    many are new. Raises KeyError for a kind that is not declared."""
    declared = NOTICE_KINDS[kind]
    if not messages:
        return 0
    written = await _write(session, kind, messages)
    channels = sorted(SENDERS)
    if written and await _address(session, written, kind, channels, [name in declared.channels for name in channels]):
        await enqueue(session, SEND, {}, queue=Queue.NORMAL)
    return len(written)


async def _write(session: WriteSession, kind: str, messages: Sequence[Message]) -> Sequence[UUID]:
    """The ids of the notices that are new."""
    columns: dict[str, tuple[list[Any], TypeEngine[Any]]] = {
        "id": ([new_id() for _ in messages], Uuid()),
        "user_id": ([one.user_id for one in messages], Uuid()),
        "title_zh": ([_clipped(one.title.zh, LONGEST_TITLE) for one in messages], Text()),
        "title_en": ([_clipped(one.title.en, LONGEST_TITLE) for one in messages], Text()),
        "body_zh": ([_clipped(one.body.zh, LONGEST_BODY) if one.body else None for one in messages], Text()),
        "body_en": ([_clipped(one.body.en, LONGEST_BODY) if one.body else None for one in messages], Text()),
        "subject_kind": ([one.subject.kind if one.subject else None for one in messages], Text()),
        "subject_id": ([one.subject.id if one.subject else None for one in messages], Uuid()),
        "key": ([one.key for one in messages], Text()),
    }
    told = (
        func.unnest(*(literal(values, ARRAY(kept_as)) for values, kept_as in columns.values()))
        .table_valued(*columns)
        .render_derived(name="told")
    )
    rows = (
        select(User.tenant_id, literal(kind, Text()), *(told.c[name] for name in columns))
        .join_from(User, told, User.id == told.c.user_id)
        .where(session.within(User), User.status == UserStatus.ACTIVE.value)
    )
    await session.flush()
    return await session.scalars(
        insert(Notice)
        .from_select(["tenant_id", "kind", *columns], rows, include_defaults=False)
        .on_conflict_do_nothing(index_elements=["tenant_id", "user_id", "kind", "key"])
        .returning(Notice.id)
    )


async def _address(
    session: WriteSession, notices: Sequence[UUID], kind: str, channels: Sequence[str], usual: Sequence[bool]
) -> bool:
    """Say by which channels new notices go out; whether any does."""
    channel = (
        func.unnest(literal(list(channels), ARRAY(Text())), literal(list(usual), ARRAY(Boolean())))
        .table_valued("name", "usual")
        .render_derived(name="channel")
    )
    wish = NoticePreference
    rows = (
        select(Notice.tenant_id, Notice.id, channel.c.name, Notice.user_id)
        .select_from(Notice)
        .join(channel, literal(True))
        .outerjoin(
            wish,
            and_(
                session.within(wish),
                wish.user_id == Notice.user_id,
                wish.kind == kind,
                wish.channel == channel.c.name,
            ),
        )
        .where(
            session.within(Notice),
            Notice.id == func.any(literal(list(notices), ARRAY(Uuid()))),
            func.coalesce(wish.wanted, channel.c.usual),
        )
    )
    found = await session.scalars(
        insert(NoticeDelivery)
        .from_select(["tenant_id", "notice_id", "channel", "user_id"], rows, include_defaults=False)
        .returning(NoticeDelivery.notice_id)
    )
    return bool(found)


def _clipped(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _own(session: TenantSession) -> UUID:
    """The person who acts: nobody else has notices. Raises Forbidden."""
    if session.actor.kind is not ActorKind.USER:
        raise Forbidden(permission=Bilingual("本人的通知", "One's own notices"))
    return session.actor.id


@command("notices.read", "将通知标为已读", "Mark a notice as read", permission=None)
async def mark_notice_read(session: WriteSession, notice_id: UUID) -> Notice:
    """Mark one of the actor's own notices as read; once more changes nothing. Raises Forbidden, NoticeNotFound."""
    notice = await session.find(Notice, Notice.id == notice_id, Notice.user_id == _own(session), lock=True)
    if notice is None:
        raise NoticeNotFound
    if notice.read_at is None:
        await session.execute(
            update(Notice)
            .where(session.within(Notice), Notice.id == notice_id)
            .values(read_at=func.now())
            .execution_options(synchronize_session=False)
        )
        await session.refresh(notice)
    await record(session, "notices.read", Subject("notice", notice_id))
    return notice


@command("notices.read_all", "将全部通知标为已读", "Mark all notices as read", permission=None)
async def mark_all_notices_read(session: WriteSession) -> int:
    """Mark all of the actor's own notices as read; gives how many were not. Raises Forbidden."""
    person = _own(session)
    read = await session.scalars(
        update(Notice)
        .where(session.within(Notice), Notice.user_id == person, Notice.read_at.is_(None))
        .values(read_at=func.now())
        .returning(Notice.id)
        .execution_options(synchronize_session=False)
    )
    await record(session, "notices.read_all", Subject("user", person), after={"notices": len(read)})
    return len(read)


@command("notices.preference.set", "设置通知方式", "Choose how notices come", permission=None)
async def set_notice_preference(session: WriteSession, kind: str, channel: str, *, wanted: bool | None) -> None:
    """Have the actor's notices of a kind sent by a channel, or not; None goes back to the kind's default. What waits
    to be sent and is no longer wanted is dropped. Raises Forbidden, InvalidInput."""
    person = _own(session)
    if kind not in NOTICE_KINDS:
        raise invalid("kind", "unknown", "没有这类通知。", "There is no such kind of notice.")
    if channel not in SENDERS:
        known = ", ".join(sorted(SENDERS))
        raise invalid("channel", "unknown", f"请使用：{known}。", f"Use one of: {known}.")
    wish = NoticePreference
    same = (session.within(wish), wish.user_id == person, wish.kind == kind, wish.channel == channel)
    before = await session.scalar(select(wish.wanted).where(*same))
    if wanted is None:
        await session.execute(delete(wish).where(*same))
    else:
        values = {"tenant_id": session.tenant_id, "user_id": person, "kind": kind, "channel": channel}
        await session.execute(
            insert(wish)
            .values(**values, wanted=wanted)
            .on_conflict_do_update(index_elements=[*values], set_={"wanted": wanted, "changed_at": func.now()})
        )
    if not (channel in NOTICE_KINDS[kind].channels if wanted is None else wanted):
        await _drop_waiting(session, person, kind, channel)
    name = f"{kind}:{channel}"
    await record(
        session, "notices.preference.set", Subject("user", person), before={name: before}, after={name: wanted}
    )


async def _drop_waiting(session: WriteSession, person: UUID, kind: str, channel: str) -> None:
    of_kind = select(Notice.id).where(session.within(Notice), Notice.user_id == person, Notice.kind == kind)
    await session.execute(
        update(NoticeDelivery)
        .where(
            session.within(NoticeDelivery),
            NoticeDelivery.user_id == person,
            NoticeDelivery.channel == channel,
            NoticeDelivery.status == DeliveryStatus.WAITING.value,
            NoticeDelivery.notice_id.in_(of_kind),
        )
        .values(status=DeliveryStatus.DROPPED.value, ended_at=func.now())
        .execution_options(synchronize_session=False)
    )


@command("notices.quiet_hours.set", "设置免打扰时段", "Set quiet hours", permission=None)
async def set_quiet_hours(
    session: WriteSession, *, starts: str | None = None, ends: str | None = None, time_zone: str | None = None
) -> None:
    """Have nothing sent to the actor daily from `starts` to `ends` (`HH:MM`; past midnight when `ends` is the smaller),
    in `time_zone` (None: the tenant's). Neither: no quiet hours. What earlier quiet hours held back is looked at anew
    at once. Raises Forbidden, InvalidInput."""
    person = _own(session)
    span = _span(starts, ends, time_zone)
    known = await session.find(QuietHours, QuietHours.user_id == person, lock=True)
    before = None if known is None else told_hours(known)
    await session.execute(delete(QuietHours).where(session.within(QuietHours), QuietHours.user_id == person))
    after = None
    if span is not None:
        values = {"starts": span[0], "ends": span[1], "zone": time_zone}
        await session.execute(
            insert(QuietHours)
            .values(tenant_id=session.tenant_id, user_id=person, **values)
            .on_conflict_do_update(index_elements=["tenant_id", "user_id"], set_=values)
        )
        after = {"starts": clock(span[0]), "ends": clock(span[1]), "zone": time_zone}
    await _reschedule(session, person)
    await record(session, "notices.quiet_hours.set", Subject("user", person), before=before, after=after)


async def _reschedule(session: WriteSession, person: UUID) -> None:
    """Have what waits for quiet hours to end sorted again by whoever sends: only quiet hours put it off."""
    pulled = await session.scalars(
        update(NoticeDelivery)
        .where(
            session.within(NoticeDelivery),
            NoticeDelivery.user_id == person,
            NoticeDelivery.status == DeliveryStatus.WAITING.value,
            NoticeDelivery.due > func.now(),
        )
        .values(due=func.now())
        .returning(NoticeDelivery.notice_id)
        .execution_options(synchronize_session=False)
    )
    if pulled:
        await enqueue(session, SEND, {}, queue=Queue.NORMAL)


def told_hours(hours: QuietHours) -> dict[str, str | None]:
    """Quiet hours as people read them."""
    return {"starts": clock(hours.starts), "ends": clock(hours.ends), "zone": hours.zone}


def _span(starts: str | None, ends: str | None, time_zone: str | None) -> tuple[int, int] | None:
    if time_zone is not None and (problem := time_zone_problem(time_zone, "time_zone")) is not None:
        raise InvalidInput(problems=[problem])
    if starts is None and ends is None:
        return None
    if starts is None or ends is None:
        raise invalid(
            "starts" if starts is None else "ends", "missing", "请同时给出开始和结束时间。", "Give both start and end."
        )
    span = read_clock(starts, "starts"), read_clock(ends, "ends")
    if span[0] == span[1]:
        raise invalid("ends", "same", "结束时间不能与开始时间相同。", "The end must differ from the start.")
    return span


async def forget_old_notices(session: WriteSession) -> int:
    """Remove notices older than the tenant keeps them (setting `notifications.days`), read or not, the oldest first
    and at most 20,000; gives their number."""
    days = await get_setting(session, KEPT_DAYS)
    old = (
        select(Notice.id)
        .where(session.within(Notice), Notice.created_at < func.now() - timedelta(days=days))
        .order_by(Notice.created_at)
        .limit(FORGOTTEN_AT_ONCE)
    )
    gone = await session.scalars(
        delete(Notice)
        .where(session.within(Notice), Notice.id.in_(old))
        .returning(Notice.id)
        .execution_options(synchronize_session=False)
    )
    return len(gone)
