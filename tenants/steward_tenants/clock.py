"""The moment that commands take as now: the machine's, or inside a simulation the simulated one.

The audit log, jobs and everything about safety keep the machine's clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_SIMULATED: ContextVar[datetime | None] = ContextVar("simulated_now", default=None)


def clock_now() -> datetime:
    """The present moment in UTC."""
    return _SIMULATED.get() or datetime.now(UTC)


@contextmanager
def simulated(moment: datetime) -> Iterator[None]:
    """Let `clock_now` stand still at a moment, for what this task does within."""
    token = _SIMULATED.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _SIMULATED.reset(token)
