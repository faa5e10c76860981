"""The application over the demo companies, which have people and units and no clients yet."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from steward_server import demo
from steward_tenants.database.database import Database
from tests.cluster import Addresses
from tests.gql.stories.house import PASSWORD, House
from tests.server.api.live import serving
from tests.server.cli.console import in_thread


@pytest.fixture(scope="session")
def house(addresses: Addresses, worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Everybody signs in with one password."""
    name = f"steward_stories_{worker_id}"
    addresses.clone(name)
    folder = tmp_path_factory.mktemp("stories")

    async def make() -> None:
        database = Database(addresses.settings(name))
        try:
            await demo.ensure(database, PASSWORD)
        finally:
            await database.dispose()

    in_thread(lambda: asyncio.run(make()))
    with serving(addresses, name, folder) as live:
        yield House(live.url)
    addresses.drop(name)
