"""What follows a client: open requests, legs and clocks that are its owner's go to the new one. All of them go with a
client that is merged into another. What somebody else follows up, such as a visitor, stays with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Uuid, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or

from steward_core.clients.followers import follow_owner
from steward_core.clients.merge_moves import belongs_to_client
from steward_core.clients.models import Client
from steward_core.promises.models import (
    ClockEvent,
    LegStatus,
    PromiseClock,
    PromiseEvent,
    RequestAct,
    RequestEvent,
    RequestLeg,
    RequestStatus,
    ServiceRequest,
)
from steward_core.promises.request_rules import ENDED, LEG_OVER
from steward_tenants.database.session import WriteSession


async def follow(session: WriteSession, client_ids: Sequence[UUID]) -> None:
    """Hand over what goes with these clients. In the public pool nobody owns them: it stays with who has it, so that
    somebody answers the client."""
    if not client_ids:
        return
    going_on = [status.value for status in RequestStatus if status not in ENDED]
    at_work = [status.value for status in LegStatus if status not in LEG_OVER]
    requests = await _hand(session, ServiceRequest, client_ids, ServiceRequest.status.in_(going_on))
    await _hand(session, RequestLeg, client_ids, RequestLeg.status.in_(at_work))
    clocks = await _hand(session, PromiseClock, client_ids, PromiseClock.ended_at.is_(None))
    if requests:
        rows = select(
            ServiceRequest.tenant_id,
            func.uuidv7(),
            ServiceRequest.id,
            literal(RequestAct.HANDED_OVER.value),
            func.now(),
            func.jsonb_build_object("to", ServiceRequest.owner_id),
        ).where(session.within(ServiceRequest), _among(ServiceRequest.id, requests))
        names = ["tenant_id", "id", "request_id", "act", "at", "figures"]
        await session.execute(insert(RequestEvent).from_select(names, rows, include_defaults=False))
    if clocks:
        rows = select(
            PromiseClock.tenant_id,
            func.uuidv7(),
            PromiseClock.id,
            literal(ClockEvent.HANDED_OVER.value),
            func.concat("to:", PromiseClock.owner_id, ":", func.now()),
            func.now(),
            func.jsonb_build_object("to", PromiseClock.owner_id),
        ).where(session.within(PromiseClock), _among(PromiseClock.id, clocks))
        names = ["tenant_id", "id", "clock_id", "event", "key", "at", "figures"]
        await session.execute(
            insert_or(PromiseEvent).from_select(names, rows, include_defaults=False).on_conflict_do_nothing()
        )


async def _hand(
    session: WriteSession, table: Any, client_ids: Sequence[UUID], open_ones: ColumnElement[bool]
) -> Sequence[UUID]:
    """The ids of the rows that changed hands."""
    await session.flush()
    found: Sequence[UUID] = await session.scalars(
        update(table)
        .where(
            session.within(table),
            session.within(Client),
            Client.id == table.client_id,
            _among(table.client_id, client_ids),
            table.follows_client,
            open_ones,
            Client.owner_id.is_not(None),
            table.owner_id.is_distinct_from(Client.owner_id),
        )
        .values(owner_id=Client.owner_id, unit_id=Client.unit_id, version=table.version + 1)
        .returning(table.id)
        .execution_options(synchronize_session=False)
    )
    return found


def _among(column: Any, ids: Sequence[UUID]) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column == func.any(literal(list(ids), ARRAY(Uuid())))
    return found


follow_owner("promises", follow)
for _name, _table in (
    ("service_requests", ServiceRequest),
    ("request_legs", RequestLeg),
    ("promise_clocks", PromiseClock),
):
    belongs_to_client(_name, _table)
