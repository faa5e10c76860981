"""Around every request, as plain ASGI: its id, limits, headers, CORS, metrics and one log line."""

from __future__ import annotations

import re
import time
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from steward_server.api.edge import Edge
from steward_server.api.errors import BodyTooLarge
from steward_server.api.metrics import Metrics
from steward_server.api.problems import answer, problem
from steward_tenants.structured_logs import structlog

REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{8,64}$")
CORS_HEADERS = "authorization, content-type, accept-language, idempotency-key, x-request-id"
CORS_METHODS = "GET, POST, PATCH, PUT, DELETE"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
EXPOSED_HEADERS = "x-request-id, retry-after, content-language, x-budget-limit, x-budget-remaining, x-budget-reset"
log = structlog.get_logger("steward_server.request")

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-site",
}
CONTENT_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"


class Frame:
    """The outermost layer. A request's id comes from a trusted shape of `X-Request-Id`, or is made here."""

    def __init__(self, app: ASGIApp, edge: Edge, metrics: Metrics) -> None:
        self._app = app
        self._edge = edge
        self._metrics = metrics
        self._https = edge.settings.public_url.startswith("https:")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if REQUEST_ID.match(given) else str(uuid4())
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started, status, begun = time.perf_counter(), 500, False
        origin = headers.get("origin")

        async def send_framed(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                await self._add_headers(MutableHeaders(scope=message), scope, origin, request_id)
            await send(message)

        self._metrics.in_flight.inc()
        try:
            if origin and scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
                await self._preflight(scope, receive, send_framed, origin)
            else:
                await self._run(scope, receive, send_framed)
        except Exception as error:
            if begun:
                raise
            await (await answer(Request(scope), error))(scope, receive, send_framed)
        finally:
            self._metrics.in_flight.dec()
            self._note(scope, status, time.perf_counter() - started)

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = self._edge.settings.max_body_bytes
        too_large = BodyTooLarge(limit=limit)
        length = Headers(scope=scope).get("content-length", "")
        if length.isascii() and length.isdigit() and (len(length) > 18 or int(length) > limit):
            await problem(Request(scope), too_large)(scope, receive, send)
            return
        seen = 0

        async def receive_bounded() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise too_large
            return message

        await self._app(scope, receive_bounded, send)

    async def _preflight(self, scope: Scope, receive: Receive, send: Send, origin: str) -> None:
        response = Response(status_code=204)
        if await self._edge.origins.known(origin):
            response.headers["Access-Control-Allow-Methods"] = CORS_METHODS
            response.headers["Access-Control-Allow-Headers"] = CORS_HEADERS
            response.headers["Access-Control-Max-Age"] = "600"
        await response(scope, receive, send)

    async def _add_headers(self, headers: MutableHeaders, scope: Scope, origin: str | None, request_id: str) -> None:
        headers["X-Request-Id"] = request_id
        for name, value in SECURITY_HEADERS.items():
            headers.setdefault(name, value)
        headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
        headers.setdefault("Cache-Control", "no-store")
        if self._https:
            headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        if origin and origin != self._edge.own_origin:
            headers.add_vary_header("Origin")
            caller = scope["state"].get("caller")
            origins = self._edge.origins
            known = await origins.allowed(origin, caller.tenant_id) if caller else await origins.known(origin)
            if known:
                headers["Access-Control-Allow-Origin"] = origin
                headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.seconds.labels(method, route).observe(seconds)
        caller = scope["state"].get("caller")
        log.info(
            "request",
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            tenant=str(caller.tenant_id) if caller else None,
            actor=caller.actor.kind.value if caller else None,
        )
