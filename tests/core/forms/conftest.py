"""The workshop industry is installed for every test of forms that asks for a place."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from steward_tenants.database.database import Database
from tests.core.forms.workshop import Place, installed, make_place


@pytest_asyncio.fixture
async def place(database: Database) -> AsyncIterator[Place]:
    """A tenant of its own with the industry on, and a client."""
    with installed():
        yield await make_place(database)
