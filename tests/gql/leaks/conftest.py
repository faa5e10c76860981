"""Engines with both walls and with each alone, and what nobody may see."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.cluster import Addresses
from tests.gql.agreement.answers import Bench
from tests.gql.agreement.conftest import bench
from tests.gql.leaks.modes import Eyes, Mode, Watched, engine_in
from tests.gql.world import World, make_world

__all__ = ["bench"]


@pytest_asyncio.fixture(
    scope="session", loop_scope="session", params=[Mode.BOTH, Mode.WALL_1, Mode.WALL_2], ids=lambda mode: mode.name
)
async def walled(
    request: pytest.FixtureRequest, bench: Bench, addresses: Addresses, database_name: str
) -> AsyncIterator[tuple[Bench, Watched]]:
    """The world asked through an engine with some walls."""
    engine, watched = engine_in(bench.world, addresses, database_name, request.param)
    yield (
        Bench(bench.world, engine, bench.sql, references=bench.references, pools=bench.pools, cursors=bench.cursors),
        watched,
    )
    await engine.close()
    await watched.close()


@pytest.fixture(scope="session")
def eyes(bench: Bench) -> Eyes:
    """Looks through answers."""
    return Eyes(bench)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def worn(bench: Bench, addresses: Addresses, database_name: str) -> World:
    """Another world, for tests that try to change things."""
    return await make_world(bench.world.database)
