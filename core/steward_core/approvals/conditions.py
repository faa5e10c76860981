"""Conditions on what a subject declares about itself: data, checked against the declared fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from operator import eq, ge, gt, le, lt, ne
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from steward_core.approvals.errors import ValueMissing
from steward_tenants.errors import FieldProblem
from steward_tenants.texts import Bilingual

Scalar = bool | int | str
Value = str | bool | int | Decimal | date
"""What a subject declares. Money in fen."""


class FieldKind(StrEnum):
    """What a declared field holds."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"


class Operator(StrEnum):
    """How a field is compared."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    IN = "in"


_COMPARISONS: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: eq,
    Operator.NE: ne,
    Operator.LT: lt,
    Operator.LE: le,
    Operator.GT: gt,
    Operator.GE: ge,
}
_ORDERED = frozenset({Operator.LT, Operator.LE, Operator.GT, Operator.GE})


class Clause(BaseModel):
    """One comparison; a number with decimals and a day are written as texts (`12.5`, `2026-11-05`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: Annotated[str, Field(min_length=1, max_length=63)]
    operator: Operator
    value: Scalar | Annotated[tuple[Scalar, ...], Field(min_length=1, max_length=200)]


class Condition(BaseModel):
    """Clauses of which all, or any, must hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    match: Literal["all", "any"]
    clauses: Annotated[tuple[Clause, ...], Field(min_length=1, max_length=20)]


def holds(condition: Condition | None, values: Mapping[str, Value]) -> bool:
    """Whether a subject meets a condition; no condition always holds. All clauses are looked at.

    Raises ValueMissing: a value that is not there decides nothing.
    """
    if condition is None:
        return True
    met = [_holds(clause, values) for clause in condition.clauses]
    return all(met) if condition.match == "all" else any(met)


def problems_of_condition(condition: Condition, fields: Mapping[str, FieldKind], *path: str) -> Iterator[FieldProblem]:
    """What a condition asks that the subject does not declare or that cannot be compared."""
    for number, clause in enumerate(condition.clauses):
        kind = fields.get(clause.field)
        if kind is None:
            text = Bilingual(f"没有字段“{clause.field}”。", f"There is no field {clause.field}.")
            yield FieldProblem((*path, "clauses", str(number), "field"), "unknown", text)
        elif clause.operator in _ORDERED and kind in {FieldKind.TEXT, FieldKind.BOOLEAN}:
            text = Bilingual(f"“{clause.field}”不能比较大小。", f"{clause.field} has no order to compare by.")
            yield FieldProblem((*path, "clauses", str(number), "operator"), "operator", text)
        elif (clause.operator is Operator.IN) is not isinstance(clause.value, tuple):
            text = Bilingual("“in”须给出列表，其他比较只给一个值。", "`in` takes a list, the others take one value.")
            yield FieldProblem((*path, "clauses", str(number), "value"), "list", text)
        elif not all(_fits(value, kind) for value in _listed(clause.value)):
            text = Bilingual(f"“{clause.field}”的比较值类型应为 {kind}。", f"{clause.field} is compared with a {kind}.")
            yield FieldProblem((*path, "clauses", str(number), "value"), "type", text)


def _holds(clause: Clause, values: Mapping[str, Value]) -> bool:
    if clause.field not in values:
        raise ValueMissing(field=clause.field)
    value = values[clause.field]
    wanted = [_like(value, one) for one in _listed(clause.value)]
    if clause.operator is Operator.IN:
        return value in wanted
    return _COMPARISONS[clause.operator](value, wanted[0])


def _listed(value: Scalar | tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    return value if isinstance(value, tuple) else (value,)


def _like(value: Value, given: Scalar) -> Value:
    """What a clause gives, as the kind of value that it is compared with."""
    if isinstance(value, bool | str):
        return given
    return date.fromisoformat(str(given)) if isinstance(value, date) else Decimal(str(given))


def _fits(given: Scalar, kind: FieldKind) -> bool:
    if kind in {FieldKind.TEXT, FieldKind.BOOLEAN}:
        return isinstance(given, str if kind is FieldKind.TEXT else bool)
    if isinstance(given, bool):
        return False
    try:
        return Decimal(given).is_finite() if kind is FieldKind.NUMBER else bool(date.fromisoformat(str(given)))
    except (InvalidOperation, ValueError):
        return False
