"""Month after month: plans are opened, submitted and approved, clients are visited, results approved, months closed.

People act through the commands that they would use themselves, each at a moment of the simulated clock; the audit log
says when it was really written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, select

import steward_core.months.commands  # noqa: F401 - declares the runs
from steward_core.calendars.queries import calendar_days
from steward_core.clients.models import Client
from steward_core.industry.declarations import Period
from steward_core.months.models import BusinessMonth, MonthStatus
from steward_core.months.service import close_month, open_month
from steward_core.plans.models import PlanAction, VisitPlan
from steward_core.plans.service import PLAN, RESULTS, start_due, submit, submit_results
from steward_core.promises.models import PromiseClock
from steward_core.promises.service import fulfilled
from steward_core.runs.service import drive
from steward_core.visits.actions import last_of, month_of
from steward_core.visits.plan_states import PlanState
from steward_core.visits.rules import PROFILE_SOURCE
from steward_core.visits.service import record_visit
from steward_server.simulation.approving import approve
from steward_server.simulation.company import PLATFORM, Company, LivedThroughElsewhere
from steward_server.simulation.errands import serve_requests, tick_off, write_summaries
from steward_server.simulation.founding import found_by
from steward_server.simulation.paying import pay_by_commission, pay_month
from steward_server.simulation.stories import story
from steward_tenants.clock import clock_now, simulated
from steward_tenants.database.actor import Actor
from steward_tenants.database.locks import try_turn, while_held

MADE_VISITS = 0.94
"""The share of planned visits that take place; the others are carried over."""
KEPT = 0.9
"""The share of follow-ups that are done in time."""
TURN = "simulation"
METRE = Decimal("0.000009")
"""A metre north, in degrees."""


@dataclass
class Lived:
    """What came about."""

    months: int = 0
    visits: int = 0
    closed: int = 0


Progress = Callable[[str], None]


async def live(company: Company, months: int, today: date, progress: Progress = lambda _: None) -> Lived:
    """Let the company live through so many whole months and the present one up to yesterday. Months that were lived
    through before are passed over; one that was interrupted goes on. Raises LivedThroughElsewhere."""
    async with company.database.write(company.tenant_id, PLATFORM) as keeper:
        if not await try_turn(keeper, TURN):
            raise LivedThroughElsewhere(tenant=company.key)
        return await while_held(keeper, _live(company, months, today, progress))


async def _live(company: Company, months: int, today: date, progress: Progress) -> Lived:
    lived = Lived()
    first = month_of(today).start
    for _ in range(months):
        first = month_of(first - timedelta(days=1)).start
    await found_by(company, first - timedelta(days=100))
    await pay_by_commission(company, first)
    while first <= today:
        month = month_of(first)
        if not await _closed(company, month):
            await _live_through(company, month, today, lived)
            progress(f"{month.name}  {lived.visits}")
        lived.months += 1
        first = month.end
    return lived


async def _closed(company: Company, month: Period) -> bool:
    async with company.database.read(company.tenant_id, PLATFORM) as session:
        found = await session.find(BusinessMonth, BusinessMonth.month == month.start)
        return found is not None and found.status == MonthStatus.CLOSED


async def _live_through(company: Company, month: Period, today: date, lived: Lived) -> None:
    with simulated(company.at(month.start, 1)):
        async with company.database.write(company.tenant_id, PLATFORM) as session:
            opened = await open_month(session, month.start, today=month.start)
        assert opened.opening_run_id is not None
        await drive(company.database, company.tenant_id, PLATFORM, opened.opening_run_id, company.tools)
    await _submitted(company, month, month.start, results=False)
    with simulated(company.at(month.start, 18)):
        async with company.database.write(company.tenant_id, PLATFORM) as session:
            await start_due(session, month.start, today=month.start)
    async with company.database.read(company.tenant_id, PLATFORM) as session:
        days = [one.day for one in await calendar_days(session, month.start, last_of(month)) if one.working]
    for day in days:
        if day < today:
            lived.visits += await _day(company, month, day)
    if month.end <= today:
        await write_summaries(company, month, [owner_id for _, owner_id in await _plans(company, month)])
        await _submitted(company, month, last_of(month), results=True)
        await _close(company, month)
        await pay_month(company, month.start, month.end)
        lived.closed += 1


async def _submitted(company: Company, month: Period, day: date, *, results: bool) -> None:
    """Every manager submits, and the supervisor approves some hours later."""
    states = (PlanState.IN_EXECUTION, PlanState.CORRECTED) if results else (PlanState.PLANNED, PlanState.EDITED)
    wanted = VisitPlan.state.in_([state.value for state in states])
    for plan_id, owner_id in await _plans(company, month, wanted):
        owner = await company.person(owner_id, day)
        with simulated(company.at(day, 16 if results else 9, company.random.randrange(50))):
            async with company.database.write(company.tenant_id, owner) as session:
                await (submit_results if results else submit)(session, plan_id, today=day)
        await approve(company, RESULTS if results else PLAN, plan_id, day, 17)


async def _plans(company: Company, month: Period, *conditions: ColumnElement[bool]) -> list[tuple[UUID, UUID]]:
    statement = select(VisitPlan.id, VisitPlan.owner_id).order_by(VisitPlan.owner_id)
    async with company.database.read(company.tenant_id, PLATFORM) as session:
        rows = await session.rows(
            statement.where(session.within(VisitPlan), VisitPlan.month == month.start, *conditions)
        )
    return [(row.id, row.owner_id) for row in rows]


async def _day(company: Company, month: Period, day: date) -> int:
    """The visits that are planned for a day, one after the other from half past nine."""
    made = 0
    for plan_id, owner_id in await _plans(company, month, VisitPlan.state == PlanState.IN_EXECUTION.value):
        async with company.database.read(company.tenant_id, PLATFORM) as session:
            rows = await session.rows(
                select(PlanAction.id, PlanAction.source, Client.id, Client.latitude, Client.longitude)
                .join(Client, (Client.id == PlanAction.client_id) & session.within(Client))
                .where(
                    session.within(PlanAction),
                    PlanAction.plan_id == plan_id,
                    PlanAction.status == "open",
                    PlanAction.planned_on == day,
                )
                .order_by(PlanAction.place_on_day, PlanAction.id)
            )
        owner = await company.person(owner_id, day)
        begins = company.at(day, 9, 30)
        planned: dict[UUID, list[tuple[UUID, str]]] = {}
        for row in rows:
            planned.setdefault(row[2], []).append((row[0], row[1]))
        places = {client_id: (latitude, longitude) for _, _, client_id, latitude, longitude in rows}
        for client_id, actions in planned.items():
            if company.random.random() > MADE_VISITS:
                continue
            (served, *others), (latitude, longitude) = _cadence_first(actions), places[client_id]
            took = timedelta(minutes=company.random.randrange(20, 45))
            place = None if latitude is None or longitude is None else (Decimal(latitude), Decimal(longitude))
            await _visit(company, owner, served[0], client_id, begins, begins + took, place)
            await tick_off(company, owner, client_id, others, begins + took)
            begins += took + timedelta(minutes=10)
            made += 1
    await serve_requests(company, day)
    return made


def _cadence_first(actions: list[tuple[UUID, str]]) -> list[tuple[UUID, str]]:
    """What the visit itself serves before what is done by the way."""
    return sorted(actions, key=lambda one: one[1] == PROFILE_SOURCE)


async def _visit(  # noqa: PLR0917 - what a visit is made of
    company: Company,
    owner: Actor,
    action_id: UUID,
    client_id: UUID,
    begins: datetime,
    ends: datetime,
    place: tuple[Decimal, Decimal] | None,
) -> None:
    off = METRE * company.random.randrange(120)
    with simulated(ends):
        async with company.database.write(company.tenant_id, owner) as session:
            visit = await record_visit(
                session,
                client_id,
                device_began_at=begins,
                device_ended_at=ends,
                device_sent_at=ends,
                today=begins.date(),
                zone=company.zone,
                fields=story(company.random, begins.date()),
                latitude=None if place is None else place[0] + off,
                longitude=None if place is None else place[1],
                accuracy_metres=20,
                action_id=action_id,
                received_at=ends,
            )
    await _follow_up(company, owner, visit.id)


async def _follow_up(company: Company, owner: Actor, visit_id: UUID) -> None:
    """What a visit started is done in time, or not."""
    async with company.database.read(company.tenant_id, PLATFORM) as session:
        clocks = await session.rows(
            select(PromiseClock.promise, PromiseClock.due_at).where(
                session.within(PromiseClock), PromiseClock.subject_id == visit_id, PromiseClock.ended_at.is_(None)
            )
        )
    for promise, due in clocks:
        late = timedelta(hours=2) if company.random.random() > KEPT else -timedelta(minutes=20)
        at = due + late
        if at >= clock_now():
            continue
        with simulated(at):
            async with company.database.write(company.tenant_id, owner) as session:
                await fulfilled(session, promise, subject="visit", subject_id=visit_id, at=at)


async def _close(company: Company, month: Period) -> None:
    with simulated(company.at(month.end, 4)):
        async with company.database.write(company.tenant_id, PLATFORM) as session:
            closing = await close_month(session, month.start, today=month.end, zone=company.zone)
        assert closing.closing_run_id is not None
        await drive(company.database, company.tenant_id, PLATFORM, closing.closing_run_id, company.tools)
