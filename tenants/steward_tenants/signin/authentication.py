"""From a session token to its caller. What is cached is so short-lived that a revocation is felt within a second."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import and_, func, or_, select, update

from steward_tenants.access.queries import actor_of, today
from steward_tenants.database.actor import Actor, system
from steward_tenants.database.database import Database
from steward_tenants.database.errors import DatabaseUnavailable, Overloaded, QueryTimeout
from steward_tenants.database.pipeline import Pipelines
from steward_tenants.database.session import TenantSession
from steward_tenants.directory.models import PasswordProfile, Tenant, TenantStatus
from steward_tenants.errors import TenantNotFound, TenantSuspended, Unauthenticated
from steward_tenants.people.models import User, UserStatus
from steward_tenants.signin.caller import Caller
from steward_tenants.signin.models import SessionKind, SignInSession
from steward_tenants.signin.opening import live_support_access, support_actor
from steward_tenants.signin.rules import PROFILES, session_ended
from steward_tenants.signin.session_statement import find_session
from steward_tenants.signin.tokens import SessionToken, parse_session_token
from steward_tenants.single_flight import SingleFlight

TRUSTED_SECONDS = 0.3
"""How long a verified token is believed without looking again; with the tenant's status, together below a second."""
TENANT_SECONDS = 10.0
"""How long a tenant's time zone and profile are believed."""
KNOWN_AT_MOST = 10_000
SEEN_EVERY = timedelta(minutes=1)
AUTHENTICATION = system("authentication")


class _TenantFacts(NamedTuple):
    time_zone: str
    idle_seconds: int


@dataclass(frozen=True)
class _Believed:
    caller: Caller
    until: float


class SessionAuthenticator:
    """Verifies session tokens (`sts.…`). One per process. With `pipelines` it asks over them."""

    def __init__(self, database: Database, pipelines: Pipelines | None = None) -> None:
        self._database = database
        self._pipelines = pipelines
        self._believed: OrderedDict[str, _Believed] = OrderedDict()
        self._tenants: dict[UUID, tuple[float, _TenantFacts]] = {}
        self._looking_up: SingleFlight[bytes, Caller] = SingleFlight(TRUSTED_SECONDS)

    async def authenticate(self, token: str) -> Caller:
        """The caller of a session token. Raises Unauthenticated, TenantSuspended."""
        believed = self._believed.get(token)
        if believed is not None and believed.until > time.monotonic():
            caller = believed.caller
        else:
            parsed = parse_session_token(token)
            if parsed is None:
                raise Unauthenticated
            caller = await self._looking_up.run(parsed.digest, lambda: self._look_up(token, parsed))
        if caller.expires_at <= datetime.now(UTC):
            raise Unauthenticated
        known = self._database.known_status(caller.tenant_id)
        if (known or await self._database.status(caller.tenant_id)) is not TenantStatus.ACTIVE:
            raise TenantSuspended
        return caller

    def forget(self, token: str) -> None:
        """Have the next use of a token looked up again: after signing out in this process."""
        self._believed.pop(token, None)

    async def _look_up(self, text: str, token: SessionToken) -> Caller:
        self._believed.pop(text, None)
        asked_at = time.monotonic()
        try:
            facts = await self._tenant_facts(token.tenant_id)
            caller = None
            if self._pipelines is not None:
                caller, seen_long_ago = await self._piped(self._pipelines, token, facts)
            if caller is not None:
                return await self._believe(text, caller, asked_at, seen_long_ago=seen_long_ago)
            async with self._database.read(token.tenant_id, AUTHENTICATION, even_suspended=True) as session:
                caller, seen_long_ago = await self._caller(session, token, facts)
        except TenantNotFound:
            raise Unauthenticated from None
        return await self._believe(text, caller, asked_at, seen_long_ago=seen_long_ago)

    async def _piped(
        self, pipelines: Pipelines, token: SessionToken, facts: _TenantFacts
    ) -> tuple[Caller | None, bool]:
        """The caller of a user's session, in one round trip; None where the other way has to find out more (support
        sessions, suspended tenants). Raises Unauthenticated."""
        try:
            found = await find_session(pipelines, token.tenant_id, token.digest, today(facts.time_zone))
        except (TenantSuspended, DatabaseUnavailable, Overloaded, QueryTimeout):
            return None, False
        if found is None:
            raise Unauthenticated
        if session_ended(found.last_seen_at, found.expires_at, found.revoked_at, found.now, facts.idle_seconds):
            raise Unauthenticated
        if found.kind is not SessionKind.USER:
            return None, False
        if found.actor is None or found.user_account_id != found.account_id:
            raise Unauthenticated
        caller = Caller(
            tenant_id=token.tenant_id,
            actor=found.actor,
            account_id=found.account_id,
            expires_at=found.expires_at,
            sign_in_session_id=found.id,
        )
        return caller, found.now - found.last_seen_at >= SEEN_EVERY

    async def _believe(self, token: str, caller: Caller, asked_at: float, *, seen_long_ago: bool) -> Caller:
        if seen_long_ago:
            await self._note_seen(caller)
        while len(self._believed) >= KNOWN_AT_MOST:
            self._believed.popitem(last=False)
        self._believed[token] = _Believed(caller, asked_at + TRUSTED_SECONDS)
        return caller

    async def _caller(self, session: TenantSession, token: SessionToken, facts: _TenantFacts) -> tuple[Caller, bool]:
        rows = await session.rows(
            select(SignInSession, User, func.now())
            .outerjoin(
                User,
                and_(
                    session.within(User),
                    User.id == SignInSession.subject_id,
                    SignInSession.kind == SessionKind.USER,
                    User.status == UserStatus.ACTIVE,
                    or_(User.disabled_at.is_(None), User.disabled_at < SignInSession.created_at),
                ),
            )
            .where(session.within(SignInSession), SignInSession.token_digest == token.digest)
        )
        if not rows:
            raise Unauthenticated
        found: SignInSession
        user: User | None
        found, user, now = rows[0]
        if session_ended(found.last_seen_at, found.expires_at, found.revoked_at, now, facts.idle_seconds):
            raise Unauthenticated
        actor = await self._actor(session, found, user, facts)
        caller = Caller(
            tenant_id=session.tenant_id,
            actor=actor,
            account_id=found.account_id,
            expires_at=found.expires_at,
            sign_in_session_id=found.id,
        )
        return caller, now - found.last_seen_at >= SEEN_EVERY

    async def _actor(
        self, session: TenantSession, found: SignInSession, user: User | None, facts: _TenantFacts
    ) -> Actor:
        if found.kind == SessionKind.SUPPORT:
            access = await live_support_access(session, found.subject_id, found.support_access_id)
            if access is None or found.support_access_id is None:
                raise Unauthenticated
            return await support_actor(session, access, found.id)
        if user is None or user.account_id != found.account_id:
            raise Unauthenticated
        return await actor_of(session, user, today(facts.time_zone), found.id)

    async def _note_seen(self, caller: Caller) -> None:
        """Move `last_seen_at`, at most once a minute whatever the number of processes."""
        async with self._database.write(caller.tenant_id, AUTHENTICATION, even_suspended=True) as session:
            await session.execute(
                update(SignInSession)
                .where(
                    session.within(SignInSession),
                    SignInSession.id == caller.sign_in_session_id,
                    SignInSession.revoked_at.is_(None),
                    SignInSession.last_seen_at <= func.now() - SEEN_EVERY,
                )
                .values(last_seen_at=func.now())
            )

    async def _tenant_facts(self, tenant_id: UUID) -> _TenantFacts:
        known = self._tenants.get(tenant_id)
        now = time.monotonic()
        if known and known[0] > now:
            return known[1]
        async with self._database.directory() as directory:
            row = (
                await directory.rows(select(Tenant.time_zone, Tenant.password_profile).where(Tenant.id == tenant_id))
            )[:1]
        if not row:
            raise TenantNotFound
        time_zone, profile = row[0]
        facts = _TenantFacts(time_zone, PROFILES[PasswordProfile(profile)].idle_seconds)
        if len(self._tenants) >= KNOWN_AT_MOST:
            self._tenants.clear()
        self._tenants[tenant_id] = (now + TENANT_SECONDS, facts)
        return facts
