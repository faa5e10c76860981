"""The engine beside the reference."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from steward_graphql.execution.engine import Engine
from tests.cluster import Addresses
from tests.gql.agreement.answers import Bench, superuser
from tests.gql.world import World


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bench(world: World, addresses: Addresses, database_name: str) -> AsyncIterator[Bench]:
    """One engine over the world, and a reference for each person who is asked about."""
    engine = Engine(world.database, connections=2)
    sql = superuser(addresses, database_name)
    yield Bench(world, engine, sql)
    await engine.close()
    sql.dispose()
