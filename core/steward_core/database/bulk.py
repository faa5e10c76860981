"""Many rows in one statement: `INSERT` and `UPDATE … FROM unnest(arrays)`. PostgreSQL refuses COPY into a table with
row-level security."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic_core import to_json
from sqlalchemy import (
    JSON,
    Column,
    ColumnClause,
    ColumnElement,
    CursorResult,
    Select,
    Table,
    TableValuedAlias,
    Text,
    bindparam,
    column,
    func,
    insert,
    select,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from steward_tenants.database.session import WriteSession
from steward_tenants.database.tables import TenantTable

Columns = Mapping[str, Sequence[Any]]
_WORTH_LOOKING = 50
_SEPARATOR = "\x1e"
"""Between documents on their way: JSON never holds a control character as it is."""


async def insert_many(
    session: WriteSession, table: type[TenantTable], columns: Columns, *, unless_there: bool = False
) -> int:
    """Insert rows given as columns of equal length, in this session's tenant; answers how many went in.

    `unless_there` leaves rows alone that a unique constraint knows already.
    """
    if not _length(columns):
        return 0
    target = cast(Table, table.__table__)
    names = list(columns)
    alike = _alike(columns)
    source = _unnested(target, {name: values for name, values in columns.items() if name not in alike})
    rows: Select[Any] = select(
        bindparam("tenant_id", session.tenant_id, type_=target.c.tenant_id.type, unique=True),
        *(
            bindparam(None, alike[name], type_=target.c[name].type).label(name)
            if name in alike
            else _value(source, target.c[name])
            for name in names
        ),
    )
    statement = (
        upsert(target).from_select(["tenant_id", *names], rows).on_conflict_do_nothing()
        if unless_there
        else insert(target).from_select(["tenant_id", *names], rows)
    )
    result = cast("CursorResult[Any]", await session.execute(statement.execution_options(preserve_rowcount=True)))
    return result.rowcount


async def update_many(
    session: WriteSession,
    table: type[TenantTable],
    keys: Columns,
    values: Columns,
    *conditions: ColumnElement[bool],
    also: Mapping[str, Any] | None = None,
) -> int:
    """Set `values` on the rows that `keys` name, position by position; answers how many there were.

    `also` are values or expressions that are the same for all; `conditions` on the table narrow the rows down.
    """
    if not _length({**keys, **values}):
        return 0
    target = cast(Table, table.__table__)
    source = _unnested(target, {**keys, **values})
    statement = (
        update(target)
        .where(
            session.within(target),
            *(target.c[name] == _value(source, target.c[name]) for name in keys),
            *conditions,
        )
        .values({**{name: _value(source, target.c[name]) for name in values}, **(also or {})})
        .execution_options(preserve_rowcount=True, synchronize_session=False)
    )
    return cast("CursorResult[Any]", await session.execute(statement)).rowcount


def _length(columns: Columns) -> int:
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1:
        raise ValueError(f"columns of different lengths: {lengths}")
    return lengths.pop()


def _alike(columns: Columns) -> dict[str, Any]:
    """The value of each column that has the same one in all rows: it need not travel with every row. One column at
    least is left to count the rows by."""
    if _length(columns) < _WORTH_LOOKING:
        return {}
    found = {
        name: values[0]
        for name, values in columns.items()
        if values[0] == values[-1]
        # Within documents 1 and true are alike to Python.
        and not (isinstance(values[0], Mapping | list | tuple) and values[0])
        and all(value == values[0] for value in values)
    }
    return found if len(found) < len(columns) else {}


def _unnested(target: Table, columns: Columns) -> TableValuedAlias:
    arrays = [_array(target.c[name], values) for name, values in columns.items()]
    names: list[ColumnClause[Any]] = [column(name) for name in columns]
    return func.unnest(*arrays).table_valued(*names, name="given").render_derived()


def _array(target: Column[Any], values: Sequence[Any]) -> ColumnElement[Any]:
    if isinstance(target.type, ARRAY):  # an array of arrays would be flattened: each travels as its literal
        literals = [None if value is None else _literal(value) for value in values]
        return sql_cast(bindparam(None, literals, type_=ARRAY(Text())), ARRAY(Text()))
    if isinstance(target.type, JSON) and values:  # an array's literal would escape every quotation mark
        texts = _SEPARATOR.join(["null" if value is None else _json(value) for value in values])
        return sql_cast(func.string_to_array(bindparam(None, texts, type_=Text()), _SEPARATOR), ARRAY(target.type))
    return sql_cast(bindparam(None, list(values), type_=ARRAY(target.type)), ARRAY(target.type))


def _json(value: Any) -> str:
    return to_json(value).decode()


def _literal(values: Sequence[Any]) -> str:
    return "{" + ",".join(["NULL" if value is None else _quoted(str(value)) for value in values]) + "}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _value(source: TableValuedAlias, target: Column[Any]) -> ColumnElement[Any]:
    if isinstance(target.type, ARRAY):
        return sql_cast(source.c[target.name], target.type)
    return source.c[target.name]
