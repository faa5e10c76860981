"""Looking at hand-overs of clients: the list, and the clients of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select

from steward_core.clients.hand_over_items import Outcome
from steward_core.clients.models import Client, HandOver, HandOverItem, HandOverStatus
from steward_core.clients.ownership_errors import HandOverNotFound
from steward_core.clients.pages import Order, Page, Paging, one_page
from steward_core.clients.row_kinds import CLIENT
from steward_core.permissions import CLIENTS_ASSIGN
from steward_tenants.access.rules import require
from steward_tenants.database.session import TenantSession


@dataclass(frozen=True)
class HandOverQuery:
    """Which hand-overs. `person_id` gave or took clients in it; `client_id` is among its clients."""

    statuses: frozenset[HandOverStatus] = frozenset()
    requested_by: UUID | None = None
    person_id: UUID | None = None
    client_id: UUID | None = None
    effective_from: date | None = None
    effective_until: date | None = None


@dataclass(frozen=True)
class HandOverLine:
    """A hand-over as lists show it."""

    id: UUID
    status: HandOverStatus
    effective_on: date
    reason: str
    clients: int
    skipped: int
    requested_by: UUID
    requested_at: datetime
    applied_at: datetime | None
    undone_by: UUID | None
    undone_at: datetime | None


@dataclass(frozen=True)
class HandOverItemLine:
    """One client of a hand-over and what became of it."""

    client_id: UUID
    name: str
    code: str | None
    from_owner_id: UUID | None
    from_unit_id: UUID | None
    to_owner_id: UUID | None
    to_unit_id: UUID | None
    outcome: Outcome


async def hand_overs(
    session: TenantSession, query: HandOverQuery, *, today: date, paging: Paging | None = None
) -> Page[HandOverLine]:
    """Hand-overs that the actor asked for or that have a client in the actor's scope, the latest first.

    Raises Forbidden, InvalidInput.
    """
    require(session.actor, CLIENTS_ASSIGN)
    statement = select(HandOver).where(session.within(HandOver), _seen(session, today), *_conditions(session, query))
    order = Order("requested", ((HandOver.requested_at, datetime), (HandOver.id, UUID)), descending=True)
    return await one_page(session, statement, order, paging or Paging(), lambda row: _line(row[0]))


async def hand_over_of(session: TenantSession, hand_over_id: UUID, *, today: date) -> HandOverLine:
    """One hand-over. Raises Forbidden, HandOverNotFound."""
    require(session.actor, CLIENTS_ASSIGN)
    found = await session.find(HandOver, HandOver.id == hand_over_id, _seen(session, today))
    if found is None:
        raise HandOverNotFound
    return _line(found)


async def hand_over_items(
    session: TenantSession,
    hand_over_id: UUID,
    *,
    today: date,
    outcomes: frozenset[Outcome] = frozenset(),
    paging: Paging | None = None,
) -> Page[HandOverItemLine]:
    """The clients of a hand-over that the actor reaches, in order of name. Raises Forbidden, HandOverNotFound,
    InvalidInput."""
    await hand_over_of(session, hand_over_id, today=today)
    statement = (
        select(HandOverItem, Client.name, Client.code)
        .join(Client, and_(session.within(Client), Client.id == HandOverItem.client_id))
        .where(
            session.within(HandOverItem),
            HandOverItem.hand_over_id == hand_over_id,
            CLIENT.within_reach(session, CLIENTS_ASSIGN, today),
        )
    )
    if outcomes:
        statement = statement.where(HandOverItem.outcome.in_([outcome.value for outcome in outcomes]))
    order = Order("name", ((Client.name, str), (Client.id, UUID)))
    return await one_page(session, statement, order, paging or Paging(), _item)


def _seen(session: TenantSession, today: date) -> ColumnElement[bool]:
    reached = _has_item(
        session,
        HandOverItem.client_id.in_(
            select(Client.id).where(session.within(Client), CLIENT.within_reach(session, CLIENTS_ASSIGN, today))
        ),
    )
    return or_(HandOver.requested_by == session.actor.id, reached)


def _has_item(session: TenantSession, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return (
        select(HandOverItem.client_id)
        .where(session.within(HandOverItem), HandOverItem.hand_over_id == HandOver.id, condition)
        .correlate(HandOver)
        .exists()
    )


def _conditions(session: TenantSession, query: HandOverQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.statuses:
        conditions.append(HandOver.status.in_([status.value for status in query.statuses]))
    if query.requested_by is not None:
        conditions.append(HandOver.requested_by == query.requested_by)
    if query.person_id is not None:
        person = query.person_id
        took_or_gave = or_(HandOverItem.from_owner_id == person, HandOverItem.to_owner_id == person)
        conditions.append(_has_item(session, took_or_gave))
    if query.client_id is not None:
        conditions.append(_has_item(session, HandOverItem.client_id == query.client_id))
    if query.effective_from is not None:
        conditions.append(HandOver.effective_on >= query.effective_from)
    if query.effective_until is not None:
        conditions.append(HandOver.effective_on <= query.effective_until)
    return conditions


def _line(row: HandOver) -> HandOverLine:
    return HandOverLine(
        row.id,
        HandOverStatus(row.status),
        row.effective_on,
        row.reason,
        row.clients,
        row.skipped,
        row.requested_by,
        row.requested_at,
        row.applied_at,
        row.undone_by,
        row.undone_at,
    )


def _item(row: Any) -> HandOverItemLine:
    item, name, code = row[0], row[1], row[2]
    return HandOverItemLine(
        item.client_id,
        name,
        code,
        item.from_owner_id,
        item.from_unit_id,
        item.to_owner_id,
        item.to_unit_id,
        Outcome(item.outcome),
    )
