"""The operation of a document that a request means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    ObjectFieldNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    Visitor,
    visit,
)

from steward_graphql.errors import UnknownOperation

Selected = FieldNode | FragmentSpreadNode | InlineFragmentNode


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation with what it may refer to. `text_key` stands for the document's text and the operation's name."""

    document: DocumentNode = field(repr=False)
    definition: OperationDefinitionNode = field(repr=False)
    fragments: Mapping[str, FragmentDefinitionNode] = field(repr=False)
    text_key: str

    @cached_property
    def switches(self) -> frozenset[str]:
        """The variables that @skip and @include read."""
        return self._seen.switches

    @cached_property
    def members(self) -> frozenset[str]:
        """The names of all members of input objects that the document writes out."""
        return self._seen.members

    @cached_property
    def _seen(self) -> _Seen:
        seen = _Seen()
        visit(self.document, seen)
        return seen


class _Seen(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.switches: frozenset[str] = frozenset()
        self.members: frozenset[str] = frozenset()

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.switches |= {argument.value.name.value}

    def enter_object_field(self, node: ObjectFieldNode, *_: object) -> None:
        self.members |= {node.name.value}


def select_operation(document: DocumentNode, text_key: str, name: str | None) -> Operation:
    """The operation of this name, or the only one. Raises UnknownOperation."""
    found: list[OperationDefinitionNode] = []
    fragments: dict[str, FragmentDefinitionNode] = {}
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            fragments[definition.name.value] = definition
        elif isinstance(definition, OperationDefinitionNode) and (
            not name or (definition.name is not None and definition.name.value == name)
        ):
            found.append(definition)
    if len(found) != 1:
        raise UnknownOperation(name=name or "")
    return Operation(document, found[0], fragments, text_key)


def included(node: Selected, variables: Mapping[str, object]) -> bool:
    """Whether @skip and @include leave a selection in."""
    for directive in node.directives or ():
        wanted = directive.name.value
        if wanted not in ("skip", "include"):
            continue
        for argument in directive.arguments or ():
            value = argument.value
            given = value.value if isinstance(value, BooleanValueNode) else variables.get(_variable(value))
            if argument.name.value == "if" and bool(given) is (wanted == "skip"):
                return False
    return True


def merged_selections(nodes: tuple[FieldNode, ...] | list[FieldNode]) -> list[SelectionSetNode]:
    """The selection sets of fields that share a response key."""
    return [node.selection_set for node in nodes if node.selection_set is not None]


def _variable(value: ValueNode) -> str:
    return value.name.value if isinstance(value, VariableNode) else ""
