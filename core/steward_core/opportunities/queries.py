"""Figures of the pipeline and what a week brought, set-based over what the actor reaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, and_, func, literal, select, type_coerce

from steward_core.clients.models import Client
from steward_core.opportunities.models import Opportunity, OpportunityStep, Outcome
from steward_core.opportunities.reach import reached
from steward_core.permissions import OPPORTUNITIES_VIEW
from steward_tenants.access.permissions import Permission
from steward_tenants.access.queries import units_below
from steward_tenants.access.rules import require
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import invalid
from steward_tenants.organisation.models import OrgUnit

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class PipelineFilter:
    """Which opportunities. `unit_id` with all units below it; amounts in fen, all bounds belong to what is asked."""

    unit_id: UUID | None = None
    owner_id: UUID | None = None
    client_id: UUID | None = None
    stages: frozenset[str] = frozenset()
    outcomes: frozenset[str] = frozenset()
    expected_from: date | None = None
    expected_until: date | None = None
    amount_from: int | None = None
    amount_until: int | None = None


@dataclass(frozen=True)
class PipelineLine:
    """The open opportunities of a stage in a unit: how many, their amounts, and these weighted, in fen."""

    unit_id: UUID | None
    unit_name: str | None
    stage: str
    count: int
    amount: int
    weighted: int


@dataclass(frozen=True)
class Moved:
    """One step of an opportunity in a week."""

    opportunity_id: UUID
    title: str
    client_id: UUID
    client_name: str
    owner_id: UUID | None
    before: str | None
    after: str
    amount: int | None
    by: UUID | None
    at: datetime
    reason: str | None


@dataclass(frozen=True)
class Overdue:
    """An open opportunity whose expected day has passed."""

    opportunity_id: UUID
    title: str
    client_id: UUID
    client_name: str
    owner_id: UUID | None
    stage: str
    amount: int | None
    weighted: int
    expected_on: date
    days: int


@dataclass(frozen=True)
class WeekReview:
    """What a unit lead looks at: what changed in the week (`week`: its Monday), what is overdue today, and the sums as
    they stand. The lists hold the first rows, the counts are of all."""

    unit_id: UUID
    week: date
    changed: tuple[Moved, ...]
    changed_count: int
    overdue: tuple[Overdue, ...]
    overdue_count: int
    sums: tuple[PipelineLine, ...]

    def figures(self) -> dict[str, Any]:
        """The figures as JSON values, as a review keeps them."""
        return {
            "changed": self.changed_count,
            "overdue": self.overdue_count,
            "count": sum(one.count for one in self.sums),
            "amount": sum(one.amount for one in self.sums),
            "weighted": sum(one.weighted for one in self.sums),
            "lines": [
                {
                    "unit_id": one.unit_id and str(one.unit_id),
                    "stage": one.stage,
                    "count": one.count,
                    "amount": one.amount,
                    "weighted": one.weighted,
                }
                for one in self.sums
            ],
        }


def weighted_amount(row: Any = Opportunity) -> ColumnElement[int]:
    """`rules.weighted` in SQL: the amount times the probability, rounded half up to the fen."""
    # Whole numbers are divided downwards, and none of them is negative.
    amount: ColumnElement[int] = func.coalesce(row.amount, 0)
    return type_coerce((amount * row.probability + 50) // 100, BigInteger)


def conditions(session: TenantSession, wanted: PipelineFilter, today: date) -> list[ColumnElement[bool]]:
    """What a filter asks of opportunities."""
    found: list[ColumnElement[bool]] = []
    if wanted.unit_id is not None:
        found.append(Opportunity.unit_id.in_(units_below(session, wanted.unit_id, today)))
    if wanted.owner_id is not None:
        found.append(Opportunity.owner_id == wanted.owner_id)
    if wanted.client_id is not None:
        found.append(Opportunity.client_id == wanted.client_id)
    if wanted.stages:
        found.append(Opportunity.stage.in_(sorted(wanted.stages)))
    if wanted.outcomes:
        found.append(Opportunity.outcome.in_(sorted(wanted.outcomes)))
    if wanted.expected_from is not None:
        found.append(Opportunity.expected_on >= wanted.expected_from)
    if wanted.expected_until is not None:
        found.append(Opportunity.expected_on <= wanted.expected_until)
    if wanted.amount_from is not None:
        found.append(Opportunity.amount >= wanted.amount_from)
    if wanted.amount_until is not None:
        found.append(Opportunity.amount <= wanted.amount_until)
    return found


async def pipeline(
    session: TenantSession, wanted: PipelineFilter, *, today: date, permission: Permission = OPPORTUNITIES_VIEW
) -> list[PipelineLine]:
    """The open opportunities in reach by unit and stage, in one statement. Raises Forbidden."""
    require(session.actor, permission)
    statement = (
        select(
            Opportunity.unit_id,
            OrgUnit.name,
            Opportunity.stage,
            func.count(),
            func.coalesce(func.sum(Opportunity.amount), 0),
            func.coalesce(func.sum(weighted_amount()), 0),
        )
        .outerjoin(OrgUnit, and_(session.within(OrgUnit), OrgUnit.id == Opportunity.unit_id))
        .where(
            session.within(Opportunity),
            reached(session, permission, today),
            Opportunity.outcome == Outcome.OPEN.value,
            *conditions(session, wanted, today),
        )
        .group_by(Opportunity.unit_id, OrgUnit.name, Opportunity.stage)
        .order_by(OrgUnit.name.nulls_last(), Opportunity.unit_id, Opportunity.stage)
    )
    rows = await session.rows(statement)
    return [PipelineLine(row[0], row[1], row[2], int(row[3]), int(row[4]), int(row[5])) for row in rows]


async def week_review(
    session: TenantSession,
    unit_id: UUID,
    week: date,
    *,
    today: date,
    zone: str,
    limit: int = 100,
    permission: Permission = OPPORTUNITIES_VIEW,
) -> WeekReview:
    """What the week of a day brought in a unit and those below it. Raises Forbidden, InvalidInput."""
    require(session.actor, permission)
    monday = monday_of(week, today)
    here = [
        session.within(Opportunity),
        reached(session, permission, today),
        *conditions(session, PipelineFilter(unit_id=unit_id), today),
    ]
    changed, changed_count = await _changed(session, here, monday, zone, limit)
    overdue, overdue_count = await _overdue(session, here, today, limit)
    sums = await pipeline(session, PipelineFilter(unit_id=unit_id), today=today, permission=permission)
    return WeekReview(unit_id, monday, changed, changed_count, overdue, overdue_count, tuple(sums))


def monday_of(day: date, today: date) -> date:
    """The Monday of a day's week, which has begun. Raises InvalidInput."""
    monday = day - timedelta(days=day.weekday())
    if monday > today:
        raise invalid("week", "future", "该周尚未开始。", "That week has not begun.")
    return monday


async def _changed(
    session: TenantSession, here: Sequence[ColumnElement[bool]], monday: date, zone: str, limit: int
) -> tuple[tuple[Moved, ...], int]:
    begins, ends = (datetime.combine(day, time(), ZoneInfo(zone)) for day in (monday, monday + WEEK))
    statement = (
        select(
            Opportunity.id,
            Opportunity.title,
            Opportunity.client_id,
            Client.name,
            Opportunity.owner_id,
            OpportunityStep.before,
            OpportunityStep.after,
            OpportunityStep.amount,
            OpportunityStep.by,
            OpportunityStep.at,
            OpportunityStep.reason,
            func.count().over(),
        )
        .select_from(OpportunityStep)
        .join(Opportunity, Opportunity.id == OpportunityStep.opportunity_id)
        .join(Client, and_(session.within(Client), Client.id == Opportunity.client_id))
        .where(
            session.within(OpportunityStep),
            OpportunityStep.at >= begins,
            OpportunityStep.at < ends,
            *here,
        )
        .order_by(OpportunityStep.at.desc(), OpportunityStep.id.desc())
        .limit(limit)
    )
    return _with_count(await session.rows(statement), Moved)


async def _overdue(
    session: TenantSession, here: Sequence[ColumnElement[bool]], today: date, limit: int
) -> tuple[tuple[Overdue, ...], int]:
    statement = (
        select(
            Opportunity.id,
            Opportunity.title,
            Opportunity.client_id,
            Client.name,
            Opportunity.owner_id,
            Opportunity.stage,
            Opportunity.amount,
            weighted_amount(),
            Opportunity.expected_on,
            literal(today) - Opportunity.expected_on,
            func.count().over(),
        )
        .join(Client, and_(session.within(Client), Client.id == Opportunity.client_id))
        .where(Opportunity.outcome == Outcome.OPEN.value, Opportunity.expected_on < today, *here)
        .order_by(Opportunity.expected_on, Opportunity.id)
        .limit(limit)
    )
    return _with_count(await session.rows(statement), Overdue)


def _with_count(rows: Sequence[Any], make: Any) -> tuple[tuple[Any, ...], int]:
    return tuple(make(*row[:-1]) for row in rows), int(rows[0][-1]) if rows else 0
