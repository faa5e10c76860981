"""Filters of clients that are no comparison of one field, as the lists of clients have them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnClause, ColumnElement, and_, inspect, literal, not_, or_, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql.visitors import replacement_traverse

from steward_core.clients.freshness import is_stale
from steward_core.clients.models import Arrears, Client, ClientSearchKey, Contract, ContractStatus
from steward_core.clients.policies import policies_in_force
from steward_core.clients.search_keys import ranges_of_query
from steward_graphql.catalogue.custom_filters import custom_filter
from steward_graphql.catalogue.organisation import below_unit
from steward_graphql.declared.entities import Condition, Row, Special
from steward_graphql.declared.scalars import BOOLEAN, ID, INT, STRING
from steward_tenants.database.session import ReadSession
from steward_tenants.errors import invalid
from steward_tenants.texts import Bilingual

LONGEST_VIEW = 3650
"""Days ahead that contracts' ends may be looked for."""


async def _search(_session: ReadSession, text: str, _today: date) -> Condition:
    ranges = ranges_of_query(text)

    def found(row: Row) -> ColumnElement[bool]:
        key: Any = aliased(ClientSearchKey)
        inside = [and_(key.key >= place.low, key.key < place.high) for place in ranges]
        within: ColumnElement[bool] = row.table.id.in_(select(key.client_id).where(row.within(key), or_(*inside)))
        return within

    return found


def _of_row(condition: ColumnElement[bool], row: Row) -> ColumnElement[bool]:
    """A condition on the table of clients as one on a reference to it."""
    table = inspect(Client).local_table

    def replaced(element: Any, **_: Any) -> Any:
        of_clients = isinstance(element, ColumnClause) and element.table is not None and element.table.compare(table)
        return getattr(row.table, element.key) if of_clients else None

    moved: ColumnElement[bool] = replacement_traverse(condition, {}, replaced)
    return moved


async def _stale(session: ReadSession, wanted: bool, today: date) -> Condition:
    rules = (await policies_in_force(session)).freshness

    def stale(row: Row) -> ColumnElement[bool]:
        condition = _of_row(is_stale(rules, today), row)
        return condition if wanted else not_(condition)

    return stale


async def _in_arrears(_session: ReadSession, wanted: bool, today: date) -> Condition:
    def owing(row: Row) -> ColumnElement[bool]:
        owed: Any = aliased(Arrears)
        clients = select(owed.client_id).where(row.within(owed), owed.paid < owed.amount, owed.due_on <= literal(today))
        condition: ColumnElement[bool] = row.table.id.in_(clients)
        return condition if wanted else not_(condition)

    return owing


async def _contract_ends(_session: ReadSession, days: int, today: date) -> Condition:
    if not 0 <= days <= LONGEST_VIEW:
        zh, en = f"应为 0 到 {LONGEST_VIEW} 天。", f"Use 0 to {LONGEST_VIEW} days."
        raise invalid("contractEndsWithin", "range", zh, en)

    def ending(row: Row) -> ColumnElement[bool]:
        contract: Any = aliased(Contract)
        clients = select(contract.client_id).where(
            row.within(contract),
            contract.status == ContractStatus.ACTIVE.value,
            contract.end_on >= literal(today),
            contract.end_on <= literal(today + timedelta(days=days)),
        )
        condition: ColumnElement[bool] = row.table.id.in_(clients)
        return condition

    return ending


async def _in_pool(_session: ReadSession, wanted: bool, _today: date) -> Condition:
    def pooled(row: Row) -> ColumnElement[bool]:
        owner = row.table.owner_id
        condition: ColumnElement[bool] = owner.is_(None) if wanted else owner.is_not(None)
        return condition

    return pooled


async def _mine(_session: ReadSession, wanted: bool, _today: date) -> Condition:
    def own(row: Row) -> ColumnElement[bool]:
        actor = literal(row.planning.session.actor.id)
        condition = or_(row.table.owner_id.is_not_distinct_from(actor), row.table.deputy_id.is_not_distinct_from(actor))
        return condition if wanted else not_(condition)

    return own


CLIENT_FILTERS = (
    Special(
        "search",
        Bilingual(
            "按名称、拼音、首字母、编码、联系人或电话末四位查找",
            "Found by name, pinyin, initials, code, contact, or the last four digits of a phone",
        ),
        _search,
        kind=STRING,
    ),
    Special(
        "inUnit",
        Bilingual("属于该机构或其各级下级", "In the unit of this id or any below it today"),
        below_unit("unit_id"),
        kind=ID,
    ),
    Special(
        "mine",
        Bilingual("由本人负责或代管", "Owned by the caller, or with the caller as second manager"),
        _mine,
        kind=BOOLEAN,
    ),
    Special(
        "inPool",
        Bilingual("在公海中（false：有客户经理）", "In the public pool; false: has an owner"),
        _in_pool,
        kind=BOOLEAN,
    ),
    Special(
        "stale",
        Bilingual("档案已到复核期（按租户策略）", "A profile is due to be confirmed again, by the tenant's policy"),
        _stale,
        kind=BOOLEAN,
    ),
    Special(
        "inArrears",
        Bilingual("有到期未缴清的欠费", "Something due is unpaid"),
        _in_arrears,
        kind=BOOLEAN,
    ),
    Special(
        "contractEndsWithin",
        Bilingual("有效合同在若干天内到期（0 到 3650 天）", "An active contract ends within so many days (0 to 3650)"),
        _contract_ends,
        kind=INT,
    ),
    custom_filter("client"),
)
