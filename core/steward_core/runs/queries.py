"""Looking at runs."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select, tuple_

from steward_core.runs.errors import RunNotFound
from steward_core.runs.models import Run, RunStatus
from steward_core.runs.service import RUN_KINDS
from steward_tenants.database.session import TenantSession

MOST = 100


def _visible_kinds(session: TenantSession) -> list[str]:
    actor = session.actor
    return [key for key, kind in RUN_KINDS.items() if actor.unrestricted or kind.permission.key in actor.permissions]


async def runs(
    session: TenantSession,
    *,
    kind: str | None = None,
    status: RunStatus | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> list[Run]:
    """Runs of the kinds that the actor may start, newest first; `after` is the last one of the page before."""
    statement = select(Run).where(session.within(Run), Run.kind.in_(_visible_kinds(session)))
    if kind is not None:
        statement = statement.where(Run.kind == kind)
    if status is not None:
        statement = statement.where(Run.status == status)
    if after is not None:
        last = await session.get(Run, after)
        if last is not None:
            statement = statement.where(tuple_(Run.requested_at, Run.id) < tuple_(last.requested_at, last.id))
    statement = statement.order_by(Run.requested_at.desc(), Run.id.desc()).limit(min(limit, MOST))
    return list(await session.scalars(statement))


async def run_of(session: TenantSession, run_id: UUID) -> Run:
    """One run. Raises RunNotFound."""
    found = await session.find(Run, Run.id == run_id, Run.kind.in_(_visible_kinds(session)))
    if found is None:
        raise RunNotFound
    return found
