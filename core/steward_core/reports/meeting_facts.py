"""What minutes of a meeting start with: a unit's open problems, its people's visits of the day, promises overdue."""

from __future__ import annotations

from datetime import date, timedelta, tzinfo
from typing import Any
from uuid import UUID

from sqlalchemy import Text, and_, cast, func, select

from steward_core.plans.models import ActionStatus, PlanAction, VisitPlan
from steward_core.promises.models import PromiseClock
from steward_core.reports.models import ItemState, MeetingItem
from steward_core.reports.periods import Span
from steward_core.visits.models import Visit
from steward_tenants.access.queries import units_below
from steward_tenants.clock import clock_now
from steward_tenants.database.session import TenantSession

MOST_PROBLEMS = 100


async def meeting_facts(session: TenantSession, unit_id: UUID, day: date, zone: tzinfo) -> dict[str, Any]:
    """The facts of a unit and all units below it, in four statements."""
    below = units_below(session, unit_id, day)
    begin, end = Span(day, day + timedelta(days=1)).moments(zone)
    problems = [
        dict(row._mapping)
        for row in await session.rows(
            select(cast(MeetingItem.id, Text).label("item_id"), MeetingItem.title)
            .where(
                session.within(MeetingItem),
                MeetingItem.unit_id == unit_id,
                MeetingItem.state == ItemState.OPEN.value,
            )
            .order_by(MeetingItem.id)
            .limit(MOST_PROBLEMS)
        )
    ]
    visits = await session.rows(
        select(Visit.status, func.count().label("number"))
        .where(session.within(Visit), Visit.unit_id.in_(below), Visit.day == day)
        .group_by(Visit.status)
    )
    actions = await session.scalar(
        select(func.count())
        .select_from(PlanAction)
        .join(VisitPlan, and_(session.within(VisitPlan), VisitPlan.id == PlanAction.plan_id))
        .where(
            session.within(PlanAction),
            VisitPlan.unit_id.in_(below),
            PlanAction.status == ActionStatus.OPEN.value,
            PlanAction.planned_on == day,
        )
    )
    due, overdue = (
        await session.rows(
            select(
                func.count().filter(PromiseClock.due_at >= begin, PromiseClock.due_at < end),
                func.count().filter(PromiseClock.due_at < begin),
            ).where(session.within(PromiseClock), PromiseClock.unit_id.in_(below), PromiseClock.ended_at.is_(None))
        )
    )[0]
    return {
        "taken_at": clock_now().isoformat(timespec="seconds"),
        "problems": problems,
        "visits": {row.status: row.number for row in visits},
        "actions_planned": actions,
        "promises_due": due,
        "promises_overdue": overdue,
    }
