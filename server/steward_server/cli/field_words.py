"""`field=value` and `field:op:value` words about fields that a form or a tenant declares, as values of their types."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from steward_core.custom_fields.index import Op
from steward_core.custom_fields.queries import custom_fields
from steward_core.forms.description import FormField, ValueType, field_by_name
from steward_server.cli.output import FAILED, say
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.texts import Bilingual

Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="FIELD:OP:VALUE",
        help=f"按字段筛选，可多次；in 与 between 的值用逗号分开。Filter by a field; may be repeated: {', '.join(Op)}.",
    ),
]
FieldWords = Annotated[
    list[str] | None,
    typer.Argument(metavar="FIELD=VALUE", help="字段：文本或 JSON；金额以分计。Fields, as text or JSON; money in fen."),
]
CUSTOM = "custom."
"""What the tenant's own fields of a form begin with."""
_JSON = {ValueType.INTEGER, ValueType.MONEY, ValueType.BOOLEAN, ValueType.GROUP, ValueType.ROWS, ValueType.OTHER}
_LISTS = {ValueType.CHOICES, ValueType.LIST}
_MANY = frozenset({Op.IN, Op.BETWEEN})
_NONE = frozenset({Op.IS_NULL, Op.IS_NOT_NULL})
_NULL = "null"


@dataclass(frozen=True)
class Condition:
    """A `--where`: `text` None where its operator takes no value."""

    field: str
    op: str
    text: str | None

    def value(self, kind: str | None) -> Any:
        """The value in the type of the field (None: not known here)."""
        if self.text is None:
            return None
        if self.op in _MANY:
            return [_single(kind, part.strip()) for part in self.text.split(",")]
        return _single(kind, self.text)


def conditions(words: Sequence[str] | None) -> list[Condition]:
    """The conditions that the words of `--where` are. Raises InvalidInput naming every one that is none."""
    found, problems = [], []
    for word in words or ():
        field, _, rest = word.partition(":")
        op, colon, text = rest.partition(":")
        if not field or not op or (not colon and op not in _NONE):
            problems.append(_problem(word, "请写成 字段:运算符:值。", "Write it as field:op:value."))
        else:
            found.append(Condition(field, op, text if colon else None))
    if problems:
        raise InvalidInput(problems=problems)
    return found


async def kinds_of_custom(session: TenantSession, target: str) -> dict[str, str]:
    """The types of the tenant's own fields by key."""
    return {one.key: one.type for one in await custom_fields(session, target, retired=True)}


def kind_of_field(one: FormField | None) -> str | None:
    """The type by which records are filtered by a field."""
    return None if one is None else one.indexed.value


def values_of(words: Sequence[str] | None, model: type[BaseModel]) -> dict[str, Any]:
    """The fields of a model that `field=value` words give; unknown ones stay in, for the model to refuse.

    Raises InvalidInput for words of another form.
    """
    known = field_by_name(model)

    def typed(name: str, text: str) -> Any:
        one = known.get(name)
        return _guessed(text) if one is None else _typed(one, text)

    return _read(words, typed)


def custom_values_of(words: Sequence[str] | None, kinds: Mapping[str, str]) -> dict[str, Any]:
    """The same for the tenant's own fields, by key."""

    def typed(name: str, text: str) -> Any:
        if text == _NULL:
            return None
        kind = kinds.get(name)
        return _listed(text) if kind == ValueType.CHOICES.value else _single(kind, text)

    return _read(words, typed)


def _read(words: Sequence[str] | None, typed: Callable[[str, str], Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    problems = []
    for word in words or ():
        name, equals, text = word.partition("=")
        if not equals or not name:
            problems.append(_problem(word, "请写成 字段=值。", "Write it as field=value."))
        elif name in values:
            problems.append(_problem(name, "字段重复。", "It stands twice."))
        else:
            values[name] = typed(name, text)
    if problems:
        raise InvalidInput(problems=problems)
    return values


def from_file(path: Path) -> dict[str, Any]:
    """A JSON object in a file; `-` reads standard input."""
    try:
        given = json.loads(sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8"))
    except OSError as error:
        say(f"无法读取文件：{path}。 The file cannot be read: {error.strerror}.")
        raise typer.Exit(FAILED) from None
    except ValueError:
        given = None
    if not isinstance(given, dict):
        say(f"文件应为一个 JSON 对象：{path}。 The file must hold one JSON object.")
        raise typer.Exit(FAILED)
    return given


def _typed(one: FormField, text: str) -> Any:
    if text == _NULL and one.nullable:
        return None
    if one.type in _LISTS:
        return _listed(text)
    return _guessed(text) if one.type in _JSON else text


def _single(kind: str | None, text: str) -> Any:
    return _guessed(text) if kind in {one.value for one in _JSON} else text


def _listed(text: str) -> Any:
    if text.lstrip().startswith("["):
        return _guessed(text)
    return [part.strip() for part in text.split(",") if part.strip()]


def _guessed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _problem(name: str, zh: str, en: str) -> FieldProblem:
    return FieldProblem((name,), "form", Bilingual(zh, en))
