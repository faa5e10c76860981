"""What else changes hands with a client: each domain says how its open work follows the client's owner."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from steward_tenants.database.session import WriteSession

Follow = Callable[[WriteSession, Sequence[UUID]], Awaitable[None]]
"""Gets clients whose owner (and unit) has just changed, and lets what is open follow: a few statements over all of
them. A client without an owner is in the public pool."""

_FOLLOWERS: dict[str, Follow] = {}


def follow_owner(key: str, follow: Follow) -> None:
    """Declare what follows; a key stands once."""
    if key in _FOLLOWERS:
        raise ValueError(f"{key} follows owners already")
    _FOLLOWERS[key] = follow


async def let_follow(session: WriteSession, client_ids: Sequence[UUID]) -> None:
    """Let everything follow, in the order in which it was declared."""
    for follow in _FOLLOWERS.values():
        await follow(session, client_ids)
