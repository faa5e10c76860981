"""Writing what becomes of clocks: any number in a few statements, with what happened to each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, func, literal, select

from steward_core.database.bulk import insert_many, update_many
from steward_core.promises.clocks import Pause
from steward_core.promises.courses import Running, lines_of
from steward_core.promises.models import ClockEvent, ClockState, PromiseClock, PromiseEvent
from steward_core.promises.rules import Standing, State
from steward_tenants.database.actor import ActorKind
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.texts import Bilingual

OVER = (ClockState.KEPT, ClockState.LATE, ClockState.CANCELLED)
"""The states in which a clock has ended."""


@dataclass(frozen=True)
class Happened:
    """What is noted of a clock; the same `key` is noted once."""

    clock_id: UUID
    event: ClockEvent
    key: str
    at: datetime
    lines: Sequence[Bilingual] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Change:
    """A held clock and what it becomes."""

    row: PromiseClock
    values: dict[str, Any] = field(default_factory=dict)

    def now(self, name: str) -> Any:
        """A column as it will be."""
        return self.values.get(name, getattr(self.row, name))


_CHANGED = (
    "owner_id",
    "unit_id",
    "follows_client",
    "state",
    "due_at",
    "warn_at",
    "changes_at",
    "warned_at",
    "paused_at",
    "ended_at",
    "provisional",
    "pauses",
    "steps",
    "penalty_fen",
)


def standing_values(standing: Standing) -> dict[str, Any]:
    """The columns that say where a clock stands."""
    return {
        "state": state_value(standing.state),
        "due_at": standing.due,
        "warn_at": standing.warning,
        "changes_at": standing.changes_at,
        "provisional": standing.provisional,
    }


def state_value(state: State) -> str:
    """A state as it is stored."""
    return ClockState[state.name].value


def stored_pauses(row: PromiseClock, pauses: Sequence[Pause]) -> list[dict[str, Any]]:
    """Pauses as they are stored; each keeps the reason that it had."""
    reasons = [one.get("reason") for one in row.pauses]
    return [
        {
            "since": pause.since.isoformat(),
            "until": None if pause.until is None else pause.until.isoformat(),
            "reason": reasons[place] if place < len(reasons) else None,
        }
        for place, pause in enumerate(pauses)
    ]


def ending(change: Change, found: Running, at: datetime) -> Happened:
    """Have a clock end as kept or late at `at`, with the evidence where it was broken; what is noted of it."""
    ended = found.ended_at(max(at, found.course.started, change.row.started_at))
    assert ended.course.ended is not None
    standing = ended.standing(ended.course.ended)
    change.values |= standing_values(standing)
    change.values |= {
        "ended_at": ended.course.ended,
        "changes_at": None,
        "paused_at": None,
        "pauses": stored_pauses(change.row, ended.course.pauses),
    }
    breach = ended.breach(ended.course.ended)
    if breach is not None:
        change.values["breach"] = breach.document()
    event = ClockEvent.LATE if standing.state is State.LATE else ClockEvent.KEPT
    return Happened(change.row.id, event, "ended", ended.course.ended, standing.lines)


async def save(session: WriteSession, changes: Sequence[Change]) -> None:
    """Write the changes of held clocks."""
    changed = [one for one in changes if one.values]
    if not changed:
        return
    more = {"version": PromiseClock.version + 1}
    values = {name: [one.now(name) for one in changed] for name in _CHANGED}
    await update_many(session, PromiseClock, {"id": [one.row.id for one in changed]}, values, also=more)
    broken = [one for one in changed if "breach" in one.values]
    if broken:
        evidence = {"breach": [one.values["breach"] for one in broken]}
        await update_many(session, PromiseClock, {"id": [one.row.id for one in broken]}, evidence)


async def note(session: WriteSession, happened: Iterable[Happened]) -> None:
    """Note what happened; what was noted before stays as it was."""
    rows = list(happened)
    by = session.actor.id if session.actor.kind is ActorKind.USER else None
    if rows:
        columns: dict[str, Sequence[Any]] = {
            "id": [new_id() for _ in rows],
            "clock_id": [one.clock_id for one in rows],
            "event": [one.event.value for one in rows],
            "key": [one.key for one in rows],
            "at": [one.at for one in rows],
            "by": [by for _ in rows],
            "lines": [lines_of(one.lines) for one in rows],
            "figures": [dict(one.figures) for one in rows],
        }
        await insert_many(session, PromiseEvent, columns, unless_there=True)


async def refreshed(session: WriteSession, clock_ids: Sequence[UUID]) -> list[PromiseClock]:
    """These clocks as they are now, in the order in which they are due."""
    found: Sequence[PromiseClock] = await session.scalars(
        select(PromiseClock)
        .where(session.within(PromiseClock), PromiseClock.id == func.any(literal(list(clock_ids), ARRAY(Uuid()))))
        .order_by(PromiseClock.due_at, PromiseClock.id)
        .execution_options(populate_existing=True)
    )
    return list(found)
