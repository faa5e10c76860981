"""Guards over all grants of a tenant at once."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, or_, select

from steward_tenants.access.errors import LastSecurityAdmin
from steward_tenants.access.models import Duty, Role, RoleAssignment, RolePermission
from steward_tenants.access.permissions import ROLES_GRANT
from steward_tenants.database.actor import Scope
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.people.models import User, UserStatus


def _appointments(session: TenantSession, on: date) -> Any:
    """Grants in force on a day that let their holder grant roles in the whole tenant."""
    return (
        select(RoleAssignment.id)
        .join(Role, and_(session.within(Role), Role.id == RoleAssignment.role_id))
        .join(
            RolePermission,
            and_(
                session.within(RolePermission),
                RolePermission.role_id == Role.id,
                RolePermission.permission == ROLES_GRANT.key,
            ),
        )
        .where(
            session.within(RoleAssignment),
            Role.duty == Duty.SECURITY_ADMIN,
            RoleAssignment.scope == Scope.ALL,
            RoleAssignment.valid_from <= on,
            or_(RoleAssignment.valid_until.is_(None), RoleAssignment.valid_until > on),
        )
    )


async def is_security_admin(session: TenantSession, user_id: UUID, on: date) -> bool:
    """Whether a user, working or not, may grant roles in the whole tenant on a day."""
    statement = _appointments(session, on).where(RoleAssignment.user_id == user_id)
    return bool(await session.scalar(select(exists(statement))))


async def keep_a_security_admin(session: WriteSession, on: date, *, formerly: UUID | None = None) -> None:
    """Refuse, after the change that is under way, if nobody could grant roles on a day. Raises LastSecurityAdmin.

    `formerly` is the user who drops out: nothing is checked unless they were a security administrator. Such changes
    take turns, so that the last two do not go at the same time.
    """
    if formerly is not None and not await is_security_admin(session, formerly, on):
        return
    await session.flush()
    await take_turn(session, "security-admins")
    working = _appointments(session, on).join(
        User,
        and_(
            session.within(User),
            User.id == RoleAssignment.user_id,
            User.status.in_((UserStatus.INVITED, UserStatus.ACTIVE)),
        ),
    )
    if not await session.scalar(select(exists(working))):
        raise LastSecurityAdmin
