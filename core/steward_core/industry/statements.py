"""Looking into the selects that plugins hand over, before they are sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import BindParameter, ColumnClause, FromClause, Join, Select, TableClause
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BinaryExpression, TextClause
from sqlalchemy.sql.selectable import AliasedReturnsRows

from steward_tenants.database.tables import TENANT_SCHEMA


class OutsideTheTenant(Exception):
    """A plugin's select names a table without the tenant's condition: `context.within(table)` is missing."""


def kept_to_the_tenant(statement: Select[Any]) -> None:
    """Raise OutsideTheTenant unless every table that the statement reads has its `tenant_id = <parameter>`.

    This names a plugin's mistake to whoever has to mend it; what keeps tenants apart is row-level security.
    """
    read: set[FromClause] = set()
    held: set[Any] = set()
    for element in visitors.iterate(statement):
        if isinstance(element, Select):
            read.update(one for source in element.get_final_froms() for one in _tables(source))
        elif isinstance(element, BinaryExpression) and element.operator is operators.eq:
            held.update(_held(element.left, element.right))
            held.update(_held(element.right, element.left))
    if outside := sorted(str(getattr(one, "name", one)) for one in read - held):
        raise OutsideTheTenant(", ".join(outside))


def _tables(source: FromClause) -> Iterator[FromClause]:
    if isinstance(source, Join):
        yield from _tables(source.left)
        yield from _tables(source.right)
    elif _tenants(source):
        yield source


def _tenants(source: Any) -> bool:
    inner = source.element if isinstance(source, AliasedReturnsRows) else source
    if isinstance(inner, TableClause):
        return inner.schema in (TENANT_SCHEMA, None)
    return isinstance(inner, TextClause)


def _held(column: Any, value: Any) -> Iterator[Any]:
    if isinstance(column, ColumnClause) and column.name == "tenant_id" and isinstance(value, BindParameter):
        yield column.table


def columns_of(statement: Select[Any]) -> frozenset[str]:
    """The names of what a select answers."""
    return frozenset(str(name) for name in statement.selected_columns.keys())  # noqa: SIM118 - not a mapping
