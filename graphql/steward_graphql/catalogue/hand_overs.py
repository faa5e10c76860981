"""Hand-overs of clients from one owner to another, and the clients of each."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, literal, or_, select
from sqlalchemy.orm import aliased

from steward_core.clients.hand_over_items import OUTCOMES
from steward_core.clients.models import Client, HandOver, HandOverItem, HandOverStatus
from steward_core.clients.row_kinds import CLIENT as CLIENT_ROWS
from steward_core.permissions import CLIENTS_ASSIGN
from steward_graphql.catalogue.client_names import client_name
from steward_graphql.catalogue.people import name_of
from steward_graphql.declared.entities import (
    Catalogue,
    Condition,
    Entity,
    ListRoot,
    OneRoot,
    Row,
    Special,
    column,
    computed,
    many,
    one,
)
from steward_graphql.declared.scalars import ID, STRING, EnumKind, enum_of
from steward_tenants.access.row_kinds import RowKind
from steward_tenants.access.symbolic import TODAY
from steward_tenants.database.session import ReadSession
from steward_tenants.texts import Bilingual

HAND_OVER_STATUS = enum_of(
    HandOverStatus,
    "HandOverStatus",
    "移交的状态",
    "State of a hand-over",
    {
        "scheduled": ("待生效", "Scheduled"),
        "applied": ("已生效", "Applied"),
        "undone": ("已撤销", "Undone"),
    },
)
HAND_OVER_OUTCOME = EnumKind(
    "HandOverOutcome",
    Bilingual("一个客户的移交结果", "What became of one client of a hand-over"),
    tuple((outcome.value, title) for outcome, title in OUTCOMES.items()),
)
ITEM_ROWS = RowKind(
    "hand_over_item",
    Bilingual("移交的客户", "client of a hand-over"),
    HandOverItem,
    CLIENTS_ASSIGN,
    parent=CLIENT_ROWS,
    parent_id=HandOverItem.client_id,
)


def _seen(row: Row) -> ColumnElement[bool]:
    """That the actor asked for it, or that one of its clients is in the actor's scope."""
    item: Any = aliased(HandOverItem)
    client: Any = aliased(Client)
    reached = select(client.id).where(
        row.within(client), CLIENT_ROWS.reached(row.planning.session, CLIENTS_ASSIGN, TODAY, client)
    )
    has_one = exists(
        select(item.client_id)
        .where(row.within(item), item.hand_over_id == row.table.id, item.client_id.in_(reached))
        .correlate(row.table)
    )
    return or_(row.table.requested_by == row.planning.session.actor.id, has_one)


async def _person(_session: ReadSession, person: UUID, _today: date) -> Condition:
    def gave_or_took(row: Row) -> ColumnElement[bool]:
        item: Any = aliased(HandOverItem)
        return exists(
            select(item.client_id)
            .where(
                row.within(item),
                item.hand_over_id == row.table.id,
                or_(item.from_owner_id == literal(person), item.to_owner_id == literal(person)),
            )
            .correlate(row.table)
        )

    return gave_or_took


HAND_OVER = Entity(
    "HandOver",
    HandOver,
    Bilingual("一次客户移交，可含一个或许多客户", "A hand-over of one client or many, on a day"),
    view=CLIENTS_ASSIGN,
    reach=_seen,
    order=(("requestedAt", True),),
    specials=(
        Special(
            "person",
            Bilingual("此人移出或接收了其中的客户", "The person of this id gave or took clients in it"),
            _person,
            kind=ID,
        ),
    ),
    fields=(
        column(HandOver.id, "编号", "Identifier", filter=True),
        column(HandOver.status, "状态", "Its state", kind=HAND_OVER_STATUS, filter=True, group=True),
        column(
            HandOver.effective_on, "生效日期", "The day on which it takes effect", filter=True, order=True, group=True
        ),
        column(HandOver.reason, "原因", "Why"),
        column(HandOver.clients, "客户数", "How many clients it has", name="clientCount"),
        column(HandOver.skipped, "未移交的客户数", "How many were left alone", name="skippedCount"),
        column(HandOver.requested_at, "发起时间", "When it was asked for", filter=True, order=True),
        column(HandOver.requested_by, "发起人编号", "Id of who asked for it", name="requestedById", filter=True),
        computed("requestedByName", STRING, name_of("requested_by"), "发起人姓名", "Name of who asked for it"),
        column(HandOver.applied_at, "执行时间", "When it was applied", filter=True, order=True),
        column(HandOver.undone_at, "撤销时间", "When it was undone", filter=True),
        column(HandOver.undone_by, "撤销人编号", "Id of who undid it", name="undoneById"),
        one("requestedBy", "Person", HandOver.requested_by, "发起人", "Who asked for it"),
        one("undoneBy", "Person", HandOver.undone_by, "撤销人", "Who undid it"),
        many(
            "items", "HandOverItem", "hand_over_id", "其中的客户（数据范围内）", "Its clients within reach", filter=True
        ),
    ),
)

HAND_OVER_ITEM = Entity(
    "HandOverItem",
    HandOverItem,
    Bilingual("一次移交中的一个客户", "One client of a hand-over"),
    kind=ITEM_ROWS,
    key=("hand_over_id", "client_id"),
    order=(("clientName", False),),
    node=False,
    fields=(
        column(HandOverItem.client_id, "客户编号", "Id of the client", filter=True),
        computed("clientName", STRING, client_name(), "客户名称", "Name of the client", order=True),
        computed("clientCode", STRING, client_name(shown="code"), "客户编码", "Code of the client"),
        column(HandOverItem.outcome, "移交结果", "What became of it", kind=HAND_OVER_OUTCOME, filter=True, group=True),
        column(
            HandOverItem.from_owner_id,
            "移出人编号；空为公海",
            "Id of who had it; none: the pool",
            filter=True,
            group=True,
        ),
        computed("fromOwnerName", STRING, name_of("from_owner_id"), "移出人姓名", "Name of who had it"),
        column(HandOverItem.from_unit_id, "移出机构编号", "Id of the unit that had it", filter=True),
        column(
            HandOverItem.to_owner_id,
            "接收人编号；空为公海",
            "Id of who takes it; none: the pool",
            filter=True,
            group=True,
        ),
        computed("toOwnerName", STRING, name_of("to_owner_id"), "接收人姓名", "Name of who takes it"),
        column(HandOverItem.to_unit_id, "接收机构编号", "Id of the unit that takes it", filter=True),
        one("handOver", "HandOver", HandOverItem.hand_over_id, "移交", "The hand-over", granted=True),
        one("client", "Client", HandOverItem.client_id, "客户", "The client"),
        one("fromOwner", "Person", HandOverItem.from_owner_id, "移出人", "Who had it"),
        one("toOwner", "Person", HandOverItem.to_owner_id, "接收人", "Who takes it"),
        one("fromUnit", "OrgUnit", HandOverItem.from_unit_id, "移出机构", "The unit that had it"),
        one("toUnit", "OrgUnit", HandOverItem.to_unit_id, "接收机构", "The unit that takes it"),
    ),
)

CATALOGUE = Catalogue(
    entities=(HAND_OVER, HAND_OVER_ITEM),
    roots=(
        ListRoot("handOvers", "HandOver", Bilingual("可见的客户移交", "The hand-overs that the caller may see")),
        OneRoot("handOver", "HandOver", Bilingual("一次客户移交", "One hand-over")),
    ),
)
