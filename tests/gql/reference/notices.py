"""Which fields of an operation the caller lacks the permission for, told from the document alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from graphql import (
    BooleanValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)

from steward_graphql.declared.api import Api
from steward_graphql.declared.entities import Entity, Many, One, OneRoot, Value
from steward_tenants.access.permissions import Permission
from steward_tenants.database.actor import Actor


def lacks(actor: Actor, permission: Permission | None) -> bool:
    """Whether the actor holds no grant with the permission."""
    return permission is not None and not actor.unrestricted and permission.key not in actor.permissions


class Notices:
    """Walks an operation's selections as execution would with a row in every place."""

    def __init__(
        self, api: Api, actor: Actor, fragments: Mapping[str, FragmentDefinitionNode], variables: Mapping[str, Any]
    ) -> None:
        self.api, self.actor, self.fragments, self.variables = api, actor, fragments, variables

    def of(self, operation: OperationDefinitionNode) -> set[str]:
        """The dotted places that are refused."""
        root = self.api.schema.query_type
        assert root is not None
        return set(self._walk(root, [operation.selection_set], ()))

    def _walk(
        self, parent: GraphQLObjectType, selections: Iterable[SelectionSetNode], path: tuple[str, ...]
    ) -> Iterator[str]:
        fields: dict[str, list[FieldNode]] = {}
        for selection in selections:
            self._collect(parent, selection, fields)
        for key, nodes in fields.items():
            name = nodes[0].name.value
            if name.startswith("__"):
                continue
            here = (*path, key)
            if self._refused(parent, name):
                yield ".".join(here)
                continue
            kind = get_named_type(parent.fields[name].type)
            below = [node.selection_set for node in nodes if node.selection_set]
            for concrete in self._concrete(kind) if below else ():
                if not self._node_refused(parent, name, concrete):
                    yield from self._walk(concrete, below, here)

    def _node_refused(self, parent: GraphQLObjectType, name: str, concrete: GraphQLObjectType) -> bool:
        """`node` and `nodes` answer null for a type that the caller may not see, without a word."""
        entity = self.api.entities.get(concrete.name)
        is_node = parent is self.api.schema.query_type and name in ("node", "nodes")
        return is_node and entity is not None and lacks(self.actor, entity.view)

    def _refused(self, parent: GraphQLObjectType, name: str) -> bool:
        if parent is self.api.schema.query_type:
            root = self.api.roots.get(name)
            if root is None or (isinstance(root, OneRoot) and root.of_actor is not None):
                return False
            return lacks(self.actor, self.api.entities[root.entity].view)
        entity = self.api.entities.get(parent.name) or self.summed(parent)
        one = None if entity is None else entity.by_name.get(name)
        if isinstance(one, Value):
            return lacks(self.actor, one.permission)
        if isinstance(one, One | Many):
            return lacks(self.actor, self.api.entities[one.target].view)
        return False

    def summed(self, parent: GraphQLObjectType) -> Entity | None:
        """The entity whose figures a type has."""
        return self.api.entities.get(
            parent.name.removesuffix("Sums").removesuffix("Figures").removesuffix("Averages").removesuffix("GroupKey")
        )

    def asks(self, kind: str, nodes: Iterable[FieldNode]) -> bool:
        """Whether fields ask anything of a row that is of this type."""
        parent = self.api.schema.type_map[kind]
        fields: dict[str, list[FieldNode]] = {}
        for node in nodes:
            if isinstance(parent, GraphQLObjectType) and node.selection_set:
                self._collect(parent, node.selection_set, fields)
        return bool(fields)

    def _concrete(self, kind: GraphQLNamedType) -> Iterable[GraphQLObjectType]:
        if isinstance(kind, GraphQLInterfaceType):
            return self.api.schema.get_possible_types(kind)
        return [kind] if isinstance(kind, GraphQLObjectType) else []

    def _collect(
        self, parent: GraphQLObjectType, selection: SelectionSetNode, fields: dict[str, list[FieldNode]]
    ) -> None:
        for node in selection.selections:
            if not self._included(node):
                continue
            if isinstance(node, FieldNode):
                fields.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                if node.type_condition is None or self._is(parent, node.type_condition.name.value):
                    self._collect(parent, node.selection_set, fields)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self.fragments[node.name.value]
                if self._is(parent, fragment.type_condition.name.value):
                    self._collect(parent, fragment.selection_set, fields)

    def _is(self, parent: GraphQLObjectType, name: str) -> bool:
        return name == parent.name or any(one.name == name for one in parent.interfaces)

    def _included(self, node: Any) -> bool:
        for directive in node.directives or ():
            value = directive.arguments[0].value if directive.arguments else None
            given = value.value if isinstance(value, BooleanValueNode) else None
            if isinstance(value, VariableNode):
                given = self.variables.get(value.name.value)
            if directive.name.value in ("skip", "include") and bool(given) is (directive.name.value == "skip"):
                return False
        return True
