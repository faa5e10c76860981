"""Files: in, out, away; only within reach; sensitive ones on record first."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from steward_tenants.access.permissions import FILES_USE, PEOPLE_VIEW, PRIVACY_DECIDE
from steward_tenants.configuration.service import set_setting
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden
from steward_tenants.files.errors import FileDamaged, FileNotFound, FileTooLarge, MediaTypeRefused
from steward_tenants.files.models import StoredFile
from steward_tenants.files.queries import uploads
from steward_tenants.files.service import ORPHAN_SECONDS, PERSONAL_DATA, add_file, delete_file, release, sweep, upload
from steward_tenants.files.store import LocalFileStore
from tests.factories import TESTS, actor_with, make_member, make_tenant, make_unit

TEXT = "客户名单 𠮷 😀\n".encode()


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def read(store: LocalFileStore, tenant_id: UUID, file_id: UUID) -> bytes:
    return b"".join([chunk async for chunk in store.read(tenant_id, file_id)])


async def test_a_file_comes_back_as_it_was(database: Database, store: LocalFileStore) -> None:
    tenant_id = await make_tenant(database)
    actor = actor_with(FILES_USE)
    row = await upload(
        database, store, tenant_id, actor, pieces(TEXT[:5], TEXT[5:]), name="../名单😀.csv", media_type="Text/CSV; x=1"
    )
    assert (row.name, row.media_type, row.size) == ("名单😀.csv", "text/csv", len(TEXT))
    async with database.write(tenant_id, actor) as session:
        assert (await release(session, row.id)).id == row.id
        assert session.audited == []
        assert [found.id for found in await uploads(session)] == [row.id]
    assert await read(store, tenant_id, row.id) == TEXT


@pytest.mark.parametrize("scope", Scope)
async def test_everybody_reaches_what_they_uploaded(database: Database, store: LocalFileStore, scope: Scope) -> None:
    """Files have no unit; a team lead's own file is theirs all the same."""
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        unit = make_unit(session)
    for actor in (actor_with(FILES_USE, scope=scope), actor_with(FILES_USE, scope=scope, unit_id=unit.id)):
        row = await upload(database, store, tenant_id, actor, pieces(TEXT), name="a.txt", media_type="text/plain")
        async with database.write(tenant_id, actor) as session:
            assert (await release(session, row.id)).id == row.id
            assert row.id in {found.id for found in await uploads(session)}
        if scope is not Scope.ALL:
            async with database.write(tenant_id, actor_with(FILES_USE, scope=scope, unit_id=unit.id)) as session:
                with pytest.raises(FileNotFound):
                    await release(session, row.id)


async def test_only_those_with_the_right_and_the_scope_reach_a_file(database: Database, store: LocalFileStore) -> None:
    tenant_id, elsewhere = await make_tenant(database), await make_tenant(database)
    actor = actor_with(FILES_USE, scope=Scope.OWN)
    row = await upload(database, store, tenant_id, actor, pieces(TEXT), name="a.txt", media_type="text/plain")
    for stranger in (actor_with(FILES_USE, scope=Scope.OWN), actor_with(PEOPLE_VIEW)):
        async with database.write(tenant_id, stranger) as session:
            assert await uploads(session) == []
            with pytest.raises(FileNotFound):
                await release(session, row.id)
            with pytest.raises(FileNotFound):
                await delete_file(session, row.id)
    async with database.write(elsewhere, actor_with(FILES_USE)) as session:
        with pytest.raises(FileNotFound):
            await release(session, row.id)
    with pytest.raises(Forbidden):
        await upload(
            database, store, tenant_id, actor_with(PEOPLE_VIEW), pieces(TEXT), name="a", media_type="text/plain"
        )


async def test_sensitive_files_are_on_record_before_they_leave(database: Database, store: LocalFileStore) -> None:
    tenant_id = await make_tenant(database)
    member = await make_member(database, tenant_id)
    file_id = uuid4()
    written = await store.write(tenant_id, file_id, pieces(TEXT), 1000)
    async with database.write(tenant_id, TESTS) as session:
        await add_file(
            session, file_id, written, PERSONAL_DATA, name="x.txt", media_type="text/plain", owner_id=member.id
        )
    for actor in (actor_with(user=member), actor_with(PRIVACY_DECIDE)):
        async with database.write(tenant_id, actor) as session:
            await release(session, file_id)
            assert session.audited == ["read.file"]
    async with database.write(tenant_id, actor_with(FILES_USE)) as session:
        with pytest.raises(FileNotFound):
            await release(session, file_id)


async def test_large_and_false_files_are_refused_and_leave_nothing(database: Database, store: LocalFileStore) -> None:
    tenant_id = await make_tenant(database)
    actor = actor_with(FILES_USE)
    async with database.write(tenant_id, TESTS) as session:
        await set_setting(session, "files.megabytes", 1)
    big = b"x" * (600 * 1024)
    with pytest.raises(FileTooLarge) as refused:
        await upload(database, store, tenant_id, actor, pieces(big, big), name="a.txt", media_type="text/plain")
    assert "1 MB" in refused.value.text.en
    for media_type, data in (("application/pdf", TEXT), ("text/html", b"<p>"), ("text/plain", b"\x7fELF")):
        with pytest.raises(MediaTypeRefused):
            await upload(database, store, tenant_id, actor, pieces(data), name="a", media_type=media_type)
    assert await store.listing(tenant_id) == []

    async def broken() -> AsyncIterator[bytes]:
        yield TEXT
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await upload(database, store, tenant_id, actor, broken(), name="a.txt", media_type="text/plain")
    assert await store.listing(tenant_id) == []


async def test_deleted_expired_and_orphaned_bytes_are_swept_and_others_stay(
    database: Database, store: LocalFileStore
) -> None:
    tenant_id = await make_tenant(database)
    actor = actor_with(FILES_USE)
    rows = [
        await upload(database, store, tenant_id, actor, pieces(TEXT), name="a.txt", media_type="text/plain")
        for _ in range(3)
    ]
    deleted, expired, kept = (row.id for row in rows)
    async with database.write(tenant_id, actor) as session:
        await delete_file(session, deleted)
        await session.execute(
            update(StoredFile)
            .where(session.within(StoredFile), StoredFile.id == expired)
            .values(expires_at=datetime.now(UTC) - timedelta(seconds=1))
        )
    young, old = uuid4(), uuid4()
    for orphan in (young, old):
        await store.write(tenant_id, orphan, pieces(TEXT), 1000)
    place = store._place(tenant_id, old)
    rest = place.with_name(place.name + ".1.part")
    rest.write_bytes(b"half")
    for path in (place, rest):
        os.utime(path, (path.stat().st_mtime - ORPHAN_SECONDS - 10,) * 2)
    assert await sweep(database, store, tenant_id, TESTS) == 4
    assert {item.file_id for item in await store.listing(tenant_id)} == {kept, young}
    assert await sweep(database, store, tenant_id, TESTS) == 0
    async with database.write(tenant_id, actor) as session:
        for gone in (deleted, expired):
            with pytest.raises(FileNotFound):
                await release(session, gone)
        marked = await session.scalars(
            select(StoredFile.id).where(session.within(StoredFile), StoredFile.deleted_at.is_not(None))
        )
    assert set(marked) == {deleted, expired}


async def test_the_store_keeps_tenants_apart_and_says_when_bytes_are_missing(store: LocalFileStore) -> None:
    tenant_id, file_id = uuid4(), uuid4()
    await store.write(tenant_id, file_id, pieces(TEXT), 1000)
    for missing in ((uuid4(), file_id), (tenant_id, uuid4())):
        with pytest.raises(FileDamaged):
            await read(store, *missing)
        assert await store.delete(*missing) is False
    with pytest.raises(ValueError, match="badly formed"):
        await store.delete("../x", file_id)  # type: ignore[arg-type]
    assert store._place(tenant_id, file_id).stat().st_mode & 0o777 == 0o600
