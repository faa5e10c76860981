"""References to tables in a statement. Light stand-ins for ORM aliases: only the columns that are used are made."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import Boolean, Column, ColumnClause, ColumnElement, FromClause, True_, inspect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from steward_tenants.database.tables import TenantTable


@cache
def _columns(table: type[TenantTable]) -> dict[str, Column[Any]]:
    """A table's columns by the name of their attribute."""
    found: dict[str, Any] = {attr.key: attr.columns[0] for attr in inspect(table).column_attrs}
    return found


class Reference:
    """An alias of a table, whose columns are its attributes; SQLAlchemy takes it for the alias."""

    def __init__(self, table: type[TenantTable], name: str) -> None:
        self._columns = _columns(table)
        self._alias: FromClause = table.__table__.alias(name)

    def __getattr__(self, key: str) -> ColumnClause[Any]:
        column = None if key.startswith("_") else self._columns.get(key)
        if column is None:
            raise AttributeError(key)
        made = bare(column.name, column.type, self._alias)
        self.__dict__[key] = made
        return made

    def __clause_element__(self) -> FromClause:
        return self._alias

    def never_null(self, expression: object) -> bool:
        """Whether an expression is one of its columns that the database keeps from being NULL."""
        if not isinstance(expression, ColumnClause) or expression.table is not self._alias:
            return False
        column = self._columns.get(expression.name)
        return column is not None and column.name == expression.name and not column.nullable


def bare(name: str, kind: TypeEngine[Any], source: FromClause) -> ColumnClause[Any]:
    """A column of `source` by its name, without building all of its columns."""
    return ColumnClause(name, kind, _selectable=source)


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
