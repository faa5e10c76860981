"""A type for each form of an industry plugin: its typed fields beside what records of all forms have.

A field's value is read from the record's document as it was stored: null where a draft or an older version of the form
holds something of another type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, literal

from steward_core.forms.declared import FormField, ValueType, fields_of
from steward_core.forms.form import Form, SubjectKind
from steward_core.forms.models import FormRecord
from steward_core.forms.queries import masked_fields
from steward_core.forms.row_kind import FORM_RECORD
from steward_core.industry.declarations import Industry
from steward_core.industry.registry import full_key
from steward_graphql.catalogue.custom_filters import custom_filter
from steward_graphql.catalogue.form_index import narrowed_by_index
from steward_graphql.catalogue.form_values import kind_of_field, listed, mask_of, member, read_as
from steward_graphql.catalogue.records import INTERFACE, interface_fields, masked_document
from steward_graphql.declared.entities import (
    Catalogue,
    Concrete,
    Condition,
    Entity,
    Expression,
    Field,
    Link,
    ListRoot,
    Many,
    Row,
    Value,
    camel,
)
from steward_graphql.declared.scalars import BOOLEAN, DATE, DATETIME, JSON, STRING, EnumKind, Kind
from steward_tenants.texts import Bilingual

SUBJECTS: Mapping[SubjectKind, str] = {
    SubjectKind.CLIENT: "Client",
    SubjectKind.CONTACT: "Contact",
    SubjectKind.USER: "Person",
    SubjectKind.UNIT: "OrgUnit",
    SubjectKind.VISIT: "Visit",
}
"""What forms are about, by the name of its type."""


def type_name(plugin: str, key: str) -> str:
    """The name of a form's type: `TelecomCompetitorReport`."""
    return _pascal(plugin) + _pascal(key)


def root_name(plugin: str, key: str) -> str:
    """The field that lists a form's records: `telecomCompetitorReports`."""
    name = type_name(plugin, key)
    return name[:1].lower() + plural(name[1:])


def plural(name: str) -> str:
    """The plural of an English name."""
    if name.endswith(("s", "x", "z", "ch", "sh")):
        return f"{name}es"
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name}s"


def catalogue_of(industry: Industry) -> Catalogue:
    """The types of an industry's forms, and the query fields that list their records."""
    entities = tuple(_entity(industry.key, form) for form in industry.forms)
    roots = tuple(_root(industry.key, form) for form in industry.forms)
    return Catalogue(entities, roots, industry.key)


def concrete_of(catalogue: Catalogue) -> tuple[Concrete, ...]:
    """How records of a catalogue's forms are told from one another, for the interface over all of them."""
    return tuple(Concrete(one.name, one.belongs) for one in catalogue.entities if one.belongs is not None)


def fields_of_subjects(industry: Industry) -> Mapping[str, tuple[Many, ...]]:
    """The fields that lead from clients, contacts, persons and units to the records about them, by type."""
    found: dict[str, tuple[Many, ...]] = {}
    for form in industry.forms:
        subject = SUBJECTS[form.about.subject]
        found[subject] = (*found.get(subject, ()), _many(industry.key, form))
    return found


def _pascal(key: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in key.split("_"))


def _about(form: type[Form]) -> Bilingual:
    title, more = form.about.title, form.about.description
    return title if more is None else Bilingual(f"{title.zh}：{more.zh}", f"{title.en}: {more.en}")


def _entity(plugin: str, form: type[Form]) -> Entity:
    key = full_key(plugin, form.about.key)
    name = type_name(plugin, form.about.key)
    common = tuple(_common(form, one) for one in interface_fields())
    return Entity(
        name,
        FormRecord,
        _about(form),
        (*common, *_typed_fields(form, key, name, {one.name for one in common})),
        kind=FORM_RECORD,
        belongs=_is_of(key),
        order=(("createdAt", True),),
        specials=(custom_filter(f"form:{key}"),),
        interfaces=(INTERFACE,),
        plural=root_name(plugin, form.about.key),
    )


def _is_of(key: str) -> Condition:
    def is_it(row: Row) -> ColumnElement[bool]:
        condition: ColumnElement[bool] = row.table.form == literal(key, Text())
        return condition

    return is_it


def _root(plugin: str, form: type[Form]) -> ListRoot:
    title = form.about.title
    return ListRoot(
        root_name(plugin, form.about.key),
        type_name(plugin, form.about.key),
        Bilingual(f"数据范围内的{title.zh}", f"The records of the form “{title.en}” within reach"),
    )


def _many(plugin: str, form: type[Form]) -> Many:
    title = form.about.title
    return Many(
        root_name(plugin, form.about.key),
        type_name(plugin, form.about.key),
        Bilingual(f"其{title.zh}", f"Its records of the form “{title.en}”"),
        _LINKS.get(form.about.subject, _link(form.about.subject)),
        filter=True,
    )


def _client_link(row: Row, record: Row) -> ColumnElement[bool]:
    found: ColumnElement[bool] = record.table.client_id == row.table.id
    return found


def _link(subject: SubjectKind) -> Link:
    def link(row: Row, record: Row) -> ColumnElement[bool]:
        kind = literal(subject.value, Text())
        return and_(record.table.subject_kind == kind, record.table.subject_id == row.table.id)

    return link


_LINKS: Mapping[SubjectKind, Link] = {SubjectKind.CLIENT: _client_link}


def _common(form: type[Form], one: Field) -> Field:
    """A field that all records have; of one form's document it is known which fields are masked."""
    if one.name != "document" or not isinstance(one, Value):
        return one
    masked = bool(masked_fields(form))

    def document(row: Row) -> ColumnElement[Any]:
        stored: ColumnElement[Any] = row.table.document
        return masked_document(form, stored) if masked else stored

    return replace(one, expression=document)


def _typed_fields(form: type[Form], key: str, entity: str, taken: set[str]) -> list[Value]:
    found = []
    for one in fields_of(form):
        name = _free_name(camel(one.name), taken)
        value = None if name is None else _value(form, key, one, name, entity)
        if value is not None:
            taken.add(value.name)
            found.append(value)
    return found


def _free_name(name: str, taken: set[str]) -> str | None:
    """The API's name of a field: with `Value` behind it where records of all forms have one of this name. None where
    the name is none that GraphQL knows; the field is then shown in `document` only."""
    name = name[:1].lower() + name[1:]
    if not name.isascii() or not name.isalnum():
        return None
    while name in taken:
        name += "Value"
    return name


def _value(form: type[Form], key: str, one: FormField, name: str, entity: str) -> Value | None:
    kind = kind_of_field(one, f"{entity}{name[:1].upper()}{name[1:]}")
    if kind is None:
        return None
    column = "computed" if one.computed else "document"
    sort = one.text.masked if one.text else None
    if sort is not None:
        mask = _mask(column, one.name, sort.keep, domain=sort.domain)
        return Value(name, STRING, _text(one), mask, masked=True)
    several = one.type in (ValueType.LIST, ValueType.CHOICES)
    return Value(
        name,
        kind,
        _text(one),
        _expression(column, one.name, kind, several=several),
        listed=several,
        filter=one.filterable and kind is not JSON,
        order=one.filterable and not several and kind.ordered,
        group=one.filterable and not several and _groups(kind),
        aggregate=kind.number and not several,
        narrow=narrowed_by_index(form, key, one.name, kind) if one.filterable else None,
    )


def _groups(kind: Kind) -> bool:
    return isinstance(kind, EnumKind) or kind in (STRING, BOOLEAN, DATE, DATETIME)


def _expression(column: str, field: str, kind: Kind, *, several: bool) -> Expression:
    read = read_as(kind)

    def expression(row: Row) -> ColumnElement[Any]:
        stored = member(getattr(row.table, column), field)
        return listed(stored, kind) if several else read(stored)

    return expression


def _mask(column: str, field: str, keep: int, *, domain: bool) -> Expression:
    def expression(row: Row) -> ColumnElement[Any]:
        return mask_of(member(getattr(row.table, column), field), keep=keep, domain=domain)

    return expression


def _text(one: FormField) -> Bilingual:
    """A field's title, with its hint and how it travels."""
    title = one.title
    hint = one.text.hint if one.text else None
    if hint is not None:
        title = Bilingual(f"{title.zh}（{hint.zh}）", f"{title.en} ({hint.en})")
    if one.type is ValueType.MONEY:
        return Bilingual(f"{title.zh}，单位为分", f"{title.en}, in fen")
    if one.type is ValueType.PERCENT:
        return Bilingual(f"{title.zh}，百分数", f"{title.en}, in per cent")
    return title
