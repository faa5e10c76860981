"""As whom a run is driven: the person, or API client, who asked for it or resumed it last, as they stand now."""

from __future__ import annotations

from uuid import UUID

from steward_core.runs.errors import DriverGone
from steward_core.runs.models import Run
from steward_tenants.access.queries import actor_of, today
from steward_tenants.configuration.queries import tenant_facts
from steward_tenants.database.actor import NOBODY, Actor, ActorKind, system
from steward_tenants.database.database import Database
from steward_tenants.database.session import TenantSession
from steward_tenants.oauth.models import ApiClient, ApiClientStatus
from steward_tenants.oauth.queries import client_actor
from steward_tenants.oauth.rules import narrowed
from steward_tenants.people.models import User, UserStatus

RUNS = system("runs")
"""Runs that the platform itself asked for."""


async def driver_of(database: Database, session: TenantSession, run: Run) -> Actor:
    """The actor that drives a run, with the grants of today and at most the rights with which it was asked for.

    Raises DriverGone, also for runs asked for under support access: that ends with its operator's session.
    """
    kind, driver_id = ActorKind(run.driver_kind), run.driver_id or run.requested_by
    if driver_id == NOBODY or kind in (ActorKind.SYSTEM, ActorKind.OPERATOR):
        return RUNS
    if kind is ActorKind.SUPPORT:
        raise DriverGone
    actor = await (_client if kind is ActorKind.CLIENT else person)(database, session, driver_id)
    return actor if run.driver_rights is None else narrowed(actor, run.driver_rights)


async def person(database: Database, session: TenantSession, user_id: UUID) -> Actor:
    """The actor that a person is now. Raises DriverGone for one who is not active."""
    user = await session.get(User, user_id)
    if user is None or user.status != UserStatus.ACTIVE:
        raise DriverGone
    facts = await tenant_facts(database, session.tenant_id)
    return await actor_of(session, user, today(facts.time_zone))


async def _client(_database: Database, session: TenantSession, client_id: UUID) -> Actor:
    client = await session.get(ApiClient, client_id)
    if client is None or client.status != ApiClientStatus.ACTIVE:
        raise DriverGone
    return client_actor(client)
