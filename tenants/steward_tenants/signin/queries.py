"""Reading sessions: one's own, those of others for the security administrator, and who belongs to an account."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select

from steward_tenants.access.permissions import SESSIONS_MANAGE
from steward_tenants.access.queries import in_scope
from steward_tenants.access.rules import require
from steward_tenants.database.actor import ActorKind
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import NotFound
from steward_tenants.people.models import User
from steward_tenants.signin.models import SignInSession

LISTED_AT_MOST = 100


class SessionLine(NamedTuple):
    """An open session as lists show it. `current` is the one that asks."""

    id: UUID
    kind: str
    address: str | None
    user_agent: str | None
    second_factor: bool
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    current: bool


async def sessions_of_subject(session: TenantSession, subject_id: UUID) -> list[SessionLine]:
    """Open sessions of one subject, the latest first. Those idle for too long may still be among them."""
    rows = await session.rows(
        select(
            SignInSession.id,
            SignInSession.kind,
            SignInSession.address,
            SignInSession.user_agent,
            SignInSession.second_factor,
            SignInSession.created_at,
            SignInSession.last_seen_at,
            SignInSession.expires_at,
            SignInSession.id.is_not_distinct_from(session.actor.sign_in_session_id),
        )
        .where(
            session.within(SignInSession),
            SignInSession.subject_id == subject_id,
            SignInSession.revoked_at.is_(None),
            SignInSession.expires_at > func.now(),
        )
        .order_by(SignInSession.created_at.desc(), SignInSession.id)
        .limit(LISTED_AT_MOST)
    )
    return [SessionLine._make(row) for row in rows]


async def own_sessions(session: TenantSession) -> list[SessionLine]:
    """The actor's open sessions in this tenant."""
    return await sessions_of_subject(session, session.actor.id)


async def own_user(session: TenantSession) -> User | None:
    """The actor's own user; None for API clients and operators."""
    return await session.get(User, session.actor.id) if session.actor.kind is ActorKind.USER else None


async def sessions_of_user(session: TenantSession, user_id: UUID) -> list[SessionLine]:
    """Another person's open sessions, for those who may revoke them. Raises Forbidden, NotFound."""
    await user_in_scope(session, user_id)
    return await sessions_of_subject(session, user_id)


async def user_in_scope(session: TenantSession, user_id: UUID) -> User:
    """A user whose sessions the actor may manage. Raises Forbidden, NotFound."""
    require(session.actor, SESSIONS_MANAGE)
    user = await session.find(
        User,
        User.id == user_id,
        in_scope(session, SESSIONS_MANAGE, owner=User.id, unit=User.unit_id),
    )
    if user is None:
        raise NotFound(kind="用户 / user")
    return user
