"""Lists by keyset pages: a cursor names the last row of the page before, so that no page repeats or loses rows."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Date, DateTime, Row, Select, Text, Uuid, literal, tuple_
from sqlalchemy.types import TypeEngine

from steward_tenants.database.session import TenantSession
from steward_tenants.errors import invalid

T = TypeVar("T")
LARGEST_PAGE = 200
Rows = Select[*tuple[Any, ...]]
"""A statement of any columns."""
_READERS: dict[type[Any], tuple[Callable[[str], Any], TypeEngine[Any]]] = {
    UUID: (UUID, Uuid()),
    date: (date.fromisoformat, Date()),
    datetime: (datetime.fromisoformat, DateTime(timezone=True)),
    str: (str, Text()),
}


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list; `next_cursor` None: the last."""

    rows: tuple[T, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class Paging:
    """Which page: `cursor` is the `next_cursor` of the page before, asked with the same order."""

    size: int = 50
    cursor: str | None = None


@dataclass(frozen=True)
class Order:
    """An order of rows: expressions that are never NULL with their Python types, the last one unique."""

    name: str
    keys: tuple[tuple[Any, type[Any]], ...]
    descending: bool = False


async def one_page(
    session: TenantSession, statement: Rows, order: Order, paging: Paging, make: Callable[[Any], T]
) -> Page[T]:
    """One page of a statement's rows, each given to `make`. Raises InvalidInput (size, cursor)."""
    if not 1 <= paging.size <= LARGEST_PAGE:
        raise invalid("size", "range", f"每页 1 到 {LARGEST_PAGE} 条。", f"A page has 1 to {LARGEST_PAGE} rows.")
    columns = [column for column, _ in order.keys]
    if paging.cursor is not None:
        place = tuple_(*_place(order, paging.cursor))
        key = tuple_(*columns)
        statement = statement.where(key < place if order.descending else key > place)
    sorted_by = [column.desc() if order.descending else column for column in columns]
    placed = [column.label(f"place_{number}") for number, column in enumerate(columns)]
    statement = statement.add_columns(*placed).order_by(*sorted_by).limit(paging.size + 1)
    rows = await session.rows(statement)
    shown = rows[: paging.size]
    more = len(rows) > paging.size
    return Page(tuple(make(row) for row in shown), _cursor(order, shown[-1]) if more else None)


def _cursor(order: Order, last: Row[Any]) -> str:
    values = tuple(last)[-len(order.keys) :]
    parts = [value.isoformat() if isinstance(value, date) else str(value) for value in values]
    text = json.dumps([order.name, order.descending, *parts], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode()


def _place(order: Order, cursor: str) -> list[Any]:
    refused = invalid("cursor", "cursor", "翻页位置无效，请从第一页重新开始。", "Start again from the first page.")
    try:
        name, descending, *parts = json.loads(base64.b64decode(cursor.encode(), altchars=b"-_", validate=True))
        if (name, descending, len(parts)) != (order.name, order.descending, len(order.keys)):
            raise refused
        values = []
        for part, (_, kind) in zip(parts, order.keys, strict=True):
            read, column_type = _READERS[kind]
            if "\0" in part:
                raise refused
            values.append(literal(read(part), column_type))
    except (binascii.Error, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise refused from None
    return values
