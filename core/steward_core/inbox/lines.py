"""How a source of an inbox writes its lines: a select with the columns that all sources have."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, DateTime, Integer, Select, Text, Uuid, cast, literal, null

from steward_core.inbox.items import InboxKind

Rows = Select[*tuple[Any, ...]]


def line(
    kind: InboxKind,
    *,
    row_id: Any,
    at: Any,
    client_id: Any = None,
    name: Any = None,
    note: Any = None,
    count: Any = None,
) -> list[ColumnElement[Any]]:
    """The columns that all selects have."""
    return [
        literal(kind.value, Text).label("kind"),
        cast(null() if row_id is None else row_id, Uuid).label("id"),
        cast(null() if client_id is None else client_id, Uuid).label("client_id"),
        cast(null() if name is None else name, Text).label("name"),
        cast(null() if note is None else note, Text).label("note"),
        cast(at, DateTime(timezone=True)).label("at"),
        cast(literal(1) if count is None else count, Integer).label("count"),
    ]
