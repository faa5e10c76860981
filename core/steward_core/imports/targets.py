"""What can be imported: the targets by key, with their fields and the work on their rows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, tzinfo
from functools import partial

from steward_core.clients.holdings import fen, line, quantity
from steward_core.clients.holdings import text as note
from steward_core.clients.models import Client, ContractStatus
from steward_core.clients.rules import CONTACT_FIELDS, CONTACT_ROLES
from steward_core.forms.models import FormRecord
from steward_core.imports import fields as kinds
from steward_core.imports.client_fields import client_fields, custom_import_fields, remembering
from steward_core.imports.clients import ClientWork
from steward_core.imports.errors import TargetUnknown
from steward_core.imports.fact_rows import FactWork, fact_row_fields
from steward_core.imports.fields import ImportField, not_negative
from steward_core.imports.form_rows import FormWork, form_fields
from steward_core.imports.hanging import (
    ARREARS_OF_CLIENTS,
    CONTACTS,
    CONTRACTS,
    PRODUCTS,
    USES,
    Hanging,
    HangingWork,
)
from steward_core.imports.work import Fields, Target
from steward_core.industry.dispatcher import enabled_form
from steward_core.permissions import CLIENTS_EDIT, FACTS_RECORD, FORMS_EDIT, POLICIES_MANAGE
from steward_core.spreadsheets.writers import ColumnKind
from steward_tenants.access.fields import EMAIL, PHONE
from steward_tenants.access.permissions import Permission
from steward_tenants.database.session import TenantSession
from steward_tenants.texts import Bilingual

FORM = "form:"
_CLIENT = ImportField(
    "client",
    Bilingual("客户编码", "Client code"),
    kinds.code(64),
    aliases=("客户编号", "客户代码", "客户号", "client code"),
    required=True,
)
_STATUSES = {
    ContractStatus.DRAFT.value: Bilingual("草稿", "draft"),
    ContractStatus.ACTIVE.value: Bilingual("履行中", "active"),
    ContractStatus.ENDED.value: Bilingual("已到期", "ended"),
    ContractStatus.TERMINATED.value: Bilingual("已终止", "terminated"),
}


def _text(key: str, zh: str, en: str, longest: int, *aliases: str, required: bool = False) -> ImportField:
    clean = note if key == "note" else line(longest)
    return ImportField(key, Bilingual(zh, en), kinds.line_of(longest, clean), aliases=aliases, required=required)


def _day(key: str, zh: str, en: str, *aliases: str, required: bool = False) -> ImportField:
    return ImportField(key, Bilingual(zh, en), kinds.day, aliases=aliases, required=required, kind=ColumnKind.DATE)


def _money(key: str, zh: str, en: str, *aliases: str, required: bool = False) -> ImportField:
    read = kinds.then(not_negative(kinds.MONEY), fen)
    return ImportField(key, Bilingual(zh, en), read, aliases=aliases, required=required, kind=ColumnKind.MONEY)


async def _contact_fields(session: TenantSession, _wanted: Collection[str] = ()) -> tuple[ImportField, ...]:
    clean = CONTACT_FIELDS
    return (
        _CLIENT,
        ImportField("name", Bilingual("姓名", "Name"), kinds.line_of(100, clean["name"]),
                    aliases=("联系人", "联系人姓名"), required=True),
        ImportField("roles", Bilingual("角色", "Roles"), remembering(kinds.several(CONTACT_ROLES)),
                    aliases=("联系人角色", "身份")),
        ImportField("main", Bilingual("主要联系人", "Main contact"), kinds.BOOLEAN, aliases=("是否主要联系人",),
                    kind=ColumnKind.BOOLEAN),
        ImportField("position", Bilingual("职务", "Position"), kinds.line_of(100, clean["position"]),
                    aliases=("岗位",)),
        ImportField("department", Bilingual("部门", "Department"), kinds.line_of(100, clean["department"])),
        ImportField("phone", Bilingual("电话", "Phone"), kinds.PHONE, aliases=("手机", "手机号", "联系电话"),
                    masked=PHONE),
        ImportField("email", Bilingual("邮箱", "E-mail"), kinds.line_of(254, clean["email"]), aliases=("email",),
                    masked=EMAIL),
        ImportField("birthday", Bilingual("生日", "Birthday"), kinds.then(kinds.day, clean["birthday"]),
                    aliases=("出生日期",), kind=ColumnKind.DATE),
        ImportField("preferences", Bilingual("喜好", "Preferences"), kinds.line_of(4000, clean["preferences"]),
                    aliases=("爱好",)),
        _day("left_on", "离职日期", "Left on"),
        *await custom_import_fields(session, "contact"),
    )  # fmt: skip


async def _contract_fields(_session: TenantSession, _wanted: Collection[str] = ()) -> tuple[ImportField, ...]:
    return (
        _CLIENT,
        ImportField("number", Bilingual("合同编号", "Contract number"), kinds.code(64, line(64)), aliases=("合同号",),
                    required=True),
        _text("title", "合同名称", "Title", 200, "合同标题", required=True),
        _text("kind", "合同类型", "Kind", 64),
        ImportField("status", Bilingual("合同状态", "Status"), kinds.choice(_STATUSES),
                    choices=tuple(title.zh for title in _STATUSES.values())),
        _day("signed_on", "签订日期", "Signed on", "签约日期"),
        _day("start_on", "开始日期", "Starts on", "生效日期", "起始日期", required=True),
        _day("end_on", "结束日期", "Ends on", "到期日期", "终止日期"),
        _money("amount", "合同金额", "Amount", "金额"),
        _text("note", "备注", "Note", 4000),
    )  # fmt: skip


async def _product_fields(_session: TenantSession, _wanted: Collection[str] = ()) -> tuple[ImportField, ...]:
    return (
        ImportField(
            "code", Bilingual("产品编码", "Product code"), kinds.code(64, line(64)), aliases=("编码",), required=True
        ),
        _text("name", "产品名称", "Product name", 200, "名称", required=True),
        _text("category", "产品类别", "Category", 100, "类别", "品类"),
        _text("measure", "计量单位", "Unit of measure", 32, "单位"),
        ImportField("retired", Bilingual("已停用", "Retired"), kinds.BOOLEAN, kind=ColumnKind.BOOLEAN),
    )


async def _use_fields(_session: TenantSession, _wanted: Collection[str] = ()) -> tuple[ImportField, ...]:
    return (
        _CLIENT,
        ImportField("product", Bilingual("产品编码", "Product code"), kinds.code(64), aliases=("产品",), required=True),
        ImportField(
            "quantity",
            Bilingual("数量", "Quantity"),
            kinds.then(not_negative(kinds.NUMBER), quantity),
            kind=ColumnKind.NUMBER,
        ),
        _money("monthly_amount", "月费", "Monthly amount", "月租"),
        _day("started_on", "启用日期", "Started on", "开通日期"),
        _day("ended_on", "停用日期", "Ended on"),
        _text("note", "备注", "Note", 4000),
    )


async def _arrears_fields(_session: TenantSession, _wanted: Collection[str] = ()) -> tuple[ImportField, ...]:
    return (
        _CLIENT,
        ImportField(
            "period", Bilingual("账期", "Period"), kinds.code(20, line(20)), aliases=("月份", "欠费月份"), required=True
        ),
        _text("source", "来源", "Source", 64),
        _money("amount", "欠费金额", "Amount", "欠费", "金额", required=True),
        _money("paid", "已缴金额", "Paid", "已缴"),
        _day("due_on", "应缴日期", "Due on", "缴费期限", required=True),
        _day("settled_on", "结清日期", "Settled on"),
        _text("note", "备注", "Note", 4000),
    )


def _hanging(spec: Hanging, zh: str, en: str, fields: Fields, permission: Permission = CLIENTS_EDIT) -> Target:
    make = partial(_make_hanging, spec)
    return Target(spec.key, Bilingual(zh, en), (permission,), fields, make, spec.table)


def _make_hanging(spec: Hanging, session: TenantSession, plan: object, **more: object) -> HangingWork:
    return HangingWork(session, plan, spec, **more)


TARGETS: dict[str, Target] = {
    target.key: target
    for target in (
        Target("client", Bilingual("客户", "Clients"), (CLIENTS_EDIT,), client_fields, ClientWork, Client),
        _hanging(CONTACTS, "联系人", "Contacts", _contact_fields),
        _hanging(CONTRACTS, "合同", "Contracts", _contract_fields),
        _hanging(PRODUCTS, "产品目录", "Products", _product_fields, POLICIES_MANAGE),
        _hanging(USES, "在用产品", "Products in use", _use_fields),
        _hanging(ARREARS_OF_CLIENTS, "欠费", "Arrears", _arrears_fields),
        Target("fact", Bilingual("客户数据指标", "Client facts"), (FACTS_RECORD,), fact_row_fields, FactWork, None),
    )
}


async def target_of(session: TenantSession, key: str, *, zone: tzinfo = UTC) -> Target:
    """The target of this key; forms are those of the plugins that are on here. Raises TargetUnknown, FormNotFound."""
    if key in TARGETS:
        return TARGETS[key]
    if not key.startswith(FORM):
        raise TargetUnknown(target=key[:100])
    full_key = key.removeprefix(FORM)
    _, form = await enabled_form(session, full_key)

    async def fields(session: TenantSession, wanted: Collection[str] = ()) -> tuple[ImportField, ...]:
        return await form_fields(session, form, full_key, wanted, zone)

    def make(session: TenantSession, plan: object, **more: object) -> FormWork:
        return FormWork(session, plan, form, full_key, **more)

    return Target(key, form.about.title, (FORMS_EDIT,), fields, make, FormRecord)
