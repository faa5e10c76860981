"""A manager's day: the clients due, in route order, with what is worth knowing at the door [000#5, 001#3].

Printed forms are made by `day_sheet_html` and `day_sheet_pdf`, which read this.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from typing import Any
from uuid import UUID

from sqlalchemy import Date, and_, any_, case, func, literal, or_, select
from sqlalchemy.dialects.postgresql import distinct_on

from steward_core.clients.models import Client, ClientProduct, Contact, Product
from steward_core.clients.row_kinds import CLIENT, CONTACT
from steward_core.permissions import CLIENTS_VIEW, VISITS_VIEW
from steward_core.plans.models import ActionStatus, PlanAction, PlanGround, VisitPlan
from steward_core.visits.actions import Symbol
from steward_core.visits.day_times import DAY_TIMES
from steward_core.visits.models import Visit, VisitStatus
from steward_core.visits.routes import Place, Route, Stop, route
from steward_core.visits.visit_errors import VisitorNotFound
from steward_tenants.access.fields import PHONE
from steward_tenants.access.queries import hidden
from steward_tenants.access.row_kinds import PERSON
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual

MOST_STOPS = 100
NO_PLACE = 1_000_000
VISIT = Bilingual("走访", "Visit")


@dataclass(frozen=True)
class Task:
    """One thing to do at a client: a planned action, or a visit that was made an appointment for."""

    symbol: Symbol
    title: Bilingual
    due_on: date | None
    carried: int


@dataclass(frozen=True)
class SheetStop:
    """One client of the day. `metres`: from the stop before, where both places are known. `symbol`: ★ all is done,
    ☆ something planned is open, ● only temporary tasks are."""

    number: int
    symbol: Symbol
    client_id: UUID
    client_name: str
    code: str | None
    tier: str | None
    address: str | None
    contact: str | None
    position: str | None
    phone: str | None
    products: tuple[str, ...]
    potential_needs: str | None
    tasks: tuple[Task, ...]
    visit_id: UUID | None
    visit_status: str | None
    metres: int | None


@dataclass(frozen=True)
class DaySheet:
    """The sheet: whose, of which day, the day's fixed times, its stops, metres in all. `revealed`: phones stand in
    full where the reader's scope reveals them."""

    owner_id: UUID
    owner_name: str
    day: date
    morning_meeting: time
    visits_from: time
    evening_meeting: time
    stops: tuple[SheetStop, ...]
    metres: int
    revealed: bool


@dataclass
class _Due:
    """What is due at one client. `further`: places of tasks whose next visit is on another day."""

    tasks: list[Task]
    further: list[int]
    place: int = NO_PLACE
    visit_id: UUID | None = None
    visit_status: str | None = None


async def day_sheet(
    session: TenantSession, day: date, *, today: date, owner_id: UUID | None = None, reveal: bool = False
) -> DaySheet:
    """The sheet of a day for oneself, or for a person in reach: of their clients, those in reach.

    Six statements. Raises Forbidden, VisitorNotFound. With `reveal` call `revealed_day_sheet`, which records it.
    """
    require(session.actor, VISITS_VIEW)
    require(session.actor, CLIENTS_VIEW)
    owner = owner_id or session.actor.id
    reach = () if owner == session.actor.id else (PERSON.within_reach(session, VISITS_VIEW, today),)
    name = await session.scalar(select(User.name).where(session.within(User), User.id == owner, *reach))
    if name is None:
        raise VisitorNotFound
    due = await _due(session, owner, day)
    times = await get_setting(session, DAY_TIMES)
    clients = await _clients(session, list(due), today)
    contacts = await _contacts(session, list(clients), today, reveal=reveal)
    products = await _products(session, list(clients), day)
    order, metres = _in_order(due, clients)
    stops = [
        _stop(number, clients[client_id], due[client_id], contacts.get(client_id), products.get(client_id, ()), leg)
        for number, (client_id, leg) in enumerate(order, 1)
    ]
    return DaySheet(
        owner,
        name,
        day,
        times.morning_meeting,
        times.visits_from,
        times.evening_meeting,
        tuple(stops),
        metres,
        reveal,
    )


async def revealed_day_sheet(
    session: WriteSession, day: date, *, today: date, owner_id: UUID | None = None
) -> DaySheet:
    """The sheet with the phones that the actor's scope reveals, and a record of that. Raises as `day_sheet`."""
    sheet = await day_sheet(session, day, today=today, owner_id=owner_id, reveal=True)
    clients = sorted(str(stop.client_id) for stop in sheet.stops)
    after = {"day": day, "clients": clients, "fields": ["phone"]}
    await record(session, "read.day_sheet", Subject("user", sheet.owner_id), after=after)
    return sheet


async def _due(session: TenantSession, owner_id: UUID, day: date) -> dict[UUID, _Due]:
    found: dict[UUID, _Due] = {}
    actions = await session.rows(
        select(PlanAction, PlanGround.title_zh, PlanGround.title_en)
        .join(VisitPlan, and_(session.within(VisitPlan), VisitPlan.id == PlanAction.plan_id))
        .outerjoin(PlanGround, and_(session.within(PlanGround), PlanGround.id == PlanAction.ground_id))
        .where(
            session.within(PlanAction),
            VisitPlan.owner_id == owner_id,
            VisitPlan.month == day.replace(day=1),
            PlanAction.status != ActionStatus.DROPPED,
            or_(PlanAction.planned_on == day, literal(day, Date) == any_(PlanAction.days), PlanAction.done_on == day),
        )
        .order_by(PlanAction.due_on, PlanAction.id)
        .limit(MOST_STOPS * 10)
    )
    for action, zh, en in actions:
        due = found.setdefault(action.client_id, _Due([], []))
        done = action.status == ActionStatus.DONE
        symbol = Symbol.DONE if done else Symbol.TEMPORARY if action.temporary else Symbol.PLANNED
        if action.planned_on != day:
            due.further.append(len(due.tasks))
        title = Bilingual(action.title, action.title) if action.title else Bilingual(zh or VISIT.zh, en or VISIT.en)
        due.tasks.append(Task(symbol, title, action.due_on, action.carried))
        due.place = min(due.place, NO_PLACE if action.place_on_day is None else action.place_on_day)
    visits = await session.scalars(
        select(Visit)
        .where(
            session.within(Visit),
            Visit.owner_id == owner_id,
            Visit.day == day,
            Visit.status != VisitStatus.CANCELLED,
        )
        .order_by(Visit.created_at, Visit.id)
        .limit(MOST_STOPS)
    )
    for visit in visits:
        due = found.setdefault(visit.client_id, _Due([], []))
        due.visit_id, due.visit_status = visit.id, visit.status
        done = visit.status == VisitStatus.DONE
        for number in due.further if done else ():
            due.tasks[number] = replace(due.tasks[number], symbol=Symbol.DONE)
        starred = any(task.symbol is Symbol.DONE for task in due.tasks)
        if visit.aim or not due.tasks or (done and not starred):
            title = Bilingual(visit.aim, visit.aim) if visit.aim else VISIT
            due.tasks.append(Task(Symbol.DONE if done else Symbol.PLANNED, title, None, 0))
    return found


async def _clients(session: TenantSession, ids: Collection[UUID], today: date) -> dict[UUID, Client]:
    if not ids:
        return {}
    reach = CLIENT.within_reach(session, CLIENTS_VIEW, today)
    rows = await session.scalars(
        select(Client).where(session.within(Client), Client.id.in_(ids), reach).order_by(Client.id).limit(MOST_STOPS)
    )
    return {client.id: client for client in rows}


async def _contacts(session: TenantSession, ids: Collection[UUID], today: date, *, reveal: bool) -> Mapping[UUID, Any]:
    """The main contact of each client, or whoever was entered first."""
    if not ids:
        return {}
    masked = hidden(Contact.phone, keep=PHONE.keep, domain=PHONE.domain)
    phone = CONTACT.masked_field(session, "phone", today) if reveal else masked
    rows = await session.rows(
        select(Contact.client_id, Contact.name, Contact.position, phone.label("phone"))
        .ext(distinct_on(Contact.client_id))
        .where(
            session.within(Contact),
            Contact.client_id.in_(ids),
            or_(Contact.left_on.is_(None), Contact.left_on > today),
        )
        .order_by(Contact.client_id, case((Contact.main, 0), else_=1), Contact.id)
    )
    return {row.client_id: row for row in rows}


async def _products(session: TenantSession, ids: Collection[UUID], day: date) -> Mapping[UUID, Sequence[str]]:
    if not ids:
        return {}
    rows = await session.rows(
        select(ClientProduct.client_id, func.array_agg(Product.name.distinct()))
        .join(Product, and_(session.within(Product), Product.id == ClientProduct.product_id))
        .where(
            session.within(ClientProduct),
            ClientProduct.client_id.in_(ids),
            or_(ClientProduct.ended_on.is_(None), ClientProduct.ended_on > day),
        )
        .group_by(ClientProduct.client_id)
    )
    return {client_id: sorted(names) for client_id, names in rows}


def _in_order(
    due: Mapping[UUID, _Due], clients: Mapping[UUID, Client]
) -> tuple[Sequence[tuple[UUID, int | None]], int]:
    """The clients with the metres from the one before: as the plan has put them on the day, then those that nobody has
    put anywhere, by the nearest."""
    put = sorted((one for one in clients if due[one].place < NO_PLACE), key=lambda one: (due[one].place, one))
    start: Place | None = None
    legs: list[tuple[UUID, int | None]] = []
    for client_id in put:
        here = _place(clients[client_id])
        leg = None if here is None or start is None else route([Stop(client_id, here)], start).metres
        legs.append((client_id, leg))
        start = here or start
    rest: Route = route((Stop(one, _place(clients[one])) for one in clients if due[one].place >= NO_PLACE), start)
    legs += [(leg.stop.id, leg.metres) for leg in rest.legs]
    return legs, sum(metres or 0 for _, metres in legs)


def _place(client: Client) -> Place | None:
    if client.latitude is None or client.longitude is None:
        return None
    return Place(client.latitude, client.longitude)


def _stop(  # noqa: PLR0917 - what is known of one stop, from as many statements
    number: int, client: Client, due: _Due, contact: Any, products: Sequence[str], metres: int | None
) -> SheetStop:
    return SheetStop(
        number,
        _symbol(due.tasks),
        client.id,
        client.name,
        client.code,
        client.tier,
        client.address,
        contact.name if contact else None,
        contact.position if contact else None,
        contact.phone if contact else None,
        tuple(products),
        client.potential_needs,
        tuple(due.tasks),
        due.visit_id,
        due.visit_status,
        metres,
    )


def _symbol(tasks: Sequence[Task]) -> Symbol:
    symbols = {task.symbol for task in tasks}
    if symbols == {Symbol.DONE}:
        return Symbol.DONE
    return Symbol.PLANNED if Symbol.PLANNED in symbols else Symbol.TEMPORARY
