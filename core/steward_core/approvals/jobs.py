"""What happens to approvals without anybody's word: reminders and ends that are due, absences that begin and end,
people who were disabled.

The clock is a job for the moment that an approval's step needs it, not a task that looks every few minutes: a step
without reminders and end costs nothing, one with them costs one job when it opens, and a tenant where nothing is due is
never looked at. A job does whatever is due by then (over an index on that moment), so one that comes late, twice, or
after its step was decided changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from steward_core.approvals.ledger import by_product, ids, read_cases, write_cases
from steward_core.approvals.models import Approval, ApprovalSeat
from steward_core.approvals.resolving import day_of
from steward_core.approvals.state import Status
from steward_core.approvals.telling import CLOCK, follow_up
from steward_tenants.clock import clock_now
from steward_tenants.database.actor import system
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import StewardError
from steward_tenants.lifecycle.furnishing import take_up_with
from steward_tenants.outbox.jobs import JobPlace, JobTools, Payload, declare_job
from steward_tenants.outbox.service import enqueue
from steward_tenants.people.leaving import when_disabled

log = logging.getLogger(__name__)

PRODUCT = system("approvals")
PEOPLE = "approvals.people"
"""The kind of job that looks again at who is asked in a person's place."""
AT_ONCE = 100
"""Approvals in one transaction."""


async def do_what_is_due(database: Database, tenant_id: UUID, now: datetime) -> int:
    """Remind and end what is due in a tenant by now; gives how many. What cannot be ended (its domain refuses) is left,
    and raised once all others are done."""
    done, refused, last = 0, list[StewardError](), None
    while True:
        async with database.read(tenant_id, PRODUCT) as reading:
            due = select(Approval.id).where(reading.within(Approval), Approval.next_at <= now)
            if last is not None:
                due = due.where(Approval.id > last)
            found: Sequence[UUID] = await reading.scalars(due.order_by(Approval.id).limit(AT_ONCE))
        if not found:
            break
        last = found[-1]
        try:
            done += await _look(database, tenant_id, found, now)
        except StewardError:
            for one in found:
                try:
                    done += await _look(database, tenant_id, [one], now)
                except StewardError as refusal:
                    log.warning("an approval could not be ended: %s", refusal.code)
                    refused.append(refusal)
    if refused:
        raise refused[0]
    return done


async def _look(database: Database, tenant_id: UUID, approval_ids: Sequence[UUID], now: datetime) -> int:
    """Reminders and ends of these, in one transaction; people get one notice of several reminders that were missed."""
    async with database.write(tenant_id, PRODUCT) as session:
        cases = await read_cases(session, Approval.id == func.any(ids(approval_ids)))
        for case in cases:
            while (act := case.state.due(now)) is not None:
                case.add(by_product(act, now, turn=case.state.turn))
        due = [case for case in cases if case.fresh]
        await write_cases(session, due, day_of(session))
        await follow_up(session, due)
    return len(due)


async def look_again(session: WriteSession, *conditions: ColumnElement[bool]) -> int:
    """Look again at who is asked in running approvals that meet the conditions: those who left are replaced, absences
    count. Gives how many changed."""
    changed, last = 0, None
    while True:
        statement = select(Approval.id).where(
            session.within(Approval), Approval.status == Status.RUNNING.value, *conditions
        )
        if last is not None:
            statement = statement.where(Approval.id > last)
        found: Sequence[UUID] = await session.scalars(statement.order_by(Approval.id).limit(AT_ONCE))
        if not found:
            return changed
        last = found[-1]
        cases = await read_cases(session, Approval.id == func.any(ids(found)))
        await write_cases(session, cases, day_of(session))
        await follow_up(session, cases)
        changed += sum(bool(case.fresh) for case in cases)


async def _clock(place: JobPlace, _payload: Payload) -> bool:
    await do_what_is_due(place.database, place.tenant_id, clock_now())
    return True


async def _people(session: WriteSession, payload: Payload, _tools: JobTools) -> None:
    person = UUID(payload["user_id"])
    asked = select(ApprovalSeat.approval_id).where(session.within(ApprovalSeat), ApprovalSeat.asked_id == person)
    await look_again(session, Approval.id.in_(asked))


async def _look_at_leaver(session: WriteSession, user_id: UUID) -> None:
    await enqueue(session, PEOPLE, {"user_id": user_id})


async def _look_at_once(session: WriteSession) -> None:
    """In a restored tenant the moments of some approvals have gone by."""
    if await session.scalar(
        select(Approval.id).where(session.within(Approval), Approval.next_at.is_not(None)).limit(1)
    ):
        first = await session.scalar(select(func.min(Approval.next_at)).where(session.within(Approval)))
        await enqueue(session, CLOCK, {}, due=max(first, datetime.now(UTC)))


declare_job(CLOCK, "审批催办与到期", "Reminders and ends of approvals", beside=_clock, seconds=600.0)
declare_job(PEOPLE, "调整审批人", "Look again at who is asked", in_session=_people)
when_disabled(_look_at_leaver)
take_up_with(_look_at_once)
