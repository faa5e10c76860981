"""A `FileStore` in a bucket of Amazon S3 or of a service that speaks its protocol."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from steward_tenants.files.bucket import Bucket
from steward_tenants.files.errors import FileDamaged, FilesUnreachable, FileTooLarge
from steward_tenants.files.rules import HEAD_BYTES
from steward_tenants.files.store import CHUNK, Kept, Written, file_id_of

if TYPE_CHECKING:
    from obstore.store import S3Credential

PART = 8 * 1024 * 1024
"""Bytes of one part of an upload; what is smaller goes in one request. 10,000 parts are the protocol's limit."""
PARTS_AT_ONCE = 4
LISTED_AT_ONCE = 1000


class ObjectFileStore:
    """A `FileStore` in a bucket: `<prefix>/<tenant>/<id>`. Names come from identifiers alone.

    Every method raises FilesUnreachable when the service does not answer or refuses. Parts of an upload never show
    in `listing`: a failed or cancelled write takes them back, and what a killed process leaves is for the bucket's
    own rule on unfinished uploads.
    """

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self._objects = _open(bucket)

    async def write(self, tenant_id: UUID, file_id: UUID, chunks: AsyncIterable[bytes], at_most: int) -> Written:
        """Send a small file at once and a large one in parts; the service shows it when it has all of it."""
        key = _key(tenant_id, file_id)
        measure = _Measure(at_most)
        async with contextlib.aclosing(_parts(chunks, measure)) as parts:
            first = await anext(parts)
            if len(first) < PART:
                with _reaching():
                    await obstore.put_async(self._objects, key, first, use_multipart=False)
            else:
                await self._write_parts(key, first, parts)
        return measure.written()

    async def read(self, tenant_id: UUID, file_id: UUID) -> AsyncIterator[bytes]:
        """Give the bytes as they arrive."""
        with _reaching():
            try:
                found = await obstore.get_async(self._objects, _key(tenant_id, file_id))
            except FileNotFoundError:
                raise FileDamaged from None
        stream = aiter(found.stream(min_chunk_size=CHUNK))
        while True:
            with _reaching():
                try:
                    chunk = bytes(await anext(stream))
                except StopAsyncIteration:
                    return
            yield chunk

    async def delete(self, tenant_id: UUID, file_id: UUID) -> bool:
        """Delete the object; the protocol does not say whether there was one, so look first."""
        key = _key(tenant_id, file_id)
        with _reaching():
            try:
                await obstore.head_async(self._objects, key)
            except FileNotFoundError:
                return False
            await obstore.delete_async(self._objects, key)
        return True

    async def listing(self, tenant_id: UUID) -> list[Kept]:
        """List the tenant's objects."""
        now = time.time()
        return [
            Kept(file_id_of(name), max(0.0, now - written), name)
            async for page in self._pages(tenant_id)
            for name, written in page
        ]

    async def discard(self, tenant_id: UUID, kept: Kept) -> None:
        """Delete by the name that was listed."""
        with _reaching():
            await obstore.delete_async(self._objects, f"{_folder(tenant_id)}/{kept.token}")

    async def remove_tenant(self, tenant_id: UUID) -> None:
        """Delete the tenant's objects page by page."""
        folder = _folder(tenant_id)
        async for page in self._pages(tenant_id):
            with _reaching():
                await obstore.delete_async(self._objects, [f"{folder}/{name}" for name, _ in page])

    async def _pages(self, tenant_id: UUID) -> AsyncIterator[list[tuple[str, float]]]:
        folder = _folder(tenant_id)
        pages = aiter(obstore.list(self._objects, folder, chunk_size=LISTED_AT_ONCE))
        while True:
            with _reaching():
                try:
                    page = await anext(pages)
                except StopAsyncIteration:
                    return
            yield [(found["path"].removeprefix(f"{folder}/"), found["last_modified"].timestamp()) for found in page]

    async def _write_parts(self, key: str, first: bytes, parts: AsyncIterator[bytes]) -> None:
        # The library takes an upload back when its source fails, not when its task is cancelled. So the upload is
        # a task of its own that is never cancelled; its source fails when this task stops.
        source = _Source()
        sending = asyncio.create_task(self._send(key, source))
        try:
            await source.give(first, sending)
            async for part in parts:
                await source.give(part, sending)
            await source.give(None, sending)
            await asyncio.shield(sending)
        except BaseException:
            source.abandon()
            await asyncio.wait([sending])
            if not sending.cancelled():
                sending.exception()
            raise

    async def _send(self, key: str, source: _Source) -> None:
        with _reaching():
            await obstore.put_async(
                self._objects, key, source, use_multipart=True, chunk_size=PART, max_concurrency=PARTS_AT_ONCE
            )


@dataclass
class _Measure:
    """What went by so far."""

    at_most: int
    size: int = 0
    head: bytes = b""
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def take(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self.size > self.at_most:
            raise FileTooLarge(megabytes=f"{self.at_most / 1024 / 1024:g}")
        if len(self.head) < HEAD_BYTES:
            self.head += chunk[: HEAD_BYTES - len(self.head)]

    def written(self) -> Written:
        return Written(self.size, self.digest.digest(), self.head)


class _Abandoned(Exception):
    """The writing task stopped; its upload is to be taken back."""


class _Source:
    """Hands parts to the upload, one at a time. It ends with None and fails once abandoned."""

    def __init__(self) -> None:
        self._parts: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=1)
        self._abandoned = asyncio.Event()

    async def give(self, part: bytes | None, sending: asyncio.Task[None]) -> None:
        """Hand over a part; raises what `sending` failed with, when it did."""
        giving = asyncio.create_task(self._parts.put(part))
        try:
            await asyncio.wait([giving, sending], return_when=asyncio.FIRST_COMPLETED)
        finally:
            giving.cancel()
        if sending.done():
            sending.result()

    def abandon(self) -> None:
        self._abandoned.set()

    def __aiter__(self) -> _Source:
        return self

    async def __anext__(self) -> bytes:
        taking = asyncio.create_task(self._parts.get())
        stopping = asyncio.create_task(self._abandoned.wait())
        try:
            await asyncio.wait([taking, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            taking.cancel()
            stopping.cancel()
        if self._abandoned.is_set():
            raise _Abandoned
        part = taking.result()
        if part is None:
            raise StopAsyncIteration
        return part


async def _parts(chunks: AsyncIterable[bytes], measure: _Measure) -> AsyncGenerator[bytes, None]:
    """The stream as parts of PART bytes and a last one of fewer, maybe none."""
    part = bytearray()
    async for chunk in chunks:
        measure.take(chunk)
        for start in range(0, len(chunk), PART):
            part += chunk[start : start + PART]
            if len(part) >= PART:
                yield await _sealed(part, measure)
    yield await _sealed(part, measure)


async def _sealed(part: bytearray, measure: _Measure) -> bytes:
    """Cut at most PART bytes off the front, and count them into the digest."""
    sealed = bytes(part[:PART])
    del part[:PART]
    await asyncio.to_thread(measure.digest.update, sealed)
    return sealed


@contextlib.contextmanager
def _reaching() -> Iterator[None]:
    """What the library raises becomes FilesUnreachable, with the cause kept for diagnosis."""
    try:
        yield
    except (BaseError, OSError) as error:
        raise FilesUnreachable from error


def _open(bucket: Bucket) -> S3Store:
    # Everything that says where and as whom is given here: variables AWS_* of the machine must not lead elsewhere.
    return S3Store(
        bucket.name,
        prefix=bucket.prefix or None,
        region=bucket.region,
        aws_endpoint_url_s3=bucket.address,
        virtual_hosted_style_request=not bucket.path_style,
        # Not every service that speaks the protocol deletes many objects in one request.
        disable_bulk_delete=bucket.endpoint is not None,
        credential_provider=_credential(bucket),
        client_options={
            "allow_http": bucket.address.startswith("http://"),
            "connect_timeout": timedelta(seconds=5),
            "read_timeout": timedelta(seconds=60),
            # Of a whole answer: a large file over a slow line takes its time, and a silent line ends by the above.
            "timeout": timedelta(hours=6),
        },
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=60)},
    )


@dataclass(frozen=True)
class _FixedKey:
    """A key that does not expire."""

    access_key: str
    secret_key: str = field(repr=False)

    def __call__(self) -> S3Credential:
        return {
            "access_key_id": self.access_key,
            "secret_access_key": self.secret_key,
            "token": None,
            "expires_at": None,
        }


def _credential(bucket: Bucket) -> _FixedKey | None:
    if bucket.access_key is None or bucket.secret_key is None:
        return None
    return _FixedKey(bucket.access_key, bucket.secret_key)


def _folder(tenant_id: UUID) -> str:
    return str(UUID(str(tenant_id)))


def _key(tenant_id: UUID, file_id: UUID) -> str:
    return f"{_folder(tenant_id)}/{UUID(str(file_id))}"
