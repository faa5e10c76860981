"""Cursors as clients send them back: read, checked, and taken apart into values of the order's keys."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from steward_graphql.compiler.plan import Execution
from steward_graphql.declared.scalars import STRING, EnumKind, Kind, Unreadable
from steward_graphql.errors import InvalidCursor

MOST_CHARACTERS = 4_000


class CursorReader:
    """Reads the cursor of one list for each of its keys."""

    def __init__(
        self, read: Callable[[Mapping[str, Any]], Any], signature: str, kinds: tuple[tuple[Kind, bool], ...]
    ) -> None:
        """`kinds`: of each key, and whether it may be empty."""
        self._read = read
        self._signature = signature
        self._kinds = kinds

    def value(self, place: int) -> Callable[[Execution], Any]:
        """Gives the value of one key. Raises InvalidCursor."""
        kind, nullable = self._kinds[place]

        def get(execution: Execution) -> Any:
            values = _parts(self._read(execution.variables))
            if len(values) != len(self._kinds) + 1 or values[0] != self._signature:
                raise InvalidCursor
            return _value(kind, values[place + 1], nullable=nullable)

        return get


@lru_cache(maxsize=256)
def _parts(cursor: Any) -> tuple[Any, ...]:
    if not isinstance(cursor, str) or len(cursor) > MOST_CHARACTERS:
        raise InvalidCursor
    try:
        values = json.loads(base64.b64decode(cursor, validate=True).decode())
    except (binascii.Error, ValueError, RecursionError):
        raise InvalidCursor from None
    if not isinstance(values, list) or any(isinstance(one, list | dict) for one in values):
        raise InvalidCursor
    return tuple(values)


def _value(kind: Kind, value: Any, *, nullable: bool) -> Any:
    if value is None and nullable:
        return None
    # An enum's stored key; those that are no members (any more) are sorted by as well, so any text is one.
    kind = STRING if isinstance(kind, EnumKind) else kind
    try:
        return kind.read(value)
    except Unreadable:
        raise InvalidCursor from None
