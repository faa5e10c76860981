"""Taking files in, giving them out, deleting them."""

from __future__ import annotations

from collections.abc import AsyncIterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update

from steward_tenants.access.permissions import EXPORT_TENANT, FILES_USE, PRIVACY_DECIDE, Permission
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.configuration.queries import get_setting
from steward_tenants.configuration.settings import FILE_MEGABYTES
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.files.errors import FileNotFound, MediaTypeRefused
from steward_tenants.files.models import StoredFile
from steward_tenants.files.queries import available, in_reach, known_among
from steward_tenants.files.rules import MAGIC, clean_name, fits, plain_media_type
from steward_tenants.files.store import FileStore, Written

MEGABYTE = 1024 * 1024
ORPHAN_SECONDS = 24 * 3600
"""Bytes without a row stay this long: their upload may still be under way."""
SWEEP_ROWS = 1000


@dataclass(frozen=True)
class Purpose:
    """What files of a purpose need to be opened. `owner_may`: the owner needs no permission. `scoped`: row scope
    by owner counts. `audited`: opening is put on record before the bytes leave. `direct` False: the file hangs on
    something else, and is opened and taken away through that only (`release_attached`)."""

    key: str
    permission: Permission
    owner_may: bool = False
    scoped: bool = False
    audited: bool = True
    direct: bool = True


PURPOSES: dict[str, Purpose] = {}


def declare_purpose(
    key: str,
    permission: Permission,
    *,
    owner_may: bool = False,
    scoped: bool = False,
    audited: bool = True,
    direct: bool = True,
) -> Purpose:
    """Declare a purpose of files; a key stands once."""
    if key in PURPOSES:
        raise ValueError(f"purpose {key} is declared twice")
    PURPOSES[key] = Purpose(key, permission, owner_may, scoped, audited, direct)
    return PURPOSES[key]


UPLOAD = declare_purpose("upload", FILES_USE, scoped=True, audited=False)
TENANT_EXPORT = declare_purpose("tenant_export", EXPORT_TENANT)
PERSONAL_DATA = declare_purpose("personal_data", PRIVACY_DECIDE, owner_may=True)


@command("files.upload", "上传文件", "Upload a file", permission=FILES_USE, alone=False)
async def add_upload(session: WriteSession, file_id: UUID, written: Written, name: str, media_type: str) -> StoredFile:
    """Make an upload known whose bytes are in the store. Raises MediaTypeRefused."""
    return await add_file(
        session, file_id, written, UPLOAD, name=name, media_type=media_type, owner_id=session.actor.id
    )


async def add_file(
    session: WriteSession,
    file_id: UUID,
    written: Written,
    purpose: Purpose,
    *,
    name: str,
    media_type: str,
    owner_id: UUID,
    expires_at: datetime | None = None,
) -> StoredFile:
    """Make a file known whose bytes are in the store, and put that on record. Raises MediaTypeRefused."""
    plain = plain_media_type(media_type)
    if not fits(plain, written.head):
        raise MediaTypeRefused(media_type=plain[:100])
    row = StoredFile(
        id=file_id,
        purpose=purpose.key,
        name=clean_name(name),
        media_type=plain,
        size=written.size,
        sha256=written.sha256,
        owner_id=owner_id,
        expires_at=expires_at,
    )
    session.add(row)
    await record(
        session,
        "files.upload" if purpose is UPLOAD else "files.create",
        Subject("file", file_id),
        after={
            "purpose": purpose.key,
            "name": row.name,
            "media_type": plain,
            "size": row.size,
            "sha256": written.sha256.hex(),
            "owner_id": owner_id,
        },
    )
    return row


async def upload(
    database: Database,
    store: FileStore,
    tenant_id: UUID,
    actor: Actor,
    chunks: AsyncIterable[bytes],
    *,
    name: str,
    media_type: str,
    at_most: int | None = None,
    request_id: str = "",
) -> StoredFile:
    """Take a file in: bytes first, outside any transaction, then the row. Bytes without a row are swept away.

    `at_most` (bytes) lowers the tenant's own limit. Raises Forbidden, FileTooLarge, MediaTypeRefused.
    """
    require(actor, FILES_USE)
    if not fits_at_all(media_type):
        raise MediaTypeRefused(media_type=plain_media_type(media_type)[:100])
    async with database.read(tenant_id, actor, request_id=request_id) as reading:
        limit = await get_setting(reading, FILE_MEGABYTES) * MEGABYTE
    file_id = new_id()
    written = await store.write(tenant_id, file_id, chunks, min(limit, at_most or limit))
    try:
        async with database.write(tenant_id, actor, request_id=request_id) as session:
            return await add_upload(session, file_id, written, name, media_type)
    except BaseException:
        await store.delete(tenant_id, file_id)
        raise


def fits_at_all(media_type: str) -> bool:
    """Whether files of this type are taken at all."""
    return plain_media_type(media_type) in MAGIC


async def release(session: WriteSession, file_id: UUID) -> StoredFile:
    """The file, if the actor may have it. The edge reads the bytes from the store after the commit: what must be on
    record is then on record before they leave. Raises FileNotFound."""
    return await _released(session, await _within_reach(session, file_id))


async def release_attached(session: WriteSession, file_id: UUID, purpose: Purpose) -> StoredFile:
    """`release` of a file that hangs on something which the caller knows the actor may see. Raises FileNotFound."""
    row = await session.find(StoredFile, StoredFile.id == file_id, available(session))
    if row is None or row.purpose != purpose.key:
        raise FileNotFound
    return await _released(session, row)


async def _released(session: WriteSession, row: StoredFile) -> StoredFile:
    if PURPOSES[row.purpose].audited:
        await record(session, "read.file", Subject("file", row.id), after={"purpose": row.purpose, "name": row.name})
    return row


@command("files.delete", "删除文件", "Delete a file", permission=None)
async def delete_file(session: WriteSession, file_id: UUID) -> None:
    """Take a file out of use; its bytes go with the next sweep. Raises FileNotFound."""
    row = await _within_reach(session, file_id, lock=True)
    row.deleted_at = await session.scalar(select(func.now()))
    await record(
        session,
        "files.delete",
        Subject("file", row.id),
        before={"purpose": row.purpose, "name": row.name, "sha256": row.sha256.hex()},
    )


async def _within_reach(session: WriteSession, file_id: UUID, *, lock: bool = False) -> StoredFile:
    row = await session.find(StoredFile, StoredFile.id == file_id, available(session), lock=lock)
    purpose = PURPOSES.get(row.purpose) if row else None
    if row is None or purpose is None or not purpose.direct:
        raise FileNotFound
    actor = session.actor
    allowed = actor.unrestricted or purpose.permission.key in actor.permissions
    if allowed and purpose.scoped:
        scope = in_reach(session, purpose.permission, StoredFile.owner_id)
        allowed = await session.find(StoredFile, StoredFile.id == file_id, scope) is not None
    if not allowed and not (purpose.owner_may and row.owner_id == actor.id):
        raise FileNotFound
    return row


async def sweep(database: Database, store: FileStore, tenant_id: UUID, actor: Actor) -> int:
    """Remove bytes that nobody can reach: of deleted and expired files, and of uploads that never ended.

    Gives the number of files removed. Rows stay: audit events and requests refer to them. Expired files are marked as
    deleted first, in a transaction of their own; bytes go after it, so that a crash leaves only bytes for the next
    sweep.
    """
    async with database.write(tenant_id, actor, even_suspended=True) as session:
        expired = await session.scalars(
            update(StoredFile)
            .where(
                session.within(StoredFile),
                StoredFile.deleted_at.is_(None),
                StoredFile.expires_at <= func.now(),
            )
            .values(deleted_at=func.now())
            .returning(StoredFile.id)
        )
        if expired:
            await record(session, "files.expire", Subject("file"), after={"files": sorted(map(str, expired))})
    removed = 0
    kept = await store.listing(tenant_id)
    for start in range(0, len(kept), SWEEP_ROWS):
        page = kept[start : start + SWEEP_ROWS]
        ids = [item.file_id for item in page if item.file_id is not None]
        async with database.read(tenant_id, actor, even_suspended=True) as reading:
            known = await known_among(reading, ids)
            dead = set(
                await reading.scalars(
                    select(StoredFile.id).where(
                        reading.within(StoredFile),
                        StoredFile.id.in_(ids),
                        StoredFile.deleted_at.is_not(None),
                    )
                )
            )
        for item in page:
            if item.file_id in known or (item.file_id not in dead and item.age < ORPHAN_SECONDS):
                continue
            await store.discard(tenant_id, item)
            removed += 1
    return removed
