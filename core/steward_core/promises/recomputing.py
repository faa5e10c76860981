"""Open clocks of working time after the calendar has changed: reckoned anew, a batch in each transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import not_, select

from steward_core.calendars.offices import Offices, offices
from steward_core.calendars.settings import BUSINESS_HOURS, CALENDAR_BASE, NAMED_CALENDARS, UNIT_HOURS
from steward_core.calendars.working_time import CalendarEnds, utc
from steward_core.promises.clock_changes import Change, Happened, note, save, standing_values
from steward_core.promises.clocks import Reckoned, Unit, reckon
from steward_core.promises.courses import Running, begun, definition_of, running
from steward_core.promises.follow_ups import FollowUp
from steward_core.promises.models import ClockEvent, ClockState, PromiseClock
from steward_core.promises.rules import Lines, recomputed
from steward_core.promises.waking import RECOMPUTE, recompute, wake
from steward_core.promises.words import moment_words
from steward_tenants.clock import clock_now
from steward_tenants.configuration.settings import when_set
from steward_tenants.database.actor import system
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import InvalidInput
from steward_tenants.outbox.jobs import JobPlace, Payload, Queue, declare_job
from steward_tenants.texts import Bilingual

AT_ONCE = 500
CLOCKS = system("promises")
_MOVES = (ClockState.NOT_STARTED.value, ClockState.RUNNING.value, ClockState.WARNED.value, ClockState.PAUSED.value)
_MINUTES = Unit.CALENDAR_MINUTES.value


async def recompute_some(session: WriteSession, now: datetime, after: UUID | None, *, most: int = AT_ONCE) -> Any:
    """Reckon the open clocks that come after this one anew, at most `most` of them; gives the last one's id, None when
    there are no more. Clocks of calendar minutes, ended ones and those over their limit stay as they are."""
    conditions = [] if after is None else [PromiseClock.id > after]
    in_minutes = PromiseClock.definition[("clock", "limit", "unit")].astext == _MINUTES
    rows: Sequence[PromiseClock] = await session.scalars(
        select(PromiseClock)
        .where(
            session.within(PromiseClock),
            PromiseClock.ended_at.is_(None),
            PromiseClock.state.in_(_MOVES),
            not_(in_minutes.is_(True)),
            *conditions,
        )
        .order_by(PromiseClock.id)
        .limit(most)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if not rows:
        return None
    times = await offices(session, {row.unit_id for row in rows})
    changes, notes = [], []
    for row in rows:
        try:
            found = _anew(row, times, now)
        except (CalendarEnds, InvalidInput):
            continue
        if found is not None:
            values, lines = found
            changes.append(Change(row, values))
            key = f"recomputed:{now.isoformat(timespec='seconds')}"
            figures = {"before": row.due_at.isoformat(), "after": values["due_at"].isoformat()}
            notes.append(Happened(row.id, ClockEvent.RECOMPUTED, key, now, lines, figures))
    await save(session, changes)
    await note(session, notes)
    earliest = min((one.values["changes_at"] for one in changes if one.values["changes_at"] is not None), default=None)
    if earliest is not None:
        await wake(session, earliest)
    return rows[-1].id


def _anew(row: PromiseClock, times: Offices, now: datetime) -> tuple[dict[str, Any], Lines] | None:
    """What the calendar of today makes of a clock; None when nothing changes. Raises CalendarEnds."""
    found = running(row, times)
    what = definition_of(row)
    if isinstance(what, FollowUp) and what.noon_rule is not None:
        return _by_noon_rule(row, found, times, now)
    as_of = utc(now) if row.paused_at is None else row.paused_at
    known = Reckoned(row.due_at, row.warn_at, (), reckon(found.course, as_of).paused, row.provisional)
    changed = recomputed(found.course, now, known)
    return None if changed is None else (standing_values(found.standing(now)), changed.lines)


def _by_noon_rule(
    row: PromiseClock, found: Running, times: Offices, now: datetime
) -> tuple[dict[str, Any], Lines] | None:
    if row.due_at < utc(now) or row.pauses:
        return None
    standing = begun(found.what, row.started_at, times, row.unit_id).standing(now)
    if standing.due == row.due_at:
        return None
    before, then = (moment_words(one, found.working_time) for one in (row.due_at, standing.due))
    line = Bilingual(
        "工作日历有变，到期时间由 {before} 改为 {then}", "The calendar changed: due {then} instead of {before}"
    )
    return standing_values(standing), (line.fill(before=before, then=then),)


async def recompute_all(place: JobPlace, _payload: Payload) -> bool:
    """Reckon all open clocks of a tenant anew, batch by batch."""
    after: UUID | None = None
    while True:
        async with place.database.write(place.tenant_id, CLOCKS) as session:
            after = await recompute_some(session, clock_now(), after)
        if after is None:
            return True


declare_job(
    RECOMPUTE,
    "按日历重算承诺时限",
    "Reckon promises anew after the calendar changed",
    Queue.NORMAL,
    beside=recompute_all,
    seconds=1_800.0,
)
for _setting in (CALENDAR_BASE, BUSINESS_HOURS, UNIT_HOURS, NAMED_CALENDARS):
    when_set(_setting.key, recompute)
