"""A form's documents: validated against its model, as JSON for storage, and what the field index keeps of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from steward_core.forms.declared import FRACTIONS, WHOLE, FormField, ValueType, field_by_name, fields_of
from steward_core.forms.errors import UpgradeMissing
from steward_core.forms.form import Form, SubjectKind
from steward_core.forms.problems import problems_of
from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.texts import Bilingual

log = logging.getLogger(__name__)

LARGEST_DOCUMENT = 64 * 1024
"""Bytes of a document as JSON."""
DEEPEST_DRAFT = 8
LONGEST_TITLE = 200
Values = Mapping[str, Any]

_TOO_LARGE = FieldProblem(
    (),
    "too_large",
    Bilingual(
        f"表单内容超过 {LARGEST_DOCUMENT // 1024} KB，请缩短文字或改用附件。",
        f"The form holds more than {LARGEST_DOCUMENT // 1024} KB; shorten its texts or attach a file.",
    ),
)
_FAILED = FieldProblem(
    (),
    "form_failed",
    Bilingual(
        "该表单自身的校验或计算出错，内容未保存；请联系插件提供方。",
        "The form's own checks or computations failed, nothing was saved; tell whoever provides the plugin.",
    ),
)


@dataclass(frozen=True)
class Filled:
    """A valid document: the model with its Python values, and what is stored of it."""

    model: Form = field(repr=False)
    document: dict[str, Any]
    computed: dict[str, Any]

    @property
    def values(self) -> dict[str, Any]:
        """Its fields and computed values in Python types, for checks."""
        names = field_by_name(type(self.model))
        computed = {name: typed(names[name], value) for name, value in self.computed.items()}
        return {name: getattr(self.model, name) for name in self.document} | computed


def fill(form: type[Form], values: Values) -> Filled:
    """Validate a document whole and evaluate its computed values. Raises InvalidInput naming every bad field."""
    filled = filled_or_problems(form, values)
    if isinstance(filled, Filled):
        return filled
    raise InvalidInput(problems=filled)


def filled_or_problems(form: type[Form], values: Values) -> Filled | list[FieldProblem]:
    """`fill` without raising, for many rows."""
    try:
        model = form.model_validate(values)
    except ValidationError as error:
        return problems_of(error, form)
    except Exception as error:
        return _failure(form, error)
    return _stored(form, model)


def _stored(form: type[Form], model: Form) -> Filled | list[FieldProblem]:
    try:
        raw = form.__pydantic_serializer__.to_json(model)
        document = from_json(raw)
    except Exception as error:
        return _failure(form, error)
    if len(raw) > LARGEST_DOCUMENT:
        return [_TOO_LARGE]
    if b"\\u0000" in raw and (problems := list(_nul(document, ()))):
        return problems
    computed_names, unlimited = _shape(form)
    computed = {name: document.pop(name) for name in computed_names}
    problems = [one for name in unlimited if (one := _beyond_bigint(form, name, document[name]))]
    return problems or Filled(model, document, computed)


@cache
def _shape(form: type[Form]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The computed fields, and the whole numbers whose size the model itself does not limit."""
    fields = fields_of(form)
    whole = [one for one in fields if one.type in WHOLE and not one.computed]
    unlimited = [one.name for one in whole if one.limits.most is None or one.limits.least is None]
    return tuple(one.name for one in fields if one.computed), tuple(unlimited)


def _failure(form: type[Form], error: Exception) -> list[FieldProblem]:
    log.error("form %s failed: %s", form.__name__, type(error).__name__)
    return [_FAILED]


def _nul(value: Any, path: tuple[str, ...]) -> Iterator[FieldProblem]:
    if isinstance(value, str) and "\0" in value:
        text = Bilingual("含有无法保存的空字符。", "It has a NUL character, which cannot be stored.")
        yield FieldProblem(path, "characters", text)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _nul(item, (*path, str(key)))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _nul(item, (*path, str(place)))


def _beyond_bigint(form: type[Form], name: str, value: Any) -> FieldProblem | None:
    if type(value) is int and not -(2**63) <= value < 2**63:
        title = field_by_name(form)[name].title
        return FieldProblem(
            (name,), "range", Bilingual(f"“{title.zh}”数值过大。", f"{title.en} is too large a number.")
        )
    return None


def draft_of(form: type[Form], values: Values) -> dict[str, Any]:
    """What a draft keeps: the values as they were given, complete or not, of the form's own fields.

    Raises InvalidInput for unknown fields, for what is no JSON or cannot be stored, and beyond `LARGEST_DOCUMENT`.
    """
    known = {one.name for one in fields_of(form) if not one.computed}
    problems = [
        FieldProblem((name[:100],), "unknown", Bilingual("不是本表单的字段。", "This is no field of the form."))
        for name in sorted(set(map(str, values)) - known)
    ][:100]
    if problems:
        raise InvalidInput(problems=problems)
    document: dict[str, Any] = {}
    for name, value in values.items():
        problem = _draft_problem(name, value)
        if problem is not None:
            problems.append(problem)
        document[name] = value
    if problems:
        raise InvalidInput(problems=problems)
    raw = json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    if len(raw) > LARGEST_DOCUMENT:
        raise InvalidInput(problems=[_TOO_LARGE])
    copy: dict[str, Any] = json.loads(raw)
    return copy


def _draft_problem(name: str, value: Any) -> FieldProblem | None:
    """Why a draft cannot keep a value: no JSON, too deep, or characters and numbers that PostgreSQL cannot hold."""
    try:
        if _depth(value) > DEEPEST_DRAFT:
            raise ValueError
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError, RecursionError):
        return FieldProblem(
            (name,), "not_json", Bilingual("不是可保存的值。", "This is no value that a draft can keep.")
        )
    return next(_nul(value, (name,)), None)


def _depth(value: Any, depth: int = 0) -> int:
    if depth > DEEPEST_DRAFT:
        return depth
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError
        return max((_depth(item, depth + 1) for item in value.values()), default=depth)
    if isinstance(value, list):
        return max((_depth(item, depth + 1) for item in value), default=depth)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**100:
        raise ValueError
    return depth


def typed(one: FormField, value: Any) -> Any:
    """A value of a stored document in its Python type."""
    if value is None:
        return None
    if one.type is ValueType.LIST and one.items is not None:
        return [typed(one.items, item) for item in value]
    if one.type is ValueType.DATE:
        return date.fromisoformat(value)
    if one.type is ValueType.DATETIME:
        return datetime.fromisoformat(value)
    if one.type in FRACTIONS:
        return Decimal(str(value))
    return value


def indexed_values(form: type[Form], document: Values, computed: Values) -> Iterator[tuple[str, int, Any]]:
    """(field, position, value) of each value that the field index keeps of a valid document."""
    for one in fields_of(form):
        if not one.filterable:
            continue
        value = typed(one, (computed if one.computed else document).get(one.name))
        if isinstance(value, list):
            yield from ((one.name, place, item) for place, item in enumerate(value) if item is not None)
        elif value is not None:
            yield one.name, 0, value


def title_of(form: type[Form], document: Values, computed: Values, period: str | None = None) -> str:
    """What names a record in lists: its title field, else the form's title with the period."""
    about = form.about
    if about.title_field is not None:
        one = field_by_name(form)[about.title_field]
        value = (computed if one.computed else document).get(one.name)
        chosen = next((option.title.zh for option in one.choices if option.value == value), value)
        if chosen is not None and not isinstance(chosen, dict | list) and str(chosen).strip():
            return str(chosen).strip()[:LONGEST_TITLE]
    return f"{about.title.zh} {period}" if period else about.title.zh


def personal_fields(form: type[Form]) -> frozenset[str]:
    """Fields that the audit log keeps as digests only: those of persons, and all that is masked. A form about a contact
    tells of an outside person in all its fields."""
    about_a_person = form.about.subject is SubjectKind.CONTACT
    return frozenset(one.name for one in fields_of(form) if about_a_person or _is_personal(one))


def _is_personal(one: FormField) -> bool:
    own = one.text is not None and (one.text.personal or one.text.masked is not None)
    return own or any(_is_personal(inner) for inner in one.fields)


def hidden(one: FormField, value: Any) -> Any:
    """The mask of a masked field's value. What is no text disappears whole."""
    sort = one.text.masked if one.text else None
    if sort is None or value is None:
        return value
    return sort.hide(value) if isinstance(value, str) else sort.hide("")


def keeping_masked(form: type[Form], values: Values, stored: Values) -> dict[str, Any]:
    """`values`, where a mask that came back as it was shown stands for the stored value."""
    kept = dict(values)
    for one in fields_of(form):
        if one.text is None or one.text.masked is None or kept.get(one.name) is None:
            continue
        before = stored.get(one.name)
        if before is not None and kept[one.name] == hidden(one, before):
            kept[one.name] = before
    return kept


def upgraded(form: type[Form], document: Values, version: int) -> dict[str, Any]:
    """A document of an older version of the form as the present version's, by its steps. Raises UpgradeMissing, and
    whatever a step raises."""
    current = dict(document)
    for step in range(version, form.about.version):
        turn = form.about.upgrades.get(step)
        if turn is None:
            raise UpgradeMissing(form=form.about.key, version=step)
        current = dict(turn(current))
    return current


@dataclass(frozen=True)
class PreparedDocuments:
    """Many rows, validated: `filled` holds a document for each valid row, `problems` what is wrong with the others;
    both by the row's place."""

    filled: Mapping[int, Filled]
    problems: Mapping[int, list[FieldProblem]]

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The valid documents in order of their rows."""
        return [one.document for one in self.filled.values()]

    @property
    def computed(self) -> list[dict[str, Any]]:
        """Their computed values."""
        return [one.computed for one in self.filled.values()]


def prepare_documents(form: type[Form], rows: Sequence[Values]) -> PreparedDocuments:
    """Validate many documents; nothing is raised."""
    filled: dict[int, Filled] = {}
    problems: dict[int, list[FieldProblem]] = {}
    for place, values in enumerate(rows):
        outcome = filled_or_problems(form, values)
        if isinstance(outcome, Filled):
            filled[place] = outcome
        else:
            problems[place] = outcome
    return PreparedDocuments(filled, problems)
