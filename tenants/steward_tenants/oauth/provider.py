"""The provider's endpoints. Edge-level: each opens its own transactions over `Database`.

Authlib's grants cannot await, so they run in a thread, each in one blocking transaction. That commits also when the
answer is an OAuth error, as a used-up code and an ended family of tokens must stay so; it is undone by any exception.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidClientError, UnauthorizedClientError

from steward_tenants.access.permissions import catalogue
from steward_tenants.database.actor import ActorKind
from steward_tenants.database.blocking import BlockingSession
from steward_tenants.database.database import Database
from steward_tenants.database.vault import Vault
from steward_tenants.directory.models import TenantStatus
from steward_tenants.errors import TenantNotFound, TenantSuspended, Unauthenticated
from steward_tenants.oauth.authentication import READER
from steward_tenants.oauth.errors import ConfirmationInvalid, NotAPersonsSession
from steward_tenants.oauth.grants import active_user, server_for
from steward_tenants.oauth.keys import ALGORITHM, SigningKeys, current_keys
from steward_tenants.oauth.queries import membership_standing
from steward_tenants.oauth.requests import Answer, OAuthParameters
from steward_tenants.oauth.rules import AUTH_METHODS, GRANT_TYPES, IDENTITY_SCOPES, parse_client_id, scopes_of
from steward_tenants.oauth.server import TenantAuthorizationServer
from steward_tenants.oauth.tokens import Issuer
from steward_tenants.people.models import User
from steward_tenants.signin.caller import Caller
from steward_tenants.signin.models import SignInSession
from steward_tenants.texts import Bilingual

CONFIRM_SECONDS = 600
"""How long a person may look at the page that asks for a confirmation."""
FRESH_SECONDS = 120
"""A sign-in this young counts as made for the request at hand (`prompt=login`, a small `max_age`)."""
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
IDENTITY_TITLES = {
    "openid": Bilingual("确认您的身份", "Know who you are"),
    "profile": Bilingual("查看您的姓名和登录名", "See your name and login"),
    "offline_access": Bilingual("在您离开后继续访问（30 天内）", "Keep access while you are away (30 days)"),
}

T = TypeVar("T")


class ClientAttempts(Protocol):
    """A limit on attempts per client and address, over `signin.throttle` or another counter."""

    async def begin(self, key: str) -> None:
        """Count an attempt. Raises TooManyAttempts."""

    async def succeeded(self, key: str) -> None:
        """It was a good one."""


@dataclass(frozen=True)
class Person:
    """The signed-in person who authorizes a client, for Authlib."""

    id: UUID
    signed_in_at: datetime


@dataclass(frozen=True)
class Consent:
    """What a person is asked to confirm. `fields` is what a confirming POST sends back, `confirmation` included."""

    client_name: str
    person: str
    redirect_uri: str
    scopes: tuple[tuple[str, Bilingual], ...]
    fields: Mapping[str, str]


class Provider:
    """The OAuth 2.0 and OpenID Connect provider of all tenants."""

    def __init__(self, database: Database, issuer: Issuer, attempts: ClientAttempts | None = None) -> None:
        self.database = database
        self.issuer = issuer
        self._attempts = attempts

    async def token(self, parameters: OAuthParameters, *, address: str = "", request_id: str = "") -> Answer:
        """The token endpoint. Raises TooManyAttempts."""
        return await self._for_client(
            parameters, address, request_id, lambda server: server.create_token_response(server.request)
        )

    async def revoke(self, parameters: OAuthParameters, *, address: str = "", request_id: str = "") -> Answer:
        """The revocation endpoint (RFC 7009). Raises TooManyAttempts."""
        return await self._for_client(
            parameters,
            address,
            request_id,
            lambda server: server.create_endpoint_response("revocation", server.request),
        )

    async def introspect(self, parameters: OAuthParameters, *, address: str = "", request_id: str = "") -> Answer:
        """The introspection endpoint (RFC 7662). Raises TooManyAttempts."""
        people: list[User] = []

        def run(server: TenantAuthorizationServer) -> Answer:
            answer: Answer = server.create_endpoint_response("introspection", server.request)
            if server.introspected is not None:
                people.append(server.introspected)
            return answer

        answer = await self._for_client(parameters, address, request_id, run)
        for user in people:
            async with self.database.directory() as directory:
                if await membership_standing(directory, user.tenant_id, user.account_id) is None:
                    return Answer(200, {"active": False}, answer.headers)
        return answer

    async def consider(
        self, parameters: OAuthParameters, caller: Caller | None, *, request_id: str = ""
    ) -> Consent | Answer:
        """GET of the authorization endpoint: what to confirm, or an answer for the client.

        Raises Unauthenticated, NotAPersonsSession, TenantSuspended.
        """

        def run(session: BlockingSession, server: TenantAuthorizationServer) -> Consent | Answer:
            try:
                redirect_uri, _ = self._considered(session, server, parameters, caller)
                if parameters.get("prompt") == "none":
                    raise OAuth2Error(error="consent_required", redirect_uri=redirect_uri)
            except OAuth2Error as error:
                return self._refusal(server, error)
            assert caller is not None
            return self._consent(session, server, parameters, caller)

        return await self._for_person(parameters, request_id, run)

    async def decide(self, parameters: OAuthParameters, caller: Caller | None, *, request_id: str = "") -> Answer:
        """POST of the authorization endpoint, the fields of a `Consent` with `decision` `allow` or `deny`.

        Raises Unauthenticated, NotAPersonsSession, TenantSuspended, ConfirmationInvalid.
        """
        asked = _asked(parameters)

        def run(session: BlockingSession, server: TenantAuthorizationServer) -> Answer:
            try:
                _, person = self._considered(session, server, asked, caller)
                assert caller is not None
                if not is_confirmed(session.vault, caller, asked, parameters.get("confirmation")):
                    raise ConfirmationInvalid
                server.act_as(caller.actor)
                grant = server.get_authorization_grant(server.request)
                allowed = person if parameters.get("decision") == "allow" else None
                answer: Answer = server.create_authorization_response(server.request, allowed, grant)
            except OAuth2Error as error:
                return self._refusal(server, error)
            return answer

        return await self._for_person(asked, request_id, run)

    async def jwks(self) -> dict[str, Any]:
        """The public keys."""
        return (await current_keys(self.database)).jwks()

    def metadata(self) -> dict[str, Any]:
        """What this provider can do (RFC 8414, OpenID Connect Discovery)."""
        base = self.issuer.name
        return {
            "issuer": base,
            "authorization_endpoint": f"{base}/oauth/authorize",
            "token_endpoint": f"{base}/oauth/token",
            "revocation_endpoint": f"{base}/oauth/revoke",
            "introspection_endpoint": f"{base}/oauth/introspect",
            "userinfo_endpoint": f"{base}/oauth/userinfo",
            "jwks_uri": f"{base}/oauth/jwks",
            "scopes_supported": [*sorted(IDENTITY_SCOPES), *(p.key for p in catalogue.all())],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": list(GRANT_TYPES),
            "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
            "revocation_endpoint_auth_methods_supported": list(AUTH_METHODS),
            "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "prompt_values_supported": ["none", "login", "consent"],
            "claims_supported": ["sub", "tenant", "auth_time", "nonce", "name", "preferred_username", "locale"],
            "ui_locales_supported": ["zh-CN", "en"],
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
        }

    async def _for_client(
        self,
        parameters: OAuthParameters,
        address: str,
        request_id: str,
        run: Callable[[TenantAuthorizationServer], Answer],
    ) -> Answer:
        try:
            client_id = parameters.client_id()
            pair = parse_client_id(client_id or "")
            if pair is None:
                raise _unknown_client()
            await self._check_tenant(pair[0])
        except OAuth2Error as error:
            return plain_refusal(error)
        if self._attempts is not None:
            await self._attempts.begin(f"{client_id}@{address}")
        answer = await self._in_thread(pair[0], parameters, request_id, lambda _session, server: run(server))
        if self._attempts is not None and answer.body.get("error") != "invalid_client":
            await self._attempts.succeeded(f"{client_id}@{address}")
        return Answer(answer.status, answer.body, {**answer.headers, **NO_STORE})

    async def _check_tenant(self, tenant_id: UUID) -> None:
        try:
            status = await self.database.status(tenant_id)
        except TenantNotFound:
            raise _unknown_client() from None
        if status is not TenantStatus.ACTIVE:
            raise UnauthorizedClientError("The tenant is suspended.")

    async def _for_person(
        self,
        parameters: OAuthParameters,
        request_id: str,
        run: Callable[[BlockingSession, TenantAuthorizationServer], T],
    ) -> T | Answer:
        pair = parse_client_id(parameters.get("client_id") or "")
        try:
            if pair is None:
                raise InvalidClientError("The client does not exist on this server.")
            if await self.database.status(pair[0]) is not TenantStatus.ACTIVE:
                raise TenantSuspended
        except TenantNotFound:
            return plain_refusal(InvalidClientError("The client does not exist on this server."))
        except OAuth2Error as error:
            return plain_refusal(error)
        return await self._in_thread(pair[0], parameters, request_id, run)

    async def _in_thread(
        self,
        tenant_id: UUID,
        parameters: OAuthParameters,
        request_id: str,
        run: Callable[[BlockingSession, TenantAuthorizationServer], T],
    ) -> T:
        keys = await current_keys(self.database)
        return await asyncio.to_thread(self._blocking, tenant_id, parameters, request_id, keys, run)

    def _blocking(
        self,
        tenant_id: UUID,
        parameters: OAuthParameters,
        request_id: str,
        keys: SigningKeys,
        run: Callable[[BlockingSession, TenantAuthorizationServer], T],
    ) -> T:
        with self.database.blocking(tenant_id, READER, request_id=request_id) as session:
            return run(session, server_for(session, self.issuer, keys, parameters))

    def _considered(
        self,
        session: BlockingSession,
        server: TenantAuthorizationServer,
        parameters: OAuthParameters,
        caller: Caller | None,
    ) -> tuple[str, Person]:
        """The checked redirect address and the person. Raises OAuth2Error, Unauthenticated, NotAPersonsSession."""
        redirect_uri: str = server.get_consent_grant(server.request).redirect_uri
        person = _person(session, caller)
        if person is not None and not _is_fresh(person, parameters):
            person = None
        if person is None:
            if parameters.get("prompt") == "none":
                raise OAuth2Error(error="login_required", redirect_uri=redirect_uri)
            raise Unauthenticated
        return redirect_uri, person

    def _consent(
        self,
        session: BlockingSession,
        server: TenantAuthorizationServer,
        parameters: OAuthParameters,
        caller: Caller,
    ) -> Consent:
        user = active_user(session, caller.actor.id)
        client = server.query_client(parameters.get("client_id") or "")
        if user is None or client is None:
            raise Unauthenticated
        scopes = scopes_of(client.get_allowed_scope(parameters.get("scope")))
        return Consent(
            client.row.name,
            user.name,
            parameters.values["redirect_uri"],
            tuple((scope, scope_title(scope)) for scope in sorted(scopes)),
            {**parameters.values, "confirmation": confirmation(session.vault, caller, parameters)},
        )

    @staticmethod
    def _refusal(server: TenantAuthorizationServer, error: OAuth2Error) -> Answer:
        error.state = server.request.payload.state
        answer: Answer = server.handle_error_response(server.request, error)
        return Answer(answer.status, answer.body, {**answer.headers, **NO_STORE})


def plain_refusal(error: OAuth2Error) -> Answer:
    """An OAuth error as the JSON of RFC 6749."""
    status, body, headers = error()
    return Answer(status, body, {**dict(headers), **NO_STORE})


def scope_title(scope: str) -> Bilingual:
    """What a scope lets a client do, for people."""
    permission = catalogue.get(scope)
    return permission.title if permission else IDENTITY_TITLES.get(scope, Bilingual(scope, scope))


def confirmation(vault: Vault, caller: Caller, parameters: OAuthParameters) -> str:
    """Proof that this session was shown this very request: no other page can have it confirmed."""
    until = int((datetime.now(UTC) + timedelta(seconds=CONFIRM_SECONDS)).timestamp())
    return f"{until}.{_proof(vault, caller, parameters, until)}"


def is_confirmed(vault: Vault, caller: Caller, parameters: OAuthParameters, given: str | None) -> bool:
    """Whether `given` is the `confirmation` of this request and not too old."""
    until, _, proof = (given or "").partition(".")
    if not (until.isascii() and until.isdecimal() and len(until) < 12):
        return False
    fresh = int(until) > datetime.now(UTC).timestamp()
    return fresh and hmac.compare_digest(proof.encode(), _proof(vault, caller, parameters, int(until)).encode())


def _proof(vault: Vault, caller: Caller, parameters: OAuthParameters, until: int) -> str:
    shown = [str(caller.tenant_id), str(caller.sign_in_session_id), until, sorted(parameters.values.items())]
    return vault.digest(json.dumps(shown), "oauth/confirmation")


def _asked(parameters: OAuthParameters) -> OAuthParameters:
    own = {name: value for name, value in parameters.values.items() if name not in ("confirmation", "decision")}
    return OAuthParameters(parameters.method, own, parameters.authorization)


def _person(session: BlockingSession, caller: Caller | None) -> Person | None:
    """The person at the screen, when signed in to the client's own tenant."""
    if caller is None or caller.tenant_id != session.tenant_id:
        return None
    if caller.scopes is not None or caller.sign_in_session_id is None or caller.actor.kind is not ActorKind.USER:
        raise NotAPersonsSession
    signed_in = session.find(SignInSession, SignInSession.id == caller.sign_in_session_id)
    if signed_in is None or signed_in.subject_id != caller.actor.id:
        return None
    return Person(caller.actor.id, signed_in.created_at)


def _is_fresh(person: Person, parameters: OAuthParameters) -> bool:
    limits = []
    if "login" in (parameters.get("prompt") or "").split():
        limits.append(FRESH_SECONDS)
    if (max_age := parameters.get("max_age")) is not None:
        limits.append(max(FRESH_SECONDS, int(max_age[:9])))
    age = (datetime.now(UTC) - person.signed_in_at).total_seconds()
    return all(age <= limit for limit in limits)


def _unknown_client() -> InvalidClientError:
    return InvalidClientError("The client does not exist on this server.", status_code=401)
