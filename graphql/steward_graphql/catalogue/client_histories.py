"""What became of clients: changes of tier and status, owners, merges, and pairs that may be one client."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import aliased

from steward_core.clients.models import (
    Client,
    ClientChange,
    ClientMerge,
    ClientOwnership,
    ClientStatus,
    DuplicatePair,
    DuplicateStatus,
)
from steward_core.clients.row_kinds import CLIENT as CLIENT_ROWS
from steward_core.permissions import CLIENTS_MERGE
from steward_graphql.catalogue.client_names import below_client, unit_name
from steward_graphql.catalogue.people import name_of
from steward_graphql.declared.entities import Entity, Link, One, Row, column, computed, one
from steward_graphql.declared.scalars import STRING, enum_of
from steward_tenants.access.symbolic import TODAY
from steward_tenants.texts import Bilingual

DUPLICATE_STATUS = enum_of(
    DuplicateStatus,
    "DuplicateStatus",
    "疑似重复的处理状态",
    "What was decided on a pair of possible duplicates",
    {
        "open": ("待处理", "Open"),
        "dismissed": ("已排除", "Dismissed: two different clients"),
        "merged": ("已合并", "Merged"),
    },
)

CLIENT_CHANGE = Entity(
    "ClientChange",
    ClientChange,
    Bilingual("客户等级或状态的一次变更", "One change of a client's tier or status"),
    kind=below_client("client_change", "客户变更", "change of a client", ClientChange, ClientChange.client_id),
    order=(("changedAt", True),),
    fields=(
        column(ClientChange.id, "编号", "Identifier", filter=True),
        column(ClientChange.client_id, "客户编号", "Id of the client", filter=True),
        column(ClientChange.field, "变更项：tier 或 status", "What changed: tier or status", filter=True, group=True),
        column(ClientChange.before, "变更前", "What it was", filter=True),
        column(ClientChange.after, "变更后", "What it is since", filter=True, group=True),
        column(ClientChange.reason, "原因", "Why"),
        column(
            ClientChange.source,
            "来源：manual、import、grading、merge 或 pool",
            "Where it came from: manual, import, grading, merge or pool",
            filter=True,
            group=True,
        ),
        column(ClientChange.changed_at, "变更时间", "When", filter=True, order=True, group=True),
        column(ClientChange.changed_by, "变更人编号", "Id of who changed it", name="changedById", filter=True),
        computed("changedByName", STRING, name_of("changed_by"), "变更人姓名", "Name of who changed it"),
        one("client", "Client", ClientChange.client_id, "客户", "The client", granted=True),
        one("changedBy", "Person", ClientChange.changed_by, "变更人", "Who changed it"),
    ),
)

CLIENT_OWNERSHIP = Entity(
    "ClientOwnership",
    ClientOwnership,
    Bilingual("客户在某段时间的归属", "Who owned a client, and in which unit it stood, over some days"),
    kind=below_client("client_ownership", "客户归属", "ownership", ClientOwnership, ClientOwnership.client_id),
    key=("client_id", "valid_from"),
    order=(("validFrom", True),),
    node=False,
    fields=(
        column(ClientOwnership.client_id, "客户编号", "Id of the client", filter=True),
        column(ClientOwnership.valid_from, "开始日期（含）", "From this day on", filter=True, order=True),
        column(
            ClientOwnership.valid_until,
            "结束日期（不含）；9999-12-31 为至今",
            "Until this day; 9999-12-31: still",
            filter=True,
            order=True,
        ),
        column(ClientOwnership.owner_id, "客户经理编号；空为公海", "Id of the owner; none: the pool", filter=True),
        computed("ownerName", STRING, name_of("owner_id"), "客户经理姓名", "Name of the owner"),
        column(ClientOwnership.unit_id, "所属机构编号", "Id of the unit", filter=True),
        computed("unitName", STRING, unit_name("unit_id"), "所属机构名称", "Name of the unit"),
        column(ClientOwnership.reason, "原因", "Why it came there"),
        one("client", "Client", ClientOwnership.client_id, "客户", "The client", granted=True),
        one("owner", "Person", ClientOwnership.owner_id, "客户经理", "The owner"),
        one("unit", "OrgUnit", ClientOwnership.unit_id, "所属机构", "The unit"),
    ),
)

CLIENT_MERGE = Entity(
    "ClientMerge",
    ClientMerge,
    Bilingual("一次客户合并：被并入的客户归到保留的客户", "A merge: one client was absorbed by another"),
    kind=below_client("client_merge", "客户合并", "merge of clients", ClientMerge, ClientMerge.absorbed_id),
    order=(("mergedAt", True),),
    fields=(
        column(ClientMerge.id, "编号", "Identifier", filter=True),
        column(ClientMerge.absorbed_id, "被并入的客户编号", "Id of the client that was absorbed", filter=True),
        column(ClientMerge.reason, "原因", "Why"),
        column(ClientMerge.merged_on, "合并日期", "The day of the merge", filter=True, order=True, group=True),
        column(ClientMerge.merged_at, "合并时间", "When", filter=True, order=True),
        column(ClientMerge.merged_by, "合并人编号", "Id of who merged them", name="mergedById", filter=True),
        computed("mergedByName", STRING, name_of("merged_by"), "合并人姓名", "Name of who merged them"),
        one("absorbed", "Client", ClientMerge.absorbed_id, "被并入的客户", "The client absorbed", granted=True),
        one("survivor", "Client", ClientMerge.survivor_id, "保留的客户", "The client that took it in"),
        one("mergedBy", "Person", ClientMerge.merged_by, "合并人", "Who merged them"),
    ),
)


def _side_seen(row: Row, attribute: str) -> ColumnElement[bool]:
    """That one client of a pair is within the scope of the right to merge."""
    side: Any = aliased(Client)
    return exists(
        select(side.id)
        .where(
            row.within(side),
            side.id == getattr(row.table, attribute),
            CLIENT_ROWS.reached(row.planning.session, CLIENTS_MERGE, TODAY, side),
        )
        .correlate(row.table)
    )


def _pair_seen(row: Row) -> ColumnElement[bool]:
    return or_(_side_seen(row, "first_id"), _side_seen(row, "second_id"))


def _both_there(row: Row) -> ColumnElement[bool]:
    """Of an open pair, that neither client was merged meanwhile."""
    gone: Any = aliased(Client)
    merged = exists(
        select(gone.id)
        .where(
            row.within(gone),
            gone.id.in_([row.table.first_id, row.table.second_id]),
            gone.status == ClientStatus.MERGED.value,
        )
        .correlate(row.table)
    )
    return or_(row.table.status != DuplicateStatus.OPEN.value, ~merged)


def _side(attribute: str) -> Link:
    """A client of a pair, told only within the scope of the right to merge."""

    def link(row: Row, other: Row) -> ColumnElement[bool]:
        return and_(
            other.table.id == getattr(row.table, attribute),
            CLIENT_ROWS.reached(row.planning.session, CLIENTS_MERGE, TODAY, other.table),
        )

    return link


DUPLICATE_PAIR = Entity(
    "DuplicatePair",
    DuplicatePair,
    Bilingual(
        "两个可能是同一家的客户；超出合并范围的一方不显示", "Two clients that may be one; a side out of scope is null"
    ),
    view=CLIENTS_MERGE,
    reach=_pair_seen,
    always=_both_there,
    order=(("foundAt", True),),
    fields=(
        column(DuplicatePair.id, "编号", "Identifier", filter=True),
        column(
            DuplicatePair.reasons,
            "原因：same_credit_code 或 near_equal_name",
            "Why: same_credit_code or near_equal_name",
            filter=True,
        ),
        column(DuplicatePair.status, "处理状态", "What was decided", kind=DUPLICATE_STATUS, filter=True, group=True),
        column(DuplicatePair.found_at, "发现时间", "When it was found", filter=True, order=True),
        column(DuplicatePair.decided_at, "处理时间", "When it was decided", filter=True, order=True),
        column(DuplicatePair.decided_by, "处理人编号", "Id of who decided", name="decidedById", filter=True),
        column(DuplicatePair.decision_reason, "处理理由", "Why it was decided so"),
        One("first", "Client", Bilingual("其中一个客户", "One of the two"), _side("first_id")),
        One("second", "Client", Bilingual("另一个客户", "The other one"), _side("second_id")),
        one("decidedBy", "Person", DuplicatePair.decided_by, "处理人", "Who decided"),
    ),
)
