"""What operators do is put on record twice: for the platform, and where the tenant can see it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from steward_tenants.audit.service import Subject, record
from steward_tenants.configuration.queries import tenant_row
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.database.session import DirectorySession
from steward_tenants.directory.models import PlatformEvent, Tenant
from steward_tenants.errors import Forbidden
from steward_tenants.texts import Bilingual


def require_operator(actor: Actor) -> None:
    """Raise Forbidden for anybody but an operator or the platform itself."""
    if not actor.unrestricted:
        raise Forbidden(permission=Bilingual("平台运营", "Platform operator"))


def platform_event(
    directory: DirectorySession, actor: Actor, action: str, tenant_id: UUID, detail: Mapping[str, Any]
) -> None:
    """Put what an operator did on the platform's record."""
    directory.add(PlatformEvent(operator=actor.label, action=action, tenant_id=tenant_id, detail=dict(detail)))


async def tell_tenant(
    database: Database,
    tenant_id: UUID,
    actor: Actor,
    action: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """Put what an operator did in the tenant's own audit log, suspended or not."""
    async with database.write(tenant_id, actor, even_suspended=True) as session:
        await record(session, action, Subject("tenant", tenant_id), before=before, after=after, reason=reason)


@asynccontextmanager
async def changed_tenant(
    database: Database,
    tenant: UUID | str,
    actor: Actor,
    action: str,
    *,
    reason: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> AsyncIterator[Tenant]:
    """Change a tenant's directory row in the block; the change and both records follow.

    The tenant's event commits first, then the directory: a crash in between leaves an event for a change that did not
    happen, never a change without its event, and a repeat completes. Raising in the block changes nothing.
    """
    require_operator(actor)
    async with database.directory() as directory:
        tenant_id = (await tenant_row(directory, tenant)).id
    await database.status(tenant_id)  # so that telling the tenant needs no second directory connection
    async with database.directory() as directory:
        row = await tenant_row(directory, tenant_id, lock=True)
        before = _state(row)
        yield row
        after = _state(row)
        if before != after:
            platform_event(directory, actor, action, tenant_id, {"reason": reason, "after": after, **(detail or {})})
            await directory.flush()
            await tell_tenant(database, tenant_id, actor, action, before=before, after=after, reason=reason)
    database.forget_status(tenant_id)


def _state(row: Tenant) -> dict[str, Any]:
    return {
        "status": str(row.status),
        "status_reason": row.status_reason,
        "delete_after": None if row.delete_after is None else row.delete_after.isoformat(),
    }
