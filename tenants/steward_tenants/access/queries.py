"""Access in SQL: the row-scope condition, masked columns, and the grants that a user holds today."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select, true

from steward_tenants.access.models import Role, RoleAssignment, RolePermission
from steward_tenants.access.permissions import Permission
from steward_tenants.access.rules import MASK
from steward_tenants.database.actor import Actor, ActorKind, Grant, Scope
from steward_tenants.database.references import Reference
from steward_tenants.database.session import TenantSession
from steward_tenants.organisation.models import UnitPath
from steward_tenants.people.models import User


def today(time_zone: str) -> date:
    """The tenant's day."""
    return datetime.now(ZoneInfo(time_zone)).date()


def in_scope(
    session: TenantSession,
    permission: Permission,
    *,
    owner: ColumnElement[UUID] | Any = None,
    unit: ColumnElement[UUID] | Any = None,
    stand_in: ColumnElement[UUID] | Any = None,
    on: date | None = None,
) -> ColumnElement[bool]:
    """The condition that a row is within the actor's scope for `permission`.

    `owner`, `unit` and `stand_in` are the row's columns, where it has them; to the stand-in the row counts as an own
    one. `on` is the day whose tree counts (default: today by UTC; pass the tenant's day). Always false without a
    grant that carries the permission.
    """
    actor = session.actor
    if actor.unrestricted:
        return true()
    parts: list[ColumnElement[bool]] = []
    for grant in actor.grants:
        if permission.key not in grant.permissions:
            continue
        if grant.scope is Scope.ALL:
            return true()
        root = grant.unit_id or actor.unit_id
        if grant.scope is Scope.OWN:
            parts += [person == literal(actor.id) for person in (owner, stand_in) if person is not None]
        elif grant.scope is Scope.TEAM and unit is not None and root is not None:
            parts.append(unit == literal(root))
        elif grant.scope is Scope.SUBTREE and unit is not None and root is not None:
            parts.append(unit.in_(units_below(session, root, on)))
    # A constant FALSE would swallow the tenant's condition next to it; a bound one leaves wall 2 standing.
    return or_(*parts) if parts else literal(False)


def units_below(session: TenantSession, root: UUID, on: date | None) -> Any:
    """The ids of a unit and all below it on a day (None: today by UTC), as a subquery."""
    path: Any = Reference(UnitPath)
    day = literal(on) if on is not None else func.current_date()
    return select(path.descendant_id).where(
        session.within(path),
        path.ancestor_id == literal(root),
        path.valid_from <= day,
        path.valid_until > day,
    )


def masked(
    session: TenantSession,
    permission: Permission,
    column: Any,
    *,
    keep: int = 0,
    domain: bool = False,
    owner: Any = None,
    unit: Any = None,
    stand_in: Any = None,
    on: date | None = None,
) -> ColumnElement[Any]:
    """`column`, or its mask where the actor's scope for a `reveal.*` permission does not cover the row.

    `keep` characters at the end stay (4 for phones), or with `domain` what follows an @. See `hidden`.
    """
    visible = in_scope(session, permission, owner=owner, unit=unit, stand_in=stand_in, on=on)
    return case((visible, column), else_=hidden(column, keep=keep, domain=domain))


def hidden(column: Any, *, keep: int = 0, domain: bool = False) -> ColumnElement[Any]:
    """The mask of a column in SQL: `rules.mask`, or `rules.mask_email` with `domain`."""
    if domain:
        named = literal(MASK * 4 + "@").concat(func.split_part(column, "@", -1))
        return case((column.is_(None), None), (column.contains("@"), named), else_=MASK * 4)
    tail = func.right(column, keep) if keep else literal("")
    return case(
        (column.is_(None), None),
        (func.length(column) <= keep, MASK * 4),
        else_=literal(MASK * 4).concat(tail),
    )


async def grants_of(session: TenantSession, user_id: UUID, on: date) -> tuple[Grant, ...]:
    """The roles that a user holds on a day."""
    rows = await session.rows(
        select(
            RoleAssignment.id,
            Role.id,
            Role.key,
            RoleAssignment.scope,
            RoleAssignment.unit_id,
            RolePermission.permission,
        )
        .join(Role, and_(session.within(Role), Role.id == RoleAssignment.role_id))
        .outerjoin(RolePermission, and_(session.within(RolePermission), RolePermission.role_id == Role.id))
        .where(
            session.within(RoleAssignment),
            RoleAssignment.user_id == user_id,
            RoleAssignment.valid_from <= on,
            or_(RoleAssignment.valid_until.is_(None), RoleAssignment.valid_until > on),
        )
        .order_by(RoleAssignment.id)
    )
    heads: dict[UUID, tuple[UUID, str, Scope, UUID | None]] = {}
    permissions: dict[UUID, set[str]] = defaultdict(set)
    for row in rows:
        assignment_id, role_id, role_key, scope, unit_id, permission = tuple(row)
        heads[assignment_id] = (role_id, role_key, Scope(scope), unit_id)
        if permission is not None:
            permissions[assignment_id].add(permission)
    return tuple(
        Grant(role_id, role_key, frozenset(permissions[assignment_id]), scope, unit_id)
        for assignment_id, (role_id, role_key, scope, unit_id) in heads.items()
    )


async def actor_of(session: TenantSession, user: User, on: date, sign_in_session_id: UUID | None = None) -> Actor:
    """The actor that a user is on a day."""
    grants = await grants_of(session, user.id, on)
    return Actor(ActorKind.USER, user.id, user.name, user.unit_id, grants, sign_in_session_id)
