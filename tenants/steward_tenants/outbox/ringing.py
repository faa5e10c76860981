"""Ringing after a commit: whoever looks for work looks at once, and not only when its time comes round."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

Ring = Callable[[], Awaitable[None]]
_ring: Ring | None = None


def ring_with(ring: Ring | None) -> None:
    """Have this process ring by `ring` after commits that left a job; None: it does not ring."""
    global _ring  # noqa: PLW0603 - one bell for the process
    _ring = ring


async def ring() -> None:
    """Ring. Nothing depends on it: the relay looks by itself several times a second."""
    if _ring is not None:
        await _ring()
