"""Whether a caller's rights still stand: asked again and again while a subscription is open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from steward_graphql.declared.shapes import Asked
from steward_tenants.access.queries import actor_of
from steward_tenants.configuration.queries import tenant_facts
from steward_tenants.database.actor import Actor, ActorKind
from steward_tenants.database.session import ReadSession
from steward_tenants.errors import StewardError
from steward_tenants.oauth.queries import Standing, client_actor, standing_from, standing_statement
from steward_tenants.oauth.rules import narrowed
from steward_tenants.people.models import User, UserStatus
from steward_tenants.signin.models import SignInSession
from steward_tenants.signin.opening import live_support_access
from steward_tenants.signin.rules import PROFILES, session_ended


@dataclass
class Watch:
    """Opens one short session after another for a subscription, until the caller's rights end.

    They end with the token or sign-in session, when the person is disabled, the tenant suspended, or other roles are
    held than when the subscription began: what was asked then was allowed to somebody else.
    """

    asked: Asked
    idle_seconds: int

    @classmethod
    async def of(cls, asked: Asked) -> Watch:
        """For the caller of a subscription."""
        facts = await tenant_facts(asked.database, asked.tenant_id)
        return cls(asked, PROFILES[facts.password_profile].idle_seconds)

    def now(self) -> Asked:
        """The same caller on the tenant's present day."""
        return replace(self.asked, today=datetime.now(self.asked.zone).date())

    @asynccontextmanager
    async def session(self) -> AsyncIterator[ReadSession | None]:
        """A session of the caller, or None when the rights ended."""
        asked = self.now()
        if asked.caller.expires_at <= datetime.now(UTC):
            yield None
            return
        async with AsyncExitStack() as stack:
            opened = asked.database.read(asked.tenant_id, asked.caller.actor, request_id=asked.request_id)
            try:
                session = await stack.enter_async_context(opened)
            except StewardError:
                yield None
                return
            yield session if await self._stands(session, asked) else None

    async def _stands(self, session: ReadSession, asked: Asked) -> bool:
        caller = asked.caller
        if caller.token_id is not None:
            return await self._token_stands(session, asked)
        if caller.sign_in_session_id is not None and not await self._signed_in(session, asked):
            return False
        if caller.actor.kind is not ActorKind.USER:
            return True
        person = await session.get(User, caller.actor.id)
        if person is None or person.status != UserStatus.ACTIVE:
            return False
        return _same(await actor_of(session, person, asked.today), caller.actor)

    async def _signed_in(self, session: ReadSession, asked: Asked) -> bool:
        row = await session.get(SignInSession, asked.caller.sign_in_session_id or asked.tenant_id)
        if row is None:
            return False
        now = datetime.now(UTC)
        if session_ended(row.last_seen_at, row.expires_at, row.revoked_at, now, self.idle_seconds):
            return False
        if row.support_access_id is None:
            return True
        return await live_support_access(session, row.subject_id, row.support_access_id) is not None

    async def _token_stands(self, session: ReadSession, asked: Asked) -> bool:
        caller = asked.caller
        if caller.token_id is None:
            return False
        rows = await session.rows(standing_statement(session, caller.token_id))
        standing = standing_from(rows[0] if rows else None)
        if standing is None or not standing.holds or standing.grant.access_expires_at <= datetime.now(UTC):
            return False
        actor = await self._actor_behind(session, standing, asked)
        scopes = (caller.scopes or frozenset()) & frozenset(standing.client.permissions)
        return _same(narrowed(actor, scopes), caller.actor)

    async def _actor_behind(self, session: ReadSession, standing: Standing, asked: Asked) -> Actor:
        if standing.user is None:
            return client_actor(standing.client)
        return await actor_of(session, standing.user, asked.today)


def _same(one: Actor, other: Actor) -> bool:
    """Whether two actors may do the same with the same rows."""
    return one.unit_id == other.unit_id and set(one.grants) == set(other.grants)
