"""Looking at runs."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select, tuple_

from steward_core.runs.errors import RunNotFound
from steward_core.runs.models import Run, RunStatus
from steward_core.runs.service import RUN_KINDS, common
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import invalid

MOST = 100


def _visible(session: TenantSession) -> ColumnElement[bool]:
    """The condition that a run is the actor's to see and steer; see `service.may_steer`."""
    actor = session.actor
    all_of = sorted(key for key, kind in RUN_KINDS.items() if common(actor, kind))
    own_of = sorted(key for key, kind in RUN_KINDS.items() if kind.permission.key in actor.permissions)
    return or_(Run.kind.in_(all_of), and_(Run.kind.in_(own_of), Run.requested_by == actor.id))


async def runs(
    session: TenantSession,
    *,
    kind: str | None = None,
    status: RunStatus | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> list[Run]:
    """Runs that the actor may steer, newest first; `after` is the last one of the page before. Raises InvalidInput,
    RunNotFound (`after`)."""
    if not 1 <= limit <= MOST:
        raise invalid("limit", "range", f"每次 1 到 {MOST} 条。", f"Ask for 1 to {MOST}.")
    statement = select(Run).where(session.within(Run), _visible(session))
    if kind is not None:
        statement = statement.where(Run.kind == kind)
    if status is not None:
        statement = statement.where(Run.status == status)
    if after is not None:
        last = await run_of(session, after)
        statement = statement.where(tuple_(Run.requested_at, Run.id) < tuple_(last.requested_at, last.id))
    statement = statement.order_by(Run.requested_at.desc(), Run.id.desc()).limit(limit)
    return list(await session.scalars(statement))


async def run_of(session: TenantSession, run_id: UUID) -> Run:
    """One run. Raises RunNotFound."""
    found = await session.find(Run, Run.id == run_id, _visible(session))
    if found is None:
        raise RunNotFound
    return found
