"""The OAuth 2.0 and OpenID Connect endpoints, and the one page of the product that needs no script."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Any, Protocol
from urllib.parse import urlsplit

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from steward_server.api.edge import Edge, current_caller, current_edge
from steward_server.api.problems import wanted_locale
from steward_tenants.database.database import Database
from steward_tenants.errors import Unauthenticated
from steward_tenants.oauth.errors import InsufficientScope, InvalidToken
from steward_tenants.oauth.grants import about_person
from steward_tenants.oauth.keys import JWKS_SECONDS
from steward_tenants.oauth.provider import Consent, Provider, plain_refusal
from steward_tenants.oauth.requests import Answer, OAuthParameters
from steward_tenants.oauth.rules import OPENID
from steward_tenants.people.models import User
from steward_tenants.signin.caller import Caller
from steward_tenants.signin.rules import AttemptLimits
from steward_tenants.signin.throttle import attempt, give_back
from steward_tenants.texts import Bilingual

router = APIRouter(tags=["oauth"])

FORM = "application/x-www-form-urlencoded"
LARGEST_FORM = 64 * 1024
CLIENT_LIMITS = AttemptLimits(attempts=60, window_seconds=60, first_lock_seconds=30, longest_lock_seconds=600)
"""Failures of one client from one address, and requests of it at the same time."""

_STYLE = (
    "body{font:16px/1.6 system-ui,sans-serif;max-width:26rem;margin:12vh auto;padding:0 1rem;color:#222}"
    "h1{font-size:1.3rem}button{font:inherit;padding:.4rem 1.2rem;margin-right:.6rem}small{color:#666}"
)
_STYLE_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_TITLE = Bilingual("授权“{client}”", "Authorize “{client}”")
_LEAD = Bilingual(
    "{person}，应用“{client}”请求以您的身份：", "{person}, the application “{client}” asks to do this as you:"
)
_BACK = Bilingual("完成后将转到 {host}", "You will then go to {host}")
_ALLOW = Bilingual("同意", "Allow")
_DENY = Bilingual("拒绝", "Deny")

_ERROR: dict[str, Any] = {
    "description": "An error of RFC 6749.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["error"],
                "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
            }
        }
    },
}
_REDIRECT: dict[str, Any] = {"description": "Back to the client, with `code` or `error`, `state` and `iss`."}


class ThrottledClients:
    """The limit on attempts of one client from one address, counted in the directory."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, key: str) -> None:
        """Count an attempt. Raises TooManyAttempts."""
        async with self._database.directory() as directory:
            await attempt(directory, self._key(key), CLIENT_LIMITS)

    async def succeeded(self, key: str) -> None:
        """It was a good one."""
        async with self._database.directory() as directory:
            await give_back(directory, self._key(key), CLIENT_LIMITS)

    def _key(self, key: str) -> str:
        return f"client:{self._database.vault.digest(key, 'throttle/client')}"


def provider_of(edge: Edge) -> Provider:
    """The provider over this process's edge."""
    return Provider(edge.database, edge.access_tokens.issuer, ThrottledClients(edge.database))


def _form(fields: dict[str, str], required: tuple[str, ...]) -> dict[str, Any]:
    properties = {name: {"type": "string", "description": text} for name, text in fields.items()}
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return {"requestBody": {"required": True, "content": {FORM: {"schema": schema}}}}


_CLIENT_FIELDS = {"client_id": "`<tenant>.<client>`", "client_secret": "with client_secret_post"}
_QUERY_NAMES = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
)
_QUERY = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}} for name in _QUERY_NAMES
    ]
}


async def _posted(request: Request) -> OAuthParameters:
    """The form of a request. Raises OAuth2Error."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise InvalidRequestError(f"Send {FORM}.")
    body = await request.body()
    if len(body) > LARGEST_FORM:
        raise InvalidRequestError("The form is too large.")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise InvalidRequestError("The form is not UTF-8.") from None
    return OAuthParameters.parse("POST", text, request.headers.get("authorization"))


def _respond(answer: Answer) -> Response:
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-type"}
    if answer.location is not None:
        return Response(status_code=answer.status, headers=headers)
    return JSONResponse(dict(answer.body), answer.status, headers)


def _request_id(request: Request) -> str:
    return str(getattr(request.state, "request_id", ""))


class _ClientEndpoint(Protocol):
    async def __call__(self, parameters: OAuthParameters, /, *, address: str, request_id: str) -> Answer: ...


async def _for_client(request: Request, endpoint: _ClientEndpoint) -> Response:
    """The answer of an endpoint that clients post a form to."""
    try:
        form = await _posted(request)
    except OAuth2Error as error:
        return _respond(plain_refusal(error))
    address = current_edge(request).address(request)
    return _respond(await endpoint(form, address=address, request_id=_request_id(request)))


@router.post(
    "/oauth/token",
    summary="Tokens for a code, a refresh token or a client's own credentials",
    responses={400: _ERROR, 401: _ERROR},
    openapi_extra=_form(
        {
            "grant_type": "authorization_code, refresh_token or client_credentials",
            **_CLIENT_FIELDS,
            "code": "",
            "redirect_uri": "",
            "code_verifier": "",
            "refresh_token": "",
            "scope": "",
        },
        ("grant_type",),
    ),
)
async def token(request: Request) -> Response:
    """RFC 6749, 7636. Codes are used once, refresh tokens rotate; a second use ends all tokens of the family."""
    return await _for_client(request, provider_of(current_edge(request)).token)


@router.post(
    "/oauth/revoke",
    summary="Revoke a token",
    responses={400: _ERROR, 401: _ERROR},
    openapi_extra=_form({"token": "", "token_type_hint": "", **_CLIENT_FIELDS}, ("token",)),
)
async def revoke(request: Request) -> Response:
    """RFC 7009. A refresh token takes all tokens of its family with it."""
    return await _for_client(request, provider_of(current_edge(request)).revoke)


@router.post(
    "/oauth/introspect",
    summary="What a token is worth now",
    responses={400: _ERROR, 401: _ERROR},
    openapi_extra=_form({"token": "", "token_type_hint": "", **_CLIENT_FIELDS}, ("token",)),
)
async def introspect(request: Request) -> Response:
    """RFC 7662, for clients with a secret, on tokens of their own tenant."""
    return await _for_client(request, provider_of(current_edge(request)).introspect)


@router.get(
    "/oauth/authorize",
    summary="Ask the signed-in person to authorize a client",
    responses={303: _REDIRECT, 400: _ERROR},
    openapi_extra=_QUERY,
)
async def consider(request: Request) -> Response:
    """RFC 6749, 7636 (S256 only), 9207, OpenID Connect. A page to confirm, or JSON for who asks for JSON."""
    edge = current_edge(request)
    try:
        parameters = OAuthParameters.parse("GET", request.url.query)
    except OAuth2Error as error:
        return _respond(plain_refusal(error))
    answer = await provider_of(edge).consider(
        parameters, await _caller_or_none(request), request_id=_request_id(request)
    )
    if isinstance(answer, Answer):
        return _respond(answer)
    return _page(request, answer) if _wants_page(request) else _told(request, answer)


@router.post(
    "/oauth/authorize",
    summary="Confirm or deny",
    responses={303: _REDIRECT, 400: _ERROR},
    openapi_extra=_form(
        dict.fromkeys((*_QUERY_NAMES, "confirmation", "decision"), ""), ("client_id", "confirmation", "decision")
    ),
)
async def decide(request: Request) -> Response:
    """The fields that GET gave, with `decision` `allow` or `deny`. Who asks for JSON gets `{"redirect": …}`."""
    edge = current_edge(request)
    try:
        form = await _posted(request)
    except OAuth2Error as error:
        return _respond(plain_refusal(error))
    answer = await provider_of(edge).decide(form, await _caller_or_none(request), request_id=_request_id(request))
    if answer.location is not None and "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"redirect": answer.location})
    return _respond(answer)


@router.get("/.well-known/openid-configuration", summary="What the provider can do")
@router.get("/.well-known/oauth-authorization-server", summary="What the provider can do")
async def metadata(request: Request) -> JSONResponse:
    """OpenID Connect Discovery and RFC 8414."""
    return JSONResponse(
        provider_of(current_edge(request)).metadata(), headers={"Cache-Control": f"max-age={JWKS_SECONDS}"}
    )


@router.get("/oauth/jwks", summary="The keys that verify tokens")
async def jwks(request: Request) -> JSONResponse:
    """RFC 7517. A new key stands here well before it signs."""
    return JSONResponse(
        await provider_of(current_edge(request)).jwks(),
        headers={"Cache-Control": f"max-age={JWKS_SECONDS}"},
        media_type="application/jwk-set+json",
    )


@router.get("/oauth/userinfo", summary="The person whom a token stands for")
async def userinfo(request: Request) -> JSONResponse:
    """OpenID Connect UserInfo; needs an access token with the scope `openid`."""
    caller = await current_caller(request)
    if caller.scopes is None or caller.account_id is None:
        raise InvalidToken
    if OPENID not in caller.scopes:
        raise InsufficientScope(scope=OPENID)
    async with current_edge(request).database.read(
        caller.tenant_id, caller.actor, request_id=_request_id(request)
    ) as session:
        user = await session.get(User, caller.actor.id)
    if user is None:
        raise InvalidToken
    about = about_person(user, caller.scopes)
    return JSONResponse({"sub": str(user.id), "tenant": str(caller.tenant_id), **about})


async def _caller_or_none(request: Request) -> Caller | None:
    try:
        return await current_caller(request)
    except Unauthenticated:
        return None


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _told(request: Request, consent: Consent) -> JSONResponse:
    locale = wanted_locale(request)
    body = {
        "client": consent.client_name,
        "person": consent.person,
        "redirectUri": consent.redirect_uri,
        "scopes": [{"scope": scope, "title": title.in_locale(locale)} for scope, title in consent.scopes],
        "fields": dict(consent.fields),
    }
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


def _page(request: Request, consent: Consent) -> HTMLResponse:
    """The page, without script. Its policy lets the form lead to the client, as browsers hold redirections to it."""
    locale = wanted_locale(request)
    target = urlsplit(consent.redirect_uri)
    values = {"client": escape(consent.client_name), "person": escape(consent.person), "host": escape(target.netloc)}

    def say(text: Bilingual) -> str:
        return text.fill(**values).in_locale(locale)

    scopes = "".join(f"<li>{escape(title.in_locale(locale))}</li>" for _, title in consent.scopes)
    fields = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in consent.fields.items()
    )
    page = (
        f'<!doctype html><html lang="{locale}"><head><meta charset="utf-8"><title>{say(_TITLE)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{say(_TITLE)}</h1><p>{say(_LEAD)}</p><ul>{scopes}</ul>"
        f'<form method="post">{fields}'
        f'<button name="decision" value="allow">{say(_ALLOW)}</button>'
        f'<button name="decision" value="deny">{say(_DENY)}</button></form>'
        f"<p><small>{say(_BACK)}</small></p></body></html>"
    )
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; frame-ancestors 'none'; base-uri 'none'; "
        f"form-action 'self' {target.scheme}://{target.netloc}"
    )
    # With `no-referrer` browsers send `Origin: null`, and the confirming POST would count as a foreign page's.
    headers = {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
        "Content-Language": locale,
    }
    return HTMLResponse(page, headers=headers)
