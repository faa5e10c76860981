"""Mutations: one after another, each in a transaction of its own that has committed before the answer says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from steward_graphql.compiler.plan import Execution, Plan
from steward_graphql.compiler.selection import Asked as AskedField
from steward_graphql.compiler.variables import read_arguments
from steward_graphql.declared.scalars import STRING
from steward_graphql.declared.shapes import AtOnceWay, ListOf, Mutation, ObjectShape, Part
from steward_graphql.execution.completion import Members, plain
from steward_graphql.execution.inputs import pythonic, shown_path
from steward_graphql.execution.problems import note, told_of
from steward_graphql.execution.run import Run
from steward_graphql.execution.short_way import NotAtOnce, ShortWay
from steward_graphql.execution.tenants import Tenants
from steward_tenants.access.rules import require
from steward_tenants.commands.service import once
from steward_tenants.database.pipeline import Rows
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import FieldProblem, StewardError
from steward_tenants.texts import Bilingual

IDEMPOTENCY_KEY = "idempotencyKey"
USER_ERROR = ObjectShape(
    "UserError",
    Bilingual("用户可以改正的错误", "An error that whoever sent the input can correct"),
    (
        Part("code", STRING, Bilingual("代码", "Code"), nullable=False),
        Part("path", ListOf(STRING), Bilingual("输入中的位置", "Place in the input"), nullable=False),
        Part("message", STRING, Bilingual("说明", "What is wrong"), nullable=False),
        Part("messageZh", STRING, Bilingual("中文说明", "In Chinese"), nullable=False),
        Part("messageEn", STRING, Bilingual("英文说明", "In English"), nullable=False),
        Part("remedy", STRING, Bilingual("处理办法", "What to do")),
    ),
)
_USER_ERRORS = Part("userErrors", ListOf(USER_ERROR), USER_ERROR.text, nullable=False)
CHANGES_TENANT = frozenset(
    {"enablePlugin", "disablePlugin", "configurePlugin", "upgradePlugin", "changeTenant", "applyConfiguration"}
)
"""Mutations after which what is remembered of the tenant may be wrong."""
_UTC = ("UTC", "Etc/UTC")


@dataclass
class _Outcome:
    """What a mutation gave. `kept`: it comes from an earlier request with the same key."""

    value: Any
    kept: bool = False


class Mutating:
    """Runs the mutations of one request."""

    def __init__(self, run: Run, tenants: Tenants) -> None:
        self._run = run
        self._tenants = tenants

    async def answer(self) -> list[tuple[str, bytes | None]]:
        """Each root field with its JSON; None where it failed."""
        definition = self._run.document.operation.definition
        answered: list[tuple[str, bytes | None]] = []
        for field in self._run.selections.of([definition.selection_set], frozenset({"Mutation"})):
            if field.name == "__typename":
                answered.append((field.key, b'"Mutation"'))
            else:
                answered.append((field.key, await self._field(field)))
        return answered

    async def _field(self, field: AskedField) -> bytes | None:
        run = self._run
        mutation = run.api.mutations[field.name]
        mutation_type = run.api.schema.mutation_type
        assert mutation_type is not None
        told_before = len(run.errors)
        try:
            arguments = mutation_type.fields[field.name].args
            given = read_arguments(run.api, arguments, field.nodes[0], run.variables).get("input") or {}
        except StewardError as error:
            run.fail(error, (field.key,))
            return None
        try:
            text = await self._call(mutation, field, given)
        except Exception as error:
            # What the undone transaction had to tell is not true any more.
            del run.errors[told_before:]
            told = told_of(error)
            if told.status >= 500:
                run.fail(error, (field.key,))
                return None
            note(error, told, run.asked.request_id)
            text = await self._refused(mutation, field, told)
        return None if text is None else text.encode()

    async def _call(self, mutation: Mutation, field: AskedField, given: Mapping[str, Any]) -> str | None:
        if mutation.permission is not None:
            require(self._run.asked.caller.actor, mutation.permission)
        if mutation.edge:
            return await self._call_edge(mutation, field, given)
        if mutation.at_once is not None and given.get(IDEMPOTENCY_KEY) is None:
            errors = len(self._run.errors)
            try:
                return await self._call_at_once(mutation, mutation.at_once, field, given)
            except NotAtOnce:
                del self._run.errors[errors:]
        run, asked = self._run, self._run.asked
        async with asked.database.write(run.tenant_id, asked.caller.actor, request_id=asked.request_id) as session:
            outcome = await self._once(session, session, mutation, given)
            await session.flush()
            self._forget_after(session, mutation)

            async def fetch(plan: Plan, execution: Execution) -> Rows:
                return await _read_inside(session, plan, execution)

            return await self._payload(mutation, field, outcome, fetch=fetch, session=session)

    async def _call_at_once(
        self, mutation: Mutation, way: AtOnceWay, field: AskedField, given: Mapping[str, Any]
    ) -> str | None:
        """One whose command is a single statement. Raises NotAtOnce; nothing was written then."""
        short = ShortWay(self._run, way, pythonic(mutation.arguments, given))
        try:
            text = await self._payload(mutation, field, _Outcome(short.value, kept=True), fetch=short.fetch)
            await short.finish()
        except Exception as error:
            if not short.done:
                raise
            # It is written: telling of it as refused would be wrong.
            self._run.fail(error, (field.key,))
            return None
        return text

    async def _call_edge(self, mutation: Mutation, field: AskedField, given: Mapping[str, Any]) -> str | None:
        """One that sees to its own transactions. Its key is held by a transaction beside them."""
        run, asked = self._run, self._run.asked
        if given.get(IDEMPOTENCY_KEY) is None:
            outcome = _Outcome(await mutation.call(asked.database, asked, **pythonic(mutation.arguments, given)))
        else:
            async with asked.database.write(run.tenant_id, asked.caller.actor, request_id=asked.request_id) as session:
                outcome = await self._once(session, asked.database, mutation, given)
        if mutation.name in CHANGES_TENANT:
            self._tenants.forget(run.tenant_id)
        try:
            return await self._payload(mutation, field, outcome)
        except Exception as error:
            # It is done: telling of it as refused would be wrong.
            run.fail(error, (field.key,))
            return None

    async def _once(self, session: WriteSession, target: Any, mutation: Mutation, given: Mapping[str, Any]) -> _Outcome:
        key = given.get(IDEMPOTENCY_KEY)
        arguments = pythonic(mutation.arguments, given)
        if key is None:
            return _Outcome(await mutation.call(target, self._run.asked, **arguments))
        fresh: list[Any] = []

        async def call() -> Any:
            value = await mutation.call(target, self._run.asked, **arguments)
            await session.flush()
            fresh.append(value)
            return {
                part.name: plain(part.shape, part.of(value))
                for part in mutation.results
                if part.name not in mutation.secret
            }

        payload = {name: value for name, value in given.items() if name != IDEMPOTENCY_KEY}
        answer = await once(session, key, f"graphql.{mutation.name}", payload, call)
        return _Outcome(fresh[0]) if fresh else _Outcome(answer, kept=True)

    def _forget_after(self, session: WriteSession, mutation: Mutation) -> None:
        if mutation.name in CHANGES_TENANT:
            session.after_commit(self._tenants.forgetting(self._run.tenant_id))

    async def _payload(self, mutation: Mutation, field: AskedField, outcome: _Outcome, **reading: Any) -> str | None:
        completion = self._run.completion()
        value = outcome.value if outcome.kept else {part.name: part.of(outcome.value) for part in mutation.results}
        parts = tuple(Part(one.name, one.shape, one.text, one.nullable) for one in mutation.results)
        tree = completion.parts(
            _payload_name(mutation),
            (*parts, _USER_ERRORS),
            {**value, "userErrors": []},
            field.selections,
            kept=outcome.kept,
            place=(field.key,),
        )
        return await self._written(tree, completion.refs, field, **reading)

    async def _refused(self, mutation: Mutation, field: AskedField, error: StewardError) -> str | None:
        """The payload that tells why nothing was done."""
        completion = self._run.completion()
        told = [self._user_error(mutation, error, problem) for problem in error.problems] or [
            self._user_error(mutation, error, None)
        ]
        parts = tuple(Part(one.name, one.shape, one.text) for one in mutation.results)
        value = {part.name: None for part in parts}
        tree = completion.parts(
            _payload_name(mutation), (*parts, _USER_ERRORS), {**value, "userErrors": told}, field.selections
        )
        return await self._written(tree, completion.refs, field)

    def _user_error(self, mutation: Mutation, error: StewardError, problem: FieldProblem | None) -> dict[str, Any]:
        text = error.text if problem is None else problem.message
        return {
            "code": error.code if problem is None else problem.code,
            "path": [] if problem is None else shown_path(mutation.arguments, problem.path),
            "message": text.in_locale(self._run.asked.locale),
            "messageZh": text.zh,
            "messageEn": text.en,
            "remedy": error.advice.in_locale(self._run.asked.locale),
        }

    async def _written(self, tree: Members, refs: Any, field: AskedField, **reading: Any) -> str | None:
        return await self._run.written(tree, refs, (field.key,), nullable=False, **reading)


def _payload_name(mutation: Mutation) -> str:
    return mutation.name[:1].upper() + mutation.name[1:] + "Payload"


async def _read_inside(session: WriteSession, plan: Plan, execution: Execution) -> Rows:
    """Run a plan in the mutation's own transaction, so that it shows what is being committed."""
    raw = await (await session.connection()).get_raw_connection()
    driver: psycopg.AsyncConnection[Any] = raw.driver_connection  # type: ignore[assignment]
    parameters = [None if value is None else value.decode() for value in plan.parameters(execution)]
    async with psycopg.AsyncRawCursor(driver, row_factory=tuple_row) as cursor:
        if driver.info.parameter_status("TimeZone") not in _UTC:
            await cursor.execute("select set_config('TimeZone', 'UTC', true)")
        await cursor.execute(plan.sql, parameters)
        rows = await cursor.fetchall()
    return [[None if value is None else str(value).encode() for value in row] for row in rows]
