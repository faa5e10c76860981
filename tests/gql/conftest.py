"""The world of the GraphQL tests, built once for each worker."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from steward_tenants.database.database import Database
from tests.gql.world import World, make_world


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(database: Database) -> AsyncIterator[World]:
    """Three tenants with people and rows. Tests that change anything make tenants of their own."""
    yield await make_world(database)
