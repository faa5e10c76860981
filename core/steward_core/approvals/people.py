"""Who decides, found in the organisation: supervisors, holders of roles, leads of units, administrators, and who stands
in for whom. Always for many at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Subquery, Uuid, and_, case, exists, func, literal, or_, select

from steward_core.approvals.models import ApprovalAbsence
from steward_core.permissions import APPROVALS_MANAGE, PLANS_APPROVE
from steward_tenants.access.models import Role, RoleAssignment, RolePermission
from steward_tenants.access.permissions import Permission
from steward_tenants.database.actor import Scope
from steward_tenants.database.references import Reference
from steward_tenants.database.session import TenantSession
from steward_tenants.organisation.models import UnitPath
from steward_tenants.people.models import User, UserStatus

SUPERVISOR = "supervisor"
"""The built-in role of supervisors."""
_FAR = 1_000
"""How far above everybody somebody is who reaches the whole tenant from elsewhere in the tree."""
Groups = dict[UUID, tuple[UUID, ...]]


class Presence(NamedTuple):
    """Whether a person can decide at present: not if they are disabled; `substitute`: who does while they are away."""

    active: bool
    substitute: UUID | None


async def supervisors_of(
    session: TenantSession, owner_ids: Collection[UUID], on: date, *, besides: Collection[UUID] = ()
) -> Groups:
    """The supervisors of each of these people on a day; nobody of a person who has none.

    Supervisors are active holders of the role `supervisor`, or of one that may approve plans, for more than their own
    rows: those of the person's own unit, else of the nearest one above it, else those who reach the whole tenant.
    Never the person, nor who is named in `besides`.
    """
    found = await _above(session, _people(session, owner_ids), _supervises(session), on, besides)
    return _nearest(found)


async def line_above(session: TenantSession, person_ids: Collection[UUID], on: date) -> Groups:
    """All supervisors of each of these people on a day, the nearest first."""
    found = await _above(session, _people(session, person_ids), _supervises(session), on, ())
    return _grouped([(key, person) for key, person, _ in found])


def _people(session: TenantSession, person_ids: Collection[UUID]) -> Subquery:
    return (
        select(User.id.label("key"), User.unit_id.label("unit_id"), User.id.label("besides"))
        .where(session.within(User), User.id == func.any(_listed(person_ids)))
        .subquery("wanted")
    )


async def supervises(session: TenantSession, user_id: UUID, owner_id: UUID, on: date) -> bool:
    """Whether one is a supervisor of the other."""
    return user_id in (await supervisors_of(session, [owner_id], on)).get(owner_id, ())


async def role_holders(
    session: TenantSession, role: str, unit_ids: Collection[UUID], on: date, *, besides: Collection[UUID] = ()
) -> Groups:
    """Who holds a role, by its key, for each of these units: the nearest ones, as with supervisors. For what is no unit
    those who hold it for the whole tenant."""
    unit = func.unnest(_listed(unit_ids)).column_valued("unit_id")
    wanted = select(unit.label("key"), unit.label("unit_id"), literal(None, Uuid()).label("besides")).subquery("wanted")
    return _nearest(await _above(session, wanted, Role.key == role, on, besides))


async def unit_leads(
    session: TenantSession, unit_id: UUID, levels: Collection[int], on: date
) -> dict[int, tuple[UUID, ...]]:
    """The leads of the units that lie so many levels above a unit (fewer where the tree ends): the supervisors whose
    role is for that very unit."""
    if not levels:
        return {}
    path: Any = Reference(UnitPath)
    above = await session.rows(
        select(path.depth, path.ancestor_id)
        .where(session.within(path), path.descendant_id == unit_id, path.valid_from <= on, path.valid_until > on)
        .order_by(path.depth)
    )
    if not above:
        return {}
    units = {level: above[min(level, len(above) - 1)][1] for level in levels}
    held = _holders(session, _supervises(session), on).subquery("held")
    rows = await session.rows(
        select(held.c.unit_id, held.c.user_id)
        .where(held.c.unit_id == func.any(_listed(units.values())))
        .distinct()
        .order_by(held.c.user_id)
    )
    leads = _grouped(rows)
    return {level: leads.get(unit, ()) for level, unit in units.items()}


async def holders_of(session: TenantSession, permission: Permission, on: date) -> tuple[UUID, ...]:
    """The active people who hold a permission on a day, by whatever role and for whatever rows."""
    held = _holders(session, _carries(session, permission), on, own=True).subquery("held")
    return tuple(await session.scalars(select(held.c.user_id).distinct().order_by(held.c.user_id)))


async def administrators(session: TenantSession, on: date) -> tuple[UUID, ...]:
    """The administrators of approvals."""
    return await holders_of(session, APPROVALS_MANAGE, on)


async def active(session: TenantSession, user_ids: Collection[UUID]) -> frozenset[UUID]:
    """Those of these people who can sign in."""
    if not user_ids:
        return frozenset()
    return frozenset(
        await session.scalars(
            select(User.id).where(
                session.within(User), User.id == func.any(_listed(user_ids)), User.status == UserStatus.ACTIVE.value
            )
        )
    )


async def presence(session: TenantSession, user_ids: Collection[UUID]) -> dict[UUID, Presence]:
    """Whether each of these people can decide at present, and who does while they are away. Of several absences at
    once the one that began last counts; a substitute who was disabled is none."""
    if not user_ids:
        return {}
    absence: Any = Reference(ApprovalAbsence)
    other: Any = Reference(User)
    # The clock's own time: a transaction that waited for a lock began before what it sees now.
    now = func.clock_timestamp()
    substitute = (
        select(absence.substitute_id)
        .join_from(absence, other, and_(session.within(other), other.id == absence.substitute_id))
        .where(
            session.within(absence),
            absence.user_id == User.id,
            absence.cancelled_at.is_(None),
            absence.starts_at <= now,
            absence.ends_at > now,
            other.status == UserStatus.ACTIVE.value,
        )
        .order_by(absence.starts_at.desc(), absence.id.desc())
        .limit(1)
        .correlate(User)
        .scalar_subquery()
    )
    rows = await session.rows(
        select(User.id, User.status == UserStatus.ACTIVE.value, substitute).where(
            session.within(User), User.id == func.any(_listed(user_ids))
        )
    )
    return {row[0]: Presence(row[1], row[2]) for row in rows}


def _listed(ids: Collection[UUID]) -> Any:
    return literal(sorted(set(ids)), ARRAY(Uuid()))


def _carries(session: TenantSession, permission: Permission) -> ColumnElement[bool]:
    held: Any = Reference(RolePermission)
    return exists(
        select(literal(1))
        .select_from(held)
        .where(session.within(held), held.role_id == Role.id, held.permission == permission.key)
        .correlate(Role)
    )


def _supervises(session: TenantSession) -> ColumnElement[bool]:
    return or_(Role.key == SUPERVISOR, _carries(session, PLANS_APPROVE))


def _holders(session: TenantSession, condition: ColumnElement[bool], on: date, *, own: bool = False) -> Any:
    """Active people with a role that meets the condition, the unit it is for, and its scope; those who hold it for
    their own rows only where `own`."""
    held = select(
        RoleAssignment.user_id,
        func.coalesce(RoleAssignment.unit_id, User.unit_id).label("unit_id"),
        RoleAssignment.scope,
    ).join(Role, and_(session.within(Role), Role.id == RoleAssignment.role_id))
    held = held.join(User, and_(session.within(User), User.id == RoleAssignment.user_id)).where(
        session.within(RoleAssignment),
        RoleAssignment.valid_from <= on,
        or_(RoleAssignment.valid_until.is_(None), RoleAssignment.valid_until > on),
        User.status == UserStatus.ACTIVE.value,
        condition,
    )
    return held if own else held.where(RoleAssignment.scope != Scope.OWN.value)


async def _above(
    session: TenantSession, wanted: Subquery, condition: ColumnElement[bool], on: date, besides: Collection[UUID]
) -> Sequence[Any]:
    """For each key of `wanted` (`key`, `unit_id`, `besides`: who does not count) the holders for its unit and those
    above, each with the number of levels, the nearest first."""
    path: Any = Reference(UnitPath)
    held = _holders(session, condition, on).subquery("held")
    there = and_(
        held.c.unit_id == path.ancestor_id,
        # A grant for a unit's own rows reaches nobody below it.
        or_(held.c.scope != Scope.TEAM.value, path.depth == 0),
    )
    depth = func.min(case((there, path.depth), else_=_FAR)).label("depth")
    in_force = and_(
        session.within(path), path.descendant_id == wanted.c.unit_id, path.valid_from <= on, path.valid_until > on
    )
    counts = and_(
        or_(there, held.c.scope == Scope.ALL.value),
        held.c.user_id.is_distinct_from(wanted.c.besides),
        held.c.user_id != func.all(_listed(besides)),
    )
    return await session.rows(
        select(wanted.c.key, held.c.user_id, depth)
        .select_from(wanted)
        .outerjoin(path, in_force)
        .join(held, counts)
        .group_by(wanted.c.key, held.c.user_id)
        .order_by(wanted.c.key, depth, held.c.user_id)
    )


def _nearest(rows: Sequence[Any]) -> Groups:
    """The holders nearest to each key."""
    least: dict[UUID, int] = {}
    for key, _, depth in rows:
        least.setdefault(key, depth)
    return _grouped([(key, person) for key, person, depth in rows if depth == least[key]])


def _grouped(rows: Sequence[Any]) -> Groups:
    groups: defaultdict[UUID, list[UUID]] = defaultdict(list)
    for key, person in rows:
        groups[key].append(person)
    return {key: tuple(people) for key, people in groups.items()}
