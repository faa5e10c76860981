"""A submission's findings as JSON values and back, so that a stored trail replays to the same state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from steward_core.approvals.conditions import FieldKind, Value
from steward_core.approvals.trail import Resolution

_READERS: Mapping[FieldKind, Callable[[Any], Value]] = {
    FieldKind.TEXT: str,
    FieldKind.NUMBER: Decimal,
    FieldKind.BOOLEAN: bool,
    FieldKind.DATE: date.fromisoformat,
}


def resolution_document(found: Resolution) -> dict[str, Any]:
    """What a submission found out, as JSON values; declared values keep their kinds."""
    return {
        "approvers": {
            step: [[str(person) for person in group] for group in groups] for step, groups in found.approvers.items()
        },
        "values": {name: _tagged(value) for name, value in found.values.items()},
        "administrators": [str(person) for person in found.administrators],
        "concerned": sorted(str(person) for person in found.concerned),
        "substitutes": {str(person): str(other) for person, other in found.substitutes.items()},
    }


def read_resolution(document: Mapping[str, Any]) -> Resolution:
    """What such a document says."""
    return Resolution(
        approvers={
            step: tuple(tuple(UUID(person) for person in group) for group in groups)
            for step, groups in document["approvers"].items()
        },
        values={name: _READERS[FieldKind(kind)](value) for name, (kind, value) in document["values"].items()},
        administrators=tuple(UUID(person) for person in document["administrators"]),
        concerned=frozenset(UUID(person) for person in document["concerned"]),
        substitutes={UUID(person): UUID(other) for person, other in document["substitutes"].items()},
    )


def _tagged(value: Value) -> list[Any]:
    if isinstance(value, bool):
        return [FieldKind.BOOLEAN.value, value]
    if isinstance(value, str):
        return [FieldKind.TEXT.value, value]
    if isinstance(value, date):
        return [FieldKind.DATE.value, value.isoformat()]
    return [FieldKind.NUMBER.value, str(value)]
