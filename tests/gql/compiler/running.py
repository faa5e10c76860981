"""Compiling and running a document as an actor, over the driver as production's pipeline does."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from graphql import parse, validate
from psycopg import AsyncRawCursor

from steward_graphql.compiler.compile import compile_by_key, compile_query, specials_of
from steward_graphql.compiler.operation import Operation, select_operation
from steward_graphql.compiler.plan import Execution, Plan
from steward_graphql.compiler.variables import read_variables
from steward_graphql.declared.api import Api
from steward_graphql.declared.entities import Condition
from steward_tenants.access.symbolic import standing_of
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from tests.statement_watch import unscoped, unwatched

TODAY = date(2026, 11, 5)
NONCE = "<n0nce>"


@dataclass
class Runner:
    """Runs documents of one tenant."""

    api: Api
    database: Database
    tenant_id: UUID
    plans: list[Plan] = field(default_factory=list)

    def operation(self, text: str, name: str | None = None) -> Operation:
        """The operation of a valid document."""
        document = parse(text)
        problems = validate(self.api.schema, document)
        assert not problems, problems
        return select_operation(document, text, name)

    async def plan(self, text: str, actor: Actor, raw: Mapping[str, Any] | None = None) -> tuple[Plan, dict[str, Any]]:
        """The plan of a document, its special filters prepared, and its variables."""
        operation = self.operation(text)
        variables = read_variables(self.api, operation, raw or {})
        profile = standing_of(actor).profile
        conditions: dict[Hashable, Condition] = {}
        for use in specials_of(self.api, operation, variables, profile):
            async with self.database.read(self.tenant_id, actor) as session:
                conditions[use.key] = await use.special.prepare(session, use.value, TODAY)
        plan = compile_query(self.api, operation, variables, profile, conditions)
        self.plans.append(plan)
        return plan, variables

    async def run(self, plan: Plan, actor: Actor, variables: Mapping[str, Any], ids: Sequence[Any] = ()) -> list[Any]:
        """The rows that a plan gives."""
        execution = Execution(self.tenant_id, standing_of(actor), TODAY, variables, ids, NONCE)
        assert not unscoped(plan.sql.decode())
        async with self.database.read(self.tenant_id, actor) as session:
            raw = await (await session.connection()).get_raw_connection()
            driver: Any = raw.driver_connection
            async with AsyncRawCursor(driver) as cursor:
                with unwatched("checked above; its JSON constants are joined from declared names"):
                    values = [None if one is None else one.decode() for one in plan.parameters(execution)]
                    await cursor.execute(plan.sql, values)
                    return list(await cursor.fetchall())

    async def ask(self, text: str, actor: Actor, raw: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The data of a query."""
        plan, variables = await self.plan(text, actor, raw)
        (row,) = await self.run(plan, actor, variables)
        return {name: json.loads(value) for name, value in zip(plan.names, row, strict=True)}

    async def by_key(self, text: str, actor: Actor, entity: str, ids: Sequence[Any]) -> dict[str, Any]:
        """Rows by key, with the selection of the document's only root field."""
        operation = self.operation(text)
        (root,) = operation.definition.selection_set.selections
        plan = compile_by_key(self.api, operation, {}, standing_of(actor).profile, entity, [root])  # type: ignore[list-item]
        return {key: json.loads(value) for key, value in await self.run(plan, actor, {}, ids)}
