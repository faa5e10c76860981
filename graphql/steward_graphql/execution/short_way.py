"""Mutations whose command has a short way: the command's statement and the read of its payload in one round trip.

When the statement does nothing, whatever the reason, the ordinary way is gone: the command then decides and explains.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

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
        return (await self._write((plan.sql, plan.parameters(execution))))[1]

    async def finish(self) -> None:
        """Run the command if no plan was read with it. Raises NotAtOnce."""
        if not self.done:
            await self._write()

    async def _write(self, *reads: Statement) -> list[Rows]:
        run = self._run
        plan = self._statement()
        execution = Execution(run.tenant_id, run.known.standing, run.asked.today, self._values)
        try:
            rows = await run.pipelines.write([(plan.sql, plan.parameters(execution)), *reads], run.tenant_id)
        except StatementFailed:
            raise NotAtOnce from None
        if not rows[0]:
            raise NotAtOnce
        self.done = True
        return rows

    def _statement(self) -> Plan:
        run, way = self._run, self._way.way
        key = ("at once", way.command, run.known.number)
        framed = run.plans.get(key) or run.plans.make(key, self._compiled)
        return framed.plan

    def _compiled(self) -> Plan:
        parameters = Parameters()
        session = SymbolicSession(self._run.known.standing.profile.actor)
        sql, sources = parameters.compiled(self._way.way.statement(session, TODAY, parameters.given))
        return Plan(sql, sources, ())
