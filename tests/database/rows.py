"""A valid row of any tenant table, made from the metadata: every column filled, parents first."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Table
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import Boolean, Date, DateTime, Integer, LargeBinary, Numeric, Text, TypeEngine, Uuid

from steward_tenants.database.identifiers import new_id

Row = dict[str, Any]
_numbers = count(1)
NOW = datetime.now(UTC)

_VALUES: tuple[tuple[type[TypeEngine[Any]], Callable[[int], Any]], ...] = (
    (Uuid, lambda _: new_id()),
    (Boolean, lambda _: False),
    (Integer, lambda number: number),
    (Numeric, lambda number: number),
    (DateTime, lambda number: NOW + timedelta(milliseconds=number)),
    (Date, lambda number: date(2020, 1, 1) + timedelta(days=number)),
    (LargeBinary, lambda number: number.to_bytes(32)),
    (JSONB, lambda number: {"n": number}),
    (ARRAY, lambda _: []),
    (Text, lambda number: f"v{number}"),
)
EXACT: dict[tuple[str, str], Any] = {
    ("role_assignment", "granted_by"): None,
    ("unit_placement", "valid_until"): None,
    ("role_assignment", "valid_until"): None,
    ("support_access", "granted_at"): NOW,
}
"""Columns whose checks say more than a list of values; a table that needs none is filled without an entry."""


def new_row(table: Table, tenant_id: UUID, parents: dict[str, Row], *, whole: bool = True) -> Row:
    """Values for one new row of `table` in a tenant; `parents` has a row of each table that it refers to.

    `whole` fills nullable columns too, so that every unique constraint bites.
    """
    number = next(_numbers)
    allowed = _listed_values(table)
    row: Row = {}
    for column in table.columns:
        if (table.name, column.name) in EXACT:
            row[column.name] = EXACT[table.name, column.name]
        elif column.name in allowed:
            row[column.name] = allowed[column.name]
        elif whole or not column.nullable:
            row[column.name] = _value(column, number)
    for constraint in table.foreign_key_constraints:
        name, target = constraint.column_keys[1], constraint.elements[1].column.name
        itself = constraint.referred_table is table or name == "parent_id"
        row[name] = None if itself else parents[constraint.referred_table.name][target]
    row["tenant_id"] = tenant_id
    return row


def _value(column: Column[Any], number: int) -> Any:
    for kind, make in _VALUES:
        if isinstance(column.type, kind):
            return make(number)
    raise TypeError(f"say in rows.py how to make a value of {column.table}.{column.name}: {column.type}")


def _listed_values(table: Table) -> dict[str, str]:
    """For a column that is limited to listed values, the first of them."""
    found = {}
    for constraint in table.constraints:
        if isinstance(constraint, CheckConstraint):
            listed = re.fullmatch(r"(\w+) in \('([^']*)'.*", str(constraint.sqltext))
            if listed:
                found[listed[1]] = listed[2]
    return found
