"""What floors above do when a person is disabled, in the same transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from steward_tenants.database.session import WriteSession

Leave = Callable[[WriteSession, UUID], Awaitable[None]]
"""Gets the id of a user who has just been disabled. It leaves a job for whatever takes long or may be refused."""

_LEAVING: list[Leave] = []


def when_disabled(call: Leave) -> None:
    """Have `call` told of everybody who is disabled."""
    if call not in _LEAVING:
        _LEAVING.append(call)


async def tell_of_leaver(session: WriteSession, user_id: UUID) -> None:
    """Tell all of them."""
    for call in _LEAVING:
        await call(session, user_id)
