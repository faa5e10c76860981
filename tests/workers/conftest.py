"""A database of this folder's own: workers do the jobs of every tenant in it, and other tests leave many behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from steward_tenants.database.database import Database
from tests.cluster import Addresses
from tests.workers.place import Place


@pytest.fixture(scope="session")
def database_name(addresses: Addresses, worker_id: str) -> Iterator[str]:
    """A database in which only the tests of this folder work."""
    name = f"steward_{worker_id}_jobs"
    addresses.clone(name)
    yield name
    addresses.drop(name)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database(addresses: Addresses, database_name: str) -> AsyncIterator[Database]:
    """The kit over it."""
    database = Database(addresses.settings(database_name))
    yield database
    await database.dispose()


@pytest.fixture
def place(tmp_path: Path, addresses: Addresses, database_name: str, database: Database) -> Iterator[Place]:
    """Servers and processes of one test."""
    place = Place(tmp_path, addresses, database_name, database)
    yield place
    place.end()
