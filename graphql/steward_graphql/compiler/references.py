"""Conditions on references to tables, kept from naming tables to the query around them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Exists, True_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.compiler import SQLCompiler

from steward_tenants.database.references import Reference, bare

__all__ = ["Late", "Reference", "Where", "bare"]


class Where(ColumnElement[bool]):
    """Conditions joined by AND that name no tables to the query around them, so that none is added to its FROM.

    `around`: rows of queries further out; subqueries inside take them from there.
    """

    inherit_cache = False
    type = Boolean()

    def __init__(self, conditions: Iterable[ColumnElement[bool] | None], around: Iterable[Reference] = ()) -> None:
        self.conditions = [one for one in conditions if one is not None and not isinstance(one, True_)]
        self.around = frozenset(one.__clause_element__() for one in around)

    def self_group(self, against: Any = None) -> Where:  # noqa: ARG002 - it stands in parentheses already
        return self


@compiles(Where)
def _where(element: Where, compiler: SQLCompiler, **options: Any) -> str:
    entry: Any = compiler.stack[-1]
    if element.around:
        wider: Any = {name: entry[name] | element.around for name in ("asfrom_froms", "correlate_froms")}
        compiler.stack.append(entry | wider)
    try:
        parts = [compiler.process(one.self_group(against=operators.and_), **options) for one in element.conditions]
    finally:
        if element.around:
            compiler.stack.pop()
    return "(" + " AND ".join(parts) + ")" if parts else "true"


_ROW_BY_ROW = "row_by_row"


class Late(ColumnElement[bool]):
    """A condition that is looked at for the rows found by the others, and never chooses the way to them.

    The planner turns an EXISTS among plain conditions into a join, and takes it for far more selective than it is where
    the tables' columns hang together; it then goes through all of a tenant's rows for one that is named by its id. Nor
    is an EXISTS in it made a set of all rows that it could mean, which OFFSET 0 prevents.
    """

    inherit_cache = False
    type = Boolean()

    def __init__(self, condition: ColumnElement[bool]) -> None:
        self.condition = condition

    def self_group(self, against: Any = None) -> Late:  # noqa: ARG002 - it stands in parentheses already
        return self


@compiles(Late)
def _late(element: Late, compiler: SQLCompiler, **options: Any) -> str:
    options[_ROW_BY_ROW] = True
    return f"(CASE WHEN true THEN ({compiler.process(element.condition, **options)})::boolean END)"


@compiles(Exists)
def _exists(element: Exists, compiler: SQLCompiler, **options: Any) -> str:
    text: str = compiler.visit_unary(element, **options)  # type: ignore[no-untyped-call]
    return text[:-1] + " OFFSET 0)" if options.get(_ROW_BY_ROW) and text.endswith(")") else text
