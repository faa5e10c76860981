"""Fixtures of the tests of opportunities."""

from __future__ import annotations

import pytest

from steward_tenants.database.database import Database
from tests.core.opportunities.office import Office, make_office


@pytest.fixture
async def office(database: Database) -> Office:
    """A branch that sells."""
    return await make_office(database)
