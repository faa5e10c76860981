"""How much a chunk takes: as much as is done in about two seconds, by the time that the chunk before took.

Fewer, larger chunks cost fewer round trips and commits; smaller ones hold locks for less time and lose less when they
are interrupted.
"""

from __future__ import annotations

from steward_core.runs.models import Run

SHORTEST, AIM, LONGEST = 1.0, 2.0, 3.0
"""Seconds. A chunk that took between the shortest and the longest was right."""
STEP = 4.0
"""A size changes at most so many times from one chunk to the next: one slow chunk says little."""
GROWTH = 4
SHRINKING = 50
"""How many times its usual size a chunk is at most; how many times less at least."""


def next_size(size: int, seconds: float, *, least: int = 1, most: int) -> int:
    """The size for the next chunk, after one of `size` took so long."""
    wanted = size
    if not SHORTEST <= seconds <= LONGEST:
        wanted = round(size * min(STEP, max(1 / STEP, AIM / max(seconds, 0.001))))
    return min(most, max(least, wanted))


def size_of(run: Run, usual: int) -> int:
    """How much the run's next chunk takes, where it usually is `usual`; noted in the run, so that the chunk's time
    makes the size of the next."""
    least, most = max(1, usual // SHRINKING), usual * GROWTH
    size = usual if run.chunk_size is None else run.chunk_size
    run.chunk_size = min(most, max(least, size))
    return run.chunk_size


def measured(run: Run, seconds: float) -> None:
    """A chunk took so long."""
    if run.chunk_size is not None:
        run.chunk_size = next_size(run.chunk_size, seconds, most=run.chunk_size * int(STEP))


def forget_size(run: Run) -> None:
    """What comes now is other work: its time says nothing of what was before."""
    run.chunk_size = None
