"""What a process remembers of a tenant for a moment: its time zone and the plugins that are on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Uuid, bindparam, select

from steward_tenants.database.actor import system
from steward_tenants.database.database import Database
from steward_tenants.database.pipeline import Pipelines, numbered
from steward_tenants.directory.models import Tenant
from steward_tenants.errors import TenantNotFound
from steward_tenants.plugins.models import PluginSwitch
from steward_tenants.plugins.queries import enabled_plugins

READER = system("graphql")
REMEMBERED_SECONDS = 2.0
ZONE_SECONDS = 10.0
"""For how long a tenant's time zone is believed, as signing in does."""
MOST_TENANTS = 10_000


@dataclass(frozen=True)
class TenantState:
    """What requests of a tenant depend on."""

    zone: ZoneInfo
    plugins: frozenset[str]


@cache
def _plugins_statement() -> tuple[bytes, tuple[str, ...]]:
    """The SQL, and the names of its parameters in order."""
    switch: Any = PluginSwitch
    tenant = bindparam("tenant", type_=Uuid())
    sql, names, _ = numbered(select(switch.plugin).where(switch.tenant_id == tenant, switch.enabled))
    return sql, names


class Tenants:
    """Tenants' states, their plugins at most `seconds` old. Requests that miss at the same time ask once. With
    `pipelines` the plugins are asked for over them: of each tenant that is busy, all the time."""

    def __init__(
        self, database: Database, pipelines: Pipelines | None = None, *, seconds: float = REMEMBERED_SECONDS
    ) -> None:
        self._database = database
        self._pipelines = pipelines
        self._seconds = seconds
        self._zones: dict[UUID, tuple[float, ZoneInfo]] = {}
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
        self._zones.pop(tenant_id, None)
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
        plugins = await self._plugins(tenant_id)
        return TenantState(await self._zone(tenant_id), plugins)

    async def _plugins(self, tenant_id: UUID) -> frozenset[str]:
        if self._pipelines is None:
            async with self._database.read(tenant_id, READER) as session:
                return await enabled_plugins(session)
        sql, names = _plugins_statement()
        rows = await self._pipelines.fetch(sql, [str(tenant_id).encode() for _ in names], tenant_id)
        return frozenset(row[0].decode() for row in rows if row[0] is not None)

    async def _zone(self, tenant_id: UUID) -> ZoneInfo:
        known = self._zones.get(tenant_id)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        async with self._database.directory() as directory:
            key = await directory.scalar(select(Tenant.time_zone).where(Tenant.id == tenant_id))
        if key is None:
            raise TenantNotFound
        if len(self._zones) >= MOST_TENANTS:
            self._zones.clear()
        zone = ZoneInfo(key)
        self._zones[tenant_id] = (time.monotonic() + ZONE_SECONDS, zone)
        return zone

    def forgetting(self, tenant_id: UUID) -> Callable[[], Awaitable[None]]:
        """`forget` as a call after a commit."""

        async def call() -> None:
            self.forget(tenant_id)

        return call
