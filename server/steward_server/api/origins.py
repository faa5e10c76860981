"""Which web origins may call, tenant by tenant (CORS). Cookies never cross origins: other sites use bearer tokens."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from steward_tenants.database.database import Database
from steward_tenants.directory.models import Tenant
from steward_tenants.structured_logs import structlog

TRUSTED_SECONDS = 5.0
log = structlog.get_logger(__name__)


class AllowedOrigins:
    """The origins that tenants allow, read from the directory at most every `TRUSTED_SECONDS`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_origin: dict[str, set[UUID]] = {}
        self._until = 0.0
        self._reading = asyncio.Lock()

    async def known(self, origin: str) -> bool:
        """Whether any tenant allows this origin: all that a preflight can be told."""
        await self._refresh()
        return origin in self._by_origin

    async def allowed(self, origin: str, tenant_id: UUID) -> bool:
        """Whether this tenant allows it."""
        await self._refresh()
        return tenant_id in self._by_origin.get(origin, ())

    async def _refresh(self) -> None:
        if time.monotonic() < self._until:
            return
        async with self._reading:
            if time.monotonic() < self._until:  # another request has read them meanwhile
                return
            until = time.monotonic() + TRUSTED_SECONDS
            try:
                self._by_origin = await self._read()
            except (SQLAlchemyError, OSError) as error:
                # Every answer asks, also those that say that the database is away: what was known stays.
                log.warning("allowed origins could not be read", error=type(error).__name__)
            self._until = until

    async def _read(self) -> dict[str, set[UUID]]:
        async with self._database.directory() as directory:
            rows = await directory.rows(
                select(Tenant.id, func.unnest(Tenant.allowed_origins)).where(
                    func.cardinality(Tenant.allowed_origins) > 0
                )
            )
        by_origin: dict[str, set[UUID]] = {}
        for tenant_id, origin in rows:
            by_origin.setdefault(origin, set()).add(tenant_id)
        return by_origin
