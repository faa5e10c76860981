"""A company with managers whose November 2026 has round figures: 21 working days in China's calendar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select

from steward_core.calendars.rules import days_between
from steward_core.clients.models import Client, ClientFact, Metric
from steward_core.performance.models import MonthIndicator, MonthScore
from steward_core.plans.models import PlanAction, VisitPlan
from steward_core.promises.models import PromiseClock
from steward_core.runs.service import RunTools
from steward_core.visits.actions import month_of
from steward_core.visits.models import Visit, VisitStatus
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.people.models import User
from tests.core.factories import make_client, make_kinds
from tests.factories import TESTS, make_tenant, make_unit, make_user

NOVEMBER = month_of(date(2026, 11, 1))
AFTER = date(2026, 12, 2)
ZONE = "Asia/Shanghai"
WORKING_DAYS = [day for day in days_between(date(2026, 11, 2), date(2026, 11, 30)) if day.weekday() < 5]
TOOLS = RunTools(files=None)  # type: ignore[arg-type]  # scores read and write no files


@dataclass
class Company:
    """A tenant with a unit and two managers, each with so many clients."""

    tenant_id: UUID
    unit_id: UUID
    managers: list[User]
    clients: dict[UUID, list[UUID]] = field(default_factory=dict)

    def of(self, place: int) -> tuple[User, list[UUID]]:
        """A manager and the clients."""
        user = self.managers[place]
        return user, self.clients[user.id]


async def make_company(database: Database, *clients: int) -> Company:
    """One manager for each number of clients."""
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        unit = make_unit(session, name="测试部")
        make_kinds(session)
        await session.flush()
        company = Company(tenant_id, unit.id, [make_user(session, unit_id=unit.id) for _ in clients])
        await session.flush()
        for user, number in zip(company.managers, clients, strict=True):
            made = [
                make_client(
                    session,
                    owner_id=user.id,
                    unit_id=unit.id,
                    basic_confirmed_on=date(2026, 11, 20),
                    personal_confirmed_on=date(2026, 11, 20),
                )
                for _ in range(number)
            ]
            company.clients[user.id] = [client.id for client in made]
    return company


def visit(session: WriteSession, owner: User, client_id: UUID, day: date, status: str = VisitStatus.DONE) -> Visit:
    """One visit (row only)."""
    made = Visit(
        id=new_id(),
        client_id=client_id,
        owner_id=owner.id,
        unit_id=owner.unit_id,
        day=day,
        status=status,
        began_at=datetime.combine(day, time(1), UTC),
        ended_at=datetime.combine(day, time(2), UTC),
        created_by=owner.id,
    )
    session.add(made)
    return made


def visits(session: WriteSession, owner: User, clients: Sequence[UUID], a_day: int, days: Sequence[date]) -> None:
    """So many visits on each of these days, going round the clients."""
    number = 0
    for day in days:
        for _ in range(a_day):
            visit(session, owner, clients[number % len(clients)], day)
            number += 1


async def plan(
    session: WriteSession, owner: User, asked: Sequence[tuple[UUID, int, int]], *, carried_out: int = 0
) -> list[PlanAction]:
    """November's plan: of each client, how many visits are asked for and how many are done."""
    made = VisitPlan(
        id=new_id(), owner_id=owner.id, unit_id=owner.unit_id, month=NOVEMBER.start, carried_out=carried_out
    )
    session.add(made)
    await session.flush()
    actions = [
        PlanAction(
            id=new_id(),
            plan_id=made.id,
            client_id=client_id,
            source="tests.cadence",
            due_on=NOVEMBER.start + timedelta(days=9),
            visits=[NOVEMBER.start + timedelta(days=day) for day in range(number)],
            visited=done,
            status="done" if done >= number else "open",
        )
        for client_id, number, done in asked
    ]
    session.add(*actions)
    return actions


def clock(
    session: WriteSession, owner: User, client_id: UUID, state: str, due: datetime, ended: datetime | None
) -> PromiseClock:
    """One promise (row only)."""
    made = PromiseClock(
        id=new_id(),
        kind="promise",
        promise="tests.answer",
        trigger="tests",
        subject="visit",
        subject_id=new_id(),
        client_id=client_id,
        owner_id=owner.id,
        unit_id=owner.unit_id,
        title_zh="答复",
        title_en="Answer",
        definition={},
        state=state,
        started_at=due - timedelta(days=2),
        due_at=due,
        ended_at=ended,
    )
    session.add(made)
    return made


def at(day: int, hour: int = 4, month: int = 11) -> datetime:
    """A moment of 2026 in UTC."""
    return datetime(2026, month, day, hour, tzinfo=UTC)


def earns(session: WriteSession, client_id: UUID, fen: int, *, booked_on: date, revision: int = 1) -> None:
    """A client's revenue of November."""
    session.add(
        ClientFact(
            metric="revenue",
            period=NOVEMBER.start,
            client_id=client_id,
            source="tests",
            revision=revision,
            value=Decimal(fen),
            booked_on=booked_on,
            recorded_by=session.actor.id,
        )
    )


def revenue_metric(session: WriteSession) -> None:
    """The metric that counts as revenue."""
    session.add(Metric(key="revenue", title_zh="收入", title_en="Revenue", measure="fen"))


async def figures(session: TenantSession, owner: User) -> dict[str, tuple[Decimal | None, ...]]:
    """What is stored of a manager's current month: value, numerator, denominator by indicator."""
    rows = await session.rows(
        select(MonthIndicator.indicator, MonthIndicator.value, MonthIndicator.numerator, MonthIndicator.denominator)
        .join(MonthScore, (MonthScore.id == MonthIndicator.score_id) & session.within(MonthScore))
        .where(session.within(MonthIndicator), MonthScore.owner_id == owner.id, MonthScore.current)
    )
    return {row[0]: tuple(row[1:]) for row in rows}


async def score_of(session: TenantSession, owner: User) -> MonthScore:
    """A manager's score of November that counts."""
    found = await session.find(MonthScore, MonthScore.owner_id == owner.id, MonthScore.current.is_(True))
    assert found is not None
    return found


async def stale(session: WriteSession, client_ids: Sequence[UUID]) -> None:
    """Profiles that were due before November ended."""
    for client_id in client_ids:
        client = await session.get(Client, client_id)
        assert client is not None
        client.basic_confirmed_on = date(2026, 6, 1)
