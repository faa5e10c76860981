"""Imports from end to end, for the edge (command line, request): store the file, check it, apply it, undo it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from steward_core.imports.models import ImportBatch
from steward_core.imports.opened import local_copy
from steward_core.imports.options import ImportOptions, options_of
from steward_core.imports.purposes import CSV_TYPE, IMPORT, IMPORT_MEGABYTES, XLSX_TYPE
from steward_core.imports.queries import import_of
from steward_core.imports.service import FileHead, apply_import, start_import, undo_import
from steward_core.permissions import RECORDS_IMPORT
from steward_core.runs.models import Run
from steward_core.runs.service import Progress, RunTools, drive
from steward_core.spreadsheets.readers import Source, read_table
from steward_tenants.access.rules import require
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.files.models import StoredFile
from steward_tenants.files.service import MEGABYTE, add_file, release
from steward_tenants.files.store import FileStore

CHUNK = 256 * 1024
KEPT = timedelta(days=90)
"""How long the bytes of an imported file stay: long enough to go on with an import that stopped, or to look at it."""


@dataclass(frozen=True)
class Place:
    """Where and as whom an import works. `zone` is the tenant's time zone, `today` its day."""

    database: Database
    tools: RunTools
    tenant_id: UUID
    actor: Actor
    today: date
    zone: str = ""
    request_id: str = ""


@dataclass(frozen=True)
class Request:
    """What is asked of an import; see `service.choose_mapping`."""

    target: str
    columns: Mapping[str, str | None] | None = None
    mapping: str | None = None
    options: Mapping[str, Any] | None = None
    sheet: str | None = None


def head_of(source: Source, name: str, *, sheet: str | None, options: ImportOptions) -> FileHead:
    """The headings of a file. Raises SpreadsheetRefused."""
    with read_table(source, name, sheet=sheet, header_row=options.header_row) as table:
        return FileHead(tuple(table.header), table.sheet, table.sheets, table.encoding)


async def store_file(place: Place, source: bytes | Path, name: str) -> StoredFile:
    """Keep a file that is to be imported. Raises Forbidden, FileTooLarge, MediaTypeRefused."""
    require(place.actor, RECORDS_IMPORT)
    async with place.database.read(place.tenant_id, place.actor, request_id=place.request_id) as reading:
        limit = await get_setting(reading, IMPORT_MEGABYTES) * MEGABYTE
    file_id = new_id()
    store: FileStore = place.tools.files
    written = await store.write(place.tenant_id, file_id, _chunks(source), limit)
    media_type = XLSX_TYPE if written.head.startswith(b"PK") else CSV_TYPE
    try:
        async with place.database.write(place.tenant_id, place.actor, request_id=place.request_id) as session:
            return await add_file(
                session,
                file_id,
                written,
                IMPORT,
                name=name,
                media_type=media_type,
                owner_id=place.actor.id,
                expires_at=datetime.now(UTC) + KEPT,
            )
    except BaseException:
        await store.delete(place.tenant_id, file_id)
        raise


async def _chunks(source: bytes | Path) -> AsyncIterator[bytes]:
    if isinstance(source, bytes):
        for at in range(0, len(source), CHUNK):
            yield source[at : at + CHUNK]
        return
    with await asyncio.to_thread(source.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk


async def begin(place: Place, file_id: UUID, request: Request) -> tuple[ImportBatch, Run]:
    """Begin an import of a stored file; its check is a run that waits. Raises what `start_import` and reading raise."""
    async with place.database.write(place.tenant_id, place.actor, request_id=place.request_id) as session:
        require(session.actor, RECORDS_IMPORT)
        file = await release(session, file_id)
    path = await local_copy(place.tools, place.tenant_id, file_id)
    options = options_of({name: value for name, value in (request.options or {}).items() if name == "header_row"})
    head = await asyncio.to_thread(head_of, path, file.name, sheet=request.sheet, options=options)
    async with place.database.write(place.tenant_id, place.actor, request_id=place.request_id) as session:
        return await start_import(
            session,
            file_id,
            request.target,
            head,
            today=place.today,
            columns=request.columns,
            mapping=request.mapping,
            options=request.options,
            zone=place.zone,
        )


async def check_file(
    place: Place, source: bytes | Path, name: str, request: Request, *, progress: Progress | None = None
) -> ImportBatch:
    """Store a file and check it; answers the batch with its counts, problems and error workbook.

    Raises SpreadsheetRefused before anything is stored, and what `begin` raises.
    """
    options = options_of({key: value for key, value in (request.options or {}).items() if key == "header_row"})
    await asyncio.to_thread(head_of, source, name, sheet=request.sheet, options=options)
    file = await store_file(place, source, name)
    batch, run = await begin(place, file.id, request)
    await _drive(place, run.id, progress)
    return await look(place, batch.id)


async def apply_batch(
    place: Place, batch_id: UUID, *, skip_bad: bool = False, progress: Progress | None = None
) -> ImportBatch:
    """Apply a checked import, or go on with one that stopped. Raises what `apply_import` and its chunks raise."""
    async with place.database.write(place.tenant_id, place.actor, request_id=place.request_id) as session:
        run = await apply_import(session, batch_id, today=place.today, skip_bad=skip_bad, zone=place.zone)
    await _drive(place, run.id, progress)
    return await look(place, batch_id)


async def undo_batch(place: Place, batch_id: UUID, *, progress: Progress | None = None) -> ImportBatch:
    """Undo an import. Raises what `undo_import` raises."""
    async with place.database.write(place.tenant_id, place.actor, request_id=place.request_id) as session:
        run = await undo_import(session, batch_id, today=place.today, zone=place.zone)
    await _drive(place, run.id, progress)
    return await look(place, batch_id)


async def import_file(
    place: Place,
    source: bytes | Path,
    name: str,
    request: Request,
    *,
    skip_bad: bool = False,
    progress: Progress | None = None,
) -> ImportBatch:
    """Store, check and apply a file. A check that refuses rows is answered as it is, unless `skip_bad`."""
    batch = await check_file(place, source, name, request, progress=progress)
    if batch.counts.get("refused") and not skip_bad:
        return batch
    return await apply_batch(place, batch.id, skip_bad=skip_bad, progress=progress)


async def look(place: Place, batch_id: UUID) -> ImportBatch:
    """The batch as it now is."""
    async with place.database.read(place.tenant_id, place.actor, request_id=place.request_id) as session:
        return await import_of(session, batch_id)


async def _drive(place: Place, run_id: UUID, progress: Progress | None) -> Run:
    return await drive(
        place.database,
        place.tenant_id,
        place.actor,
        run_id,
        place.tools,
        progress=progress,
        request_id=place.request_id,
    )
