"""Which fields a selection asks of a concrete type, merged by response key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode, SelectionSetNode

from steward_graphql.compiler.operation import Operation, included, merged_selections


@dataclass(frozen=True)
class Asked:
    """One response key of an object: the fields that share it. All have one name and the same arguments."""

    key: str
    name: str
    nodes: tuple[FieldNode, ...] = field(repr=False)

    @property
    def selections(self) -> list[SelectionSetNode]:
        """What is selected below it."""
        return merged_selections(self.nodes)

    def argument(self, name: str) -> Any:
        """The AST of an argument's value; None when it is not given."""
        for argument in self.nodes[0].arguments or ():
            if argument.name.value == name:
                return argument.value
        return None


_Key = tuple[frozenset[str], tuple[int, ...]]


class Selections:
    """Reads selection sets of one operation with one set of switches. Those of an operation without switches read each
    set once, and serve every request for it."""

    def __init__(self, operation: Operation, variables: Mapping[str, Any]) -> None:
        self._fragments = operation.fragments
        self._variables = variables
        self._known: dict[_Key, tuple[tuple[SelectionSetNode, ...], list[Asked]]] | None = (
            None if operation.switches else {}
        )

    def of(self, selections: Iterable[SelectionSetNode], types: frozenset[str]) -> list[Asked]:
        """The fields that a type asks for, in order; `types` are its own name and those of its interfaces."""
        selections = tuple(selections)
        if self._known is None:
            return self._read(selections, types)
        key = (types, tuple(map(id, selections)))
        known = self._known.get(key)
        if known is None:
            # The sets are kept as well: no other may get the identity of one.
            known = self._known[key] = (selections, self._read(selections, types))
        return known[1]

    def _read(self, selections: Iterable[SelectionSetNode], types: frozenset[str]) -> list[Asked]:
        found: dict[str, list[FieldNode]] = {}
        spread: set[str] = set()
        for selection in selections:
            self._collect(selection, types, found, spread)
        return [Asked(key, nodes[0].name.value, tuple(nodes)) for key, nodes in found.items()]

    def _collect(
        self, selection: SelectionSetNode, types: frozenset[str], found: dict[str, list[FieldNode]], spread: set[str]
    ) -> None:
        for node in selection.selections:
            if node.directives and not included(node, self._variables):  # type: ignore[arg-type]
                continue
            if isinstance(node, FieldNode):
                key = node.alias.value if node.alias else node.name.value
                found.setdefault(key, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                if node.type_condition is None or node.type_condition.name.value in types:
                    self._collect(node.selection_set, types, found, spread)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                spread.add(node.name.value)
                fragment = self._fragments[node.name.value]
                if fragment.type_condition.name.value in types:
                    self._collect(fragment.selection_set, types, found, spread)
