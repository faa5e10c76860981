"""The engine beside the reference."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from steward_core.runs.service import RunTools
from steward_graphql.execution.engine import Engine
from steward_tenants.files.store import LocalFileStore
from tests.cluster import Addresses
from tests.gql.agreement.answers import Bench, superuser
from tests.gql.world import World


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bench(
    world: World, addresses: Addresses, database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bench]:
    """One engine over the world, and a reference for each person who is asked about."""
    folder = tmp_path_factory.mktemp("bench")
    engine = Engine(world.database, tools=RunTools(LocalFileStore(folder / "files"), folder), connections=2)
    sql = superuser(addresses, database_name)
    yield Bench(world, engine, sql)
    await engine.close()
    sql.dispose()
