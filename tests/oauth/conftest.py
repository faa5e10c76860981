"""The OAuth endpoints over this worker's database, and a company."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from steward_tenants.database.database import Database
from tests.oauth.world import Company, World, make_company


@pytest_asyncio.fixture
async def world(database: Database) -> AsyncIterator[World]:
    """The application."""
    world = World(database)
    async with world.http:
        yield world


@pytest_asyncio.fixture
async def company(database: Database) -> Company:
    """A new tenant with a signed-in person."""
    return await make_company(database)
