"""Approvals as they are stored: read with their trails under a lock, changed by entries, written back with what follows
from them. For one as for many at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Uuid, delete, func, literal, select

from steward_core.approvals.definitions import Definition
from steward_core.approvals.documents import read_resolution, resolution_document
from steward_core.approvals.models import Approval, ApprovalEntry, ApprovalSeat
from steward_core.approvals.people import Groups, administrators, line_above, presence
from steward_core.approvals.rules import decide, replay
from steward_core.approvals.state import ENDS, State, Status
from steward_core.approvals.trail import Act, Entry
from steward_tenants.clock import clock_now
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import StewardError

_STATUSES = {one.value: one for one in Status}
_ACTS = {one.value: one for one in Act}
_ROUNDS = 4
"""Who takes over may be away too, and then somebody stands in: more often than that nothing follows."""


@dataclass
class Case:
    """One approval with its trail. `written` entries of it are stored; `before` and `clock` are the status and the next
    moment that are. `left`: those who were asked and are not any more, since it was written back."""

    approval: Approval
    definition: Definition
    trail: list[Entry]
    state: State
    written: int
    before: Status | None
    clock: datetime | None = None
    left: set[UUID] = field(default_factory=set)

    def add(self, entry: Entry) -> bool:
        """Lay an entry on the trail; False: it is there already. Raises the refusals of errors.py."""
        outcome = decide(self.definition, self.trail, entry)
        if outcome.added:
            self.trail.append(entry)
        self.state = outcome.state
        return outcome.added

    @property
    def fresh(self) -> list[Entry]:
        """The entries that are not stored yet."""
        return self.trail[self.written :]


def by_product(act: Act, at: datetime, **more: Any) -> Entry:
    """An entry of the product's own."""
    return Entry(new_id(), act, at, None, **more)


async def read_cases(session: TenantSession, *conditions: ColumnElement[bool], lock: bool = True) -> list[Case]:
    """The approvals that meet the conditions, in order of their ids (so that two who lock several do not wait for each
    other). Raises TrailBroken for a stored trail that its rules do not allow."""
    statement = select(Approval).where(session.within(Approval), *conditions).order_by(Approval.id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    approvals: Sequence[Approval] = await session.scalars(statement)
    trails = await read_trails(session, [one.id for one in approvals])
    cases = []
    for approval in approvals:
        definition = Definition.model_validate(approval.definition)
        trail = trails[approval.id]
        state = replay(definition, trail)
        cases.append(Case(approval, definition, trail, state, len(trail), _STATUSES[approval.status], approval.next_at))
    return cases


async def read_trails(session: TenantSession, approval_ids: Sequence[UUID]) -> dict[UUID, list[Entry]]:
    """The trails of approvals, each in its order."""
    trails: defaultdict[UUID, list[Entry]] = defaultdict(list)
    if not approval_ids:
        return trails
    rows: Sequence[ApprovalEntry] = await session.scalars(
        select(ApprovalEntry)
        .where(session.within(ApprovalEntry), ApprovalEntry.approval_id == func.any(ids(approval_ids)))
        .order_by(ApprovalEntry.approval_id, ApprovalEntry.number)
    )
    for row in rows:
        trails[row.approval_id].append(
            Entry(
                id=row.id,
                act=_ACTS[row.act],
                at=row.at,
                actor=row.actor_id,
                turn=row.turn,
                person=row.person_id,
                instead_of=row.instead_of_id,
                step=row.step,
                reason=row.reason,
                resolution=None if row.resolution is None else read_resolution(row.resolution),
            )
        )
    return trails


async def write_cases(session: WriteSession, cases: Sequence[Case], on: date) -> None:
    """Store what was added, with what follows from it: those who were disabled are replaced, those who are away get
    their substitutes, and who is asked now is written down."""
    await _keep_people(session, cases, on)
    changed = [case for case in cases if case.fresh]
    for case in changed:
        _take_over(case.approval, case.state, case.trail[-1].at)
        if not case.written:
            session.add(case.approval)
    await session.flush()
    session.add(*(_row(case.approval.id, number, entry) for case in changed for number, entry in _numbered(case)))
    await session.flush()
    await _write_seats(session, changed)


def seats_of(state: State) -> dict[UUID, UUID]:
    """Who may decide at present, and in whose place: approvers in their own."""
    turns = state.turns()
    seats = {turn.asked: turn.asked for turn in turns}
    for turn in turns:
        for person in turn.stand_ins:
            seats.setdefault(person, turn.asked)
    return seats


def next_moment(state: State) -> datetime | None:
    """When the clock has something to do."""
    return min((one for one in (state.remind_at, state.expires_at) if one is not None), default=None)


def _take_over(approval: Approval, state: State, at: datetime) -> None:
    step = state.step
    values = {
        "status": state.status.value,
        "successor_id": state.successor,
        "step": step.key,
        "step_zh": step.title.zh,
        "step_en": step.title.en,
        "turn": state.turn,
        "opened_at": state.opened_at,
        "next_at": next_moment(state),
        "ended_at": at if state.status in ENDS else None,
    }
    for name, value in values.items():
        if getattr(approval, name) != value:
            setattr(approval, name, value)


def _numbered(case: Case) -> list[tuple[int, Entry]]:
    return list(enumerate(case.fresh, case.written + 1))


def _row(approval_id: UUID, number: int, entry: Entry) -> ApprovalEntry:
    return ApprovalEntry(
        id=entry.id,
        approval_id=approval_id,
        number=number,
        act=entry.act.value,
        at=entry.at,
        actor_id=entry.actor,
        turn=entry.turn,
        person_id=entry.person,
        instead_of_id=entry.instead_of,
        step=entry.step,
        reason=entry.reason,
        resolution=None if entry.resolution is None else resolution_document(entry.resolution),
    )


async def _write_seats(session: WriteSession, cases: Sequence[Case]) -> None:
    if not cases:
        return
    stored: Sequence[ApprovalSeat] = await session.scalars(
        select(ApprovalSeat).where(
            session.within(ApprovalSeat),
            ApprovalSeat.approval_id == func.any(ids([case.approval.id for case in cases])),
        )
    )
    wanted = {
        (case.approval.id, person): (asked, case.state.step.key, case.state.turn, case.state.opened_at)
        for case in cases
        for person, asked in seats_of(case.state).items()
    }
    gone, by_id = [], {case.approval.id: case for case in cases}
    for row in stored:
        seat = wanted.get((row.approval_id, row.user_id))
        if seat is not None and seat[:3] == (row.asked_id, row.step, row.turn):
            del wanted[row.approval_id, row.user_id]
        else:
            gone.append(row.id)
            if seat is None:
                by_id[row.approval_id].left.add(row.user_id)
    if gone:
        await session.execute(
            delete(ApprovalSeat)
            .where(session.within(ApprovalSeat), ApprovalSeat.id == func.any(ids(gone)))
            .execution_options(synchronize_session=False)
        )
    now = clock_now()
    session.add(
        *(
            ApprovalSeat(
                id=new_id(),
                approval_id=approval_id,
                user_id=person,
                asked_id=asked,
                step=step,
                turn=turn,
                since=now,
            )
            for (approval_id, person), (asked, step, turn, _) in wanted.items()
        )
    )
    await session.flush()


async def _keep_people(session: WriteSession, cases: Sequence[Case], on: date) -> None:
    for _ in range(_ROUNDS):
        running = [case for case in cases if case.state.status is Status.RUNNING]
        asked = {turn.asked for case in running for turn in case.state.turns()}
        known = await presence(session, asked)
        now = clock_now()
        gone = {person for person in asked if person not in known or not known[person].active}
        above: Groups = await line_above(session, gone, on) if gone else {}
        admins = await administrators(session, on) if gone else ()
        replaced = [
            _replaced(case, turn.asked, (*above.get(turn.asked, ()), *admins), now)
            for case in running
            for turn in case.state.turns()
            if turn.asked in gone
        ]
        stood_in = [
            case.add(by_product(Act.SUBSTITUTE, now, person=known[asked].substitute, instead_of=asked))
            for case in running
            for asked in [turn.asked for turn in case.state.turns()]
            if asked in known and case.state.substitutes.get(asked) != known[asked].substitute
        ]
        if not any(replaced) and not any(stood_in):
            return


def _replaced(case: Case, gone: UUID, candidates: Sequence[UUID], now: datetime) -> bool:
    """Whether one of these takes the place of somebody who was disabled; nobody does who may not decide on it."""
    for person in candidates:
        try:
            return case.add(by_product(Act.REPLACE, now, person=person, instead_of=gone))
        except StewardError:
            continue
    return False


def ids(many: Sequence[UUID]) -> Any:
    """Identifiers as one parameter."""
    return literal(list(many), ARRAY(Uuid()))
