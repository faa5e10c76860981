"""Where the bytes of files lie. The database knows of them; the store only keeps and gives."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol
from uuid import UUID, uuid4

from steward_tenants.files.errors import FileDamaged, FileTooLarge
from steward_tenants.files.rules import HEAD_BYTES

CHUNK = 256 * 1024
"""Bytes given at a time."""
UNFINISHED = ".part"


@dataclass(frozen=True)
class Written:
    """What was written: bytes, their SHA-256, and the first of them, which tell the type."""

    size: int
    sha256: bytes
    head: bytes


@dataclass(frozen=True)
class Kept:
    """One file in the store: its id, or None for the rest of a write that never ended, and its age in seconds."""

    file_id: UUID | None
    age: float
    token: str


class FileStore(Protocol):
    """Keeps bytes under (tenant, file id). A file appears whole or not at all."""

    async def write(self, tenant_id: UUID, file_id: UUID, chunks: AsyncIterable[bytes], at_most: int) -> Written:
        """Keep `chunks`; raises FileTooLarge beyond `at_most` bytes, and then nothing stays."""
        ...

    def read(self, tenant_id: UUID, file_id: UUID) -> AsyncIterator[bytes]:
        """The bytes in chunks; raises FileDamaged when there are none."""
        ...

    async def delete(self, tenant_id: UUID, file_id: UUID) -> bool:
        """Forget a file; False when there was none."""
        ...

    async def listing(self, tenant_id: UUID) -> list[Kept]:
        """All that is kept for a tenant."""
        ...

    async def discard(self, tenant_id: UUID, kept: Kept) -> None:
        """Forget what `listing` told of."""
        ...

    async def remove_tenant(self, tenant_id: UUID) -> None:
        """Forget everything of a tenant."""
        ...


class LocalFileStore:
    """A `FileStore` in a folder: `<root>/<tenant>/<two hex digits>/<id>`. Names come from identifiers alone."""

    def __init__(self, root: Path) -> None:
        self.root = root

    async def write(self, tenant_id: UUID, file_id: UUID, chunks: AsyncIterable[bytes], at_most: int) -> Written:
        """Write beside the place, flush to disk, then move there."""
        place = self._place(tenant_id, file_id)
        part = place.with_name(f"{place.name}.{uuid4().hex}{UNFINISHED}")
        digest, size, head = hashlib.sha256(), 0, b""
        stream = await asyncio.to_thread(_create, part)
        try:
            async for chunk in chunks:
                size += len(chunk)
                if size > at_most:
                    raise FileTooLarge(megabytes=f"{at_most / 1024 / 1024:g}")
                if len(head) < HEAD_BYTES:
                    head += chunk[: HEAD_BYTES - len(head)]
                await asyncio.to_thread(_append, stream, digest, chunk)
            await asyncio.to_thread(_settle, stream, part, place)
        except BaseException:
            stream.close()
            with contextlib.suppress(FileNotFoundError):
                part.unlink()
            raise
        return Written(size, digest.digest(), head)

    async def read(self, tenant_id: UUID, file_id: UUID) -> AsyncIterator[bytes]:
        """Give the bytes."""
        try:
            stream = await asyncio.to_thread(self._place(tenant_id, file_id).open, "rb")
        except FileNotFoundError:
            raise FileDamaged from None
        try:
            while chunk := await asyncio.to_thread(stream.read, CHUNK):
                yield chunk
        finally:
            stream.close()

    async def delete(self, tenant_id: UUID, file_id: UUID) -> bool:
        """Unlink the file."""
        try:
            await asyncio.to_thread(self._place(tenant_id, file_id).unlink)
        except FileNotFoundError:
            return False
        return True

    async def listing(self, tenant_id: UUID) -> list[Kept]:
        """Walk the tenant's folder."""
        return await asyncio.to_thread(lambda: list(self._walk(tenant_id)))

    async def discard(self, tenant_id: UUID, kept: Kept) -> None:
        """Unlink by the name that the walk saw."""
        path = self.root / str(tenant_id) / kept.token
        with contextlib.suppress(FileNotFoundError):
            await asyncio.to_thread(path.unlink)

    async def remove_tenant(self, tenant_id: UUID) -> None:
        """Remove the tenant's folder; others may be doing the same."""
        await asyncio.to_thread(_remove, self.root / str(UUID(str(tenant_id))))

    def _place(self, tenant_id: UUID, file_id: UUID) -> Path:
        # The end of a UUIDv7 is random; its start is the time and would fill one folder a month.
        name = str(UUID(str(file_id)))
        return self.root / str(UUID(str(tenant_id))) / name[-2:] / name

    def _walk(self, tenant_id: UUID) -> Iterator[Kept]:
        now = time.time()
        for path in (self.root / str(UUID(str(tenant_id)))).glob("*/*"):
            try:
                age = now - path.stat().st_mtime
            except FileNotFoundError:
                continue
            yield Kept(file_id_of(path.name), age, f"{path.parent.name}/{path.name}")


def _remove(folder: Path) -> None:
    while folder.exists():
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)


def file_id_of(name: str) -> UUID | None:
    """The file id that a name in the store stands for; None when it stands for none."""
    try:
        return UUID(name)
    except ValueError:
        return None


def _create(part: Path) -> IO[bytes]:
    part.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _append(stream: IO[bytes], digest: hashlib._Hash, chunk: bytes) -> None:
    digest.update(chunk)
    stream.write(chunk)


def _settle(stream: IO[bytes], part: Path, place: Path) -> None:
    stream.flush()
    os.fsync(stream.fileno())
    stream.close()
    part.replace(place)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
