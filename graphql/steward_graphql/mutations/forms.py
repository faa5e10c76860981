"""Records of a plugin's forms with typed values: `save<Form>`, and `save<Form>Draft` for what is not complete yet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from steward_core.forms.declared import FormField, ValueType, fields_of
from steward_core.forms.form import Form
from steward_core.forms.models import FormRecord
from steward_core.industry.declarations import Industry
from steward_core.industry.registry import full_key
from steward_core.permissions import FORMS_EDIT
from steward_graphql.catalogue.form_values import kind_of_field
from steward_graphql.catalogue.forms import SUBJECTS, type_name
from steward_graphql.catalogue.records import interface_fields
from steward_graphql.declared.entities import camel
from steward_graphql.declared.scalars import ID, INT, JSON, STRING, Kind
from steward_graphql.declared.shapes import Argument, Asked, EntityRef, InputObject, Mutation, Part
from steward_graphql.mutations.arguments import given
from steward_graphql.mutations.derive import all_commands, told_of_input, untangled
from steward_tenants.database.session import WriteSession
from steward_tenants.texts import Bilingual

SAVE, DRAFT = "forms.record.save", "forms.draft.save"
_NESTED = (ValueType.GROUP, ValueType.ROWS)
_LISTS = (ValueType.LIST, ValueType.CHOICES, ValueType.ROWS)


def mutations_of(industry: Industry) -> tuple[Mutation, ...]:
    """Two mutations for each form that people fill in."""
    return tuple(
        _mutation(industry.key, form, command)
        for form in industry.forms
        if form.about.by_people
        for command in (SAVE, DRAFT)
    )


def _mutation(plugin: str, form: type[Form], command: str) -> Mutation:
    name, draft = type_name(plugin, form.about.key), command == DRAFT
    title, key = form.about.title, full_key(plugin, form.about.key)
    arguments = (
        _subject(form),
        given("values", values_of_form(plugin, form, draft=draft), *_CONTENT[draft], required=True),
        *(() if draft else (_state(form),)),
        given(
            "period", STRING, "期间，如 2026-10（按期填写的表单）", "The period, of forms that are filled in by period"
        ),
        given("record_id", ID, "要修改的记录；不填为新记录", "The record to change; a new one when left out"),
        Argument("version", INT, _VERSION, target="expected_version"),
        given("custom", JSON, "自定义字段：{字段标识: 值}", "The tenant's own fields: {key: value}"),
    )

    async def call(session: WriteSession, asked: Asked, **values: Any) -> dict[str, Any]:
        known = {one.python_name: untangled(one, values.get(one.python_name)) for one in arguments}
        content = as_json(known.pop("values"))
        options = {name: value for name, value in known.items() if value is not None}
        with told_of_input(arguments):
            record: FormRecord = await all_commands()[command].function(
                session, full_key=key, values=content, today=asked.today, **options
            )
        await session.flush()
        return {"record": record.id}

    return Mutation(
        name=f"save{name}{'Draft' if draft else ''}",
        text=Bilingual(f"保存{title.zh}的草稿", f"Save a draft of “{title.en}”")
        if draft
        else Bilingual(f"保存{title.zh}", f"Save a record of “{title.en}”"),
        call=call,
        results=(Part("record", EntityRef(name), Bilingual("记录", "The record")),),
        arguments=arguments,
        permission=FORMS_EDIT,
        plugin=plugin,
        command=command,
    )


_VERSION = Bilingual(
    "读到的版本；已被他人修改则拒绝", "The version that was read; refused if somebody changed it since"
)
_CONTENT = {
    False: ("表单内容，整份替换", "What the form holds; it replaces all of it"),
    True: ("目前填写的内容，可不完整", "What there is so far, complete or not"),
}


def _subject(form: type[Form]) -> Argument:
    target = SUBJECTS[form.about.subject]
    name = "unitId" if target == "OrgUnit" else f"{target[:1].lower()}{target[1:]}Id"
    return Argument(name, ID, Bilingual("表单的对象", "What the record is about"), required=True, target="subject_id")


def _state(form: type[Form]) -> Argument:
    states = "、".join(f"{one.key} {one.title.zh}" for one in form.about.flow.states)
    known = ", ".join(one.key for one in form.about.flow.states)
    return given(
        "state",
        STRING,
        f"保存后的状态，默认计入业务的状态；状态有：{states}",
        f"State that it takes, by default the one that counts; states are {known}",
    )


def values_of_form(plugin: str, form: type[Form], *, draft: bool = False) -> InputObject:
    """The input of a form's values. Of a draft nothing is required."""
    name = type_name(plugin, form.about.key)
    taken = {one.name for one in interface_fields()}
    parts = []
    for one in fields_of(form):
        shown = None if one.computed else _shown(one.name, taken)
        if shown is None:
            continue
        taken.add(shown)
        parts.append(_part(one, shown, name, draft=draft))
    title = form.about.title
    return InputObject(
        f"{name}{'DraftValues' if draft else 'Values'}",
        Bilingual(f"{title.zh}的内容", f"Values of “{title.en}”"),
        tuple(parts),
    )


def _shown(field: str, taken: set[str]) -> str | None:
    """The API's name of a field, the same that the form's type has for it."""
    name = camel(field)
    name = name[:1].lower() + name[1:]
    if not name.isascii() or not name.isalnum():
        return None
    while name in taken:
        name += "Value"
    return name


def _part(one: FormField, shown: str, within: str, *, draft: bool) -> Argument:
    inner = f"{within}{shown[:1].upper()}{shown[1:]}"
    kind: Kind | InputObject = kind_of_field(one, inner) or (STRING if one.type is ValueType.SECRET else JSON)
    if one.type in _NESTED and one.fields:
        kind = _nested(one, inner, draft=draft)
    listed = one.type in _LISTS and kind is not JSON
    return Argument(shown, kind, _text(one), one.required and not draft, listed, target=one.name)


def _nested(one: FormField, name: str, *, draft: bool) -> InputObject:
    """The input of a group, or of one row of rows."""
    parts, taken = [], set[str]()
    for field in one.fields:
        shown = None if field.computed else _shown(field.name, taken)
        if shown is not None:
            taken.add(shown)
            parts.append(_part(field, shown, name, draft=draft))
    return InputObject(f"{name}{'DraftInput' if draft else 'Input'}", one.title, tuple(parts))


def _text(one: FormField) -> Bilingual:
    """A field's title, its hint and its unit."""
    hint = one.text.hint if one.text else None
    zh, en = one.title
    if hint is not None:
        zh, en = f"{zh}（{hint.zh}）", f"{en} ({hint.en})"
    if one.type is ValueType.MONEY:
        return Bilingual(f"{zh}，单位为分", f"{en}, in fen")
    if one.type is ValueType.PERCENT:
        return Bilingual(f"{zh}，百分数", f"{en}, in per cent")
    return Bilingual(zh, en)


def as_json(value: Any) -> Any:
    """Values as a form's document holds them: days and moments in ISO form, decimals and ids as text."""
    if isinstance(value, Mapping):
        return {name: as_json(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(part) for part in value]
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value) if isinstance(value, UUID) else value
