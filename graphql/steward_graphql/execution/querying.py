"""Queries: compiled tables in one statement, functions in sessions of their own, introspection by graphql-core."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from graphql import (
    DocumentNode,
    GraphQLNonNull,
    OperationDefinitionNode,
    SelectionSetNode,
    execute_sync,
)

from steward_graphql.compiler.selection import Asked as AskedField
from steward_graphql.compiler.variables import read_arguments
from steward_graphql.execution.documents import INTROSPECTION
from steward_graphql.execution.inputs import pythonic
from steward_graphql.execution.plans import Framed
from steward_graphql.execution.problems import dumped
from steward_graphql.execution.run import Run
from steward_tenants.errors import StewardError

_QUERY = frozenset({"Query"})
_NULL = b"null"


class Querying:
    """Answers a query of any kind. What cannot be compiled is refused by `prepare`, before anything is read."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._table: Framed | None = None
        self._parameters: list[bytes | None] = []
        self._nonce = ""
        self._fields: list[AskedField] = []
        self._found: dict[str, bytes | None] | None = None

    async def prepare(self) -> None:
        """Compile what is a table, and fill its parameters. Raises StewardError."""
        run = self._run
        if not run.document.plain:
            self._fields = run.selections.of([run.document.operation.definition.selection_set], _QUERY)
            if all(self._elsewhere(field) for field in self._fields):
                return
        self._table = await run.table_plan()
        execution = run.execution(self._table.plan)
        self._nonce = execution.nonce
        self._parameters = self._table.plan.parameters(execution)

    def _elsewhere(self, field: AskedField) -> bool:
        return field.name in self._run.api.functions or field.name in INTROSPECTION

    async def plain(self) -> bytes | None:
        """The whole body of a query that is one statement and has nothing else to tell; None when it has."""
        framed = self._table
        assert framed is not None
        plan = framed.plan
        if plan.notices or plan.batches or not plan.names:
            return None
        try:
            if plan.records:
                await self._run.put_on_record(plan)
            rows = await self._run.send(plan, self._parameters)
        except Exception as error:
            self._failed(error)
            return None
        pieces: list[bytes] = []
        for head, text in zip(framed.heads, rows[0], strict=True):
            pieces.append(head)
            pieces.append(_NULL if text is None else text)
        pieces.append(b"}}")
        return b"".join(pieces)

    async def answer(self) -> list[tuple[str, bytes | None]] | None:
        """Each root field with its JSON, in order; None when a null went all the way up."""
        run = self._run
        if self._table is not None and not self._fields:
            self._fields = run.selections.of([run.document.operation.definition.selection_set], _QUERY)
        pending: list[Awaitable[dict[str, bytes | None]]] = []
        if self._table is not None and self._found is None:
            pending.append(self._tables(self._table))
        functions = [field for field in self._fields if field.name in run.api.functions]
        if functions:
            pending.append(self._each(functions, self._function))
        introspected = [field for field in self._fields if field.name in INTROSPECTION]
        if introspected:
            pending.append(self._introspection(introspected))
        found = dict(self._found or {})
        for part in await asyncio.gather(*pending):
            found.update(part)
        if any(found[field.key] is None and self._required(field) for field in self._fields):
            return None
        return [(field.key, found[field.key]) for field in self._fields]

    def _required(self, field: AskedField) -> bool:
        query = self._run.api.schema.query_type
        assert query is not None
        known = query.fields.get(field.name)
        return known is not None and isinstance(known.type, GraphQLNonNull)

    async def _tables(self, framed: Framed) -> dict[str, bytes | None]:
        run, plan = self._run, framed.plan
        if not plan.names:
            return {}
        try:
            await run.put_on_record(plan)
            rows = await run.send(plan, self._parameters)
        except Exception as error:
            return self._failed(error)
        texts = [_NULL if text is None else text for text in rows[0]]
        if plan.batches:
            texts = await run.filled(plan, self._nonce, texts)
        run.notices(plan)
        return {name: None if text == _NULL else text for name, text in zip(plan.names, texts, strict=True)}

    def _failed(self, error: Exception) -> dict[str, bytes | None]:
        """The statement failed: each of its fields is null and says so; the other root fields answer nevertheless."""
        assert self._table is not None
        names = self._table.plan.names
        for name in names:
            self._run.fail(error, (name,))
        self._found = dict.fromkeys(names)
        return self._found

    async def _each(
        self, fields: Sequence[AskedField], answer: Callable[[AskedField], Awaitable[bytes | None]]
    ) -> dict[str, bytes | None]:
        """One after another, so that a request takes one connection at a time from the pool."""
        return {field.key: await answer(field) for field in fields}

    async def _function(self, field: AskedField) -> bytes | None:
        run = self._run
        function, query = run.api.functions[field.name], run.api.schema.query_type
        assert query is not None
        try:
            given = read_arguments(run.api, query.fields[field.name].args, field.nodes[0], run.variables)
            completion = run.completion()
            async with run.session() as session:
                value = await function.call(session, run.asked, **pythonic(function.arguments, given))
                tree = completion.tree(function.result, value, field)
            text = await run.written(tree, completion.refs, (field.key,), nullable=False) if tree is not None else None
        except Exception as error:
            run.fail(error, (field.key,))
            return None
        if text is None and tree is None and not function.nullable:
            run.fail(StewardError(), (field.key,))
        return None if text is None else text.encode()

    async def _introspection(self, fields: Sequence[AskedField]) -> dict[str, bytes | None]:
        run, document = self._run, self._run.document
        key = (run.api.plugins, document.operation.text_key)
        known = None if document.declares else run.plans.introspections.get(key)
        if known is None:
            known = await self._introspect(fields)
            if not document.declares and not run.errors:
                run.plans.introspections.put(key, known)
        return {name: None if text == _NULL else text for name, text in known.items()}

    async def _introspect(self, fields: Sequence[AskedField]) -> dict[str, bytes]:
        run, document = self._run, self._run.document
        definition = document.operation.definition
        alone = OperationDefinitionNode(
            operation=definition.operation,
            variable_definitions=definition.variable_definitions,
            directives=(),
            selection_set=SelectionSetNode(selections=tuple(node for field in fields for node in field.nodes)),
        )
        asked = DocumentNode(definitions=(alone, *document.operation.fragments.values()))
        result = await asyncio.to_thread(execute_sync, run.api.schema, asked, variable_values=dict(run.raw_variables))
        if result.errors or result.data is None:
            for field in fields:
                run.fail(StewardError(), (field.key,))
            return dict.fromkeys((field.key for field in fields), _NULL)
        return {field.key: dumped(result.data[field.key]) for field in fields}
