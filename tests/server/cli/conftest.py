"""One database with the demo companies for the command line's tests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from steward_server import demo
from steward_tenants.database.database import Database
from tests.cluster import SECRET_KEYS, TENANT_KEYS, Addresses
from tests.server.api.live import as_text
from tests.server.cli.console import Console, in_thread

PASSWORD = "Quiet-Lantern-Meadow-2291"


@pytest.fixture(scope="package")
def console(addresses: Addresses, worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """The command line over two demo companies."""
    name = f"steward_cli_{worker_id}"
    addresses.clone(name)
    settings = addresses.settings(name)

    async def make() -> None:
        database = Database(settings)
        try:
            await demo.ensure(database, PASSWORD)
        finally:
            await database.dispose()

    in_thread(lambda: asyncio.run(make()))
    environment = {
        "DATABASE_URL": addresses.url("steward_app", name),
        "DIRECTORY_URL": addresses.url("steward_directory", name),
        "REDIS_URL": addresses.redis_url,
        "TENANT_KEYS": as_text(TENANT_KEYS),
        "SECRET_KEYS": as_text(SECRET_KEYS),
        "PUBLIC_URL": "http://127.0.0.1:8000",
        "FILES_PATH": str(tmp_path_factory.mktemp("cli") / "files"),
        "PASSWORD": PASSWORD,
    }
    with pytest.MonkeyPatch.context() as patched:
        for variable, value in environment.items():
            patched.setenv(f"STEWARD_{variable}", value)
        patched.delenv("STEWARD_LOGIN", raising=False)
        yield Console(settings)
    addresses.drop(name)
