"""Mutations whose command has a short way: the command's statement and the read of its payload in one round trip, and
in one statement where the payload tells of nothing but the columns of the row that is made.

When the statement does nothing, whatever the reason, the ordinary way is gone: the command then decides and explains.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from steward_graphql.compiler.parameters import Parameters
from steward_graphql.compiler.plan import Execution, Plan
from steward_graphql.declared.shapes import AtOnceWay
from steward_graphql.execution.run import Run
from steward_tenants.access.symbolic import TODAY, SymbolicSession
from steward_tenants.commands.at_once import Acting
from steward_tenants.database.pipeline import Rows, Statement, StatementFailed
from steward_tenants.errors import InvalidInput


class NotAtOnce(Exception):
    """The short way cannot be gone; nothing was written."""


class ShortWay:
    """One mutation on its short way. `fetch` runs the command together with the first plan that is read."""

    def __init__(self, run: Run, way: AtOnceWay, arguments: Mapping[str, Any]) -> None:
        asked = run.asked
        request_id = asked.request_id or str(uuid4())  # as `Database.write` has it
        acting = Acting(run.tenant_id, asked.caller.actor, asked.database.vault, request_id)
        try:
            values = way.values(acting, arguments)
        except InvalidInput:
            values = None
        if values is None:
            raise NotAtOnce
        self._run = run
        self._way = way
        self._values = values
        self.done = False
        """Whether the command is done, and will stay so."""

    @property
    def value(self) -> dict[str, Any]:
        """The payload's results: the row that is being made."""
        return {self._way.result: self._values["id"]}

    async def fetch(self, plan: Plan, execution: Execution) -> Rows:
        """The rows of a plan, read where the command's effect is seen. Raises NotAtOnce."""
        if self.done:
            return await self._run.fetch(plan, execution)
        if plan.of_written is not None and list(execution.ids) == [self._values["id"]]:
            way = self._way.way
            both = plan.made_of_written.get(way.command)
            if both is None:
                both = plan.made_of_written[way.command] = plan.of_written(way.statement)
            return (await self._write((both.sql, both.parameters(execution._replace(given=self._values)))))[0]
        return (await self._write(self._writing(), (plan.sql, plan.parameters(execution))))[1]

    async def finish(self) -> None:
        """Run the command if no plan was read with it. Raises NotAtOnce."""
        if not self.done:
            await self._write(self._writing())

    async def _write(self, *statements: Statement) -> list[Rows]:
        """Run the command's statement, and others after it."""
        try:
            rows = await self._run.pipelines.write(statements, self._run.tenant_id)
        except StatementFailed:
            raise NotAtOnce from None
        if not rows[0]:
            raise NotAtOnce
        self.done = True
        return rows

    def _writing(self) -> Statement:
        """The command's statement alone."""
        run = self._run
        key = ("at once", self._way.way.command, run.known.number)
        plan = (run.plans.get(key) or run.plans.make(key, self._compiled)).plan
        execution = Execution(run.tenant_id, run.known.standing, run.asked.today, {}, given=self._values)
        return plan.sql, plan.parameters(execution)

    def _compiled(self) -> Plan:
        parameters = Parameters()
        session = SymbolicSession(self._run.known.standing.profile.actor)
        written = self._way.way.statement(session, TODAY, parameters.given)
        sql, sources = parameters.compiled(select(written.rows.c.id).add_cte(*written.also))
        return Plan(sql, sources, ())
