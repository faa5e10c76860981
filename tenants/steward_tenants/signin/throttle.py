"""Attempts counted per key, and the locks that follow. Counted *before* the attempt is made, in one statement, so
that attempts at the same time cannot outrun the limit; what succeeds gives its count back."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import Any

from sqlalchemy import ColumnElement, Interval, case, delete, func, literal, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from steward_tenants.database.session import DirectorySession
from steward_tenants.directory.models import Throttle
from steward_tenants.errors import TooManyAttempts
from steward_tenants.signin.rules import AttemptLimits


def login_key(session: DirectorySession, login: str) -> str:
    """The key of a login, known or not; a digest, so that the table holds no logins."""
    return f"login:{session.vault.digest(login, 'throttle/login')}"


def address_key(session: DirectorySession, address: str) -> str:
    """The key of a network address."""
    return f"address:{session.vault.digest(address, 'throttle/address')}"


def _seconds(count: ColumnElement[Any] | int) -> ColumnElement[timedelta]:
    return func.make_interval(0, 0, 0, 0, 0, 0, count, type_=Interval())


def _lock(failures: ColumnElement[int], limits: AttemptLimits) -> ColumnElement[timedelta]:
    doublings = func.least(failures - limits.attempts, 20)
    return _seconds(func.least(limits.first_lock_seconds * func.power(2, doublings), limits.longest_lock_seconds))


async def attempt(session: DirectorySession, key: str, limits: AttemptLimits) -> None:
    """Count one attempt under `key`. Raises TooManyAttempts while the key is locked."""
    now = func.now()
    window = _seconds(limits.window_seconds)
    over = Throttle.window_ends_at <= now
    counted = case((over, literal(1)), else_=Throttle.failures + 1)
    locks = counted >= limits.attempts
    lock_end = now + _lock(counted, limits)
    first_lock = now + _seconds(limits.first_lock_seconds) if limits.attempts <= 1 else null()
    statement = insert(Throttle).values(key=key, failures=1, window_ends_at=now + window, locked_until=first_lock)
    counted_row = statement.on_conflict_do_update(
        index_elements=[Throttle.key],
        set_={
            "failures": counted,
            "window_ends_at": case((locks, lock_end + window), (over, now + window), else_=Throttle.window_ends_at),
            "locked_until": case((locks, lock_end), else_=null()),
        },
        where=or_(Throttle.locked_until.is_(None), Throttle.locked_until <= now),
    ).returning(Throttle.failures)
    if (await session.scalar(counted_row)) is not None:
        return
    left = await session.scalar(
        select(func.extract("epoch", Throttle.locked_until - func.now())).where(Throttle.key == key)
    )
    raise TooManyAttempts(seconds=max(1, ceil(left or 1)))


async def give_back(session: DirectorySession, key: str, limits: AttemptLimits) -> None:
    """An attempt succeeded: it no longer counts, and a lock that only it had caused goes."""
    left = func.greatest(Throttle.failures - 1, 0)
    await session.execute(
        update(Throttle)
        .where(Throttle.key == key)
        .values(
            failures=left,
            locked_until=case((left < limits.attempts, null()), else_=Throttle.locked_until),
        )
    )


async def release(session: DirectorySession, key: str) -> None:
    """Forget what was counted under `key`: after a success, or a reset by the right person."""
    await session.execute(delete(Throttle).where(Throttle.key == key))


async def forget_past(session: DirectorySession) -> int:
    """Remove counters whose window and lock are over; for the sweeper. Says how many."""
    gone = await session.execute(
        delete(Throttle)
        .where(
            Throttle.window_ends_at <= func.now(),
            or_(Throttle.locked_until.is_(None), Throttle.locked_until <= func.now()),
        )
        .returning(Throttle.key)
    )
    return len(gone.all())
