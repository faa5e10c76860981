"""What becomes of clocks by themselves: they come near their limit, go over it, and reach steps of their escalation.

Only clocks whose moment has come are looked at, so the work depends on them and not on how many are open.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select

from steward_core.approvals.people import SUPERVISOR, role_holders, supervisors_of
from steward_core.calendars.offices import Offices, offices
from steward_core.calendars.working_time import CalendarEnds
from steward_core.notifications.rules import NoticeKind, declare_notice
from steward_core.notifications.service import Message, notify_many
from steward_core.promises.clock_changes import Change, Happened, note, save, standing_values
from steward_core.promises.courses import Running, running
from steward_core.promises.escalation import Act, Told, escalated, next_step_at
from steward_core.promises.models import ClockEvent, PromiseClock
from steward_core.promises.rules import Standing, State
from steward_core.promises.templates import Promise
from steward_core.promises.waking import WATCH, next_change, wake
from steward_core.promises.words import length_words, moment_words
from steward_tenants.access.queries import today
from steward_tenants.audit.service import Subject
from steward_tenants.clock import clock_now
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import InvalidInput
from steward_tenants.outbox.jobs import JobTools, Payload, Queue, declare_job
from steward_tenants.texts import Bilingual

AT_ONCE = 200
"""Clocks that are looked at in one transaction."""
LATER = timedelta(hours=6)
"""When a clock is looked at again that could not be reckoned."""
NEAR = declare_notice("promises.near", "承诺临近到期", "A promise near its limit")
BROKEN = declare_notice("promises.broken", "承诺已超时", "A promise over its limit")
WARNING = declare_notice("promises.warning", "超时警告", "A warning about a broken promise")
PENALTY = declare_notice("promises.penalty", "建议扣款", "A proposed penalty")
_NOTICE_OF: Mapping[Act, NoticeKind] = {Act.TELL: BROKEN, Act.WARNING: WARNING, Act.PENALTY: PENALTY}
_TITLES: Mapping[NoticeKind, Bilingual] = {
    NEAR: Bilingual("临近到期：{title}", "Near its limit: {title}"),
    BROKEN: Bilingual("已超时：{title}", "Over its limit: {title}"),
    WARNING: Bilingual("超时警告：{title}", "Warning, over the limit: {title}"),
    PENALTY: Bilingual("建议扣款：{title}", "Proposed penalty: {title}"),
}


class _Notice(NamedTuple):
    """A notice to be sent: its kind, to whom, under which key."""

    kind: NoticeKind
    row: PromiseClock
    tell: tuple[Told, ...]
    key: str
    body: Bilingual


@dataclass
class _Round:
    """What one look brings about."""

    changes: list[Change] = field(default_factory=list)
    notes: list[Happened] = field(default_factory=list)
    notices: list[_Notice] = field(default_factory=list)


async def advance(session: WriteSession, now: datetime, *, most: int = AT_ONCE) -> int:
    """Do what is due about clocks at `now`, at most `most` of them; gives how many were looked at. Those that somebody
    else holds are left to them."""
    rows: Sequence[PromiseClock] = await session.scalars(
        select(PromiseClock)
        .where(session.within(PromiseClock), PromiseClock.changes_at < now)
        .order_by(PromiseClock.changes_at, PromiseClock.id)
        .limit(most)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if not rows:
        return 0
    times = await offices(session, {row.unit_id for row in rows})
    found = _Round()
    for row in rows:
        _look(found, row, times, now)
    await save(session, found.changes)
    await note(session, found.notes)
    await _send(session, found.notices)
    return len(rows)


def _look(found: _Round, row: PromiseClock, times: Offices, now: datetime) -> None:
    change = Change(row)
    found.changes.append(change)
    try:
        under_way = running(row, times)
        standing = under_way.standing(now)
        change.values |= standing_values(standing)
        if standing.state is State.WARNED:
            _warn(found, change, under_way, standing)
        elif standing.state is State.BREACHED:
            _break(found, change, under_way, standing, now)
    except (CalendarEnds, InvalidInput) as error:
        # One clock that cannot be reckoned must not keep the others from being looked at.
        change.values = {"changes_at": now + LATER}
        found.notes.append(Happened(row.id, ClockEvent.STUCK, f"stuck:{now:%Y-%m-%d}", now, (error.text,)))


def _warn(found: _Round, change: Change, under_way: Running, standing: Standing) -> None:
    row = change.row
    if row.warned_at is not None or standing.warning is None:
        return
    change.values["warned_at"] = standing.warning
    found.notes.append(Happened(row.id, ClockEvent.WARNED, "warned", standing.warning, standing.lines))
    tell = under_way.what.warned if isinstance(under_way.what, Promise) else (Told.OWNER,)
    due = moment_words(standing.due, under_way.working_time)
    left = length_words(standing.remaining, under_way.course.unit)
    body = Bilingual("{due} 到期，剩余 {left}。", "Due {due}, {left} left.").fill(due=due, left=left)
    found.notices.append(_Notice(NEAR, row, tell, "near", body))


def _break(found: _Round, change: Change, under_way: Running, standing: Standing, now: datetime) -> None:
    row = change.row
    if row.breach is None:
        evidence = under_way.breach(now)
        assert evidence is not None
        change.values["breach"] = evidence.document()
        found.notes.append(Happened(row.id, ClockEvent.BREACHED, "breached", standing.due, evidence.lines))
    chain, working_time = under_way.escalation, under_way.working_time
    steps = escalated(chain, standing.due, now, working_time, row.contract_fen)
    for step in steps:
        if step.key in row.steps:
            continue
        figures: dict[str, Any] = {"act": step.act.value, "told": [one.value for one in step.tell]}
        if step.act is Act.PENALTY:
            change.values["penalty_fen"] = step.amount_fen
            figures["amount_fen"] = step.amount_fen
        found.notes.append(Happened(row.id, ClockEvent.ESCALATED, f"step:{step.key}", step.since, step.lines, figures))
        body = Bilingual("\n".join(one.zh for one in step.lines), "\n".join(one.en for one in step.lines))
        found.notices.append(_Notice(_NOTICE_OF[step.act], row, step.tell, f"step:{step.key}", body))
    change.values["steps"] = [*row.steps, *(one.key for one in steps if one.key not in row.steps)]
    change.values["changes_at"] = next_step_at(chain, standing.due, now, working_time)


async def _send(session: WriteSession, notices: Sequence[_Notice]) -> None:
    people = await _people(session, notices)
    by_kind: dict[NoticeKind, list[Message]] = defaultdict(list)
    for one in notices:
        title = _TITLES[one.kind].fill(title=Bilingual(one.row.title_zh, one.row.title_en))
        key = f"{one.row.id}:{one.key}"
        subject = Subject("promise_clock", one.row.id)
        for person in people(one):
            by_kind[one.kind].append(Message(person, title, one.body, subject, key))
    for kind, messages in by_kind.items():
        await notify_many(session, kind.key, messages)


async def _people(session: WriteSession, notices: Iterable[_Notice]) -> Any:
    """Who each notice goes to; found for all of them at once."""
    day = today(session.time_zone)
    wanted = list(notices)
    owners = {one.row.owner_id for one in wanted if Told.SUPERVISOR in one.tell}
    units = {one.row.unit_id for one in wanted if Told.UNIT_LEAD in one.tell and one.row.unit_id is not None}
    supervisors = await supervisors_of(session, owners, day) if owners else {}
    leads = await role_holders(session, SUPERVISOR, units, day) if units else {}

    def told(one: _Notice) -> Collection[UUID]:
        named: set[UUID] = {one.row.owner_id} if Told.OWNER in one.tell else set()
        if Told.SUPERVISOR in one.tell:
            named.update(supervisors.get(one.row.owner_id, ()))
        if Told.UNIT_LEAD in one.tell and one.row.unit_id is not None:
            named.update(leads.get(one.row.unit_id, ()))
        return sorted(named)

    return told


async def watch(session: WriteSession, _payload: Payload, _tools: JobTools) -> None:
    """Do what is due about a tenant's clocks, and have somebody look again when the next one changes. In one
    transaction with the job's end: what starts meanwhile asks for a job of its own."""
    now = clock_now()
    looked = await advance(session, now)
    upcoming = now if looked == AT_ONCE else await next_change(session)
    if upcoming is not None:
        await wake(session, upcoming)


declare_job(WATCH, "查看承诺时限", "Look at the clocks of promises", Queue.URGENT, in_session=watch)
