"""Turns: work of one tenant that must not run twice at once waits for its turn here."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Coroutine
from typing import Any, TypeVar

from sqlalchemy import func, literal, select

from steward_tenants.database.session import WriteSession

SPEAKS_SECONDS = 10.0
"""How often a session that only holds a turn speaks; the database ends one that idles for a minute."""
T = TypeVar("T")


class TurnLost(ConnectionError):
    """The connection that held a turn broke: somebody else may have taken it, so the work under it was stopped."""


async def take_turn(session: WriteSession, topic: str) -> None:
    """Wait until no other transaction of this tenant holds `topic`; held until this one ends."""
    await session.execute(select(func.pg_advisory_xact_lock(_key(session, topic))))


async def try_turn(session: WriteSession, topic: str) -> bool:
    """Take `topic` when no other transaction of this tenant holds it, held until this one ends; do not wait."""
    return bool(await session.scalar(select(func.pg_try_advisory_xact_lock(_key(session, topic)))))


async def share_turn(session: WriteSession, topic: str) -> None:
    """Wait while another transaction holds `topic` by `take_turn`, and keep it from being taken until this one ends.
    Any number of transactions share it."""
    await session.execute(select(func.pg_advisory_xact_lock_shared(_key(session, topic))))


async def while_held(keeper: WriteSession, work: Coroutine[Any, Any, T]) -> T:
    """Do work, in sessions of its own, while `keeper` holds a turn. Raises TurnLost when it no longer does."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=SPEAKS_SECONDS))[0]:
            try:
                await keeper.scalar(select(literal(1)))
            except Exception as error:
                raise TurnLost from error
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def _key(session: WriteSession, topic: str) -> int:
    digest = hashlib.sha256(f"{session.tenant_id}/{topic}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)
