"""The fields of a client that a file can fill."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from steward_core.clients.rules import CLIENT_FIELDS, CONTACT_FIELDS, CONTACT_ROLES, STATUS_TITLES
from steward_core.custom_fields.models import CustomField, FieldType
from steward_core.custom_fields.rules import clean_value, rules_of, to_json
from steward_core.custom_fields.service import fields_of as custom_fields_of
from steward_core.imports import fields as kinds
from steward_core.imports.facts import fact_fields
from steward_core.imports.fields import ImportField, Read, then
from steward_core.imports.references import kinds_in_use, tiers_in_use
from steward_core.spreadsheets.values import read_boolean, read_choice, read_date, read_integer, read_money, read_number
from steward_core.spreadsheets.writers import ColumnKind
from steward_tenants.access.fields import EMAIL, PHONE
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import FieldProblem
from steward_tenants.texts import Bilingual

_REMEMBERED = 2_000
CONTACT_PREFIX = "contact."


def remembering(read: Read) -> Read:
    """A reader of few different values that looks each of them up once."""
    known: dict[str, Any] = {}

    def remembered(cell: Any, path: tuple[str, ...]) -> Any:
        if not isinstance(cell, str) or len(cell) > 100:
            return read(cell, path)
        if cell not in known:
            if len(known) > _REMEMBERED:
                known.clear()
            known[cell] = read(cell, path)
        return known[cell]

    return remembered


def _cleaned_text(name: str, longest: int, table: Mapping[str, Callable[[Any], Any]] = CLIENT_FIELDS) -> Read:
    return kinds.line_of(longest, table[name])


def _plain(title: tuple[str, str], key: str, read: Read, *aliases: str, **more: Any) -> ImportField:
    return ImportField(key, Bilingual(*title), read, aliases=aliases, **more)


def degrees(name: str) -> Read:
    """A latitude or longitude."""
    return then(kinds.NUMBER, CLIENT_FIELDS[name])


async def client_fields(session: TenantSession, wanted: Collection[str] = ()) -> tuple[ImportField, ...]:
    """All fields of the target `client` in this tenant."""
    kinds_here = await kinds_in_use(session)
    tiers_here = await tiers_in_use(session)
    statuses = {status.value: title for status, title in STATUS_TITLES.items() if status.value != "merged"}
    fields = [
        _plain(("客户编码", "Client code"), "code", kinds.code(64, CLIENT_FIELDS["code"]), "编码", "客户编号",
               "客户代码", "客户号", "code", "customer id", "client id"),
        _plain(("客户名称", "Client name"), "name", _cleaned_text("name", 200), "名称", "客户", "单位名称", "企业名称",
               "公司名称", "商户名称", "店名", "customer name", "company", required=True),
        _plain(("简称", "Short name"), "short_name", _cleaned_text("short_name", 100), "客户简称"),
        _plain(("统一社会信用代码", "Unified social credit code"), "credit_code",
               kinds.code(64, CLIENT_FIELDS["credit_code"]), "信用代码", "社会信用代码", "credit code", "税号"),
        _plain(("客户类型", "Kind"), "kind", remembering(kinds.choice(kinds_here)), "类型", "客户类别", required=True,
               choices=_titles(kinds_here)),
        _plain(("客户等级", "Tier"), "tier", remembering(kinds.choice(tiers_here)), "等级", "客户级别", "分级", "档位",
               choices=_titles(tiers_here)),
        _plain(("行业细分", "Trade"), "trade", _cleaned_text("trade", 64), "行业", "业态", "经营业态"),
        _plain(("客户状态", "Status"), "status", remembering(kinds.choice(statuses)), "状态",
               choices=_titles(statuses)),
        _plain(("上级客户编码", "Parent client code"), "parent", kinds.code(64), "上级客户", "总部编码", "集团编码"),
        _plain(("部门编码", "Unit code"), "unit", kinds.code(64), "部门", "机构", "机构编码", "归属部门", "所属机构"),
        _plain(("客户经理", "Owner"), "owner", kinds.code(128), "客户经理工号", "客户经理账号", "负责人", "归属经理",
               "account manager", "owner login"),
        _plain(("B角", "Second manager"), "deputy", kinds.code(128), "b角客户经理", "代管经理"),
        _plain(("区域", "Region"), "region", _cleaned_text("region", 100), "地区", "区县", "片区"),
        _plain(("地址", "Address"), "address", _cleaned_text("address", 500), "客户地址", "详细地址",
               "经营地址", "注册地址"),
        _plain(("纬度", "Latitude"), "latitude", degrees("latitude"), "lat", kind=ColumnKind.NUMBER),
        _plain(("经度", "Longitude"), "longitude", degrees("longitude"), "lon", "lng", kind=ColumnKind.NUMBER),
        _plain(("客户电话", "Phone"), "phone", kinds.PHONE, "电话", "联系电话", "手机", "手机号", masked=PHONE),
        _plain(("潜在需求", "Potential needs"), "potential_needs", _cleaned_text("potential_needs", 4000)),
        _plain(("竞争情况", "Competitor presence"), "competitor_presence", _cleaned_text("competitor_presence", 4000)),
        _plain(("客户来源", "Source"), "source", _cleaned_text("source", 100), "来源"),
        _plain(("基础档案确认日", "Basic profile confirmed on"), "basic_confirmed_on", kinds.day, kind=ColumnKind.DATE),
        _plain(("个性档案确认日", "Personal profile confirmed on"), "personal_confirmed_on", kinds.day,
               kind=ColumnKind.DATE),
        _plain(("最近活动日", "Last activity on"), "last_activity_on", kinds.day, kind=ColumnKind.DATE),
    ]  # fmt: skip
    fields += await custom_import_fields(session, "client")
    fields += _contact_columns()
    fields += await fact_fields(session, wanted)
    return tuple(fields)


def _contact_columns() -> list[ImportField]:
    """One main contact in the client's own row."""
    return [
        _plain(("联系人", "Contact name"), "contact.name", _cleaned_text("name", 100, CONTACT_FIELDS), "联系人姓名",
               "法人", "法定代表人"),
        _plain(("联系人电话", "Contact phone"), "contact.phone", kinds.PHONE, "联系人手机", "联系人手机号",
               masked=PHONE),
        _plain(("联系人角色", "Contact roles"), "contact.roles", remembering(kinds.several(CONTACT_ROLES))),
        _plain(("联系人职务", "Contact position"), "contact.position", _cleaned_text("position", 100, CONTACT_FIELDS)),
        _plain(("联系人邮箱", "Contact e-mail"), "contact.email", kinds.line_of(254, CONTACT_FIELDS["email"]),
               masked=EMAIL),
    ]  # fmt: skip


def _titles(choices: Mapping[str, Bilingual]) -> tuple[str, ...]:
    return tuple(title.zh for title in choices.values())


async def custom_import_fields(session: TenantSession, target: str) -> list[ImportField]:
    """The tenant's own fields of a target that are in use, as `custom.<key>`."""
    return [
        ImportField(
            f"custom.{known.key}",
            Bilingual(known.title_zh, known.title_en),
            _custom_reader(known),
            aliases=(known.key,),
            required=bool(known.rules.get("required")),
            kind=_COLUMN_KINDS.get(FieldType(known.type), ColumnKind.TEXT),
        )
        for known in await custom_fields_of(session, target)
        if not known.retired
    ]


_COLUMN_KINDS = {
    FieldType.INTEGER: ColumnKind.NUMBER,
    FieldType.DECIMAL: ColumnKind.NUMBER,
    FieldType.MONEY: ColumnKind.MONEY,
    FieldType.DATE: ColumnKind.DATE,
    FieldType.BOOLEAN: ColumnKind.BOOLEAN,
}


def _custom_reader(known: CustomField) -> Read:
    """Reads a cell into the JSON form of a custom value."""
    kind = FieldType(known.type)
    rules = rules_of(kind, known.rules)
    options = {key: option.title for key, option in rules.options.items() if not option.retired}

    def clean(value: Any) -> Any:
        return to_json(clean_value(kind, rules, value))

    if kind is FieldType.CHOICE:
        return remembering(then(lambda cell, path: read_choice(cell, path, options), clean))
    if kind is FieldType.CHOICES:
        return remembering(then(kinds.several(options), clean))
    return then(_BASE.get(kind, kinds.line_of(4000)), clean)


def _date_cell(cell: Any, path: tuple[str, ...]) -> date | FieldProblem | None:
    return read_date(cell, path, month_as=None)


def _decimal_cell(cell: Any, path: tuple[str, ...]) -> Decimal | FieldProblem | None:
    return read_number(cell, path)


_BASE: Mapping[FieldType, Read] = {
    FieldType.INTEGER: read_integer,
    FieldType.DECIMAL: _decimal_cell,
    FieldType.MONEY: read_money,
    FieldType.DATE: _date_cell,
    FieldType.BOOLEAN: read_boolean,
}
