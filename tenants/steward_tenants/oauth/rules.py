"""Pure decisions: names of clients and bearers, redirect addresses, scopes, what a client may be given."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

from steward_tenants.access.models import Duty
from steward_tenants.access.permissions import catalogue
from steward_tenants.access.rules import duty_problems
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.errors import FieldProblem
from steward_tenants.organisation.rules import clean_text
from steward_tenants.texts import Bilingual

CODE_SECONDS = 300
"""How long an authorization code may be used."""
ACCESS_SECONDS = 600
"""How long access and identity tokens last."""
REFRESH_SECONDS = 30 * 24 * 3600
"""How long a family of refresh tokens lasts from the authorization on; rotation does not lengthen it."""

OPENID = "openid"
PROFILE = "profile"
OFFLINE = "offline_access"
IDENTITY_SCOPES = frozenset({OPENID, PROFILE, OFFLINE})

AUTHORIZATION_CODE = "authorization_code"
REFRESH_TOKEN = "refresh_token"
CLIENT_CREDENTIALS = "client_credentials"
GRANT_TYPES = (AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS)

LONGEST_NAME = 100
LONGEST_REDIRECT = 2000
PUBLIC = "none"
AUTH_METHODS = ("client_secret_basic", "client_secret_post", PUBLIC)

_PAIR = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{32})")
_BEARER = re.compile(r"([0-9a-f]{32})\.[A-Za-z0-9_-]{43}")
_HOST = re.compile(r"[A-Za-z0-9.:_-]{1,253}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class ClientPlan:
    """What an API client shall be. `permissions` bound its tokens; `scope` and `unit_id` say which rows they reach
    when it acts for itself (acting for a person, it reaches that person's rows)."""

    name: str
    grant_types: tuple[str, ...]
    permissions: tuple[str, ...] = ()
    redirect_uris: tuple[str, ...] = ()
    auth_method: str = "client_secret_basic"
    scope: Scope = Scope.ALL
    unit_id: UUID | None = None


def public_client_id(tenant_id: UUID, client_id: UUID) -> str:
    """The name under which a client presents itself; it leads to its tenant."""
    return f"{tenant_id.hex}.{client_id.hex}"


def parse_client_id(text: str) -> tuple[UUID, UUID] | None:
    """The tenant and the client that a public client_id names, or None when it is not one."""
    match = _PAIR.fullmatch(text)
    return (UUID(match[1]), UUID(match[2])) if match else None


def new_bearer(tenant_id: UUID) -> str:
    """A new authorization code or refresh token: its tenant and 256 random bits."""
    return f"{tenant_id.hex}.{secrets.token_urlsafe(32)}"


def bearer_tenant(text: str) -> UUID | None:
    """The tenant that a code or refresh token claims to be of, or None when it is neither."""
    match = _BEARER.fullmatch(text)
    return UUID(match[1]) if match else None


def digest(text: str) -> bytes:
    """What is stored of a code, refresh token or client secret. Plain SHA-256: 256 random bits need no stretching."""
    return hashlib.sha256(text.encode()).digest()


def secret_hash(secret: str) -> str:
    """What is stored of a client secret."""
    return f"sha256:{digest(secret).hex()}"


def secret_matches(secret: str, stored: str | None) -> bool:
    """Whether a presented secret is the stored one; takes the same time either way."""
    return stored is not None and secrets.compare_digest(secret_hash(secret), stored)


def family_of(code: str) -> UUID:
    """The family of all tokens that come from a code; found again from the code after its row is gone."""
    return UUID(bytes=hashlib.sha256(b"token family" + digest(code)).digest()[:16], version=5)


def is_s256_challenge(challenge: str | None, method: str | None) -> bool:
    """Whether a request binds its code to a verifier by S256. `plain` and a missing method are not good enough."""
    return method == "S256" and challenge is not None and _CHALLENGE.fullmatch(challenge) is not None


def scopes_of(text: str | None) -> frozenset[str]:
    """The scopes in a space-separated list."""
    return frozenset((text or "").split())


def scope_text(scopes: Iterable[str]) -> str:
    """Scopes as a space-separated list, in order."""
    return " ".join(sorted(scopes))


def allowed_scopes(permissions: Collection[str], grant_types: Collection[str]) -> frozenset[str]:
    """All scopes that a client may ask for: its permissions; those about identity when it acts for people."""
    scopes = frozenset(permissions)
    if AUTHORIZATION_CODE in grant_types:
        scopes |= {OPENID, PROFILE}
    if REFRESH_TOKEN in grant_types:
        scopes |= {OFFLINE}
    return scopes


def narrowed(actor: Actor, permissions: Collection[str]) -> Actor:
    """The actor with each grant cut down to `permissions`; grants left empty fall away."""
    kept = frozenset(permissions)
    grants = (replace(grant, permissions=grant.permissions & kept) for grant in actor.grants)
    return replace(actor, grants=tuple(grant for grant in grants if grant.permissions))


def redirect_problem(uri: str) -> Bilingual | None:
    """Why a redirect address may not be registered, or None. https, or http to the loopback address; compared
    character by character later, so neither wildcard nor fragment nor user name has a place in it."""
    try:
        parts = urlsplit(uri)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return Bilingual("地址无法解析。", "The address cannot be read.")
    if len(uri) > LONGEST_REDIRECT:
        return Bilingual(f"地址最长 {LONGEST_REDIRECT} 个字符。", f"Use at most {LONGEST_REDIRECT} characters.")
    plain = uri.isascii() and uri.isprintable() and not any(c in uri for c in ' *\\"<>^`{|}')
    # The host stands in the policy of the page that asks the person, where `;` begins another rule.
    if not plain or not host or not _HOST.fullmatch(host):
        return Bilingual("不是完整的地址，或含有通配符等不允许的字符。", "Not a full address, or one with a wildcard.")
    if parts.fragment or "#" in uri:
        return Bilingual("地址不能带 # 片段。", "The address must have no fragment.")
    if parts.username is not None or parts.password is not None:
        return Bilingual("地址不能带用户名或密码。", "The address must carry no user name or password.")
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)):
        return _path_problem(parts)
    return Bilingual(
        "须使用 https，本机调试可用 http://127.0.0.1。", "Use https, or http://127.0.0.1 on one's own machine."
    )


def _path_problem(parts: SplitResult) -> Bilingual | None:
    if any(segment in (".", "..") for segment in parts.path.split("/")):
        return Bilingual("路径不能含 . 或 .. 段。", "The path must have no . or .. segment.")
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def plan_problems(plan: ClientPlan) -> list[FieldProblem]:
    """Everything that is wrong with a plan, each with its field."""
    problems: list[FieldProblem] = []

    def refuse(path: str, code: str, zh: str, en: str) -> None:
        problems.append(FieldProblem(tuple(path.split(".")), code, Bilingual(zh, en)))

    if clean_text(plan.name, LONGEST_NAME) is None:
        refuse("name", "length", "名称应为 1 到 100 个可见字符。", "Use 1 to 100 visible characters.")
    if not plan.grant_types or set(plan.grant_types) - set(GRANT_TYPES):
        refuse("grantTypes", "unknown", f"可选：{'、'.join(GRANT_TYPES)}。", f"One of {', '.join(GRANT_TYPES)}.")
    if REFRESH_TOKEN in plan.grant_types and AUTHORIZATION_CODE not in plan.grant_types:
        refuse(
            "grantTypes",
            "refresh_alone",
            "刷新令牌只能与授权码一起使用。",
            "Refresh tokens come with authorization codes only.",
        )
    if plan.auth_method not in AUTH_METHODS:
        refuse("authMethod", "unknown", f"可选：{'、'.join(AUTH_METHODS)}。", f"One of {', '.join(AUTH_METHODS)}.")
    if plan.auth_method == PUBLIC and CLIENT_CREDENTIALS in plan.grant_types:
        refuse(
            "authMethod",
            "secret_needed",
            "以自身身份调用的应用必须有密钥。",
            "A client that acts for itself needs a secret.",
        )
    for index, uri in enumerate(plan.redirect_uris):
        if (reason := redirect_problem(uri)) is not None:
            refuse(f"redirectUris.{index}", "redirect_uri", reason.zh, reason.en)
    if (AUTHORIZATION_CODE in plan.grant_types) != bool(plan.redirect_uris):
        refuse(
            "redirectUris",
            "with_codes_only",
            "使用授权码时须登记回调地址，否则不得登记。",
            "Needed for authorization codes, and only for them.",
        )
    if CLIENT_CREDENTIALS in plan.grant_types and plan.scope in (Scope.TEAM, Scope.SUBTREE):
        if plan.unit_id is None:
            refuse("unitId", "required", "该数据范围须指定部门。", "This scope needs a unit.")
    elif plan.unit_id is not None:
        refuse("unitId", "not_used", "该数据范围不使用部门。", "This scope has no use for a unit.")
    problems.extend(permission_problems(plan))
    return problems


def permission_problems(plan: ClientPlan) -> list[FieldProblem]:
    """The permissions that a client may not have: unknown ones; more than one administrative duty; and any
    administrative one when it acts for itself, as whoever holds its secret would hold that duty unseen."""
    duties = {p.duty for key in plan.permissions if (p := catalogue.get(key)) and p.duty is not Duty.BUSINESS}
    alone = CLIENT_CREDENTIALS in plan.grant_types
    duty = Duty.BUSINESS if alone or len(duties) != 1 else duties.pop()
    refused = set(duty_problems(duty, plan.permissions))
    return [
        FieldProblem(
            ("permissions", str(index)),
            "permission",
            Bilingual(
                f"“{key}”不存在，或按三权分立不能授予该应用。",
                f"“{key}” does not exist, or separation of duties keeps it from this client.",
            ),
        )
        for index, key in enumerate(plan.permissions)
        if key in refused
    ]
