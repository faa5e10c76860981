"""What every handler reaches: the database, the verifiers of tokens, the stores; and who is calling."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from fastapi import Request

from steward_server.api.errors import ForeignOrigin
from steward_server.api.origins import AllowedOrigins
from steward_server.settings import Settings
from steward_tenants.database.database import Database
from steward_tenants.database.pipeline import Pipelines
from steward_tenants.errors import Unauthenticated
from steward_tenants.files.store import FileStore
from steward_tenants.oauth.authentication import AccessTokenAuthenticator
from steward_tenants.signin.authentication import SessionAuthenticator
from steward_tenants.signin.caller import Caller
from steward_tenants.signin.mail import Mailer
from steward_tenants.valkey import Valkey

SESSION_COOKIE = "steward_session"
SESSION_PREFIX = "sts."
REQUEST_HEADER = "x-steward-request"
"""A header that no foreign page can set without asking first; a cookie alone never changes anything."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass
class Edge:
    """The parts of one process, made once in `application.create_app`."""

    settings: Settings
    database: Database
    valkey: Valkey
    sessions: SessionAuthenticator
    access_tokens: AccessTokenAuthenticator
    mailer: Mailer
    file_store: FileStore
    origins: AllowedOrigins
    pipelines: Pipelines
    _networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = field(init=False)

    def __post_init__(self) -> None:
        self._networks = [ipaddress.ip_network(text, strict=False) for text in self.settings.trusted_proxies]

    @property
    def own_origin(self) -> str:
        """Scheme and host of the product's own pages."""
        parts = urlsplit(self.settings.public_url)
        return f"{parts.scheme}://{parts.netloc}"

    def address(self, request: Request) -> str:
        """The client's address: the peer's, or what the nearest trusted proxy says of it."""
        peer = request.client.host if request.client else ""
        # A proxy may append to the client's own header or add one of its own below it: all of them count.
        forwarded = [part.strip() for part in ",".join(request.headers.getlist("x-forwarded-for")).split(",")]
        while self._trusted(peer) and forwarded and forwarded[-1]:
            peer = forwarded.pop()
        return peer

    async def verified(self, token: str) -> Caller:
        """The caller that bears a token, whichever kind. Raises Unauthenticated, TenantSuspended."""
        if token.startswith(SESSION_PREFIX):
            return await self.sessions.authenticate(token)
        return await self.access_tokens.authenticate(token)

    def from_own_page(self, origin: str | None, *, own_header: bool) -> bool:
        """Whether a changing request that carries only a cookie comes from the product's own pages."""
        return origin == self.own_origin or (origin is None and own_header)

    def _trusted(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)


def current_edge(request: Request) -> Edge:
    """The process's edge."""
    edge: Edge = request.app.state.edge
    return edge


async def current_caller(request: Request) -> Caller:
    """Who calls: by bearer token, or by the session cookie of the product's own pages.

    Raises Unauthenticated, TenantSuspended, ForeignOrigin (a page of an origin that the tenant does not allow, or a
    changing request that carries only a cookie and does not come from the product's own pages).
    """
    edge = current_edge(request)
    token = bearer(request.headers.get("authorization"))
    if token is None:
        token = request.cookies.get(SESSION_COOKIE)
        if token is None:
            raise Unauthenticated
        _check_own_page(request, edge)
    caller = await edge.verified(token)
    request.state.caller = caller
    origin = request.headers.get("origin")
    if origin and origin != edge.own_origin and not await edge.origins.allowed(origin, caller.tenant_id):
        raise ForeignOrigin
    return caller


def bearer(authorization: str | None) -> str | None:
    """The token of an Authorization header."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _check_own_page(request: Request, edge: Edge) -> None:
    origin = request.headers.get("origin")
    own_header = REQUEST_HEADER in request.headers
    if request.method not in SAFE_METHODS and not edge.from_own_page(origin, own_header=own_header):
        raise ForeignOrigin
