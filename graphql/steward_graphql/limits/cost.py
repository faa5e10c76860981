"""What a request costs, in points, before any SQL; and whether its pages are right.

A list costs 1 and its page size times the cost of a row (1 and what stands in it), its total 2, figures and groups 10
each; a single row 1; functions and mutations what they declare; filters what `limits.filters` says. What depends on the
document alone is worked out once (`cost_tree`), so that a request only adds up its page sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationType,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
)

from steward_graphql.compiler.operation import Operation
from steward_graphql.declared.api import Api
from steward_graphql.declared.entities import Batched, ListRoot, OneRoot
from steward_graphql.limits.errors import PageRefused, TooExpensive, TooManyIds
from steward_graphql.limits.filters import Filtering, filter_in_document, filter_points
from steward_tenants.texts import Bilingual

MOST_POINTS = 10_000
MOST_ROWS = 100
DEFAULT_ROWS = 20
ROW = 1
LIST = 1
TOTAL = 2
FIGURES = 10
BATCHED = 2
INTROSPECTION = 100
LISTED_ROWS = 20
"""How many rows a list of a function is taken to have: nobody knows before it has run."""


@dataclass(frozen=True)
class Cost:
    """`points` of one request, and the list (its response keys, dotted) that costs most."""

    points: int
    dearest: str = ""


@dataclass(frozen=True)
class Given:
    """An argument as the document gives it: a constant, a variable's name, or neither."""

    constant: Any = None
    variable: str | None = None

    def of(self, variables: Mapping[str, Any]) -> Any:
        """Its value in a request; None when not given."""
        return self.constant if self.variable is None else variables.get(self.variable)


NOT_GIVEN = Given()


@dataclass(frozen=True)
class CostTree:
    """A part of an operation. `fixed`: points that no variable changes; `below`: what stands in each of its rows.

    With `page` it is a list, with `ids` the field `nodes`, otherwise a single place (`rows` times over).
    """

    path: str
    fixed: int
    below: tuple[CostTree, ...] = ()
    rows: int = 1
    page: tuple[Given, Given, Given, Given] | None = None
    reads_rows: bool = True
    ids: Given | None = None
    group_rows: tuple[tuple[str, Given], ...] = ()
    filtering: tuple[Filtering, ...] = ()


def settled(tree: CostTree) -> bool:
    """Whether an operation costs the same whatever its variables are."""
    given = [*(tree.page or ()), *(one for _, one in tree.group_rows), *([tree.ids] if tree.ids else [])]
    return (
        all(one.variable is None for one in given)
        and not any(one.variables for one in tree.filtering)
        and all(settled(one) for one in tree.below)
    )


def cost_of(api: Api, operation: Operation, variables: Mapping[str, Any], most: int = MOST_POINTS) -> Cost:
    """The cost of one request. Raises PageRefused, TooManyIds, TooExpensive (more than
    `most`), and what `filter_points` does."""
    return price(api, cost_tree(api, operation), variables, most)


def price(api: Api, tree: CostTree, variables: Mapping[str, Any], most: int = MOST_POINTS) -> Cost:
    """The cost of a request whose operation's tree is known. Raises as `cost_of`."""
    points, dearest = _price(api, tree, variables)
    if points > most:
        raise TooExpensive(most, points, field=dearest)
    return Cost(points, dearest)


def _price(api: Api, tree: CostTree, variables: Mapping[str, Any]) -> tuple[int, str]:
    """Points, and the list that most of them go to."""
    each, dearest, most = 0, tree.path, 0
    for one in tree.below:
        points, path = _price(api, one, variables)
        each += points
        if points > most:
            dearest, most = path, points
    for path, given in tree.group_rows:
        _rows_of(path, given.of(variables))
    points = tree.fixed + filter_points(api, tree.filtering, variables)
    rows = tree.rows
    if tree.page is not None:
        asked = _page_rows(tree.path, tree.page, variables)
        rows = asked if tree.reads_rows else 0
        points += LIST + rows * (ROW + each)
    elif tree.ids is not None:
        rows = _how_many_ids(tree, variables)
        points += rows * (ROW + each)
    else:
        points += rows * each
    return points, dearest if 2 * rows * most > points else tree.path


def _how_many_ids(tree: CostTree, variables: Mapping[str, Any]) -> int:
    asked = tree.ids.of(variables) if tree.ids else ()
    many = len(asked) if isinstance(asked, list | tuple) else 1
    if many > MOST_ROWS:
        raise TooManyIds(MOST_ROWS, many, field=tree.path)
    return many


def _rows_of(path: str, given: Any) -> int:
    if given is None:
        return DEFAULT_ROWS
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= MOST_ROWS:
        zh, en = f"每页应为 0 到 {MOST_ROWS} 条，实际 {given}。", f"a page has 0 to {MOST_ROWS} rows, not {given}."
        raise PageRefused(path, Bilingual(zh, en))
    return given


def _page_rows(path: str, page: tuple[Given, Given, Given, Given], variables: Mapping[str, Any]) -> int:
    first, after, last, before = (given.of(variables) for given in page)
    wrong = None
    if first is not None and last is not None:
        wrong = "first 与 last 不能同时使用。", "`first` and `last` do not go together."
    elif after is not None and before is not None:
        wrong = "after 与 before 不能同时使用。", "`after` and `before` do not go together."
    elif last is not None and after is not None:
        wrong = "last 须与 before 搭配。", "`last` goes with `before`, not `after`."
    elif last is None and before is not None:
        wrong = "before 须与 last 搭配。", "`before` takes `last`."
    if wrong is not None:
        raise PageRefused(path, Bilingual(*wrong))
    return _rows_of(path, last if first is None else first)


def cost_tree(api: Api, operation: Operation) -> CostTree:
    """What of an operation's cost its document says. The document is valid, and within the limits of its shape.

    Raises NestedTooDeeply for a filter.
    """
    definition = operation.definition
    root = api.schema.get_root_type(definition.operation)
    if root is None:
        return CostTree("", 0)
    builder = _Builder(api, operation)
    fixed, below = builder.rows(root, [definition.selection_set], "")
    if definition.operation is OperationType.SUBSCRIPTION:
        fixed += LISTED_ROWS
    return CostTree("", fixed, below)


class _Builder:
    def __init__(self, api: Api, operation: Operation) -> None:
        self.api = api
        self.operation = operation

    def rows(
        self, parent: GraphQLNamedType, selected: list[SelectionSetNode], path: str
    ) -> tuple[int, tuple[CostTree, ...]]:
        """Fixed points of a row of `parent`, and the parts of it that have costs of their own."""
        fixed = 0
        below: list[CostTree] = []
        for key, (kind, nodes) in self.collect(parent, selected).items():
            part = self.part(kind, nodes, f"{path}.{key}" if path else key)
            if part is None:
                continue
            if part.page is None and part.ids is None and not part.below and not part.filtering:
                fixed += part.fixed
            else:
                below.append(part)
        return fixed, tuple(below)

    def collect(
        self, parent: GraphQLNamedType, selected: list[SelectionSetNode]
    ) -> dict[str, tuple[GraphQLNamedType, list[FieldNode]]]:
        """Fields by response key, merged as execution merges them; those of different types of an interface apart."""
        found: dict[str, tuple[GraphQLNamedType, list[FieldNode]]] = {}
        waiting = [(parent, one) for one in reversed(selected)]
        spread: set[tuple[str, str]] = set()
        while waiting:
            kind, selection = waiting.pop()
            for node in selection.selections:
                if isinstance(node, FieldNode):
                    key = node.alias.value if node.alias else node.name.value
                    own = key if kind is parent else f"{key}({kind.name})"
                    found.setdefault(own, (kind, []))[1].append(node)
                elif isinstance(node, InlineFragmentNode):
                    condition = node.type_condition
                    waiting.append((self.named(condition.name.value if condition else None, kind), node.selection_set))
                elif isinstance(node, FragmentSpreadNode):
                    fragment = self.operation.fragments.get(node.name.value)
                    if fragment is None:
                        continue
                    narrowed = self.named(fragment.type_condition.name.value, kind)
                    if (fragment.name.value, narrowed.name) not in spread:
                        spread.add((fragment.name.value, narrowed.name))
                        waiting.append((narrowed, fragment.selection_set))
        return found

    def row_type(self, kind: GraphQLNamedType, name: str) -> GraphQLNamedType:
        """The type that a field of a generated type leads to."""
        result = _result(kind, name)
        return kind if result is None else get_named_type(result)

    def named(self, name: str | None, otherwise: GraphQLNamedType) -> GraphQLNamedType:
        """The type of a fragment's condition."""
        return (self.api.schema.type_map.get(name) if name else None) or otherwise

    def part(self, parent: GraphQLNamedType, nodes: list[FieldNode], path: str) -> CostTree | None:
        """What a field costs; None for what comes with its row."""
        name = nodes[0].name.value
        if name.startswith("__"):
            return None if name == "__typename" else CostTree(path, INTROSPECTION)
        if _result(parent, name) is None:
            return None
        result = self.row_type(parent, name)
        below = [node.selection_set for node in nodes if node.selection_set]
        if parent is self.api.schema.query_type:
            root = self.api.roots.get(name)
            if name == "nodes" and root is None:
                fixed, parts = self.rows(result, below, path)
                # The points of a row are inside the list's: they are met once for every id.
                return CostTree(path, 0, (CostTree(path, fixed, parts),), ids=self.given(nodes[0], "ids"))
            if isinstance(root, OneRoot) or (name == "node" and root is None):
                return self.single(result, below, path, ROW)
            if isinstance(root, ListRoot):
                return self.connection(result, nodes, path)
            function = self.api.functions.get(name)
            return self.single(result, below, path, function.cost if function else ROW)
        if parent is self.api.schema.mutation_type:
            mutation = self.api.mutations.get(name)
            return self.single(result, below, path, mutation.cost if mutation else ROW)
        return self.inner(parent, result, nodes, path, below)

    def inner(
        self,
        parent: GraphQLNamedType,
        result: GraphQLNamedType,
        nodes: list[FieldNode],
        path: str,
        below: list[SelectionSetNode],
    ) -> CostTree | None:
        entity = self.api.entities.get(parent.name)
        name = nodes[0].name.value
        if result.name.endswith("Connection") and result.name.removesuffix("Connection") in self.api.entities:
            return self.connection(result, nodes, path)
        if entity is not None and isinstance(entity.by_name.get(name), Batched):
            return CostTree(path, BATCHED)
        if not below:
            return None
        if result.name in self.api.entities:
            listed = entity is None and "[" in str(_result(parent, name))
            return self.single(result, below, path, 0 if listed else ROW, LISTED_ROWS if listed else 1)
        return self.single(result, below, path, 0)

    def single(
        self, result: GraphQLNamedType, below: list[SelectionSetNode], path: str, points: int, rows: int = 1
    ) -> CostTree:
        """A field that leads to one row, or to a number of them that nobody knows before."""
        fixed, parts = self.rows(result, below, path) if below else (0, ())
        if rows == 1:
            return CostTree(path, points + fixed, parts)
        return CostTree(path, points, (CostTree(path, ROW + fixed, parts),), rows=rows)

    def connection(self, kind: GraphQLNamedType, nodes: list[FieldNode], path: str) -> CostTree:
        """A list: its page, its rows, what is counted over all of it."""
        fixed, reads_rows = 0, False
        rows: list[CostTree] = []
        groups: list[tuple[str, Given]] = []
        selected = [node.selection_set for node in nodes if node.selection_set]
        for key, (_, fields) in self.collect(kind, selected).items():
            name, below = fields[0].name.value, [one.selection_set for one in fields if one.selection_set]
            result = self.row_type(kind, name)
            if name == "totalCount":
                fixed += TOTAL
            elif name in ("aggregate", "groups"):
                fixed += FIGURES
                if name == "groups":
                    groups.append((f"{path}.{key}", self.given(fields[0], "first")))
            elif name == "nodes":
                reads_rows = True
                rows.append(CostTree(path, *self.rows(result, below, f"{path}.{key}")))
            elif name == "edges":
                reads_rows = True
                rows.extend(self.edges(result, below, f"{path}.{key}"))
            elif name == "pageInfo":
                reads_rows = True
        return CostTree(
            path,
            fixed,
            tuple(one for one in rows if one.fixed or one.below),
            page=(
                self.given(nodes[0], "first"),
                self.given(nodes[0], "after"),
                self.given(nodes[0], "last"),
                self.given(nodes[0], "before"),
            ),
            reads_rows=reads_rows,
            group_rows=tuple(groups),
            filtering=self.filtering(kind, nodes[0]),
        )

    def edges(self, kind: GraphQLNamedType, selected: list[SelectionSetNode], path: str) -> list[CostTree]:
        found = []
        for key, (_, fields) in self.collect(kind, selected).items():
            if fields[0].name.value == "node":
                result = self.row_type(kind, "node")
                below = [one.selection_set for one in fields if one.selection_set]
                found.append(CostTree(path, *self.rows(result, below, f"{path}.{key}")))
        return found

    def filtering(self, kind: GraphQLNamedType, node: FieldNode) -> tuple[Filtering, ...]:
        """The filter of a list, when it has one."""
        input_type = self.api.schema.type_map.get(kind.name.removesuffix("Connection") + "Filter")
        for argument in node.arguments or ():
            if argument.name.value == "filter" and input_type is not None:
                found = filter_in_document(self.api, input_type, argument.value)
                return (found,) if found != Filtering() else ()
        return ()

    def given(self, node: FieldNode, name: str) -> Given:
        """How the document gives an argument."""
        for argument in node.arguments or ():
            if argument.name.value == name:
                return _given(argument.value)
        return NOT_GIVEN


def _given(value: ValueNode) -> Given:
    if isinstance(value, VariableNode):
        return Given(variable=value.name.value)
    if isinstance(value, NullValueNode):
        return NOT_GIVEN
    if isinstance(value, IntValueNode):
        return Given(int(value.value))
    if isinstance(value, ListValueNode):
        return Given((None,) * len(value.values))
    return Given("")


def _result(kind: GraphQLNamedType, name: str) -> GraphQLOutputType | None:
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and name in kind.fields:
        result: GraphQLOutputType = kind.fields[name].type
        return result
    return None
