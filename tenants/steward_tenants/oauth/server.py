"""Authlib's authorization server over one request, one tenant and one blocking transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, UnsupportedGrantTypeError

from steward_tenants.audit.service import Subject, record_blocking
from steward_tenants.database.actor import Actor
from steward_tenants.database.blocking import BlockingSession
from steward_tenants.database.identifiers import new_id
from steward_tenants.oauth.keys import SigningKeys
from steward_tenants.oauth.models import ApiClient, ApiClientStatus, AuthorizationCode, TokenGrant
from steward_tenants.oauth.queries import client_actor
from steward_tenants.oauth.requests import Answer, OAuthParameters, ProviderRequest
from steward_tenants.oauth.rules import (
    ACCESS_SECONDS,
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    GRANT_TYPES,
    OFFLINE,
    REFRESH_SECONDS,
    allowed_scopes,
    digest,
    new_bearer,
    parse_client_id,
    public_client_id,
    scope_text,
    scopes_of,
    secret_matches,
)
from steward_tenants.oauth.tokens import AccessToken, Issuer, sign_access_token
from steward_tenants.people.models import User


class RegisteredClient(ClientMixin):  # type: ignore[misc]  # Authlib has no types
    """An API client, for Authlib."""

    def __init__(self, row: ApiClient) -> None:
        self.row = row

    def get_client_id(self) -> str:
        return public_client_id(self.row.tenant_id, self.row.id)

    def get_default_redirect_uri(self) -> None:
        """None: every request names its redirect address."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The scopes asked for; all of the client's permissions when none are named. None: more than it may have."""
        asked = scopes_of(scope)
        if not asked:
            return scope_text(self.row.permissions)
        return scope_text(asked) if asked <= self.scopes else None

    @property
    def scopes(self) -> frozenset[str]:
        """All that the client may ask for."""
        return allowed_scopes(self.row.permissions, self.row.grant_types)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.row.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return secret_matches(client_secret, self.row.secret_hash)

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method == self.row.auth_method

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and AUTHORIZATION_CODE in self.row.grant_types

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.row.grant_types


@dataclass
class Issued:
    """A token grant that is being issued, and what its access token says."""

    grant: TokenGrant
    access: AccessToken
    access_token: str


class TenantAuthorizationServer(AuthorizationServer):  # type: ignore[misc]  # Authlib has no types
    """One request's server. Grants and endpoints are registered by `grants.server_for`."""

    def __init__(
        self, session: BlockingSession, issuer: Issuer, keys: SigningKeys, parameters: OAuthParameters
    ) -> None:
        super().__init__()
        self.session = session
        self.issuer = issuer
        self.keys = keys
        self.request = ProviderRequest(parameters)
        self.issued: Issued | None = None
        self.introspected: User | None = None
        self.register_token_generator("default", self._new_token)

    def create_oauth2_request(self, _request: object) -> ProviderRequest:
        """This request, however often Authlib asks."""
        return self.request

    def query_client(self, client_id: str) -> RegisteredClient | None:
        """The active client of this tenant that presents itself so."""
        pair = parse_client_id(client_id)
        if pair is None or pair[0] != self.session.tenant_id:
            return None
        row = self.session.find(ApiClient, ApiClient.id == pair[1], ApiClient.status == ApiClientStatus.ACTIVE)
        return None if row is None else RegisteredClient(row)

    def send_signal(self, name: str, *_args: Any, **kwargs: Any) -> None:
        """Once a client has authenticated itself, what follows is recorded as its doing."""
        if name == "after_authenticate_client":
            self.act_as(client_actor(kwargs["client"].row))

    def act_as(self, actor: Actor) -> None:
        """Have audit events name this actor."""
        self.session.actor = actor

    def get_authorization_grant(self, request: ProviderRequest) -> Any:
        """Only codes are issued; the refusal goes to the client when its redirect address is its own."""
        if request.payload.response_type == "code":
            return super().get_authorization_grant(request)
        client = self.query_client(request.payload.client_id or "")
        redirect_uri = request.payload.redirect_uri
        known = client is not None and client.check_redirect_uri(redirect_uri)
        raise OAuth2Error(
            "Only the response type 'code' is supported.",
            error="unsupported_response_type",
            redirect_uri=redirect_uri if known else None,
        )

    def get_token_grant(self, request: ProviderRequest) -> Any:
        """The grant of this type; an unknown type is not repeated in the answer."""
        if request.payload.grant_type not in GRANT_TYPES:
            raise UnsupportedGrantTypeError("this")
        return super().get_token_grant(request)

    def handle_response(self, status: int, body: Any, headers: Iterable[tuple[str, str]]) -> Answer:
        """An answer; what goes back to a client's redirect address names its issuer (RFC 9207)."""
        fields = dict(headers)
        if "Location" in fields:
            fields["Location"] = with_parameter(fields["Location"], "iss", self.issuer.name)
            return Answer(303, {}, fields)
        return Answer(status, body, fields)

    def save_token(self, _token: dict[str, Any], _request: ProviderRequest) -> None:
        """Store and record what was issued."""
        assert self.issued is not None
        grant = self.issued.grant
        self.session.add(grant)
        record_blocking(
            self.session,
            "oauth.token.issued",
            Subject("token", grant.id),
            after={
                "clientId": grant.client_id,
                "userId": grant.user_id,
                "scope": scope_text(self.issued.access.scopes),
                "grantType": self.request.payload.grant_type,
                "familyId": grant.family_id,
            },
        )

    def _new_token(
        self,
        *,
        grant_type: str,
        client: RegisteredClient,
        user: User | None = None,
        scope: str | None = None,
        expires_in: int | None = None,  # noqa: ARG002 - Authlib passes it
        include_refresh_token: bool = True,
    ) -> dict[str, Any]:
        tenant_id, now = self.session.tenant_id, datetime.now(UTC)
        code: AuthorizationCode | None = getattr(self.request.authorization_code, "row", None)
        earlier: TokenGrant | None = getattr(self.request.refresh_token, "row", None)
        granted = earlier.scope if earlier else scope or ""
        grant = TokenGrant(
            id=new_id(),
            family_id=_family(code, earlier),
            client_id=client.row.id,
            user_id=user.id if user else None,
            scope=granted,
            access_expires_at=now + timedelta(seconds=ACCESS_SECONDS),
        )
        access = AccessToken(
            id=grant.id,
            tenant_id=tenant_id,
            client_id=client.row.id,
            user_id=grant.user_id,
            scopes=scopes_of(scope),
            issued_at=now,
            expires_at=grant.access_expires_at,
            auth_time=code.auth_time if code else None,
        )
        text = sign_access_token(self.keys, self.issuer, access)
        token = {
            "token_type": "Bearer",
            "access_token": text,
            "expires_in": ACCESS_SECONDS,
            "scope": scope_text(access.scopes),
        }
        if include_refresh_token and grant_type != CLIENT_CREDENTIALS and OFFLINE in scopes_of(granted):
            refresh_token = new_bearer(tenant_id)
            token["refresh_token"] = refresh_token
            grant.refresh_digest = digest(refresh_token)
            grant.refresh_expires_at = (
                earlier.refresh_expires_at if earlier else now + timedelta(seconds=REFRESH_SECONDS)
            )
        self.issued = Issued(grant, access, text)
        return token


def _family(code: AuthorizationCode | None, earlier: TokenGrant | None) -> UUID:
    if earlier is not None:
        return earlier.family_id
    return code.family_id if code is not None else new_id()


def with_parameter(uri: str, name: str, value: str) -> str:
    """`uri` with one more query parameter."""
    parts = urlsplit(uri)
    query = [*parse_qsl(parts.query, keep_blank_values=True), (name, value)]
    return urlunsplit(parts._replace(query=urlencode(query)))
