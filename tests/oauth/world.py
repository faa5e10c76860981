"""A small application with the OAuth endpoints, a browser of a signed-in person, and clients in two tenants."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import httpx2
from fastapi import FastAPI, Request
from sqlalchemy import select

from steward_server.api import oauth, problems
from steward_server.api.edge import SESSION_COOKIE, Edge, current_caller
from steward_tenants.access.permissions import CLIENTS_CONNECT, CLIENTS_MANAGE, FILES_USE, PEOPLE_VIEW, UNITS_VIEW
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.oauth.authentication import AccessTokenAuthenticator
from steward_tenants.oauth.rules import ClientPlan
from steward_tenants.oauth.service import ClientSecret, connect_client, create_client
from steward_tenants.people.models import User
from steward_tenants.signin.authentication import SessionAuthenticator
from steward_tenants.signin.models import SignInSession
from steward_tenants.signin.tokens import digest, new_session_token
from tests.factories import TESTS, actor_with, assign, make_member, make_role, make_tenant

ISSUER = "https://steward.test"
REDIRECT = "https://boss.test/callback"
OTHER_REDIRECT = "https://boss.test/other?here=1"
VERIFIER = "v" * 64
ADMIN = actor_with(CLIENTS_MANAGE)
CONNECTOR = actor_with(CLIENTS_CONNECT)


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


class _Origins:
    async def allowed(self, _origin: str, _tenant_id: UUID) -> bool:
        return False


def make_app(database: Database) -> FastAPI:
    """The endpoints, and `/whoami` behind the same authentication as the rest of the product."""
    app = FastAPI()
    edge = app.state.edge = SimpleNamespace(
        database=database,
        settings=SimpleNamespace(public_url=ISSUER),
        sessions=SessionAuthenticator(database),
        access_tokens=AccessTokenAuthenticator(database, ISSUER, ISSUER),
        origins=_Origins(),
        own_origin=ISSUER,
        address=lambda _request: "192.0.2.1",
    )
    edge.verified = partial(Edge.verified, cast(Edge, edge))
    edge.from_own_page = partial(Edge.from_own_page, cast(Edge, edge))
    problems.install(app)
    app.include_router(oauth.router)

    @app.get("/whoami")
    async def whoami(request: Request) -> dict[str, Any]:
        caller = await current_caller(request)
        return {
            "kind": caller.actor.kind,
            "id": str(caller.actor.id),
            "tenant": str(caller.tenant_id),
            "permissions": sorted(caller.actor.permissions),
        }

    return app


@dataclass
class Company:
    """A tenant with one person who holds `people.view` and `units.view`, signed in."""

    tenant_id: UUID
    user: User
    session_token: str

    async def client(self, database: Database, **values: Any) -> ClientSecret:
        """A new API client; a BOSS that acts for people unless `values` say otherwise."""
        plan = ClientPlan(
            **{
                "name": f"BOSS {secrets.token_hex(4)}",
                "grant_types": ("authorization_code", "refresh_token"),
                "permissions": (PEOPLE_VIEW.key, FILES_USE.key),
                "redirect_uris": (REDIRECT, OTHER_REDIRECT),
                **values,
            }
        )
        async with database.write(self.tenant_id, ADMIN) as session:
            made = await create_client(session, plan)
        async with database.write(self.tenant_id, CONNECTOR) as session:
            return await connect_client(session, made.id)

    async def machine(self, database: Database, **values: Any) -> ClientSecret:
        """A new API client that acts for itself."""
        own = {"grant_types": ("client_credentials",), "redirect_uris": ()}
        return await self.client(database, **{**own, **values})

    async def actions(self, database: Database) -> list[str]:
        """The audit trail's actions, oldest first."""
        async with database.read(self.tenant_id, TESTS) as session:
            statement = select(AuditEvent.action).where(session.within(AuditEvent)).order_by(AuditEvent.id)
            return list(await session.scalars(statement))


async def make_company(database: Database) -> Company:
    """A new tenant with its signed-in person."""
    tenant_id = await make_tenant(database)
    user = await make_member(database, tenant_id)
    token = new_session_token(tenant_id)
    async with database.write(tenant_id, TESTS) as session:
        assign(session, user, make_role(session, [PEOPLE_VIEW, UNITS_VIEW]))
        session.add(
            SignInSession(
                id=new_id(),
                subject_id=user.id,
                account_id=user.account_id,
                token_digest=digest(token),
                expires_at=datetime.now(UTC) + timedelta(hours=8),
            )
        )
    return Company(tenant_id, user, token)


@dataclass
class World:
    """The application, reached over ASGI."""

    database: Database
    app: FastAPI = field(init=False)
    http: httpx2.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        self.app = make_app(self.database)
        self.http = httpx2.AsyncClient(transport=self.transport(), base_url=ISSUER)

    def transport(self) -> httpx2.ASGITransport:
        """For clients of their own making."""
        return httpx2.ASGITransport(app=self.app)

    def browser(self, company: Company) -> httpx2.AsyncClient:
        """A browser with the session cookie of the company's person."""
        return httpx2.AsyncClient(
            transport=self.transport(), base_url=ISSUER, cookies={SESSION_COOKIE: company.session_token}
        )

    async def confirm(self, company: Company, query: Mapping[str, str], decision: str = "allow") -> httpx2.Response:
        """Open the authorization page and confirm it."""
        async with self.browser(company) as browser:
            asked = await browser.get("/oauth/authorize", params=dict(query))
            assert asked.status_code == 200, asked.text
            fields = {**asked.json()["fields"], "decision": decision}
            return await browser.post("/oauth/authorize", data=fields, headers={"Origin": ISSUER})

    def query(self, client: ClientSecret, **values: str) -> dict[str, str]:
        """The parameters of an authorization request."""
        return {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": REDIRECT,
            "scope": "openid profile offline_access people.view",
            "state": "s-1",
            "nonce": "n-1",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            **values,
        }

    async def code(self, company: Company, client: ClientSecret, **values: str) -> str:
        """A fresh code."""
        confirmed = await self.confirm(company, self.query(client, **values))
        assert confirmed.status_code == 303, confirmed.text
        return sent_back(confirmed)["code"]

    async def token(self, client: ClientSecret, **form: str) -> httpx2.Response:
        """A token request, by basic authentication or as a public client."""
        if client.secret is None:
            return await self.http.post("/oauth/token", data={"client_id": client.client_id, **form})
        return await self.http.post("/oauth/token", data=form, auth=(client.client_id, client.secret))

    async def redeem(self, client: ClientSecret, code: str, **values: str) -> httpx2.Response:
        """Use a code."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
        return await self.token(client, **{**form, **values})

    async def tokens(self, company: Company, client: ClientSecret, **values: str) -> dict[str, Any]:
        """Tokens by the whole code flow."""
        answer = await self.redeem(client, await self.code(company, client, **values))
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def refresh(self, client: ClientSecret, refresh_token: str, **form: str) -> httpx2.Response:
        """Use a refresh token."""
        return await self.token(client, grant_type="refresh_token", refresh_token=refresh_token, **form)

    async def own_token(self, client: ClientSecret, **form: str) -> str:
        """An access token by client credentials."""
        answer = await self.token(client, grant_type="client_credentials", **form)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def whoami(self, access_token: str) -> httpx2.Response:
        """Use an access token."""
        return await self.http.get("/whoami", headers={"Authorization": f"Bearer {access_token}"})


def sent_back(response: httpx2.Response) -> dict[str, str]:
    """The parameters with which a browser is sent back to the client."""
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))
