"""Points that a client may spend in a minute, shared by all processes.

The count stands in Valkey. A process leases a slice of it at a time and spends that by itself, so that most requests
need no round trip; what other processes have leased and not spent makes the remainder that is told uncertain by as
many slices. When Valkey does not answer, the process counts alone: there is always a limit.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from steward_graphql.limits.errors import BudgetSpent
from steward_tenants.signin.caller import Caller
from steward_tenants.valkey import Valkey, ValkeyError

log = logging.getLogger(__name__)

PER_MINUTE = 60_000
SLICES = 10
MINUTE = 60
PATIENCE_SECONDS = 0.25
REFUSED_AT_ONCE = 20
REFUSAL_SECONDS = 0.2
"""Who keeps asking with a spent budget waits so long for each further refusal of the minute: refusing at once whatever
comes would cost the others of the process more than answering within the budget."""
BLIND_SECONDS = 5.0
"""How long a process counts alone before it asks Valkey again."""


class Remaining(NamedTuple):
    """What is left of a minute: points, and seconds until the next begins."""

    limit: int
    remaining: int
    reset_seconds: int

    def headers(self) -> dict[str, str]:
        """For the answer."""
        return {
            "X-Budget-Limit": str(self.limit),
            "X-Budget-Remaining": str(self.remaining),
            "X-Budget-Reset": str(self.reset_seconds),
        }

    def extension(self) -> dict[str, int]:
        """For the answer's `extensions.budget`."""
        return {"limit": self.limit, "remaining": self.remaining, "resetSeconds": self.reset_seconds}


@dataclass
class _Account:
    """One client's minute in this process: points leased and not spent, all that this process spent, the count of all
    processes when it was last seen, and how often it was refused here."""

    left: int = 0
    spent: int = 0
    leased_by_all: int = 0
    refused: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Budget:
    """The budget of every client. `per_minute` in points; `clock` gives seconds since the epoch."""

    def __init__(
        self, valkey: Valkey | None, per_minute: int = PER_MINUTE, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._valkey = valkey
        self.per_minute = per_minute
        self._slice = max(1, per_minute // SLICES)
        self._clock = clock
        self._minute = -1
        self._accounts: dict[tuple[UUID, UUID], _Account] = {}
        self._blind_until = 0.0

    async def spend(self, caller: Caller, points: int) -> Remaining:
        """Take points from the caller's minute. Raises BudgetSpent, and takes none then; after many such at a pace."""
        now = self._clock()
        minute = int(now // MINUTE)
        if minute != self._minute:
            self._minute, self._accounts = minute, {}
        key = (caller.tenant_id, caller.actor.id)
        account = self._accounts.get(key)
        if account is None:
            account = self._accounts[key] = _Account()
        if account.left < points and account.leased_by_all < self.per_minute:
            async with account.lock:
                if account.left < points and account.leased_by_all < self.per_minute:
                    await self._lease(account, f"graphql:budget:{key[0]}:{key[1]}:{minute}", points)
        reset = MINUTE - int(now) % MINUTE
        if account.left < points:
            account.refused += 1
            if account.refused > REFUSED_AT_ONCE:
                await asyncio.sleep(REFUSAL_SECONDS)
            raise BudgetSpent(limit=self.per_minute, seconds=reset)
        account.left -= points
        account.spent += points
        remaining = self.per_minute - account.leased_by_all + account.left
        return Remaining(self.per_minute, max(0, remaining), reset)

    async def _lease(self, account: _Account, key: str, points: int) -> None:
        """Have at least `points` left, where the minute has as many."""
        wanted = max(self._slice, points - account.left)
        total = await self._count(key, wanted)
        if total is None:
            # Alone: whatever this process has not spent of the whole minute.
            account.left = self.per_minute - account.spent
            account.leased_by_all = self.per_minute
            return
        granted = max(0, wanted - max(0, total - self.per_minute))
        account.left += granted
        account.leased_by_all = min(total, self.per_minute)

    async def _count(self, key: str, points: int) -> int | None:
        """Add points to the count of all processes; the new count, None when Valkey does not answer."""
        if self._valkey is None or time.monotonic() < self._blind_until:
            return None
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._valkey.add(key, points, 2 * MINUTE)
        except (ValkeyError, TimeoutError) as error:
            log.warning("budgets are counted by this process alone: %s", type(error).__name__)
            self._blind_until = time.monotonic() + BLIND_SECONDS
            return None
