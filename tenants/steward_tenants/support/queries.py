"""Watching support access: what was granted, and what operators did with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select

from steward_tenants.access.models import Role
from steward_tenants.access.permissions import AUDIT_READ, SUPPORT_GRANT
from steward_tenants.access.rules import require
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import ActorKind
from steward_tenants.database.session import TenantSession
from steward_tenants.signin.models import SignInSession
from steward_tenants.support.models import SupportAccess


@dataclass(frozen=True)
class SupportUse:
    """One support access with what became of it."""

    access: SupportAccess
    role_key: str
    live: bool
    sessions: int
    open_sessions: int
    last_seen_at: datetime | None
    events: int


async def support_accesses(session: TenantSession, *, live_only: bool = False, limit: int = 200) -> list[SupportUse]:
    """Every support access, newest first, with its sessions and the audit events that operators left under it.

    Needs `support.grant` or `audit.read`.
    """
    if AUDIT_READ.key not in session.actor.permissions:
        require(session.actor, SUPPORT_GRANT)
    live = and_(SupportAccess.ended_at.is_(None), SupportAccess.expires_at > func.now())
    opened = (
        select(
            SignInSession.support_access_id,
            func.count().label("sessions"),
            func.count()
            .filter(SignInSession.revoked_at.is_(None), SignInSession.expires_at > func.now())
            .label("open_sessions"),
            func.max(SignInSession.last_seen_at).label("last_seen_at"),
        )
        .where(session.within(SignInSession), SignInSession.support_access_id.is_not(None))
        .group_by(SignInSession.support_access_id)
        .subquery()
    )
    events = (
        select(SupportAccess.id, func.count().label("events"))
        .join(
            AuditEvent,
            and_(
                session.within(AuditEvent),
                AuditEvent.actor_kind == ActorKind.SUPPORT.value,
                AuditEvent.actor_id == SupportAccess.operator_account_id,
                AuditEvent.at >= SupportAccess.granted_at,
                AuditEvent.at <= func.coalesce(SupportAccess.ended_at, SupportAccess.expires_at),
            ),
        )
        .where(session.within(SupportAccess))
        .group_by(SupportAccess.id)
        .subquery()
    )
    statement = (
        select(
            SupportAccess,
            Role.key,
            live.label("live"),
            func.coalesce(opened.c.sessions, 0),
            func.coalesce(opened.c.open_sessions, 0),
            opened.c.last_seen_at,
            func.coalesce(events.c.events, 0),
        )
        .join(Role, and_(session.within(Role), Role.id == SupportAccess.role_id))
        .outerjoin(opened, opened.c.support_access_id == SupportAccess.id)
        .outerjoin(events, events.c.id == SupportAccess.id)
        .where(session.within(SupportAccess), *([live] if live_only else []))
        .order_by(SupportAccess.granted_at.desc(), SupportAccess.id)
        .limit(limit)
    )
    return [SupportUse(*row) for row in await session.rows(statement)]
