"""Python values in PostgreSQL's text format, by the SQL type of their parameter."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Date, DateTime, Float, Integer, Interval, LargeBinary, Numeric, String, Time, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import ARRAY, JSON, NullType, TypeDecorator, TypeEngine

Encoder = Callable[[Any], bytes | None]
_json = json.JSONEncoder(ensure_ascii=False).encode


def encoder_of(kind: TypeEngine[Any]) -> Encoder:
    """How values of a parameter of this type are written; None stays None (NULL)."""
    if isinstance(kind, TypeDecorator):
        raise TypeError(f"{kind!r} cannot be a parameter of a plan")
    if isinstance(kind, ARRAY):
        return lambda value: None if value is None else _array(value).encode()
    if isinstance(kind, JSON | JSONB):
        return lambda value: None if value is None else _json(value).encode()
    for sql, write in _WRITERS:
        if isinstance(kind, sql):
            return write
    if isinstance(kind, NullType):
        return _by_value
    return _by_value


def _text(value: Any) -> bytes | None:
    kind = type(value)
    if kind is str:
        encoded: bytes = value.encode()
        return encoded
    if kind is UUID or kind is int:
        return str(value).encode()
    return None if value is None else plain(value).encode()


def _boolean(value: Any) -> bytes | None:
    return None if value is None else b"t" if value else b"f"


def _by_value(value: Any) -> bytes | None:
    if isinstance(value, list | tuple):
        return _array(value).encode()
    return _text(value)


def plain(value: Any) -> str:
    """One value as PostgreSQL reads it. Raises TypeError for what it does not know."""
    if isinstance(value, str):
        return str(value.value) if isinstance(value, Enum) else value
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, int | UUID):
        return str(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"{value // timedelta(microseconds=1)} microseconds"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, dict):
        return _json(value)
    raise TypeError(f"a value of {type(value).__name__} cannot be a parameter of a plan")


def _array(values: Any) -> str:
    return "{" + ",".join(_element(value) for value in values) + "}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list | tuple):
        return _array(value)
    return '"' + plain(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


_WRITERS: tuple[tuple[type[TypeEngine[Any]], Encoder], ...] = (
    (Uuid, _text),
    (Boolean, _boolean),
    (Integer, _text),
    (Float, _text),
    (Numeric, _text),
    (Date, _text),
    (DateTime, _text),
    (Time, _text),
    (Interval, _text),
    (LargeBinary, _text),
    (String, _text),
)
