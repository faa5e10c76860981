"""Chunks take what is done in about two seconds; the end is foretold from the rate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_core.runs import chunks
from steward_core.runs.chunks import AIM, LONGEST, SHORTEST, measured, next_size, size_of
from steward_core.runs.models import Run
from steward_core.runs.pace import end_at, next_rate

SIZES = st.integers(1, 100_000)
SECONDS = st.floats(0, 100_000)


@given(SIZES, SECONDS, st.integers(1, 1000), st.integers(1000, 1_000_000))
def test_a_size_stays_within_its_bounds_and_moves_the_right_way(
    size: int, seconds: float, least: int, most: int
) -> None:
    found = next_size(size, seconds, least=least, most=most)
    assert least <= found <= most
    if least <= size <= most:
        if seconds < SHORTEST:
            assert found >= size
        elif seconds > LONGEST:
            assert found <= size
        else:
            assert found == size


@given(st.floats(0.01, 50_000), SIZES)
def test_a_steady_rate_leads_to_chunks_of_the_wanted_length(rate: float, size: int) -> None:
    for _ in range(20):
        size = next_size(size, size / rate, most=1_000_000)
    assert size == 1 or SHORTEST * 0.7 <= size / rate <= LONGEST * 1.4


def test_a_run_notes_the_size_of_its_next_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "GROWTH", 4)
    run = Run()
    measured(run, 99)
    assert run.chunk_size is None, "a kind without sizes has none"
    assert size_of(run, 1000) == 1000
    measured(run, 4 * AIM)
    assert size_of(run, 1000) == 250
    measured(run, 0.0)
    assert size_of(run, 1000) == 1000
    for _ in range(4):
        measured(run, 0.0)
    assert size_of(run, 1000) == 4000, "at most so many times the usual"
    for _ in range(20):
        measured(run, 600)
    assert size_of(run, 1000) == 20, "and at least so much of it"


@given(st.none() | st.floats(0.001, 1e6), st.integers(-5, 10**6), st.floats(0, 1e5))
def test_a_rate_lies_between_what_was_and_what_is(rate: float | None, done: int, seconds: float) -> None:
    found = next_rate(rate, done, seconds)
    if done <= 0 or seconds <= 0:
        assert found == rate
    else:
        now = done / seconds
        assert found is not None
        assert min(now, rate or now) * 0.999 <= found <= max(now, rate or now) * 1.001


def test_an_end_is_foretold_only_where_it_can_be() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert end_at(2.0, 10, now) == now + timedelta(seconds=5)
    for rate, left in ((None, 10), (0.0, 10), (2.0, 0), (2.0, -3), (1e-9, 10**9)):
        assert end_at(rate, left, now) is None
