"""The kinds of arguments: by a parameter's Python type, and closed lists as the catalogue has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache

from steward_core.clients.attachments import AttachedTo
from steward_core.clients.fact_rules import GRAINS
from steward_core.clients.hand_over import ToUnit
from steward_core.clients.models import ClientStatus
from steward_core.clients.rules import CONTACT_ROLES, FIRST_STATUSES, STATUS_TITLES
from steward_core.custom_fields.models import FieldType
from steward_graphql.catalogue.all import catalogues
from steward_graphql.declared.entities import Entity, Value
from steward_graphql.declared.scalars import EnumKind
from steward_tenants.access.models import Duty
from steward_tenants.audit.export import ExportForm
from steward_tenants.database.actor import Scope
from steward_tenants.privacy.models import PrivacyRequestKind
from steward_tenants.texts import LOCALES, Bilingual

Titles = Mapping[str, tuple[str, str]]

_SCOPES: Titles = {
    "own": ("本人", "one's own rows"),
    "team": ("本机构", "rows of a unit"),
    "subtree": ("本机构及下级", "rows of a unit and all below it"),
    "all": ("全部", "all rows"),
}
_DUTIES: Titles = {
    "business": ("业务", "business"),
    "tenant_admin": ("系统管理员", "tenant administrator"),
    "security_admin": ("安全管理员", "security administrator"),
    "auditor": ("审计员", "auditor"),
}


@cache
def entities() -> Mapping[str, Entity]:
    """The catalogue's types by name."""
    return {entity.name: entity for catalogue in catalogues() for entity in catalogue.entities}


@cache
def _enums() -> Mapping[str, EnumKind]:
    """The catalogue's closed lists by name."""
    return {kind.name: kind for entity in entities().values() for kind in enums_of(entity)}


def enums_of(entity: Entity) -> Iterator[EnumKind]:
    """The closed lists of an entity's fields and special filters."""
    for one in entity.fields:
        if isinstance(one, Value) and isinstance(one.kind, EnumKind):
            yield one.kind
    for special in entity.specials:
        kinds = (special.kind, *(kind for _, kind, _, _ in special.shape))
        yield from (kind for kind in kinds if isinstance(kind, EnumKind))


@cache
def _declared(name: str, zh: str, en: str, members: tuple[tuple[str, Bilingual], ...]) -> EnumKind:
    return EnumKind(name, Bilingual(zh, en), members)


def closed(name: str, zh: str, en: str, titles: Mapping[str, tuple[str, str] | Bilingual]) -> EnumKind:
    """The catalogue's list of these keys where it has one (of this name first), or a new one of this name."""
    known = _enums()
    same = [kind for kind in known.values() if {key for key, _ in kind.members} == set(titles)]
    for kind in same:
        if kind.name == name:
            return kind
    if same and name not in known:
        return same[0]
    return _declared(name, zh, en, tuple((key, Bilingual(*title)) for key, title in titles.items()))


def enum_kind(python: type[Enum]) -> EnumKind:
    """The kind of a Python enum that some command takes. Raises KeyError for one that is not known here."""
    return _ENUMS()[python]


@cache
def _ENUMS() -> Mapping[type[Enum], EnumKind]:  # noqa: N802 - a table that is made when it is first read
    return {
        Scope: closed("Scope", "数据范围", "Which rows a role reaches", _SCOPES),
        Duty: closed("Duty", "职责类别（三权分立）", "Separation of duties", _DUTIES),
        ClientStatus: closed("ClientStatus", "客户状态", "Life cycle of a client", _statuses(tuple(ClientStatus))),
        AttachedTo: closed(
            "AttachedTo",
            "附件所属对象",
            "What a file hangs on",
            {
                "client": ("客户", "client"),
                "contract": ("合同", "contract"),
                "note": ("备注", "note"),
                "record": ("表单记录", "form record"),
                "proposal": ("方案", "proposal"),
            },
        ),
        ToUnit: closed(
            "HandOverUnit",
            "移交后所属机构",
            "Into which unit clients go",
            {"keep": ("保持原机构", "they keep theirs"), "owner": ("随新客户经理", "the new owner's")},
        ),
        PrivacyRequestKind: closed(
            "PrivacyRequestKind",
            "个人信息请求类型",
            "What is asked of personal data",
            {"export": ("副本", "a copy"), "erasure": ("删除", "erasure")},
        ),
        ExportForm: closed(
            "AuditExportForm",
            "审计导出格式",
            "Form of an audit export",
            {"jsonl": ("逐行 JSON（原始封存值）", "JSON lines, the sealed values"), "csv": ("CSV", "CSV")},
        ),
        FieldType: closed(
            "CustomFieldType",
            "自定义字段类型",
            "Type of a custom field",
            {
                "text": ("文本", "text"),
                "integer": ("整数", "whole number"),
                "decimal": ("小数", "decimal"),
                "money": ("金额（分）", "money in fen"),
                "date": ("日期", "day"),
                "datetime": ("时间", "moment"),
                "boolean": ("是否", "true or false"),
                "choice": ("单选", "one choice"),
                "choices": ("多选", "several choices"),
            },
        ),
    }


def _statuses(which: tuple[ClientStatus, ...]) -> dict[str, Bilingual]:
    return {one.value: STATUS_TITLES[one] for one in which}


def literal_kind(members: tuple[str, ...]) -> EnumKind:
    """The kind of a closed list of texts. Raises KeyError for one that is not known here."""
    return {
        LOCALES: closed(
            "Locale", "界面语言", "Language", {"zh-CN": ("简体中文", "simplified Chinese"), "en": ("英文", "English")}
        ),
        ("basic", "personal"): closed(
            "ClientProfile",
            "客户档案",
            "Part of a client's profile",
            {"basic": ("基础档案", "basic profile"), "personal": ("个性档案", "personal profile")},
        ),
    }[members]


def first_status() -> EnumKind:
    """The statuses that a new client may have."""
    return closed("NewClientStatus", "新客户状态", "Status of a new client", _statuses(FIRST_STATUSES))


def new_contract_status() -> EnumKind:
    """The statuses that a contract may be entered with."""
    titles = {"draft": ("草稿", "draft"), "active": ("生效", "active")}
    return closed("NewContractStatus", "新合同状态", "Status that a contract is entered with", titles)


def contact_role() -> EnumKind:
    """What a contact can be at a client."""
    return closed("ContactRole", "联系人角色", "Role of a contact", CONTACT_ROLES)


def grain() -> EnumKind:
    """The length of a metric's periods."""
    titles = (("日", "day"), ("月", "month"), ("季", "quarter"), ("年", "year"))
    return closed("Grain", "周期", "Length of a period", dict(zip(GRAINS, titles, strict=True)))


def file_format() -> EnumKind:
    """The formats of an export."""
    return closed(
        "ExportFormat", "导出格式", "Format of an export", {"csv": ("CSV", "CSV"), "xlsx": ("Excel", "Excel workbook")}
    )
