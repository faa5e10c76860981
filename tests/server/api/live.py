"""The real application in a real server on a port of its own, for tests that speak HTTP to it."""

from __future__ import annotations

import asyncio
import base64
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from fastapi import FastAPI

from steward_server.api.application import create_app
from steward_server.api.edge import Edge
from steward_server.embedded.home import EmbeddedHome
from steward_server.settings import Settings
from tests.cluster import SECRET_KEYS, TENANT_KEYS, Addresses

T = TypeVar("T")


def as_text(keys: tuple[Any, ...]) -> str:
    """Keys in the form of the settings."""
    return ",".join(f"{key.key_id}:{base64.urlsafe_b64encode(key.secret).decode()}" for key in keys)


def make_settings(addresses: Addresses, database: str, folder: Path, port: int, **values: Any) -> Settings:
    """Settings of an application over the test cluster; `values` override."""
    url = addresses.url
    return Settings(
        _env_file=None,
        **{
            "embedded": True,
            "database_url": url("steward_app", database),
            "directory_url": url("steward_directory", database),
            "redis_url": addresses.redis_url,
            "tenant_keys": as_text(TENANT_KEYS),
            "secret_keys": as_text(SECRET_KEYS),
            "public_url": f"http://127.0.0.1:{port}",
            "listen_port": port,
            "files_path": folder / "files",
            "log_format": "console",
            "max_body_bytes": 200_000,
            **values,
        },
    )


@dataclass
class Live:
    """A running application. `run` executes a coroutine on its loop, over its own database."""

    url: str
    app: FastAPI
    loop: asyncio.AbstractEventLoop

    @property
    def edge(self) -> Edge:
        edge: Edge = self.app.state.edge
        return edge

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)


@contextmanager
def serving(addresses: Addresses, database: str, folder: Path, **values: Any) -> Iterator[Live]:
    """Serve the application until the block ends."""
    port = EmbeddedHome(folder / "home").port("api")
    app = create_app(make_settings(addresses, database, folder, port, **values))
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False, loop="asyncio")
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(server.serve()), daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    try:
        yield Live(f"http://127.0.0.1:{port}", app, loop)
    finally:
        server.should_exit = True
        thread.join(20)
        loop.close()
