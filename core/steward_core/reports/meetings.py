"""Commands on minutes of meetings, and on the problems that meetings leave open: unsolved ones are handed upwards until
somebody solves them [001#8]."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, update

from steward_core.notifications.service import notify
from steward_core.permissions import REPORTS_EDIT
from steward_core.reports import texts
from steward_core.reports.errors import (
    MeetingChanged,
    MeetingExists,
    MeetingItemNotFound,
    MeetingItemNotOpen,
    MeetingNotFound,
    NoUnitAbove,
)
from steward_core.reports.meeting_facts import meeting_facts
from steward_core.reports.models import ItemState, Meeting, MeetingItem, MeetingKind
from steward_core.reports.notices import SOLVED
from steward_core.reports.row_kinds import MEETING, item_held, meeting_seen
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import invalid
from steward_tenants.organisation.models import UnitPath
from steward_tenants.organisation.service import held_unit
from steward_tenants.people.models import User, UserStatus
from steward_tenants.texts import Bilingual

PERSONAL = ("notes", "title", "detail", "reason", "solution")
MOST_ATTENDEES = 300


@command("meetings.open", "开始会议纪要", "Begin minutes of a meeting", permission=REPORTS_EDIT)
async def open_meeting(
    session: WriteSession,
    unit_id: UUID,
    kind: MeetingKind,
    *,
    today: date,
    zone: str,
    day: date | None = None,
    attendees: Sequence[UUID] = (),
    notes: str | None = None,
) -> Meeting:
    """Minutes of a unit's meeting (today's, unless `day` says otherwise), chaired by the actor, begun with what the
    platform knows: open problems of the unit, visits, promises. Raises UnitNotFound, MeetingExists, InvalidInput."""
    on = day or today
    if on > today:
        raise invalid("day", "future", "会议日期不能晚于今天。", "The day must not lie ahead.")
    unit = await held_unit(session, unit_id, REPORTS_EDIT, today)
    await take_turn(session, f"meeting/{unit.id}/{on}/{kind.value}")
    there = await session.find(Meeting, Meeting.unit_id == unit.id, Meeting.day == on, Meeting.kind == kind.value)
    if there is not None:
        raise MeetingExists(day=on, kind=kind.title)
    meeting = Meeting(
        id=new_id(),
        unit_id=unit.id,
        day=on,
        kind=kind.value,
        chaired_by=session.actor.id,
        attendees=await _people(session, attendees),
        facts=await meeting_facts(session, unit.id, on, ZoneInfo(zone)),
        notes=texts.written("notes", notes),
        created_by=session.actor.id,
    )
    session.add(meeting)
    await record(
        session,
        "meetings.open",
        Subject("meeting", meeting.id),
        after={"unit_id": unit.id, "day": on, "kind": kind.value, "notes": meeting.notes},
        personal=PERSONAL,
    )
    return meeting


@command("meetings.write", "修改会议纪要", "Change minutes of a meeting", permission=REPORTS_EDIT)
async def write_meeting(
    session: WriteSession,
    meeting_id: UUID,
    *,
    today: date,
    attendees: Sequence[UUID] | None = None,
    notes: str | None = None,
    expected_version: int | None = None,
) -> Meeting:
    """Change who took part and what was said; what is left out stays. Raises MeetingNotFound, MeetingChanged,
    InvalidInput."""
    meeting = await session.find(
        Meeting, Meeting.id == meeting_id, MEETING.within_reach(session, REPORTS_EDIT, today), lock=True
    )
    if meeting is None:
        raise MeetingNotFound
    if expected_version is not None and meeting.version != expected_version:
        raise MeetingChanged
    before = {"notes": meeting.notes, "attendees": len(meeting.attendees)}
    if attendees is not None:
        meeting.attendees = await _people(session, attendees)
    if notes is not None:
        meeting.notes = texts.written("notes", notes)
    await record(
        session,
        "meetings.write",
        Subject("meeting", meeting.id),
        before=before,
        after={"notes": meeting.notes, "attendees": len(meeting.attendees)},
        personal=PERSONAL,
    )
    return meeting


@command("meetings.item.add", "登记会议问题", "Take down a problem", permission=REPORTS_EDIT)
async def add_item(
    session: WriteSession, meeting_id: UUID, title: str, *, today: date, detail: str | None = None
) -> MeetingItem:
    """A problem that a meeting did not solve; who took part may take one down too. Raises MeetingNotFound,
    InvalidInput."""
    meeting = await session.find(Meeting, Meeting.id == meeting_id, meeting_seen(session, REPORTS_EDIT, today, Meeting))
    if meeting is None:
        raise MeetingNotFound
    item = MeetingItem(
        id=new_id(),
        unit_id=meeting.unit_id,
        meeting_id=meeting.id,
        title=texts.title("title", title),
        detail=texts.written("detail", detail),
        raised_by=session.actor.id,
    )
    session.add(item)
    await record(
        session,
        "meetings.item.add",
        Subject("meeting_item", item.id),
        after={"meeting_id": meeting.id, "title": item.title, "detail": item.detail},
        personal=PERSONAL,
    )
    return item


@command("meetings.item.hand_up", "上报会议问题", "Hand a problem upwards", permission=REPORTS_EDIT)
async def hand_up_item(
    session: WriteSession, item_id: UUID, reason: str, *, today: date, expected_version: int | None = None
) -> MeetingItem:
    """Hand an open problem to the unit above, whose leads find it in their inbox; gives the item there.

    Raises MeetingItemNotFound, MeetingItemNotOpen, MeetingChanged, NoUnitAbove, InvalidInput.
    """
    item = await _held(session, item_id, today, expected_version)
    above = await session.scalar(
        select(UnitPath.ancestor_id).where(
            session.within(UnitPath),
            UnitPath.descendant_id == item.unit_id,
            UnitPath.depth == 1,
            UnitPath.valid_from <= today,
            UnitPath.valid_until > today,
        )
    )
    if above is None:
        raise NoUnitAbove
    item.state, item.reason = ItemState.HANDED_UP.value, texts.needed("reason", reason)
    handed = MeetingItem(
        id=new_id(),
        unit_id=above,
        from_id=item.id,
        title=item.title,
        detail=item.detail,
        reason=item.reason,
        raised_by=session.actor.id,
    )
    session.add(handed)
    await record(
        session,
        "meetings.item.hand_up",
        Subject("meeting_item", item.id),
        before={"state": ItemState.OPEN.value},
        after={"state": item.state, "unit_id": above, "item_id": handed.id},
        reason=item.reason[:500],
    )
    return handed


@command("meetings.item.solve", "解决会议问题", "Solve a problem", permission=REPORTS_EDIT)
async def solve_item(
    session: WriteSession, item_id: UUID, solution: str, *, today: date, expected_version: int | None = None
) -> MeetingItem:
    """Solve an open problem, and with the same answer those below that were handed up to it; who raised them is told.

    Raises MeetingItemNotFound, MeetingItemNotOpen, MeetingChanged, InvalidInput.
    """
    item = await _held(session, item_id, today, expected_version)
    answer, now = texts.needed("solution", solution), clock_now()
    below = _below(session, item.id)
    raised = await session.scalars(
        update(MeetingItem)
        .where(session.within(MeetingItem), MeetingItem.id.in_(select(below.c.id)))
        .values(
            state=ItemState.SOLVED.value,
            solution=answer,
            solved_by=session.actor.id,
            solved_at=now,
            version=MeetingItem.version + 1,
        )
        .returning(MeetingItem.raised_by)
        .execution_options(synchronize_session=False)
    )
    await session.refresh(item)
    await record(
        session,
        "meetings.item.solve",
        Subject("meeting_item", item.id),
        before={"state": ItemState.OPEN.value},
        after={"state": item.state, "solution": answer, "items": len(raised)},
        personal=PERSONAL,
    )
    await notify(
        session,
        [person for person in raised if person != session.actor.id],
        SOLVED.key,
        title=Bilingual("您提出的会议问题已解决", "A problem that you raised was solved"),
        subject=Subject("meeting_item", item.id),
        key=str(item.id),
    )
    return item


def _below(session: TenantSession, item_id: UUID) -> Any:
    """The ids of an item and of all that were handed up to it."""
    chain = (
        select(MeetingItem.id, MeetingItem.from_id)
        .where(session.within(MeetingItem), MeetingItem.id == item_id)
        .cte("chain", recursive=True)
    )
    return chain.union_all(
        select(MeetingItem.id, MeetingItem.from_id).where(
            session.within(MeetingItem), MeetingItem.id == chain.c.from_id
        )
    )


async def _held(session: WriteSession, item_id: UUID, today: date, expected_version: int | None) -> MeetingItem:
    item = await session.find(
        MeetingItem, MeetingItem.id == item_id, item_held(session, REPORTS_EDIT, today), lock=True
    )
    if item is None:
        raise MeetingItemNotFound
    if expected_version is not None and item.version != expected_version:
        raise MeetingChanged
    if item.state != ItemState.OPEN:
        raise MeetingItemNotOpen
    return item


async def _people(session: TenantSession, attendees: Collection[UUID]) -> list[UUID]:
    """Those who took part, once each. Raises InvalidInput."""
    people = list(dict.fromkeys(attendees))
    if len(people) > MOST_ATTENDEES:
        raise invalid("attendees", "many", f"至多 {MOST_ATTENDEES} 人。", f"Name {MOST_ATTENDEES} people at most.")
    known: int = await session.scalar(
        select(func.count())
        .select_from(User)
        .where(session.within(User), User.id.in_(people), User.status != UserStatus.ERASED.value)
    )
    if known != len(people):
        raise invalid("attendees", "unknown", "其中有人不在本公司。", "Somebody of them is not known here.")
    return people
