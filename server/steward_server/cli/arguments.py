"""`name=value` words for a command: which parameters it takes, and the words as values of their types."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict
from uuid import UUID

from pydantic import AfterValidator, TypeAdapter, ValidationError

from steward_server.cli.naming import NOTHING, NameOf, as_id, named, reference
from steward_tenants.commands.service import CommandInfo
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.texts import Bilingual

DAY = "today"
"""The parameter that is always the tenant's own day."""
FIELDS = "fields"
"""The parameter that holds the columns of a row."""
_NULL = "null"
_WORDS: Mapping[Any, str] = {
    NoneType: _NULL,
    str: "text",
    int: "number",
    float: "number",
    Decimal: "number",
    bool: "true|false",
    date: "YYYY-MM-DD",
    datetime: "YYYY-MM-DDThh:mm:ss+08:00",
    UUID: "UUID",
}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a command, in a type that text can be read into."""

    name: str
    annotation: Any
    required: bool
    default: Any
    names: NameOf | None = None
    command: str = ""

    @property
    def type_text(self) -> str:
        """Its type for people: `UUID | null`, `own|team|subtree|all`, `[str, …]`."""
        named_by = " (or name)" if self.names else ""
        return _type_text(self.annotation) + named_by


@dataclass(frozen=True)
class Named:
    """A value that is still a name."""

    kind: NameOf
    text: str


@dataclass(frozen=True)
class WithNames:
    """A dataclass or mapping some fields of which are still names, or lists with names in them."""

    value: Any
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class _Keys:
    """The keys that a mapping may have."""

    names: tuple[str, ...]


def takes_day(function: Callable[..., Any]) -> bool:
    """Whether a command wants to know the tenant's day."""
    return DAY in inspect.signature(function).parameters


def parameters_of(info: CommandInfo) -> list[Parameter]:
    """What a command takes besides its session and the day."""
    hints = get_type_hints(info.function)
    taken = list(inspect.signature(info.function).parameters.values())[1:]
    return [
        Parameter(
            p.name,
            _readable(hints[p.name]),
            p.default is p.empty,
            None if p.default is p.empty else p.default,
            reference(info.key, p.name),
            info.key,
        )
        for p in taken
        if p.name != DAY
    ]


def read(info: CommandInfo, words: Sequence[str]) -> dict[str, Any]:
    """The values that `name=value` words give. Raises InvalidInput naming every wrong or missing one."""
    known = {parameter.name: parameter for parameter in parameters_of(info)}
    values: dict[str, Any] = {}
    problems: list[FieldProblem] = []
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            problems.append(_problem(word, "form", "请写成 名称=值。", "Write it as name=value."))
        elif name not in known:
            names = ", ".join(known) or "—"
            problems.append(
                _problem(name, "unknown", f"没有此参数；可用：{names}。", f"There is no such parameter; use {names}.")
            )
        elif name in values:
            problems.append(_problem(name, "repeated", "参数重复。", "It stands twice."))
        else:
            values[name] = None
            try:
                values[name] = _value(known[name], text)
            except InvalidInput as refused:
                problems += refused.problems
    for parameter in known.values():
        if parameter.required and parameter.name not in values:
            kind = parameter.type_text
            problems.append(_problem(parameter.name, "missing", f"缺少此参数：{kind}。", f"It is missing: {kind}."))
    if problems:
        raise InvalidInput(problems=problems)
    return values


async def with_ids(session: TenantSession, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with every name replaced by the id that it stands for."""
    return {name: await _with_ids(session, value) for name, value in values.items()}


async def _with_ids(session: TenantSession, value: Any) -> Any:
    if isinstance(value, Named):
        return await named(session, value.kind, value.text)
    if isinstance(value, WithNames):
        found = {name: await _with_ids(session, part) for name, part in value.fields.items()}
        return {**value.value, **found} if isinstance(value.value, dict) else replace(value.value, **found)
    if type(value) is tuple:
        return tuple([await _with_ids(session, part) for part in value])
    return value


def _value(parameter: Parameter, text: str) -> Any:
    name, annotation = parameter.name, parameter.annotation
    if annotation is Any:
        try:
            return json.loads(text)
        except ValueError:
            return text
    if text == _NULL and NoneType in get_args(annotation):
        return None
    if parameter.names is not None:
        return _with_names(parameter, _parts(text) if _takes_list(annotation) else text)
    if is_dataclass(annotation):
        _refuse_unknown(name, annotation, text)
        return _dataclass(parameter, text)
    value = _checked(parameter, text)
    return _fields(parameter, value) if name == FIELDS and isinstance(value, dict) else value


def _fields(parameter: Parameter, given: dict[str, Any]) -> Any:
    """The columns of a row that is to be made or changed; those that hold an id of another row take its name."""
    names = {}
    for key, value in given.items():
        kind = reference(parameter.command, key)
        if kind is not None and isinstance(value, str) and as_id(value) is None:
            names[key] = Named(kind, value)
    return WithNames(given, names) if names else given


def _with_names(parameter: Parameter, given: Any) -> Any:
    """What was given, with a `Named` in the place of whatever is no id."""
    kind = parameter.names
    if kind is None:
        return given
    if isinstance(given, list):
        return tuple(_with_names(parameter, part) for part in given)
    known = as_id(given) if isinstance(given, str) else None
    return Named(kind, str(given)) if known is None else known


def _dataclass(parameter: Parameter, text: str) -> Any:
    """A dataclass from JSON; its fields take names as parameters of the same name do."""
    try:
        given = json.loads(text)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        return _checked(parameter, text)
    names: dict[str, Any] = {}
    for key, value in given.items():
        kind = reference(parameter.command, key)
        if kind is None or not isinstance(value, str | list):
            continue
        part = _with_names(replace(parameter, names=kind), value)
        if _has_name(part):
            names[key] = part
            given[key] = [] if isinstance(value, list) else str(NOTHING)
    value = _checked(parameter, json.dumps(given))
    return WithNames(value, names) if names else value


def _has_name(value: Any) -> bool:
    return isinstance(value, Named) or (isinstance(value, tuple) and any(isinstance(part, Named) for part in value))


def _parts(text: str) -> Any:
    """A list written as JSON or with commas."""
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            return [text]
    return [part.strip() for part in text.split(",") if part.strip()]


def _checked(parameter: Parameter, text: str) -> Any:
    name, annotation = parameter.name, parameter.annotation
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    try:
        if _takes_list(annotation) and not text.lstrip().startswith("["):
            return adapter.validate_python([part.strip() for part in text.split(",") if part.strip()])
        try:
            return adapter.validate_python(text)
        except ValidationError:
            if text.lstrip()[:1] not in ("{", "["):
                raise
        return adapter.validate_json(text)
    except ValidationError as error:
        raise InvalidInput(
            problems=[
                FieldProblem(
                    (name, *(str(part) for part in item["loc"])),
                    item["type"],
                    Bilingual(f"值不可用，应为 {parameter.type_text}。", f"{item['msg']}: give {parameter.type_text}."),
                )
                for item in error.errors(include_url=False, include_input=False)
            ]
        ) from None


def _refuse_unknown(name: str, annotation: Any, text: str) -> None:
    try:
        given = json.loads(text)
    except ValueError:
        return
    known = {field.name for field in fields(annotation)}
    unknown = [key for key in given if key not in known] if isinstance(given, dict) else []
    if unknown:
        raise InvalidInput(
            problems=[
                FieldProblem((name, key), "unknown", Bilingual("没有此字段。", "There is no such field."))
                for key in unknown
            ]
        )


def _problem(name: str, code: str, zh: str, en: str) -> FieldProblem:
    return FieldProblem((name,), code, Bilingual(zh, en))


def _readable(annotation: Any) -> Any:
    """The annotation with collections as tuples, which text can be read into."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Collection, Sequence):
        return tuple[_readable(arguments[0]), ...]  # type: ignore[misc]
    if is_typeddict(annotation):
        return _keyed(annotation)
    if origin in (Union, UnionType):
        return Union[tuple(_readable(argument) for argument in arguments)]  # noqa: UP007
    return annotation


def _keyed(annotation: Any) -> Any:
    """A mapping with the keys of a typed dictionary; its values are the command's to check."""
    known = tuple(get_type_hints(annotation))

    def check(given: dict[str, Any]) -> dict[str, Any]:
        if unknown := sorted(set(given) - set(known)):
            raise ValueError(f"{', '.join(unknown)}: use {', '.join(known)}")
        return given

    return Annotated[dict[str, Any], AfterValidator(check), _Keys(known)]


def _takes_list(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return any(_takes_list(argument) for argument in get_args(annotation))
    return origin is tuple


def _type_text(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return " | ".join(dict.fromkeys(_type_text(argument) for argument in arguments))
    if origin is Annotated:
        keys = [about for about in arguments[1:] if isinstance(about, _Keys)]
        return f"JSON {{{', '.join(keys[0].names)}}}" if keys else _type_text(arguments[0])
    if origin is Literal:
        return "|".join(map(str, arguments))
    if origin is tuple:
        return f"[{_type_text(arguments[0])}, …]"
    if is_dataclass(annotation):
        return f"JSON {{{', '.join(field.name for field in fields(annotation))}}}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "|".join(str(member.value) for member in annotation)
    return _WORDS.get(annotation, "JSON")
