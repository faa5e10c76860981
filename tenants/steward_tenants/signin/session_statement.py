"""A session token's standing in one statement: the session, its user, and the grants in force today.

Asked for every few tenths of a second for each token in use, so it goes over a pipeline, past the session's machinery.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    LargeBinary,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    func,
    null,
    or_,
    select,
)

from steward_tenants.access.models import Role, RoleAssignment, RolePermission
from steward_tenants.database.actor import Actor, ActorKind, Grant, Scope
from steward_tenants.database.pipeline import Pipelines, numbered
from steward_tenants.people.models import User, UserStatus
from steward_tenants.signin.models import SessionKind, SignInSession


@dataclass(frozen=True)
class FoundSession:
    """A session as it stands; `actor` is None when no active user stands behind it (a support session has none)."""

    id: UUID
    kind: SessionKind
    subject_id: UUID
    account_id: UUID
    last_seen_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    support_access_id: UUID | None
    now: datetime
    user_account_id: UUID | None
    actor: Actor | None


def _within(table: Any) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = table.tenant_id == bindparam("tenant", type_=Uuid())
    return condition


@cache
def _statement() -> tuple[bytes, tuple[str, ...], dict[str, Any]]:
    """The SQL, the names of its parameters in order, and the values of those that never change."""
    today = bindparam("today", type_=Date())
    permissions = (
        select(func.coalesce(func.json_agg(RolePermission.permission), func.json_build_array()))
        .where(_within(RolePermission), RolePermission.role_id == Role.id)
        .correlate(Role)
        .scalar_subquery()
    )
    grants = (
        select(
            func.json_agg(
                func.json_build_array(Role.id, Role.key, RoleAssignment.scope, RoleAssignment.unit_id, permissions)
            )
        )
        .select_from(RoleAssignment)
        .join(Role, and_(_within(Role), Role.id == RoleAssignment.role_id))
        .where(
            _within(RoleAssignment),
            RoleAssignment.user_id == User.id,
            RoleAssignment.valid_from <= today,
            or_(RoleAssignment.valid_until.is_(None), RoleAssignment.valid_until > today),
        )
        .correlate(User)
        .scalar_subquery()
    )
    user = case((User.id.is_(None), null()), else_=func.json_build_array(User.account_id, User.name, User.unit_id))
    session = func.json_build_array(
        SignInSession.id,
        SignInSession.kind,
        SignInSession.subject_id,
        SignInSession.account_id,
        SignInSession.last_seen_at,
        SignInSession.expires_at,
        SignInSession.revoked_at,
        SignInSession.support_access_id,
        func.now(),
    )
    belongs = and_(
        _within(User),
        User.id == SignInSession.subject_id,
        SignInSession.kind == SessionKind.USER,
        User.status == UserStatus.ACTIVE,
        or_(User.disabled_at.is_(None), User.disabled_at < SignInSession.created_at),
    )
    statement = (
        select(cast(func.json_build_array(session, user, grants), Text))
        .select_from(SignInSession)
        .outerjoin(User, belongs)
        .where(_within(SignInSession), SignInSession.token_digest == bindparam("digest", type_=LargeBinary()))
    )
    return numbered(statement)


async def find_session(pipelines: Pipelines, tenant_id: UUID, digest: bytes, today: date) -> FoundSession | None:
    """The session with this token's digest, None when there is none. Raises what `Pipelines.fetch` does."""
    sql, names, constants = _statement()
    given = {"tenant": str(tenant_id), "digest": "\\x" + digest.hex(), "today": today.isoformat()}
    parameters: list[bytes | None] = [str(given.get(name, constants.get(name))).encode() for name in names]
    rows = await pipelines.fetch(sql, parameters, tenant_id)
    if not rows or rows[0][0] is None:
        return None
    return _found(*json.loads(rows[0][0]))


def _found(session: list[Any], user: list[Any] | None, grants: list[Any] | None) -> FoundSession:
    row_id, kind, subject, account, seen, expires, revoked, access, now = session
    actor = None
    if user is not None:
        held = tuple(
            Grant(UUID(role), key, frozenset(permissions), Scope(scope), None if unit is None else UUID(unit))
            for role, key, scope, unit, permissions in grants or ()
        )
        unit_id = None if user[2] is None else UUID(user[2])
        actor = Actor(ActorKind.USER, UUID(subject), user[1], unit_id, held, UUID(row_id))
    return FoundSession(
        UUID(row_id),
        SessionKind(kind),
        UUID(subject),
        UUID(account),
        datetime.fromisoformat(seen),
        datetime.fromisoformat(expires),
        None if revoked is None else datetime.fromisoformat(revoked),
        None if access is None else UUID(access),
        datetime.fromisoformat(now),
        None if user is None else UUID(user[0]),
        actor,
    )
