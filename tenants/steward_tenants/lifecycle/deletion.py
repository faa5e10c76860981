"""Deleting a tenant: a full export, a grace period, then nothing of it is left."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.exc import DBAPIError

from steward_tenants.configuration.queries import TenantFacts, tenant_facts, tenant_row
from steward_tenants.database.actor import Actor, system
from steward_tenants.database.database import Database
from steward_tenants.database.locks import take_turn, try_turn, while_held
from steward_tenants.database.session import DirectorySession, WriteSession
from steward_tenants.database.signing import TENANT_SETTING
from steward_tenants.directory.models import (
    Account,
    AuditAnchor,
    Bell,
    Doorbell,
    Membership,
    OneTimeToken,
    PlatformEvent,
    Tenant,
    TenantStatus,
)
from steward_tenants.errors import TenantNotFound, invalid
from steward_tenants.files.store import FileStore
from steward_tenants.lifecycle.errors import (
    DeletionTooSoon,
    ErasedElsewhere,
    ErasureIncomplete,
    TenantNotReady,
)
from steward_tenants.lifecycle.export import Exported, Progress, export_tenant, silent
from steward_tenants.lifecycle.operators import changed_tenant, platform_event, require_operator
from steward_tenants.lifecycle.rules import (
    LONGEST_GRACE_DAYS,
    MINIMUM_GRACE_DAYS,
    every_table,
)
from steward_tenants.structured_logs import structlog

log = structlog.get_logger(__name__)
ROWS_AT_ONCE = 20_000
MOST_PASSES = 3
"""A job that was under way may still have written a row behind the first pass."""
PURGE_BEGUN = "tenant.purge_begun"
LIFECYCLE = system("lifecycle")


@dataclass(frozen=True)
class Purged:
    """How many rows went, by table."""

    tenant_id: UUID
    rows: dict[str, int]


async def request_deletion(
    database: Database,
    store: FileStore,
    tenant: UUID | str,
    actor: Actor,
    folder: Path,
    *,
    grace_days: int = MINIMUM_GRACE_DAYS,
    reason: str | None = None,
    progress: Progress = silent,
) -> tuple[TenantFacts, Exported]:
    """Shut the tenant, export it whole into `folder`, and set the day after which it may be erased.

    Shutting comes first, so that the export misses nothing; without the day nothing can be erased, so a crash in
    between leaves a shut tenant, and a repeat exports and completes. The archive's path and digest stand on the
    platform's record. Raises TenantNotFound, TenantNotReady (already waiting, or being made), InvalidInput.
    """
    require_operator(actor)
    if not MINIMUM_GRACE_DAYS <= grace_days <= LONGEST_GRACE_DAYS:
        raise invalid(
            "grace_days",
            "range",
            f"宽限期应为 {MINIMUM_GRACE_DAYS} 到 {LONGEST_GRACE_DAYS} 天。",
            f"The grace period is {MINIMUM_GRACE_DAYS} to {LONGEST_GRACE_DAYS} days.",
        )
    async with changed_tenant(database, tenant, actor, "tenant.deletion.begin", reason=reason) as row:
        if row.status == TenantStatus.RESTORING or row.delete_after is not None:
            raise TenantNotReady(status=row.status)
        if row.status != TenantStatus.DELETING:
            row.status, row.status_reason, row.status_at = TenantStatus.DELETING, reason, datetime.now(UTC)
    found = await tenant_facts(database, tenant)
    moment = datetime.now(UTC)
    target = folder / f"{found.key}-{moment:%Y%m%dT%H%M%SZ}.steward.zip"
    exported = await export_tenant(database, store, found.id, actor, target, progress=progress, reason=reason)
    detail = {"archive": str(target), "sha256": exported.sha256, "grace_days": grace_days}
    async with changed_tenant(
        database, found.id, actor, "tenant.deletion.request", reason=reason, detail=detail
    ) as row:
        if row.status != TenantStatus.DELETING:
            raise TenantNotReady(status=row.status)
        row.delete_after = moment + timedelta(days=grace_days)
    return await tenant_facts(database, found.id), exported


async def purge_begun(directory: DirectorySession, tenant_id: UUID) -> bool:
    """Whether erasing this tenant has begun."""
    return bool(
        await directory.scalar(
            select(exists().where(PlatformEvent.tenant_id == tenant_id, PlatformEvent.action == PURGE_BEGUN))
        )
    )


async def purge_tenant(
    database: Database, store: FileStore, tenant: UUID | str, actor: Actor, *, progress: Progress = silent
) -> Purged:
    """Erase a tenant whose grace period is over; what stays is the platform's record of it.

    The beginning is put on record first and from then on only forward is possible. Rows go in bounded transactions,
    children before parents; the directory's row goes last, together with the record that all is gone, so that a repeat
    after a crash finds it and completes. Raises TenantNotFound, TenantNotReady, DeletionTooSoon, ErasedElsewhere,
    ErasureIncomplete.
    """
    require_operator(actor)
    async with database.directory() as directory:
        row = await tenant_row(directory, tenant, lock=True)
        if row.status != TenantStatus.DELETING:
            raise TenantNotReady(status=row.status)
        now = await directory.scalar(select(func.now()))
        if row.delete_after is None or row.delete_after >= now:
            raise DeletionTooSoon(delete_after=row.delete_after.isoformat() if row.delete_after else "—")
        if not await purge_begun(directory, row.id):
            platform_event(directory, actor, PURGE_BEGUN, row.id, {"key": row.key})
        tenant_id, key = row.id, row.key
    database.forget_status(tenant_id)

    async def erase() -> dict[str, int]:
        rows = await _erase(database, store, tenant_id, progress)
        async with database.directory() as directory:
            if await _forget(directory, tenant_id):
                platform_event(directory, actor, "tenant.purged", tenant_id, {"key": key, "rows": sum(rows.values())})
        return rows

    async with database.write(tenant_id, LIFECYCLE, even_suspended=True) as keeper:
        if not await try_turn(keeper, _PURGE_TURN):
            raise ErasedElsewhere
        rows = await while_held(keeper, erase())
    database.forget_status(tenant_id)
    return Purged(tenant_id, rows)


async def due_for_purge(database: Database) -> list[UUID]:
    """Tenants whose grace period is over, the longest first."""
    async with database.directory() as directory:
        return list(
            await directory.scalars(
                select(Tenant.id)
                .where(Tenant.status == TenantStatus.DELETING, Tenant.delete_after < func.now())
                .order_by(Tenant.delete_after)
            )
        )


async def purge_due(database: Database, store: FileStore) -> int:
    """Erase tenants whose grace period is over, one after another, as the platform; how many were erased here.

    Any number of processes may do so at once: one that another is erasing is passed over, and one that a process left
    half erased is completed. What fails in one is logged, done again in the next round, and keeps no other waiting.
    """
    done = 0
    for tenant_id in await due_for_purge(database):
        try:
            await purge_tenant(database, store, tenant_id, LIFECYCLE)
        except (ErasedElsewhere, TenantNotFound, TenantNotReady, DeletionTooSoon):
            continue  # another process erases it or has done so, or it was taken back
        except Exception as error:
            log.warning("a tenant was not erased", tenant=str(tenant_id), error=type(error).__name__)
        else:
            done += 1
    return done


_TURN = "lifecycle"
_PURGE_TURN = "lifecycle.purge"


async def hold_unfinished(database: Database, session: WriteSession, reason: str) -> None:
    """Keep others from removing or completing the unfinished tenant of this session until its transaction ends.

    Raises TenantNotReady when that has happened already.
    """
    await take_turn(session, _TURN)
    await require_unfinished(database, session.tenant_id, reason)


async def require_unfinished(database: Database, tenant_id: UUID, reason: str) -> None:
    """Raise TenantNotReady when an unfinished tenant was completed or removed meanwhile."""
    async with database.directory() as directory:
        row = await directory.find(Tenant, Tenant.id == tenant_id)
    if row is None or row.status != TenantStatus.RESTORING or row.status_reason != reason:
        raise TenantNotReady(status="—" if row is None else row.status)


async def discard_unfinished(database: Database, store: FileStore, key: str, reason: str) -> None:
    """Remove a tenant whose making (`reason`) never ended; nothing happens when there is none under this key.

    Waits for a making that is under way in another process, and then leaves what that one completed.
    """
    async with database.directory() as directory:
        row = await directory.find(Tenant, Tenant.key == key, Tenant.status_reason == reason)
    if row is None:
        return
    async with database.write(row.id, LIFECYCLE, even_suspended=True, timeout_ms=0) as session:
        await take_turn(session, _TURN)
        await _mark_discarded(database, key, reason)
    database.forget_status(row.id)
    async with database.directory() as directory:
        if not await purge_begun(directory, row.id):
            return
    with contextlib.suppress(TenantNotFound):
        await _erase(database, store, row.id, silent)
    async with database.directory() as directory:
        await _forget(directory, row.id)
    database.forget_status(row.id)


async def _mark_discarded(database: Database, key: str, reason: str) -> None:
    async with database.directory() as directory:
        row = await directory.find(Tenant, Tenant.key == key, lock=True)
        if row is None or row.status != TenantStatus.RESTORING or row.status_reason != reason:
            return
        row.status = TenantStatus.DELETING
        row.delete_after = await directory.scalar(select(func.now() - timedelta(seconds=1)))
        platform_event(directory, LIFECYCLE, PURGE_BEGUN, row.id, {"key": key, "unfinished": reason})


async def _erase(database: Database, store: FileStore, tenant_id: UUID, progress: Progress) -> dict[str, int]:
    """Erase rows and files. Raises TenantNotFound when another process completed it meanwhile, ErasureIncomplete."""
    try:
        return await _erase_rows(database, store, tenant_id, progress)
    except DBAPIError:
        database.forget_status(tenant_id)
        await database.status(tenant_id)
        raise


async def _erase_rows(database: Database, store: FileStore, tenant_id: UUID, progress: Progress) -> dict[str, int]:
    async with database.directory() as directory:
        await directory.execute(delete(Doorbell).where(Doorbell.tenant_id == tenant_id))
        await directory.execute(delete(Bell).where(Bell.tenant_id == tenant_id))
    rows = {plan.name: 0 for plan in every_table()}
    for _ in range(MOST_PASSES):
        await _loosen(database, tenant_id)
        for plan in reversed(every_table()):
            while gone := await _erase_some(database, tenant_id, plan.name):
                rows[plan.name] += gone
                progress(plan.name, rows[plan.name], rows[plan.name])
        left = await _tables_with_rows(database, tenant_id)
        if not left:
            break
    else:
        raise ErasureIncomplete(tables=", ".join(left))
    await _erase_some(database, tenant_id, AuditAnchor.__tablename__)
    await store.remove_tenant(tenant_id)
    return rows


async def _loosen(database: Database, tenant_id: UUID) -> None:
    """Empty the references that run in circles, so that rows can go table by table."""
    plans = [plan for plan in every_table() if plan.late]
    if plans:
        async with database.write(tenant_id, LIFECYCLE, even_suspended=True, timeout_ms=0) as session:
            for plan in plans:
                empty: dict[str, Any] = {column.name: None for column in plan.late}
                await session.execute(update(plan.table).where(session.within(plan.table)).values(empty))


async def _erase_some(database: Database, tenant_id: UUID, table: str) -> int:
    async with database.directory() as directory:
        await directory.execute(select(func.set_config(TENANT_SETTING, database.signer.token(tenant_id), True)))
        gone = await directory.scalar(select(func.steward.purge_tenant(tenant_id, table, ROWS_AT_ONCE)))
    # Anchors go all at once.
    return 0 if table == AuditAnchor.__tablename__ else int(gone)


async def _tables_with_rows(database: Database, tenant_id: UUID) -> list[str]:
    async with database.read(tenant_id, LIFECYCLE, even_suspended=True) as session:
        left = []
        for plan in every_table():
            here = select(plan.table.c.tenant_id).where(session.within(plan.table)).exists()
            if await session.scalar(select(here)):
                left.append(plan.name)
    return left


async def _forget(directory: DirectorySession, tenant_id: UUID) -> bool:
    """Take the tenant out of the directory, with the logins of people who are in no other tenant. False: it was out."""
    await directory.execute(delete(Doorbell).where(Doorbell.tenant_id == tenant_id))
    await directory.execute(delete(Bell).where(Bell.tenant_id == tenant_id))
    await directory.execute(delete(OneTimeToken).where(OneTimeToken.tenant_id == tenant_id))
    members = await directory.scalars(
        delete(Membership).where(Membership.tenant_id == tenant_id).returning(Membership.account_id)
    )
    await forget_accounts(directory, members)
    return bool(await directory.scalars(delete(Tenant).where(Tenant.id == tenant_id).returning(Tenant.id)))


async def forget_accounts(directory: DirectorySession, accounts: Any) -> None:
    """Remove those of the accounts that are in no tenant and are no operator's, with their credentials."""
    for start in range(0, len(accounts), 1000):
        await directory.execute(
            delete(Account).where(
                Account.id.in_(accounts[start : start + 1000]),
                Account.is_operator.is_(False),
                ~exists().where(Membership.account_id == Account.id),
            )
        )
