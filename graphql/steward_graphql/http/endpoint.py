"""GraphQL over HTTP as a bare ASGI application: this is the hot path, so a request passes through little."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol

from steward_graphql.execution.answers import Answer, Request
from steward_graphql.http import events, graphiql, sockets
from steward_graphql.http.calls import Call, Receive, Scope, Send, headers_of
from steward_graphql.http.errors import (
    BatchRefused,
    MethodRefused,
    NotAcceptable,
    RequestTooLarge,
    UnsupportedContent,
    malformed,
)
from steward_graphql.http.negotiation import EVENTS, HTML, JSON, RESPONSE_JSON, is_json, wanted_locale, wanted_types
from steward_graphql.http.parameters import read_json, request_of, request_of_address
from steward_graphql.http.refusals import known, raw, refusal
from steward_graphql.http.streams import Streams
from steward_tenants.errors import StewardError
from steward_tenants.signin.caller import Caller

Authenticate = Callable[[Scope], Awaitable[Caller]]

MOST_BODY_BYTES = 1_000_000
_TYPES = {kind: f"{kind}; charset=utf-8".encode() for kind in (JSON, RESPONSE_JSON)}
_LOCALES = {"zh-CN": (b"content-language", b"zh-CN"), "en": (b"content-language", b"en")}
_NO_STORE = (b"cache-control", b"no-store")
_VARY = (b"vary", b"accept, accept-language")
_REFUSED_DOCUMENT = frozenset({400, 422})


class Runs(Protocol):
    """What the endpoint needs of an engine."""

    async def execute(
        self, request: Request, caller: Caller, *, locale: str, request_id: str, allow_mutation: bool
    ) -> Answer:
        """Answer one operation."""

    def subscribe(
        self,
        request: Request,
        caller: Caller,
        *,
        locale: str,
        request_id: str,
        recheck: Callable[[], Awaitable[Caller]] | None,
    ) -> AsyncIterator[bytes]:
        """The answers of a subscription, as they come."""


class Disconnected(Exception):
    """The client went away while its request was being read."""


class GraphQLEndpoint:
    """Answers GraphQL at its path, and below it serves what the GraphiQL page loads.

    `authenticate(scope)` gives the caller or raises a StewardError; of a request that carries only a cookie it checks
    that it comes from the product's own pages. `public_origin`: scheme and host of those pages. `batching`: how many
    operations a request may carry as a JSON array; 0 refuses arrays.
    """

    def __init__(
        self,
        engine: Runs,
        authenticate: Authenticate,
        *,
        public_origin: str,
        introspection: bool = True,
        graphiql: bool = True,
        batching: int = 0,
        max_body_bytes: int = MOST_BODY_BYTES,
    ) -> None:
        self.engine = engine
        self.authenticate = authenticate
        self.public_origin = public_origin
        self.serves_page = graphiql and introspection
        self.batching = batching
        self.max_body_bytes = max_body_bytes
        self.streams = Streams()
        self.sockets = Streams(sockets.MOST_SOCKETS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await sockets.Socket(self, scope, receive, send).run()
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        locale = wanted_locale(headers.get(b"accept-language", b"").decode("latin-1"))
        call = Call(scope, receive, send, headers, locale, str(scope.get("state", {}).get("request_id", "")))
        try:
            await self._take(call)
        except Disconnected:
            return
        except Exception as error:  # the last place that can tell a caller anything
            await _refuse(call, known(error, call.request_id))

    async def _take(self, call: Call) -> None:
        method = call.scope["method"]
        if method == "OPTIONS":
            await _send(call.send, 204, b"", [*raw(MethodRefused().headers()), _NO_STORE])
            return
        if method not in ("GET", "POST"):
            raise MethodRefused
        wanted = wanted_types(call.headers.get(b"accept", b"").decode("latin-1"))
        if method == "GET" and self.serves_page and await graphiql.serve(call.scope, wanted, call.send, call.locale):
            return
        kind = _chosen(wanted)
        if kind != EVENTS:
            call.kind = kind
        if call.posted:
            _check_content(call.headers)
        caller = await self.authenticate(call.scope)
        if kind == EVENTS:
            await events.stream(self, call, await self._single(call), caller)
        else:
            await self._run(call, caller)

    async def _run(self, call: Call, caller: Caller) -> None:
        if call.posted:
            given = read_json(await self._body(call))
            if isinstance(given, list):
                await self._batch(call, given, caller)
                return
            request = request_of(given)
        else:
            request = request_of_address(call.scope.get("query_string", b""))
        answer = await self.engine.execute(
            request, caller, locale=call.locale, request_id=call.request_id, allow_mutation=call.posted
        )
        await _send(
            call.send,
            status_of(answer, call.kind),
            answer.body,
            [(b"content-type", _TYPES[call.kind]), _LOCALES[call.locale], _NO_STORE, _VARY, *raw(answer.headers)],
        )

    async def _single(self, call: Call) -> Request:
        if not call.posted:
            return request_of_address(call.scope.get("query_string", b""))
        given = read_json(await self._body(call))
        if isinstance(given, list):
            raise BatchRefused(limit=1, actual=len(given))
        return request_of(given)

    async def _batch(self, call: Call, given: list[Any], caller: Caller) -> None:
        if len(given) > self.batching:
            raise BatchRefused(limit=max(1, self.batching), actual=len(given))
        if not given:
            raise malformed("数组为空。", "the array is empty.")
        requests = [request_of(one) for one in given]
        bodies = []
        headers: dict[str, str] = {}
        for request in requests:
            answer = await self.engine.execute(
                request, caller, locale=call.locale, request_id=call.request_id, allow_mutation=True
            )
            bodies.append(answer.body)
            headers.update(answer.headers)
        body = b"[" + b",".join(bodies) + b"]"
        told = [(b"content-type", _TYPES[call.kind]), _LOCALES[call.locale], _NO_STORE, _VARY, *raw(headers)]
        await _send(call.send, 200, body, told)

    async def _body(self, call: Call) -> bytes:
        """The request's body. Raises RequestTooLarge, Disconnected."""
        length = call.headers.get(b"content-length", b"")
        if length.isdigit() and (len(length) > 18 or int(length) > self.max_body_bytes):
            raise RequestTooLarge(limit=self.max_body_bytes)
        message = await call.receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            body: bytes = message.get("body", b"")
            if len(body) > self.max_body_bytes:
                raise RequestTooLarge(limit=self.max_body_bytes)
            return body
        parts, seen = [], 0
        while True:
            if message["type"] == "http.disconnect":
                raise Disconnected
            parts.append(message.get("body", b""))
            seen += len(parts[-1])
            if seen > self.max_body_bytes:
                raise RequestTooLarge(limit=self.max_body_bytes)
            if not message.get("more_body"):
                return b"".join(parts)
            message = await call.receive()


def status_of(answer: Answer, kind: str) -> int:
    """The status of an answer. `application/json` says 200 of a document that was refused, as older clients expect;
    what was refused before the document was looked at keeps its own status."""
    if answer.executed:
        return 200
    status: int = answer.status
    return 200 if kind == JSON and status in _REFUSED_DOCUMENT else status


def _chosen(wanted: tuple[str, ...]) -> str:
    for kind in wanted:
        if kind != HTML:
            return kind
    raise NotAcceptable


def _check_content(headers: Mapping[bytes, bytes]) -> None:
    if not is_json(headers.get(b"content-type", b"").decode("latin-1")):
        raise UnsupportedContent
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise UnsupportedContent


async def _refuse(call: Call, error: StewardError) -> None:
    body = refusal(error, call.locale)
    headers = [(b"content-type", _TYPES[call.kind]), _LOCALES[call.locale], _NO_STORE, _VARY, *raw(error.headers())]
    await _send(call.send, error.status, body, headers)


async def _send(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    if status != 204:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
