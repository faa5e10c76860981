"""Working days of China by the published notices, and a tenant's own days over them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_core.calendars.china import WORKED, china_year
from steward_core.calendars.rules import BusinessHours, CalendarBase, OwnDay, WorkingDays, within_hours

CHINA = WorkingDays()
DAYS = st.dates(date(2015, 1, 1), date(2035, 12, 31))


@pytest.mark.parametrize(
    ("day", "working"),
    [
        # 2024: Spring Festival 10–17 February; worked on Sunday 4 and Sunday 18 February.
        (date(2024, 2, 4), True),
        (date(2024, 2, 9), True),
        (date(2024, 2, 12), False),
        (date(2024, 2, 16), False),
        (date(2024, 2, 18), True),
        # 2024: National Day 1–7 October; worked on Sunday 29 September and Saturday 12 October.
        (date(2024, 9, 29), True),
        (date(2024, 10, 7), False),
        (date(2024, 10, 12), True),
        (date(2024, 10, 13), False),
        # 2025: Labour Day 1–5 May; worked on Sunday 27 April.
        (date(2025, 4, 27), True),
        (date(2025, 5, 5), False),
        # 2026: worked on Sunday 4 January, Saturday 14 February and Saturday 10 October.
        (date(2026, 1, 2), False),
        (date(2026, 1, 4), True),
        (date(2026, 2, 14), True),
        (date(2026, 10, 10), True),
        # New Year of 2007 took the weekend of 2006 with it.
        (date(2006, 12, 30), True),
        (date(2006, 12, 31), True),
    ],
)
def test_holidays_and_exchanged_days_are_those_of_the_notices(day: date, working: bool) -> None:
    assert CHINA.is_working(day) is working


def test_a_day_tells_why_it_is_worked_or_off() -> None:
    worked = CHINA.of(date(2024, 10, 12))
    assert (worked.title, worked.own, worked.provisional) == (WORKED, False, False)
    holiday = CHINA.of(date(2024, 10, 1)).title
    assert holiday is not None
    assert holiday.zh == "国庆节"
    assert holiday.en == "National Day"
    weekend = CHINA.of(date(2024, 10, 13)).title
    assert weekend is not None
    assert weekend.en == "Weekend"
    assert CHINA.of(date(2024, 10, 14)).title is None


def test_years_that_are_not_announced_are_provisional() -> None:
    assert not china_year(2026).provisional
    later = china_year(2040)
    assert later.provisional
    assert later.worked == frozenset()
    assert date(2040, 10, 1) in later.off
    assert china_year(1900).provisional
    assert china_year(2400).off == {}
    assert CHINA.of(date(2040, 3, 1)).provisional


def test_a_tenants_own_days_go_before_the_public_ones() -> None:
    own = {date(2024, 10, 1): OwnDay(True, "系统割接"), date(2024, 10, 8): OwnDay(False)}
    days = WorkingDays(own=own)
    assert days.is_working(date(2024, 10, 1))
    assert not days.is_working(date(2024, 10, 8))
    one = days.of(date(2024, 10, 1))
    assert one.title is not None
    assert (one.title.zh, one.own, one.provisional) == ("系统割接", True, False)
    assert days.on_or_after(date(2024, 10, 2)) == date(2024, 10, 9)


def test_without_public_holidays_only_weekends_are_off() -> None:
    days = WorkingDays(CalendarBase.WEEKENDS)
    assert days.is_working(date(2024, 10, 1))
    assert not days.is_working(date(2024, 10, 12))
    assert not days.of(date(2040, 10, 1)).provisional


def test_counting_working_days_over_a_holiday() -> None:
    # The day before National Day: the next working day is the 8th, the fifth is the exchanged Saturday.
    eve = date(2024, 9, 30)
    assert CHINA.after(eve, 1) == date(2024, 10, 8)
    assert CHINA.after(eve, 5) == date(2024, 10, 12)
    assert CHINA.working_between(date(2024, 9, 28), date(2024, 10, 8)) == [date(2024, 9, 29), eve, date(2024, 10, 8)]


def test_a_calendar_without_working_days_ends() -> None:
    start = date(2024, 1, 1)
    closed = WorkingDays(own={start + timedelta(days=n): OwnDay(False) for n in range(500)})
    assert closed.on_or_after(start) is None
    assert closed.on_or_before(start + timedelta(days=450)) is None
    assert closed.after(start, 3) is None
    assert CHINA.on_or_after(date.max) in (None, date.max)


def test_business_hours_are_those_of_working_days() -> None:
    hours = BusinessHours()
    assert (hours.begins, hours.ends) == (time(8, 45), time(17, 30))
    saturday = datetime(2024, 10, 12, 8, 45)  # noqa: DTZ001 - a wall time
    assert within_hours(CHINA, hours, saturday)
    assert not within_hours(CHINA, hours, saturday.replace(hour=17, minute=30))
    assert not within_hours(CHINA, hours, saturday.replace(day=13))


@given(DAYS)
def test_the_nearest_working_days_enclose_a_day(day: date) -> None:
    before, after = CHINA.on_or_before(day), CHINA.on_or_after(day)
    assert before is not None
    assert after is not None
    assert before <= day <= after
    assert CHINA.is_working(before)
    assert CHINA.is_working(after)
    assert (before == after == day) is CHINA.is_working(day)
    assert not CHINA.working_between(before + timedelta(days=1), after - timedelta(days=1))


@given(DAYS, st.integers(1, 30))
def test_as_many_working_days_lie_between_as_were_counted(day: date, count: int) -> None:
    found = CHINA.after(day, count)
    assert found is not None
    assert len(CHINA.working_between(day + timedelta(days=1), found)) == count
