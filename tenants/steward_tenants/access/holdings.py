"""Who holds which duties: the check that keeps them apart, over all days from today on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date
from uuid import UUID

from sqlalchemy import and_, func, or_, select

from steward_tenants.access.errors import DutiesOverlap
from steward_tenants.access.models import Duty, Role, RoleAssignment, RolePermission
from steward_tenants.access.rules import Holding, changes_something, duty_clash
from steward_tenants.database.session import TenantSession
from steward_tenants.people.models import User


async def holdings_of(session: TenantSession, users: Collection[UUID], today: date) -> dict[UUID, list[Holding]]:
    """The roles that users hold or will hold, by user."""
    granted = (
        select(RolePermission.role_id, func.array_agg(RolePermission.permission).label("keys"))
        .where(session.within(RolePermission))
        .group_by(RolePermission.role_id)
        .subquery("granted")
    )
    rows = await session.rows(
        select(
            RoleAssignment.user_id,
            Role.key,
            Role.duty,
            granted.c["keys"],
            RoleAssignment.valid_from,
            RoleAssignment.valid_until,
        )
        .join(Role, and_(session.within(Role), Role.id == RoleAssignment.role_id))
        .outerjoin(granted, granted.c.role_id == Role.id)
        .where(
            session.within(RoleAssignment),
            RoleAssignment.user_id.in_(users),
            or_(RoleAssignment.valid_until.is_(None), RoleAssignment.valid_until > today),
        )
        .order_by(RoleAssignment.id)
    )
    held: dict[UUID, list[Holding]] = defaultdict(list)
    for user_id, key, duty, keys, valid_from, valid_until in map(tuple, rows):
        held[user_id].append(Holding(key, Duty(duty), changes_something(keys or ()), valid_from, valid_until))
    return held


async def check_duties(session: TenantSession, users: Collection[UUID], today: date) -> None:
    """Raise DutiesOverlap if one of the users would hold roles that nobody may hold at once. Lock their rows first."""
    for user_id, held in (await holdings_of(session, users, today)).items():
        clash = duty_clash(held)
        if clash is not None:
            user = await session.get(User, user_id)
            name = user.name if user is not None else ""
            raise DutiesOverlap(person=name, one=clash[0].role_key, other=clash[1].role_key)
