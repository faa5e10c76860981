"""A tenant for each test."""

from __future__ import annotations

from pathlib import Path

import pytest_asyncio

from steward_tenants.database.database import Database
from tests.gql.mutations.place import Place, make_place


@pytest_asyncio.fixture(loop_scope="session")
async def place(database: Database, tmp_path: Path) -> Place:
    """A fresh tenant."""
    return await make_place(database, tmp_path)
