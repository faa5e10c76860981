"""Lists of clients: within the actor's scope, masked, filtered, by keyset pages."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Text, and_, func, literal, select, tuple_
from sqlalchemy.orm import aliased

from steward_core.clients.freshness import is_stale
from steward_core.clients.models import Arrears, Client, ClientStatus, ClientTier, Contract, ContractStatus
from steward_core.clients.policies import policies_in_force
from steward_core.clients.row_kinds import CLIENT
from steward_core.clients.search import matching
from steward_core.permissions import CLIENTS_VIEW
from steward_tenants.access.fields import PHONE
from steward_tenants.access.queries import hidden, units_below
from steward_tenants.access.rules import require
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import InvalidInput, invalid
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User

LARGEST_PAGE = 200
MOST_VALUES = 200
MOST_CUSTOM = 20
"""Filters by custom fields that one list takes: each looks into the index for itself."""
_NO_RANK = 1_000_000


@dataclass(frozen=True)
class CustomCondition:
    """A filter by one of the tenant's own filterable fields; see `custom_fields.index.condition`."""

    key: str
    op: str
    value: Any = None


@dataclass(frozen=True)
class ClientFilter:
    """Which clients. Empty or None: no limit. Merged ones are listed only when `statuses` names them.

    `text` finds as the search does. `region` is a beginning. `in_pool`: in the public pool, or (False) with an owner.
    `stale`: a profile is due; `in_arrears`: something due is open; `contract_ends_within`: an active contract ends
    within so many days. Times: from (inclusive) until (exclusive).
    """

    text: str = ""
    statuses: frozenset[ClientStatus] = frozenset()
    tiers: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    unit_id: UUID | None = None
    with_units_below: bool = True
    owner_id: UUID | None = None
    deputy_id: UUID | None = None
    in_pool: bool | None = None
    region: str = ""
    parent_id: UUID | None = None
    stale: bool = False
    in_arrears: bool = False
    contract_ends_within: int | None = None
    custom: tuple[CustomCondition, ...] = ()
    created_from: datetime | None = None
    created_until: datetime | None = None
    updated_from: datetime | None = None
    updated_until: datetime | None = None


class ClientOrder(StrEnum):
    """What lists are sorted by; `tier` by rank, clients without one last. Masked fields are not among them."""

    NAME = "name"
    CODE = "code"
    UPDATED = "updated"
    TIER = "tier"


@dataclass(frozen=True)
class ClientLine:
    """A client as lists show it; `phone` is masked."""

    id: UUID
    name: str
    short_name: str | None
    code: str | None
    credit_code: str | None
    kind: str
    tier: str | None
    trade: str | None
    status: ClientStatus
    unit_id: UUID | None
    unit_name: str | None
    owner_id: UUID | None
    owner_name: str | None
    deputy_id: UUID | None
    parent_id: UUID | None
    pool_since: datetime | None
    region: str | None
    phone: str | None
    basic_confirmed_on: date | None
    personal_confirmed_on: date | None
    custom: dict[str, Any]
    updated_at: datetime
    version: int


@dataclass(frozen=True)
class ClientPage:
    """One page; `next_cursor` None: the last. `total` counts all pages, None when it was not asked for."""

    clients: tuple[ClientLine, ...]
    next_cursor: str | None
    total: int | None


@dataclass(frozen=True)
class _Order:
    column: ColumnElement[Any]
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


_RANK = func.coalesce(ClientTier.rank, literal(_NO_RANK, BigInteger))
_ORDERS: dict[ClientOrder, _Order] = {
    ClientOrder.NAME: _Order(Client.name.expression, str, str),
    ClientOrder.CODE: _Order(func.coalesce(Client.code, literal("", Text)), str, str),
    ClientOrder.UPDATED: _Order(Client.updated_at.expression, datetime.isoformat, datetime.fromisoformat),
    ClientOrder.TIER: _Order(_RANK, int, int),
}


async def clients_page(
    session: TenantSession,
    wanted: ClientFilter,
    order: ClientOrder = ClientOrder.NAME,
    *,
    today: date,
    descending: bool = False,
    after: str | None = None,
    limit: int = 50,
    with_total: bool = True,
) -> ClientPage:
    """One page of the clients that the actor reaches. `after` is the `next_cursor` of the page before, asked with the
    same order.

    Raises Forbidden, InvalidInput (limit, after, text, custom filters), FieldNotFilterable.
    """
    require(session.actor, CLIENTS_VIEW)
    if not 1 <= limit <= LARGEST_PAGE:
        raise invalid("limit", "range", f"每页 1 到 {LARGEST_PAGE} 条。", f"A page has 1 to {LARGEST_PAGE} rows.")
    conditions = await _conditions(session, wanted, today)
    sort = _ORDERS[order]
    statement = _lines(session, sort.column).where(*conditions)
    if after is not None:
        value, last_id = _read_cursor(after, order, descending)
        place, key = tuple_(literal(value), literal(last_id)), tuple_(sort.column, Client.id)
        statement = statement.where(key < place if descending else key > place)
    by = (sort.column.desc(), Client.id.desc()) if descending else (sort.column, Client.id)
    rows = await session.rows(statement.order_by(*by).limit(limit + 1))
    cursor = None
    if len(rows) > limit:
        cursor = _cursor(order, descending, sort.write(rows[limit - 1][-1]), rows[limit - 1].id)
    total = None
    if with_total:
        total = await session.scalar(select(func.count()).select_from(Client).where(*conditions))
    return ClientPage(tuple(_line(row) for row in rows[:limit]), cursor, total)


def _lines(session: TenantSession, sort_column: ColumnElement[Any]) -> Any:
    owner = aliased(User)
    return (
        select(
            *(getattr(Client, name) for name in _PLAIN),
            OrgUnit.name.label("unit_name"),
            owner.name.label("owner_name"),
            hidden(Client.phone, keep=PHONE.keep).label("phone"),
            sort_column.label("sort_value"),
        )
        .outerjoin(OrgUnit, and_(session.within(OrgUnit), OrgUnit.id == Client.unit_id))
        .outerjoin(owner, and_(session.within(owner), owner.id == Client.owner_id))
        .outerjoin(ClientTier, and_(session.within(ClientTier), ClientTier.key == Client.tier))
    )


_PLAIN = tuple(name for name in ClientLine.__dataclass_fields__ if name not in ("unit_name", "owner_name", "phone"))


def _line(row: Any) -> ClientLine:
    values = {name: value for name, value in row._mapping.items() if name != "sort_value"}
    return ClientLine(**{**values, "status": ClientStatus(values["status"])})


async def _conditions(session: TenantSession, wanted: ClientFilter, today: date) -> list[ColumnElement[bool]]:
    _within_bounds(wanted)
    conditions = [
        session.within(Client),
        CLIENT.within_reach(session, CLIENTS_VIEW, today),
        Client.status.in_(wanted.statuses) if wanted.statuses else Client.status != ClientStatus.MERGED,
        *_of_columns(session, wanted, today),
        *_of_times(wanted),
    ]
    if wanted.text.strip():
        conditions.append(matching(session, wanted.text))
    if wanted.stale:
        conditions.append(is_stale((await policies_in_force(session)).freshness, today))
    if wanted.in_arrears:
        conditions.append(_owing(session, today))
    if wanted.contract_ends_within is not None:
        conditions.append(_contract_ends(session, today, wanted.contract_ends_within))
    if wanted.custom:
        conditions += await _custom(session, wanted.custom)
    return conditions


def _within_bounds(wanted: ClientFilter) -> None:
    for field, values, most in (
        ("tiers", wanted.tiers, MOST_VALUES),
        ("kinds", wanted.kinds, MOST_VALUES),
        ("custom", wanted.custom, MOST_CUSTOM),
    ):
        if len(values) > most:
            raise invalid(field, "length", f"最多 {most} 项。", f"Give at most {most}.")


async def conditions_of(session: TenantSession, wanted: ClientFilter, today: date) -> list[ColumnElement[bool]]:
    """What a filter comes to on `Client`, the actor's scope included, for statements of other domains."""
    return await _conditions(session, wanted, today)


def _of_columns(session: TenantSession, wanted: ClientFilter, today: date) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for classed, values in ((Client.tier, wanted.tiers), (Client.kind, wanted.kinds)):
        if values:
            conditions.append(classed.in_(values))
    for column, value in (
        (Client.owner_id, wanted.owner_id),
        (Client.deputy_id, wanted.deputy_id),
        (Client.parent_id, wanted.parent_id),
    ):
        if value is not None:
            conditions.append(column == value)
    if wanted.unit_id is not None:
        inside = units_below(session, wanted.unit_id, today)
        conditions.append(Client.unit_id.in_(inside) if wanted.with_units_below else Client.unit_id == wanted.unit_id)
    if wanted.in_pool is not None:
        conditions.append(Client.owner_id.is_(None) if wanted.in_pool else Client.owner_id.is_not(None))
    if wanted.region:
        conditions.append(Client.region.startswith(wanted.region, autoescape=True))
    return conditions


def _of_times(wanted: ClientFilter) -> list[ColumnElement[bool]]:
    limits = (
        (wanted.created_from, Client.created_at.__ge__),
        (wanted.created_until, Client.created_at.__lt__),
        (wanted.updated_from, Client.updated_at.__ge__),
        (wanted.updated_until, Client.updated_at.__lt__),
    )
    return [compare(moment) for moment, compare in limits if moment is not None]


def _owing(session: TenantSession, today: date) -> ColumnElement[bool]:
    return Client.id.in_(
        select(Arrears.client_id).where(session.within(Arrears), Arrears.paid < Arrears.amount, Arrears.due_on <= today)
    )


def _contract_ends(session: TenantSession, today: date, days: int) -> ColumnElement[bool]:
    if not 0 <= days <= 3650:
        raise invalid("contract_ends_within", "range", "应为 0 到 3650 天。", "Use 0 to 3650 days.")
    return Client.id.in_(
        select(Contract.client_id).where(
            session.within(Contract),
            Contract.status == ContractStatus.ACTIVE,
            Contract.end_on >= today,
            Contract.end_on <= today + timedelta(days=days),
        )
    )


async def _custom(session: TenantSession, wanted: Sequence[CustomCondition]) -> list[ColumnElement[bool]]:
    # Custom fields index clients, and clients are filtered by them: the import waits until both are there.
    from steward_core.custom_fields.index import condition, filter_field  # noqa: PLC0415
    from steward_core.custom_fields.service import fields_of  # noqa: PLC0415

    known = {field.key: field for field in await fields_of(session, "client")}
    conditions = []
    for one in wanted:
        if one.key not in known:
            zh, en = f"没有自定义字段“{one.key}”。", f"There is no custom field “{one.key}”."
            raise invalid("custom", "unknown", zh, en)
        conditions.append(condition(session, filter_field(known[one.key]), one.op, one.value, Client.id))
    return conditions


def _cursor(order: ClientOrder, descending: bool, value: Any, last_id: UUID) -> str:
    parts = [order.value, descending, value, str(last_id)]
    return base64.urlsafe_b64encode(json.dumps(parts, ensure_ascii=False).encode()).decode()


def _read_cursor(cursor: str, order: ClientOrder, descending: bool) -> tuple[Any, UUID]:
    try:
        parts = json.loads(base64.b64decode(cursor.encode(), altchars=b"-_", validate=True))
        sort, down, value, last_id = parts
        place = (_ORDERS[order].read(value), UUID(last_id))
    except (binascii.Error, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise _lost() from None
    if (sort, down) != (order.value, descending) or "\0" in str(place[0]):
        raise _lost()
    return place


def _lost() -> InvalidInput:
    return invalid("after", "cursor", "翻页位置无效，请从第一页重新开始。", "Start again from the first page.")
