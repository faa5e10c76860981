"""The definitions of the fields that a tenant adds itself; everybody in the tenant may read them."""

from __future__ import annotations

from sqlalchemy import ColumnElement

from steward_core.custom_fields.models import CustomField, FieldType
from steward_graphql.declared.entities import Catalogue, Entity, ListRoot, OneRoot, Row, column, computed
from steward_graphql.declared.scalars import BOOLEAN, enum_of
from steward_tenants.texts import Bilingual

FIELD_TYPE = enum_of(
    FieldType,
    "CustomFieldType",
    "自定义字段的类型",
    "Type of a custom field",
    {
        "text": ("文本", "Text"),
        "integer": ("整数", "Whole number"),
        "decimal": ("小数", "Decimal number"),
        "money": ("金额（分）", "Money, in fen"),
        "date": ("日期", "Day"),
        "datetime": ("时间", "Moment"),
        "boolean": ("是否", "True or false"),
        "choice": ("单选", "One of its options"),
        "choices": ("多选", "Any of its options"),
    },
)


def _ready(row: Row) -> ColumnElement[bool]:
    usable: ColumnElement[bool] = row.table.filterable & row.table.indexed_at.is_not(None)
    return usable


CUSTOM_FIELD = Entity(
    "CustomField",
    CustomField,
    Bilingual("租户的自定义字段", "A field that the tenant added itself"),
    order=(("target", False), ("place", False), ("key", False)),
    fields=(
        column(CustomField.id, "编号", "Identifier", filter=True),
        column(
            CustomField.target,
            "所属对象：client、contact、visit 或 form:表单标识",
            "What it belongs to: client, contact, visit or form:key",
            filter=True,
            order=True,
            group=True,
        ),
        column(CustomField.key, "标识", "Key", filter=True, order=True),
        column(CustomField.type, "类型", "Its type", kind=FIELD_TYPE, filter=True, group=True),
        column(CustomField.title_zh, "中文名称", "Title in Chinese", filter=True),
        column(CustomField.title_en, "英文名称", "Title in English", filter=True),
        column(CustomField.hint_zh, "中文提示", "Hint in Chinese"),
        column(CustomField.hint_en, "英文提示", "Hint in English"),
        column(
            CustomField.rules, "取值规则：长度、范围、选项、是否必填", "Its limits, options, whether it is required"
        ),
        column(CustomField.filterable, "是否可筛选", "Whether rows may be filtered by it", filter=True),
        computed(
            "ready",
            BOOLEAN,
            _ready,
            "现在能否用于筛选（历史数据已建索引）",
            "Whether filters by it work now: older rows are indexed",
            nullable=False,
            filter=True,
        ),
        column(CustomField.place, "排列次序", "Its place among the target's fields", order=True),
        column(CustomField.retired, "是否停用", "Whether it takes no new values", filter=True),
        column(CustomField.created_at, "创建时间", "When it was created", filter=True, order=True),
        column(CustomField.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"),
    ),
)

CATALOGUE = Catalogue(
    entities=(CUSTOM_FIELD,),
    roots=(
        ListRoot("customFields", "CustomField", Bilingual("自定义字段", "The tenant's own fields")),
        OneRoot("customField", "CustomField", Bilingual("一个自定义字段", "One field")),
    ),
)
