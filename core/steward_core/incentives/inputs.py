"""What a month's statements are worked out from: members, their revenue, their teams', what is to be corrected.

A few SQL statements for everybody, however many they are; row scope plays no part, for a lead's pay rests on the whole
team's revenue.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select

from steward_core.clients.ownership import these
from steward_core.incentives.models import PayCorrection, PayMember, PayStatement
from steward_core.incentives.months import later_month
from steward_core.incentives.revenue import Revenue, revenue_by_person
from steward_core.incentives.schemes import TeamScheme, month_of_probation
from steward_core.incentives.statements import ROLES, PersonMonth, Role
from steward_core.incentives.working import Correction, Given
from steward_tenants.database.references import Reference
from steward_tenants.database.session import TenantSession
from steward_tenants.organisation.models import UnitPath
from steward_tenants.people.models import User


@dataclass(frozen=True, slots=True)
class Taken:
    """One person's inputs, and in which unit the person is paid as what."""

    person_id: UUID
    unit_id: UUID
    role: Role
    given: Given


async def commission_inputs(
    session: TenantSession,
    scheme_id: UUID,
    scheme: TeamScheme,
    month: date,
    *,
    previous_run: UUID | None = None,
    person_id: UUID | None = None,
) -> list[Taken]:
    """The inputs of all of a scheme's people in a month, in order of person; or of one of them.

    `previous_run`: the approved run that a new revision takes the place of, whose corrections count again.
    """
    members = await members_of(session, scheme_id, month, person_id)
    if not members:
        return []
    probation = {one.person_id: _probation(one, scheme, month) for one in members}
    since = later_month(month, 1 - max((number or 1 for number in probation.values()), default=1))
    revenue = await revenue_by_person(session, since, later_month(month))
    leading = {one.unit_id for one in members if one.role != Role.SALES}
    units = await _revenue_of_units(session, leading, revenue, month)
    corrections = await _corrections(session, [one.person_id for one in members], month, previous_run)
    return [
        Taken(
            one.person_id,
            one.unit_id,
            ROLES[one.role],
            Given(
                _person_month(one, month, probation[one.person_id], revenue, units),
                tuple(corrections.get(one.person_id, ())),
            ),
        )
        for one in members
    ]


async def members_of(
    session: TenantSession, scheme_id: UUID, month: date, person_id: UUID | None = None
) -> Sequence[PayMember]:
    """Who is paid by a scheme in a month, in order of person."""
    statement = select(PayMember).where(
        session.within(PayMember), PayMember.scheme_id == scheme_id, *_in_force(PayMember, month)
    )
    if person_id is not None:
        statement = statement.where(PayMember.person_id == person_id)
    return await session.scalars(statement.order_by(PayMember.person_id))


async def last_revisions(session: TenantSession, people: Collection[UUID], month: date) -> dict[UUID, int]:
    """How many statements of the month each of these people has had."""
    rows = await session.rows(
        select(PayStatement.person_id, func.max(PayStatement.revision))
        .where(session.within(PayStatement), PayStatement.person_id == these(people), PayStatement.month == month)
        .group_by(PayStatement.person_id)
    )
    return {row[0]: row[1] for row in rows}


def _in_force(member: Any, month: date) -> tuple[Any, ...]:
    return member.from_month <= month, or_(member.until_month.is_(None), member.until_month > month)


def _probation(member: PayMember, scheme: TeamScheme, month: date) -> int | None:
    if member.probation_from is None:
        return None
    return month_of_probation(member.probation_from, month, scheme.probation)


def _person_month(
    member: PayMember, month: date, probation: int | None, revenue: Revenue, units: Mapping[UUID, int]
) -> PersonMonth:
    person = member.person_id
    before = [later_month(month, -back) for back in range((probation or 1) - 1, 0, -1)]
    return PersonMonth(
        person,
        month,
        ROLES[member.role],
        revenue.get((person, month), 0),
        probation,
        tuple(revenue.get((person, one), 0) for one in before),
        units[member.unit_id] if member.role == Role.TEAM_LEAD else None,
        units[member.unit_id] if member.role == Role.TECHNICIAN else None,
    )


async def _revenue_of_units(
    session: TenantSession, units: Collection[UUID], revenue: Revenue, month: date
) -> Mapping[UUID, int]:
    """The month's revenue of everybody in each of these units or below it, at the month's end. Members count in the
    unit that they are paid in, others in their own."""
    sums: defaultdict[UUID, int] = defaultdict(int)
    people = [person for person, of in revenue if of == month]
    if not units or not people:
        return sums
    member: Any = Reference(PayMember)
    path: Any = Reference(UnitPath)
    rows = await session.rows(
        select(path.ancestor_id, User.id)
        .select_from(User)
        .outerjoin(member, and_(session.within(member), member.person_id == User.id, *_in_force(member, month)))
        .join(
            path,
            and_(
                session.within(path),
                path.descendant_id == func.coalesce(member.unit_id, User.unit_id),
                path.ancestor_id == these(units),
                path.valid_from < later_month(month),
                path.valid_until >= later_month(month),
            ),
        )
        .where(session.within(User), User.id == these(people))
    )
    for unit, person in rows:
        sums[unit] += revenue[person, month]
    return sums


async def _corrections(
    session: TenantSession, people: Collection[UUID], month: date, previous_run: UUID | None
) -> Mapping[UUID, list[Correction]]:
    """What earlier statements of these people owe and no other run has paid, the earliest first."""
    unpaid = PayCorrection.paid_run_id.is_(None)
    rows = await session.rows(
        select(PayCorrection.person_id, PayCorrection.id, PayStatement.month, PayCorrection.fen, PayCorrection.reason)
        .join(PayStatement, and_(session.within(PayStatement), PayStatement.id == PayCorrection.statement_id))
        .where(
            session.within(PayCorrection),
            PayCorrection.person_id == these(people),
            PayCorrection.month <= month,
            PayCorrection.withdrawn_at.is_(None),
            unpaid if previous_run is None else or_(unpaid, PayCorrection.paid_run_id == previous_run),
        )
        .order_by(PayStatement.month, PayCorrection.id)
    )
    found: defaultdict[UUID, list[Correction]] = defaultdict(list)
    for person, *rest in rows:
        found[person].append(Correction(*rest))
    return found
