"""What happens starts promises and keeps them. Everything here is done for many events at once, in a few statements."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Row, Text, Uuid, and_, func, literal, or_, select

from steward_core.calendars.offices import Offices, offices
from steward_core.calendars.working_time import utc
from steward_core.clients.models import Client
from steward_core.database.bulk import insert_many
from steward_core.promises.clock_changes import (
    Change,
    Happened,
    ending,
    note,
    refreshed,
    save,
    standing_values,
    stored_pauses,
)
from steward_core.promises.clocks import Pause
from steward_core.promises.courses import Running, again, begun, pauses_of, running
from steward_core.promises.definitions import Definition, definitions_here
from steward_core.promises.follow_ups import FollowUp
from steward_core.promises.models import ClockEvent, ClockState, DefinitionKind, PromiseClock
from steward_core.promises.templates import Promise
from steward_core.promises.waking import wake
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.texts import Bilingual

OF_CLIENT = "client:"
"""Before an event's name: of whatever the client has, not only of what the clock is about."""
Facts = Collection[str] | Mapping[str, datetime | None]
_RUNNING = (ClockState.RUNNING.value, ClockState.WARNED.value)


@dataclass(frozen=True)
class Happening:
    """Something that happened to `subject` at `at`. `facts` are what is known of it, with the moment of each that has
    one; the kind and trade of the client are facts too. `occurrence` above 1 starts the same once more."""

    trigger: str
    at: datetime
    subject: str
    subject_id: UUID
    client_id: UUID | None
    owner_id: UUID
    unit_id: UUID | None
    facts: Mapping[str, datetime | None] = field(default_factory=dict)
    contract_fen: int | None = None
    occurrence: int = 1

    @property
    def names(self) -> dict[str, datetime]:
        """The names by which clocks of the same subject are kept, each with its moment."""
        of_facts = {f"{self.trigger}:{fact}": moment or self.at for fact, moment in self.facts.items()}
        return {self.trigger: self.at, **of_facts}


async def happened(
    session: WriteSession,
    trigger: str,
    *,
    at: datetime,
    subject: str,
    subject_id: UUID,
    client_id: UUID | None,
    owner_id: UUID,
    unit_id: UUID | None,
    facts: Facts = (),
    contract_fen: int | None = None,
    occurrence: int = 1,
) -> list[PromiseClock]:
    """Start every promise and follow-up that this event starts, and keep those that it keeps; gives the clocks that are
    new. Once for each (promise, subject, occurrence), however often it is told. Raises CalendarEnds."""
    known = dict(facts) if isinstance(facts, Mapping) else dict.fromkeys(facts)
    one = Happening(trigger, at, subject, subject_id, client_id, owner_id, unit_id, known, contract_fen, occurrence)
    return await happened_many(session, [one])


async def happened_many(session: WriteSession, events: Sequence[Happening]) -> list[PromiseClock]:
    """`happened` for any number of events. Raises CalendarEnds."""
    if not events:
        return []
    definitions = await definitions_here(session)
    clients = await _clients(session, [one.client_id for one in events])
    wanted = [
        (event, definition)
        for event in events
        for definition in definitions.started_by(event.trigger, {*event.facts, *_traits(clients.get(event.client_id))})
    ]
    clocks = await start_own(session, wanted)
    await _keep(session, events)
    return await refreshed(session, [one.id for one in clocks]) if clocks else []


async def fulfilled(session: WriteSession, key_or_trigger: str, *, subject: str, subject_id: UUID, at: datetime) -> int:
    """End the open clocks of a subject that this keeps: by a promise's key, or by an event that it names; gives how
    many. Later than its limit ends it as late, with the evidence. Raises CalendarEnds."""
    clocks = await _open(session, PromiseClock.subject_id == subject_id, PromiseClock.subject == subject)
    meant = {
        row.id: at
        for row in clocks
        if row.promise == key_or_trigger
        or key_or_trigger in row.definition.get("kept_by", ())
        or row.definition.get("until") == key_or_trigger
    }
    final = [row.id for row in clocks if row.definition.get("until") == key_or_trigger]
    return await end(session, clocks, meant, final=final)


async def end_all(session: WriteSession, *, subject: str, subject_ids: Collection[UUID], at: datetime) -> int:
    """End whatever still runs about these subjects; gives how many. Raises CalendarEnds."""
    clocks = await _open(session, _any(PromiseClock.subject_id, subject_ids), PromiseClock.subject == subject)
    return await end(session, clocks, {row.id: at for row in clocks}, final=[row.id for row in clocks])


async def cancel_all(
    session: WriteSession, *, subject: str, subject_ids: Collection[UUID], at: datetime, reason: Bilingual
) -> int:
    """What these clocks are about came to nothing: they end as cancelled; gives how many. A breach stays noted."""
    clocks = await _open(session, _any(PromiseClock.subject_id, subject_ids), PromiseClock.subject == subject)
    return await cancel(session, clocks, at=at, reason=reason)


async def cancel(session: WriteSession, clocks: Sequence[PromiseClock], *, at: datetime, reason: Bilingual) -> int:
    """End held clocks as cancelled."""
    changes = [
        Change(
            row,
            {
                "state": ClockState.CANCELLED.value,
                "ended_at": max(utc(at), row.started_at),
                "changes_at": None,
                "paused_at": None,
            },
        )
        for row in clocks
    ]
    await save(session, changes)
    await note(session, [Happened(one.row.id, ClockEvent.CANCELLED, "ended", at, (reason,)) for one in changes])
    return len(changes)


async def pause(
    session: WriteSession, *, subject: str, subject_ids: Collection[UUID], at: datetime, reason: str = ""
) -> int:
    """Let the clocks of these subjects stand still, such as while the client is awaited; gives how many. One that is
    over its limit goes on. Raises CalendarEnds."""
    found = await _open(session, _any(PromiseClock.subject_id, subject_ids), PromiseClock.subject == subject)
    clocks = [row for row in found if row.state in _RUNNING and row.due_at > utc(at) >= row.started_at]
    times = await offices(session, {row.unit_id for row in clocks}) if clocks else None
    changes, notes = [], []
    for row in clocks:
        assert times is not None
        pauses = [*pauses_of(row), Pause(utc(at))]
        standing = running(row, times).with_pauses(pauses).standing(at)
        stored = stored_pauses(row, pauses)
        stored[-1]["reason"] = reason or None
        values = standing_values(standing) | {"pauses": stored, "paused_at": utc(at)}
        changes.append(Change(row, values))
        notes.append(Happened(row.id, ClockEvent.PAUSED, f"paused:{len(pauses)}", at, standing.lines))
    await save(session, changes)
    await note(session, notes)
    return len(changes)


async def resume(session: WriteSession, *, subject: str, subject_ids: Collection[UUID], at: datetime) -> int:
    """Let clocks go on that stood still; gives how many. They are due later by the time that they would have counted.
    Raises CalendarEnds."""
    found = await _open(session, _any(PromiseClock.subject_id, subject_ids), PromiseClock.subject == subject)
    clocks = [row for row in found if row.paused_at is not None]
    if not clocks:
        return 0
    times = await offices(session, {row.unit_id for row in clocks})
    changes, notes = [], []
    for row in clocks:
        pauses = [Pause(one.since, one.until or max(utc(at), one.since)) for one in pauses_of(row)]
        standing = running(row, times).with_pauses(pauses).standing(at)
        values = standing_values(standing) | {"pauses": stored_pauses(row, pauses), "paused_at": None}
        changes.append(Change(row, values))
        notes.append(Happened(row.id, ClockEvent.RESUMED, f"resumed:{len(pauses)}", at, standing.lines))
    await save(session, changes)
    await note(session, notes)
    await _wake_for(session, [one.now("changes_at") for one in changes])
    return len(changes)


async def end(
    session: WriteSession,
    clocks: Sequence[PromiseClock],
    meant: Mapping[UUID, datetime],
    *,
    final: Collection[UUID] = (),
) -> int:
    """End those held clocks that are `meant`, each at its moment; gives how many. A follow-up that is to be done again
    starts anew, unless it is among the `final` ones."""
    ended = [row for row in clocks if row.id in meant]
    if not ended:
        return 0
    times = await offices(session, {row.unit_id for row in ended})
    changes, notes, more = [], [], []
    for row in ended:
        change, found = Change(row), running(row, times)
        notes.append(ending(change, found, meant[row.id]))
        changes.append(change)
        if isinstance(found.what, FollowUp) and row.id not in final:
            following = _following(change, found.what, times)
            more += [] if following is None else [following]
    await save(session, changes)
    await note(session, notes)
    if more:
        await _start(session, more)
    return len(ended)


async def start_own(session: WriteSession, wanted: Sequence[tuple[Happening, Definition]]) -> list[PromiseClock]:
    """Start clocks by definitions that are given, whatever is in force; those that are there already stay as they are.
    Raises CalendarEnds."""
    if not wanted:
        return []
    times = await offices(session, {event.unit_id for event, _ in wanted})
    return await _start(session, [_new(event, definition, times) for event, definition in wanted])


async def open_clocks(session: WriteSession, *conditions: ColumnElement[bool]) -> list[PromiseClock]:
    """The clocks that have not ended and meet the conditions, held."""
    return await _open(session, *conditions)


async def _clients(session: WriteSession, client_ids: Collection[UUID | None]) -> Mapping[UUID | None, Row[Any]]:
    """The kind, trade and owner of clients."""
    wanted = {one for one in client_ids if one is not None}
    if not wanted:
        return {}
    rows = await session.rows(
        select(Client.id, Client.kind, Client.trade, Client.owner_id).where(
            session.within(Client), _any(Client.id, wanted)
        )
    )
    return {row.id: row for row in rows}


def _traits(client: Row[Any] | None) -> list[str]:
    """What of a client narrows promises down."""
    return [] if client is None else [one for one in (client.kind, client.trade) if one is not None]


@dataclass(frozen=True)
class _Fresh:
    """A clock that is to be started."""

    event: Happening
    definition: Definition
    found: Running
    started: datetime


def _new(event: Happening, definition: Definition, times: Offices) -> _Fresh:
    started = event.at
    if isinstance(definition.what, Promise):
        named = (definition.what.since, definition.what.narrowed)
        moments = (event.facts.get(one) for one in named if one is not None)
        started = next((one for one in moments if one is not None), event.at)
    return _Fresh(event, definition, begun(definition.what, started, times, event.unit_id), utc(started))


def _following(change: Change, what: FollowUp, times: Offices) -> _Fresh | None:
    """The next occurrence of a follow-up that was done."""
    following, row = again(what), change.row
    if following is None:
        return None
    done = change.values["ended_at"]
    event = Happening(
        row.trigger, done, row.subject, row.subject_id, row.client_id, row.owner_id, row.unit_id,
        occurrence=row.occurrence + 1, contract_fen=row.contract_fen,
    )  # fmt: skip
    definition = Definition(DefinitionKind.FOLLOW_UP, row.promise, following, "", row.definition_version)
    return _Fresh(event, definition, begun(following, done, times, row.unit_id), utc(done))


async def _start(session: WriteSession, fresh: Sequence[_Fresh]) -> list[PromiseClock]:
    """Write clocks that are not there yet; gives those that are new."""
    ids = [new_id() for _ in fresh]
    standings = [one.found.standing(one.started) for one in fresh]
    columns: dict[str, Sequence[Any]] = {
        "id": ids,
        "kind": [one.definition.kind.value for one in fresh],
        "promise": [one.definition.key for one in fresh],
        "trigger": [one.event.trigger for one in fresh],
        "subject": [one.event.subject for one in fresh],
        "subject_id": [one.event.subject_id for one in fresh],
        "occurrence": [one.event.occurrence for one in fresh],
        "client_id": [one.event.client_id for one in fresh],
        "owner_id": [one.event.owner_id for one in fresh],
        "unit_id": [one.event.unit_id for one in fresh],
        "title_zh": [one.definition.what.title.zh for one in fresh],
        "title_en": [one.definition.what.title.en for one in fresh],
        "definition": [one.definition.what.model_dump(mode="json") for one in fresh],
        "definition_version": [one.definition.number for one in fresh],
        "started_at": [one.started for one in fresh],
        "contract_fen": [one.event.contract_fen for one in fresh],
        "state": [ClockState[standing.state.name].value for standing in standings],
        "due_at": [standing.due for standing in standings],
        "warn_at": [standing.warning for standing in standings],
        "changes_at": [standing.changes_at for standing in standings],
        "provisional": [standing.provisional for standing in standings],
    }
    await session.flush()
    clients = await _clients(session, [one.event.client_id for one in fresh])
    columns["follows_client"] = [
        one.event.client_id in clients and clients[one.event.client_id].owner_id == one.event.owner_id for one in fresh
    ]
    if not await insert_many(session, PromiseClock, columns, unless_there=True):
        return []
    clocks = await refreshed(session, ids)
    lines = {row_id: standing.lines for row_id, standing in zip(ids, standings, strict=True)}
    await note(
        session, [Happened(row.id, ClockEvent.STARTED, "started", row.started_at, lines[row.id]) for row in clocks]
    )
    await _wake_for(session, [row.changes_at for row in clocks])
    return clocks


async def _wake_for(session: WriteSession, moments: Sequence[datetime | None]) -> None:
    earliest = min((one for one in moments if one is not None), default=None)
    if earliest is not None:
        await wake(session, earliest)


async def _keep(session: WriteSession, events: Sequence[Happening]) -> None:
    """End the clocks that these events keep: of the same subject, or of the client where they say so."""
    triggers = sorted({OF_CLIENT + one.trigger for one in events} | {one.trigger for one in events})
    named = PromiseClock.definition["kept_by"].has_any(literal(_with_facts(events), ARRAY(Text())))
    ends = PromiseClock.definition["until"].astext == func.any(literal(triggers, ARRAY(Text())))
    client_ids = {one.client_id for one in events if one.client_id is not None}
    clocks = await _open(
        session,
        or_(
            _any(PromiseClock.subject_id, {one.subject_id for one in events}),
            _any(PromiseClock.client_id, client_ids),
        ),
        or_(named, and_(PromiseClock.kind == DefinitionKind.FOLLOW_UP.value, ends)),
    )
    meant: dict[UUID, datetime] = {}
    final: set[UUID] = set()
    for row in clocks:
        for event in events:
            moment = _kept_at(row, event)
            if moment is not None and row.id not in meant:
                meant[row.id] = moment
                final |= {row.id} if row.definition.get("until") == event.trigger else set()
    await end(session, clocks, meant, final=final)


def _with_facts(events: Sequence[Happening]) -> list[str]:
    names = {name for one in events for name in one.names}
    return sorted(names | {OF_CLIENT + name for name in names})


def _kept_at(row: PromiseClock, event: Happening) -> datetime | None:
    """When an event kept a clock; None when it did not. What starts a clock does not keep it at once, unless by a fact
    of its own; what was before the clock's day does not keep it."""
    kept_by = row.definition.get("kept_by", ())
    own = (row.subject, row.subject_id) == (event.subject, event.subject_id)
    of_client = row.client_id is not None and row.client_id == event.client_id
    for name, moment in event.names.items():
        begins = name == row.trigger == event.trigger and own
        if own and name in kept_by and not begins:
            return moment
        if of_client and OF_CLIENT + name in kept_by and utc(moment) >= row.started_at and not begins:
            return moment
    if row.definition.get("until") == event.trigger and (own or of_client):
        return event.at
    return None


async def _open(session: WriteSession, *conditions: ColumnElement[bool]) -> list[PromiseClock]:
    await session.flush()
    found: Sequence[PromiseClock] = await session.scalars(
        select(PromiseClock)
        .where(session.within(PromiseClock), PromiseClock.ended_at.is_(None), *conditions)
        .order_by(PromiseClock.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(found)


def _any(column: Any, ids: Collection[UUID]) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column == func.any(literal(sorted(ids), ARRAY(Uuid())))
    return found
