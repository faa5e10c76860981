"""Commands on API clients, and the ending of tokens."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, or_, update
from sqlalchemy.exc import IntegrityError

from steward_tenants.access.permissions import CLIENTS_CONNECT, CLIENTS_MANAGE
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import InvalidInput, invalid
from steward_tenants.oauth.errors import ClientHasNoSecret, ClientNotFound, ClientOfOneself, ClientRevoked
from steward_tenants.oauth.models import ApiClient, ApiClientStatus, AuthorizationCode, TokenGrant
from steward_tenants.oauth.rules import LONGEST_NAME, PUBLIC, ClientPlan, plan_problems, public_client_id, secret_hash
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.organisation.rules import clean_text

KEPT_AFTER_END = timedelta(days=7)
"""How long an ended token grant is kept, so that a late replay is still told apart from nonsense."""


@dataclass(frozen=True)
class ClientSecret:
    """A client as it presents itself. `secret` is shown this once, and None for a public client."""

    id: UUID
    client_id: str
    secret: str | None


@command("oauth.client.create", "创建对接应用", "Create an API client", permission=CLIENTS_MANAGE)
async def create_client(session: WriteSession, plan: ClientPlan) -> ClientSecret:
    """Propose an API client: what it may do and which rows it reaches. It works, and has a secret, once another person
    has connected it: granting and using are two people's business.

    Raises InvalidInput naming every bad field; a taken name is one.
    """
    problems = plan_problems(plan)
    if problems:
        raise InvalidInput(problems=problems)
    if plan.unit_id is not None and await session.get(OrgUnit, plan.unit_id) is None:
        raise invalid("unitId", "unknown", "没有这个部门。", "There is no such unit.")
    client = ApiClient(
        id=new_id(),
        name=clean_text(plan.name, LONGEST_NAME),
        redirect_uris=list(plan.redirect_uris),
        grant_types=list(plan.grant_types),
        permissions=sorted(set(plan.permissions)),
        scope=plan.scope,
        unit_id=plan.unit_id,
        auth_method=plan.auth_method,
        created_by=session.actor.id,
    )
    try:
        async with session.savepoint():
            session.add(client)
            await session.flush()
    except IntegrityError:
        raise invalid("name", "taken", "该名称已被使用。", "This name is taken.") from None
    subject = Subject("api_client", client.id)
    await record(session, "oauth.client.create", subject, after=_told(client), secret=("secret",))
    return ClientSecret(client.id, public_client_id(session.tenant_id, client.id), None)


@command("oauth.client.connect", "接入对接应用", "Connect an API client", permission=CLIENTS_CONNECT)
async def connect_client(session: WriteSession, client_id: UUID) -> ClientSecret:
    """Take a proposed client into use and receive its secret; done again, a new secret replaces the old one, and
    tokens already issued stay. Not for whoever registered the client.

    Raises ClientNotFound, ClientRevoked, ClientOfOneself, ClientHasNoSecret (a public client that is in use).
    """
    client = await _unrevoked(session, client_id)
    if session.actor.id == client.created_by and not session.actor.unrestricted:
        raise ClientOfOneself
    public = client.auth_method == PUBLIC
    if public and client.status == ApiClientStatus.ACTIVE:
        raise ClientHasNoSecret
    before = {"status": client.status, "secret": client.secret_hash}
    secret = None if public else _new_secret()
    client.secret_hash = None if secret is None else secret_hash(secret)
    client.status = ApiClientStatus.ACTIVE
    await record(
        session,
        "oauth.client.connect",
        Subject("api_client", client.id),
        before=before,
        after={"status": client.status, "secret": client.secret_hash},
        secret=("secret",),
    )
    return ClientSecret(client.id, public_client_id(session.tenant_id, client.id), secret)


@command("oauth.client.revoke", "吊销对接应用", "Revoke an API client", permission=CLIENTS_MANAGE)
async def revoke_client(session: WriteSession, client_id: UUID) -> int:
    """End a client, its codes and all its tokens, for good; answers how many grants were ended.

    Raises ClientNotFound, ClientRevoked.
    """
    client = await _unrevoked(session, client_id)
    before = client.status
    client.status = ApiClientStatus.REVOKED
    client.revoked_at = datetime.now(UTC)
    ended = await _end(session, TokenGrant.client_id == client.id, AuthorizationCode.client_id == client.id)
    await record(
        session,
        "oauth.client.revoke",
        Subject("api_client", client.id),
        before={"status": before},
        after={"status": ApiClientStatus.REVOKED, "tokensEnded": ended},
    )
    return ended


async def end_tokens_of_user(session: WriteSession, user_id: UUID, reason: str) -> int:
    """End all codes and tokens that clients hold for a person; answers how many grants were ended.

    A part of other commands (a disabled user, a reset password, an erasure): audited when it ended any.
    """
    ended = await _end(session, TokenGrant.user_id == user_id, AuthorizationCode.user_id == user_id)
    if ended:
        subject = Subject("user", user_id)
        await record(session, "oauth.tokens.ended", subject, after={"tokensEnded": ended}, reason=reason)
    return ended


async def purge_expired(session: WriteSession) -> int:
    """Delete codes and token grants that ended long enough ago; answers how many. For the tenant's schedule."""
    codes = await session.execute(
        delete(AuthorizationCode).where(session.within(AuthorizationCode), AuthorizationCode.expires_at < func.now())
    )
    ended_before = datetime.now(UTC) - KEPT_AFTER_END
    grants = await session.execute(
        delete(TokenGrant).where(
            session.within(TokenGrant),
            TokenGrant.access_expires_at < ended_before,
            or_(
                TokenGrant.refresh_expires_at.is_(None),
                TokenGrant.refresh_expires_at < ended_before,
                and_(TokenGrant.revoked_at.is_not(None), TokenGrant.revoked_at < ended_before),
            ),
        )
    )
    return _count(codes) + _count(grants)


async def _unrevoked(session: WriteSession, client_id: UUID) -> ApiClient:
    client = await session.get(ApiClient, client_id, lock=True)
    if client is None:
        raise ClientNotFound(kind="API client")
    if client.status == ApiClientStatus.REVOKED:
        raise ClientRevoked
    return client


async def _end(session: WriteSession, grants: ColumnElement[bool], codes: ColumnElement[bool]) -> int:
    await session.execute(delete(AuthorizationCode).where(session.within(AuthorizationCode), codes))
    ended = await session.execute(
        update(TokenGrant)
        .where(session.within(TokenGrant), TokenGrant.revoked_at.is_(None), grants)
        .values(revoked_at=func.now())
    )
    return _count(ended)


def _count(result: Any) -> int:
    count: int = result.rowcount
    return count


def _new_secret() -> str:
    return secrets.token_urlsafe(32)


def _told(client: ApiClient) -> dict[str, Any]:
    return {
        "name": client.name,
        "grantTypes": client.grant_types,
        "redirectUris": client.redirect_uris,
        "permissions": client.permissions,
        "scope": client.scope,
        "unitId": client.unit_id,
        "authMethod": client.auth_method,
        "secret": client.secret_hash,
    }
