"""What a visit is prepared with: what the platform knows of the client, so that nobody looks it up [000#5, 001#11]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, or_, select

from steward_core.clients.models import Arrears, ClientNote, ClientProduct, Contract, ContractStatus, Product
from steward_core.clients.policies import CONTRACT_WARNING_DAYS
from steward_core.clients.service import client_in_reach
from steward_core.permissions import CLIENTS_VIEW, PLANS_VIEW, REQUESTS_VIEW, VISITS_VIEW
from steward_core.plans.models import ActionStatus, PlanAction
from steward_core.promises.models import RequestStatus, ServiceRequest
from steward_core.visits.models import Visit, VisitStatus
from steward_tenants.access.permissions import Permission
from steward_tenants.access.rules import require
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.session import TenantSession
from steward_tenants.people.models import User

MOST = 10
"""Lines of each part."""


@dataclass(frozen=True)
class VisitLine:
    """An earlier visit, whoever made it."""

    id: UUID
    day: date
    owner_name: str | None
    summary: str | None
    topics: str | None
    next_step: str | None
    next_due_on: date | None
    intention: int | None
    needs: Sequence[str]


@dataclass(frozen=True)
class NoteLine:
    """A note on the client."""

    id: UUID
    body: str
    created_at: datetime


@dataclass(frozen=True)
class ProductLine:
    """A product in use; `monthly_amount` in fen."""

    id: UUID
    name: str
    monthly_amount: int | None
    started_on: date | None


@dataclass(frozen=True)
class ContractLine:
    """An active contract; `ends_soon`: within the days in which the tenant warns of it."""

    id: UUID
    number: str
    title: str
    end_on: date | None
    amount: int | None
    ends_soon: bool


@dataclass(frozen=True)
class ArrearsLine:
    """What is owed, in fen."""

    id: UUID
    period: str
    open_amount: int
    due_on: date


@dataclass(frozen=True)
class RequestLine:
    """A service request that is open."""

    id: UUID
    kind: str
    title: str
    status: str
    opened_at: datetime


@dataclass(frozen=True)
class ActionLine:
    """An action of a plan that is open."""

    id: UUID
    source: str
    title: str | None
    due_on: date
    planned_on: date | None


@dataclass(frozen=True)
class Preparation:
    """All of it, the latest first; arrears and actions by their due days. `owed`: open arrears in all, in fen.

    Requests and actions stay empty for who has no right to see such.
    """

    client_id: UUID
    client_name: str
    address: str | None
    potential_needs: str | None
    competitor_presence: str | None
    visits: Sequence[VisitLine]
    notes: Sequence[NoteLine]
    products: Sequence[ProductLine]
    contracts: Sequence[ContractLine]
    arrears: Sequence[ArrearsLine]
    owed: int
    requests: Sequence[RequestLine]
    actions: Sequence[ActionLine]


async def visit_preparation(session: TenantSession, client_id: UUID, *, today: date) -> Preparation:
    """What to know before visiting a client in reach; one statement for each part. Raises Forbidden, ClientNotFound."""
    require(session.actor, CLIENTS_VIEW)
    client = await client_in_reach(session, client_id, VISITS_VIEW, today=today)
    arrears = await _arrears(session, client.id)
    return Preparation(
        client.id,
        client.name,
        client.address,
        client.potential_needs,
        client.competitor_presence,
        await _visits(session, client.id),
        await _notes(session, client.id),
        await _products(session, client.id, today),
        await _contracts(session, client.id, today),
        arrears[:MOST],
        sum(one.open_amount for one in arrears),
        await _requests(session, client.id) if _may(session, REQUESTS_VIEW) else (),
        await _actions(session, client.id) if _may(session, PLANS_VIEW) else (),
    )


def _may(session: TenantSession, permission: Permission) -> bool:
    return session.actor.unrestricted or permission.key in session.actor.permissions


async def _visits(session: TenantSession, client_id: UUID) -> Sequence[VisitLine]:
    columns: tuple[Any, ...] = (
        Visit.id,
        Visit.day,
        User.name,
        Visit.summary,
        Visit.topics,
        Visit.next_step,
        Visit.next_due_on,
        Visit.intention,
        Visit.needs,
    )
    rows = await session.rows(
        select(*columns)
        .outerjoin(User, and_(session.within(User), User.id == Visit.owner_id))
        .where(session.within(Visit), Visit.client_id == client_id, Visit.status == VisitStatus.DONE)
        .order_by(Visit.day.desc(), Visit.id.desc())
        .limit(MOST)
    )
    return [VisitLine(*row) for row in rows]


async def _notes(session: TenantSession, client_id: UUID) -> Sequence[NoteLine]:
    rows = await session.rows(
        select(ClientNote.id, ClientNote.body, ClientNote.created_at)
        .where(session.within(ClientNote), ClientNote.client_id == client_id, ClientNote.removed_at.is_(None))
        .order_by(ClientNote.pinned.desc(), ClientNote.created_at.desc(), ClientNote.id.desc())
        .limit(MOST)
    )
    return [NoteLine(*row) for row in rows]


async def _products(session: TenantSession, client_id: UUID, today: date) -> Sequence[ProductLine]:
    rows = await session.rows(
        select(ClientProduct.id, Product.name, ClientProduct.monthly_amount, ClientProduct.started_on)
        .join(Product, and_(session.within(Product), Product.id == ClientProduct.product_id))
        .where(
            session.within(ClientProduct),
            ClientProduct.client_id == client_id,
            or_(ClientProduct.ended_on.is_(None), ClientProduct.ended_on > today),
        )
        .order_by(Product.name, ClientProduct.id)
        .limit(MOST * 5)
    )
    return [ProductLine(*row) for row in rows]


async def _contracts(session: TenantSession, client_id: UUID, today: date) -> Sequence[ContractLine]:
    warning = await get_setting(session, CONTRACT_WARNING_DAYS)
    warned = today + timedelta(days=max(warning))
    rows = await session.rows(
        select(Contract.id, Contract.number, Contract.title, Contract.end_on, Contract.amount)
        .where(
            session.within(Contract),
            Contract.client_id == client_id,
            Contract.status == ContractStatus.ACTIVE,
            or_(Contract.end_on.is_(None), Contract.end_on >= today),
        )
        .order_by(Contract.end_on.asc().nulls_last(), Contract.id)
        .limit(MOST)
    )
    return [
        ContractLine(
            row.id, row.number, row.title, row.end_on, row.amount, row.end_on is not None and row.end_on <= warned
        )
        for row in rows
    ]


async def _arrears(session: TenantSession, client_id: UUID) -> list[ArrearsLine]:
    rows = await session.rows(
        select(Arrears.id, Arrears.period, Arrears.amount - Arrears.paid, Arrears.due_on)
        .where(session.within(Arrears), Arrears.client_id == client_id, Arrears.paid < Arrears.amount)
        .order_by(Arrears.due_on, Arrears.id)
    )
    return [ArrearsLine(*row) for row in rows]


async def _requests(session: TenantSession, client_id: UUID) -> Sequence[RequestLine]:
    rows = await session.rows(
        select(
            ServiceRequest.id,
            ServiceRequest.kind,
            ServiceRequest.title,
            ServiceRequest.status,
            ServiceRequest.opened_at,
        )
        .where(
            session.within(ServiceRequest),
            ServiceRequest.client_id == client_id,
            ServiceRequest.status.not_in([RequestStatus.CLOSED.value, RequestStatus.CANCELLED.value]),
        )
        .order_by(ServiceRequest.opened_at.desc(), ServiceRequest.id.desc())
        .limit(MOST)
    )
    return [RequestLine(*row) for row in rows]


async def _actions(session: TenantSession, client_id: UUID) -> Sequence[ActionLine]:
    rows = await session.rows(
        select(PlanAction.id, PlanAction.source, PlanAction.title, PlanAction.due_on, PlanAction.planned_on)
        .where(session.within(PlanAction), PlanAction.client_id == client_id, PlanAction.status == ActionStatus.OPEN)
        .order_by(PlanAction.due_on, PlanAction.id)
        .limit(MOST)
    )
    return [ActionLine(*row) for row in rows]
