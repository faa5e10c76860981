"""Pure decisions on the tree of units: how a move changes a unit's stays, what a unit's own data may be."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.texts import Bilingual

OPEN_END = date(9999, 12, 31)
"""Stands for "for good" in the closure."""

MAX_LEVELS = 12
"""How many levels a tree may have, the root's included."""

FIRST_DAY = date(1900, 1, 1)
LENGTHS = {"code": 32, "name": 100, "kind": 32}
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


@dataclass(frozen=True)
class Stay:
    """Under `parent_id` (None: a root) from a day until a day (exclusive; None: for good)."""

    parent_id: UUID | None
    valid_from: date
    valid_until: date | None


@dataclass(frozen=True)
class Change:
    """A unit's stays after a move or its cancelling, and the days on which its parent is now another."""

    stays: tuple[Stay, ...]
    parent_id: UUID | None
    first_day: date
    until: date


def _stays(steps: Mapping[date, UUID | None]) -> tuple[Stay, ...]:
    """Stays from days of change; neighbours under the same parent become one."""
    starts: list[tuple[date, UUID | None]] = []
    for day in sorted(steps):
        if not starts or starts[-1][1] != steps[day]:
            starts.append((day, steps[day]))
    ends = [day for day, _ in starts[1:]]
    return tuple(Stay(parent, day, until) for (day, parent), until in zip(starts, [*ends, None], strict=True))


def parent_on(stays: Iterable[Stay], day: date) -> UUID | None:
    """The parent on a day; None also before the unit began."""
    for stay in stays:
        if stay.valid_from <= day and (stay.valid_until is None or day < stay.valid_until):
            return stay.parent_id
    return None


def moved(stays: Sequence[Stay], parent_id: UUID | None, day: date) -> Change:
    """The stays when the unit moves under `parent_id` on `day`: until the next planned move, if there is one.

    A move planned for the same day is replaced.
    """
    steps = {stay.valid_from: stay.parent_id for stay in stays}
    later = [start for start in steps if start > day]
    steps[day] = parent_id
    return Change(_stays(steps), parent_id, day, min(later, default=OPEN_END))


def cancelled(stays: Sequence[Stay], day: date) -> Change | None:
    """The stays without the move of `day`; None when there is none (a unit's first stay is no move)."""
    steps = {stay.valid_from: stay.parent_id for stay in stays}
    if day not in steps or day == min(steps):
        return None
    later = [start for start in steps if start > day]
    del steps[day]
    result = _stays(steps)
    return Change(result, parent_on(result, day), day, min(later, default=OPEN_END))


def clean_text(value: object, longest: int) -> str | None:
    """NFC, without blanks at the ends; None when empty, too long or with characters that nobody sees."""
    if not isinstance(value, str):
        return None
    text = unicodedata.normalize("NFC", value).strip()
    if not 1 <= len(text) <= longest or any(unicodedata.category(c) in _UNSEEN for c in text):
        return None
    return text


def clean_unit(values: Mapping[str, object]) -> dict[str, str]:
    """The unit's own fields (`code`, `name`, `kind`), normalised. Raises InvalidInput naming every bad one."""
    clean, problems = {}, []
    for field, value in values.items():
        text = clean_text(value, LENGTHS[field])
        if text is None or (field == "code" and any(c.isspace() for c in text)):
            message = Bilingual(
                f"应为 1 到 {LENGTHS[field]} 个可见字符{'，不含空格' if field == 'code' else ''}。",
                f"Use 1 to {LENGTHS[field]} visible characters{', without blanks' if field == 'code' else ''}.",
            )
            problems.append(FieldProblem((field,), "text", message))
        else:
            clean[field] = text
    if problems:
        raise InvalidInput(problems=problems)
    return clean


@dataclass(frozen=True)
class UnitNode:
    """A unit as it stands in the tree on a day. `depth` is 0 for a root; `closed_on` the day it closes, if any."""

    id: UUID
    code: str
    name: str
    kind: str
    parent_id: UUID | None
    depth: int
    closed_on: date | None
    version: int


def in_tree_order(nodes: Iterable[UnitNode]) -> list[UnitNode]:
    """Each unit before its children, siblings by code. A unit whose parent is not among them counts as a top."""
    known = {node.id: node for node in nodes}
    children: dict[UUID | None, list[UnitNode]] = defaultdict(list)
    for node in sorted(known.values(), key=lambda node: node.code, reverse=True):
        children[node.parent_id if node.parent_id in known else None].append(node)
    ordered, waiting = [], list(children[None])
    while waiting:
        node = waiting.pop()
        ordered.append(node)
        waiting.extend(children[node.id])
    return ordered
