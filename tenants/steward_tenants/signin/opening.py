"""Opening sessions in a tenant: a person's, and an operator's under support access."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, update

from steward_tenants.access.models import Role, RolePermission
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.actor import Actor, ActorKind, Grant, Scope, system
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.people.models import User, UserStatus
from steward_tenants.signin.accounts import Seat
from steward_tenants.signin.errors import (
    InvitationPending,
    SignInFailed,
    SupportAccessEnded,
    UserDisabled,
)
from steward_tenants.signin.models import SessionKind, SignInSession
from steward_tenants.signin.origin import NOWHERE, Origin
from steward_tenants.signin.rules import HOUR, SignInPolicy
from steward_tenants.signin.tokens import digest, new_session_token
from steward_tenants.support.models import SupportAccess

SIGN_IN = system("sign-in")
SUPPORT_SECONDS = 8 * HOUR


@dataclass(frozen=True)
class SignedIn:
    """An open session; `token` is shown this once. `user_id` is the operator's account for support sessions."""

    token: str
    expires_at: datetime
    tenant_id: UUID
    user_id: UUID
    session_id: UUID


def _open(
    session: WriteSession,
    kind: SessionKind,
    subject_id: UUID,
    *,
    account_id: UUID,
    expires_at: datetime,
    origin: Origin,
    second_factor: bool,
    support_access_id: UUID | None = None,
) -> SignedIn:
    token, session_id = new_session_token(session.tenant_id), new_id()
    session.add(
        SignInSession(
            id=session_id,
            kind=kind,
            subject_id=subject_id,
            account_id=account_id,
            token_digest=digest(token),
            second_factor=second_factor,
            address=origin.place,
            user_agent=origin.agent,
            expires_at=expires_at,
            support_access_id=support_access_id,
        )
    )
    return SignedIn(token, expires_at, session.tenant_id, subject_id, session_id)


def user_actor(user: User, session_id: UUID | None = None) -> Actor:
    """The actor that a user is for its own affairs, without the grants that those do not need."""
    return Actor(ActorKind.USER, user.id, user.name, user.unit_id, (), session_id)


async def open_user_session(
    database: Database, seat: Seat, account_id: UUID, origin: Origin, *, second_factor: bool
) -> SignedIn:
    """Open a session for a member whose account has been proved, and record `signin.succeeded`.

    Raises TenantSuspended, UserDisabled, InvitationPending, SignInFailed.
    """
    async with database.write(seat.tenant_id, SIGN_IN, request_id=origin.request_id) as session:
        user = await session.get(User, seat.user_id)
        _may_work(user, account_id)
        assert user is not None
        session.actor = user_actor(user)
        opened = _open(
            session,
            SessionKind.USER,
            user.id,
            account_id=account_id,
            expires_at=_end(seat.policy),
            origin=origin,
            second_factor=second_factor,
        )
        await record(
            session,
            "signin.succeeded",
            Subject("user", user.id),
            after={"session": opened.session_id, "second_factor": second_factor},
        )
    return opened


def _may_work(user: User | None, account_id: UUID) -> None:
    if user is None or user.account_id != account_id:
        raise SignInFailed
    if user.status == UserStatus.INVITED:
        raise InvitationPending
    if user.status != UserStatus.ACTIVE:
        raise UserDisabled


def _end(policy: SignInPolicy) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=policy.absolute_seconds)


async def support_actor(session: TenantSession, access: SupportAccess, session_id: UUID | None = None) -> Actor:
    """The actor that an operator is under a support access: the one role that the tenant chose, for all rows."""
    rows = await session.rows(
        select(Role.key, RolePermission.permission)
        .outerjoin(RolePermission, (session.within(RolePermission)) & (RolePermission.role_id == Role.id))
        .where(session.within(Role), Role.id == access.role_id)
    )
    permissions = frozenset(permission for _, permission in rows if permission is not None)
    key = rows[0][0] if rows else ""
    grant = Grant(access.role_id, key, permissions, Scope.ALL)
    return Actor(ActorKind.SUPPORT, access.operator_account_id, access.operator_login, None, (grant,), session_id)


async def live_support_access(
    session: TenantSession, operator_account_id: UUID, support_access_id: UUID | None = None
) -> SupportAccess | None:
    """The operator's support access in force: the named one, or the one that lasts longest."""
    conditions = [
        SupportAccess.operator_account_id == operator_account_id,
        SupportAccess.ended_at.is_(None),
        SupportAccess.expires_at > func.now(),
    ]
    if support_access_id is not None:
        conditions.append(SupportAccess.id == support_access_id)
    statement = (
        select(SupportAccess)
        .where(session.within(SupportAccess), *conditions)
        .order_by(SupportAccess.expires_at.desc(), SupportAccess.id)
        .limit(1)
    )
    found: SupportAccess | None = await session.scalar(statement)
    return found


async def open_support_session(
    database: Database,
    operator_account_id: UUID,
    tenant_id: UUID,
    support_access_id: UUID | None = None,
    origin: Origin = NOWHERE,
    *,
    second_factor: bool = True,
) -> SignedIn:
    """Open a session for an operator under a support access that the tenant granted, and record
    `support.session.opened` where the tenant sees it. The caller has proved the operator's account.

    Raises SupportAccessEnded, TenantSuspended, TenantNotFound.
    """
    async with database.write(tenant_id, SIGN_IN, request_id=origin.request_id) as session:
        access = await live_support_access(session, operator_account_id, support_access_id)
        if access is None:
            raise SupportAccessEnded
        session.actor = await support_actor(session, access)
        expires_at = min(access.expires_at, datetime.now(UTC) + timedelta(seconds=SUPPORT_SECONDS))
        opened = _open(
            session,
            SessionKind.SUPPORT,
            operator_account_id,
            account_id=operator_account_id,
            expires_at=expires_at,
            origin=origin,
            second_factor=second_factor,
            support_access_id=access.id,
        )
        await record(
            session,
            "support.session.opened",
            Subject("support_access", access.id),
            after={"session": opened.session_id, "expires_at": expires_at},
        )
    return opened


async def take_back(database: Database, opened: SignedIn, reason: str) -> None:
    """End a session that was opened on proof which no longer holds."""
    async with database.write(opened.tenant_id, SIGN_IN) as session:
        await session.execute(
            update(SignInSession)
            .where(session.within(SignInSession), SignInSession.id == opened.session_id)
            .values(revoked_at=func.now(), revoked_reason=reason)
        )
        await record(
            session, "signin.taken_back", Subject("user", opened.user_id), after={"session": opened.session_id}
        )
