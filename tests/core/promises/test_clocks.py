"""When promises warn and are due, in every way of counting, and how pauses prolong them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from steward_core.calendars.rules import BusinessHours, WorkingDays
from steward_core.calendars.working_time import WorkingTime
from steward_core.promises.clocks import (
    MOST,
    Clock,
    Course,
    Pause,
    Span,
    Unit,
    WarningPoint,
    calendar_of,
    clock_time,
    counted_pauses,
    due_at,
    reckon,
    warning_at,
)
from steward_tenants.errors import InvalidInput
from tests.core.promises.office import OFFICE, ZONE, at, clock, course, pause

LATER = "2027-12-01T00:00"


@pytest.mark.parametrize(
    ("given_clock", "started", "due"),
    [
        (clock(30, Unit.CALENDAR_MINUTES), "2026-11-07T23:50", "2026-11-08T00:20"),
        (clock(120, Unit.BUSINESS_MINUTES), "2026-11-06T16:30", "2026-11-09T09:45"),
        (clock(120, Unit.BUSINESS_MINUTES), "2026-10-09T16:30", "2026-10-10T09:45"),
        # A count of days ends with the work of its last day, whenever in the day it began.
        (clock(1, Unit.WORKING_DAYS), "2026-11-05T08:00", "2026-11-06T17:30"),
        (clock(1, Unit.WORKING_DAYS), "2026-11-05T22:00", "2026-11-06T17:30"),
        (clock(1, Unit.WORKING_DAYS), "2026-11-07T10:00", "2026-11-09T17:30"),
        (clock(1, Unit.WORKING_DAYS), "2026-10-09T15:00", "2026-10-10T17:30"),
        (clock(5, Unit.WORKING_DAYS), "2026-09-30T15:00", "2026-10-13T17:30"),
        (clock(3, Unit.CALENDAR_DAYS), "2026-11-02T15:00", "2026-11-05T17:30"),
        (clock(3, Unit.CALENDAR_DAYS), "2026-11-05T15:00", "2026-11-09T17:30"),
        (clock(7, Unit.CALENDAR_DAYS), "2026-09-25T15:00", "2026-10-08T17:30"),
        (clock(1, Unit.CALENDAR_MONTHS), "2026-01-30T15:00", "2026-02-28T17:30"),
    ],
)
def test_clocks_are_due(given_clock: Clock, started: str, due: str) -> None:
    if due.startswith("2026-02-28"):
        # The last day of February 2026 is a worked Saturday after the spring festival.
        assert OFFICE.days.is_working(OFFICE.day_of(at(due)))
    assert due_at(course(given_clock, started), at(started)) == at(due)


@pytest.mark.parametrize(
    ("given_clock", "started", "warning"),
    [
        (clock(30, Unit.CALENDAR_MINUTES, after=20), "2026-11-05T10:00", "2026-11-05T10:20"),
        (clock(30, Unit.CALENDAR_MINUTES, before=10), "2026-11-05T10:00", "2026-11-05T10:20"),
        (clock(120, Unit.CALENDAR_MINUTES, share=75), "2026-11-05T10:00", "2026-11-05T11:30"),
        (clock(120, Unit.BUSINESS_MINUTES, share=75), "2026-11-06T16:30", "2026-11-09T09:15"),
        # Days warn in the morning of the day so counted.
        (clock(5, Unit.WORKING_DAYS, after=4), "2026-11-02T10:00", "2026-11-06T08:45"),
        (clock(5, Unit.WORKING_DAYS, before=1), "2026-11-02T10:00", "2026-11-06T08:45"),
        (clock(1, Unit.WORKING_DAYS, after=1), "2026-11-06T10:00", "2026-11-09T08:45"),
        (clock(3, Unit.CALENDAR_DAYS, after=2), "2026-11-05T10:00", "2026-11-09T08:45"),
        # Half of the 17 and a half hours of work from Monday morning to Tuesday's end of work.
        (clock(1, Unit.WORKING_DAYS, share=50), "2026-11-02T08:45", "2026-11-02T17:30"),
    ],
)
def test_clocks_warn(given_clock: Clock, started: str, warning: str) -> None:
    assert warning_at(course(given_clock, started), at(started)) == at(warning)


def test_without_a_warning_point_nobody_is_warned() -> None:
    assert warning_at(course(clock(1, Unit.WORKING_DAYS), "2026-11-02T10:00"), at(LATER)) is None


def test_a_pause_prolongs_by_exactly_the_working_time_that_was_paused() -> None:
    four_hours = clock(240, Unit.BUSINESS_MINUTES, share=50)
    paused = course(four_hours, "2026-11-06T16:00", pause("2026-11-06T16:30", "2026-11-09T09:45"))
    # Friday 16:30–17:30 and Monday 08:45–09:45: two hours.
    assert due_at(course(four_hours, "2026-11-06T16:00"), at(LATER)) == at("2026-11-09T11:15")
    found = reckon(paused, at(LATER))
    assert (found.due, found.warning, found.paused) == (
        at("2026-11-09T13:15"),
        at("2026-11-09T11:15"),
        timedelta(hours=2),
    )
    # Calendar minutes are prolonged by all the time that passed, days by working time.
    minutes = course(
        clock(120, Unit.CALENDAR_MINUTES), "2026-11-06T16:00", pause("2026-11-06T16:30", "2026-11-09T09:45")
    )
    assert due_at(minutes, at(LATER)) == at("2026-11-09T11:15")
    days = course(clock(1, Unit.WORKING_DAYS), "2026-11-05T16:00", pause("2026-11-06T16:30", "2026-11-09T09:45"))
    assert due_at(days, at(LATER)) == at("2026-11-09T10:45")


def test_pauses_of_nights_weekends_and_holidays_prolong_nothing_of_working_time() -> None:
    for since, until in (
        ("2026-11-06T17:30", "2026-11-09T08:45"),
        ("2026-09-30T17:30", "2026-10-08T08:45"),
        ("2026-10-10T17:30", "2026-10-12T08:45"),
    ):
        started = since.replace("17:30", "17:00")
        plain = course(clock(60, Unit.BUSINESS_MINUTES), started)
        paused = course(clock(60, Unit.BUSINESS_MINUTES), started, pause(since, until))
        assert due_at(paused, at(LATER)) == due_at(plain, at(LATER))
    # The exchanged Saturday is worked: a pause over it counts.
    over_saturday = course(
        clock(60, Unit.BUSINESS_MINUTES), "2026-10-09T17:00", pause("2026-10-09T17:30", "2026-10-12T08:45")
    )
    assert due_at(over_saturday, at(LATER)) == at("2026-10-12T09:15")


def test_an_open_pause_counts_until_now() -> None:
    open_pause = course(clock(60, Unit.BUSINESS_MINUTES), "2026-11-05T10:00", pause("2026-11-05T10:20"))
    assert due_at(open_pause, at("2026-11-05T10:20")) == at("2026-11-05T11:00")
    assert due_at(open_pause, at("2026-11-05T14:20")) == at("2026-11-05T15:00")
    assert due_at(open_pause, at("2026-11-06T08:45")) == at("2026-11-06T09:25")


def test_a_pause_that_lasts_ends_with_the_promise() -> None:
    ended = course(
        clock(60, Unit.BUSINESS_MINUTES), "2026-11-05T10:00", pause("2026-11-05T10:20"), ended="2026-11-05T14:20"
    )
    assert due_at(ended, at("2026-12-05T10:00")) == at("2026-11-05T15:00")


def test_a_pause_that_begins_at_the_limit_or_later_changes_nothing() -> None:
    for since in ("2026-11-05T11:00", "2026-11-05T12:00"):
        late = course(clock(60, Unit.CALENDAR_MINUTES), "2026-11-05T10:00", pause(since, "2026-11-05T18:00"))
        found = reckon(late, at(LATER))
        assert (found.due, found.pauses, found.paused) == (at("2026-11-05T11:00"), (), timedelta(0))


def test_pauses_over_one_another_count_once_and_those_before_the_start_not_at_all() -> None:
    given_pauses = (
        pause("2026-11-05T10:30", "2026-11-05T10:50"),
        pause("2026-11-05T10:20", "2026-11-05T10:40"),
        pause("2026-11-05T10:25", "2026-11-05T10:30"),
        pause("2026-11-05T09:00", "2026-11-05T10:10"),
        pause("2026-11-05T08:00", "2026-11-05T09:30"),
    )
    assert counted_pauses(given_pauses, at("2026-11-05T10:00"), at(LATER)) == (
        pause("2026-11-05T10:00", "2026-11-05T10:10"),
        pause("2026-11-05T10:20", "2026-11-05T10:50"),
    )
    overlapping = course(clock(60, Unit.CALENDAR_MINUTES), "2026-11-05T10:00", *given_pauses)
    assert due_at(overlapping, at(LATER)) == at("2026-11-05T11:40")


def test_a_pause_that_ends_before_it_begins_is_refused() -> None:
    wrong = course(clock(60, Unit.CALENDAR_MINUTES), "2026-11-05T10:00", pause("2026-11-05T11:00", "2026-11-05T10:00"))
    with pytest.raises(InvalidInput) as refused:
        reckon(wrong, at(LATER))
    assert [problem.path for problem in refused.value.problems] == [("pauses", "0", "until")]


def test_only_days_of_years_that_are_not_announced_make_a_clock_provisional() -> None:
    assert not reckon(course(clock(5, Unit.WORKING_DAYS), "2026-12-01T10:00"), at(LATER)).provisional
    assert reckon(course(clock(5, Unit.WORKING_DAYS), "2026-12-30T10:00"), at(LATER)).provisional
    assert not reckon(course(clock(5, Unit.CALENDAR_MINUTES), "2027-06-01T10:00"), at(LATER)).provisional


def test_a_clock_runs_by_the_calendar_that_it_names() -> None:
    shop = WorkingTime(WorkingDays(), BusinessHours(time(10), time(21)), ZONE)
    named = Clock(limit=Span(count=1, unit=Unit.WORKING_DAYS), calendar="shop")
    assert calendar_of(named, OFFICE, {"shop": shop}) is shop
    assert calendar_of(clock(1, Unit.WORKING_DAYS), OFFICE, {"shop": shop}) is OFFICE
    with pytest.raises(InvalidInput) as refused:
        calendar_of(named, OFFICE, {})
    assert [problem.path for problem in refused.value.problems] == [("clock", "calendar")]


@pytest.mark.parametrize(
    "refused",
    [
        lambda: Span(count=0, unit=Unit.WORKING_DAYS),
        lambda: Span(count=MOST[Unit.WORKING_DAYS] + 1, unit=Unit.WORKING_DAYS),
        WarningPoint,
        lambda: WarningPoint(before=1, after=1),
        lambda: WarningPoint(share_percent=100),
        lambda: clock(30, Unit.CALENDAR_MINUTES, before=30),
        lambda: clock(30, Unit.CALENDAR_MINUTES, after=31),
        lambda: Clock.model_validate({"limit": {"count": 1, "unit": "moons"}}),
        lambda: Clock.model_validate({"limit": {"count": 1, "unit": "working_days"}, "grace": 1}),
    ],
)
def test_clocks_that_cannot_be_are_refused(refused: type) -> None:
    with pytest.raises(ValidationError):
        refused()


def test_spans_are_said_in_both_languages() -> None:
    assert Span(count=120, unit=Unit.CALENDAR_MINUTES).words == ("2 小时", "2 h")
    assert Span(count=30, unit=Unit.CALENDAR_MINUTES).words == ("30 分钟", "30 min")
    assert Span(count=5, unit=Unit.WORKING_DAYS).words == ("5 个工作日", "5 working day(s)")


starts = st.datetimes(
    datetime.fromisoformat("2024-01-01"), datetime.fromisoformat("2026-11-30"), timezones=st.just(UTC)
)
units = st.sampled_from([Unit.CALENDAR_MINUTES, Unit.BUSINESS_MINUTES, Unit.WORKING_DAYS, Unit.CALENDAR_DAYS])


@st.composite
def clocks(draw: st.DrawFn) -> Clock:
    unit = draw(units)
    count = draw(st.integers(2, 3000 if unit in (Unit.CALENDAR_MINUTES, Unit.BUSINESS_MINUTES) else 12))
    way = draw(st.sampled_from(["share", "before", "after"]))
    value = draw(st.integers(1, 99 if way == "share" else count - 1))
    return clock(count, unit, **{way: value})


@st.composite
def paused_courses(draw: st.DrawFn) -> Course:
    started = draw(starts)
    lengths = draw(st.lists(st.tuples(*[st.timedeltas(timedelta(0), timedelta(days=2))] * 2), max_size=4))
    pauses, moment = [], started
    for gap, length in lengths:
        pauses.append(Pause(moment + gap, moment + gap + length))
        moment += gap + length
    return Course(draw(clocks()), started, OFFICE, tuple(draw(st.permutations(pauses))))


def far(given_course: Course) -> datetime:
    return given_course.started + timedelta(days=200)


def with_pauses(given_course: Course, pauses: Sequence[Pause]) -> Course:
    return Course(given_course.clock, given_course.started, given_course.working_time, tuple(pauses))


@given(paused_courses())
def test_a_paused_clock_has_run_for_exactly_its_time_when_it_is_due(given_course: Course) -> None:
    found, plain = reckon(given_course, far(given_course)), reckon(with_pauses(given_course, ()), far(given_course))
    started, unit = given_course.started, given_course.unit
    ran = clock_time(unit, started, found.due, OFFICE) - found.paused
    assert ran == clock_time(unit, started, plain.due, OFFICE)
    if unit is Unit.CALENDAR_MINUTES:
        assert ran == timedelta(minutes=given_course.clock.limit.count)
    elif unit is Unit.BUSINESS_MINUTES:
        assert OFFICE.between(started, found.due) - found.paused == timedelta(minutes=given_course.clock.limit.count)


@given(paused_courses())
def test_a_warning_comes_after_the_start_and_before_the_limit(given_course: Course) -> None:
    found = reckon(given_course, far(given_course))
    assert found.warning is not None
    assert given_course.started <= found.warning <= found.due


@given(paused_courses(), st.timedeltas(timedelta(0), timedelta(days=5)))
def test_starting_later_is_never_due_earlier(given_course: Course, later: timedelta) -> None:
    plain = with_pauses(given_course, ())
    moved = Course(plain.clock, plain.started + later, OFFICE)
    assert due_at(plain, far(plain)) <= due_at(moved, far(plain))


@given(paused_courses(), st.data())
def test_one_more_pause_is_never_due_earlier(given_course: Course, data: st.DataObject) -> None:
    since = given_course.started + data.draw(st.timedeltas(timedelta(0), timedelta(days=10)))
    more = Pause(since, since + data.draw(st.timedeltas(timedelta(0), timedelta(days=3))))
    longer = with_pauses(given_course, (*given_course.pauses, more))
    assert due_at(given_course, far(given_course)) <= due_at(longer, far(given_course))


@given(paused_courses(), st.data())
def test_cutting_a_pause_in_two_changes_nothing(given_course: Course, data: st.DataObject) -> None:
    assume(given_course.pauses)
    first, *others = given_course.pauses
    assert first.until is not None
    middle = first.since + (first.until - first.since) * data.draw(st.integers(0, 100)) // 100
    cut = with_pauses(given_course, (Pause(first.since, middle), Pause(middle, first.until), *others))
    assert reckon(cut, far(cut)) == reckon(given_course, far(given_course))
