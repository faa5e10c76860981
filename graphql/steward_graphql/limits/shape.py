"""Limits on a document's shape, looked at before it is validated and long before SQL.

Everything here takes time in proportion to the text: fragments are counted once each and their counts are added up
where they are spread, so that nothing is ever expanded.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSyntaxError,
    InlineFragmentNode,
    ListValueNode,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    parse,
)

from steward_graphql.declared.api import Api
from steward_graphql.limits.errors import (
    CircularFragments,
    IntrospectionTooDeep,
    IntrospectionTooLarge,
    NestedTooDeeply,
    RepeatedTooOften,
    TextTooLong,
    TooManyAliases,
    TooManyArguments,
    TooManyDirectives,
    TooManyDirectivesInPlace,
    TooManyFields,
    TooManyFragments,
    TooManyOperations,
    TooManyRootFields,
    TooManyTokens,
    TooManyValues,
    TooManyVariables,
)

MOST_CHARACTERS = 100_000
MOST_TOKENS = 10_000
MOST_COMMENTS = 1_000
MOST_BRACKETS = 60
"""How deep brackets of any sort may stand inside each other; fields have their own limit below."""
MOST_DEPTH = 15
MOST_INTROSPECTION_DEPTH = 20
MOST_ALIASES = 50
MOST_DIRECTIVES = 50
MOST_DIRECTIVES_IN_PLACE = 5
MOST_SPREADS = 100
MOST_FIELDS = 2_000
MOST_ROOT_FIELDS = 30
MOST_REPETITIONS = 50
MOST_ARGUMENTS = 20
MOST_VALUES = 2_000
MOST_VARIABLES = 100
MOST_DEFINITIONS = 100
MOST_INTROSPECTION_LISTS = 20
MOST_NESTED_LISTS = 3

_BRACKETS = re.compile(
    r'"""(?:[^"\\]|\\"""|\\|"(?!""))*+(?:""")?'
    r'|"(?:\\.|[^"\\\n\r])*+"?'
    r"|#[^\n\r]*+"
    r"|[{}\[\]()]"
)
"""Texts, comments and brackets. The ends of texts may be missing: were that no match, looking for one from every quote
on would take time in the square of the length."""
_INTROSPECTION_ROOTS = frozenset({"__schema", "__type"})
_LISTS = {"__type": 1, "types": 2, "fields": 1, "inputFields": 1, "interfaces": 1, "possibleTypes": 1}
"""How far each goes round in introspection. The standard query, fields of all types, weighs three."""
_SHORT_LISTS = frozenset({"args", "enumValues", "directives"})


def check_text(text: str) -> None:
    """Refuse a text by its length and brackets, so that parsing it costs little. Raises RefusedShape's kinds."""
    if len(text) > MOST_CHARACTERS:
        raise TextTooLong(MOST_CHARACTERS, len(text))
    deep = deepest = 0
    for found in _BRACKETS.finditer(text):
        sign = found[0]
        if sign in "{[(":
            deep += 1
            deepest = max(deepest, deep)
        elif sign in "}])":
            deep -= 1
    if deepest > MOST_BRACKETS:
        raise NestedTooDeeply(MOST_BRACKETS, deepest)


def parse_text(text: str) -> DocumentNode:
    """The document of a text within the limits. Raises GraphQLSyntaxError, TextTooLong, NestedTooDeeply,
    TooManyTokens."""
    check_text(text)
    try:
        return parse(text, max_lexical_tokens=MOST_TOKENS, max_comments=MOST_COMMENTS)
    except GraphQLSyntaxError as error:
        if "contains more than" in error.message or "comments" in error.message:
            raise TooManyTokens(MOST_TOKENS, MOST_TOKENS + 1) from None
        raise


def check_document(document: DocumentNode, api: Api | None = None) -> None:  # noqa: ARG001 - shape asks for no types
    """Refuse a document by its shape. Raises RefusedShape's kinds, CircularFragments."""
    if len(document.definitions) > MOST_DEFINITIONS:
        raise TooManyOperations(MOST_DEFINITIONS, len(document.definitions))
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    _check_written(document)
    for operation in operations:
        if len(operation.variable_definitions or ()) > MOST_VARIABLES:
            raise TooManyVariables(MOST_VARIABLES, len(operation.variable_definitions or ()))
    measures: dict[str, _Measure] = {}
    for name in _innermost_first(fragments):
        measures[name] = _Measured(measures).selection(fragments[name].selection_set)
    for operation in operations:
        _check_operation(_Measured(measures).selection(operation.selection_set))
    for name, fragment in fragments.items():
        if measures[name].fields > MOST_FIELDS:
            raise TooManyFields(MOST_FIELDS, measures[name].fields)
        _check_merged(fragment.selection_set, fragments)
    for operation in operations:
        _check_merged(operation.selection_set, fragments)


def _check_written(document: DocumentNode) -> None:
    """What is counted as it is written, wherever it stands."""
    aliases = directives = spreads = values = 0
    for node in _nodes(document):
        if isinstance(node, FieldNode):
            aliases += node.alias is not None
        elif isinstance(node, FragmentSpreadNode):
            spreads += 1
        elif isinstance(node, ListValueNode):
            values += len(node.values)
        elif isinstance(node, ObjectValueNode):
            values += len(node.fields)
        here = len(getattr(node, "directives", None) or ())
        if here > MOST_DIRECTIVES_IN_PLACE:
            raise TooManyDirectivesInPlace(MOST_DIRECTIVES_IN_PLACE, here)
        directives += here
        arguments = len(getattr(node, "arguments", None) or ())
        if arguments > MOST_ARGUMENTS:
            raise TooManyArguments(MOST_ARGUMENTS, arguments)
        values += arguments
    if aliases > MOST_ALIASES:
        raise TooManyAliases(MOST_ALIASES, aliases)
    if directives > MOST_DIRECTIVES:
        raise TooManyDirectives(MOST_DIRECTIVES, directives)
    if spreads > MOST_SPREADS:
        raise TooManyFragments(MOST_SPREADS, spreads)
    if values > MOST_VALUES:
        raise TooManyValues(MOST_VALUES, values)


def _nodes(root: Node) -> Iterator[Node]:
    waiting: list[Node] = [root]
    while waiting:
        node = waiting.pop()
        yield node
        for key in node.keys:
            child = getattr(node, key, None)
            if isinstance(child, Node):
                waiting.append(child)
            elif isinstance(child, tuple | list):
                waiting.extend(one for one in child if isinstance(one, Node))


def _innermost_first(fragments: Mapping[str, FragmentDefinitionNode]) -> list[str]:
    """Fragments in an order in which each comes after those that it spreads. Raises CircularFragments."""
    uses = {
        name: [node.name.value for node in _nodes(one) if isinstance(node, FragmentSpreadNode)]
        for name, one in fragments.items()
    }
    done: dict[str, None] = {}
    for start in fragments:
        path = [(start, iter(uses[start]))] if start not in done else []
        above = {start}
        while path:
            name, rest = path[-1]
            following = next((one for one in rest if one in fragments and one not in done), None)
            if following is None:
                path.pop()
                above.discard(name)
                done[name] = None
            elif following in above:
                raise CircularFragments(name=following)
            else:
                above.add(following)
                path.append((following, iter(uses[following])))
    return list(done)


@dataclass
class _Measure:
    """What a selection amounts to with its fragments spread, introspection apart from the rest. `fields` counts the
    steps of whoever walks it: fields and fragments."""

    fields: int = 0
    depth: int = 0
    keys: Counter[str] = field(default_factory=Counter)
    lists: int = 0
    nested: int = 0
    introspection: tuple[int, int, int] = (0, 0, 0)
    """Below `__schema` and `__type`: depth, lists, lists inside each other."""

    def beside(self, other: _Measure) -> None:
        """Take in what stands beside it."""
        self.fields += other.fields
        self.depth = max(self.depth, other.depth)
        self.keys.update(other.keys)
        self.lists += other.lists
        self.nested = max(self.nested, other.nested)
        (depth, lists, nested), more = self.introspection, other.introspection
        self.introspection = max(depth, more[0]), lists + more[1], max(nested, more[2])


class _Measured:
    """Measures selections; what a fragment amounts to is known already where it is spread."""

    def __init__(self, fragments: Mapping[str, _Measure]) -> None:
        self.fragments = fragments

    def selection(self, selected: SelectionSetNode) -> _Measure:
        """The measure of a selection set. Raises RepeatedTooOften."""
        total = _Measure()
        for one in selected.selections:
            total.beside(self._of(one))
        if total.keys:
            key, times = total.keys.most_common(1)[0]
            if times > MOST_REPETITIONS:
                raise RepeatedTooOften(MOST_REPETITIONS, times, field=key)
        return total

    def _of(self, node: SelectionNode) -> _Measure:
        if isinstance(node, FieldNode):
            return self._of_field(node)
        # A fragment counts as a step itself: spreads of empty ones would multiply without a single field.
        step = _Measure(1)
        if isinstance(node, InlineFragmentNode):
            step.beside(self.selection(node.selection_set))
        elif isinstance(node, FragmentSpreadNode):
            step.beside(self.fragments.get(node.name.value) or _Measure())
        return step

    def _of_field(self, node: FieldNode) -> _Measure:
        below = self.selection(node.selection_set) if node.selection_set else _Measure()
        name = node.name.value
        key = node.alias.value if node.alias else name
        lists, nested = below.lists, below.nested
        if name in _LISTS:
            lists, nested = lists + 1, nested + _LISTS[name]
        elif name in _SHORT_LISTS:
            lists += 1
        keys = Counter({key: 1})
        if name in _INTROSPECTION_ROOTS:
            return _Measure(1 + below.fields, 1, keys, introspection=(1 + below.depth, lists + 1, nested))
        return _Measure(1 + below.fields, 1 + below.depth, keys, lists, nested, below.introspection)


def _check_merged(selected: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
    """Refuse keys that are repeated too often once the selections of equal keys are put together, as validation has
    to compare them pair by pair. The number of fields is within its limit. Raises RepeatedTooOften."""
    waiting = [[selected]]
    while waiting:
        found: dict[str, list[FieldNode]] = {}
        spread: set[str] = set()
        sets = waiting.pop()
        while sets:
            for one in sets.pop().selections:
                if isinstance(one, FieldNode):
                    found.setdefault(one.alias.value if one.alias else one.name.value, []).append(one)
                elif isinstance(one, InlineFragmentNode):
                    sets.append(one.selection_set)
                elif isinstance(one, FragmentSpreadNode) and one.name.value not in spread:
                    spread.add(one.name.value)
                    fragment = fragments.get(one.name.value)
                    sets += [fragment.selection_set] if fragment is not None else []
        for key, nodes in found.items():
            if len(nodes) > MOST_REPETITIONS:
                raise RepeatedTooOften(MOST_REPETITIONS, len(nodes), field=key)
            below = [node.selection_set for node in nodes if node.selection_set]
            if below:
                waiting.append(below)


def _check_operation(measure: _Measure) -> None:
    if measure.fields > MOST_FIELDS:
        raise TooManyFields(MOST_FIELDS, measure.fields)
    if measure.depth > MOST_DEPTH:
        raise NestedTooDeeply(MOST_DEPTH, measure.depth)
    if measure.keys.total() > MOST_ROOT_FIELDS:
        raise TooManyRootFields(MOST_ROOT_FIELDS, measure.keys.total())
    depth, lists, nested = measure.introspection
    if depth > MOST_INTROSPECTION_DEPTH:
        raise NestedTooDeeply(MOST_INTROSPECTION_DEPTH, depth)
    if nested > MOST_NESTED_LISTS:
        raise IntrospectionTooDeep(MOST_NESTED_LISTS, nested)
    if lists > MOST_INTROSPECTION_LISTS:
        raise IntrospectionTooLarge(MOST_INTROSPECTION_LISTS, lists)
