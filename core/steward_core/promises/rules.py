"""Where a promise stands, whether it was broken and by how much, and what becomes of it when the calendar changes.

Pure, explained decisions: the moment is an argument, and each answer carries its lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from steward_core.calendars.working_time import NONE, utc
from steward_core.forms.fields import Choice
from steward_core.promises.clocks import Course, Pause, Reckoned, Span, Unit, clock_time, reckon
from steward_core.promises.words import length_words, moment_words
from steward_tenants.texts import Bilingual

Lines = tuple[Bilingual, ...]


class State(Choice):
    """Where a promise stands. `kept` and `late` are ends; one that was broken and is still open is `breached`."""

    NOT_STARTED = "not_started", "未开始", "not started"
    RUNNING = "running", "计时中", "running"
    WARNED = "warned", "临近到期", "near its limit"
    PAUSED = "paused", "已暂停", "paused"
    BREACHED = "breached", "已超时", "over its limit"
    KEPT = "kept", "按时完成", "kept"
    LATE = "late", "超时完成", "done late"


_STATE_LINES: Mapping[State, Bilingual] = {
    State.NOT_STARTED: Bilingual("尚未开始", "Not started yet"),
    State.RUNNING: Bilingual("{at}：剩余 {left}", "{at}: {left} left"),
    State.WARNED: Bilingual("{at}：临近到期，剩余 {left}", "{at}: near the limit, {left} left"),
    State.PAUSED: Bilingual("{at}：暂停中，恢复后剩余 {left}", "{at}: paused, {left} left once it goes on"),
    State.BREACHED: Bilingual("{at}：已超时 {over}", "{at}: over the limit by {over}"),
    State.KEPT: Bilingual("{at} 按时完成，提前 {left}", "Kept at {at}, {left} ahead"),
    State.LATE: Bilingual("{at} 完成，超时 {over}", "Done at {at}, over the limit by {over}"),
}


@dataclass(frozen=True)
class Standing:
    """Where a promise stands at a moment.

    `remaining` is in the clock's own time, negative when over. `changes_at`: when the state changes by itself, with
    nobody doing anything (just after it where that is the limit); None when it does not.
    """

    state: State
    due: datetime
    warning: datetime | None
    remaining: timedelta
    provisional: bool
    changes_at: datetime | None
    lines: Lines


@dataclass(frozen=True)
class Breach:
    """The evidence of a broken promise. `over` is the time over the limit that passed, `over_in_clock` what of it the
    clock counts; both until `ended`, or until `seen` while it is still open."""

    started: datetime
    limit: Span
    pauses: tuple[Pause, ...]
    due: datetime
    ended: datetime | None
    seen: datetime
    over: timedelta
    over_in_clock: timedelta
    lines: Lines

    def document(self) -> Mapping[str, Any]:
        """The evidence as JSON values, as it is stored."""
        return {
            "started": self.started.isoformat(),
            "limit": self.limit.model_dump(mode="json"),
            "pauses": [
                {"since": pause.since.isoformat(), "until": pause.until and pause.until.isoformat()}
                for pause in self.pauses
            ],
            "due": self.due.isoformat(),
            "ended": self.ended and self.ended.isoformat(),
            "seen": self.seen.isoformat(),
            "over_seconds": int(self.over.total_seconds()),
            "over_in_clock_seconds": int(self.over_in_clock.total_seconds()),
            "lines": [line._asdict() for line in self.lines],
        }


@dataclass(frozen=True)
class Recomputed:
    """What a changed calendar makes of an open clock: what holds now, and why it moved."""

    reckoned: Reckoned
    moved: bool
    lines: Lines


def state_at(course: Course, now: datetime) -> Standing:
    """Where a promise stands at `now`, or where it ended. At the limit itself it is still in time.
    Raises CalendarEnds, InvalidInput."""
    started = utc(course.started)
    at = utc(now if course.ended is None else course.ended)
    reckoned = reckon(course, at)
    pause = _pause_at(course.pauses, at, reckoned.due)
    state = _state(course, at, reckoned, pause)
    remaining = _remaining(course, max(at, started), reckoned)
    return Standing(
        state=state,
        due=reckoned.due,
        warning=reckoned.warning,
        remaining=remaining,
        provisional=reckoned.provisional,
        changes_at=_changes_at(state, started, at, reckoned, pause),
        lines=(
            *_basis(course, reckoned),
            _STATE_LINES[state].fill(
                at=moment_words(at, course.working_time),
                left=length_words(remaining, course.unit),
                over=length_words(at - reckoned.due, Unit.CALENDAR_MINUTES),
            ),
        ),
    )


def breach_of(course: Course, now: datetime) -> Breach | None:
    """The evidence that a promise was broken by `now`, or None while it was not. Raises CalendarEnds, InvalidInput."""
    standing = state_at(course, now)
    if standing.state not in (State.BREACHED, State.LATE):
        return None
    ended = None if course.ended is None else utc(course.ended)
    at = ended or utc(now)
    return Breach(
        started=utc(course.started),
        limit=course.clock.limit,
        pauses=reckon(course, at).pauses,
        due=standing.due,
        ended=ended,
        seen=utc(now),
        over=at - standing.due,
        over_in_clock=-standing.remaining,
        lines=standing.lines,
    )


def recomputed(course: Course, now: datetime, known: Reckoned) -> Recomputed | None:
    """What the calendar of today makes of a clock that was reckoned before, such as when a provisional year is
    announced; None when nothing changes.

    Clocks that ended or are over their limit stay as they are: they are evidence. `known` of a clock that is paused
    is what was reckoned when the pause began. Raises CalendarEnds, InvalidInput.
    """
    paused = [utc(pause.since) for pause in course.pauses if pause.until is None]
    as_of = min([utc(now), *paused])
    if course.ended is not None or as_of > known.due:
        return None
    found = reckon(course, as_of)
    moved = (found.due, found.warning) != (known.due, known.warning)
    if not moved and found.provisional == known.provisional:
        return None
    line = Bilingual("工作日历有变，到期时间不变：{then}", "The calendar changed; still due {then}")
    if moved:
        line = Bilingual(
            "工作日历有变，到期时间由 {before} 改为 {then}", "The calendar changed: due {then} instead of {before}"
        )
    before, then = (moment_words(one.due, course.working_time) for one in (known, found))
    return Recomputed(found, moved, (line.fill(before=before, then=then), *_provisional_line(found)))


def _state(course: Course, at: datetime, reckoned: Reckoned, pause: Pause | None) -> State:
    if course.ended is not None:
        return State.KEPT if at <= reckoned.due else State.LATE
    if at < course.started:
        return State.NOT_STARTED
    if at > reckoned.due:
        return State.BREACHED
    if pause is not None:
        return State.PAUSED
    return State.WARNED if reckoned.warning is not None and at >= reckoned.warning else State.RUNNING


def _pause_at(pauses: Sequence[Pause], at: datetime, due: datetime) -> Pause | None:
    """The pause that goes on at a moment: the one that lasts longest. One that began at the limit or later is none."""
    going_on = [
        pause
        for pause in pauses
        if utc(pause.since) <= at and utc(pause.since) < due and (pause.until is None or at < utc(pause.until))
    ]
    return max(going_on, key=lambda pause: (pause.until is None, pause.until or at), default=None)


def _changes_at(
    state: State, started: datetime, at: datetime, reckoned: Reckoned, pause: Pause | None
) -> datetime | None:
    if state is State.NOT_STARTED:
        return started
    if state is State.PAUSED:
        return None if pause is None or pause.until is None else utc(pause.until)
    if state not in (State.RUNNING, State.WARNED):
        return None
    planned = [one.since for one in reckoned.pauses if one.since > at]
    warning = [reckoned.warning] if state is State.RUNNING and reckoned.warning is not None else []
    return min([reckoned.due, *planned, *warning])


def _remaining(course: Course, at: datetime, reckoned: Reckoned) -> timedelta:
    """The clock's own time until it is due, without pauses that are still to come."""
    unit, working_time = course.unit, course.working_time
    still = (
        clock_time(unit, max(pause.since, at), pause.until, working_time)
        for pause in reckoned.pauses
        if pause.until is not None and pause.until > at
    )
    return clock_time(unit, at, reckoned.due, working_time) - sum(still, NONE)


def _basis(course: Course, reckoned: Reckoned) -> Lines:
    """What the answer rests on: start and limit, pauses, warning and due."""
    working_time = course.working_time
    lines = [
        Bilingual("{at} 开始，时限 {limit}", "Started {at}, limit {limit}").fill(
            at=moment_words(course.started, working_time), limit=course.clock.limit.words
        )
    ]
    if reckoned.pauses:
        lines.append(
            Bilingual("暂停 {times} 次（{length}）", "Paused {times} time(s) ({length})").fill(
                times=len(reckoned.pauses), length=length_words(reckoned.paused, course.unit)
            )
        )
    if reckoned.warning is not None:
        warned = Bilingual("{at} 预警", "Warns {at}")
        lines.append(warned.fill(at=moment_words(reckoned.warning, working_time)))
    lines.append(Bilingual("{at} 到期", "Due {at}").fill(at=moment_words(reckoned.due, working_time)))
    return (*lines, *_provisional_line(reckoned))


def _provisional_line(reckoned: Reckoned) -> Lines:
    if not reckoned.provisional:
        return ()
    return (
        Bilingual(
            "期间所在年份的放假安排尚未公布，到期时间可能调整",
            "The holidays of a year until then are not announced yet: this may change",
        ),
    )
