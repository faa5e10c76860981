"""An engine over the run's database, and one tenant with units, people and clients."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest_asyncio

from steward_core import permissions as c
from steward_graphql.execution.engine import Engine
from steward_tenants.access import permissions as p
from steward_tenants.access.permissions import Permission
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.people.models import User
from steward_tenants.signin.caller import Caller
from tests.core.factories import make_client, make_contact, make_kinds, make_tiers
from tests.factories import TESTS, actor_with, make_member, make_tenant, make_unit

EVERYTHING = (
    c.CLIENTS_VIEW, c.CLIENTS_EDIT, c.CLIENTS_ASSIGN, p.UNITS_VIEW, p.UNITS_MANAGE, p.PEOPLE_VIEW, p.SETTINGS_MANAGE,
    p.PLUGINS_MANAGE,
)  # fmt: skip


@dataclass
class Shop:
    """A tenant with 6 clients that Li owns; the first has 3 contacts."""

    tenant_id: UUID
    owner: User
    unit_id: UUID
    clients: list[UUID]

    def caller(self, *permissions: Permission, scope: Scope = Scope.ALL, user: User | None = None) -> Caller:
        """Somebody with these permissions, or all that these tests use."""
        actor = actor_with(*(permissions or EVERYTHING), scope=scope, user=user or self.owner)
        return Caller(self.tenant_id, actor, None, datetime.now(UTC) + timedelta(hours=1))


async def make_shop(database: Database, letter: str = "甲") -> Shop:
    """A new one; `letter` stands in every name."""
    tenant_id = await make_tenant(database)
    owner = await make_member(database, tenant_id, name=f"李{letter}")
    async with database.write(tenant_id, TESTS) as session:
        make_kinds(session)
        make_tiers(session)
        unit = make_unit(session, code=f"U{letter}", name=f"{letter}部")
        await session.flush()
        clients = [
            make_client(
                session, name=f"{letter}客户{number}", code=f"{letter}{number}", owner_id=owner.id, unit_id=unit.id
            )
            for number in range(6)
        ]
        await session.flush()
        for number in range(3):
            make_contact(session, clients[0].id, name=f"{letter}联系人{number}", phone="13900001111")
    return Shop(tenant_id, owner, unit.id, [client.id for client in clients])


@pytest_asyncio.fixture(loop_scope="session")
async def shop(database: Database) -> Shop:
    """A tenant of the test's own."""
    return await make_shop(database)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engine(database: Database) -> AsyncIterator[Engine]:
    """The engine as it is in production, over the real schemas."""
    made = Engine(database, connections=2)
    yield made
    await made.close()
