"""Values that a document gives, symbolically: a constant of the document, or a path into the variables.

What shapes the statement (members of objects, lengths, names of orders) is read while compiling; leaves become
parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import ListValueNode, NullValueNode, ObjectValueNode, ValueNode, VariableNode

from steward_graphql.compiler.plan import Execution
from steward_graphql.compiler.variables import NOT_NULL, untyped
from steward_graphql.declared.scalars import Kind, Unreadable
from steward_graphql.errors import InvalidVariables
from steward_tenants.errors import FieldProblem
from steward_tenants.texts import Bilingual

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Leaf:
    """A single value (or a list of them): `value` when the document says it, else `read` from the variables."""

    read: Callable[[Mapping[str, Any]], Any]
    fixed: bool
    path: Path

    def get(self, execution: Execution) -> Any:
        """Its value in an execution."""
        return self.read(execution.variables)


class Given:
    """An input value. `at` is its place in the document, for messages."""

    def __init__(
        self, node: ValueNode | None, path: Path, value: Any, variables: Mapping[str, Any], at: tuple[str, ...]
    ) -> None:
        self._node = node
        self._path = path
        self._value = value
        self._variables = variables
        self.at = at

    @property
    def null(self) -> bool:
        """Whether it is null."""
        return self._value is None if self._node is None else isinstance(self._node, NullValueNode)

    def members(self) -> dict[str, Given]:
        """The members of an object that are given and not null."""
        if self._node is None:
            made = {
                name: Given(None, (*self._path, name), value, self._variables, (*self.at, name))
                for name, value in self._value.items()
            }
        elif isinstance(self._node, ObjectValueNode):
            found = {
                member.name.value: given(member.value, self._variables, (*self.at, member.name.value))
                for member in self._node.fields
            }
            made = {name: one for name, one in found.items() if one is not None}
        else:
            raise refused(self.at, "应为对象。", "Give an object.")
        return made

    def items(self) -> list[Given]:
        """The items of a list; a single value is a list of one. Raises InvalidVariables when one is null."""
        if self._node is None:
            found: list[Given | None] = [
                Given(None, (*self._path, place), value, self._variables, (*self.at, str(place)))
                for place, value in enumerate(self._value)
            ]
        else:
            nodes = self._node.values if isinstance(self._node, ListValueNode) else (self._node,)
            found = [given(node, self._variables, (*self.at, str(place))) for place, node in enumerate(nodes)]
        items = []
        for one in found:
            if one is None or one.null:
                raise refused(self.at, *NOT_NULL)
            items.append(one)
        return items

    def name(self) -> str:
        """The name of an enum's value, now."""
        value = self._value if self._node is None else untyped(self._node, self._variables)
        return str(value)

    def leaf(self, kind: Kind) -> Leaf:
        """A single value of a kind. Raises InvalidVariables when the document's is none."""
        if self._node is None:
            return _from_variable(self._path)
        value = self._read(kind, untyped(self._node, self._variables))
        return Leaf(lambda _variables: value, True, ())

    def leaves(self, kind: Kind, most: int) -> Leaf:
        """A list of values of a kind, at most so many."""
        if self._node is None:
            return _limited(_from_variable(self._path), most, self.at)
        nodes = self._node.values if isinstance(self._node, ListValueNode) else (self._node,)
        _check_length(len(nodes), most, self.at)
        items = [Given(node, (), None, self._variables, self.at) for node in nodes]
        parts = [
            _from_variable((item._node.name.value,)) if isinstance(item._node, VariableNode) else item.leaf(kind)
            for item in items
        ]

        def read(variables: Mapping[str, Any]) -> list[Any]:
            values = [part.read(variables) for part in parts]
            if None in values:
                raise refused(self.at, *NOT_NULL)
            return values

        return Leaf(read, all(part.fixed for part in parts), ())

    def concrete(self, kind: Kind) -> Any:
        """The value of a leaf now, for statements that serve one request."""
        return self.leaf(kind).read(self._variables)

    def _read(self, kind: Kind, raw: Any) -> Any:
        try:
            return kind.read(raw)
        except Unreadable as wrong:
            raise refused(self.at, *wrong.text) from None


def given(node: ValueNode | None, variables: Mapping[str, Any], at: tuple[str, ...]) -> Given | None:
    """The value at a place; None when nothing is given (no node, or a variable without a value)."""
    if node is None:
        return None
    if isinstance(node, VariableNode):
        name = node.name.value
        return Given(None, (name,), variables[name], variables, at) if name in variables else None
    return Given(node, (), None, variables, at)


def _from_variable(path: Path) -> Leaf:
    if len(path) == 1:
        name = str(path[0])
        return Leaf(lambda variables: variables.get(name), False, path)

    def read(variables: Mapping[str, Any]) -> Any:
        found: Any = variables
        for step in path:
            found = found[step]
        return found

    return Leaf(read, False, path)


def _limited(leaf: Leaf, most: int, at: tuple[str, ...]) -> Leaf:
    def read(variables: Mapping[str, Any]) -> Any:
        values = leaf.read(variables)
        _check_length(len(values), most, at)
        return values

    return Leaf(read, False, (*leaf.path, f"≤{most}"))


def _check_length(length: int, most: int, at: tuple[str, ...]) -> None:
    if length > most:
        raise refused(at, f"最多 {most} 项。", f"Give at most {most}.", "too_many")


def refused(at: tuple[str, ...], zh: str, en: str, code: str = "invalid") -> InvalidVariables:
    """An error about one input value."""
    return InvalidVariables(problems=[FieldProblem(at, code, Bilingual(zh, en))])
