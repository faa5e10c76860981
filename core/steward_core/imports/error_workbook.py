"""The error workbook of an import: the refused rows as they were sent, their numbers, and what is wrong with each."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select

from steward_core.imports.models import ImportBatch, ImportEffect
from steward_core.imports.opened import open_file
from steward_core.imports.options import options_of
from steward_core.imports.plans import ADDED, PROBLEMS, ROW_NUMBER
from steward_core.imports.purposes import IMPORT_ERRORS, XLSX_TYPE
from steward_core.imports.work import REFUSED, WARNED
from steward_core.spreadsheets.values import shown_value
from steward_core.spreadsheets.writers import Column, ColumnKind, XlsxWriter
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.files.service import add_file
from steward_tenants.files.store import FileStore

MOST_ROWS = 10_000
"""Rows that the workbook lists; a note says when there are more."""
KEPT_DAYS = 30
_LONGEST_STEM = 60


async def write_error_workbook(
    session: WriteSession, store: FileStore, batch: ImportBatch, path: Path, *, rows: int
) -> UUID:
    """Make the workbook of a batch's refused and warned rows (`rows` of them); answers the stored file's id."""
    listed = await _listed(session, batch.id)
    content = _workbook(batch, path, listed, rows)
    file_id = new_id()
    written = await store.write(session.tenant_id, file_id, _once(content), len(content))
    stem = (batch.file_name.rpartition(".")[0] or batch.file_name)[:_LONGEST_STEM]
    await add_file(
        session,
        file_id,
        written,
        IMPORT_ERRORS,
        name=f"{stem}-错误.xlsx",
        media_type=XLSX_TYPE,
        owner_id=batch.created_by,
        expires_at=datetime.now(UTC) + timedelta(days=KEPT_DAYS),
    )
    return file_id


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _listed(session: WriteSession, batch_id: UUID) -> dict[int, Sequence[Any]]:
    rows = await session.rows(
        select(ImportEffect.row_number, ImportEffect.problems)
        .where(
            session.within(ImportEffect),
            ImportEffect.batch_id == batch_id,
            ImportEffect.outcome.in_([REFUSED, WARNED]),
        )
        .order_by(ImportEffect.outcome, ImportEffect.row_number)
        .limit(MOST_ROWS)
    )
    return {row[0]: row[1] or () for row in rows}


def _workbook(batch: ImportBatch, path: Path, listed: dict[int, Sequence[Any]], rows: int) -> bytes:
    target = io.BytesIO()
    with open_file(path, batch.file_name, batch.sheet, options_of(batch.options)) as table:
        places = [at for at, title in enumerate(table.header) if title and title not in ADDED]
        columns = [Column(table.header[at]) for at in places]
        columns += [Column(ROW_NUMBER, ColumnKind.NUMBER, 8), Column(PROBLEMS, width=60)]
        writer = XlsxWriter(target, columns, "错误")
        titles = {field: title for title, field in batch.columns.items() if field}
        last = max(listed, default=0)
        for row in table:
            if row.number in listed:
                cells = [_cell(row.cells[at]) for at in places]
                writer.write([*cells, row.number, _text(listed[row.number], titles)])
            if row.number >= last:
                break
        if rows > len(listed):
            note = (
                f"共 {rows} 行有问题，仅列出前 {len(listed)} 行。 {rows} rows have problems; {len(listed)} are listed."
            )
            writer.write([*[None] * len(places), None, note])
        writer.close()
    return target.getvalue()


def _cell(cell: Any) -> Any:
    """A cell as it was; a text stays a text, so that long numbers keep their digits."""
    return cell if cell is None or isinstance(cell, str | int | float) else shown_value(cell)


def _text(problems: Sequence[Any], titles: dict[str, str]) -> str:
    lines = []
    for one in problems:
        path = ".".join(one["path"])
        place = titles.get(path, path)
        mark = "（提示 note）" if one.get("warning") else ""
        lines.append(f"{mark}{place}{'：' if place else ''}{one['zh-CN']} {one['en']}")
    return "\n".join(lines)
