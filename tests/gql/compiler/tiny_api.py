"""A small API over real tables, to try the compiler without the whole catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select

from steward_core.clients.models import Client, ClientStatus, Contact, Contract
from steward_core.clients.row_kinds import CLIENT as CLIENT_ROWS
from steward_core.clients.row_kinds import CONTACT as CONTACT_ROWS
from steward_core.clients.row_kinds import CONTRACT as CONTRACT_ROWS
from steward_core.forms.models import FormRecord
from steward_core.forms.row_kind import FORM_RECORD
from steward_graphql.declared.api import Api
from steward_graphql.declared.entities import (
    Batched,
    Catalogue,
    Concrete,
    Condition,
    Entity,
    Link,
    ListRoot,
    Many,
    OneRoot,
    Row,
    Special,
    Value,
    column,
    computed,
    many,
    masked,
    one,
)
from steward_graphql.declared.scalars import FEN, INT, JSON, STRING, enum_of
from steward_graphql.schema.build import build_api
from steward_tenants.access.permissions import PEOPLE_VIEW, REVEAL_IDENTITY, UNITS_VIEW
from steward_tenants.access.row_kinds import PERSON, UNIT
from steward_tenants.database.session import ReadSession
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual

STATUS = enum_of(ClientStatus, "ClientStatus", "客户状态", "Status of a client")
TEXT = Bilingual("测试", "Test")


async def _named(_session: ReadSession, value: Any, _today: date) -> Condition:
    def condition(row: Row) -> ColumnElement[bool]:
        found: ColumnElement[bool] = row.table.name == value
        return found

    return condition


async def _coded(_session: ReadSession, value: Any, _today: date) -> Condition:
    def condition(row: Row) -> ColumnElement[bool]:
        found: ColumnElement[bool] = row.table.code.in_([one["code"] for one in value])
        return found

    return condition


async def _scores(_session: ReadSession, ids: Sequence[UUID], _today: date) -> Mapping[UUID, Any]:
    return dict.fromkeys(ids, 1)


def _siblings(row: Row, other: Row) -> ColumnElement[bool]:
    """Contacts of the same client as the row's main contact: a link through a table, correlated by itself."""
    middle = Contact.__table__.alias("middle")
    return (
        select(middle.c.id)
        .where(row.within(middle), middle.c.client_id == row.table.id, middle.c.id == other.table.id, middle.c.main)
        .exists()
    )


SIBLINGS: Link = _siblings

CLIENT = Entity(
    "Client",
    Client,
    TEXT,
    kind=CLIENT_ROWS,
    order=(("name", False),),
    fields=(
        column(Client.id, "编号", "Id", filter=True),
        column(Client.code, "编码", "Code", filter=True, order=True),
        column(Client.name, "名称", "Name", filter=True, order=True),
        column(Client.status, "状态", "Status", kind=STATUS, filter=True, order=True, group=True),
        column(Client.tier, "等级", "Tier", filter=True, order=True, group=True),
        column(Client.latitude, "纬度", "Latitude", filter=True, order=True),
        column(Client.last_activity_on, "最近活动", "Last activity", filter=True, order=True, group=True),
        column(Client.created_at, "建档时间", "Created", filter=True, order=True, group=True),
        column(Client.version, "版本", "Version", kind=INT, filter=True, order=True, aggregate=True),
        column(Client.owner_id, "客户经理编号", "Owner id", filter=True, group=True),
        column(Client.custom, "自定义", "Custom", kind=JSON),
        masked(Client.phone, CLIENT_ROWS, "电话", "Phone"),
        column(Client.region, "区域", "Region", permission=REVEAL_IDENTITY, filter=True, order=True),
        computed("shout", STRING, lambda row: row.table.short_name, "简称", "Short name", nullable=False),
        Value(
            "picked",
            JSON,
            TEXT,
            lambda row: row.table.custom,
            argument="keys",
            expression_by=lambda row, keys: row.table.custom.op("-")(keys),
        ),
        Batched("score", INT, TEXT, _scores),
        one("owner", "Person", Client.owner_id, "客户经理", "Owner"),
        one("unit", "OrgUnit", Client.unit_id, "机构", "Unit", granted=True),
        one("parent", "Client", Client.parent_id, "上级", "Parent"),
        many("contacts", "Contact", "client_id", "联系人", "Contacts", filter=True),
        many("contracts", "Contract", "client_id", "合同", "Contracts", filter=True),
        many("records", "FormRecord", "client_id", "表单", "Records", filter=True),
        many("children", "Client", "parent_id", "下级", "Children", filter=True),
        Many("mainContacts", "Contact", TEXT, SIBLINGS, filter=True),
    ),
    specials=(
        Special("named", TEXT, _named, kind=STRING),
        Special("coded", TEXT, _coded, shape=(("code", STRING, True, TEXT),), shape_name="CodedInput", listed=True),
    ),
)
CONTACT = Entity(
    "Contact",
    Contact,
    TEXT,
    kind=CONTACT_ROWS,
    always=lambda row: row.table.left_on.is_(None),
    fields=(
        column(Contact.id, "编号", "Id"),
        column(Contact.name, "姓名", "Name", filter=True, order=True),
        column(Contact.roles, "角色", "Roles", filter=True),
        column(Contact.main, "主要", "Main", filter=True),
        masked(Contact.phone, CONTACT_ROWS, "电话", "Phone"),
        one("client", "Client", Contact.client_id, "客户", "Client"),
    ),
)
CONTRACT = Entity(
    "Contract",
    Contract,
    TEXT,
    kind=CONTRACT_ROWS,
    fields=(
        column(Contract.id, "编号", "Id"),
        column(Contract.number, "编号", "Number", filter=True, order=True),
        column(Contract.kind, "类别", "Kind", group=True, filter=True),
        column(Contract.start_on, "开始", "Start", filter=True, order=True, group=True),
        column(Contract.amount, "金额", "Amount", kind=FEN, filter=True, order=True, aggregate=True, group=True),
        one("client", "Client", Contract.client_id, "客户", "Client"),
    ),
)
PEOPLE = Entity(
    "Person",
    User,
    TEXT,
    kind=PERSON,
    view=PEOPLE_VIEW,
    fields=(
        column(User.id, "编号", "Id"),
        column(User.name, "姓名", "Name", filter=True, order=True),
        one("unit", "OrgUnit", User.unit_id, "机构", "Unit"),
        many("clients", "Client", "owner_id", "客户", "Clients"),
    ),
)
UNITS = Entity(
    "OrgUnit",
    OrgUnit,
    TEXT,
    kind=UNIT,
    view=UNITS_VIEW,
    fields=(
        column(OrgUnit.id, "编号", "Id"),
        column(OrgUnit.name, "名称", "Name", filter=True),
        many("people", "Person", "unit_id", "人员", "People"),
    ),
)
_SHARED = (
    column(FormRecord.id, "编号", "Id"),
    column(FormRecord.title, "标题", "Title", filter=True, order=True),
    column(FormRecord.form, "表单", "Form", filter=True, group=True),
    one("client", "Client", FormRecord.client_id, "客户", "Client"),
)
RECORDS = Entity(
    "FormRecord",
    FormRecord,
    TEXT,
    kind=FORM_RECORD,
    fields=_SHARED,
    concrete=(
        Concrete("VisitRecord", lambda row: row.table.form == "tiny.visit"),
        Concrete("CareRecord", lambda row: row.table.form == "tiny.care"),
        Concrete("OtherRecord", lambda row: row.table.form.not_in(["tiny.visit", "tiny.care"])),
    ),
)
VISITS = Entity(
    "VisitRecord",
    FormRecord,
    TEXT,
    kind=FORM_RECORD,
    belongs=lambda row: row.table.form == "tiny.visit",
    interfaces=("FormRecord",),
    fields=(
        *_SHARED,
        computed("purpose", STRING, lambda row: row.table.document["purpose"].astext, "目的", "Purpose", filter=True),
    ),
)
CARE = Entity(
    "CareRecord",
    FormRecord,
    TEXT,
    kind=FORM_RECORD,
    belongs=lambda row: row.table.form == "tiny.care",
    interfaces=("FormRecord",),
    fields=(*_SHARED, computed("gift", STRING, lambda row: row.table.document["gift"].astext, "礼品", "Gift")),
)
OTHER = Entity("OtherRecord", FormRecord, TEXT, kind=FORM_RECORD, interfaces=("FormRecord",), fields=_SHARED)

CATALOGUE = Catalogue(
    entities=(CLIENT, CONTACT, CONTRACT, PEOPLE, UNITS, RECORDS, VISITS, CARE, OTHER),
    roots=(
        ListRoot("clients", "Client", TEXT),
        ListRoot("contacts", "Contact", TEXT),
        ListRoot("contracts", "Contract", TEXT),
        ListRoot("people", "Person", TEXT),
        ListRoot("units", "OrgUnit", TEXT),
        ListRoot("records", "FormRecord", TEXT),
        ListRoot("visits", "VisitRecord", TEXT),
        OneRoot("client", "Client", TEXT),
        OneRoot("clientByCode", "Client", TEXT, arguments=(("code", STRING, "code"),)),
        OneRoot("me", "Person", TEXT, arguments=(), of_actor="id"),
    ),
)


def tiny_api() -> Api:
    """The API of the small catalogue."""
    return build_api([CATALOGUE], [], [], [], frozenset())
