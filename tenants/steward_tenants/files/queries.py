"""Looking up stored files."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal, or_, select

from steward_tenants.access.permissions import FILES_USE, Permission
from steward_tenants.access.queries import in_scope
from steward_tenants.database.session import TenantSession
from steward_tenants.files.models import StoredFile


def available(session: TenantSession) -> ColumnElement[bool]:
    """The condition that a file is neither deleted nor expired."""
    return (
        session.within(StoredFile)
        & StoredFile.deleted_at.is_(None)
        & or_(StoredFile.expires_at.is_(None), StoredFile.expires_at > func.now())
    )


def in_reach(session: TenantSession, permission: Permission, owner: Any, on: date | None = None) -> ColumnElement[bool]:
    """The condition that the file of an owner is within the actor's scope. Files have no unit: scopes that go by units
    reach one's own."""
    scope = in_scope(session, permission, owner=owner, on=on)
    if session.actor.unrestricted or permission.key not in session.actor.permissions:
        return scope
    return or_(scope, owner == literal(session.actor.id))


async def uploads(session: TenantSession, *, limit: int = 100, before: datetime | None = None) -> list[StoredFile]:
    """Uploaded files within the actor's scope, newest first."""
    statement = select(StoredFile).where(
        available(session),
        StoredFile.purpose == "upload",
        in_reach(session, FILES_USE, StoredFile.owner_id),
    )
    if before is not None:
        statement = statement.where(StoredFile.created_at < before)
    statement = statement.order_by(StoredFile.created_at.desc(), StoredFile.id).limit(min(limit, 500))
    return list(await session.scalars(statement))


async def known_among(session: TenantSession, file_ids: Collection[UUID]) -> set[UUID]:
    """Those of the ids that have a row here whose bytes must stay."""
    if not file_ids:
        return set()
    return set(
        await session.scalars(
            select(StoredFile.id).where(
                session.within(StoredFile), StoredFile.id.in_(file_ids), StoredFile.deleted_at.is_(None)
            )
        )
    )
