"""Texts become operations: parsed, within the limits, valid for the schema; kept for the next request."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSyntaxError,
    InlineFragmentNode,
    OperationType,
    SelectionSetNode,
    parse,
    validate,
)

from steward_graphql.compiler.operation import Operation, select_operation
from steward_graphql.compiler.selection import Selections
from steward_graphql.declared.api import Api
from steward_graphql.errors import IntrospectionOff
from steward_graphql.execution.bounded import Bounded
from steward_graphql.execution.metrics import EngineMetrics
from steward_graphql.limits.cost import CostTree, cost_tree, settled
from steward_graphql.limits.shape import check_document, parse_text

MOST_DOCUMENTS = 1_000
MOST_BYTES = 24_000_000
_BYTES_PER_CHARACTER = 90
"""What is made of a text takes about so much memory, measured on ordinary documents."""
_COPIES = 4
MOST_ERRORS = 20
INTROSPECTION = frozenset({"__schema", "__type"})


class DocumentRefused(Exception):
    """A text that is no GraphQL, or does not fit the schema."""

    def __init__(self, errors: Sequence[GraphQLError], *, syntax: bool) -> None:
        self.errors = errors
        self.syntax = syntax
        super().__init__(len(errors))


@dataclass(eq=False)
class Document:
    """An operation, and what of it no request changes. `plain`: one statement answers it. `introspects` is asked of
    the document, whatever @skip and @include say."""

    operation: Operation
    kind: OperationType
    cost: CostTree
    declares: bool
    plain: bool
    introspects: bool
    settled: bool
    size: int = field(repr=False)
    points: int | None = None
    """What it costs, once that is known, when no variable changes it (`settled`)."""
    selections: Selections | None = field(default=None, repr=False)
    """What reads its selection sets, once it was needed, when no variable switches parts of it."""

    @property
    def texts(self) -> int:
        """Bytes that its aliases and values may take in a plan: in its columns' names, their heads and parameters."""
        return self.size // _BYTES_PER_CHARACTER * _COPIES


class Documents:
    """The documents that a process knows, by the API, the text and the operation's name."""

    def __init__(self, metrics: EngineMetrics, *, introspection: bool = True) -> None:
        self._introspection = introspection
        self._metrics = metrics
        self._known: Bounded[tuple[frozenset[str], str, str | None], Document] = Bounded(
            MOST_DOCUMENTS, MOST_BYTES, lambda one: one.size, metrics.document_evictions.inc
        )

    def known(self, api: Api, text: str, name: str | None) -> Document | None:
        """The document of a text that was read lately, and was not refused."""
        found = self._known.get((api.plugins, text, name))
        if found is not None:
            self._metrics.document_hits.inc()
        return found

    def of(self, api: Api, text: str, name: str | None) -> Document:
        """The document of a text. Raises DocumentRefused, UnknownOperation, IntrospectionOff, and what
        `limits.shape` refuses."""
        found = self.known(api, text, name)
        if found is None:
            self._metrics.document_misses.inc()
            found = self._read(api, text, name)
            self._known.put((api.plugins, text, name), found)
        return found

    def _read(self, api: Api, text: str, name: str | None) -> Document:
        try:
            document = parse_text(text)
        except GraphQLSyntaxError as error:
            raise DocumentRefused([error], syntax=True) from None
        check_document(document, api)
        errors = validate(api.schema, document, max_errors=MOST_ERRORS, hide_suggestions=not self._introspection)
        if errors:
            raise DocumentRefused(errors, syntax=False)
        # Places in the text are for messages about it; without them what is kept takes a third.
        document = parse(text, no_location=True)
        digest = hashlib.sha256(f"{name or ''}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()
        operation = select_operation(document, digest, name)
        definition = operation.definition
        names = _root_names(operation)
        introspects = bool(names & INTROSPECTION)
        if introspects and not self._introspection:
            raise IntrospectionOff
        cost = cost_tree(api, operation)
        return Document(
            operation,
            definition.operation,
            cost,
            declares=bool(definition.variable_definitions),
            plain=definition.operation is OperationType.QUERY and not introspects and not names & api.functions.keys(),
            introspects=introspects,
            settled=settled(cost),
            size=len(text) * _BYTES_PER_CHARACTER,
        )


def _root_names(operation: Operation) -> set[str]:
    """Every field that the operation asks of its root, whatever @skip and @include say."""
    names: set[str] = set()
    spread: set[str] = set()
    waiting: list[SelectionSetNode] = [operation.definition.selection_set]
    while waiting:
        for node in waiting.pop().selections:
            if isinstance(node, FieldNode):
                names.add(node.name.value)
            elif isinstance(node, InlineFragmentNode):
                waiting.append(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                spread.add(node.name.value)
                waiting.append(operation.fragments[node.name.value].selection_set)
    return names
