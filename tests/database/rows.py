"""Valid rows of any tenant table, made from the metadata: every column filled, parents first."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
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
    ("client_ownership", "valid_until"): date(2100, 1, 1),
    ("client", "latitude"): 30,
    ("client", "longitude"): 120,
    ("field_index", "integer_value"): None,
    ("field_index", "time_value"): None,
    ("support_access", "granted_at"): NOW,
    ("business_month", "month"): lambda number: date(1000 + number // 12, number % 12 + 1, 1),
    ("service_request", "satisfaction"): 3,
    ("work_report", "period_end"): date(2100, 1, 1),
    ("work_report", "read_at"): None,
    ("meeting_item", "solved_at"): None,
    ("notice_quiet_hours", "starts"): 1_320,
    ("notice_quiet_hours", "ends"): 480,
    ("approval_absence", "starts_at"): NOW,
    ("approval_definition", "active"): True,
    ("approval_request", "kind"): "general",
    ("visit_plan", "month"): date(2026, 1, 1),
    ("score_scheme", "effective_from"): date(2026, 1, 1),
    ("month_score", "month"): date(2026, 1, 1),
    ("month_score", "finalised_at"): None,
    ("month_score", "current"): True,
    ("plan_action", "visits"): [date(2026, 1, 5)],
    ("visit", "latitude"): 30,
    ("visit", "longitude"): 120,
    ("visit", "verdict"): 0,
    ("visit", "intention"): 3,
    ("pay_scheme_version", "effective_from"): date(2026, 1, 1),
    ("pay_member", "until_month"): date(2100, 1, 1),
    ("pay_run", "month"): date(2026, 1, 1),
    ("pay_correction", "month"): date(2026, 1, 1),
    ("opportunity", "probability"): 50,
    ("discount_request", "percent"): 10,
}
"""Columns whose checks say more than a list of values, or what gives one for a number; a table that needs none is filled
without an entry."""


def new_rows(table: Table, tenant_id: UUID, parents: dict[str, Row], *, whole: bool = True) -> list[tuple[Table, Row]]:
    """One new row of `table` in a tenant, last, and before it the rows of other tables that only it refers to.

    `parents` has a row of each table that `table` refers to. A fresh one is made where the same would not do: for a key
    that consists of references, and where a check sets two references apart. `whole` fills nullable columns too, so
    that every unique constraint bites.
    """
    number = next(_numbers)
    allowed = _listed_values(table)
    row: Row = {}
    for column in table.columns:
        if (table.name, column.name) in EXACT:
            exact = EXACT[table.name, column.name]
            row[column.name] = exact(number) if callable(exact) else exact
        elif column.name in allowed:
            row[column.name] = allowed[column.name]
        elif whole or not column.nullable:
            row[column.name] = _value(column, number)
    made: list[tuple[Table, Row]] = []
    references = _references(table)
    completing = _completing(table, [name for name, _, _ in references])
    for place, (name, parent, target) in enumerate(references):
        apart = any(parent is other and _compared(table, name, earlier) for earlier, other, _ in references[:place])
        if parent is table or (apart and table.c[name].nullable):
            row[name] = None
        elif apart or name in completing:
            made += new_rows(parent, tenant_id, parents)
            row[name] = made[-1][1][target]
        else:
            row[name] = parents[parent.name][target]
    row["tenant_id"] = tenant_id
    return [*made, (table, row)]


def reference(constraint: ForeignKeyConstraint) -> tuple[str, str]:
    """The column that refers, and the one it refers to, besides the tenant's."""
    ((column, target),) = ((e.parent.name, e.column.name) for e in constraint.elements if e.parent.name != "tenant_id")
    return column, target


def _references(table: Table) -> list[tuple[str, Table, str]]:
    """Columns that refer, with the table and column they refer to: those first that may not be empty."""
    found = [
        (column, key.referred_table, target)
        for key in table.foreign_key_constraints
        for column, target in [reference(key)]
    ]
    order = list(table.columns.keys())
    return sorted(found, key=lambda item: (bool(table.c[item[0]].nullable), order.index(item[0])))


def _completing(table: Table, references: list[str]) -> set[str]:
    """The last reference of each unique key that consists of references only."""
    found = set()
    for key in (*table.constraints, *table.indexes):
        if isinstance(key, UniqueConstraint | PrimaryKeyConstraint) or (isinstance(key, Index) and key.unique):
            names = {column.name for column in key.columns} - {"tenant_id"}
            if names and names <= set(references):
                found.add(max(names, key=references.index))
    return found


def _compared(table: Table, one: str, other: str) -> bool:
    """Whether a check of the table names both columns."""
    checks = (set(re.findall(r"\w+", str(c.sqltext))) for c in table.constraints if isinstance(c, CheckConstraint))
    return any({one, other} <= words for words in checks)


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
