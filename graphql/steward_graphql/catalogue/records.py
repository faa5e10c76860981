"""Records of industry forms: what all of them have in common, as an interface, and their earlier revisions.

The types of the single forms are made in `forms`, for each set of plugins; `family` joins them under the interface.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, case, func, literal, literal_column, not_, or_, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased

from steward_core.forms.form import Form, SubjectKind
from steward_core.forms.models import FormRecord, FormRevision
from steward_core.forms.queries import masked_fields
from steward_core.forms.row_kind import FORM_RECORD as RECORD_ROWS
from steward_core.industry.registry import forms
from steward_core.permissions import FORMS_VIEW
from steward_graphql.catalogue.custom_filters import custom_values
from steward_graphql.catalogue.people import name_of
from steward_graphql.declared.entities import (
    Catalogue,
    Concrete,
    Condition,
    Entity,
    Field,
    Link,
    ListRoot,
    Many,
    One,
    OneRoot,
    Row,
    column,
    computed,
    many,
    one,
)
from steward_graphql.declared.scalars import JSON, STRING, enum_of
from steward_tenants.access.queries import hidden
from steward_tenants.access.row_kinds import RowKind
from steward_tenants.texts import Bilingual

INTERFACE = "FormRecord"
OTHER = "OtherFormRecord"
_NOTHING = literal_column("'{}'::jsonb", JSONB)

SUBJECT_KIND = enum_of(
    SubjectKind,
    "SubjectKind",
    "表单记录的对象",
    "What a form record is about",
    {
        "client": ("客户", "A client"),
        "contact": ("联系人", "A contact"),
        "user": ("人员", "A person"),
        "unit": ("机构或区域", "A unit or area"),
        "visit": ("走访", "A visit"),
    },
)
REVISION_ROWS = RowKind(
    "form_revision",
    Bilingual("表单记录的历史版本", "earlier revision of a form record"),
    FormRevision,
    FORMS_VIEW,
    parent=RECORD_ROWS,
    parent_id=FormRevision.record_id,
)


def masked_document(form: type[Form], document: ColumnElement[Any]) -> ColumnElement[Any]:
    """A form's document with its masked fields masked, as lists of records show it."""
    shown = document
    for one_field in masked_fields(form):
        sort = one_field.text.masked if one_field.text else None
        if sort is None:
            continue
        value = document[one_field.name]
        # What is no text disappears whole, like a text without characters.
        plain = case((func.jsonb_typeof(value) == "string", value.astext), else_=literal("", Text))
        mask = func.jsonb_build_object(
            literal(one_field.name, Text), hidden(plain, keep=sort.keep, domain=sort.domain), type_=JSONB()
        )
        shown = shown.concat(case((value.astext.is_not(None), mask), else_=_NOTHING))
    return shown


def document_of(form_key: Callable[[Row], ColumnElement[Any]]) -> Callable[[Row], ColumnElement[Any]]:
    """The document of a row whose form is found by `form_key`; every form's masked fields are masked."""

    def expression(row: Row) -> ColumnElement[Any]:
        document: ColumnElement[Any] = row.table.document
        sensitive = {key: form for key, form in forms().items() if masked_fields(form)}
        if not sensitive:
            return document
        masks = {key: masked_document(form, document) for key, form in sorted(sensitive.items())}
        return case(masks, value=form_key(row), else_=document)

    return expression


def own_form(row: Row) -> ColumnElement[Any]:
    """The form of a record."""
    form: ColumnElement[Any] = row.table.form
    return form


def _form_of_revision(row: Row) -> ColumnElement[Any]:
    record: Any = aliased(FormRecord)
    return (
        select(record.form)
        .where(row.within(record), record.id == row.table.record_id)
        .correlate(row.table)
        .scalar_subquery()
    )


def _installed(row: Row) -> ColumnElement[bool]:
    """That the record's form is installed: nothing is known of the fields of others, so they are not shown."""
    condition: ColumnElement[bool] = row.table.form.in_([literal(key, Text) for key in sorted(forms())])
    return condition


def _subject(kind: SubjectKind) -> Link:
    def link(row: Row, other: Row) -> ColumnElement[bool]:
        return and_(row.table.subject_kind == literal(kind.value, Text), other.table.id == row.table.subject_id)

    return link


def _attached(row: Row, file: Row) -> ColumnElement[bool]:
    return and_(file.table.subject_kind == literal("record", Text), file.table.subject_id == row.table.id)


def interface_fields() -> tuple[Field, ...]:
    """The fields that records of every form have."""
    return (
        column(FormRecord.id, "编号", "Identifier", filter=True),
        column(FormRecord.plugin, "行业插件的标识", "Key of the plugin", filter=True, group=True),
        column(FormRecord.form, "表单的标识", "Key of the form: plugin.form", filter=True, group=True),
        column(FormRecord.form_version, "填写时的表单版本", "Version of the form that it was written by", filter=True),
        column(FormRecord.title, "标题", "Its title in lists", filter=True, order=True),
        column(
            FormRecord.state,
            "状态的标识，由表单定义",
            "Key of its state, as the form defines it",
            filter=True,
            group=True,
        ),
        column(
            FormRecord.period,
            "期间，如 2026-11 或 2026Q4",
            "Its period, such as 2026-11",
            filter=True,
            order=True,
            group=True,
        ),
        column(
            FormRecord.subject_kind,
            "对象的种类",
            "What sort of thing it is about",
            kind=SUBJECT_KIND,
            filter=True,
            group=True,
        ),
        column(FormRecord.subject_id, "对象的编号", "Id of what it is about", filter=True),
        column(FormRecord.client_id, "客户编号", "Id of the client behind it", filter=True),
        column(
            FormRecord.owner_id,
            "所属人员编号（无客户的记录）",
            "Id of the person it is about, without a client",
            filter=True,
        ),
        column(
            FormRecord.unit_id,
            "所属机构编号（无客户的记录）",
            "Id of the unit it is about, without a client",
            filter=True,
            group=True,
        ),
        column(FormRecord.slot, "区分同一对象多条记录的值", "What keeps a subject's records apart", filter=True),
        column(FormRecord.batch_id, "产生该记录的评级编号", "Id of the grading that made it", filter=True),
        computed(
            "document",
            JSON,
            document_of(own_form),
            "填写内容，敏感字段已脱敏；金额以分为单位",
            "What was filled in, sensitive fields masked; money in fen",
            nullable=False,
        ),
        column(FormRecord.computed, "保存时计算的值", "Values computed when it was saved"),
        column(FormRecord.created_at, "创建时间", "When it was begun", filter=True, order=True, group=True),
        column(FormRecord.created_by, "创建人编号", "Id of who began it", name="createdById", filter=True),
        computed("createdByName", STRING, name_of("created_by"), "创建人姓名", "Name of who began it"),
        column(FormRecord.updated_at, "修改时间", "When it was last changed", filter=True, order=True),
        column(FormRecord.updated_by, "修改人编号", "Id of who last changed it", name="updatedById", filter=True),
        computed("updatedByName", STRING, name_of("updated_by"), "修改人姓名", "Name of who last changed it"),
        column(FormRecord.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"),
        custom_values(),
        one("client", "Client", FormRecord.client_id, "客户", "The client behind it"),
        one("owner", "Person", FormRecord.owner_id, "所属人员", "The person it is about"),
        one("unit", "OrgUnit", FormRecord.unit_id, "所属机构", "The unit it is about"),
        One(
            "contact",
            "Contact",
            Bilingual("对象为联系人时的联系人", "The contact it is about"),
            _subject(SubjectKind.CONTACT),
        ),
        One("visit", "Visit", Bilingual("对象为走访时的走访", "The visit it is about"), _subject(SubjectKind.VISIT)),
        one("createdBy", "Person", FormRecord.created_by, "创建人", "Who began it"),
        one("updatedBy", "Person", FormRecord.updated_by, "修改人", "Who last changed it"),
        many("revisions", "FormRevision", "record_id", "历史版本", "What it was before its changes", granted=True),
        Many("attachments", "Attachment", Bilingual("附件", "Files on it"), _attached),
    )


def _rest(concrete: Sequence[Concrete]) -> Condition:
    """What none of these types takes."""

    def rest(row: Row) -> ColumnElement[bool]:
        known = [one_type.is_it(row) for one_type in concrete]
        return and_(_installed(row), not_(or_(*known))) if known else _installed(row)

    return rest


def interface(concrete: Sequence[Concrete]) -> Entity:
    """The interface over the types of the enabled plugins' forms, and `OtherFormRecord` for all others."""
    return Entity(
        INTERFACE,
        FormRecord,
        Bilingual("一份填写的行业表单", "One filled-in form of an industry"),
        interface_fields(),
        kind=RECORD_ROWS,
        belongs=_installed,
        order=(("createdAt", True),),
        concrete=(*concrete, Concrete(OTHER, _rest(concrete))),
    )


def other(concrete: Sequence[Concrete]) -> Entity:
    """The type of records whose form has no type of its own in a schema: its plugin is not enabled there."""
    return Entity(
        OTHER,
        FormRecord,
        Bilingual("未启用插件的表单记录", "A record of a form whose plugin is not enabled"),
        interface_fields(),
        kind=RECORD_ROWS,
        belongs=_rest(concrete),
        order=(("createdAt", True),),
        interfaces=(INTERFACE,),
    )


def family(concrete: Sequence[Concrete]) -> tuple[Entity, Entity]:
    """The interface and the type that takes the rest, for a schema whose forms are `concrete`."""
    return interface(concrete), other(concrete)


FORM_REVISION = Entity(
    "FormRevision",
    FormRevision,
    Bilingual("表单记录的一个历史版本", "What a form record was before a change"),
    kind=REVISION_ROWS,
    key=("record_id", "revision"),
    order=(("revision", True),),
    node=False,
    fields=(
        column(FormRevision.revision, "版本号", "The record's version that it was", filter=True, order=True),
        column(FormRevision.form_version, "填写时的表单版本", "Version of the form that it was written by"),
        column(FormRevision.state, "当时的状态", "Key of its state then", filter=True),
        computed(
            "document",
            JSON,
            document_of(_form_of_revision),
            "当时的内容，敏感字段已脱敏；金额以分为单位",
            "What it held then, sensitive fields masked; money in fen",
            nullable=False,
        ),
        column(FormRevision.computed, "当时的计算值", "Its computed values then"),
        column(FormRevision.custom, "当时的自定义字段值", "Its own fields then", name="customFields"),
        column(FormRevision.cause, "修改的缘由", "What replaced it"),
        column(FormRevision.replaced_at, "被替换的时间", "When it was replaced", filter=True, order=True),
        column(FormRevision.replaced_by, "修改人编号", "Id of who replaced it", name="replacedById"),
        computed("replacedByName", STRING, name_of("replaced_by"), "修改人姓名", "Name of who replaced it"),
        one("record", INTERFACE, FormRevision.record_id, "所属记录", "The record", granted=True),
        one("replacedBy", "Person", FormRevision.replaced_by, "修改人", "Who replaced it"),
    ),
)

CATALOGUE = Catalogue(
    entities=(FORM_REVISION,),
    roots=(
        ListRoot("records", INTERFACE, Bilingual("数据范围内的业务表单记录", "The form records within reach")),
        OneRoot("record", INTERFACE, Bilingual("一条业务表单记录", "One form record")),
    ),
)
