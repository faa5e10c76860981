"""Turns: work of one tenant that must not run twice at once waits for its turn here."""

from __future__ import annotations

import hashlib

from sqlalchemy import func, select

from steward_tenants.database.session import WriteSession


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


def _key(session: WriteSession, topic: str) -> int:
    digest = hashlib.sha256(f"{session.tenant_id}/{topic}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)
