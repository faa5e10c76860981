"""Exporting a tenant: all its rows from one snapshot, its people's logins and its files, into one archive."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from sqlalchemy import func, select

from steward_tenants.access.permissions import EXPORT_TENANT
from steward_tenants.access.rules import require
from steward_tenants.audit.models import AuditEvent
from steward_tenants.audit.service import Subject, record
from steward_tenants.configuration.queries import TenantFacts, tenant_facts
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.database.migrate import heads
from steward_tenants.database.session import DirectorySession, ReadSession
from steward_tenants.directory.models import Account, AuditAnchor, Membership
from steward_tenants.files.errors import FileDamaged
from steward_tenants.files.models import StoredFile
from steward_tenants.files.store import FileStore
from steward_tenants.lifecycle.archive import (
    ACCOUNTS,
    FORMAT_VERSION,
    ArchiveWriter,
    ChainEnd,
    Content,
    FilesContent,
    Manifest,
    TableContent,
    TenantDescription,
    digest_of_file,
    file_member,
    new_archive,
    table_member,
)
from steward_tenants.lifecycle.operators import platform_event
from steward_tenants.lifecycle.rules import BYTES_STAY_BEHIND, LEFT_OUT, TablePlan, exported_tables

Progress = Callable[[str, int, int], None]
"""Called with a table's name (or `files`), rows done, rows in all."""
EVERY_ROWS = 5_000
"""How often progress is told."""


@dataclass(frozen=True)
class Exported:
    """Where the archive is, its digest, and what it holds."""

    path: Path
    sha256: str
    manifest: Manifest


def schema_revision() -> str:
    """The schema that this code works on."""
    return "+".join(heads())


def silent(_table: str, _done: int, _total: int) -> None:
    """Progress that nobody wants to see."""


async def export_tenant(
    database: Database,
    store: FileStore,
    tenant: UUID | str,
    actor: Actor,
    target: Path,
    *,
    progress: Progress = silent,
    reason: str | None = None,
) -> Exported:
    """Write everything of a tenant to `target` (readable by its owner only), from one view of the data.

    Works on suspended tenants. Needs `tenant.export` or an operator. The audit event commits before the first byte is
    written; a crash leaves that event and no archive. Raises TenantNotFound, Forbidden, OSError.
    """
    require(actor, EXPORT_TENANT)
    found = await tenant_facts(database, tenant)
    async with database.write(found.id, actor, even_suspended=True) as session:
        await record(session, "tenant.export", Subject("tenant", found.id), reason=reason)
    async with new_archive(target) as archive:
        async with database.read(found.id, actor, even_suspended=True, snapshot=True) as snapshot:
            tables = await _write_tables(snapshot, archive, progress)
            files = await _files_of(snapshot)
            oldest = await snapshot.scalar(select(func.min(AuditEvent.at)).where(snapshot.within(AuditEvent)))
        async with database.directory() as directory:
            accounts = await _write_accounts(directory, archive, found.id)
            chain = await _chain_end(directory, found.id)
        manifest = Manifest(
            version=FORMAT_VERSION,
            schema_revision=schema_revision(),
            exported_at=datetime.now(UTC),
            tenant=_description(found),
            tables=tables,
            left_out={name: reason.en for name, reason in sorted(LEFT_OUT.items())},
            accounts=accounts,
            files=await _write_files(store, archive, found.id, files, progress),
            audit=chain,
            oldest_event_at=oldest,
        )
        await archive.finish(manifest)
    digest = await asyncio.to_thread(digest_of_file, target)
    if actor.unrestricted:
        async with database.directory() as directory:
            detail = {"path": str(target), "sha256": digest, "reason": reason}
            platform_event(directory, actor, "tenant.export", found.id, detail)
    return Exported(target, digest, manifest)


def _description(found: TenantFacts) -> TenantDescription:
    return TenantDescription(
        id=found.id,
        key=found.key,
        name=found.name,
        locale=found.locale,
        time_zone=found.time_zone,
        password_profile=found.password_profile.value,
        second_factor_required=found.second_factor_required,
        allowed_origins=list(found.allowed_origins),
    )


async def _write_tables(snapshot: ReadSession, archive: ArchiveWriter, progress: Progress) -> list[TableContent]:
    await snapshot.execute(
        select(
            func.set_config("TimeZone", "UTC", True),
            func.set_config("DateStyle", "ISO", True),
            func.set_config("statement_timeout", "0", True),
        )
    )
    contents = []
    for plan in exported_tables():
        total = await snapshot.scalar(select(func.count()).select_from(plan.table).where(snapshot.within(plan.table)))
        async with archive.member(table_member(plan.name)) as member:
            progress(plan.name, 0, total)
            async for line in _lines(snapshot, plan):
                await member.write(line)
                member.rows += 1
                if member.rows % EVERY_ROWS == 0:
                    progress(plan.name, member.rows, total)
            progress(plan.name, member.rows, total)
        columns = [column.name for column in plan.columns]
        contents.append(TableContent(table=plan.name, columns=columns, **member.content.model_dump()))
    return contents


async def _lines(snapshot: ReadSession, plan: TablePlan) -> AsyncIterator[bytes]:
    """The table's rows of this tenant, each as one line of JSON whose values are text."""
    connection = await (await snapshot.connection()).get_raw_connection()
    driver: psycopg.AsyncConnection[Any] = connection.driver_connection  # type: ignore[assignment]
    query = sql.SQL(
        "copy (select row_to_json(r) from (select {columns} from {table} where tenant_id = %s order by {key}) r)"
        " to stdout"
    ).format(
        columns=sql.SQL(", ").join(
            sql.SQL("{0}::text as {0}").format(sql.Identifier(column.name)) for column in plan.columns
        ),
        table=sql.Identifier(plan.table.schema or "app", plan.name),
        key=sql.SQL(", ").join(
            sql.Identifier(plan.table.schema or "app", plan.name, column.name) for column in plan.key
        ),
    )
    async with driver.cursor() as cursor, cursor.copy(query, [snapshot.tenant_id]) as copy:
        rest = b""
        async for block in copy:
            *lines, rest = (rest + bytes(block)).split(b"\n")
            for line in lines:
                # COPY doubles each backslash; JSON has written every other special character as an escape.
                yield line.replace(b"\\\\", b"\\") + b"\n"


async def _files_of(snapshot: ReadSession) -> list[tuple[UUID, bytes, int]]:
    rows = await snapshot.rows(
        select(StoredFile.id, StoredFile.sha256, StoredFile.size)
        .where(
            snapshot.within(StoredFile),
            StoredFile.deleted_at.is_(None),
            StoredFile.purpose.not_in(BYTES_STAY_BEHIND),
        )
        .order_by(StoredFile.id)
    )
    return [(row.id, bytes(row.sha256), row.size) for row in rows]


async def _write_files(
    store: FileStore,
    archive: ArchiveWriter,
    tenant_id: UUID,
    files: list[tuple[UUID, bytes, int]],
    progress: Progress,
) -> FilesContent:
    """Outside the snapshot: slow bytes must not hold a transaction open. Files never change, they only go."""
    missing, size = [], 0
    for done, (file_id, sha256, length) in enumerate(files, start=1):
        if await _intact(store, tenant_id, file_id, sha256):
            async with archive.member(file_member(file_id)) as member:
                async for chunk in store.read(tenant_id, file_id):
                    await member.write(chunk)
            size += length
        else:
            missing.append(file_id)
        progress("files", done, len(files))
    return FilesContent(count=len(files) - len(missing), size=size, missing=missing)


async def _intact(store: FileStore, tenant_id: UUID, file_id: UUID, sha256: bytes) -> bool:
    digest = hashlib.sha256()
    try:
        async for chunk in store.read(tenant_id, file_id):
            digest.update(chunk)
    except FileDamaged:
        return False
    return digest.digest() == sha256


async def _write_accounts(directory: DirectorySession, archive: ArchiveWriter, tenant_id: UUID) -> Content:
    rows = await directory.rows(
        select(Account.id, Account.login, Membership.user_id, Membership.active)
        .join(Membership, Membership.account_id == Account.id)
        .where(Membership.tenant_id == tenant_id)
        .order_by(Account.id)
    )
    async with archive.member(ACCOUNTS) as member:
        for row in rows:
            line = {
                "account_id": str(row.id),
                "login": row.login,
                "user_id": str(row.user_id),
                "active": row.active,
            }
            await member.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            member.rows += 1
    return member.content


async def _chain_end(directory: DirectorySession, tenant_id: UUID) -> ChainEnd | None:
    row = (
        await directory.rows(
            select(AuditAnchor.batch, AuditAnchor.chain)
            .where(AuditAnchor.tenant_id == tenant_id)
            .order_by(AuditAnchor.batch.desc())
            .limit(1)
        )
    )[:1]
    return ChainEnd(batch=row[0].batch, chain=row[0].chain.hex()) if row else None
