"""Tenants with managers, clients and visits, for tests of plans."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy import select

from steward_core.clients.models import Client
from steward_core.industry.declarations import Period
from steward_core.permissions import (
    APPROVALS_VIEW,
    CLIENTS_ASSIGN,
    CLIENTS_VIEW,
    PLANS_APPROVE,
    PLANS_EDIT,
    PLANS_VIEW,
    VISITS_EDIT,
    VISITS_VIEW,
)
from steward_core.plans.models import PlanAction, VisitPlan
from steward_core.visits.actions import month_of
from steward_core.visits.models import Visit, VisitStatus
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.people.models import User
from tests.core.factories import make_client, make_kinds, make_tiers
from tests.factories import TESTS, actor_with, assign, make_role, make_tenant, make_unit, make_user

MANAGERS = (PLANS_VIEW, PLANS_EDIT, APPROVALS_VIEW, CLIENTS_VIEW, VISITS_VIEW, VISITS_EDIT)
LEADS = (*MANAGERS, PLANS_APPROVE, CLIENTS_ASSIGN)
NOVEMBER = month_of(date(2026, 11, 1))
DECEMBER = month_of(date(2026, 12, 1))
JANUARY = month_of(date(2027, 1, 1))
DAY_OF_WORK = date(2026, 11, 3)
RECENTLY = date(2026, 10, 30)
"""Profiles confirmed on this day ask for nothing in November."""


def fresh_client(session: WriteSession, owner: UUID | None, **values: object) -> Client:
    """A client at which no trigger of the core finds anything in November 2026."""
    given: dict[str, object] = {
        "owner_id": owner,
        "basic_confirmed_on": date(2026, 11, 29),
        "personal_confirmed_on": date(2026, 11, 29),
        "last_activity_on": RECENTLY,
        **values,
    }
    return make_client(session, **given)


def done_visit(session: WriteSession, client_id: UUID, owner: UUID, day: date, **values: object) -> Visit:
    """A visit that took place."""
    at = datetime(day.year, day.month, day.day, 2, tzinfo=UTC)
    visit = Visit(
        **{
            "id": new_id(),
            "client_id": client_id,
            "owner_id": owner,
            "status": VisitStatus.DONE,
            "day": day,
            "began_at": at,
            "ended_at": at,
            "created_by": owner,
            **values,
        }
    )
    session.add(visit)
    return visit


async def actions_of(session: TenantSession, month: Period, owner: UUID | None = None) -> list[PlanAction]:
    """The actions of a month's plans."""
    statement = (
        select(PlanAction)
        .join(VisitPlan, VisitPlan.id == PlanAction.plan_id)
        .where(session.within(PlanAction), session.within(VisitPlan), VisitPlan.month == month.start)
        .order_by(PlanAction.client_id, PlanAction.source)
    )
    if owner is not None:
        statement = statement.where(VisitPlan.owner_id == owner)
    return list(await session.scalars(statement))


async def plan_of(session: TenantSession, owner: UUID, month: Period) -> VisitPlan | None:
    """A manager's plan."""
    return await session.find(VisitPlan, VisitPlan.owner_id == owner, VisitPlan.month == month.start)


@dataclass
class Team:
    """A unit with a manager, two supervisors and a stranger, and the manager's clients."""

    tenant: UUID
    unit: UUID
    manager: User
    lead: User
    other_lead: User
    stranger: User
    clients: list[UUID] = field(default_factory=list)
    actors: dict[UUID, Actor] = field(default_factory=dict)

    def __getitem__(self, user: User) -> Actor:
        return self.actors[user.id]


async def make_team(database: Database, clients: int = 3, **values: object) -> Team:
    """Invented people with the built-in roles' permissions on plans, and fresh clients of the manager's."""
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        make_kinds(session)
        make_tiers(session)
        unit = make_unit(session)
        await session.flush()
        manager, lead, other_lead, stranger = [make_user(session, unit_id=unit.id) for _ in range(4)]
        await session.flush()
        team = Team(tenant, unit.id, manager, lead, other_lead, stranger)
        leads = make_role(session, LEADS, key="supervisor")
        managers = make_role(session, MANAGERS)
        await session.flush()
        for user in (team.lead, team.other_lead):
            assign(session, user, leads, Scope.SUBTREE, unit.id)
        for user in (team.manager, team.stranger):
            assign(session, user, managers, Scope.OWN)
        team.clients += [fresh_client(session, team.manager.id, unit_id=unit.id, **values).id for _ in range(clients)]
        for user in (team.lead, team.other_lead):
            team.actors[user.id] = actor_with(*LEADS, scope=Scope.SUBTREE, user=user, unit_id=unit.id)
        for user in (team.manager, team.stranger):
            team.actors[user.id] = actor_with(*MANAGERS, scope=Scope.OWN, user=user)
    return team
