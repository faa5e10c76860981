"""Reading schedules, and looking ahead."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from uuid import UUID

from sqlalchemy import select

from steward_core.permissions import SCHEDULES_VIEW
from steward_core.schedules.errors import ScheduleNotFound
from steward_core.schedules.models import Schedule, ScheduleFiring
from steward_core.schedules.planning import place_here
from steward_core.schedules.rules import Place, read_rule
from steward_tenants.access.rules import require
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import invalid

MOST_PREVIEWED = 50


def preview(rule: str, place: Place, after: datetime, count: int = 10) -> list[datetime]:
    """The next moments (UTC) at which a rule fires. Raises InvalidInput."""
    if not 1 <= count <= MOST_PREVIEWED:
        raise invalid("count", "range", f"每次 1 到 {MOST_PREVIEWED} 个。", f"Ask for 1 to {MOST_PREVIEWED}.")
    return list(islice(read_rule(rule).moments(after, place), count))


async def preview_here(
    session: TenantSession, rule: str, zone: str, after: datetime, count: int = 10
) -> list[datetime]:
    """`preview` by the tenant's zone and working days. Raises Forbidden, InvalidInput."""
    require(session.actor, SCHEDULES_VIEW)
    return preview(rule, await place_here(session, zone), after, count)


async def schedules(session: TenantSession) -> list[Schedule]:
    """The tenant's schedules in order of key; those of plugins that are off are left out. Raises Forbidden."""
    require(session.actor, SCHEDULES_VIEW)
    statement = select(Schedule).where(session.within(Schedule), Schedule.retired.is_(False)).order_by(Schedule.key)
    return list(await session.scalars(statement))


async def schedule_by_key(session: TenantSession, key: str) -> Schedule:
    """The schedule of this key. Raises Forbidden, ScheduleNotFound."""
    require(session.actor, SCHEDULES_VIEW)
    schedule = await session.find(Schedule, Schedule.key == key)
    if schedule is None:
        raise ScheduleNotFound
    return schedule


async def firings_of(session: TenantSession, schedule_id: UUID, limit: int = 20) -> list[ScheduleFiring]:
    """A schedule's latest firings, the newest first. Raises Forbidden."""
    require(session.actor, SCHEDULES_VIEW)
    statement = (
        select(ScheduleFiring)
        .where(session.within(ScheduleFiring), ScheduleFiring.schedule_id == schedule_id)
        .order_by(ScheduleFiring.planned_at.desc())
        .limit(limit)
    )
    return list(await session.scalars(statement))
