"""A place of its own for each module: Valkey is emptied and restarted in these tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from steward_tenants.database.database import Database
from tests.cluster import Addresses
from tests.workers.place import Place


@pytest.fixture
def place(tmp_path: Path, addresses: Addresses, database_name: str, database: Database) -> Iterator[Place]:
    """Servers and processes of one test."""
    place = Place(tmp_path, addresses, database_name, database)
    yield place
    place.end()
