"""What a process knows of tenants' statuses and time zones: one question for all that are in use, asked before what is
known grows too old, so that requests seldom wait for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import UUID

from steward_tenants.directory.models import TenantStatus
from steward_tenants.errors import TenantNotFound

STATUS_SECONDS = 0.5
"""How long a process trusts what it knows of a tenant's status; a suspension is felt within this time."""
AGAIN_SECONDS = STATUS_SECONDS / 2
"""After how long it asks anew, while it still trusts what it knows."""
IN_USE_SECONDS = 2.0
"""A tenant that was used within this time (at most within twice that) is asked for again."""
MOST_ASKED = 5_000
MOST_KNOWN = 10_000


class Standing(NamedTuple):
    """A tenant's status and time zone, and when they were asked for (of the monotonic clock)."""

    status: TenantStatus
    time_zone: str
    asked_at: float


Ask = Callable[[Collection[UUID]], Awaitable[Mapping[UUID, tuple[TenantStatus, str]]]]
"""Status and time zone of those among some tenants that there are."""
Answers = Mapping[UUID, Standing | None]
"""Of the tenants of one question; None when there is no such tenant."""


class TenantStandings:
    """Tenants' standings, at most `STATUS_SECONDS` old."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._known: dict[UUID, Standing] = {}
        self._used: set[UUID] = set()
        self._used_before: set[UUID] = set()
        self._used_since = 0.0
        """Tenants used since then, and in the time before."""
        self._wanted: set[UUID] = set()
        """Tenants somebody waits for, of the next question."""
        self._answering: asyncio.Task[Answers] | None = None
        """The question that still takes tenants up."""
        self._ahead: asyncio.Task[None] | None = None
        self._ahead_at = 0.0
        self._asking: list[set[UUID]] = []
        """The tenants of the questions under way."""

    def known(self, tenant_id: UUID) -> Standing | None:
        """What is known and not too old."""
        found = self._known.get(tenant_id)
        if found is None:
            return None
        now = time.monotonic()
        age = now - found.asked_at
        if age >= STATUS_SECONDS:
            return None
        self._used.add(tenant_id)
        if age >= AGAIN_SECONDS and now - self._ahead_at >= AGAIN_SECONDS and not _under_way(self._ahead):
            self._ahead_at = now
            self._ahead = asyncio.get_running_loop().create_task(self._ask_ahead())
        return found

    async def of(self, tenant_id: UUID) -> Standing:
        """What is known and not too old, or else asked for. Raises TenantNotFound."""
        found = self.known(tenant_id)
        if found is not None:
            return found
        answers: Answers = {}
        while tenant_id not in answers:  # it may be forgotten while it is asked for
            self._wanted.add(tenant_id)
            answering = self._answering
            if answering is None or not _under_way(answering):
                answering = self._answering = asyncio.get_running_loop().create_task(self._ask_for_wanted())
                answering.add_done_callback(_note_error)
            answers = await asyncio.shield(answering)
        found = answers[tenant_id]
        if found is None:
            raise TenantNotFound
        return found

    def forget(self, tenant_id: UUID) -> None:
        """Have the next who wants to know ask; what is being asked just now does not count any more."""
        self._known.pop(tenant_id, None)
        for asked in self._asking:
            asked.discard(tenant_id)

    async def _ask_for_wanted(self) -> Answers:
        await asyncio.sleep(0)  # whoever else wants to know in this turn of the loop is taken along
        wanted, self._wanted, self._answering = self._wanted, set(), None
        self._used |= wanted
        return await self._look_up(wanted)

    async def _ask_ahead(self) -> None:
        # Whoever wants to know when it has grown too old asks again, and gets the error.
        with suppress(Exception):
            await self._look_up(self._in_use(time.monotonic()))

    def _in_use(self, now: float) -> set[UUID]:
        used = self._used | self._used_before
        if now - self._used_since >= IN_USE_SECONDS:
            self._used_before, self._used, self._used_since = self._used, set(), now
        while len(used) > MOST_ASKED:
            used.pop()
        return used

    async def _look_up(self, asked: set[UUID]) -> Answers:
        asked_at = time.monotonic()
        self._asking.append(asked)
        try:
            found = await self._ask(frozenset(asked))
        finally:
            self._asking = [one for one in self._asking if one is not asked]
        if len(self._known) > MOST_KNOWN:
            self._known.clear()
        answers = {one: Standing(*found[one], asked_at) if one in found else None for one in asked}
        for tenant_id, standing in answers.items():
            before = self._known.get(tenant_id)
            if before is not None and before.asked_at > asked_at:
                continue  # overtaken by a later question
            if standing is None:
                self._known.pop(tenant_id, None)
            else:
                self._known[tenant_id] = standing
        return answers


def _under_way(task: asyncio.Task[Any] | None) -> bool:
    return task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop()


def _note_error(task: asyncio.Task[Any]) -> None:
    """So that nobody having waited is no warning."""
    if not task.cancelled():
        task.exception()
