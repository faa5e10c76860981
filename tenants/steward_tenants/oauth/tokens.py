"""Signing access and identity tokens, and reading access tokens back."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from steward_tenants.oauth.errors import InvalidToken
from steward_tenants.oauth.keys import ALGORITHM, LoadedKey, SigningKeys
from steward_tenants.oauth.rules import ACCESS_SECONDS, parse_client_id, scope_text, scopes_of

ACCESS_TYPE = "at+jwt"
LONGEST_TOKEN = 8192
LEEWAY_SECONDS = 5
"""Clocks of two API processes may differ by this much in `iat`; nothing is added to `exp`."""

_HEADER = frozenset({"alg", "typ", "kid"})


@dataclass(frozen=True)
class AccessToken:
    """What an access token says. `user_id` is None when the client acts for itself; `id` names its token grant."""

    id: UUID
    tenant_id: UUID
    client_id: UUID
    user_id: UUID | None
    scopes: frozenset[str]
    issued_at: datetime
    expires_at: datetime
    auth_time: datetime | None = None


@dataclass(frozen=True)
class Issuer:
    """Who issues tokens, and for which API (`audience`)."""

    name: str
    audience: str


def subject_of(token: AccessToken) -> str:
    """`sub`: the user, or the client when it acts for itself."""
    return str(token.user_id) if token.user_id else public_client(token)


def public_client(token: AccessToken) -> str:
    """`client_id` as the client knows it."""
    return f"{token.tenant_id.hex}.{token.client_id.hex}"


def access_claims(issuer: Issuer, token: AccessToken) -> dict[str, Any]:
    """The claims of an access token (RFC 9068)."""
    claims: dict[str, Any] = {
        "iss": issuer.name,
        "sub": subject_of(token),
        "aud": issuer.audience,
        "client_id": public_client(token),
        "tenant": str(token.tenant_id),
        "scope": scope_text(token.scopes),
        "jti": str(token.id),
        "iat": int(token.issued_at.timestamp()),
        "exp": int(token.expires_at.timestamp()),
    }
    if token.auth_time is not None:
        claims["auth_time"] = int(token.auth_time.timestamp())
    return claims


def sign_access_token(keys: SigningKeys, issuer: Issuer, token: AccessToken) -> str:
    """The access token as its bearer holds it."""
    return _sign(keys.signing(), ACCESS_TYPE, access_claims(issuer, token))


def sign_identity_token(
    keys: SigningKeys,
    issuer: Issuer,
    token: AccessToken,
    access_token: str,
    *,
    nonce: str | None,
    about: dict[str, Any],
) -> str:
    """An OpenID Connect identity token for the client. `about` are claims on the person."""
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    claims: dict[str, Any] = {
        **about,
        "iss": issuer.name,
        "sub": subject_of(token),
        "aud": public_client(token),
        "tenant": str(token.tenant_id),
        "iat": int(token.issued_at.timestamp()),
        "exp": int(token.issued_at.timestamp()) + ACCESS_SECONDS,
        "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
    }
    if token.auth_time is not None:
        claims["auth_time"] = int(token.auth_time.timestamp())
    if nonce is not None:
        claims["nonce"] = nonce
    return _sign(keys.signing(), "JWT", claims)


def _sign(key: LoadedKey, kind: str, claims: dict[str, Any]) -> str:
    header = {"alg": ALGORITHM, "typ": kind, "kid": key.kid}
    from steward_tenants.oauth.jose import signed  # noqa: PLC0415 - only who signs or verifies needs it

    return signed(header, claims, key.key, ALGORITHM)


def key_id_of(text: str) -> str:
    """The key that a token claims to be signed with. Raises InvalidToken for what cannot be one of ours.

    Only the three header fields that we write are taken: an embedded key, a key's address, a certificate or a
    critical extension is refused before anything looks at it.
    """
    if len(text) > LONGEST_TOKEN:
        raise InvalidToken
    from steward_tenants.oauth.jose import header_of  # noqa: PLC0415

    header = header_of(text)
    if header is None:
        raise InvalidToken
    kid = header.get("kid")
    if set(header) != _HEADER or header["alg"] != ALGORITHM or header["typ"] != ACCESS_TYPE or not isinstance(kid, str):
        raise InvalidToken
    return kid


def read_access_token(keys: SigningKeys, issuer: Issuer, text: str) -> AccessToken:
    """The content of an access token that we signed for our API and that has not expired. Raises InvalidToken."""
    key = keys.find(key_id_of(text))
    if key is None:
        raise InvalidToken

    from steward_tenants.oauth.jose import claims_of  # noqa: PLC0415

    claims = claims_of(text, key.key, ALGORITHM)
    if claims is None:
        raise InvalidToken
    try:
        return _checked(issuer, claims)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        raise InvalidToken from None


def _checked(issuer: Issuer, claims: dict[str, Any]) -> AccessToken:
    now = datetime.now(UTC).timestamp()
    pair = parse_client_id(claims["client_id"])
    tenant_id = UUID(claims["tenant"])
    if (
        claims["iss"] != issuer.name
        or claims["aud"] != issuer.audience
        or pair is None
        or pair[0] != tenant_id
        or not now < claims["exp"]
        or claims["iat"] > now + LEEWAY_SECONDS
        or not isinstance(claims["scope"], str)
    ):
        raise ValueError
    alone = claims["sub"] == claims["client_id"]
    return AccessToken(
        id=UUID(claims["jti"]),
        tenant_id=tenant_id,
        client_id=pair[1],
        user_id=None if alone else UUID(claims["sub"]),
        scopes=scopes_of(claims["scope"]),
        issued_at=datetime.fromtimestamp(claims["iat"], UTC),
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        auth_time=datetime.fromtimestamp(claims["auth_time"], UTC) if "auth_time" in claims else None,
    )
