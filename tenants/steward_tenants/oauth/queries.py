"""Who stands behind a token, and what a tenant's clients and tokens are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, select

from steward_tenants.access.permissions import CLIENTS_MANAGE
from steward_tenants.access.rules import require
from steward_tenants.database.actor import Actor, ActorKind, Grant, Scope
from steward_tenants.database.blocking import BlockingSession
from steward_tenants.database.session import DirectorySession, TenantSession
from steward_tenants.directory.models import Account, AccountStatus, Membership, Tenant
from steward_tenants.oauth.errors import ClientNotFound
from steward_tenants.oauth.models import ApiClient, ApiClientStatus, TokenGrant
from steward_tenants.people.models import User, UserStatus


@dataclass(frozen=True)
class Standing:
    """A token grant with its client, and its user unless the client acts for itself."""

    grant: TokenGrant
    client: ApiClient
    user: User | None

    @property
    def holds(self) -> bool:
        """Whether tokens of this grant are still good: nothing revoked, nobody disabled."""
        if self.grant.revoked_at is not None or self.client.status != ApiClientStatus.ACTIVE:
            return False
        return self.grant.user_id is None or (self.user is not None and self._stands(self.user))

    def _stands(self, user: User) -> bool:
        """Whether the user is active and was not disabled since the grant, even if enabled again."""
        if user.status != UserStatus.ACTIVE:
            return False
        return user.disabled_at is None or user.disabled_at < self.grant.created_at


def standing_statement(session: TenantSession | BlockingSession, grant_id: UUID) -> Select[TokenGrant, ApiClient, User]:
    """Reads a grant, its client and its user in one go; see `standing_from`."""
    return (
        select(TokenGrant, ApiClient, User)
        .join(ApiClient, and_(session.within(ApiClient), ApiClient.id == TokenGrant.client_id))
        .outerjoin(User, and_(session.within(User), User.id == TokenGrant.user_id))
        .where(session.within(TokenGrant), TokenGrant.id == grant_id)
    )


def standing_from(row: Any) -> Standing | None:
    """The standing in a row of `standing_statement`."""
    if row is None:
        return None
    grant, client, user = row
    return Standing(grant, client, user)


@dataclass(frozen=True)
class MemberStanding:
    """That an account may act in a tenant at this moment, and the tenant's time zone."""

    time_zone: str


async def membership_standing(directory: DirectorySession, tenant_id: UUID, account_id: UUID) -> MemberStanding | None:
    """The account's standing in the tenant, or None when the account or its membership is disabled or gone."""
    time_zone = await directory.scalar(
        select(Tenant.time_zone)
        .join(Membership, Membership.tenant_id == Tenant.id)
        .join(Account, Account.id == Membership.account_id)
        .where(
            Membership.tenant_id == tenant_id,
            Membership.account_id == account_id,
            Membership.active,
            Account.status == AccountStatus.ACTIVE,
        )
    )
    return None if time_zone is None else MemberStanding(time_zone)


def client_actor(client: ApiClient) -> Actor:
    """The actor that a client is when it acts for itself, with all that it may do."""
    grant = Grant(
        client.id,
        f"api_client:{client.name}",
        frozenset(client.permissions),
        Scope(client.scope),
        client.unit_id,
    )
    return Actor(ActorKind.CLIENT, client.id, client.name, client.unit_id, (grant,))


async def api_clients(session: TenantSession) -> Sequence[ApiClient]:
    """The tenant's API clients by name. Raises Forbidden."""
    require(session.actor, CLIENTS_MANAGE)
    rows: Sequence[ApiClient] = await session.scalars(
        select(ApiClient).where(session.within(ApiClient)).order_by(ApiClient.name, ApiClient.id)
    )
    return rows


async def api_client(session: TenantSession, client_id: UUID) -> ApiClient:
    """One API client. Raises Forbidden, ClientNotFound."""
    require(session.actor, CLIENTS_MANAGE)
    client = await session.get(ApiClient, client_id)
    if client is None:
        raise ClientNotFound(kind="API client")
    return client
