"""What an upgrade brings to tenants that were there before there were schedules."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from steward_core.schedules.queries import schedules
from steward_server.refresh import refresh_schedules
from steward_tenants.database.database import Database
from tests.cluster import Addresses
from tests.core.schedules.support import ADMIN, bells_of, forget_bells
from tests.factories import make_tenant


@pytest_asyncio.fixture(loop_scope="session")
async def own_database(addresses: Addresses, worker_id: str) -> AsyncIterator[Database]:
    """A database of the test's own: what it does concerns every tenant in it."""
    name = f"steward_schedules_{worker_id}"
    addresses.clone(name)
    database = Database(addresses.settings(name))
    yield database
    await database.dispose()
    addresses.drop(name)


async def test_tenants_get_the_schedules_that_they_lack(own_database: Database) -> None:
    tenant = await make_tenant(own_database)
    brought = await refresh_schedules(own_database)
    assert await refresh_schedules(own_database) == 0
    async with own_database.read(tenant, ADMIN) as session:
        there = {one.key for one in await schedules(session)}
    assert brought == len(there)
    assert {"system.upkeep", "system.clients_nightly", "system.promises", "system.audit_verify"} <= there
    await forget_bells(own_database)
    await refresh_schedules(own_database)
    assert len(await bells_of(own_database, tenant)) == 1, "a scheduler looks at it again"
