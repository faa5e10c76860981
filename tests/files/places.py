"""Stores of either kind, and a look at what they really keep."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from moto.s3.models import S3Backend

from steward_tenants.files.bucket import Bucket
from steward_tenants.files.object_store import ObjectFileStore
from steward_tenants.files.store import FileStore, LocalFileStore

NAME = "steward-files"


class Place(Protocol):
    """A store, and a look at what is really kept."""

    @property
    def store(self) -> FileStore:
        """The store."""
        ...

    def remains(self) -> int:
        """Files and unfinished writes, of all tenants."""
        ...

    def make_older(self, tenant_id: UUID, file_id: UUID, seconds: int) -> None:
        """Date a file back."""
        ...


@dataclass
class Folder:
    store: LocalFileStore

    def remains(self) -> int:
        return sum(path.is_file() for path in self.store.root.rglob("*"))

    def make_older(self, tenant_id: UUID, file_id: UUID, seconds: int) -> None:
        path = self.store._place(tenant_id, file_id)
        os.utime(path, (path.stat().st_mtime - seconds,) * 2)


@dataclass
class Objects:
    store: ObjectFileStore
    backend: S3Backend

    @property
    def keys(self) -> list[str]:
        return sorted(self.backend.buckets[NAME].keys)

    def remains(self) -> int:
        return len(self.keys) + self.unfinished()

    def unfinished(self) -> int:
        return len(self.backend.buckets[NAME].multiparts)

    def make_older(self, tenant_id: UUID, file_id: UUID, seconds: int) -> None:
        key = self.backend.buckets[NAME].keys[f"some/where/{tenant_id}/{file_id}"]
        key.last_modified -= timedelta(seconds=seconds)


def a_bucket(endpoint: str) -> Bucket:
    return Bucket(NAME, "us-east-1", endpoint, "an-id", "a-secret", "some/where")


async def pieces(data: bytes, sizes: tuple[int, ...] = (65_536,)) -> AsyncIterator[bytes]:
    """`data` in chunks of these sizes, again and again."""
    start, turn = 0, 0
    while start < len(data):
        size = sizes[turn % len(sizes)]
        yield data[start : start + size]
        start, turn = start + size, turn + 1


async def read(store: FileStore, tenant_id: UUID, file_id: UUID) -> bytes:
    return b"".join([chunk async for chunk in store.read(tenant_id, file_id)])
