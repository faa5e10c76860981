"""What a form declares of its fields, read from its model once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as also
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from uuid import UUID

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel, SecretStr, StringConstraints
from pydantic.fields import FieldInfo

from steward_core.forms.fields import COMPUTED, LONGEST_TEXT, Choice, FieldText, Widget
from steward_core.forms.form import Form, FormInfo, Several
from steward_tenants.texts import Bilingual


class ValueType(StrEnum):
    """Types of fields, neutral of any API. Money is in fen. `identifier` is the id of a row or file, `list` a list of
    single values (`FormField.items`), `group` one nested document and `rows` a list of them (`FormField.fields`)."""

    TEXT = "text"
    BODY = "body"
    INTEGER = "integer"
    DECIMAL = "decimal"
    MONEY = "money"
    PERCENT = "percent"
    DATE = "date"
    DATETIME = "datetime"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    CHOICES = "choices"
    IDENTIFIER = "identifier"
    SECRET = "secret"
    LIST = "list"
    GROUP = "group"
    ROWS = "rows"
    OTHER = "other"


ChoiceType = type[Choice]
WHOLE = frozenset({ValueType.INTEGER, ValueType.MONEY})
FRACTIONS = frozenset({ValueType.DECIMAL, ValueType.PERCENT})
TEXTS = frozenset({ValueType.TEXT, ValueType.BODY})
INDEXABLE = frozenset(ValueType) - {
    ValueType.SECRET,
    ValueType.GROUP,
    ValueType.ROWS,
    ValueType.OTHER,
    ValueType.BODY,
}
"""Types of values that the field index holds; of a list, what its items are."""


@dataclass(frozen=True)
class Option:
    """One value of a closed list."""

    value: str
    title: Bilingual


@dataclass(frozen=True)
class Limits:
    """Limits of a value; `least_length` and `most_length` are of a text, or the number of a list's items."""

    least: Decimal | None = None
    most: Decimal | None = None
    above: Decimal | None = None
    below: Decimal | None = None
    least_length: int | None = None
    most_length: int | None = None
    pattern: str | None = None
    digits: int | None = None
    places: int | None = None


@dataclass(frozen=True)
class FormField:
    """One field as its model declares it. `text` is None where the model says nothing of it (a mistake in a form).

    `default` is what stands when nothing is given; `required` fields have none. `nullable`: it may be left empty.
    """

    name: str
    text: FieldText | None
    type: ValueType
    python_type: Any
    required: bool
    nullable: bool = False
    default: Any = None
    choices: tuple[Option, ...] = ()
    limits: Limits = Limits()
    widget: Widget | None = None
    computed: bool = False
    items: FormField | None = None
    fields: tuple[FormField, ...] = ()
    unique_items: bool = False
    choice_type: ChoiceType | None = also(default=None, repr=False)

    @property
    def title(self) -> Bilingual:
        """Its title; its name where it has none."""
        return self.text.title if self.text else Bilingual(self.name, self.name)

    @property
    def filterable(self) -> bool:
        """Whether records may be filtered and sorted by it."""
        return self.text is not None and self.text.filterable

    @property
    def indexed(self) -> ValueType:
        """The type under which the field index holds its values."""
        if self.type is ValueType.LIST and self.items is not None:
            return self.items.type
        return ValueType.CHOICE if self.type is ValueType.CHOICES else self.type


@cache
def fields_of(model: type[BaseModel]) -> tuple[FormField, ...]:
    """The fields of a form (or of any model with titled fields) in their order, computed ones last."""
    given = tuple(_field(name, info) for name, info in model.model_fields.items())
    return given + tuple(_computed(model, name) for name in model.model_computed_fields)


@cache
def field_by_name(model: type[BaseModel]) -> dict[str, FormField]:
    """The fields of a form by name."""
    return {one.name: one for one in fields_of(model)}


def _field(name: str, info: FieldInfo) -> FormField:
    required = info.is_required()
    default = None if required else _default(info)
    return _described(
        name,
        info.annotation,
        list(info.metadata),
        required=required,
        default=default,
    )


def _default(info: FieldInfo) -> Any:
    if info.default_factory is None:
        return info.get_default()
    if info.default_factory_takes_validated_data:
        return None
    return info.get_default(call_default_factory=True)


def _computed(model: type[BaseModel], name: str) -> FormField:
    declared = model.model_computed_fields[name]
    wrapped: Any = declared.wrapped_property
    text = getattr(getattr(wrapped, "fget", None), COMPUTED, None)
    return _described(name, declared.return_type, [text] if text else [], required=False, computed=True)


def _described(
    name: str, annotation: Any, metadata: list[Any], *, required: bool, default: Any = None, computed: bool = False
) -> FormField:
    inner, nullable, said = _unwrapped(annotation)
    said = [*metadata, *said]
    text = next((one for one in said if isinstance(one, FieldText)), None)
    marks = [one for one in said if isinstance(one, Widget)]
    widget = text.widget if text and text.widget else next(iter(marks), None)
    limits = _limits(said)
    shape = _shape(name, inner, widget, limits)
    return FormField(
        name=name,
        text=text,
        python_type=inner,
        required=required,
        nullable=nullable,
        default=default,
        limits=limits,
        widget=widget,
        computed=computed,
        **shape,
    )


def _unwrapped(annotation: Any) -> tuple[Any, bool, list[Any]]:
    """The bare type, whether None is allowed, and what `Annotated` says on the way."""
    said: list[Any] = []
    nullable = False
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *more = get_args(annotation)
            said += _flat(more)
        elif origin in (Union, UnionType) and NoneType in get_args(annotation):
            rest = [one for one in get_args(annotation) if one is not NoneType]
            nullable = True
            if len(rest) != 1:
                return annotation, True, said
            annotation = rest[0]
        else:
            return annotation, nullable, said


def _flat(metadata: list[Any]) -> Iterator[Any]:
    for one in metadata:
        if isinstance(one, FieldInfo):
            yield from one.metadata
        else:
            yield one


_SIMPLE: dict[Any, ValueType] = {
    bool: ValueType.BOOLEAN,
    date: ValueType.DATE,
    datetime: ValueType.DATETIME,
    UUID: ValueType.IDENTIFIER,
    SecretStr: ValueType.SECRET,
}


def _shape(name: str, inner: Any, widget: Widget | None, limits: Limits) -> dict[str, Any]:
    if inner in _SIMPLE:
        return {"type": _SIMPLE[inner]}
    if inner is str:
        long = widget is Widget.BODY or (limits.most_length or 0) > LONGEST_TEXT
        return {"type": ValueType.BODY if long else ValueType.TEXT}
    if inner is int:
        return {"type": ValueType.MONEY if widget is Widget.MONEY else ValueType.INTEGER}
    if inner is Decimal:
        return {"type": ValueType.PERCENT if widget is Widget.PERCENT else ValueType.DECIMAL}
    if isinstance(inner, type) and issubclass(inner, Choice):
        return {"type": ValueType.CHOICE, "choices": _options(inner), "choice_type": inner}
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        return {"type": ValueType.GROUP, "fields": fields_of(inner)}
    return _collection(name, inner)


def _options(choices: type[Choice]) -> tuple[Option, ...]:
    return tuple(Option(one.value, one.title) for one in choices)


def _collection(name: str, inner: Any) -> dict[str, Any]:
    origin, arguments = get_origin(inner), get_args(inner)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        arguments = arguments[:1]
    if origin not in (list, tuple, set, frozenset) or len(arguments) != 1:
        return {"type": ValueType.OTHER}
    items = _described(name, arguments[0], [], required=True)
    unique = origin in (set, frozenset)
    if items.type is ValueType.CHOICE:
        kept = {"choices": items.choices, "choice_type": items.choice_type, "unique_items": unique}
        return {"type": ValueType.CHOICES, **kept}
    if items.type is ValueType.GROUP:
        return {"type": ValueType.ROWS, "fields": items.fields}
    if items.type in (ValueType.LIST, ValueType.ROWS, ValueType.CHOICES, ValueType.OTHER):
        return {"type": ValueType.OTHER}
    return {"type": ValueType.LIST, "items": items, "unique_items": unique}


def _limits(said: list[Any]) -> Limits:
    found: dict[str, Any] = {}
    for one in said:
        match one:
            case Ge():
                found["least"] = _number(one.ge)
            case Gt():
                found["above"] = _number(one.gt)
            case Le():
                found["most"] = _number(one.le)
            case Lt():
                found["below"] = _number(one.lt)
            case MinLen():
                found["least_length"] = one.min_length
            case MaxLen():
                found["most_length"] = one.max_length
            case StringConstraints():
                pattern = one.pattern
                found |= {
                    "least_length": one.min_length,
                    "most_length": one.max_length,
                    "pattern": pattern if isinstance(pattern, str) or pattern is None else pattern.pattern,
                }
            case _:
                _other_limits(one, found)
    return Limits(**found)


def _other_limits(one: Any, found: dict[str, Any]) -> None:
    """pydantic's own metadata keeps what has no annotated type in attributes."""
    for attribute, name in (("max_digits", "digits"), ("decimal_places", "places"), ("pattern", "pattern")):
        value = getattr(one, attribute, None)
        if isinstance(value, int | str):
            found[name] = value


def _number(value: Any) -> Decimal | None:
    return Decimal(str(value)) if isinstance(value, int | float | Decimal) else None


def check_form(form: type[Form]) -> tuple[Bilingual, ...]:
    """Every mistake in a form's declaration; empty when it can be used."""
    about = getattr(form, "about", None)
    if not isinstance(about, FormInfo):
        name = form.__name__
        return (Bilingual(f"表单 {name} 缺少 about = FormInfo(…)。", f"Form {name} lacks about = FormInfo(…)."),)
    try:
        fields = fields_of(form)
    except Exception as error:
        kind = type(error).__name__
        return (
            Bilingual(
                f"表单 {about.key} 的字段无法读取（{kind}）。", f"The fields of {about.key} cannot be read ({kind})."
            ),
        )
    mistakes = [mistake for one in fields for mistake in _field_mistakes(one, one.name)]
    mistakes += _info_mistakes(about, field_by_name(form))
    return tuple(
        Bilingual(f"表单 {about.key}：{mistake.zh}", f"Form {about.key}: {mistake.en}") for mistake in mistakes
    )


def _field_mistakes(one: FormField, path: str) -> Iterator[Bilingual]:
    if one.text is None:
        yield Bilingual(
            f"字段 {path} 没有标题，请用 field(中文, 英文) 声明。",
            f"the field {path} has no titles; declare them with field(zh, en).",
        )
    elif one.text.masked is not None and one.text.filterable:
        yield Bilingual(
            f"字段 {path} 是脱敏字段，不能同时可筛选。", f"the field {path} is masked and cannot be filterable."
        )
    if one.type in (ValueType.OTHER, ValueType.SECRET):
        yield Bilingual(
            f"字段 {path} 的类型不受支持，请使用文本、整数、Decimal、日期、时间、布尔、Choice 或它们的列表。",
            f"the type of {path} is not supported: use text, int, Decimal, date, datetime, bool, a Choice,"
            " or a list of these.",
        )
    elif one.filterable and one.indexed not in INDEXABLE:
        yield Bilingual(f"字段 {path} 的类型不能筛选。", f"the type of {path} cannot be filtered by.")
    if one.fields and not _forbids_more(one.python_type):
        yield Bilingual(f"字段 {path} 的内嵌模型须继承 FormPart。", f"the model inside {path} must be a FormPart.")
    if "." in one.name or one.name == "custom":
        yield Bilingual(f"字段名 {path} 不可用。", f"the name {path} cannot be used.")
    for inner in one.fields:
        yield from _field_mistakes(inner, f"{path}.{inner.name}")
        if inner.text is not None and (inner.text.filterable or inner.text.masked):
            yield Bilingual(
                f"嵌套字段 {path}.{inner.name} 不能筛选或脱敏。",
                f"the nested field {path}.{inner.name} can be neither filterable nor masked.",
            )


def _forbids_more(annotation: Any) -> bool:
    inner = _unwrapped(annotation)[0]
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        return inner.model_config.get("extra") == "forbid"
    return all(_forbids_more(argument) for argument in get_args(inner) if argument is not Ellipsis)


def _info_mistakes(about: FormInfo, fields: dict[str, FormField]) -> Iterator[Bilingual]:
    for place, name in (("title_field", about.title_field), ("slot_field", about.slot_field)):
        if name is None:
            continue
        one = fields.get(name)
        if one is None:
            yield Bilingual(f"{place} 所指的字段 {name} 不存在。", f"{place} names {name}, which is no field.")
        elif one.text is not None and (one.text.masked or one.text.personal):
            yield Bilingual(
                f"{place} 不能是脱敏或个人信息字段 {name}。", f"{place} cannot be {name}: it is masked or personal."
            )
        elif one.fields or one.type in (ValueType.LIST, ValueType.CHOICES):
            yield Bilingual(f"{place} 必须是单值字段。", f"{place} must be a field of one value.")
    if (about.several is Several.FIELD) is not (about.slot_field is not None):
        yield Bilingual(
            "slot_field 与 Several.FIELD 必须同时使用。", "slot_field and Several.FIELD come together or not at all."
        )
    if about.version < 1 or any(not 1 <= step < about.version for step in about.upgrades):
        yield Bilingual(
            "upgrades 只能包含低于当前版本的版本号。", "upgrades may only name versions below the form's own."
        )
    yield from _flow_mistakes(about)


def _flow_mistakes(about: FormInfo) -> Iterator[Bilingual]:
    keys = [state.key for state in about.flow.states]
    if not keys or len(set(keys)) != len(keys):
        yield Bilingual("状态不能为空或重复。", "its states must not be empty or alike.")
        return
    moves = [(move.before, move.key) for move in about.flow.moves]
    if len(set(moves)) != len(moves):
        yield Bilingual("同一状态下的操作不能重复。", "a move stands once for each state.")
    for move in about.flow.moves:
        if move.before not in keys or move.after not in keys:
            yield Bilingual(
                f"操作 {move.key} 引用了不存在的状态。", f"the move {move.key} names a state that does not exist."
            )
