"""The list of the public pool: what somebody sees who may claim, before a client is theirs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from steward_core.clients.models import Client, ClientOwnership, ClientStatus
from steward_core.clients.pages import Order, Page, Paging, one_page
from steward_core.clients.pool import pool_reach
from steward_core.clients.pool_policy import POOL
from steward_core.clients.search import matching
from steward_core.permissions import CLIENTS_CLAIM
from steward_tenants.access.fields import PHONE
from steward_tenants.access.queries import hidden
from steward_tenants.access.rules import require
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.session import TenantSession


class PoolSort(StrEnum):
    """What the pool can be sorted by."""

    LONGEST = "longest"
    NEWEST = "newest"
    NAME = "name"


@dataclass(frozen=True)
class PoolQuery:
    """Which clients of the pool; `text` as in the search of clients. Without `statuses`: all but closed ones."""

    text: str = ""
    unit_id: UUID | None = None
    kinds: frozenset[str] = frozenset()
    tiers: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    statuses: frozenset[ClientStatus] = frozenset()
    sort: PoolSort = PoolSort.LONGEST


@dataclass(frozen=True)
class PoolLine:
    """A client of the pool. The phone stays masked for everybody, and contacts are not shown. `claim_from`: the day
    from which the actor, a former owner, may claim it again."""

    id: UUID
    name: str
    kind: str
    tier: str | None
    trade: str | None
    status: ClientStatus
    region: str | None
    unit_id: UUID | None
    phone: str | None
    pool_since: datetime | None
    last_activity_on: date | None
    claim_from: date | None


_NAME = ((Client.name, str), (Client.id, UUID))
_SINCE = ((func.coalesce(Client.pool_since, Client.created_at), datetime), (Client.id, UUID))
_ORDERS = {
    PoolSort.LONGEST: Order("longest", _SINCE),
    PoolSort.NEWEST: Order("newest", _SINCE, descending=True),
    PoolSort.NAME: Order("name", _NAME),
}


async def pool_page(
    session: TenantSession, query: PoolQuery, *, today: date, paging: Paging | None = None
) -> Page[PoolLine]:
    """One page of the pools open to the actor. Raises Forbidden, InvalidInput."""
    require(session.actor, CLIENTS_CLAIM)
    policy = await get_setting(session, POOL)
    lost = (
        select(func.max(ClientOwnership.valid_until))
        .where(
            session.within(ClientOwnership),
            ClientOwnership.client_id == Client.id,
            ClientOwnership.owner_id == session.actor.id,
            ClientOwnership.valid_until <= today,
        )
        .correlate(Client)
        .scalar_subquery()
    )
    statement = select(Client, hidden(Client.phone, keep=PHONE.keep), lost).where(
        session.within(Client),
        Client.owner_id.is_(None),
        Client.status != ClientStatus.MERGED.value,
        pool_reach(session, today),
        *_conditions(session, query),
    )

    def line(row: Any) -> PoolLine:
        client, phone, lost_on = row[0], row[1], row[2]
        again = None if lost_on is None else lost_on + timedelta(days=policy.cool_down_days)
        return PoolLine(
            client.id,
            client.name,
            client.kind,
            client.tier,
            client.trade,
            ClientStatus(client.status),
            client.region,
            client.unit_id,
            phone,
            client.pool_since,
            client.last_activity_on,
            again if again is not None and again > today else None,
        )

    return await one_page(session, statement, _ORDERS[query.sort], paging or Paging(), line)


def _conditions(session: TenantSession, query: PoolQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.text.strip():
        conditions.append(matching(session, query.text))
    if query.unit_id is not None:
        conditions.append(Client.unit_id == query.unit_id)
    for column, values in ((Client.kind, query.kinds), (Client.tier, query.tiers), (Client.region, query.regions)):
        if values:
            conditions.append(column.in_(sorted(values)))
    if query.statuses:
        conditions.append(Client.status.in_([status.value for status in query.statuses]))
    else:
        conditions.append(Client.status != ClientStatus.CLOSED.value)
    return conditions
