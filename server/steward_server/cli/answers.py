"""What a command answered, as columns: no digest, nothing encrypted, sensitive fields masked."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, inspect

from steward_tenants.access.row_kinds import row_kinds
from steward_tenants.database.session import WriteSession
from steward_tenants.database.tables import TenantTable

_HIDDEN = re.compile(r"secret|digest|hash|token|password|challenge|identity_number|^tenant_id$")
SECRET = "secret"
"""The column of an answer that is shown this once and kept nowhere."""


async def settled(session: WriteSession, answer: Any) -> Any:
    """The answer as plain values, once the database has filled in its own columns."""
    await session.flush()
    if isinstance(answer, TenantTable):
        missing = inspect(answer).unloaded
        if missing:
            await session.refresh(answer, missing)
    return plain(answer)


def plain(value: Any) -> Any:
    """A value in the types of JSON; decimals as text, without zeros at the end."""
    if isinstance(value, TenantTable):
        return _columns(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: plain(part) for name, part in value._asdict().items()}
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, Collection) and not isinstance(value, str):
        return [plain(part) for part in value]
    return value


def _columns(row: TenantTable) -> dict[str, Any]:
    masks = {name: sort for kind in row_kinds.all() if kind.table is type(row) for name, sort in kind.fields.items()}
    shown = {}
    for column in inspect(type(row)).columns:
        name = column.key
        if _HIDDEN.search(name) or isinstance(column.type, LargeBinary):
            continue
        value = plain(getattr(row, name))
        shown[name] = masks[name].hide(value) if name in masks else value
    return shown


def without_secret(answer: Any) -> Any:
    """The answer as it may be kept for a repeat."""
    return {**answer, SECRET: None} if isinstance(answer, dict) and SECRET in answer else answer


def as_rows(key: str, answer: Any) -> list[dict[str, Any]]:
    """An answer as lines to print."""
    if isinstance(answer, dict):
        return [answer]
    if isinstance(answer, list) and all(isinstance(part, dict) for part in answer):
        return answer
    return [{"command": key, "answer": "ok" if answer is None else answer}]
