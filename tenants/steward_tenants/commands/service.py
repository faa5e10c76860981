"""`@command`: authorised before it runs, audited when it has run, listed so that tests and APIs find it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from steward_tenants.access.permissions import Permission
from steward_tenants.access.rules import require
from steward_tenants.commands.errors import IdempotencyKeyReused
from steward_tenants.commands.models import IdempotencyRecord
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import invalid
from steward_tenants.texts import Bilingual

KEPT_FOR = timedelta(days=2)
"""How long an idempotency key stands for its request."""
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class CommandInfo:
    """What is declared of a command. `permission` None: the actor's own affair, checked inside.

    `alone` False: one step of an edge-level function, which is what people call instead.
    """

    key: str
    title: Bilingual
    permission: Permission | None
    function: Callable[..., Awaitable[Any]]
    alone: bool = True


COMMANDS: dict[str, CommandInfo] = {}


class NotAudited(AssertionError):
    """A command ended without an audit event: a programming error, and its transaction is undone."""


def command(
    key: str, zh: str, en: str, *, permission: Permission | None, alone: bool = True
) -> Callable[
    [Callable[Concatenate[WriteSession, P], Awaitable[R]]],
    Callable[Concatenate[WriteSession, P], Awaitable[R]],
]:
    """Declare a command. It takes a `WriteSession` first and records at least one audit event itself.

    `alone` False when calling it by itself would leave something undone: it is a step of an edge-level function.
    """

    def declare(
        function: Callable[Concatenate[WriteSession, P], Awaitable[R]],
    ) -> Callable[Concatenate[WriteSession, P], Awaitable[R]]:
        if key in COMMANDS:
            raise ValueError(f"command {key} is declared twice")

        @wraps(function)
        async def run(session: WriteSession, /, *args: P.args, **kwargs: P.kwargs) -> R:
            if permission is not None:
                require(session.actor, permission)
            audited = len(session.audited)
            answer = await function(session, *args, **kwargs)
            if len(session.audited) == audited:
                raise NotAudited(key)
            return answer

        COMMANDS[key] = CommandInfo(key, Bilingual(zh, en), permission, run, alone)
        return run

    return declare


async def once(
    session: WriteSession,
    key: str | None,
    name: str,
    payload: Any,
    run: Callable[[], Awaitable[Any]],
) -> Any:
    """Run a command at most once per (actor, idempotency key); a repeat gets the first answer.

    `payload` and the answer are JSON values. Two calls at once wait for each other on a transaction lock. Raises
    IdempotencyKeyReused when the key stood for another command or input.
    """
    if key is None:
        return await run()
    if not 1 <= len(key) <= 200:
        raise invalid("idempotencyKey", "length", "幂等键应为 1 到 200 个字符。", "Use 1 to 200 characters.")
    digest = hashlib.sha256(json.dumps(payload, sort_keys=True, default=str).encode()).digest()
    lock = hashlib.sha256(f"{session.tenant_id}/{session.actor.id}/{key}".encode()).digest()
    await session.execute(select(func.pg_advisory_xact_lock(int.from_bytes(lock[:8], signed=True))))
    known = await session.find(
        IdempotencyRecord,
        IdempotencyRecord.actor_id == session.actor.id,
        IdempotencyRecord.key == key,
    )
    if known is not None:
        if (known.command, known.input_digest) != (name, digest):
            raise IdempotencyKeyReused
        return known.answer
    answer = await run()
    await session.execute(
        insert(IdempotencyRecord).values(
            tenant_id=session.tenant_id,
            actor_id=session.actor.id,
            key=key,
            command=name,
            input_digest=digest,
            answer=answer,
        )
    )
    return answer


async def forget_answers(session: WriteSession) -> None:
    """Forget the answers kept for idempotency keys after `KEPT_FOR`: nobody repeats a request for longer, and they may
    hold what a person later wants erased."""
    await session.execute(
        delete(IdempotencyRecord).where(
            session.within(IdempotencyRecord), IdempotencyRecord.created_at < func.now() - KEPT_FOR
        )
    )
