"""What event streams and sockets share: who is still allowed to listen, and how many streams one caller may hold."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from steward_graphql.http.errors import AccessChanged, TooManyStreams
from steward_tenants.errors import Unauthenticated
from steward_tenants.signin.caller import Caller

FRESH_SECONDS = 1.0
"""An event is only sent to a caller who was found to be allowed within this time."""
QUIET_SECONDS = 10.0
"""How often a quiet stream shows that it lives, and its caller is looked at."""
MOST_STREAMS = 40


class Watched:
    """The caller of a stream, looked at again and again."""

    def __init__(self, again: Callable[[], Awaitable[Caller]], caller: Caller) -> None:
        self._again = again
        self.caller = caller
        self._checked = time.monotonic()

    async def current(self) -> Caller:
        """The caller, found to be allowed within `FRESH_SECONDS`.

        Raises what authentication raises (suspended, revoked, signed out), Unauthenticated when the token is over,
        AccessChanged.
        """
        if self.caller.expires_at <= datetime.now(UTC):
            raise Unauthenticated
        now = time.monotonic()
        if now - self._checked < FRESH_SECONDS:
            return self.caller
        found = await self._again()
        if _standing(found) != _standing(self.caller):
            raise AccessChanged
        self.caller, self._checked = found, now
        return found

    @property
    def seconds_left(self) -> float:
        """Until the token is over."""
        return max(0.0, (self.caller.expires_at - datetime.now(UTC)).total_seconds())


def _standing(caller: Caller) -> Any:
    actor = caller.actor
    return caller.tenant_id, actor.kind, actor.id, actor.unit_id, frozenset(actor.grants)


class Streams:
    """How many streams each caller holds in this process."""

    def __init__(self, most: int = MOST_STREAMS) -> None:
        self._most = most
        self._open: Counter[tuple[UUID, UUID]] = Counter()

    @contextmanager
    def one(self, caller: Caller) -> Iterator[None]:
        """Hold a place. Raises TooManyStreams."""
        key = (caller.tenant_id, caller.actor.id)
        if self._open[key] >= self._most:
            raise TooManyStreams(limit=self._most)
        self._open[key] += 1
        try:
            yield
        finally:
            self._open[key] -= 1
            if self._open[key] <= 0:
                del self._open[key]


async def closed(answers: AsyncIterator[bytes]) -> None:
    """Have an iterator end, where it can."""
    close = getattr(answers, "aclose", None)
    if close is not None:
        await close()
