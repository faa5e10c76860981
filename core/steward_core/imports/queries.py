"""Looking at imports and saved mappings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_

from steward_core.imports.batches import batch_in_reach, batches_reached
from steward_core.imports.effects import next_effects
from steward_core.imports.models import ImportBatch, ImportMapping, ImportStatus
from steward_core.imports.work import CREATED, KEPT, REFUSED, UNCHANGED, UNDONE, UPDATED, WARNED
from steward_core.permissions import RECORDS_IMPORT
from steward_tenants.access.rules import require
from steward_tenants.database.session import TenantSession

MOST = 200
OUTCOMES = (CREATED, UPDATED, UNCHANGED, REFUSED, WARNED, UNDONE, KEPT)


async def imports(
    session: TenantSession,
    *,
    target: str | None = None,
    status: ImportStatus | None = None,
    created_by: UUID | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> list[ImportBatch]:
    """Imports within the actor's scope, newest first; `after` is the last one of the page before.

    Raises Forbidden, ImportNotFound (`after`).
    """
    require(session.actor, RECORDS_IMPORT)
    statement = select(ImportBatch).where(session.within(ImportBatch), batches_reached(session))
    if target is not None:
        statement = statement.where(ImportBatch.target == target)
    if status is not None:
        statement = statement.where(ImportBatch.status == status.value)
    if created_by is not None:
        statement = statement.where(ImportBatch.created_by == created_by)
    if after is not None:
        last = await batch_in_reach(session, after)
        statement = statement.where(tuple_(ImportBatch.created_at, ImportBatch.id) < tuple_(last.created_at, last.id))
    statement = statement.order_by(ImportBatch.created_at.desc(), ImportBatch.id.desc()).limit(min(limit, MOST))
    return list(await session.scalars(statement))


async def import_of(session: TenantSession, batch_id: UUID) -> ImportBatch:
    """One import. Raises Forbidden, ImportNotFound."""
    return await batch_in_reach(session, batch_id)


@dataclass(frozen=True)
class EffectLine:
    """What became of one row. What it was before, and what it holds, is told by the row itself to who may see it."""

    row_number: int
    outcome: str
    row_id: UUID | None
    problems: Sequence[Mapping[str, Any]]


async def effects(
    session: TenantSession,
    batch_id: UUID,
    *,
    outcomes: Sequence[str] = OUTCOMES,
    after: int = 0,
    limit: int = 100,
) -> list[EffectLine]:
    """What became of an import's rows, in their order. Raises Forbidden, ImportNotFound."""
    await batch_in_reach(session, batch_id)
    rows = await next_effects(session, batch_id, after, min(limit, MOST), *outcomes)
    return [EffectLine(row.row_number, row.outcome, row.row_id, row.problems or ()) for row in rows]


async def mappings(session: TenantSession, target: str | None = None) -> list[ImportMapping]:
    """The saved mappings, by target and name. Raises Forbidden."""
    require(session.actor, RECORDS_IMPORT)
    statement = select(ImportMapping).where(session.within(ImportMapping))
    if target is not None:
        statement = statement.where(ImportMapping.target == target)
    return list(await session.scalars(statement.order_by(ImportMapping.target, ImportMapping.name)))
