"""Commands on grants: who holds which role, for which rows, on which days."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import func, or_, select

from steward_tenants.access.errors import (
    AlreadyGranted,
    AssignmentNotFound,
    GrantBeyondReach,
    GrantDayPast,
    GrantEnded,
    GrantToOneself,
    HolderNotArrived,
    HolderNotWorking,
    RoleNotFound,
)
from steward_tenants.access.guards import is_security_admin, keep_a_security_admin
from steward_tenants.access.holdings import check_duties
from steward_tenants.access.models import Duty, Role, RoleAssignment
from steward_tenants.access.permissions import ROLES_GRANT
from steward_tenants.access.row_kinds import PERSON
from steward_tenants.access.rules import reaches_everything
from steward_tenants.access.service import by_a_person
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.actor import Scope
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import invalid
from steward_tenants.organisation.errors import UnitClosed, UnitNotFound
from steward_tenants.organisation.models import UnitStatus
from steward_tenants.organisation.service import closed_on, held_unit, stays_of
from steward_tenants.people.errors import PersonNotFound
from steward_tenants.people.models import User, UserStatus


@command("access.grants.assign", "授予角色", "Grant a role", permission=ROLES_GRANT)
async def assign_role(
    session: WriteSession,
    *,
    user_id: UUID,
    role_id: UUID,
    scope: Scope,
    today: date,
    unit_id: UUID | None = None,
    valid_from: date | None = None,
    valid_until: date | None = None,
) -> RoleAssignment:
    """Give a person a role for the rows of `scope`, from `valid_from` (default today) until `valid_until` (exclusive).

    `unit_id` is for `team` and `subtree`: None means the person's own unit, wherever they move. Raises PersonNotFound,
    RoleNotFound, GrantToOneself, GrantsAreForPeople, GrantDayPast, GrantBeyondReach, HolderNotWorking,
    HolderNotArrived, AlreadyGranted, DutiesOverlap, UnitNotFound, UnitClosed, InvalidInput.
    """
    by_a_person(session.actor)
    if session.actor.id == user_id:
        raise GrantToOneself
    first_day = valid_from or today
    if first_day < today:
        raise GrantDayPast(day=first_day, today=today)
    if valid_until is not None and valid_until <= first_day:
        raise invalid("validUntil", "order", "结束日期应晚于开始日期。", "The end comes after the beginning.")
    if unit_id is not None and scope not in (Scope.TEAM, Scope.SUBTREE):
        raise invalid("unitId", "scope", "此数据范围不能指定机构。", "This scope takes no unit.")
    role = await _held_role(session, role_id)
    user = await _holder(session, user_id, today)
    if role.duty != Duty.BUSINESS and user.status == UserStatus.INVITED and not session.actor.unrestricted:
        raise HolderNotArrived(name=user.name)
    await _check_reach(session, scope, unit_id, today)
    grant = RoleAssignment(
        id=new_id(),
        user_id=user_id,
        role_id=role_id,
        scope=scope,
        unit_id=unit_id,
        valid_from=first_day,
        valid_until=valid_until,
        granted_by=None if session.actor.unrestricted else session.actor.id,
    )
    await _check_new(session, grant)
    session.add(grant)
    await session.flush()
    await check_duties(session, [user_id], today)
    await record(
        session,
        "access.grants.assign",
        Subject("user", user_id),
        after={
            "grant_id": grant.id,
            "role": role.key,
            "scope": scope.value,
            "unit_id": unit_id or (user.unit_id if scope in (Scope.TEAM, Scope.SUBTREE) else None),
            "valid_from": first_day,
            "valid_until": valid_until,
        },
    )
    return grant


@command("access.grants.revoke", "收回角色", "Revoke a role", permission=ROLES_GRANT)
async def revoke_role(session: WriteSession, assignment_id: UUID, *, today: date, on: date | None = None) -> None:
    """End a grant on a day (default today: it no longer holds from the commit on). One that has not begun by then goes.

    Raises AssignmentNotFound, GrantDayPast, GrantEnded, LastSecurityAdmin, GrantsAreForPeople.
    """
    by_a_person(session.actor)
    last_day = on or today
    if last_day < today:
        raise GrantDayPast(day=last_day, today=today)
    user_id = await session.scalar(
        select(RoleAssignment.user_id).where(session.within(RoleAssignment), RoleAssignment.id == assignment_id)
    )
    reach = PERSON.within_reach(session, ROLES_GRANT, today)
    user = await session.find(User, User.id == user_id, reach, lock=True)
    grant = await session.get(RoleAssignment, assignment_id, lock=True)
    if user is None or grant is None:
        raise AssignmentNotFound
    if grant.valid_until is not None and grant.valid_until <= last_day:
        raise GrantEnded(day=grant.valid_until)
    appointed = await is_security_admin(session, user.id, last_day)
    before = {"grant_id": grant.id, "valid_until": grant.valid_until}
    if grant.valid_from >= last_day:
        await session.delete(grant)
    else:
        grant.valid_until = last_day
    await session.flush()
    if appointed and not await is_security_admin(session, user.id, last_day):
        await keep_a_security_admin(session, last_day)
    after = {"grant_id": grant.id, "valid_until": last_day, "role_id": grant.role_id}
    await record(session, "access.grants.revoke", Subject("user", grant.user_id), before=before, after=after)


async def _held_role(session: WriteSession, role_id: UUID) -> Role:
    """The role, kept from being edited until the transaction ends: its holders must not change under an edit."""
    role: Role | None = await session.scalar(
        select(Role).where(session.within(Role), Role.id == role_id).with_for_update(read=True)
    )
    if role is None:
        raise RoleNotFound
    return role


async def _holder(session: WriteSession, user_id: UUID, today: date) -> User:
    """The person, locked: grants to one person take turns, so that two duties cannot slip past each other."""
    reach = PERSON.within_reach(session, ROLES_GRANT, today)
    user = await session.find(User, User.id == user_id, reach, lock=True)
    if user is None:
        raise PersonNotFound
    if user.status not in (UserStatus.INVITED, UserStatus.ACTIVE):
        raise HolderNotWorking(name=user.name)
    return user


async def _check_reach(session: WriteSession, scope: Scope, unit_id: UUID | None, today: date) -> None:
    if scope is Scope.ALL and not reaches_everything(session.actor, ROLES_GRANT):
        raise GrantBeyondReach
    if unit_id is None:
        return
    try:
        unit = await held_unit(session, unit_id, ROLES_GRANT, today)
    except UnitNotFound:
        if reaches_everything(session.actor, ROLES_GRANT):
            raise
        raise GrantBeyondReach from None
    if unit.status == UnitStatus.CLOSED:
        raise UnitClosed(name=unit.name, day=closed_on(await stays_of(session, unit_id)))


async def _check_new(session: WriteSession, grant: RoleAssignment) -> None:
    begins_before_it_ends = [] if grant.valid_until is None else [RoleAssignment.valid_from < grant.valid_until]
    same = await session.scalar(
        select(func.count())
        .select_from(RoleAssignment)
        .where(
            session.within(RoleAssignment),
            RoleAssignment.user_id == grant.user_id,
            RoleAssignment.role_id == grant.role_id,
            RoleAssignment.scope == grant.scope,
            RoleAssignment.unit_id.is_not_distinct_from(grant.unit_id),
            or_(RoleAssignment.valid_until.is_(None), RoleAssignment.valid_until > grant.valid_from),
            *begins_before_it_ends,
        )
    )
    if same:
        raise AlreadyGranted
