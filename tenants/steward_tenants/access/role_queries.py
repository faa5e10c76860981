"""Reading roles and grants: for the security administrator who grants and the auditor who checks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import and_, func, or_, select

from steward_tenants.access.models import Duty, Role, RoleAssignment, RolePermission
from steward_tenants.access.permissions import ROLES_VIEW, Permission
from steward_tenants.access.queries import grants_of
from steward_tenants.access.row_kinds import PERSON
from steward_tenants.access.rules import require
from steward_tenants.database.actor import Grant, Scope
from steward_tenants.database.session import TenantSession
from steward_tenants.people.errors import PersonNotFound
from steward_tenants.people.models import User, UserStatus


class RoleLine(NamedTuple):
    """A role with its permissions and the number of people who hold it on the day asked about."""

    id: UUID
    key: str
    title_zh: str
    title_en: str
    duty: Duty
    builtin: bool
    version: int
    permissions: tuple[str, ...]
    holders: int


class GrantLine(NamedTuple):
    """One grant, with its holder and role. `unit_id` None: the holder's own unit, for `team` and `subtree`."""

    id: UUID
    user_id: UUID
    name: str
    login: str
    status: UserStatus
    role_id: UUID
    role_key: str
    scope: Scope
    unit_id: UUID | None
    valid_from: date
    valid_until: date | None
    granted_by: UUID | None


def _in_force(on: date) -> Any:
    return and_(
        RoleAssignment.valid_from <= on,
        or_(RoleAssignment.valid_until.is_(None), RoleAssignment.valid_until > on),
    )


async def list_roles(session: TenantSession, on: date) -> list[RoleLine]:
    """All roles of the tenant, built-in ones first. Raises Forbidden."""
    require(session.actor, ROLES_VIEW)
    granted = (
        select(RolePermission.role_id, func.array_agg(RolePermission.permission).label("keys"))
        .where(session.within(RolePermission))
        .group_by(RolePermission.role_id)
        .subquery("granted")
    )
    held = (
        select(RoleAssignment.role_id, func.count(RoleAssignment.user_id.distinct()).label("holders"))
        .where(session.within(RoleAssignment), _in_force(on))
        .group_by(RoleAssignment.role_id)
        .subquery("held")
    )
    rows = await session.rows(
        select(Role, granted.c["keys"], func.coalesce(held.c.holders, 0))
        .outerjoin(granted, granted.c.role_id == Role.id)
        .outerjoin(held, held.c.role_id == Role.id)
        .where(session.within(Role))
        .order_by(Role.builtin.desc(), Role.key)
    )
    return [
        RoleLine(
            role.id,
            role.key,
            role.title_zh,
            role.title_en,
            Duty(role.duty),
            role.builtin,
            role.version,
            tuple(sorted(keys or ())),
            holders,
        )
        for role, keys, holders in map(tuple, rows)
    ]


def _grant_lines(session: TenantSession, on: date) -> Any:
    return (
        select(
            RoleAssignment.id,
            User.id,
            User.name,
            User.login,
            User.status,
            Role.id,
            Role.key,
            RoleAssignment.scope,
            RoleAssignment.unit_id,
            RoleAssignment.valid_from,
            RoleAssignment.valid_until,
            RoleAssignment.granted_by,
        )
        .join(User, and_(session.within(User), User.id == RoleAssignment.user_id))
        .join(Role, and_(session.within(Role), Role.id == RoleAssignment.role_id))
        .where(session.within(RoleAssignment), PERSON.within_reach(session, ROLES_VIEW, on))
    )


async def _lines(session: TenantSession, statement: Any) -> Sequence[GrantLine]:
    lines = [GrantLine._make(row) for row in await session.rows(statement)]
    return [line._replace(status=UserStatus(line.status), scope=Scope(line.scope)) for line in lines]


async def holders_of(session: TenantSession, permission: Permission, on: date) -> Sequence[GrantLine]:
    """Who holds a permission on a day, through which grant; by name. Raises Forbidden."""
    require(session.actor, ROLES_VIEW)
    roles = select(RolePermission.role_id).where(
        session.within(RolePermission), RolePermission.permission == permission.key
    )
    statement = _grant_lines(session, on).where(_in_force(on), RoleAssignment.role_id.in_(roles))
    return await _lines(session, statement.order_by(User.name, User.id, RoleAssignment.id))


async def grants_history(session: TenantSession, user_id: UUID, today: date) -> Sequence[GrantLine]:
    """All grants of a user: past, present and planned, the latest first. Raises Forbidden."""
    require(session.actor, ROLES_VIEW)
    statement = _grant_lines(session, today).where(RoleAssignment.user_id == user_id)
    return await _lines(session, statement.order_by(RoleAssignment.valid_from.desc(), RoleAssignment.id))


async def effective_grants(session: TenantSession, user_id: UUID, on: date) -> tuple[Grant, ...]:
    """The roles that a user holds on a day, with permissions and scope; one's own without any permission.

    Raises Forbidden, PersonNotFound.
    """
    if session.actor.id != user_id:
        require(session.actor, ROLES_VIEW)
        reach = PERSON.within_reach(session, ROLES_VIEW, on)
        if await session.find(User, User.id == user_id, reach) is None:
            raise PersonNotFound
    return await grants_of(session, user_id, on)
