"""An engine over a schema of three fields, an endpoint around it, and a client that speaks ASGI to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from graphql import (
    DocumentNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    build_schema,
    graphql_sync,
    parse,
    validate,
)
from graphql.execution import get_variable_values

from steward_graphql.errors import MutationNotAllowed, SubscriptionNotAllowed
from steward_graphql.execution.answers import Answer, Request
from steward_graphql.execution.problems import dumped, entry
from steward_graphql.http.endpoint import GraphQLEndpoint
from steward_tenants.errors import StewardError, Unauthenticated
from steward_tenants.signin.caller import Caller
from tests.factories import actor_with

SCHEMA = build_schema(
    "type Query { hello: String echo(text: String!): String } type Mutation { change: String }"
    " type Subscription { ticks: Int }"
)
ORIGIN = "https://steward.example"
TENANT = UUID(int=1)
TOKEN = "Bearer abc"


class SmallEngine:
    """Stands where the engine will: answers by graphql-core, subscriptions from a queue. Notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.callers: list[tuple[Caller, str]] = []
        self.ticks: asyncio.Queue[int | None] = asyncio.Queue()
        self.open = 0
        self.error: Exception | None = None

    def _operation(self, document: DocumentNode, name: str | None) -> OperationDefinitionNode:
        found = [
            one
            for one in document.definitions
            if isinstance(one, OperationDefinitionNode) and (not name or (one.name and one.name.value == name))
        ]
        return found[0]

    async def execute(
        self, request: Request, caller: Caller, *, locale: str, request_id: str, allow_mutation: bool
    ) -> Answer:
        self.asked.append(request)
        self.callers.append((caller, request_id))
        if self.error is not None:
            raise self.error
        try:
            return self._executed(request, locale, allow_mutation)
        except StewardError as error:
            return Answer(dumped({"errors": [entry(error, locale)]}), False, error.headers(), error.status)

    def _executed(self, request: Request, locale: str, allow_mutation: bool) -> Answer:
        try:
            document = parse(request.query or "")
            if errors := validate(SCHEMA, document):
                raise errors[0]
            operation = self._operation(document, request.operation_name)
            read = get_variable_values(SCHEMA, operation.variable_definitions or (), dict(request.variables or {}))
            if isinstance(read, list):
                raise read[0]
        except GraphQLError as error:
            return Answer(dumped({"errors": [error.formatted]}), False, {}, 400)
        if operation.operation is OperationType.MUTATION and not allow_mutation:
            raise MutationNotAllowed
        if operation.operation is OperationType.SUBSCRIPTION:
            raise SubscriptionNotAllowed
        values = {"hello": locale, "echo": lambda _, text: text, "change": "changed"}
        done = graphql_sync(
            SCHEMA,
            request.query or "",
            values,
            variable_values=dict(request.variables or {}),
            operation_name=request.operation_name,
        )
        return Answer(dumped(done.formatted), True, {"X-Budget-Remaining": "7"})

    async def subscribe(
        self,
        request: Request,
        caller: Caller,
        *,
        locale: str,
        request_id: str,
        recheck: Callable[[], Awaitable[Caller]] | None,
    ) -> AsyncIterator[bytes]:
        if "subscription" not in (request.query or ""):
            raise SubscriptionNotAllowed
        self.callers.append((caller, request_id))
        self.open += 1
        try:
            while (tick := await self.ticks.get()) is not None:
                if recheck is not None:
                    await recheck()
                yield dumped({"data": {"ticks": tick}, "extensions": {"locale": locale}})
        finally:
            self.open -= 1


@dataclass
class Door:
    """Authentication as a test wants it: one token, one cookie, and a switch."""

    caller: Caller = field(
        default_factory=lambda: Caller(TENANT, actor_with(), None, datetime.now(UTC) + timedelta(hours=1))
    )
    refusing: StewardError | None = None
    asked: int = 0

    async def __call__(self, scope: MutableMapping[str, Any]) -> Caller:
        self.asked += 1
        if self.refusing is not None:
            raise self.refusing
        headers = dict(scope["headers"])
        if headers.get(b"authorization", b"").decode() == TOKEN:
            return self.caller
        if headers.get(b"cookie") == b"steward_session=sts.x":
            own = headers.get(b"origin", b"").decode() == ORIGIN
            if scope["method"] == "GET" or own or b"x-steward-request" in headers:
                return self.caller
            raise _Foreign
        raise Unauthenticated


class _Foreign(StewardError):
    """A page of elsewhere."""

    code = "foreign_origin"
    status = 403


@dataclass
class Answered:
    """A whole answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["errors"][0]["extensions"]["code"])

    @property
    def kind(self) -> str:
        return self.headers["content-type"]


@dataclass
class World:
    """An endpoint with its engine and its door."""

    engine: SmallEngine
    door: Door
    endpoint: GraphQLEndpoint

    async def ask(
        self,
        method: str = "POST",
        *,
        body: Any = None,
        raw: bytes | None = None,
        address: dict[str, str] | bytes | None = None,
        path: str = "/graphql",
        accept: str | None = None,
        kind: str | None = "application/json",
        headers: dict[str, str] | None = None,
        token: str | None = TOKEN,
    ) -> Answered:
        """One request, answered."""
        sent = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        given = {} if kind is None or method != "POST" else {"content-type": kind}
        if accept is not None:
            given["accept"] = accept
        if token is not None:
            given["authorization"] = token
        given.update(headers or {})
        query = address if isinstance(address, bytes) else urlencode(address or {}).encode()
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query,
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
            "state": {"request_id": "r-1"},
        }
        parts = [sent[at : at + 1000] for at in range(0, len(sent), 1000)] or [b""]
        messages = [
            {"type": "http.request", "body": part, "more_body": place < len(parts) - 1}
            for place, part in enumerate(parts)
        ]

        async def receive() -> Any:
            return messages.pop(0) if messages else await asyncio.Event().wait()

        start: dict[str, Any] = {}
        got = bytearray()

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                assert not start
                start.update(message)
            else:
                got.extend(message.get("body", b""))

        await self.endpoint(scope, receive, send)
        told = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answered(start["status"], told, bytes(got))


def make_world(**options: Any) -> World:
    """A fresh endpoint."""
    engine, door = SmallEngine(), Door()
    return World(engine, door, GraphQLEndpoint(engine, door, public_origin=ORIGIN, **options))
