"""GraphQL's place in the service: who calls, and a frame around its requests that does as little as it can.

Its requests do not pass the router of the REST service, which would cost a third of a small read; they carry the same
request id, security headers, origins and metrics.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid4

from steward_graphql.execution.engine import Engine
from steward_graphql.http.calls import headers_of
from steward_graphql.http.endpoint import MOST_BODY_BYTES, GraphQLEndpoint
from steward_graphql.limits.budget import Budget
from steward_server.api.edge import REQUEST_HEADER, SAFE_METHODS, SESSION_COOKIE, Edge, bearer
from steward_server.api.errors import ForeignOrigin
from steward_server.api.metrics import Metrics
from steward_server.api.middleware import CORS_HEADERS, CORS_METHODS, EXPOSED_HEADERS, REQUEST_ID, SECURITY_HEADERS
from steward_server.composition import make_run_tools
from steward_tenants.errors import Unauthenticated
from steward_tenants.signin.caller import Caller
from steward_tenants.structured_logs import structlog

PATH = "/graphql"
SLOW_SECONDS = 1.0
_COOKIE = re.compile(r"(?:^|;\s*)" + re.escape(SESSION_COOKIE) + r"=([^;\s]+)")
_FIXED = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_LINK_SAFE = (
    b"content-security-policy",
    b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
)
log = structlog.get_logger("steward_server.request")


class Authenticator:
    """Finds the caller of an ASGI request: by bearer token, or by the session cookie of the product's own pages."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    async def __call__(self, scope: Scope) -> Caller:
        """The caller. Raises Unauthenticated, TenantSuspended, ForeignOrigin."""
        edge = self._edge
        headers = headers_of(scope)
        origin = _text(headers, b"origin")
        token = bearer(_text(headers, b"authorization"))
        if token is None:
            token = session_cookie(_text(headers, b"cookie"))
            if token is None:
                raise Unauthenticated
            changing = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
            own_header = REQUEST_HEADER.encode() in headers
            # A link on a foreign page brings the cookie along, and even reading may be recorded and is counted.
            foreign = headers.get(b"sec-fetch-site") == b"cross-site"
            if foreign or (changing and not edge.from_own_page(origin, own_header=own_header)):
                raise ForeignOrigin
        caller = await edge.verified(token)
        if (
            origin is not None
            and origin != edge.own_origin
            and not await edge.origins.allowed(origin, caller.tenant_id)
        ):
            raise ForeignOrigin
        scope.setdefault("state", {})["caller"] = caller
        return caller


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


def session_cookie(cookies: str | None) -> str | None:
    """The session token among a request's cookies."""
    if cookies is None:
        return None
    found = _COOKIE.search(cookies)
    if found is None:
        return None
    if '"' not in found.group(1):
        return found.group(1)
    try:
        return SimpleCookie(cookies)[SESSION_COOKIE].value
    except (CookieError, KeyError):
        return None


class GraphQLFrame:
    """Request id, headers, origins, metrics and a log line around the endpoint.

    Every request counts in the metrics; the log has those that failed or were slow, and all of them at level debug.
    """

    def __init__(self, app: ASGIApp, edge: Edge, metrics: Metrics) -> None:
        self._app = app
        self._edge = edge
        self._metrics = metrics
        self._seconds = {method: metrics.seconds.labels(method, PATH) for method in ("GET", "POST", "OPTIONS", "other")}
        self._counts: dict[tuple[str, int], Any] = {}
        self._headers = list(_FIXED)
        if edge.settings.public_url.startswith("https:"):
            self._headers.append((b"strict-transport-security", b"max-age=31536000; includeSubDomains"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope.setdefault("state", {})
        headers_given = headers_of(scope)
        given = _text(headers_given, b"x-request-id")
        request_id = given if given and REQUEST_ID.match(given) else str(uuid4())
        state["request_id"] = request_id
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        origin = _text(headers_given, b"origin")
        started, status = time.perf_counter(), 500
        identity = (b"x-request-id", request_id.encode())

        async def send_framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = message.get("headers", ())
                headers = message["headers"] = [*own, identity, *self._headers]
                if b"content-security-policy" not in [name for name, _ in own]:
                    headers.append(_LINK_SAFE)
                if origin is not None and origin != self._edge.own_origin:
                    headers.extend(await self._cross_origin(scope, origin))
            await send(message)

        self._metrics.in_flight.inc()
        try:
            if origin is not None and scope["method"] == "OPTIONS":
                await self._preflight(send_framed, origin)
            else:
                await self._app(scope, receive, send_framed)
        finally:
            self._metrics.in_flight.dec()
            self._note(scope, status, time.perf_counter() - started)

    async def _preflight(self, send: Send, origin: str) -> None:
        headers = []
        if await self._edge.origins.known(origin):
            headers = [
                (b"access-control-allow-methods", CORS_METHODS.encode()),
                (b"access-control-allow-headers", CORS_HEADERS.encode()),
                (b"access-control-max-age", b"600"),
            ]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def _cross_origin(self, scope: Scope, origin: str) -> list[tuple[bytes, bytes]]:
        caller = scope["state"].get("caller")
        origins = self._edge.origins
        known = await origins.allowed(origin, caller.tenant_id) if caller else await origins.known(origin)
        headers = [(b"vary", b"Origin")]
        if known:
            headers.append((b"access-control-allow-origin", origin.encode("latin-1")))
            headers.append((b"access-control-expose-headers", EXPOSED_HEADERS.encode()))
        return headers

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in self._seconds else "other"
        count = self._counts.get((method, status))
        if count is None:
            count = self._counts[(method, status)] = self._metrics.requests.labels(method, PATH, str(status))
        count.inc()
        self._seconds[method].observe(seconds)
        if status < 400 and seconds < SLOW_SECONDS and self._edge.settings.log_level != "debug":
            return
        caller = scope["state"].get("caller")
        log.info(
            "request",
            request_id=scope["state"]["request_id"],
            method=method,
            route=PATH,
            status=status,
            ms=round(seconds * 1000, 1),
            tenant=str(caller.tenant_id) if caller else None,
            actor=caller.actor.kind.value if caller else None,
        )


def make_engine(edge: Edge, metrics: Metrics) -> Engine:
    """The engine over the edge's services."""
    settings = edge.settings
    return Engine(
        edge.database,
        tools=make_run_tools(settings),
        mailer=edge.mailer,
        public_url=settings.public_url,
        pipelines=edge.pipelines,
        budget=Budget(edge.valkey, settings.graphql_budget),
        introspection=settings.graphql_introspection,
        registry=metrics.registry,
    )


def make_endpoint(edge: Edge, engine: Engine, metrics: Metrics) -> GraphQLFrame:
    """The endpoint over the engine, framed."""
    settings = edge.settings
    endpoint = GraphQLEndpoint(
        engine,
        Authenticator(edge),
        public_origin=edge.own_origin,
        introspection=settings.graphql_introspection,
        batching=settings.graphql_batching,
        max_body_bytes=min(settings.max_body_bytes, MOST_BODY_BYTES),
    )
    return GraphQLFrame(endpoint, edge, metrics)
