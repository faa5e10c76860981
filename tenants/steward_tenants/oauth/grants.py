"""The grants and endpoints, each single-use step decided by one conditional statement."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    AuthorizationCodeMixin,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    TokenMixin,
    grants,
)
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from sqlalchemy import delete, func, select, update

from steward_tenants.audit.service import Subject, record_blocking
from steward_tenants.database.blocking import BlockingSession
from steward_tenants.oauth.errors import InvalidToken
from steward_tenants.oauth.keys import SigningKeys
from steward_tenants.oauth.models import AuthorizationCode, TokenGrant
from steward_tenants.oauth.queries import Standing, standing_from, standing_statement
from steward_tenants.oauth.requests import OAuthParameters
from steward_tenants.oauth.rules import (
    CODE_SECONDS,
    OPENID,
    PROFILE,
    bearer_tenant,
    digest,
    family_of,
    is_s256_challenge,
    new_bearer,
    public_client_id,
    scope_text,
    scopes_of,
)
from steward_tenants.oauth.server import RegisteredClient, TenantAuthorizationServer
from steward_tenants.oauth.tokens import AccessToken, Issuer, access_claims, read_access_token, sign_identity_token
from steward_tenants.people.models import User, UserStatus

LONGEST_NONCE = 255
EVERY_METHOD = ["client_secret_basic", "client_secret_post", "none"]
WITH_SECRET = ["client_secret_basic", "client_secret_post"]


class UsedCode(AuthorizationCodeMixin):  # type: ignore[misc]  # Authlib has no types
    """A code that has just been used up, for Authlib. `auth_time` is when its person signed in."""

    def __init__(self, row: AuthorizationCode) -> None:
        self.row = row
        self.code_challenge = row.code_challenge
        self.code_challenge_method = "S256"

    def get_redirect_uri(self) -> str:
        return self.row.redirect_uri

    def get_scope(self) -> str:
        return self.row.scope


class StoredToken(TokenMixin):  # type: ignore[misc]  # Authlib has no types
    """A stored grant that one of its tokens led to, for Authlib. `access` is None when it was the refresh token."""

    def __init__(self, standing: Standing, access: AccessToken | None = None) -> None:
        self.standing = standing
        self.row = standing.grant
        self.access = access

    def check_client(self, client: RegisteredClient) -> bool:
        return self.row.client_id == client.row.id

    def get_scope(self) -> str:
        return self.row.scope if self.access is None else scope_text(self.access.scopes)

    def get_expires_in(self) -> int:
        return int((self.expires_at - datetime.now(UTC)).total_seconds())

    @property
    def expires_at(self) -> datetime:
        """When the presented token ends."""
        end = self.row.access_expires_at if self.access is not None else self.row.refresh_expires_at
        assert end is not None
        return end

    def is_expired(self) -> bool:
        return self.expires_at <= datetime.now(UTC)

    def is_revoked(self) -> bool:
        return not self.standing.holds or (self.access is None and self.row.rotated_at is not None)


class S256Challenge(CodeChallenge):  # type: ignore[misc]  # Authlib has no types
    """PKCE for every client, by S256 alone."""

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:  # noqa: ARG002 - a hook's shape
        data = grant.request.payload.data
        if not is_s256_challenge(data.get("code_challenge"), data.get("code_challenge_method")):
            raise InvalidRequestError("A code_challenge with code_challenge_method=S256 is required.")


class OpenIdConnect:
    """Checks what OpenID Connect adds to a request, and adds the identity token to the answer."""

    def __init__(self, server: TenantAuthorizationServer) -> None:
        self._server = server

    def __call__(self, grant: Any) -> None:
        """Authlib's way to hang an extension onto a grant."""
        grant.register_hook("after_validate_authorization_request_payload", self.check_request)
        grant.register_hook("after_create_token_response", self.add_identity_token)

    def check_request(self, grant: Any, redirect_uri: str) -> None:  # noqa: ARG002 - a hook's shape
        """Refuse what is not supported rather than pass over it."""
        data: Mapping[str, str] = grant.request.payload.data
        for name, error in (("request", "request_not_supported"), ("request_uri", "request_uri_not_supported")):
            if name in data:
                raise OAuth2Error("Pass the parameters themselves.", error=error)
        if data.get("response_mode", "query") != "query":
            raise InvalidRequestError("Only response_mode=query is supported.")
        if len(data.get("nonce", "")) > LONGEST_NONCE or len(data.get("state", "")) > 2048:
            raise InvalidRequestError("The nonce or state is too long.")
        prompts = data.get("prompt", "").split()
        if "none" in prompts and len(prompts) > 1:
            raise InvalidRequestError("prompt=none stands alone.")
        if not data.get("max_age", "0").isdecimal():
            raise InvalidRequestError("max_age is a number of seconds.")

    def add_identity_token(self, grant: Any, response: tuple[int, dict[str, Any], Any]) -> None:
        """An `id_token` beside the access token, when the code was for `openid`."""
        server, issued = self._server, self._server.issued
        if issued is None or OPENID not in issued.access.scopes:
            return
        response[1]["id_token"] = sign_identity_token(
            server.keys,
            server.issuer,
            issued.access,
            issued.access_token,
            nonce=grant.request.authorization_code.row.nonce,
            about=about_person(grant.request.user, issued.access.scopes),
        )


def about_person(user: User, scopes: frozenset[str]) -> dict[str, Any]:
    """The claims on a person that these scopes open."""
    if PROFILE not in scopes:
        return {}
    return {
        "name": user.name,
        "preferred_username": user.login,
        "locale": user.locale or "zh-CN",
        "updated_at": int(user.updated_at.timestamp()),
    }


class CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]  # Authlib has no types
    """Authorization code. A code is gone with its first use by its client, whatever comes of that use."""

    TOKEN_ENDPOINT_AUTH_METHODS = EVERY_METHOD
    server: TenantAuthorizationServer

    @staticmethod
    def validate_authorization_redirect_uri(request: Any, client: RegisteredClient) -> str:
        redirect_uri: str | None = request.payload.redirect_uri
        if redirect_uri is None or not client.check_redirect_uri(redirect_uri):
            raise InvalidRequestError("The redirect_uri is not registered for this client.")
        return redirect_uri

    def generate_authorization_code(self) -> str:
        return new_bearer(self.server.session.tenant_id)

    def save_authorization_code(self, code: str, request: Any) -> None:
        session = self.server.session
        row = AuthorizationCode(
            digest=digest(code),
            client_id=request.client.row.id,
            user_id=request.user.id,
            redirect_uri=request.payload.redirect_uri,
            scope=request.scope,
            nonce=request.payload.data.get("nonce"),
            code_challenge=request.payload.data["code_challenge"],
            auth_time=request.user.signed_in_at,
            family_id=family_of(code),
            expires_at=datetime.now(UTC) + timedelta(seconds=CODE_SECONDS),
        )
        session.add(row)
        record_blocking(
            session,
            "oauth.client.authorized",
            Subject("api_client", row.client_id),
            after={"scope": row.scope, "redirectUri": row.redirect_uri, "familyId": row.family_id},
        )

    def query_authorization_code(self, code: str, client: RegisteredClient) -> UsedCode | None:
        session = self.server.session
        if bearer_tenant(code) != session.tenant_id:
            return None
        used = session.execute(
            delete(AuthorizationCode)
            .where(
                session.within(AuthorizationCode),
                AuthorizationCode.digest == digest(code),
                AuthorizationCode.client_id == client.row.id,
            )
            .returning(AuthorizationCode)
        ).scalar_one_or_none()
        if used is None:
            end_family(session, family_of(code), "oauth.code.replayed")
            return None
        return UsedCode(used) if used.expires_at > datetime.now(UTC) else None

    def delete_authorization_code(self, authorization_code: UsedCode) -> None:
        """Done by `query_authorization_code` already."""

    def authenticate_user(self, authorization_code: UsedCode) -> User | None:
        return active_user(self.server.session, authorization_code.row.user_id)


class RefreshGrant(grants.RefreshTokenGrant):  # type: ignore[misc]  # Authlib has no types
    """Refresh with rotation. A refresh token that comes again ends its whole family."""

    TOKEN_ENDPOINT_AUTH_METHODS = EVERY_METHOD
    INCLUDE_NEW_REFRESH_TOKEN = True
    server: TenantAuthorizationServer

    def authenticate_refresh_token(self, refresh_token: str) -> StoredToken | None:
        stored = find_refresh_token(self.server.session, refresh_token)
        if stored is None or not stored.check_client(self.request.client):
            return None
        if stored.row.rotated_at is not None:
            self._reused(stored)
            return None
        return None if stored.is_expired() or stored.is_revoked() else stored

    def create_token_response(self) -> Any:
        """Rotate first: of two uses at the same time one wins, and the other is a reuse."""
        session, stored = self.server.session, self.request.refresh_token
        lock_family(session, stored.row.family_id)
        rotated = session.execute(
            update(TokenGrant)
            .where(
                session.within(TokenGrant),
                TokenGrant.id == stored.row.id,
                TokenGrant.rotated_at.is_(None),
                TokenGrant.revoked_at.is_(None),
            )
            .values(rotated_at=func.now())
            .returning(TokenGrant.id)
            .execution_options(synchronize_session=False)
        ).scalar_one_or_none()
        if rotated is None:
            self._reused(stored)
            raise InvalidGrantError
        return super().create_token_response()

    def authenticate_user(self, refresh_token: StoredToken) -> User | None:
        return refresh_token.standing.user

    def revoke_old_credential(self, refresh_token: StoredToken) -> None:
        """Done by the rotation already."""

    def _reused(self, stored: StoredToken) -> None:
        end_family(self.server.session, stored.row.family_id, "oauth.refresh.reused")


class OwnGrant(grants.ClientCredentialsGrant):  # type: ignore[misc]  # Authlib has no types
    """A client acting for itself, with its own permissions and no one's identity."""

    TOKEN_ENDPOINT_AUTH_METHODS = WITH_SECRET

    def validate_token_request(self) -> None:
        super().validate_token_request()
        asked, own = scopes_of(self.request.payload.scope), frozenset(self.client.row.permissions)
        if not asked <= own:
            raise InvalidScopeError
        self.request.scope = scope_text(asked or own)

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        token = self.generate_token(scope=self.request.scope, include_refresh_token=False)
        self.save_token(token)
        return 200, token, self.TOKEN_RESPONSE_HEADER


class Revocation(RevocationEndpoint):  # type: ignore[misc]  # Authlib has no types
    """RFC 7009. A refresh token takes its family with it, an access token its own grant."""

    CLIENT_AUTH_METHODS = EVERY_METHOD
    server: TenantAuthorizationServer

    def check_params(self, request: Any, _client: RegisteredClient) -> None:
        require_token(request)

    def query_token(self, token_string: str, _hint: str | None) -> StoredToken | None:
        return find_token(self.server, token_string)

    def revoke_token(self, token: StoredToken, request: Any) -> None:
        session = self.server.session
        self.server.send_signal("after_authenticate_client", client=request.client)
        if token.access is None:
            end_family(session, token.row.family_id, "oauth.token.revoked")
            return
        ended = session.execute(
            update(TokenGrant)
            .where(session.within(TokenGrant), TokenGrant.id == token.row.id, TokenGrant.revoked_at.is_(None))
            .values(revoked_at=func.now())
            .returning(TokenGrant.id)
            .execution_options(synchronize_session=False)
        ).scalar_one_or_none()
        if ended is not None:
            record_blocking(session, "oauth.token.revoked", Subject("token", ended), after={"ended": 1})


class Introspection(IntrospectionEndpoint):  # type: ignore[misc]  # Authlib has no types
    """RFC 7662, for clients with a secret, on tokens of their own tenant."""

    CLIENT_AUTH_METHODS = WITH_SECRET
    server: TenantAuthorizationServer

    def check_params(self, request: Any, _client: RegisteredClient) -> None:
        require_token(request)

    def query_token(self, token_string: str, _hint: str | None) -> StoredToken | None:
        return find_token(self.server, token_string)

    def check_permission(self, token: StoredToken, _client: RegisteredClient, _request: Any) -> bool:
        return token.row.tenant_id == self.server.session.tenant_id

    def introspect_token(self, token: StoredToken) -> dict[str, Any]:
        self.server.introspected = token.standing.user
        tenant_id = self.server.session.tenant_id
        if token.access is not None:
            return {"active": True, "token_type": "Bearer", **access_claims(self.server.issuer, token.access)}
        return {
            "active": True,
            "token_type": "refresh_token",
            "iss": self.server.issuer.name,
            "client_id": public_client_id(tenant_id, token.row.client_id),
            "tenant": str(tenant_id),
            "sub": str(token.row.user_id),
            "scope": token.row.scope,
            "exp": int(token.expires_at.timestamp()),
        }


def server_for(
    session: BlockingSession, issuer: Issuer, keys: SigningKeys, parameters: OAuthParameters
) -> TenantAuthorizationServer:
    """A server for one request, with everything registered."""
    server = TenantAuthorizationServer(session, issuer, keys, parameters)
    server.register_grant(CodeGrant, [S256Challenge(required=True), OpenIdConnect(server)])
    server.register_grant(RefreshGrant)
    server.register_grant(OwnGrant)
    server.register_endpoint(Revocation)
    server.register_endpoint(Introspection)
    return server


def require_token(request: Any) -> None:
    """Raise InvalidRequestError without a `token`. Hints are not needed, so unknown ones do no harm."""
    if not request.form.get("token"):
        raise InvalidRequestError("Missing 'token' in request.")


def active_user(session: BlockingSession, user_id: UUID) -> User | None:
    """The user, unless disabled."""
    return session.find(User, User.id == user_id, User.status == UserStatus.ACTIVE)


def find_refresh_token(session: BlockingSession, text: str) -> StoredToken | None:
    """The grant that a refresh token of this tenant belongs to, rotated and revoked ones included."""
    if bearer_tenant(text) != session.tenant_id:
        return None
    grant_id = session.execute(
        select(TokenGrant.id).where(session.within(TokenGrant), TokenGrant.refresh_digest == digest(text))
    ).scalar_one_or_none()
    standing = None if grant_id is None else _standing(session, grant_id)
    return None if standing is None else StoredToken(standing)


def find_token(server: TenantAuthorizationServer, text: str) -> StoredToken | None:
    """The grant that a token, of either kind, of this tenant belongs to."""
    session = server.session
    if bearer_tenant(text) is not None:
        return find_refresh_token(session, text)
    try:
        access = read_access_token(server.keys, server.issuer, text)
    except InvalidToken:
        return None
    if access.tenant_id != session.tenant_id:
        return None
    standing = _standing(session, access.id)
    return None if standing is None else StoredToken(standing, access)


def _standing(session: BlockingSession, grant_id: UUID) -> Standing | None:
    return standing_from(session.execute(standing_statement(session, grant_id)).one_or_none())


def lock_family(session: BlockingSession, family_id: UUID) -> None:
    """Let one transaction at a time rotate or end a family: an ending misses no token that is being issued."""
    key = int.from_bytes(digest(f"{session.tenant_id}/{family_id}")[:8], signed=True)
    session.execute(select(func.pg_advisory_xact_lock(key)))


def end_family(session: BlockingSession, family_id: UUID, action: str) -> None:
    """Revoke all tokens of a family; recorded as `action` when there were any."""
    lock_family(session, family_id)
    ended = (
        session.execute(
            update(TokenGrant)
            .where(
                session.within(TokenGrant),
                TokenGrant.family_id == family_id,
                TokenGrant.revoked_at.is_(None),
            )
            .values(revoked_at=func.now())
            .returning(TokenGrant.id)
            .execution_options(synchronize_session=False)
        )
        .scalars()
        .all()
    )
    if ended:
        record_blocking(session, action, Subject("token_family", family_id), after={"ended": len(ended)})
