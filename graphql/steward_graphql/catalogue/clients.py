"""Clients with their contacts, kinds and tiers. Phones and e-mail addresses are always masked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import aliased

from steward_core.clients.models import (
    Arrears,
    Attachment,
    Client,
    ClientKind,
    ClientNote,
    ClientProduct,
    ClientStatus,
    ClientTier,
    Contact,
    Contract,
    ContractStatus,
)
from steward_core.clients.row_kinds import CLIENT as CLIENT_ROWS
from steward_core.clients.row_kinds import CONTACT as CONTACT_ROWS
from steward_core.permissions import CLIENTS_VIEW
from steward_graphql.catalogue.client_filters import CLIENT_FILTERS
from steward_graphql.catalogue.client_histories import CLIENT_CHANGE, CLIENT_MERGE, CLIENT_OWNERSHIP, DUPLICATE_PAIR
from steward_graphql.catalogue.client_names import client_name, unit_name
from steward_graphql.catalogue.custom_filters import custom_filter, custom_values
from steward_graphql.catalogue.people import name_of
from steward_graphql.catalogue.plugin_fields import plugin_fields
from steward_graphql.declared.entities import (
    Catalogue,
    Entity,
    Expression,
    ListRoot,
    OneRoot,
    Row,
    column,
    computed,
    many,
    masked,
    one,
)
from steward_graphql.declared.scalars import FEN, INT, STRING, enum_of
from steward_tenants.access.symbolic import TODAY
from steward_tenants.texts import Bilingual

__all__ = ["CATALOGUE", "CLIENT", "CLIENT_STATUS", "CONTACT", "plugin_fields"]

CLIENT_STATUS = enum_of(
    ClientStatus,
    "ClientStatus",
    "客户生命周期状态",
    "Where a client stands in its life cycle",
    {
        "prospect": ("潜在客户", "Prospect"),
        "active": ("在网客户", "Active"),
        "dormant": ("休眠客户", "Dormant"),
        "closed": ("已销户", "Closed"),
        "merged": ("已并入其他客户", "Merged into another client"),
    },
)


def _figure(table: Any, figure: Callable[[Any], Any], *conditions: Callable[[Any], ColumnElement[bool]]) -> Expression:
    """A figure over the rows of a table that hang on the client."""

    def expression(row: Row) -> ColumnElement[Any]:
        held: Any = aliased(table)
        return (
            select(figure(held))
            .where(row.within(held), held.client_id == row.table.id, *(condition(held) for condition in conditions))
            .correlate(row.table)
            .scalar_subquery()
        )

    return expression


def _count(_table: Any) -> ColumnElement[int]:
    return func.count()


def _clients_below(row: Row) -> ColumnElement[Any]:
    below: Any = aliased(Client)
    return (
        select(func.count())
        .where(
            row.within(below),
            below.parent_id == row.table.id,
            below.status != ClientStatus.MERGED.value,
            CLIENT_ROWS.reached(row.planning.session, CLIENTS_VIEW, TODAY, below),
        )
        .correlate(row.table)
        .scalar_subquery()
    )


def _tier_rank(row: Row) -> ColumnElement[Any]:
    tier: Any = aliased(ClientTier)
    return select(tier.rank).where(row.within(tier), tier.key == row.table.tier).correlate(row.table).scalar_subquery()


def _not_merged(row: Row) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = row.table.status != ClientStatus.MERGED.value
    return condition


CLIENT = Entity(
    "Client",
    Client,
    Bilingual(
        "客户：由客户经理管理的单位或商户；列表不含已并入其他客户的",
        "A client: a company or shop that somebody manages; lists leave out those merged into another",
    ),
    kind=CLIENT_ROWS,
    always=_not_merged,
    order=(("name", False),),
    specials=CLIENT_FILTERS,
    fields=(
        column(Client.id, "编号", "Identifier", filter=True),
        column(Client.code, "客户编码（本单位自编）", "The company's own number for it", filter=True, order=True),
        column(Client.name, "客户名称", "Its full name", filter=True, order=True),
        column(Client.short_name, "客户简称", "Its short name", filter=True),
        column(Client.credit_code, "统一社会信用代码", "Unified social credit code (GB 32100)", filter=True),
        column(Client.kind, "客户类型的标识", "Key of its kind", filter=True, group=True),
        column(Client.tier, "客户等级的标识", "Key of its tier", filter=True, group=True),
        computed("tierRank", INT, _tier_rank, "等级序号，1 为最高", "Rank of its tier, 1 the highest", order=True),
        column(Client.trade, "行业细分", "The industry's own subdivision", filter=True, group=True),
        column(Client.status, "生命周期状态", "Life cycle status", kind=CLIENT_STATUS, filter=True, group=True),
        masked(Client.phone, CLIENT_ROWS, "电话，脱敏显示", "Phone number, masked"),
        column(Client.region, "区域", "Region", filter=True, order=True, group=True),
        column(Client.address, "地址", "Address"),
        column(Client.latitude, "纬度（度，WGS 84）", "Latitude in degrees, WGS 84", filter=True),
        column(Client.longitude, "经度（度，WGS 84）", "Longitude in degrees, WGS 84", filter=True),
        column(Client.potential_needs, "潜在需求", "Potential needs"),
        column(Client.competitor_presence, "竞争对手情况", "Competitors' presence"),
        column(Client.source, "客户来源", "Where the client came from", filter=True, group=True),
        column(
            Client.basic_confirmed_on,
            "基本档案上次复核日期",
            "The day when its basic profile was last confirmed",
            filter=True,
            order=True,
        ),
        column(
            Client.personal_confirmed_on,
            "个性化档案上次复核日期",
            "The day when its personal profile was last confirmed",
            filter=True,
            order=True,
        ),
        column(Client.last_activity_on, "最近活动日期", "The day of its last activity", filter=True, order=True),
        column(Client.pool_since, "进入公海的时间", "Since when it is in the public pool", filter=True, order=True),
        column(
            Client.owner_id, "客户经理编号；空为公海", "Id of its owner; none: in the pool", filter=True, group=True
        ),
        computed("ownerName", STRING, name_of("owner_id"), "客户经理姓名", "Name of its owner"),
        column(Client.deputy_id, "B 角客户经理编号", "Id of its second manager", filter=True),
        computed("deputyName", STRING, name_of("deputy_id"), "B 角客户经理姓名", "Name of its second manager"),
        column(Client.unit_id, "所属机构编号", "Id of its unit", filter=True, group=True),
        computed("unitName", STRING, unit_name("unit_id"), "所属机构名称", "Name of its unit"),
        column(Client.parent_id, "上级客户编号", "Id of the client that decides for it", filter=True),
        column(Client.merged_into_id, "并入的客户编号", "Id of the client that it was merged into"),
        column(Client.created_at, "创建时间", "When it was entered", filter=True, order=True, group=True),
        column(Client.updated_at, "修改时间", "When it was last changed", filter=True, order=True),
        column(Client.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"),
        custom_values(),
        computed(
            "openArrears",
            FEN,
            _figure(
                Arrears,
                lambda held: func.coalesce(func.sum(held.amount - held.paid), 0),
                lambda held: held.paid < held.amount,
            ),
            "未缴清的欠费合计（分）",
            "What it owes in all, in fen",
            nullable=False,
        ),
        computed("contractCount", INT, _figure(Contract, _count), "合同数", "Its contracts", nullable=False),
        computed(
            "activeContracts",
            INT,
            _figure(Contract, _count, lambda held: held.status == ContractStatus.ACTIVE.value),
            "有效合同数",
            "Its active contracts",
            nullable=False,
        ),
        computed(
            "productsInUse",
            INT,
            _figure(ClientProduct, _count, lambda held: held.ended_on.is_(None)),
            "在用产品数",
            "Its products in use",
            nullable=False,
        ),
        computed(
            "noteCount",
            INT,
            _figure(ClientNote, _count, lambda held: held.removed_at.is_(None)),
            "备注数",
            "Its notes",
            nullable=False,
        ),
        computed("attachmentCount", INT, _figure(Attachment, _count), "附件数", "Its attachments", nullable=False),
        computed(
            "clientsBelow",
            INT,
            _clients_below,
            "直接下级客户数（可见范围内）",
            "Clients right below it that the caller reaches",
            nullable=False,
        ),
        one("owner", "Person", Client.owner_id, "客户经理；空为公海", "The account manager; none: in the pool"),
        one("deputy", "Person", Client.deputy_id, "B 角客户经理", "The second manager"),
        one("unit", "OrgUnit", Client.unit_id, "所属机构", "The unit that it belongs to"),
        one("parent", "Client", Client.parent_id, "上级（决策）客户", "The client that decides for it"),
        many("children", "Client", "parent_id", "直接下级客户", "The clients right below it", filter=True),
        one("mergedInto", "Client", Client.merged_into_id, "并入的客户", "The client that it was merged into"),
        many("merges", "ClientMerge", "survivor_id", "并入本客户的客户", "The clients merged into it"),
        one("clientKind", "ClientKind", Client.kind, "客户类型", "Its kind", key="key", granted=True),
        one("clientTier", "ClientTier", Client.tier, "客户等级", "Its tier", key="key", granted=True),
        many("contacts", "Contact", "client_id", "联系人", "Its contacts", filter=True, granted=True),
        many("contracts", "Contract", "client_id", "合同", "Its contracts", filter=True, granted=True),
        many("products", "ClientProduct", "client_id", "在用产品", "Its products in use", filter=True, granted=True),
        many("arrears", "Arrears", "client_id", "欠费", "What it owes", filter=True, granted=True),
        many("notes", "ClientNote", "client_id", "备注", "Notes on it", granted=True),
        many("attachments", "Attachment", "client_id", "附件", "Files on it", granted=True),
        many("visits", "Visit", "client_id", "数据范围内的走访", "Visits to it within reach"),
        many("ownership", "ClientOwnership", "client_id", "归属历史", "Who owned it and when", granted=True),
        many("changes", "ClientChange", "client_id", "等级与状态变更", "Changes of tier and status", granted=True),
        many("facts", "ClientFact", "client_id", "数据指标（现行值）", "Its figures in force", filter=True),
        many("factRevisions", "FactRevision", "client_id", "数据指标的全部修订", "Every revision of its figures"),
        many("records", "FormRecord", "client_id", "业务表单记录", "Its form records", filter=True),
        many("gradingResults", "GradingResult", "client_id", "评级结果", "Its results in gradings"),
        many("gradingObjections", "GradingObjection", "client_id", "评级异议", "Objections to its gradings"),
    ),
)

CONTACT = Entity(
    "Contact",
    Contact,
    Bilingual("联系人：客户方的人员", "A contact: a person at a client"),
    kind=CONTACT_ROWS,
    order=(("main", True), ("name", False)),
    specials=(custom_filter("contact"),),
    fields=(
        column(Contact.id, "编号", "Identifier", filter=True),
        column(Contact.client_id, "客户编号", "Id of the client", filter=True),
        computed("clientName", STRING, client_name(), "客户名称", "Name of the client"),
        column(Contact.name, "姓名", "Name", filter=True, order=True),
        column(Contact.roles, "角色（决策人、关键人等）", "Roles such as decision_maker or key_person", filter=True),
        column(Contact.main, "是否首要联系人", "Whether it is the main contact", filter=True, order=True),
        column(Contact.position, "职务", "Job title", filter=True),
        column(Contact.department, "部门", "Department", filter=True),
        masked(Contact.phone, CONTACT_ROWS, "电话，脱敏显示", "Phone number, masked"),
        masked(Contact.email, CONTACT_ROWS, "邮箱，脱敏显示", "E-mail address, masked"),
        column(Contact.birthday, "生日", "Birthday"),
        column(Contact.preferences, "偏好", "Preferences"),
        column(Contact.left_on, "离职日期；空为在职", "The day of leaving; none: still there", filter=True, order=True),
        column(Contact.created_at, "创建时间", "When the contact was entered", filter=True, order=True),
        column(Contact.updated_at, "修改时间", "When the contact was last changed", filter=True, order=True),
        column(Contact.version, "版本，修改时用于检查冲突", "Counts changes; a change names the one it saw"),
        custom_values(),
        one("client", "Client", Contact.client_id, "所属客户", "The client", granted=True),
    ),
)

CLIENT_KIND = Entity(
    "ClientKind",
    ClientKind,
    Bilingual("客户类型", "A kind of client"),
    key=("key",),
    order=(("key", False),),
    node=False,
    fields=(
        column(ClientKind.key, "标识", "Key", filter=True, order=True),
        column(ClientKind.title_zh, "中文名称", "Title in Chinese", filter=True),
        column(ClientKind.title_en, "英文名称", "Title in English", filter=True),
        column(ClientKind.plugin, "来自的行业插件；空为自建", "The plugin that brought it; empty: own", filter=True),
        column(ClientKind.retired, "是否停用", "Whether it is given to nobody any more", filter=True),
        column(ClientKind.version, "版本", "Counts its changes"),
    ),
)

CLIENT_TIER = Entity(
    "ClientTier",
    ClientTier,
    Bilingual("客户等级（价值分级）", "A tier of clients: a class of value"),
    key=("key",),
    order=(("rank", False),),
    node=False,
    fields=(
        column(ClientTier.key, "标识", "Key", filter=True, order=True),
        column(ClientTier.title_zh, "中文名称", "Title in Chinese", filter=True),
        column(ClientTier.title_en, "英文名称", "Title in English", filter=True),
        column(ClientTier.rank, "等级序号，1 为最高", "Rank, 1 the highest", filter=True, order=True),
        column(ClientTier.plugin, "来自的行业插件；空为自建", "The plugin that brought it; empty: own", filter=True),
        column(ClientTier.retired, "是否停用", "Whether it is given to nobody any more", filter=True),
        column(ClientTier.version, "版本", "Counts its changes"),
    ),
)

CATALOGUE = Catalogue(
    entities=(
        CLIENT,
        CONTACT,
        CLIENT_CHANGE,
        CLIENT_OWNERSHIP,
        CLIENT_MERGE,
        DUPLICATE_PAIR,
        CLIENT_KIND,
        CLIENT_TIER,
    ),
    roots=(
        ListRoot("clients", "Client", Bilingual("数据范围内的客户", "The clients within reach")),
        OneRoot("client", "Client", Bilingual("一个客户", "One client")),
        ListRoot("contacts", "Contact", Bilingual("数据范围内客户的联系人", "The contacts of clients within reach")),
        OneRoot("contact", "Contact", Bilingual("一个联系人", "One contact")),
        ListRoot("clientMerges", "ClientMerge", Bilingual("客户合并记录", "Merges of clients")),
        ListRoot("clientChanges", "ClientChange", Bilingual("等级与状态变更", "Changes of tiers and statuses")),
        ListRoot("duplicatePairs", "DuplicatePair", Bilingual("疑似重复的客户", "Clients that may be one")),
        OneRoot("duplicatePair", "DuplicatePair", Bilingual("一对疑似重复的客户", "One pair that may be one client")),
        ListRoot("clientKinds", "ClientKind", Bilingual("客户类型", "The kinds of clients")),
        OneRoot("clientKind", "ClientKind", Bilingual("一个客户类型", "One kind"), (("key", STRING, "key"),)),
        ListRoot("clientTiers", "ClientTier", Bilingual("客户等级", "The tiers of clients")),
        OneRoot("clientTier", "ClientTier", Bilingual("一个客户等级", "One tier"), (("key", STRING, "key"),)),
    ),
)
