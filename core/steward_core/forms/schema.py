"""A form as JSON Schema 2020-12, with titles and hints in both languages."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import Any

from pydantic import BaseModel, TypeAdapter

from steward_core.forms.declared import FRACTIONS, TEXTS, WHOLE, FormField, Limits, Option, ValueType, fields_of
from steward_core.forms.form import FormInfo
from steward_tenants.texts import Bilingual

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FRACTION = r"^-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
"""How documents hold decimals: as text, so that none of their digits is lost."""
NOTHING = Option("", Bilingual("（无）", "(none)"))

Schema = dict[str, Any]


def json_schema(model: type[BaseModel], locale: str | None = None) -> Schema:
    """The schema of a form's record: its fields, and its computed values as `readOnly`.

    `title` and `description` are Chinese unless `locale` asks for English; `x-title` and `x-hint` hold both. Money is
    whole fen (`x-type` says so). Works for any model with titled fields, such as a plugin's settings.
    """
    about = getattr(model, "about", None)
    schema: Schema = {"$schema": DIALECT}
    if isinstance(about, FormInfo):
        schema |= _titled(about.title, about.description, locale)
        schema |= {"x-form": about.key, "x-form-version": about.version, "x-subject": about.subject.value}
    return schema | _document(fields_of(model), locale)


def _document(fields: tuple[FormField, ...], locale: str | None) -> Schema:
    return {
        "type": "object",
        "properties": {one.name: _property(one, locale) for one in fields},
        "required": [one.name for one in fields if one.required],
        "additionalProperties": False,
    }


def _titled(title: Bilingual, hint: Bilingual | None, locale: str | None) -> Schema:
    chosen = locale or "zh-CN"
    schema: Schema = {"title": title.in_locale(chosen), "x-title": _both(title)}
    if hint is not None:
        schema |= {"description": hint.in_locale(chosen), "x-hint": _both(hint)}
    return schema


def _both(text: Bilingual) -> dict[str, str]:
    return {"zh-CN": text.zh, "en": text.en}


def _property(one: FormField, locale: str | None) -> Schema:
    schema = _titled(one.title, one.text.hint if one.text else None, locale) | _value(one, locale)
    schema["x-type"] = one.type.value
    if one.widget is not None:
        schema["x-widget"] = one.widget.value
    if one.filterable:
        schema["x-filterable"] = True
    if one.text is not None and one.text.masked is not None:
        schema["x-masked"] = one.text.masked.key
    if one.computed:
        schema["readOnly"] = True
    elif not one.required and one.default is not None:
        schema["default"] = plain(one.default)
    return schema


def plain(value: Any) -> Any:
    """A Python value as JSON holds it."""
    if isinstance(value, Enum):
        return value.value
    return TypeAdapter(type(value)).dump_python(value, mode="json")


def _value(one: FormField, locale: str | None) -> Schema:
    if one.type is ValueType.CHOICE:
        return _choice(one, locale)
    schema = _unlimited(one, locale)
    if one.nullable and "type" in schema:
        kinds = schema["type"]
        schema["type"] = [*(kinds if isinstance(kinds, list) else [kinds]), "null"]
    return schema


def _choice(one: FormField, locale: str | None) -> Schema:
    options: list[Schema] = [_option(option, locale) for option in one.choices]
    if one.nullable:
        options.append({**_option(NOTHING, locale), "const": None})
    return {"oneOf": options}


def _option(option: Option, locale: str | None) -> Schema:
    return {"const": option.value, **_titled(option.title, None, locale)}


def _unlimited(one: FormField, locale: str | None) -> Schema:
    limits = one.limits
    match one.type:
        case kind if kind in TEXTS or kind is ValueType.SECRET:
            return {"type": "string", **_lengths(limits, "Length"), **_given(pattern=limits.pattern)}
        case kind if kind in WHOLE:
            return {"type": "integer", **_range(limits)}
        case kind if kind in FRACTIONS:
            return {"type": ["number", "string"], "pattern": FRACTION, **_range(limits)}
        case ValueType.DATE:
            return {"type": "string", "format": "date"}
        case ValueType.DATETIME:
            return {"type": "string", "format": "date-time"}
        case ValueType.BOOLEAN:
            return {"type": "boolean"}
        case ValueType.IDENTIFIER:
            return {"type": "string", "format": "uuid"}
        case ValueType.GROUP:
            return _document(one.fields, locale)
        case _:
            return _list(one, locale)


def _list(one: FormField, locale: str | None) -> Schema:
    match one.type:
        case ValueType.CHOICES:
            items: Schema = {"oneOf": [_option(option, locale) for option in one.choices]}
        case ValueType.ROWS:
            items = _document(one.fields, locale)
        case ValueType.LIST if one.items is not None:
            items = _value(one.items, locale)
        case _:
            return {}
    unique = {"uniqueItems": True} if one.unique_items else {}
    return {"type": "array", "items": items, **_lengths(one.limits, "Items"), **unique}


def _lengths(limits: Limits, what: str) -> Schema:
    return _given(**{f"min{what}": limits.least_length, f"max{what}": limits.most_length})


def _range(limits: Limits) -> Schema:
    return _given(
        minimum=_figure(limits.least),
        maximum=_figure(limits.most),
        exclusiveMinimum=_figure(limits.above),
        exclusiveMaximum=_figure(limits.below),
    )


def _figure(value: Decimal | None) -> int | float | None:
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def _given(**values: Any) -> Schema:
    return {key: value for key, value in values.items() if value is not None}
