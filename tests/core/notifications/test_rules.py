"""Quiet hours end where they should, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from steward_core.notifications.rules import Quiet, clock, read_clock

ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "UTC")
minutes = st.integers(0, 1439)
spans = st.tuples(minutes, minutes).filter(lambda span: span[0] != span[1]).map(lambda span: Quiet(*span))
moments = st.datetimes(datetime(2011, 1, 1), datetime(2035, 1, 1)).map(lambda one: one.replace(tzinfo=UTC))  # noqa: DTZ001
zones = st.sampled_from(ZONES).map(ZoneInfo)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("now", "zone", "end"),
    [
        ("2026-11-22T23:30:00+08:00", "Asia/Shanghai", "2026-11-23T08:00:00+08:00"),
        ("2026-11-23T07:59:59+08:00", "Asia/Shanghai", "2026-11-23T08:00:00+08:00"),
        ("2026-11-23T08:00:00+08:00", "Asia/Shanghai", None),
        ("2026-11-22T21:59:59+08:00", "Asia/Shanghai", None),
        ("2026-11-22T23:30:00+08:00", "Europe/Berlin", None),
        ("2028-02-28T22:00:00+08:00", "Asia/Shanghai", "2028-02-29T08:00:00+08:00"),
    ],
)
def test_the_end_is_in_the_persons_zone(now: str, zone: str, end: str | None) -> None:
    found = Quiet(22 * 60, 8 * 60).end_after(at(now), ZoneInfo(zone))
    assert found == (None if end is None else at(end))


@pytest.mark.parametrize(
    ("now", "ends", "end"),
    [
        ("2026-03-29T01:00:00+01:00", 150, "2026-03-29T03:30:00+02:00"),
        ("2026-10-25T01:00:00+02:00", 150, "2026-10-25T02:30:00+02:00"),
        ("2026-10-25T02:10:00+01:00", 150, "2026-10-25T02:30:00+01:00"),
    ],
)
def test_an_end_that_the_clocks_skip_or_repeat(now: str, ends: int, end: str) -> None:
    assert Quiet(0, ends).end_after(at(now), ZoneInfo("Europe/Berlin")) == at(end)


@given(spans, moments, zones)
@example(Quiet(23 * 60, 10), datetime(2011, 12, 30, 9, 59, tzinfo=UTC), ZoneInfo("Pacific/Apia"))
def test_the_end_lies_ahead_and_within_the_longest_day(quiet: Quiet, now: datetime, zone: ZoneInfo) -> None:
    local = now.astimezone(zone)
    end = quiet.end_after(now, zone)
    assert (end is not None) is quiet.covers(local.hour * 60 + local.minute)
    if end is not None:
        assert now < end <= now + timedelta(hours=49)


@given(spans)
def test_a_span_and_its_reverse_share_the_day(quiet: Quiet) -> None:
    reverse = Quiet(quiet.ends, quiet.starts)
    assert all(quiet.covers(minute) is not reverse.covers(minute) for minute in range(1440))


@given(minutes)
def test_clock_times_are_read_as_they_are_written(minute: int) -> None:
    assert read_clock(clock(minute), "starts") == minute
