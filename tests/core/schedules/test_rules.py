"""When rules fire: against wall clocks walked minute by minute, over changes of the clocks, month ends, leap days and
holidays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steward_core.calendars.rules import CalendarBase, OwnDay, WorkingDays
from steward_core.schedules.rules import AT_ONCE, CatchUp, Place, firings, read_rule
from steward_core.schedules.zones import moment_of, wall_at
from steward_tenants.errors import InvalidInput

SHANGHAI, BERLIN, NEW_YORK = (ZoneInfo(name) for name in ("Asia/Shanghai", "Europe/Berlin", "America/New_York"))
ZONES = st.sampled_from([SHANGHAI, BERLIN, NEW_YORK, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("America/Sao_Paulo")])
EXAMPLES = 200 if os.environ.get("STEWARD_TEST_FULL") == "1" else 60
MINUTE = timedelta(minutes=1)
HERE = Place(SHANGHAI, WorkingDays())


def first(rule: str, after: str, count: int = 3, place: Place = HERE) -> list[str]:
    """The next firings as the wall clock shows them."""
    start = datetime.fromisoformat(after).replace(tzinfo=place.zone).astimezone(UTC)
    return [
        wall_at(moment, place.zone).isoformat(" ", "minutes")
        for moment in islice(read_rule(rule).moments(start, place), count)
    ]


@pytest.mark.parametrize(
    ("rule", "after", "expected"),
    [
        # Every working day's morning meeting, over National Day of 2024 with its exchanged days.
        (
            "every working day 08:45",
            "2024-09-27 12:00",
            ["2024-09-29 08:45", "2024-09-30 08:45", "2024-10-08 08:45"],
        ),
        ("working day 08:45", "2024-10-11 09:00", ["2024-10-12 08:45", "2024-10-14 08:45", "2024-10-15 08:45"]),
        ("first working day 09:00", "2024-09-15 00:00", ["2024-10-08 09:00", "2024-11-01 09:00", "2024-12-02 09:00"]),
        ("last working day 18:00", "2024-09-01 00:00", ["2024-09-30 18:00", "2024-10-31 18:00", "2024-11-29 18:00"]),
        (
            "first working day of quarter 09:00",
            "2024-09-15 00:00",
            ["2024-10-08 09:00", "2025-01-02 09:00", "2025-04-01 09:00"],
        ),
        ("last working day of year 17:00", "2024-01-01 00:00", ["2024-12-31 17:00", "2025-12-31 17:00"]),
        ("last friday 18:00", "2024-02-01 00:00", ["2024-02-23 18:00", "2024-03-29 18:00", "2024-04-26 18:00"]),
        ("fifth friday 18:00", "2024-01-01 00:00", ["2024-03-29 18:00", "2024-05-31 18:00", "2024-08-30 18:00"]),
        # The week's summary on Friday afternoon, on the day before when Friday is off.
        (
            "friday or previous working day 16:00",
            "2024-09-28 00:00",
            ["2024-09-30 16:00", "2024-10-11 16:00", "2024-10-18 16:00"],
        ),
        ("quarter end 20:00", "2024-01-01 00:00", ["2024-03-31 20:00", "2024-06-30 20:00", "2024-09-30 20:00"]),
        ("quarter start 20:00", "2024-01-01 20:00", ["2024-04-01 20:00", "2024-07-01 20:00", "2024-10-01 20:00"]),
        ("month end 23:30", "2024-01-15 00:00", ["2024-01-31 23:30", "2024-02-29 23:30", "2024-03-31 23:30"]),
        ("year end or previous working day 12:00", "2022-01-01 00:00", ["2022-12-30 12:00", "2023-12-29 12:00"]),
        (
            "day 5 or next working day 08:00",
            "2024-09-06 00:00",
            ["2024-10-08 08:00", "2024-11-05 08:00", "2024-12-05 08:00"],
        ),
        ("day 31 06:00", "2023-01-31 06:00", ["2023-02-28 06:00", "2023-03-31 06:00", "2023-04-30 06:00"]),
        ("0 2 29 2 *", "2024-03-01 00:00", ["2028-02-29 02:00", "2032-02-29 02:00"]),
        ("0 2 l * *", "2024-01-31 02:00", ["2024-02-29 02:00", "2024-03-31 02:00", "2024-04-30 02:00"]),
        ("0 2 31 * *", "2024-01-31 02:00", ["2024-03-31 02:00", "2024-05-31 02:00", "2024-07-31 02:00"]),
        # A quarter's grading on the fifth day after it.
        ("0 2 5 1,4,7,10 *", "2024-01-05 01:59", ["2024-01-05 02:00", "2024-04-05 02:00", "2024-07-05 02:00"]),
        ("30 2 * * *", "2024-02-28 02:30", ["2024-02-29 02:30", "2024-03-01 02:30", "2024-03-02 02:30"]),
    ],
)
def test_what_a_rule_means(rule: str, after: str, expected: list[str]) -> None:
    assert first(rule, after, len(expected)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * *",
        "* * * * * *",
        "61 * * * *",
        "0 0 30 2 *",
        "@daily",
        "h * * * *",
        "first working day",
        "first working day 24:00",
        "sixth friday 09:00",
        "eleventh working day 09:00",
        "day 0 09:00",
        "day 32 09:00",
        "working day or next working day 09:00",
        "last working day or next working day 09:00",
        "0 9 * * *; drop",
        "x" * 200,
    ],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_rule(text)
    assert [problem.path for problem in refused.value.problems] == [("rule",)]


def test_rules_are_kept_in_one_spelling() -> None:
    assert read_rule("  First   WORKING day 09:00 ").text == "first working day 09:00"
    assert read_rule("0  9 * * MON-FRI").text == "0 9 * * mon-fri"


@pytest.mark.parametrize(
    ("zone", "rule", "after", "expected"),
    [
        # Spring: 02:30 does not come; it fires when the clock jumps, and once.
        (BERLIN, "30 2 * * *", "2024-03-30 12:00", ["2024-03-31T01:00", "2024-04-01T00:30"]),
        (NEW_YORK, "30 2 * * *", "2024-03-09 12:00", ["2024-03-10T07:00", "2024-03-11T06:30"]),
        (BERLIN, "15,45 2 * * *", "2024-03-30 12:00", ["2024-03-31T01:00", "2024-04-01T00:15"]),
        # Autumn: 02:30 comes twice; it fires the first time.
        (BERLIN, "30 2 * * *", "2024-10-26 12:00", ["2024-10-27T00:30", "2024-10-28T01:30"]),
        (NEW_YORK, "day 3 01:30", "2024-11-02 12:00", ["2024-11-03T05:30", "2024-12-03T06:30"]),
        # Every hour is every hour, whatever the clocks show.
        (BERLIN, "0 * * * *", "2024-03-31 00:59", ["2024-03-31T00:00", "2024-03-31T01:00", "2024-03-31T02:00"]),
        (
            BERLIN,
            "0 * * * *",
            "2024-10-27 01:30",
            ["2024-10-27T00:00", "2024-10-27T01:00", "2024-10-27T02:00", "2024-10-27T03:00"],
        ),
        (SHANGHAI, "30 2 * * *", "2024-03-30 12:00", ["2024-03-30T18:30", "2024-03-31T18:30"]),
    ],
)
def test_changes_of_the_clocks(zone: ZoneInfo, rule: str, after: str, expected: list[str]) -> None:
    start = datetime.fromisoformat(after).replace(tzinfo=zone).astimezone(UTC)
    found = islice(read_rule(rule).moments(start, Place(zone, WorkingDays())), len(expected))
    assert [moment.strftime("%Y-%m-%dT%H:%M") for moment in found] == expected


MOMENTS = st.datetimes(datetime(2018, 1, 1), datetime(2030, 1, 1)).map(lambda one: one.replace(tzinfo=UTC))  # noqa: DTZ001
CHANGES = st.sampled_from(
    [
        datetime(2024, 3, 30, 20, tzinfo=UTC),
        datetime(2024, 10, 26, 20, tzinfo=UTC),
        datetime(2024, 3, 10, 2, tzinfo=UTC),
        datetime(2024, 11, 3, 2, tzinfo=UTC),
        datetime(2024, 4, 6, 10, tzinfo=UTC),
        datetime(2024, 10, 5, 10, tzinfo=UTC),
        datetime(2018, 11, 3, 22, tzinfo=UTC),
        datetime(2024, 2, 29, 12, tzinfo=UTC),
    ]
)
STARTS = st.builds(lambda at, off: at + timedelta(seconds=off), CHANGES, st.integers(-7200, 14400))
MINUTES = st.lists(st.integers(0, 59), min_size=1, max_size=3, unique=True).map(sorted)
HOURS = st.lists(st.integers(0, 23), min_size=1, max_size=4, unique=True).map(sorted)


def _minutes(after: datetime, hours: int) -> Iterator[datetime]:
    minute = after.replace(second=0, microsecond=0)
    for _ in range(hours * 60):
        minute += MINUTE
        yield minute


@settings(max_examples=EXAMPLES)
@given(STARTS, ZONES, MINUTES)
def test_hourly_lines_fire_whenever_the_clock_shows_their_minute(
    after: datetime, zone: ZoneInfo, minutes: list[int]
) -> None:
    line = f"{','.join(map(str, minutes))} * * * *"
    expected = [one for one in _minutes(after, 14) if wall_at(one, zone).minute in minutes]
    found = list(islice(read_rule(line).moments(after, Place(zone, WorkingDays())), len(expected)))
    assert found == expected


@settings(max_examples=EXAMPLES)
@given(STARTS, ZONES, HOURS, MINUTES)
def test_named_hours_fire_once_for_each_time_of_each_day(
    after: datetime, zone: ZoneInfo, hours: list[int], minutes: list[int]
) -> None:
    line = f"{','.join(map(str, minutes))} {','.join(map(str, hours))} * * *"
    begin = wall_at(after, zone).date() - timedelta(days=1)
    walls = [
        datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001 - wall times
        for day in (begin + timedelta(days=number) for number in range(4))
        for hour in hours
        for minute in minutes
    ]
    expected = sorted({moment for wall in walls if (moment := moment_of(wall, zone)) > after})
    found = list(islice(read_rule(line).moments(after, Place(zone, WorkingDays())), len(expected)))
    assert found == expected


@given(STARTS, ZONES)
def test_a_wall_time_stands_for_the_first_moment_that_shows_it_or_a_later_one(after: datetime, zone: ZoneInfo) -> None:
    wall = wall_at(after, zone).replace(second=0, microsecond=0)
    moment = moment_of(wall, zone)
    assert wall_at(moment, zone) == wall
    assert moment <= after
    skipped = moment_of(wall + timedelta(hours=1), zone)
    assert wall_at(skipped, zone) >= wall + timedelta(hours=1)
    if wall_at(skipped, zone) != wall + timedelta(hours=1):
        assert wall_at(skipped - MINUTE, zone) < wall + timedelta(hours=1)


WORDS = st.sampled_from(
    [
        "working day 08:45",
        "friday 16:00",
        "friday or next working day 02:30",
        "monday or previous working day 02:30",
        "first working day 09:00",
        "third working day of quarter 09:00",
        "last working day 18:00",
        "last friday 18:00",
        "fifth monday 01:30",
        "day 5 or next working day 08:00",
        "day 31 or previous working day 08:00",
        "month end 23:59",
        "month start 00:00",
        "quarter end or next working day 20:00",
        "year start or next working day 02:15",
    ]
)
LINES = st.sampled_from(["30 2 * * *", "*/15 * * * *", "0 9 * * 1-5", "0 2 l * *", "5 */6 1 * *", "0 0 1 1 *"])


@settings(max_examples=EXAMPLES)
@given(MOMENTS, ZONES, st.one_of(WORDS, LINES), st.sampled_from(CalendarBase))
def test_moments_only_go_forward_and_may_be_asked_for_from_anywhere(
    after: datetime, zone: ZoneInfo, text: str, base: CalendarBase
) -> None:
    rule, place = read_rule(text), Place(zone, WorkingDays(base))
    found = list(islice(rule.moments(after, place), 6))
    assert len(found) == 6
    assert all(earlier < later for earlier, later in zip([after, *found], found, strict=False))
    for earlier, later in pairwise(found):
        assert rule.next_after(earlier, place) == later
        assert rule.next_after(later - timedelta(seconds=1), place) == later


@given(MOMENTS, ZONES)
def test_words_on_working_days_fire_on_working_days(after: datetime, zone: ZoneInfo) -> None:
    place = Place(zone, WorkingDays())
    for text in ("working day 08:45", "day 5 or next working day 08:00", "last working day 18:00"):
        for moment in islice(read_rule(text).moments(after, place), 4):
            assert place.days.is_working(wall_at(moment, zone).date())


def test_a_calendar_that_is_closed_for_good_lets_a_rule_end() -> None:
    start = date(2024, 1, 1)
    days = WorkingDays(own={start + timedelta(days=number): OwnDay(False) for number in range(4000)})
    rule = read_rule("first working day 09:00")
    assert rule.next_after(datetime(2024, 3, 1, tzinfo=UTC), Place(SHANGHAI, days)) is None


AT = datetime(2024, 5, 1, tzinfo=UTC)


def test_what_was_missed_fires_by_the_policy() -> None:
    rule = read_rule("0 * * * *")
    now = AT + timedelta(hours=5, minutes=30)
    missed = [AT + timedelta(hours=number) for number in range(1, 6)]
    every = firings(rule, HERE, AT, now, CatchUp.ALL)
    assert list(every.fire) == missed
    last = firings(rule, HERE, AT, now, CatchUp.LAST)
    assert list(last.fire) == missed[-1:]
    none = firings(rule, HERE, AT, now, CatchUp.NONE)
    assert none.fire == ()
    on_time = firings(rule, HERE, AT, missed[-1] + MINUTE, CatchUp.NONE)
    assert list(on_time.fire) == missed[-1:]
    for one in (every, last, none):
        assert (one.counted_from, one.next_at) == (now, AT + timedelta(hours=6))


def test_long_gaps_are_made_up_for_in_portions() -> None:
    rule = read_rule("* * * * *")
    found = firings(rule, HERE, AT, AT + timedelta(days=400), CatchUp.ALL)
    assert len(found.fire) == AT_ONCE
    assert found.next_at == AT + (AT_ONCE + 1) * MINUTE
    assert found.counted_from == found.fire[-1]
    last = firings(read_rule("year end 20:00"), HERE, AT, AT + timedelta(days=3000), CatchUp.LAST)
    assert [wall_at(one, SHANGHAI).isoformat(" ") for one in last.fire] == ["2031-12-31 20:00:00"]
    assert firings(read_rule("0 0 29 2 *"), HERE, AT, AT + timedelta(days=900), CatchUp.LAST).fire == ()


JUMPS = st.lists(st.integers(-600, 900), min_size=1, max_size=25)


@settings(max_examples=EXAMPLES)
@given(ZONES, st.sampled_from(["*/7 * * * *", "30 2 * * *", "0 * * * *", "working day 08:45"]), STARTS, JUMPS)
def test_a_clock_that_jumps_to_and_fro_fires_each_moment_once(
    zone: ZoneInfo, text: str, start: datetime, jumps: list[int]
) -> None:
    rule, place = read_rule(text), Place(zone, WorkingDays())
    now, furthest, counted_from = start, start, start
    fired: list[datetime] = []
    for jump in jumps:
        now += timedelta(minutes=jump)
        furthest = max(furthest, now)
        while True:
            found = firings(rule, place, counted_from, now, CatchUp.ALL)
            fired += found.fire
            counted_from = found.counted_from
            assert found.next_at is not None
            assert found.next_at > counted_from
            if found.next_at > now:
                break
    expected = []
    for moment in rule.moments(start, place):
        if moment > furthest:
            break
        expected.append(moment)
    assert fired == expected
