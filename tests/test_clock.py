"""A simulated moment holds within, for its own task only."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from steward_tenants.clock import clock_now, simulated

MOMENT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_a_simulated_moment_holds_within_and_ends() -> None:
    with simulated(MOMENT):
        assert clock_now() == MOMENT
        with simulated(MOMENT + timedelta(days=1)):
            assert clock_now() == MOMENT + timedelta(days=1)
        assert clock_now() == MOMENT
    assert abs(clock_now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_it_is_given_back_in_utc() -> None:
    with simulated(MOMENT.astimezone(timezone(timedelta(hours=8)))):
        assert clock_now().tzinfo is UTC


def test_it_ends_with_an_error() -> None:
    with pytest.raises(ZeroDivisionError), simulated(MOMENT):
        _ = 1 // 0
    assert clock_now() != MOMENT


async def test_another_task_has_the_machines_clock() -> None:
    other = asyncio.Event()

    async def look() -> datetime:
        await other.wait()
        return clock_now()

    looking = asyncio.create_task(look())
    with simulated(MOMENT):
        other.set()
        assert await looking != MOMENT
