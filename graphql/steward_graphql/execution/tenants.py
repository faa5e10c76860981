"""What a process remembers of a tenant for a moment: its time zone and the plugins that are on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from steward_tenants.database.actor import system
from steward_tenants.database.database import Database
from steward_tenants.directory.models import Tenant
from steward_tenants.errors import TenantNotFound
from steward_tenants.plugins.queries import enabled_plugins

READER = system("graphql")
REMEMBERED_SECONDS = 2.0
MOST_TENANTS = 10_000


@dataclass(frozen=True)
class TenantState:
    """What requests of a tenant depend on."""

    zone: ZoneInfo
    plugins: frozenset[str]


class Tenants:
    """Tenants' states, at most `seconds` old. Requests that miss at the same time ask once."""

    def __init__(self, database: Database, seconds: float = REMEMBERED_SECONDS) -> None:
        self._database = database
        self._seconds = seconds
        self._known: dict[UUID, tuple[float, TenantState]] = {}
        self._asking: dict[UUID, asyncio.Task[TenantState]] = {}

    async def of(self, tenant_id: UUID) -> TenantState:
        """The state of a tenant. Raises TenantNotFound, TenantSuspended."""
        known = self._known.get(tenant_id)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        asking = self._asking.get(tenant_id)
        if asking is None:
            asking = self._asking[tenant_id] = asyncio.create_task(self._look_up(tenant_id))
            asking.add_done_callback(lambda task: self._asked(tenant_id, task))
        return await asyncio.shield(asking)

    def forget(self, tenant_id: UUID) -> None:
        """Have the next request look again."""
        self._known.pop(tenant_id, None)
        self._asking.pop(tenant_id, None)

    def _asked(self, tenant_id: UUID, task: asyncio.Task[TenantState]) -> None:
        mine = self._asking.get(tenant_id) is task
        if mine:
            del self._asking[tenant_id]
        if task.cancelled() or task.exception() is not None or not mine:
            return
        if len(self._known) >= MOST_TENANTS:
            self._known.clear()
        self._known[tenant_id] = (time.monotonic() + self._seconds, task.result())

    async def _look_up(self, tenant_id: UUID) -> TenantState:
        async with self._database.read(tenant_id, READER) as session:
            plugins = await enabled_plugins(session)
        async with self._database.directory() as directory:
            zone = await directory.scalar(select(Tenant.time_zone).where(Tenant.id == tenant_id))
        if zone is None:
            raise TenantNotFound
        return TenantState(ZoneInfo(zone), plugins)

    def forgetting(self, tenant_id: UUID) -> Callable[[], Awaitable[None]]:
        """`forget` as a call after a commit."""

        async def call() -> None:
            self.forget(tenant_id)

        return call
