"""Hashing passwords with Argon2id, off the event loop and never more at once than memory allows."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from steward_tenants.errors import FieldProblem, InvalidInput, TooManyAttempts, invalid
from steward_tenants.signin.rules import PROFILES, SignInPolicy, normalised, password_problems
from steward_tenants.texts import Bilingual

T = TypeVar("T")

MEMORY_KIB = 19_456
HASHER = PasswordHasher(time_cost=2, memory_cost=MEMORY_KIB, parallelism=1)
AT_ONCE = min(8, (os.cpu_count() or 2) + 1)
"""Hashes computed at the same time in a process: each holds `MEMORY_KIB`."""
WAITING_AT_MOST = 200
"""Beyond so many hashes in the queue an attempt is sent away instead of waiting."""

_LONGEST = max(policy.max_bytes for policy in PROFILES.values())
_M_MMAP_THRESHOLD = -3


def _give_back_freed_blocks() -> None:
    """Have glibc return each hash's memory to the system: once a large block has been freed it would take the next
    ones from the heap, and every process would keep some of them for good."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 1024 * 1024)


_give_back_freed_blocks()
_pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="argon2")
_waiting = 0


class Verified(NamedTuple):
    """Whether the password was right, and its new hash when the stored one has outdated parameters."""

    right: bool
    better_hash: str | None = None


async def _in_pool(call: Callable[[], T]) -> T:
    global _waiting  # noqa: PLW0603
    if _waiting >= WAITING_AT_MOST:
        raise TooManyAttempts(seconds=2)
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_pool, call)
    finally:
        _waiting -= 1


async def hash_password(password: str) -> str:
    """The Argon2id hash of a password that has passed the policy."""
    text = normalised(password)
    return await _in_pool(lambda: HASHER.hash(text))


_nobody: str | None = None


def _nobodys_hash() -> str:
    global _nobody  # noqa: PLW0603
    if _nobody is None:
        _nobody = HASHER.hash(os.urandom(16).hex())
    return _nobody


async def verify_password(stored: str | None, password: str) -> Verified:
    """Whether `password` is the one behind `stored`. Without a stored hash the same work is done for nothing, so
    that the time taken does not tell whether a login exists."""
    return await _in_pool(lambda: _verify(stored, password))


def _verify(stored: str | None, password: str) -> Verified:
    # Lone surrogates have no UTF-8; passed through they make bytes that no stored password has.
    text = normalised(password).encode("utf-8", "surrogatepass")
    if len(text) > _LONGEST:
        stored, text = None, b"too long to be anybody's"
    try:
        HASHER.verify(stored or _nobodys_hash(), text)
    except (VerificationError, InvalidHashError):
        return Verified(False)
    if stored is None:
        return Verified(False)
    return Verified(True, HASHER.hash(text) if HASHER.check_needs_rehash(stored) else None)


async def checked_hash(
    password: str,
    policy: SignInPolicy,
    own_words: Collection[str],
    earlier: Collection[str] = (),
    *,
    field: str = "password",
) -> str:
    """The hash of a new password. `earlier` are hashes of passwords that may not come again.

    Raises InvalidInput naming everything that is wrong with it.
    """
    return await _in_pool(lambda: _checked_hash(password, policy, own_words, earlier, field))


def _checked_hash(
    password: str, policy: SignInPolicy, own_words: Collection[str], earlier: Collection[str], field: str
) -> str:
    try:
        password.encode()
    except UnicodeEncodeError:
        raise invalid(field, "encoding", "密码含无效字符。", "The password has invalid characters.") from None
    text = normalised(password)
    problems = password_problems(text, policy, own_words, field=field)
    if not problems and any(_verify(stored, password).right for stored in earlier):
        again = Bilingual("不能使用最近 {n} 次用过的密码。", "Do not use one of the last {n} passwords.")
        problems = [FieldProblem((field,), "used_before", again.fill(n=policy.remembered))]
    if problems:
        raise InvalidInput(problems=problems)
    return HASHER.hash(text)
