"""Looking for schedules that are due, over all tenants. Any number of schedulers may do so at once.

A tenant is looked at while its doorbells are held; they go when its transaction has committed. If the process dies in
between, they stay and the next look finds nothing due, for each firing stands in the tenant with its moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import delete, select, tuple_

from steward_core.schedules.planning import BELLS, fire_tenant
from steward_tenants.database.actor import system
from steward_tenants.database.database import Database
from steward_tenants.directory.models import Doorbell, Tenant, TenantStatus
from steward_tenants.errors import TenantNotFound, TenantSuspended
from steward_tenants.structured_logs import structlog

SCHEDULER = system("scheduler")
EVERY_SECONDS = 1.0
AT_ONCE = 200
"""Tenants that one question to the directory names."""
log = structlog.get_logger(__name__)


async def fire_due(database: Database, now: datetime) -> int:
    """Fire everything that is due at `now` in tenants that are open; how many firings there were. Suspended tenants
    wait, and what they missed is for each schedule's policy when they are resumed. What fails in one tenant is logged,
    tried again at the next look, and keeps no other waiting."""
    fired, after = 0, None
    while tenants := await _due_tenants(database, now, after):
        for tenant_id, zone in tenants:
            try:
                fired += await _fire_in(database, tenant_id, zone, now)
            except (TenantNotFound, TenantSuspended):
                continue
            except Exception as error:
                log.warning("schedules of a tenant failed", tenant=str(tenant_id), error=type(error).__name__)
        after = tenants[-1][0]
    return fired


async def _due_tenants(database: Database, now: datetime, after: UUID | None) -> list[tuple[UUID, str]]:
    """The next tenants, in order of id, with a doorbell that is due, and their zones."""
    rung = select(Doorbell.tenant_id).where(Doorbell.queue == BELLS, Doorbell.due <= now)
    statement = (
        select(Tenant.id, Tenant.time_zone)
        .where(Tenant.status == TenantStatus.ACTIVE, Tenant.id.in_(rung))
        .order_by(Tenant.id)
        .limit(AT_ONCE)
    )
    if after is not None:
        statement = statement.where(Tenant.id > after)
    async with database.directory() as directory:
        return [(row.id, row.time_zone) for row in await directory.rows(statement)]


async def _fire_in(database: Database, tenant_id: UUID, zone: str, now: datetime) -> int:
    """Fire what is due in one tenant, unless another scheduler is at it."""
    fired = 0
    async with database.directory() as directory:
        rows = await directory.rows(
            select(Doorbell.queue, Doorbell.tenant_id, Doorbell.job_id, Doorbell.due)
            .where(Doorbell.queue == BELLS, Doorbell.tenant_id == tenant_id)
            .with_for_update(skip_locked=True)
        )
        if not any(row.due <= now for row in rows):
            return 0
        async with database.write(tenant_id, SCHEDULER) as session:
            fired = await fire_tenant(session, zone, now)
        # Whoever changes a schedule meanwhile leaves a doorbell of their own, which is not among these.
        key = tuple_(Doorbell.queue, Doorbell.tenant_id, Doorbell.job_id)
        await directory.execute(delete(Doorbell).where(key.in_([tuple(row)[:3] for row in rows])))
    return fired


def _now() -> datetime:
    return datetime.now(UTC)


async def run(database: Database, stop: asyncio.Event, *, clock: Callable[[], datetime] = _now) -> None:
    """Look every second until `stop`; what fails is logged and done again."""
    while not stop.is_set():
        try:
            await fire_due(database, clock())
        except Exception as error:
            log.warning("a look at the schedules failed", error=type(error).__name__)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EVERY_SECONDS)
