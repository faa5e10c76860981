"""A log of its own for each test."""

from __future__ import annotations

import pytest_asyncio

from steward_tenants.database.database import Database
from tests.audit.logbook import Logbook, new_logbook
from tests.cluster import Addresses


@pytest_asyncio.fixture(loop_scope="session")
async def log(database: Database, addresses: Addresses, database_name: str) -> Logbook:
    """The log of a new tenant."""
    return await new_logbook(database, addresses.superuser(database_name))
