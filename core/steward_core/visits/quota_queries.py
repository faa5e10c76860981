"""What managers' months come to: distinct clients and visits a working day, in one statement over all of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import and_, func, select

from steward_core.calendars.queries import calendar_days
from steward_core.industry.declarations import Period
from steward_core.permissions import VISITS_VIEW
from steward_core.plans.settings import template_in_force
from steward_core.visits.actions import last_of
from steward_core.visits.models import Visit, VisitStatus
from steward_core.visits.quotas import QuotaDecision, Visited, distinct_clients, visits_a_day
from steward_core.visits.row_kinds import VISIT
from steward_tenants.access.row_kinds import PERSON
from steward_tenants.access.rules import require
from steward_tenants.database.session import TenantSession
from steward_tenants.people.models import User

MOST_PEOPLE = 500


@dataclass(frozen=True)
class MonthQuota:
    """One manager's month so far."""

    owner_id: UUID
    owner_name: str
    visits: int
    clients: QuotaDecision
    daily: QuotaDecision


async def visit_quotas(
    session: TenantSession, month: Period, *, today: date, owner_ids: Collection[UUID] | None = None
) -> list[MonthQuota]:
    """The quotas of a month for the managers in reach who were on visits in it, or for those named; in a month that is
    not over, by the working days until today. Raises Forbidden, InvalidInput."""
    require(session.actor, VISITS_VIEW)
    visited = and_(
        session.within(Visit),
        Visit.owner_id == User.id,
        Visit.status == VisitStatus.DONE,
        Visit.day >= month.start,
        Visit.day < month.end,
        VISIT.within_reach(session, VISITS_VIEW, today),
    )
    statement = (
        select(
            User.id,
            User.name,
            func.array_agg(Visit.client_id).filter(Visit.id.is_not(None)),
            func.array_agg(Visit.day).filter(Visit.id.is_not(None)),
        )
        .outerjoin(Visit, visited)
        .where(session.within(User), PERSON.within_reach(session, VISITS_VIEW, today))
        .group_by(User.id, User.name)
        .order_by(User.name, User.id)
        .limit(MOST_PEOPLE)
    )
    if owner_ids is None:
        statement = statement.having(func.count(Visit.id) > 0)
    else:
        statement = statement.where(User.id.in_(list(owner_ids)))
    rows = await session.rows(statement)
    figures = (await template_in_force(session)).figures
    worked = await _worked(session, month, today)
    found = []
    for owner_id, name, clients, days in rows:
        own = [Visited(*pair) for pair in zip(clients or (), days or (), strict=True)]
        found.append(
            MonthQuota(owner_id, name, len(own), distinct_clients(own, figures), visits_a_day(own, worked, figures))
        )
    return found


async def _worked(session: TenantSession, month: Period, today: date) -> Sequence[date]:
    last = min(last_of(month), today)
    if last < month.start:
        return ()
    return [one.day for one in await calendar_days(session, month.start, last) if one.working]
