"""A visit to be changed: found in reach, locked after its client, and refused when somebody changed it since."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select

from steward_core.clients.errors import ClientIsMerged, ClientNotFound
from steward_core.clients.models import Client, ClientStatus
from steward_core.permissions import VISITS_EDIT
from steward_core.visits.fields import CUSTOM, PERSONAL, PLANNED, REPORT
from steward_core.visits.models import Visit, VisitStatus, status_of
from steward_core.visits.row_kinds import VISIT
from steward_core.visits.visit_errors import ChangedSince, VisitChanged, VisitNotFound, VisitStateForbids
from steward_tenants.access.rules import require
from steward_tenants.audit.models import AuditEvent
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual

MOST_CHANGES = 50
_KEPT = (
    *PLANNED,
    *REPORT,
    "owner_id",
    "unit_id",
    "action_id",
    "status",
    "began_at",
    "ended_at",
    "verdict",
    "metres",
    "photo_ids",
    "before",
    "during",
    "after",
    "reason",
    "version",
)


async def visit_to_change(
    session: WriteSession, visit_id: UUID, *, today: date, expected_version: int | None = None
) -> tuple[Visit, Client]:
    """The visit, locked, and its client, held first: changes of one client's visits wait for each other. The client
    need not be in reach any more: a visitor ends what they began. Raises Forbidden, VisitNotFound, ClientIsMerged,
    VisitChanged."""
    require(session.actor, VISITS_EDIT)
    reach = VISIT.within_reach(session, VISITS_EDIT, today)
    client_id = await session.scalar(select(Visit.client_id).where(session.within(Visit), Visit.id == visit_id, reach))
    if client_id is None:
        raise VisitNotFound
    client = await held(session, client_id)
    visit = await session.find(Visit, Visit.id == visit_id, lock=True)
    if visit is None:
        raise VisitNotFound
    if expected_version is not None and visit.version != expected_version:
        raise VisitChanged(visit.version, await changes_since(session, visit.id, expected_version))
    return visit, client


async def held(session: WriteSession, client_id: UUID, *conditions: Any) -> Client:
    """A client that cannot be merged until this transaction ends. Raises ClientNotFound, ClientIsMerged."""
    statement = (
        select(Client)
        .where(session.within(Client), Client.id == client_id, *conditions)
        .with_for_update(read=True, key_share=True)
        .execution_options(populate_existing=True)
    )
    client: Client | None = await session.scalar(statement)
    if client is None:
        raise ClientNotFound
    if client.status == ClientStatus.MERGED:
        raise ClientIsMerged(name=client.name)
    return client


async def changes_since(session: TenantSession, visit_id: UUID, version: int) -> Sequence[ChangedSince]:
    """Who changed which fields of a visit after a version, as the audit log has it, the first change first."""
    events = await session.rows(
        select(AuditEvent.changes, AuditEvent.at, User.name, AuditEvent.actor_label)
        .outerjoin(User, and_(session.within(User), User.id == AuditEvent.actor_id))
        .where(
            session.within(AuditEvent),
            AuditEvent.subject_kind == "visit",
            AuditEvent.subject_id == visit_id,
        )
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(MOST_CHANGES)
    )
    found = []
    for changes, at, name, label in events:
        versions = changes.get("version")
        if not versions or versions[1] <= version:
            continue
        fields = tuple(sorted(one for one in changes if one != "version"))
        found.append(ChangedSince(name or label or None, at, fields))
    return list(reversed(found))


def must_be(visit: Visit, command: Bilingual, *states: VisitStatus) -> None:
    """Raises VisitStateForbids when the visit is in none of these states."""
    if visit.status not in states:
        raise VisitStateForbids(state=status_of(visit.status).title, command=command)


def kept(visit: Visit) -> dict[str, Any]:
    """A visit's values as the audit log compares them; the tenant's own fields each by itself."""
    own = {f"{CUSTOM}.{key}": value for key, value in (visit.custom or {}).items()}
    return {**{name: getattr(visit, name) for name in _KEPT}, **own}


async def changed(
    session: WriteSession, action: str, visit: Visit, before: dict[str, Any] | None, *, reason: str | None = None
) -> None:
    """Write a visit's changes and put them on record, with the version that they made."""
    if before is not None:
        visit.updated_at = clock_now()
    await session.flush()
    after = {name: value for name, value in kept(visit).items() if before is not None or value not in (None, [], {})}
    personal = {*PERSONAL, *(name for name in (*(before or {}), *after) if name.startswith(f"{CUSTOM}."))}
    await record(
        session, action, Subject("visit", visit.id), before=before, after=after, personal=personal, reason=reason
    )
