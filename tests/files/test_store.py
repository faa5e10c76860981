"""What every file store promises, tried on a folder and on a bucket behind a real HTTP server."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from steward_tenants.access.permissions import FILES_USE
from steward_tenants.database.database import Database
from steward_tenants.files.errors import FileDamaged, FileTooLarge
from steward_tenants.files.object_store import PART
from steward_tenants.files.rules import HEAD_BYTES
from steward_tenants.files.service import ORPHAN_SECONDS, delete_file, release, sweep, upload
from steward_tenants.files.store import CHUNK
from tests.factories import TESTS, actor_with, make_tenant
from tests.files.places import Objects, Place, pieces, read

MEGABYTE = 1024 * 1024


@pytest.mark.parametrize("size", [0, 1, HEAD_BYTES, PART - 1, PART, PART + 1, 12 * MEGABYTE])
async def test_bytes_come_back_as_they_were(place: Place, size: int) -> None:
    tenant_id, file_id = uuid4(), uuid4()
    data = os.urandom(size)
    written = await place.store.write(tenant_id, file_id, pieces(data, (7, 1, 999_983, 65_536)), size)
    assert written.size == size
    assert written.sha256 == hashlib.sha256(data).digest()
    assert written.head == data[:HEAD_BYTES]
    assert await read(place.store, tenant_id, file_id) == data
    assert place.remains() == 1


async def test_a_single_chunk_of_many_parts_comes_back(place: Place) -> None:
    tenant_id, file_id = uuid4(), uuid4()
    data = os.urandom(2 * PART + 5)
    await place.store.write(tenant_id, file_id, pieces(data, (len(data),)), len(data))
    chunks = [chunk async for chunk in place.store.read(tenant_id, file_id)]
    assert b"".join(chunks) == data
    assert len(chunks) > len(data) / (4 * CHUNK)


async def test_writing_again_replaces(place: Place) -> None:
    tenant_id, file_id = uuid4(), uuid4()
    for data in (b"first", b"second"):
        await place.store.write(tenant_id, file_id, pieces(data), 100)
    assert await read(place.store, tenant_id, file_id) == b"second"
    assert place.remains() == 1


@pytest.mark.parametrize("limit", [0, 10, PART + 10])
async def test_what_is_too_large_leaves_nothing(place: Place, limit: int) -> None:
    tenant_id = uuid4()
    with pytest.raises(FileTooLarge):
        await place.store.write(tenant_id, uuid4(), pieces(bytes(limit + 1)), limit)
    assert place.remains() == 0
    assert await place.store.listing(tenant_id) == []


@pytest.mark.parametrize("size", [0, 10, 3 * PART + 10])
async def test_a_stream_that_breaks_leaves_nothing(place: Place, size: int) -> None:
    tenant_id, file_id = uuid4(), uuid4()

    async def broken() -> AsyncIterator[bytes]:
        async for chunk in pieces(bytes(size)):
            yield chunk
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await place.store.write(tenant_id, file_id, broken(), 10 * size + 1)
    assert place.remains() == 0
    with pytest.raises(FileDamaged):
        await read(place.store, tenant_id, file_id)


async def test_a_broken_rewrite_leaves_what_was_there(place: Place) -> None:
    tenant_id, file_id = uuid4(), uuid4()
    await place.store.write(tenant_id, file_id, pieces(b"good"), 100)
    with pytest.raises(FileTooLarge):
        await place.store.write(tenant_id, file_id, pieces(bytes(2 * PART)), PART)
    assert await read(place.store, tenant_id, file_id) == b"good"
    assert place.remains() == 1


@pytest.mark.parametrize("size", [10, 3 * PART + 10])
async def test_a_cancelled_write_leaves_nothing(place: Place, size: int) -> None:
    tenant_id, file_id = uuid4(), uuid4()
    all_read = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        async for chunk in pieces(bytes(size)):
            yield chunk
        all_read.set()
        await asyncio.Event().wait()

    async def written() -> None:
        await place.store.write(tenant_id, file_id, stalled(), size)

    writing = asyncio.create_task(written())
    await all_read.wait()
    if isinstance(place, Objects) and size > PART:
        while place.unfinished() == 0:
            await asyncio.sleep(0.01)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert place.remains() == 0


async def test_tenants_are_apart(place: Place) -> None:
    mine, theirs, file_id, other_id = uuid4(), uuid4(), uuid4(), uuid4()
    await place.store.write(mine, file_id, pieces(b"mine"), 100)
    await place.store.write(theirs, file_id, pieces(b"theirs"), 100)
    await place.store.write(theirs, other_id, pieces(b"other"), 100)
    assert await read(place.store, mine, file_id) == b"mine"
    assert await read(place.store, theirs, file_id) == b"theirs"
    for missing in ((mine, other_id), (uuid4(), file_id), (mine, uuid4())):
        with pytest.raises(FileDamaged):
            await read(place.store, *missing)
        assert await place.store.delete(*missing) is False
    assert await place.store.delete(theirs, other_id) is True
    assert [kept.file_id for kept in await place.store.listing(mine)] == [file_id]
    assert [kept.file_id for kept in await place.store.listing(theirs)] == [file_id]


async def test_only_identifiers_name_a_file(place: Place) -> None:
    tenant_id, file_id = uuid4(), uuid4()
    await place.store.write(tenant_id, file_id, pieces(b"x"), 100)
    elsewhere: Any = f"../{tenant_id}"
    for work in (
        lambda: place.store.delete(elsewhere, file_id),
        lambda: place.store.delete(uuid4(), elsewhere),
        lambda: place.store.remove_tenant(elsewhere),
        lambda: read(place.store, elsewhere, file_id),
        lambda: place.store.listing(elsewhere),
        lambda: place.store.write(elsewhere, file_id, pieces(b"y"), 100),
    ):
        with pytest.raises(ValueError, match="badly formed"):
            await work()
    assert await read(place.store, tenant_id, file_id) == b"x"


async def test_the_listing_tells_ages_and_what_it_tells_of_can_be_discarded(place: Place) -> None:
    tenant_id, young, old = uuid4(), uuid4(), uuid4()
    for file_id in (young, old):
        await place.store.write(tenant_id, file_id, pieces(b"x"), 100)
    place.make_older(tenant_id, old, 5000)
    kept = {item.file_id: item for item in await place.store.listing(tenant_id)}
    assert set(kept) == {young, old}
    assert kept[old].age - kept[young].age == pytest.approx(5000, abs=30)
    await place.store.discard(tenant_id, kept[old])
    await place.store.discard(tenant_id, kept[old])
    assert [item.file_id for item in await place.store.listing(tenant_id)] == [young]


async def test_a_removed_tenant_has_nothing_left_and_others_all(place: Place) -> None:
    gone, stays = uuid4(), uuid4()
    for _ in range(12):
        await place.store.write(gone, uuid4(), pieces(b"x"), 100)
    kept_id = uuid4()
    await place.store.write(stays, kept_id, pieces(b"y"), 100)
    await place.store.remove_tenant(gone)
    await place.store.remove_tenant(gone)
    await place.store.remove_tenant(uuid4())
    assert await place.store.listing(gone) == []
    assert await read(place.store, stays, kept_id) == b"y"
    assert place.remains() == 1


async def test_files_of_the_service_go_in_out_and_away(database: Database, place: Place) -> None:
    tenant_id = await make_tenant(database)
    actor = actor_with(FILES_USE)
    text = "合同附件 𠮷\n".encode() * 1000
    first, second = [
        await upload(database, place.store, tenant_id, actor, pieces(text), name="合同.txt", media_type="text/plain")
        for _ in range(2)
    ]
    async with database.write(tenant_id, actor) as session:
        released = await release(session, first.id)
    data = await read(place.store, tenant_id, released.id)
    assert (data, hashlib.sha256(data).digest(), len(data)) == (text, released.sha256, released.size)
    async with database.write(tenant_id, actor) as session:
        await delete_file(session, first.id)
    young, orphan = uuid4(), uuid4()
    for file_id in (young, orphan):
        await place.store.write(tenant_id, file_id, pieces(text), len(text))
    place.make_older(tenant_id, orphan, ORPHAN_SECONDS + 10)
    assert await sweep(database, place.store, tenant_id, TESTS) == 2
    assert {item.file_id for item in await place.store.listing(tenant_id)} == {second.id, young}
