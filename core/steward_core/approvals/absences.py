"""Who decides in somebody's place while they are away. What waits for the absent person goes to the substitute when the
absence begins, and back when it ends; both may decide meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from steward_core.approvals.errors import AbsenceNotFound, AbsenceOverlaps
from steward_core.approvals.jobs import PEOPLE
from steward_core.approvals.models import ApprovalAbsence
from steward_core.approvals.people import active
from steward_core.permissions import APPROVALS_MANAGE
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.commands.service import command
from steward_tenants.database.actor import ActorKind
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import invalid
from steward_tenants.outbox.service import enqueue
from steward_tenants.people.errors import PersonNotFound

LONGEST = timedelta(days=366)


@command("approvals.absence.set", "设定审批代办人", "Name a substitute for an absence", permission=None)
async def set_absence(
    session: WriteSession,
    *,
    substitute_id: UUID,
    starts_at: datetime,
    ends_at: datetime,
    user_id: UUID | None = None,
) -> ApprovalAbsence:
    """Have somebody decide in the actor's place from a moment until a moment; in that of another person (`user_id`)
    only an administrator of approvals can. One person has one absence at a time.

    Raises Forbidden, InvalidInput, PersonNotFound, AbsenceOverlaps.
    """
    person = session.actor.id if user_id is None else user_id
    if person != session.actor.id or session.actor.kind is not ActorKind.USER:
        require(session.actor, APPROVALS_MANAGE)
    _check_moments(starts_at, ends_at)
    if substitute_id == person:
        raise invalid("substitute_id", "same", "代办人不能是本人。", "Somebody else must stand in.")
    if {person, substitute_id} - await active(session, [person, substitute_id]):
        raise PersonNotFound
    await take_turn(session, f"approval_absence.{person}")
    clash = await session.scalar(
        select(ApprovalAbsence.id).where(
            session.within(ApprovalAbsence),
            ApprovalAbsence.user_id == person,
            ApprovalAbsence.cancelled_at.is_(None),
            ApprovalAbsence.starts_at < ends_at,
            ApprovalAbsence.ends_at > starts_at,
        )
    )
    if clash is not None:
        raise AbsenceOverlaps
    row = ApprovalAbsence(
        id=new_id(),
        user_id=person,
        substitute_id=substitute_id,
        starts_at=starts_at,
        ends_at=ends_at,
        set_by=session.actor.id,
    )
    session.add(row)
    for moment in (starts_at, ends_at):
        await enqueue(session, PEOPLE, {"user_id": person}, due=max(moment, datetime.now(UTC)))
    await session.refresh(row)
    await record(
        session,
        "approvals.absence.set",
        Subject("approval_absence", row.id),
        after={"user_id": person, "substitute_id": substitute_id, "starts_at": starts_at, "ends_at": ends_at},
    )
    return row


@command("approvals.absence.end", "结束审批代办", "End an absence", permission=None)
async def end_absence(session: WriteSession, absence_id: UUID) -> ApprovalAbsence:
    """Call an absence off, or end it early: what waits goes back at once. Again changes nothing. Raises
    AbsenceNotFound, Forbidden."""
    row = await session.get(ApprovalAbsence, absence_id, lock=True)
    own = row is not None and row.user_id == session.actor.id and session.actor.kind is ActorKind.USER
    if row is None or (not own and not _manages(session)):
        raise AbsenceNotFound
    before = row.cancelled_at
    if before is None and row.ends_at > clock_now():
        row.cancelled_at = clock_now()
        await enqueue(session, PEOPLE, {"user_id": row.user_id})
    await record(
        session,
        "approvals.absence.end",
        Subject("approval_absence", row.id),
        before={"cancelled_at": before},
        after={"cancelled_at": row.cancelled_at},
    )
    return row


def _manages(session: WriteSession) -> bool:
    return session.actor.unrestricted or APPROVALS_MANAGE.key in session.actor.permissions


def _check_moments(starts_at: datetime, ends_at: datetime) -> None:
    for name, moment in (("starts_at", starts_at), ("ends_at", ends_at)):
        if moment.tzinfo is None:
            raise invalid(name, "zone", "时间须带时区。", "Give the time zone.")
    if ends_at <= starts_at:
        raise invalid("ends_at", "order", "结束须晚于开始。", "It must end after it begins.")
    if ends_at <= clock_now():
        raise invalid("ends_at", "past", "结束时间已过。", "Its end has passed.")
    if ends_at - starts_at > LONGEST:
        raise invalid("ends_at", "length", "最长一年。", "A year at most.")
