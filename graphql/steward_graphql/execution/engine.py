"""The engine: a request becomes the bytes of its answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from graphql import OperationType
from prometheus_client import CollectorRegistry

from steward_graphql.compiler.selection import Asked as AskedField
from steward_graphql.compiler.variables import read_arguments, read_variables
from steward_graphql.declared.api import Api
from steward_graphql.declared.shapes import Asked
from steward_graphql.errors import MutationNotAllowed, NothingAsked, SubscriptionNotAllowed
from steward_graphql.execution.answers import Answer, Request, assembled, refusal
from steward_graphql.execution.documents import DocumentRefused, Documents
from steward_graphql.execution.inputs import pythonic
from steward_graphql.execution.metrics import EngineMetrics
from steward_graphql.execution.mutating import Mutating
from steward_graphql.execution.plans import Plans, Standings
from steward_graphql.execution.problems import document_entries, entry, note, told_of
from steward_graphql.execution.querying import Querying
from steward_graphql.execution.run import Run
from steward_graphql.execution.tenants import Tenants, TenantState
from steward_graphql.limits.cost import price
from steward_graphql.limits.trusted import TrustedDocuments
from steward_graphql.schema import registry as registry_of_schemas
from steward_tenants.database.database import Database
from steward_tenants.database.pipeline import Pipelines
from steward_tenants.signin.caller import Caller

__all__ = ["Answer", "Engine", "Request"]

_READ = frozenset({OperationType.QUERY})
_ANSWERED = frozenset({OperationType.QUERY, OperationType.MUTATION})
_SUBSCRIBED = frozenset({OperationType.SUBSCRIPTION})
EXPENSIVE_POINTS = 4_000
"""From this cost on, a statement goes the way of the expensive ones."""
FREE_CHARACTERS, CHARACTERS_PER_POINT = 1_000, 10
"""What a document costs that is not known yet: reading, checking and compiling it is work too, and one that is refused
is never known."""


class Remaining(Protocol):
    """What is left of a client's minute."""

    def headers(self) -> Mapping[str, str]: ...

    def extension(self) -> Mapping[str, int]: ...


class Spending(Protocol):
    """A budget (`limits.budget.Budget`)."""

    async def spend(self, caller: Caller, points: int) -> Any: ...


class Engine:
    """Answers GraphQL for callers that are verified. One for each process; `close` it at the end.

    `api_for` gives the API of a set of plugins. `tools`, `mailer` and `public_url` are handed to functions and
    mutations. Without a `budget` nothing is counted. `introspection` False: the schema may not be asked for.
    """

    def __init__(
        self,
        database: Database,
        *,
        api_for: Callable[[frozenset[str]], Api] | None = None,
        tools: Any = None,
        mailer: Any = None,
        public_url: str = "",
        connections: int = 4,
        pipelines: Pipelines | None = None,
        budget: Spending | None = None,
        introspection: bool = True,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self.database = database
        self.metrics = EngineMetrics(registry)
        self.pipelines = pipelines or Pipelines(database, connections)
        self.tenants = Tenants(database, self.pipelines)
        self.trusted = TrustedDocuments(database, self.pipelines)
        self._api_for = api_for or registry_of_schemas.api_for
        self._tools = tools
        self._mailer = mailer
        self._public_url = public_url
        self._budget = budget
        self._documents = Documents(self.metrics, introspection=introspection)
        self._standings = Standings()
        self._plans = Plans(self.metrics)
        self.metrics.watch_queue(lambda: self.pipelines.waiting)

    async def close(self) -> None:
        """Close the pipelined connections."""
        await self.pipelines.close()

    async def execute(
        self,
        request: Request,
        caller: Caller,
        *,
        locale: str = "zh-CN",
        request_id: str = "",
        allow_mutation: bool = True,
        tell_cost: bool = False,
    ) -> Answer:
        """Answer a query or mutation. Nothing is raised: what goes wrong stands in the answer.

        `tell_cost` (or `extensions: {"cost": true}` in the request) has `extensions.cost` tell points and budget.
        """
        headers: dict[str, str] = {}
        try:
            allowed = _ANSWERED if allow_mutation else _READ
            run, points, remaining = await self._begin(request, caller, locale, request_id, allowed)
            headers = dict(remaining.headers()) if remaining is not None else {}
            told = tell_cost or bool(request.extensions and request.extensions.get("cost") is True)
            extensions = {"cost": _cost(points, remaining)} if told else None
            if run.document.kind is OperationType.MUTATION:
                return self._answered(run, await Mutating(run, self.tenants).answer(), headers, extensions)
            querying = Querying(run)
            await querying.prepare()
            return await self._query(run, querying, headers, extensions)
        except DocumentRefused as refused:
            self.metrics.requests.labels("none", "refused").inc()
            return Answer(
                refusal(document_entries(refused.errors, locale, syntax=refused.syntax)), executed=False, status=400
            )
        except Exception as error:
            self.metrics.requests.labels("none", "refused").inc()
            return _refused(error, locale, request_id, headers)

    async def _query(
        self, run: Run, querying: Querying, headers: dict[str, str], extensions: Mapping[str, Any] | None
    ) -> Answer:
        if run.document.plain and extensions is None:
            body = await querying.plain()
            if body is not None:
                self.metrics.answered_queries.inc()
                return Answer(body, executed=True, headers=headers)
        return self._answered(run, await querying.answer(), headers, extensions)

    def _answered(
        self,
        run: Run,
        data: list[tuple[str, bytes | None]] | None,
        headers: dict[str, str],
        extensions: Mapping[str, Any] | None,
    ) -> Answer:
        self.metrics.requests.labels(run.document.kind.value, "errors" if run.errors else "answered").inc()
        return Answer(assembled(data, run.errors, extensions), executed=True, headers=headers)

    async def _begin(
        self, request: Request, caller: Caller, locale: str, request_id: str, allowed: frozenset[OperationType]
    ) -> tuple[Run, int, Remaining | None]:
        """Everything before execution. Raises StewardError, DocumentRefused; MutationNotAllowed and
        SubscriptionNotAllowed for kinds of operations that are not `allowed`."""
        text = await self.trusted.text_of(caller.tenant_id, request.query, request.document_id, request.extensions)
        if not text:
            raise NothingAsked
        state = await self.tenants.of(caller.tenant_id)
        api = self._api_for(state.plugins)
        document = self._documents.known(api, text, request.operation_name)
        if document is None:
            if self._budget is not None:
                await self._budget.spend(caller, max(0, len(text) - FREE_CHARACTERS) // CHARACTERS_PER_POINT)
            document = self._documents.of(api, text, request.operation_name)
        if document.kind not in allowed:
            raise MutationNotAllowed if document.kind is OperationType.MUTATION else SubscriptionNotAllowed
        raw = request.variables or {}
        variables = read_variables(api, document.operation, raw) if document.declares else {}
        points = document.points
        if points is None:
            points = price(api, document.cost, variables).points
            if document.settled:
                document.points = points
        remaining = None if self._budget is None else await self._budget.spend(caller, points)
        self.metrics.points.inc(points)
        run = Run(
            api,
            document,
            variables,
            raw,
            self._standings.of(caller.actor),
            self._asked(caller, state, locale, request_id),
            self._plans,
            self.pipelines,
            self.metrics,
            points >= EXPENSIVE_POINTS,
        )
        return run, points, remaining

    def _asked(self, caller: Caller, state: TenantState, locale: str, request_id: str) -> Asked:
        today = datetime.now(state.zone).date()
        return Asked(
            caller,
            self.database,
            today,
            state.zone,
            locale,
            request_id,
            self._tools,
            self._mailer,
            self._public_url,
        )

    async def subscribe(
        self,
        request: Request,
        caller: Caller,
        *,
        locale: str = "zh-CN",
        request_id: str = "",
        recheck: Callable[[], Awaitable[Caller]] | None = None,
    ) -> AsyncIterator[bytes]:
        """The bodies of a subscription, one for each change. What is refused is told in one body, and that is the end.

        `recheck` is awaited before each body and gives the caller as it stands then, or raises StewardError. Raises
        SubscriptionNotAllowed when the operation is no subscription.
        """
        try:
            run, _, _ = await self._begin(request, caller, locale, request_id, _SUBSCRIBED)
            field, changes = self._changes(run)
        except (SubscriptionNotAllowed, MutationNotAllowed):
            raise SubscriptionNotAllowed from None
        except DocumentRefused as refused:
            yield refusal(document_entries(refused.errors, locale, syntax=refused.syntax))
            return
        except Exception as error:
            yield _refused(error, locale, request_id, {}).body
            return
        self.metrics.requests.labels("subscription", "answered").inc()
        try:
            async for value in changes:
                now = await recheck() if recheck is not None else caller
                current = await self._again(run, now)
                yield await self._changed(current, field, value)
        except Exception as error:
            run.fail(error, (field.key,))
            yield assembled([(field.key, None)], run.errors)
        finally:
            close = getattr(changes, "aclose", None)
            if close is not None:
                await close()

    def _changes(self, run: Run) -> tuple[AskedField, AsyncIterator[Any]]:
        definition = run.document.operation.definition
        fields = run.selections.of([definition.selection_set], frozenset({"Subscription"}))
        subscription_type = run.api.schema.subscription_type
        if len(fields) != 1 or subscription_type is None or fields[0].name not in run.api.subscriptions:
            raise SubscriptionNotAllowed
        (field,) = fields
        subscription = run.api.subscriptions[field.name]
        given = read_arguments(run.api, subscription_type.fields[field.name].args, field.nodes[0], run.variables)
        return field, subscription.changes(run.asked, **pythonic(subscription.arguments, given))

    async def _again(self, run: Run, caller: Caller) -> Run:
        """The same request at the present day, for the caller as it is now."""
        state = await self.tenants.of(caller.tenant_id)
        asked = self._asked(caller, state, run.asked.locale, run.asked.request_id)
        return replace(run, known=self._standings.of(caller.actor), asked=asked, errors=[])

    async def _changed(self, run: Run, field: AskedField, value: Any) -> bytes:
        completion = run.completion()
        try:
            tree = completion.tree(run.api.subscriptions[field.name].result, value, field)
            text = await run.written(tree, completion.refs, (field.key,))
        except Exception as error:
            run.fail(error, (field.key,))
            text = None
        return assembled([(field.key, None if text is None else text.encode())], run.errors)


def _cost(points: int, remaining: Any) -> dict[str, int]:
    return {"points": points, **(remaining.extension() if remaining is not None else {})}


def _refused(error: Exception, locale: str, request_id: str, headers: Mapping[str, str]) -> Answer:
    told = told_of(error)
    note(error, told, request_id)
    return Answer(refusal([entry(told, locale)]), False, {**headers, **told.headers()}, told.status)
