"""Hourly work that anybody can do at any time: what has ended is forgotten, what a day was set for takes effect."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from uuid import UUID

from sqlalchemy import select

from steward_core.clients.contracts import end_past_contracts
from steward_core.clients.hand_over import apply_due_hand_overs
from steward_core.clients.models import Contract, ContractStatus, HandOver, HandOverStatus
from steward_core.runs.service import CHUNK_MILLISECONDS
from steward_tenants.access.queries import today
from steward_tenants.commands.service import forget_answers
from steward_tenants.configuration.queries import tenant_facts
from steward_tenants.database.actor import system
from steward_tenants.database.database import Database
from steward_tenants.directory.models import Tenant, TenantStatus
from steward_tenants.errors import TenantNotFound, TenantSuspended
from steward_tenants.files.service import sweep
from steward_tenants.files.store import FileStore
from steward_tenants.oauth.service import purge_expired
from steward_tenants.signin.one_time import forget_expired
from steward_tenants.signin.sessions import forget_ended_sessions
from steward_tenants.signin.throttle import forget_past
from steward_tenants.structured_logs import structlog

EVERY_SECONDS = 3600.0
UPKEEP = system("upkeep")
log = structlog.get_logger(__name__)


async def keep_up(database: Database, store: FileStore) -> None:
    """Once: one-time tokens and throttles; then, tenant by tenant, ended sessions, tokens, old answers, the bytes of
    deleted and expired files, hand-overs and ends of contracts whose day has come. What fails in one tenant is logged
    and keeps no other waiting."""
    async with database.directory() as directory:
        await forget_expired(directory)
        await forget_past(directory)
        tenants: list[UUID] = list(
            await directory.scalars(select(Tenant.id).where(Tenant.status == TenantStatus.ACTIVE).order_by(Tenant.id))
        )
    for tenant_id in tenants:
        try:
            await _keep_up_tenant(database, store, tenant_id)
        except (TenantNotFound, TenantSuspended):
            continue
        except Exception as error:
            log.warning("upkeep of a tenant failed", tenant=str(tenant_id), error=type(error).__name__)


async def _keep_up_tenant(database: Database, store: FileStore, tenant_id: UUID) -> None:
    async with database.write(tenant_id, UPKEEP) as session:
        await forget_ended_sessions(session)
        await purge_expired(session)
        await forget_answers(session)
    await sweep(database, store, tenant_id, UPKEEP)
    await _let_days_come(database, tenant_id)


async def _let_days_come(database: Database, tenant_id: UUID) -> None:
    """What people have set for a day takes effect on it, in the tenant's zone: hand-overs, ends of contracts.

    Clients are not returned to the pool here: that waits for somebody's word until visits count as activity.
    """
    day = today((await tenant_facts(database, tenant_id)).time_zone)
    async with database.read(tenant_id, UPKEEP) as reading:
        hand_overs = await reading.scalar(
            select(HandOver.id)
            .where(
                reading.within(HandOver),
                HandOver.status == HandOverStatus.SCHEDULED.value,
                HandOver.effective_on <= day,
            )
            .limit(1)
        )
        contracts = await reading.scalar(
            select(Contract.id)
            .where(reading.within(Contract), Contract.status == ContractStatus.ACTIVE.value, Contract.end_on < day)
            .limit(1)
        )
    if hand_overs is not None:
        async with database.write(tenant_id, UPKEEP, timeout_ms=CHUNK_MILLISECONDS) as session:
            await apply_due_hand_overs(session, day)
    if contracts is not None:
        async with database.write(tenant_id, UPKEEP, timeout_ms=CHUNK_MILLISECONDS) as session:
            await end_past_contracts(session, day)


async def run(database: Database, store: FileStore, stop: asyncio.Event) -> None:
    """Every hour until `stop`; what fails is logged and done again an hour later."""
    while not stop.is_set():
        try:
            await keep_up(database, store)
        except Exception as error:
            log.warning("upkeep failed", error=type(error).__name__)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EVERY_SECONDS)
