"""Hourly work in one tenant: what has ended is forgotten, what a day was set for takes effect, runs that lost their job
get one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from steward_core.clients.contracts import end_past_contracts
from steward_core.clients.hand_over import apply_due_hand_overs
from steward_core.clients.models import Contract, ContractStatus, HandOver, HandOverStatus
from steward_core.notifications.service import forget_old_notices
from steward_core.runs.jobs import sweep_runs
from steward_core.runs.service import CHUNK_MILLISECONDS
from steward_core.schedules.service import forget_firings
from steward_core.webhooks.jobs import keep_webhooks
from steward_tenants.access.queries import today
from steward_tenants.commands.service import forget_answers
from steward_tenants.configuration.queries import tenant_facts
from steward_tenants.database.actor import system
from steward_tenants.database.database import Database
from steward_tenants.files.service import sweep
from steward_tenants.files.store import FileStore
from steward_tenants.oauth.service import purge_expired
from steward_tenants.outbox.service import forget_done_jobs
from steward_tenants.signin.sessions import forget_ended_sessions

UPKEEP = system("upkeep")
DONE_JOBS_KEPT = timedelta(days=7)
"""How long a person can look at a job that is done."""
FIRINGS_KEPT = timedelta(days=400)
"""How long a person can look at what a schedule has started."""


async def keep_up_tenant(database: Database, store: FileStore, tenant_id: UUID) -> None:
    """Once: ended sessions, tokens, old answers, done jobs, notices, firings and deliveries, the bytes of deleted and
    expired files; runs without a job; hand-overs and ends of contracts whose day has come.

    Raises TenantNotFound, TenantSuspended.
    """
    async with database.write(tenant_id, UPKEEP) as session:
        await forget_ended_sessions(session)
        await purge_expired(session)
        await forget_answers(session)
    async with database.write(tenant_id, UPKEEP, timeout_ms=CHUNK_MILLISECONDS) as session:
        await forget_done_jobs(session, datetime.now(UTC) - DONE_JOBS_KEPT)
    async with database.write(tenant_id, UPKEEP, timeout_ms=CHUNK_MILLISECONDS) as session:
        await forget_old_notices(session)
        await forget_firings(session, datetime.now(UTC) - FIRINGS_KEPT)
        await keep_webhooks(session)
    async with database.write(tenant_id, UPKEEP) as session:
        await sweep_runs(session)
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
