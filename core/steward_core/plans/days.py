"""On which days of the month a plan's visits stand, and in which order each day's route goes.

The rules are those of `visits.capacity` and `visits.routes`; here many plans are read and written at once, in five
statements whatever their number. Days that stand already, and those that people chose, stay: they count as taken. What
does not fit has an empty day; `queries.not_fitting` lists it to the supervisor. Nothing is put on days on which the
manager has approved leave, and what stands on such days makes way when the leave is approved (`visits.away`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import any_, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from steward_core.approvals.leave import days_away, make_way_for_leave
from steward_core.calendars.queries import working_days
from steward_core.calendars.rules import WorkingDays, days_between
from steward_core.clients.models import Client, ClientTier
from steward_core.database.bulk import update_many
from steward_core.permissions import PLANS_EDIT
from steward_core.plans.models import ActionStatus, PlanAction, VisitPlan
from steward_core.plans.moving import changed, doer, plan_to_change
from steward_core.plans.settings import template_in_force
from steward_core.visits.actions import PlanAction as Action
from steward_core.visits.actions import last_of, month_of
from steward_core.visits.away import Stop, make_way
from steward_core.visits.capacity import UNRANKED, PlannedVisit, gathered, spread
from steward_core.visits.plan_states import PlanEdit
from steward_core.visits.routes import Place, route
from steward_core.visits.routes import Stop as RouteStop
from steward_core.visits.templates import VisitFigures
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.commands.service import command
from steward_tenants.database.session import TenantSession, WriteSession


@dataclass
class _Row:
    """An action as it is placed."""

    id: UUID
    client_id: UUID
    source: str
    due_on: date
    visits: list[date]
    visited: int
    carried: int
    days: list[date | None] | None
    rank: int
    place: Place | None
    on_day: int | None = None
    open: bool = True
    moved: bool = False

    @property
    def next_day(self) -> date | None:
        """Where its next visit stands."""
        if self.days is None or self.visited >= len(self.days):
            return None
        return self.days[self.visited]


@dataclass
class _Plan:
    """A plan with its actions: those that wait for days, and those that have them."""

    id: UUID
    month: date
    owner_id: UUID
    away: frozenset[date] = frozenset()
    waiting: list[_Row] = field(default_factory=list)
    standing: list[_Row] = field(default_factory=list)


async def waiting(session: TenantSession, month: date, most: int) -> list[UUID]:
    """Plans of a month that were made and not spread yet."""
    return list(
        await session.scalars(
            select(VisitPlan.id)
            .where(
                session.within(VisitPlan),
                VisitPlan.month == month,
                VisitPlan.spread_at.is_(None),
                VisitPlan.generated_at.is_not(None),
            )
            .order_by(VisitPlan.id)
            .limit(most)
        )
    )


async def spread_plans(session: WriteSession, plan_ids: Sequence[UUID], *, not_before: date | None = None) -> int:
    """Put the visits of these plans that stand on no day yet on days, from `not_before` on; answers how many do not
    fit."""
    figures = (await template_in_force(session)).figures
    days = await working_days(session)
    plans = await _plans(session, plan_ids)
    overflow = 0
    for plan in plans:
        overflow += _spread(plan, days, figures, not_before)
        _routes(plan)
    await _write(session, plans)
    return overflow


def _ids(values: Iterable[UUID]) -> Any:
    return any_(bindparam(None, sorted(values), type_=ARRAY(Uuid())))


async def _plans(session: WriteSession, plan_ids: Sequence[UUID]) -> list[_Plan]:
    locked = await session.rows(
        select(VisitPlan.id, VisitPlan.month, VisitPlan.owner_id)
        .where(session.within(VisitPlan), VisitPlan.id == _ids(plan_ids), VisitPlan.closed_at.is_(None))
        .order_by(VisitPlan.id)
        .with_for_update()
    )
    plans = {row[0]: _Plan(*row) for row in locked}
    await _leave(session, list(plans.values()))
    rows = await session.rows(
        select(
            PlanAction.plan_id,
            PlanAction.status,
            PlanAction.id,
            PlanAction.client_id,
            PlanAction.source,
            PlanAction.due_on,
            PlanAction.visits,
            PlanAction.visited,
            PlanAction.carried,
            PlanAction.days,
            ClientTier.rank,
            Client.latitude,
            Client.longitude,
            PlanAction.place_on_day,
        )
        .join(Client, (Client.id == PlanAction.client_id) & session.within(Client))
        .outerjoin(ClientTier, (ClientTier.key == Client.tier) & session.within(ClientTier))
        .where(
            session.within(PlanAction),
            PlanAction.plan_id == _ids(plans),
            or_(PlanAction.status == ActionStatus.OPEN, PlanAction.days.is_not(None)),
            PlanAction.status != ActionStatus.DROPPED,
        )
        .order_by(PlanAction.id)
    )
    for plan_id, status, *values, rank, latitude, longitude, on_day in rows:
        place = None if latitude is None else Place(latitude, longitude)
        row = _Row(*(*values, UNRANKED if rank is None else rank, place, on_day))
        row.open = status == ActionStatus.OPEN
        waits = row.open and row.days is None
        (plans[plan_id].waiting if waits else plans[plan_id].standing).append(row)
    return list(plans.values())


async def _leave(session: TenantSession, plans: Sequence[_Plan]) -> None:
    """When the plans' managers are away."""
    if not plans:
        return
    months = [month_of(plan.month) for plan in plans]
    first, last = min(month.start for month in months), max(last_of(month) for month in months)
    away = await days_away(session, {plan.owner_id for plan in plans}, first, last)
    for plan in plans:
        plan.away = away.get(plan.owner_id, frozenset())


def _spread(plan: _Plan, days: WorkingDays, figures: VisitFigures, not_before: date | None) -> int:
    """Give the waiting actions their days; answers how many visits do not fit."""
    month = month_of(plan.month)
    stops = {(row.client_id, day) for row in plan.standing for day in row.days or () if day is not None}
    taken: dict[date, int] = defaultdict(int)
    for _, day in stops:
        taken[day] += 1
    actions = [
        Action(row.client_id, row.source, row.due_on, tuple(row.visits), carried=row.carried) for row in plan.waiting
    ]
    visits = gathered(actions, {row.client_id: row.rank for row in plan.waiting})
    past = () if not_before is None else days.working_between(month.start, min(not_before, last_of(month)))
    absent = plan.away.union(day for day in past if not_before is not None and day < not_before)
    found = spread(visits, month, days, figures, absent=absent, taken=taken)
    on = {(one.visit.client_id, one.visit.number): one.day for one in found.placed}
    by_client: dict[UUID, list[PlannedVisit]] = defaultdict(list)
    for visit in visits:
        by_client[visit.client_id].append(visit)
    for row in plan.waiting:
        numbers = sorted(visit.number for visit in by_client[row.client_id] if row.source in visit.sources)
        row.days = [on.get((row.client_id, numbers[min(place, len(numbers) - 1)])) for place in range(len(row.visits))]
    return len(found.overflow)


def _routes(plan: _Plan) -> None:
    """The order of each day's stops, by the nearest client that is left."""
    by_day: dict[date, dict[UUID, Place | None]] = defaultdict(dict)
    for row in (*plan.standing, *plan.waiting):
        for day in row.days or ():
            if day is not None:
                by_day[day][row.client_id] = row.place
    places: dict[tuple[date, UUID], int] = {}
    for day, clients in by_day.items():
        legs = route(RouteStop(client_id, place) for client_id, place in clients.items()).legs
        places |= {(day, leg.stop.id): number for number, leg in enumerate(legs, 1)}
    for row in (*plan.standing, *plan.waiting):
        on_day = None if row.next_day is None else places[row.next_day, row.client_id]
        row.moved, row.on_day = row.moved or row.on_day != on_day, on_day


async def _write(session: WriteSession, plans: Sequence[_Plan]) -> None:
    rows = [row for plan in plans for row in (*plan.waiting, *(one for one in plan.standing if one.moved))]
    await update_many(
        session,
        PlanAction,
        {"id": [row.id for row in rows]},
        {
            "days": [row.days for row in rows],
            "planned_on": [row.next_day for row in rows],
            "place_on_day": [row.on_day for row in rows],
        },
        PlanAction.__table__.c.status == ActionStatus.OPEN,
        also={"version": PlanAction.__table__.c.version + 1},
    )
    await session.execute(
        update(VisitPlan)
        .where(session.within(VisitPlan), VisitPlan.id == _ids(plan.id for plan in plans))
        .values(spread_at=func.now(), version=VisitPlan.version + 1)
        .execution_options(synchronize_session=False)
    )


async def clear_leave(session: WriteSession, person: UUID, first: date, last: date) -> None:
    """Somebody will be away from `first` to `last`: what stands on these days from today on in their plans goes to
    other days, in whatever state a plan is that its month has not sealed."""
    now = clock_now().astimezone(ZoneInfo(session.time_zone)).date()
    spread_ones = await session.scalars(
        select(VisitPlan.id).where(
            session.within(VisitPlan),
            VisitPlan.owner_id == person,
            VisitPlan.month.between(first.replace(day=1), last),
            VisitPlan.spread_at.is_not(None),
        )
    )
    if not spread_ones:
        return
    most = (await template_in_force(session)).figures.most_visits_a_day
    days = await working_days(session)
    leave = frozenset(days_between(max(first, now), last))
    changed_ones: list[_Plan] = []
    for plan in await _plans(session, spread_ones):
        month = month_of(plan.month)
        ahead = [day for day in days.working_between(max(month.start, now), last_of(month)) if day not in plan.away]
        moved, left = _made_way(plan, leave, ahead, most)
        if moved:
            plan.waiting = []  # what stands on no day yet waits as before
            _routes(plan)
            changed_ones.append(plan)
            after = {"first": first, "last": last, "moved": moved, "overflow": left}
            await record(session, "plans.leave", Subject("visit_plan", plan.id), after=after)
    if changed_ones:
        await _write(session, changed_ones)


def _made_way(plan: _Plan, leave: Collection[date], ahead: Sequence[date], most: int) -> tuple[int, int]:
    """Move the stops of a plan that stand on days of leave; answers how many there were, and how many fit no more."""
    leaving: dict[tuple[UUID, date], Stop] = {}
    standing: set[tuple[UUID, date]] = set()
    for row in plan.standing:
        for number, day in enumerate(row.days or ()):
            if day is None:
                continue
            stop = row.client_id, day
            if not row.open or number < row.visited or day not in leave:
                standing.add(stop)
                continue
            carried = max(row.carried, leaving[stop].carried if stop in leaving else 0)
            leaving[stop] = Stop(row.client_id, day, carried, row.rank)
    found = make_way(leaving.values(), standing, ahead, most)
    for row in plan.standing:
        if not row.open or row.days is None:
            continue
        coming = [day if day is None else found.get((row.client_id, day), day) for day in row.days[row.visited :]]
        if coming != row.days[row.visited :]:
            row.days, row.moved = [*row.days[: row.visited], *_in_order(coming)], True
    return len(found), sum(day is None for day in found.values())


def _in_order(days: Iterable[date | None]) -> list[date | None]:
    """The earlier ones first, those that do not fit last."""
    return sorted(days, key=lambda day: (day is None, day or date.max))


make_way_for_leave("plans", clear_leave)


@command("plans.spread", "安排走访日期", "Spread a plan's visits over its days", permission=PLANS_EDIT)
async def spread_plan(
    session: WriteSession, plan_id: UUID, *, again: bool = False, today: date, expected_version: int | None = None
) -> VisitPlan:
    """Put what stands on no day yet on days, from today on; with `again` all that is open, while the plan can be
    edited. Raises PlanNotFound, PlanChanged, PlanClosed, and what the plan's rules refuse."""
    row = await plan_to_change(session, plan_id, today=today, permission=PLANS_EDIT, expected_version=expected_version)
    if again:
        await changed(session, row, PlanEdit.CHANGE_ACTIONS, await doer(session, row.owner_id, today))
        await session.flush()
        await session.execute(
            update(PlanAction)
            .where(
                session.within(PlanAction),
                PlanAction.plan_id == row.id,
                PlanAction.status == ActionStatus.OPEN,
                PlanAction.visited == 0,
            )
            .values(days=None)
            .execution_options(synchronize_session=False)
        )
    overflow = await spread_plans(session, [row.id], not_before=today)
    await session.refresh(row)
    await record(session, "plans.spread", Subject("visit_plan", row.id), after={"overflow": overflow, "again": again})
    return row
