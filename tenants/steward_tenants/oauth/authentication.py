"""Who presents an access token, and whether it still counts."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from uuid import UUID

from steward_tenants.access.queries import actor_of, today
from steward_tenants.database.actor import Actor, system
from steward_tenants.database.database import Database
from steward_tenants.database.session import ReadSession
from steward_tenants.directory.models import TenantStatus
from steward_tenants.errors import TenantNotFound, TenantSuspended
from steward_tenants.oauth.errors import InvalidToken
from steward_tenants.oauth.keys import current_keys
from steward_tenants.oauth.queries import (
    Standing,
    client_actor,
    membership_standing,
    standing_from,
    standing_statement,
)
from steward_tenants.oauth.rules import narrowed
from steward_tenants.oauth.tokens import AccessToken, Issuer, key_id_of, read_access_token
from steward_tenants.signin.caller import Caller
from steward_tenants.single_flight import SingleFlight

READER = system("oauth")
TRUSTED_SECONDS = 0.4
"""How long a process trusts that a token has not been revoked. Counted from before the look-up, so that even with a
slow database a revocation is felt well within a second."""
MOST_REMEMBERED = 20_000


class AccessTokenAuthenticator:
    """Verifies access tokens of `issuer` for `audience` and finds out who the bearer is."""

    def __init__(self, database: Database, issuer: str, audience: str) -> None:
        self.database = database
        self.issuer = Issuer(issuer, audience)
        self._remembered: dict[AccessToken, tuple[float, Caller]] = {}
        self._verified: dict[str, tuple[float, Caller]] = {}
        self._verifying: SingleFlight[str, Caller] = SingleFlight(TRUSTED_SECONDS)

    async def authenticate(self, token: str) -> Caller:
        """The caller that bears `token`; its permissions are the user's (or client's) ∩ the client's ∩ the scopes.

        Raises InvalidToken (not ours, altered, expired, revoked; client or user disabled), TenantSuspended.
        """
        verified = self._verified.get(token)
        if verified is not None and verified[0] > time.monotonic() and verified[1].expires_at > datetime.now(UTC):
            await self._check_tenant(verified[1].tenant_id)
            return verified[1]
        self._verified.pop(token, None)
        return await self._verifying.run(token, lambda: self._verify(token))

    async def _verify(self, token: str) -> Caller:
        kid = key_id_of(token)
        keys = await current_keys(self.database, kid=kid)
        content = read_access_token(keys, self.issuer, token)
        await self._check_tenant(content.tenant_id)
        now = time.monotonic()
        known = self._remembered.get(content)
        if known is not None and known[0] > now:
            return known[1]
        self._remembered.pop(content, None)
        caller = await self._look_up(content)
        self._remember(content, now + TRUSTED_SECONDS, caller)
        # For as long the text itself is believed: checking its signature costs as much as a small read.
        if len(self._verified) >= MOST_REMEMBERED:
            self._verified.clear()
        self._verified[token] = (now + TRUSTED_SECONDS, caller)
        return caller

    async def _check_tenant(self, tenant_id: UUID) -> None:
        try:
            status = await self.database.status(tenant_id)
        except TenantNotFound:
            raise InvalidToken from None
        if status is not TenantStatus.ACTIVE:
            raise TenantSuspended

    async def _look_up(self, token: AccessToken) -> Caller:
        async with self.database.read(token.tenant_id, READER) as session:
            rows = await session.rows(standing_statement(session, token.id))
            standing = standing_from(rows[0] if rows else None)
            if (
                standing is None
                or not standing.holds
                or standing.client.id != token.client_id
                or standing.grant.user_id != token.user_id
                or standing.grant.access_expires_at <= datetime.now(UTC)
            ):
                raise InvalidToken
            actor = await self._actor(session, standing)
        return Caller(
            tenant_id=token.tenant_id,
            actor=narrowed(actor, token.scopes & frozenset(standing.client.permissions)),
            account_id=standing.user.account_id if standing.user else None,
            expires_at=token.expires_at,
            token_id=token.id,
            scopes=token.scopes,
        )

    async def _actor(self, session: ReadSession, standing: Standing) -> Actor:
        if standing.user is None:
            return client_actor(standing.client)
        async with self.database.directory() as directory:
            member = await membership_standing(directory, session.tenant_id, standing.user.account_id)
        if member is None:
            raise InvalidToken
        return await actor_of(session, standing.user, today(member.time_zone))

    def _remember(self, token: AccessToken, until: float, caller: Caller) -> None:
        if len(self._remembered) >= MOST_REMEMBERED:
            now = time.monotonic()
            kept = {key: value for key, value in self._remembered.items() if value[0] > now}
            self._remembered = kept if len(kept) < MOST_REMEMBERED else {}
        self._remembered[token] = (until, caller)
