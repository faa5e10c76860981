"""How fast a run goes on, and when it will be done at that rate."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from steward_core.runs.models import Run

WEIGHT = 0.4
"""How much of the rate the last chunk is; the rest are those before it."""
PLACES = 6
"""Decimal places of a rate."""
LONGEST_DAYS = 366
"""An end further away than that is not foretold."""


def next_rate(rate: float | None, done: int, seconds: float) -> float | None:
    """The rate after a chunk did so much in so many seconds; one that did nothing says nothing."""
    if done <= 0 or seconds <= 0:
        return rate
    now = done / seconds
    return now if rate is None else WEIGHT * now + (1 - WEIGHT) * rate


def end_at(rate: float | None, left: int, now: datetime) -> datetime | None:
    """When the rest will be done; None while that cannot be told."""
    if not rate or left <= 0 or left / rate > timedelta(days=LONGEST_DAYS).total_seconds():
        return None
    return now + timedelta(seconds=left / rate)


def note_pace(run: Run, done_before: int, seconds: float, now: datetime) -> None:
    """Write the pace down after a chunk."""
    rate = next_rate(None if run.rate is None else float(run.rate), run.done - done_before, seconds)
    run.rate = None if rate is None else round(Decimal(rate), PLACES)
    run.expected_end = end_at(rate, run.total - run.done, now)
