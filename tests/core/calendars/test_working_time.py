"""Working time: counted, added and taken away over weekends, holidays, exchanged days and changes of the clocks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_core.calendars.rules import BusinessHours, CalendarBase, OwnDay, WorkingDays, within_hours
from steward_core.calendars.working_time import CalendarEnds, WorkingTime
from steward_core.schedules.zones import wall_at
from steward_tenants.errors import InvalidInput

SHANGHAI = ZoneInfo("Asia/Shanghai")
CHINA = WorkingTime(WorkingDays(), BusinessHours(), SHANGHAI)
BERLIN = WorkingTime(WorkingDays(CalendarBase.WEEKENDS), BusinessHours(), ZoneInfo("Europe/Berlin"))
NIGHTLY = WorkingTime(
    WorkingDays(CalendarBase.WEEKENDS, {date(2026, 3, 29): OwnDay(True), date(2026, 10, 25): OwnDay(True)}),
    BusinessHours(time(1), time(9)),
    ZoneInfo("Europe/Berlin"),
)
"""Works on the Sundays on which the clocks change, over the change."""
LATE = WorkingTime(
    WorkingDays(CalendarBase.WEEKENDS, {date(2010, 11, 6): OwnDay(True), date(2010, 11, 7): OwnDay(True)}),
    BusinessHours(time(0), time(23, 59)),
    ZoneInfo("America/St_Johns"),
)
"""Until 2011 its clocks were put back at 00:01, over midnight: a day that had begun was the day before again."""
ALL = (CHINA, BERLIN, NIGHTLY, LATE)
DAY_OF_WORK = timedelta(hours=8, minutes=45)

moments = st.one_of(
    *(
        st.datetimes(datetime.fromisoformat(first), datetime.fromisoformat(last), timezones=st.just(UTC))
        for first, last in (("2023-12-01", "2027-03-01"), ("2026-09-20", "2026-11-01"), ("2010-11-01", "2010-11-12"))
    )
)
amounts = st.timedeltas(timedelta(0), timedelta(days=20))
worked = st.sampled_from(ALL)


def at(text: str, working_time: WorkingTime = CHINA) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=working_time.zone).astimezone(UTC)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


@pytest.mark.parametrize(
    ("start", "amount", "end"),
    [
        ("2026-11-02T09:00", hours(1), "2026-11-02T10:00"),
        # What fills the day ends with it, what goes beyond begins with the next.
        ("2026-11-02T16:30", hours(1), "2026-11-02T17:30"),
        ("2026-11-02T16:30", hours(2), "2026-11-03T09:45"),
        ("2026-11-02T20:00", hours(1), "2026-11-03T09:45"),
        ("2026-11-02T06:00", hours(1), "2026-11-02T09:45"),
        # Friday afternoon, and a Saturday that nobody works.
        ("2026-11-06T17:00", hours(1), "2026-11-09T09:15"),
        ("2026-11-07T12:00", hours(1), "2026-11-09T09:45"),
        # Before the exchanged Saturday of 10 October 2026.
        ("2026-10-09T17:00", hours(1), "2026-10-10T09:15"),
        # Before National Day week: 1–7 October 2026 are off.
        ("2026-09-30T17:00", hours(1), "2026-10-08T09:15"),
        # Before the spring festival (15–23 February 2026), of which Saturday the 14th is worked for.
        ("2026-02-13T17:00", hours(0.5) + DAY_OF_WORK + hours(1), "2026-02-24T09:45"),
    ],
)
def test_working_time_is_added_over_weekends_holidays_and_exchanged_days(
    start: str, amount: timedelta, end: str
) -> None:
    assert CHINA.add(at(start), amount) == at(end)
    assert CHINA.between(at(start), at(end)) == amount
    assert CHINA.add(at(start), amount).tzinfo is UTC


@pytest.mark.parametrize(
    ("end", "amount", "start"),
    [
        ("2026-11-02T10:00", hours(1), "2026-11-02T09:00"),
        ("2026-11-02T09:45", hours(1), "2026-11-02T08:45"),
        ("2026-11-02T09:15", hours(1), "2026-10-30T17:00"),
        ("2026-10-10T09:15", hours(1), "2026-10-09T17:00"),
        ("2026-10-08T09:15", hours(1), "2026-09-30T17:00"),
        ("2026-11-01T12:00", hours(1), "2026-10-30T16:30"),
    ],
)
def test_working_time_is_taken_away(end: str, amount: timedelta, start: str) -> None:
    assert CHINA.subtract(at(end), amount) == at(start)
    assert CHINA.add(at(end), -amount) == at(start)
    assert CHINA.subtract(at(start), -amount) == CHINA.add(at(start), amount)


def test_a_unit_may_have_hours_of_its_own() -> None:
    evening = WorkingTime(WorkingDays(), BusinessHours(time(13), time(21)), SHANGHAI)
    assert evening.add(at("2026-11-02T20:00"), hours(2)) == at("2026-11-03T14:00")
    assert CHINA.add(at("2026-11-02T20:00"), hours(2)) == at("2026-11-03T10:45")


def test_hours_that_end_before_they_begin_are_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        WorkingTime(WorkingDays(), BusinessHours(time(17), time(9)), SHANGHAI)
    assert [problem.path for problem in refused.value.problems] == [("hours", "ends")]


def test_the_nearest_business_moments() -> None:
    assert CHINA.next_moment(at("2026-11-02T08:45")) == at("2026-11-02T08:45")
    assert CHINA.next_moment(at("2026-11-02T17:30")) == at("2026-11-03T08:45")
    assert CHINA.next_moment(at("2026-11-06T18:00")) == at("2026-11-09T08:45")
    assert CHINA.next_moment(at("2026-10-09T18:00")) == at("2026-10-10T08:45")
    assert CHINA.is_working(at("2026-11-02T08:45"))
    assert not CHINA.is_working(at("2026-11-02T17:30"))
    assert not CHINA.is_working(at("2026-11-01T12:00"))
    assert CHINA.previous_moment(at("2026-11-02T17:30")) == at("2026-11-02T17:30")
    assert CHINA.previous_moment(at("2026-11-02T08:45")) == at("2026-10-30T17:30")
    assert CHINA.previous_moment(at("2026-10-11T10:00")) == at("2026-10-10T17:30")
    assert CHINA.previous_moment(at("2026-10-08T08:00")) == at("2026-09-30T17:30")


def test_exchanged_saturdays_count_and_holidays_do_not() -> None:
    assert CHINA.between(at("2026-10-10T00:00"), at("2026-10-11T00:00")) == DAY_OF_WORK
    assert CHINA.between(at("2026-10-01T00:00"), at("2026-10-08T00:00")) == timedelta(0)
    # A whole year: 2026 has 248 working days.
    days = CHINA.days.working_between(date(2026, 1, 1), date(2026, 12, 31))
    assert CHINA.between(at("2026-01-01T00:00"), at("2027-01-01T00:00")) == len(days) * DAY_OF_WORK
    assert len(days) == 248


def test_working_days_weeks_and_months_later() -> None:
    eve = date(2026, 9, 30)
    assert CHINA.working_days_later(eve, 1) == date(2026, 10, 8)
    assert CHINA.working_days_later(eve, 3) == date(2026, 10, 10)
    assert CHINA.working_days_later(eve, 4) == date(2026, 10, 12)
    assert CHINA.working_days_later(date(2026, 10, 12), -4) == eve
    assert CHINA.working_days_later(date(2026, 10, 3), 0) == date(2026, 10, 8)
    # "2 days", "1 week": calendar days moved to the next working day.
    assert CHINA.days_later(date(2026, 11, 5), 2) == date(2026, 11, 9)
    assert CHINA.days_later(date(2026, 10, 8), 2) == date(2026, 10, 10)
    assert CHINA.days_later(eve, 2) == date(2026, 10, 8)
    assert CHINA.weeks_later(date(2026, 9, 24), 1) == date(2026, 10, 8)
    assert CHINA.weeks_later(date(2026, 11, 3), 2) == date(2026, 11, 17)
    assert CHINA.months_later(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert CHINA.months_later(date(2026, 9, 5), 1) == date(2026, 10, 8)
    assert CHINA.months_later(date(2025, 12, 31), 2) == date(2026, 2, 28)


def test_a_calendar_without_working_days_says_so() -> None:
    start = date(2026, 1, 1)
    closed = {start + timedelta(days=number): OwnDay(False) for number in range(900)}
    shut = WorkingTime(WorkingDays(own=closed), BusinessHours(), SHANGHAI)
    middle = at("2027-03-01T10:00")
    asks: tuple[Callable[[], object], ...] = (
        lambda: shut.add(middle, hours(1)),
        lambda: shut.subtract(middle, hours(1)),
        lambda: shut.next_moment(middle),
        lambda: shut.previous_moment(middle),
        lambda: shut.working_days_later(date(2027, 3, 1), 1),
        lambda: shut.days_later(date(2027, 3, 1), 1),
        lambda: CHINA.months_later(date(9999, 12, 1), 1),
        lambda: CHINA.days_later(date.max, 1),
    )
    for ask in asks:
        with pytest.raises(CalendarEnds):
            ask()
    assert shut.between(at("2026-01-05T10:00"), middle) == timedelta(0)


def test_a_moment_without_a_zone_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="zone"):
        CHINA.add(datetime(2026, 11, 2, 9), hours(1))  # noqa: DTZ001 - what is refused


def test_work_over_a_change_of_the_clocks_is_as_long_as_the_time_that_passed() -> None:
    # 01:00–09:00 are seven hours on the day the clocks go forward, nine on the day they go back.
    assert NIGHTLY.between(at("2026-03-29T00:00", NIGHTLY), at("2026-03-30T00:00", NIGHTLY)) == hours(7)
    assert NIGHTLY.between(at("2026-10-25T00:00", NIGHTLY), at("2026-10-26T00:00", NIGHTLY)) == hours(9)
    assert NIGHTLY.add(at("2026-03-29T01:00", NIGHTLY), hours(2)) == at("2026-03-29T04:00", NIGHTLY)
    assert NIGHTLY.subtract(at("2026-10-25T09:00", NIGHTLY), hours(8)) == at("2026-10-25T02:00", NIGHTLY)
    # A weekend with a change between two ordinary days changes nothing.
    assert BERLIN.add(at("2026-03-27T17:00", BERLIN), hours(1)) == at("2026-03-30T09:15", BERLIN)


def test_clocks_put_back_over_midnight_leave_the_day_that_had_begun() -> None:
    # 7 November began at 02:30 UTC; from 02:31 UTC on the wall clock showed 23:01 of the 6th again.
    began, shown_again = (datetime.fromisoformat(f"2010-11-07T{wall}+00:00") for wall in ("02:30", "03:00"))
    assert wall_at(shown_again, LATE.zone).isoformat() == "2010-11-06T23:30:00"
    assert LATE.previous_moment(shown_again) == LATE.next_moment(shown_again) == shown_again
    assert LATE.is_working(shown_again)
    assert LATE.subtract(shown_again, hours(0.5)) == began
    assert LATE.between(began, shown_again) == hours(0.5)


@given(worked, moments, amounts)
def test_what_is_added_lies_between(working_time: WorkingTime, moment: datetime, amount: timedelta) -> None:
    end = working_time.add(moment, amount)
    assert end >= moment
    assert working_time.between(moment, end) == amount
    start = working_time.subtract(moment, amount)
    assert start <= moment
    assert working_time.between(start, moment) == amount
    assert working_time.between(moment, start) == -amount


@given(worked, moments, amounts.filter(bool))
def test_taking_away_undoes_adding(working_time: WorkingTime, moment: datetime, amount: timedelta) -> None:
    assert working_time.subtract(working_time.add(moment, amount), amount) == working_time.next_moment(moment)
    assert working_time.add(working_time.subtract(moment, amount), amount) == working_time.previous_moment(moment)


@given(worked, moments, amounts, amounts)
def test_more_is_later_and_parts_add_up(
    working_time: WorkingTime, moment: datetime, one: timedelta, other: timedelta
) -> None:
    assert working_time.add(working_time.add(moment, one), other) == working_time.add(moment, one + other)
    assert (one < other) <= (working_time.add(moment, one) < working_time.add(moment, other))
    assert working_time.add(moment, one) <= working_time.add(moment + other, one)


@given(worked, moments, moments, moments)
def test_time_between_moments_adds_up(
    working_time: WorkingTime, first: datetime, second: datetime, third: datetime
) -> None:
    between = working_time.between
    assert between(first, second) + between(second, third) == between(first, third)


@given(worked, moments, st.integers(0, 3 * 24 * 60))
def test_counting_minute_by_minute_gives_the_same(working_time: WorkingTime, moment: datetime, minutes: int) -> None:
    first = moment.replace(second=0, microsecond=0)
    last = first + timedelta(minutes=minutes)
    passed = (wall_at(first + timedelta(minutes=number), working_time.zone) for number in range(minutes))
    counted = sum(within_hours(working_time.days, working_time.hours, wall) for wall in passed)
    if working_time is LATE:
        # Of what the clock shows twice the first counts: the day ends when its end is shown first.
        assert abs(working_time.between(first, last) - timedelta(minutes=counted)) <= hours(1)
    else:
        assert working_time.between(first, last) == timedelta(minutes=counted)


@given(worked, moments)
def test_the_nearest_moments_are_the_nearest(working_time: WorkingTime, moment: datetime) -> None:
    following, previous = working_time.next_moment(moment), working_time.previous_moment(moment)
    assert previous <= moment <= following
    assert working_time.between(previous, following) == timedelta(0) or previous == moment == following
    assert working_time.is_working(following)
    assert working_time.is_working(moment) is (following == moment)
    assert working_time.next_moment(following) == following
    assert working_time.previous_moment(previous) == previous


@given(st.dates(date(2024, 1, 1), date(2026, 6, 30)), st.integers(1, 200))
def test_working_days_back_and_forth(day: date, count: int) -> None:
    later = CHINA.working_days_later(day, count)
    assert len(CHINA.days.working_between(day + timedelta(days=1), later)) == count
    assert CHINA.working_days_later(later, -count) == CHINA.working_day_until(day)
    assert later == CHINA.days.after(day, count)
