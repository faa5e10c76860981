"""References to tables in a statement: light stand-ins for ORM aliases, which build all their columns each time."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Column, ColumnClause, FromClause, inspect
from sqlalchemy.types import TypeEngine

from steward_tenants.database.tables import TenantTable


@cache
def _columns(table: type[TenantTable]) -> dict[str, Column[Any]]:
    """A table's columns by the name of their attribute."""
    found: dict[str, Any] = {attr.key: attr.columns[0] for attr in inspect(table).column_attrs}
    return found


class Reference:
    """An alias of a table, whose columns are its attributes; SQLAlchemy takes it for the alias. Without a name it gets
    one in each statement. `rows` with all of the table's columns may stand in its place."""

    def __init__(self, table: type[TenantTable], name: str | None = None, rows: FromClause | None = None) -> None:
        self._columns = _columns(table)
        self._alias: FromClause = (table.__table__ if rows is None else rows).alias(name)

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
