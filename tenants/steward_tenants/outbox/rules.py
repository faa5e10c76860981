"""What a job may carry: identifiers, numbers and short keys. Never personal data: the worker reads that itself."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from steward_tenants.outbox.errors import UnfitJob

AUDIT_QUEUE = "audit"
"""The sealer's doorbells stand under this name; no job queue may."""

KEY = re.compile(r"[a-z][a-z0-9_.:-]{0,63}")
UNIQUE_KEY = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,199}")
DAY_OR_MONTH = re.compile(r"\d{4}-\d{2}(-\d{2})?")
DEPTH = 4


def check_name(what: str, name: str) -> None:
    """A queue's or a kind's name is a short key. Raises UnfitJob."""
    if not KEY.fullmatch(name) or (what == "queue" and name == AUDIT_QUEUE):
        raise UnfitJob(what, "is no name for it")


def check_unique_key(key: str) -> None:
    """What a job is unique for is an identifier or a key, or several with `:` between them. Raises UnfitJob."""
    if not UNIQUE_KEY.fullmatch(key):
        raise UnfitJob("unique_key", "is neither an identifier nor a key")


def fit_payload(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload as JSON values. Raises UnfitJob, naming the place but not the value, for anything else than
    UUIDs, finite numbers, truth values, days, months and short keys, alone or in lists and mappings."""
    return _fit_mapping(payload, "payload", DEPTH)


def _fit_mapping(values: Mapping[Any, Any], place: str, depth: int) -> dict[str, Any]:
    fitted = {}
    for key, value in values.items():
        if not isinstance(key, str) or not KEY.fullmatch(key):
            raise UnfitJob(place, "has a key that is no short key")
        fitted[key] = _fit(value, f"{place}.{key}", depth - 1)
    return fitted


def _fit(value: Any, place: str, depth: int) -> Any:
    if depth < 0:
        raise UnfitJob(place, "is nested too deeply")
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, str) and _short(value):
        return value
    if isinstance(value, Mapping):
        return _fit_mapping(value, place, depth)
    if isinstance(value, list | tuple):
        return [_fit(item, f"{place}.{number}", depth - 1) for number, item in enumerate(value)]
    raise UnfitJob(place, "is neither an identifier, nor a number, nor a short key")


def _short(value: str) -> bool:
    if KEY.fullmatch(value) or DAY_OR_MONTH.fullmatch(value):
        return True
    try:
        return str(UUID(value)) == value
    except ValueError:
        return False
