"""File stores for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from steward_tenants.files.object_store import ObjectFileStore
from steward_tenants.files.store import LocalFileStore
from tests.files.places import NAME, Folder, Objects, Place, a_bucket


@pytest.fixture
def store(tmp_path: Path) -> LocalFileStore:
    """An empty store."""
    return LocalFileStore(tmp_path / "files")


@pytest.fixture(scope="session")
def service() -> Iterator[str]:
    """A server that speaks the protocol, on this machine alone."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture
def objects(service: str) -> Iterator[Objects]:
    """An empty bucket."""
    backend = s3_backends["123456789012"]["aws"]
    backend.reset()
    backend.create_bucket(NAME, "us-east-1")
    yield Objects(ObjectFileStore(a_bucket(service)), backend)
    backend.reset()


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty store of either kind."""
    if request.param == "folder":
        return Folder(LocalFileStore(tmp_path / "files"))
    objects: Objects = request.getfixturevalue("objects")
    return objects
