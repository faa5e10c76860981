"""Where promises stand, the evidence of those that were broken, and clocks of years that are announced later."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_core.calendars.rules import BusinessHours, OwnDay, WorkingDays
from steward_core.calendars.working_time import WorkingTime
from steward_core.promises.clocks import Clock, Course, Pause, Unit, due_at, reckon
from steward_core.promises.rules import State, breach_of, recomputed, state_at
from tests.core.promises.office import OFFICE, ZONE, at, clock, course, pause

FAULT = clock(120, Unit.CALENDAR_MINUTES, after=90)
ANSWER = clock(5, Unit.WORKING_DAYS, after=4)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("now", "state", "changes_at"),
    [
        ("2026-11-05T09:59", State.NOT_STARTED, "2026-11-05T10:00"),
        ("2026-11-05T10:00", State.RUNNING, "2026-11-05T11:30"),
        ("2026-11-05T11:29", State.RUNNING, "2026-11-05T11:30"),
        ("2026-11-05T11:30", State.WARNED, "2026-11-05T12:00"),
        # At the limit itself it is still in time.
        ("2026-11-05T12:00", State.WARNED, "2026-11-05T12:00"),
        ("2026-11-05T12:00:01", State.BREACHED, None),
    ],
)
def test_an_open_promise_stands(now: str, state: State, changes_at: str | None) -> None:
    standing = state_at(course(FAULT, "2026-11-05T10:00"), at(now))
    assert standing.state is state
    assert standing.changes_at == (None if changes_at is None else at(changes_at))
    assert standing.due == at("2026-11-05T12:00")
    assert standing.warning == at("2026-11-05T11:30")


@pytest.mark.parametrize(
    ("ended", "state"),
    [
        ("2026-11-05T11:00", State.KEPT),
        ("2026-11-05T12:00", State.KEPT),
        ("2026-11-05T12:00:01", State.LATE),
    ],
)
def test_a_promise_that_ended_was_kept_or_late_however_long_ago(ended: str, state: State) -> None:
    done = course(FAULT, "2026-11-05T10:00", ended=ended)
    for now in ("2026-11-05T12:30", "2026-12-05T12:30"):
        standing = state_at(done, at(now))
        assert (standing.state, standing.changes_at) == (state, None)
        assert (breach_of(done, at(now)) is None) is (state is State.KEPT)


def test_what_remains_stands_still_while_a_promise_is_paused() -> None:
    paused = course(FAULT, "2026-11-05T10:00", pause("2026-11-05T10:30"))
    for now in ("2026-11-05T10:30", "2026-11-05T16:00", "2026-11-30T16:00"):
        standing = state_at(paused, at(now))
        assert (standing.state, standing.remaining, standing.changes_at) == (State.PAUSED, 1.5 * HOUR, None)
    resumed = course(FAULT, "2026-11-05T10:00", pause("2026-11-05T10:30", "2026-11-05T16:00"))
    standing = state_at(resumed, at("2026-11-05T16:30"))
    assert (standing.state, standing.remaining) == (State.RUNNING, HOUR)
    assert standing.due == at("2026-11-05T17:30")
    assert standing.warning == standing.changes_at == at("2026-11-05T17:00")


def test_a_pause_with_a_known_end_goes_on_until_then() -> None:
    planned = course(FAULT, "2026-11-05T10:00", pause("2026-11-05T10:30", "2026-11-05T14:30"))
    before, during = (state_at(planned, at(f"2026-11-05T{now}")) for now in ("10:10", "12:00"))
    assert (before.state, before.remaining, before.changes_at) == (
        State.RUNNING,
        timedelta(minutes=110),
        at("2026-11-05T10:30"),
    )
    assert (during.state, during.remaining, during.changes_at) == (State.PAUSED, 1.5 * HOUR, at("2026-11-05T14:30"))
    assert before.due == during.due == at("2026-11-05T16:00")


def test_a_pause_after_the_limit_does_not_hide_the_breach() -> None:
    late = course(FAULT, "2026-11-05T10:00", pause("2026-11-05T12:30"))
    standing = state_at(late, at("2026-11-05T13:00"))
    assert (standing.state, standing.remaining) == (State.BREACHED, -HOUR)
    at_the_limit = course(FAULT, "2026-11-05T10:00", pause("2026-11-05T12:00"))
    assert state_at(at_the_limit, at("2026-11-05T12:00")).state is State.WARNED


def test_what_remains_is_in_the_clocks_own_time() -> None:
    # Friday noon: five and a half hours of Friday, then five working days after it.
    standing = state_at(course(ANSWER, "2026-11-06T12:00"), at("2026-11-06T12:00"))
    assert standing.remaining == 5.5 * HOUR + 5 * 8.75 * HOUR
    assert standing.due == at("2026-11-13T17:30")
    assert standing.warning == at("2026-11-12T08:45")
    over = state_at(course(ANSWER, "2026-11-06T12:00"), at("2026-11-16T09:45"))
    assert over.remaining == -HOUR


def test_the_lines_say_what_the_answer_rests_on() -> None:
    standing = state_at(
        course(FAULT, "2026-11-05T10:00", pause("2026-11-05T10:30", "2026-11-05T11:45")), at("2026-11-05T12:00")
    )
    assert [line.zh for line in standing.lines] == [
        "2026-11-05 10:00 开始，时限 2 小时",
        "暂停 1 次（1 小时 15 分钟）",
        "2026-11-05 12:45 预警",
        "2026-11-05 13:15 到期",
        "2026-11-05 12:00：剩余 1 小时 15 分钟",
    ]
    assert [line.en for line in standing.lines] == [
        "Started 2026-11-05 10:00, limit 2 h",
        "Paused 1 time(s) (1 h 15 min)",
        "Warns 2026-11-05 12:45",
        "Due 2026-11-05 13:15",
        "2026-11-05 12:00: 1 h 15 min left",
    ]
    assert state_at(course(ANSWER, "2026-11-05T10:00"), at("2026-11-12T16:30")).lines[-1].zh == (
        "2026-11-12 16:30：临近到期，剩余 工作时间 1 小时"
    )
    assert state_at(course(FAULT, "2026-11-05T10:00"), at("2026-11-07T13:05")).lines[-1].en == (
        "2026-11-07 13:05: over the limit by 2 d 1 h 5 min"
    )


def test_a_breach_keeps_its_evidence() -> None:
    stopped = pause("2026-11-05T10:30", "2026-11-05T11:00")
    after_the_limit = pause("2026-11-05T13:00", "2026-11-05T14:00")
    done = course(FAULT, "2026-11-05T10:00", stopped, after_the_limit, ended="2026-11-05T14:30:30")
    breach = breach_of(done, at("2026-11-06T08:00"))
    assert breach is not None
    assert (breach.due, breach.ended, breach.seen) == (
        at("2026-11-05T12:30"),
        at("2026-11-05T14:30:30"),
        at("2026-11-06T08:00"),
    )
    assert (breach.over, breach.limit, breach.pauses) == (timedelta(hours=2, seconds=30), FAULT.limit, (stopped,))
    stored = json.loads(json.dumps(breach.document()))
    assert stored["over_seconds"] == 7230
    assert stored["due"] == "2026-11-05T04:30:00+00:00"
    assert stored["limit"] == {"count": 120, "unit": "calendar_minutes"}
    assert stored["pauses"] == [{"since": "2026-11-05T02:30:00+00:00", "until": "2026-11-05T03:00:00+00:00"}]
    assert stored["lines"][-1]["zh"] == "2026-11-05 14:30 完成，超时 2 小时"


def test_an_open_breach_counts_until_now_in_both_ways() -> None:
    open_one = course(ANSWER, "2026-11-06T12:00")
    assert breach_of(open_one, at("2026-11-13T17:30")) is None
    breach = breach_of(open_one, at("2026-11-16T09:45"))
    assert breach is not None
    assert (breach.ended, breach.over_in_clock, breach.over) == (None, HOUR, timedelta(days=2, hours=16, minutes=15))


SPRING_2027 = {date(2027, 2, 4) + timedelta(days=number): OwnDay(False) for number in range(7)} | {
    date(2027, 1, 31): OwnDay(True)
}
ANNOUNCED = WorkingTime(WorkingDays(own=SPRING_2027), BusinessHours(), ZONE)


def announced(given_course: Course) -> Course:
    return Course(given_course.clock, given_course.started, ANNOUNCED, given_course.pauses, given_course.ended)


def test_clocks_are_recomputed_when_a_year_is_announced() -> None:
    now = at("2027-01-28T12:00")
    before = course(clock(3, Unit.WORKING_DAYS), "2027-01-28T10:00")
    known = reckon(before, now)
    assert (known.due, known.provisional) == (at("2027-02-02T17:30"), True)
    # Sunday the 31st is worked in exchange: a day earlier.
    change = recomputed(announced(before), now, known)
    assert change is not None
    assert (change.moved, change.reckoned.due) == (True, at("2027-02-01T17:30"))
    assert change.lines[0].zh == "工作日历有变，到期时间由 2027-02-02 17:30 改为 2027-02-01 17:30"
    # Nothing changes twice.
    assert recomputed(announced(before), now, change.reckoned) is None
    assert recomputed(before, now, known) is None


def test_a_date_that_is_certain_now_is_said_once() -> None:
    own = {date(2027, 3, 1) + timedelta(days=number): OwnDay(number % 7 < 5) for number in range(14)}
    given_course = course(clock(2, Unit.WORKING_DAYS), "2027-03-02T10:00")
    known = reckon(given_course, given_course.started)
    certain = Course(given_course.clock, given_course.started, WorkingTime(WorkingDays(own=own), BusinessHours(), ZONE))
    change = recomputed(certain, given_course.started, known)
    assert change is not None
    assert (change.moved, change.reckoned.provisional) == (False, False)
    assert change.lines[0].en == "The calendar changed; still due 2027-03-04 17:30"
    assert len(change.lines) == 1


def test_what_ended_or_is_over_its_limit_is_evidence_and_stays() -> None:
    given_course = course(clock(3, Unit.WORKING_DAYS), "2027-01-28T10:00")
    known = reckon(given_course, given_course.started)
    ended = announced(course(given_course.clock, "2027-01-28T10:00", ended="2027-01-29T10:00"))
    assert recomputed(ended, at("2027-01-30T10:00"), known) is None
    assert recomputed(announced(given_course), at("2027-02-03T10:00"), known) is None


def test_a_clock_that_is_paused_is_recomputed_as_it_was_when_the_pause_began() -> None:
    paused = course(clock(3, Unit.WORKING_DAYS), "2027-01-28T10:00", pause("2027-01-28T12:00"))
    known = reckon(paused, at("2027-01-28T12:00"))
    change = recomputed(announced(paused), at("2027-03-28T12:00"), known)
    assert change is not None
    assert change.reckoned.due == at("2027-02-01T17:30")
    assert recomputed(paused, at("2027-03-28T12:00"), known) is None


starts = st.datetimes(
    datetime.fromisoformat("2025-01-01"), datetime.fromisoformat("2026-11-01"), timezones=st.just(UTC)
)
given_clocks = st.sampled_from(
    [FAULT, ANSWER, clock(300, Unit.BUSINESS_MINUTES, share=50), clock(3, Unit.CALENDAR_DAYS)]
)
spans = st.timedeltas(timedelta(0), timedelta(days=12))


@given(given_clocks, starts, st.lists(st.tuples(spans, spans), max_size=3), spans)
def test_state_due_and_evidence_agree(
    given_clock: Clock, started: datetime, pauses: list[tuple[timedelta, timedelta]], later: timedelta
) -> None:
    made = tuple(Pause(started + gap, started + gap + length) for gap, length in pauses)
    given_course = Course(given_clock, started, OFFICE, made)
    now = started + later
    standing, breach = state_at(given_course, now), breach_of(given_course, now)
    assert (standing.state is State.BREACHED) == (now > standing.due) == (breach is not None)
    assert (standing.remaining < timedelta(0)) <= (standing.state is State.BREACHED)
    assert standing.due == due_at(given_course, now)
    if standing.state is State.PAUSED:
        assert any(one.since <= now < (one.until or now) for one in made)
    if standing.changes_at is not None:
        assert standing.changes_at >= now
        just_before = state_at(given_course, max(now, standing.changes_at - timedelta(microseconds=1)))
        assert just_before.state is standing.state
        after_it = state_at(given_course, standing.changes_at + timedelta(microseconds=1))
        assert after_it.state is not standing.state or standing.state is State.PAUSED


@given(given_clocks, starts, spans, spans)
def test_resuming_now_or_lasting_until_now_is_the_same(
    given_clock: Clock, started: datetime, gap: timedelta, length: timedelta
) -> None:
    since, now = started + gap, started + gap + length
    lasting = Course(given_clock, started, OFFICE, (Pause(since),))
    ended = Course(given_clock, started, OFFICE, (Pause(since, now),))
    assert reckon(lasting, now) == reckon(ended, now)
    assert state_at(lasting, now).remaining == state_at(ended, now).remaining
