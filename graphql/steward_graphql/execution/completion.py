"""Values from Python become JSON as their shape and the selection say.

First a tree is made of a value, with rows of entities left open; they are read in one batch for each place; then the
tree is written, and nulls where none may be go up as GraphQL says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from graphql import FieldNode, SelectionSetNode

from steward_graphql.compiler.selection import Asked, Selections
from steward_graphql.declared.scalars import (
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    FEN,
    ID,
    INT,
    LONG,
    EnumKind,
    Kind,
    Scalar,
    enum_name,
)
from steward_graphql.declared.shapes import EntityRef, ListOf, ObjectShape, Part, Shape
from steward_graphql.errors import MissingValue
from steward_graphql.execution.problems import Path
from steward_tenants.errors import StewardError

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def text_of(value: Any) -> str:
    """JSON text."""
    return _encode(value)


def leaf(kind: Kind, value: Any) -> Any:
    """A single value as JSON has it, written as SQL writes the same kind."""
    if value is None:
        return None
    if isinstance(value, Enum):
        value = value.value
    if isinstance(kind, EnumKind):
        return enum_name(str(value))
    writer = _WRITERS.get(kind)
    return writer(value) if writer else value


def _decimal(value: Any) -> str:
    return format(value if isinstance(value, Decimal) else Decimal(str(value)), "f")


def _moment(value: Any) -> str:
    if not isinstance(value, datetime):
        return str(value)
    whole, _, fraction = value.astimezone(UTC).replace(tzinfo=None).isoformat().partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}+00:00" if fraction else f"{whole}+00:00"


_WRITERS: dict[Scalar, Any] = {
    ID: str,
    INT: int,
    BOOLEAN: bool,
    LONG: str,
    FEN: str,
    DECIMAL: _decimal,
    DATE: lambda value: value.isoformat() if isinstance(value, date) else str(value),
    DATETIME: _moment,
}


def plain(shape: Shape, value: Any) -> Any:
    """A whole value as JSON, to be kept: rows of entities by their keys, every part of an object under its name."""
    if value is None:
        return None
    if isinstance(shape, ListOf):
        return [plain(shape.item, item) for item in value]
    if isinstance(shape, ObjectShape):
        return {part.name: plain(part.shape, part.of(value)) for part in shape.parts}
    if isinstance(shape, EntityRef):
        key = key_of(value)
        return [str(one) for one in key] if isinstance(key, tuple) else str(key)
    return leaf(shape, value)


def key_of(value: Any) -> Any:
    """The key of a row that is given by it, or as the row itself."""
    if isinstance(value, list):
        return tuple(value)
    return getattr(value, "id", value)


@dataclass(eq=False)
class Ref:
    """A row that is still to be read. `nodes`: the fields of the document that ask for it."""

    entity: str
    key: Any
    place: tuple[str, ...]
    nodes: tuple[FieldNode, ...] = field(repr=False)


@dataclass(eq=False)
class Members:
    """An object: (response key, value, nullable) in order."""

    items: list[tuple[str, Tree, bool]]


@dataclass(frozen=True, eq=False)
class Text:
    """JSON text that stands as it is."""

    text: str


Tree = Text | Members | list[Any] | Ref | None
NULL = Text("null")


class Completion:
    """Makes trees of values for one request; `refs` gathers the rows that are left open."""

    def __init__(self, selections: Selections) -> None:
        self._selections = selections
        self.refs: list[Ref] = []
        self._seen: dict[tuple[str, tuple[int, ...]], list[Asked]] = {}

    def tree(self, shape: Shape, value: Any, asked: Asked, *, kept: bool = False, place: tuple[str, ...] = ()) -> Tree:
        """The tree of a value. `kept`: it was made by `plain`."""
        return self._tree(shape, value, asked, kept, (*place, asked.key))

    def parts(
        self,
        name: str,
        parts: Sequence[Part],
        value: Any,
        selections: list[SelectionSetNode],
        *,
        kept: bool = False,
        place: tuple[str, ...] = (),
    ) -> Members:
        """The tree of an object type `name`. `kept`: the value was made by `plain`."""
        known = {part.name: part for part in parts}
        items: list[tuple[str, Tree, bool]] = []
        for asked in self._asked_of(name, selections):
            if asked.name == "__typename":
                items.append((asked.key, Text(text_of(name)), False))
            else:
                part = known[asked.name]
                found = value.get(part.name) if kept else part.of(value)
                made = self._tree(part.shape, found, asked, kept, (*place, asked.key))
                items.append((asked.key, made, part.nullable))
        return Members(items)

    def _asked_of(self, name: str, selections: list[SelectionSetNode]) -> list[Asked]:
        """The fields of an object, worked out once for all items of a list."""
        key = (name, tuple(map(id, selections)))
        known = self._seen.get(key)
        if known is None:
            known = self._seen[key] = self._selections.of(selections, frozenset({name}))
        return known

    def _tree(self, shape: Shape, value: Any, asked: Asked, kept: bool, place: tuple[str, ...]) -> Tree:
        if value is None:
            return None
        if isinstance(shape, ListOf):
            return [self._tree(shape.item, item, asked, kept, place) for item in value]
        if isinstance(shape, ObjectShape):
            return self.parts(shape.name, shape.parts, value, asked.selections, kept=kept, place=place)
        if isinstance(shape, EntityRef):
            ref = Ref(shape.entity, key_of(value), place, asked.nodes)
            self.refs.append(ref)
            return ref
        return Text(text_of(value if kept else leaf(shape, value)))


class Writer:
    """Writes trees. `rows`: what was read, by identity of the reference; a row that is out of reach is missing."""

    def __init__(self, rows: Mapping[int, str]) -> None:
        self._rows = rows
        self.problems: list[tuple[StewardError, Path]] = []

    def write(self, tree: Tree, path: Path, *, nullable: bool = True) -> str | None:
        """JSON text; None when the null belongs to what stands above. Each missing value is told once."""
        found = self._write(tree, path)
        if found is not None:
            return found
        if nullable:
            return "null"
        if tree is None or isinstance(tree, Ref):
            self.problems.append((MissingValue(field=".".join(map(str, path))), path))
        return None

    def _write(self, tree: Tree, path: Path) -> str | None:
        if isinstance(tree, Text):
            return tree.text
        if isinstance(tree, Ref):
            return self._rows.get(id(tree))
        if isinstance(tree, Members):
            return self._members(tree, path)
        if isinstance(tree, list):
            return self._list(tree, path)
        return None

    def _members(self, tree: Members, path: Path) -> str | None:
        pieces = []
        for key, value, nullable in tree.items:
            text = self.write(value, (*path, key), nullable=nullable)
            if text is None:
                return None
            pieces.append(f'"{key}":{text}')
        return "{" + ",".join(pieces) + "}"

    def _list(self, items: list[Any], path: Path) -> str | None:
        """Items are never null: a row that is out of reach is left out."""
        pieces = []
        for place, item in enumerate(items):
            text = self._write(item, (*path, place))
            if text is not None:
                pieces.append(text)
            elif not isinstance(item, Ref):
                if item is None:
                    self.problems.append((MissingValue(field=".".join(map(str, path))), (*path, place)))
                return None
        return "[" + ",".join(pieces) + "]"
