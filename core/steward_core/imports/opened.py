"""Files of imports being read: a copy on this machine, and how far each run has read it."""

from __future__ import annotations

import asyncio
import os
import stat
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

from steward_core.imports.errors import SpoolUnsafe
from steward_core.imports.options import ImportOptions
from steward_core.imports.plans import ImportRow, Plan, repeated
from steward_core.runs.service import RunTools
from steward_core.spreadsheets.readers import read_table
from steward_core.spreadsheets.tables import Row, Table

CHUNK_ROWS = 5_000
"""Rows that one transaction usually takes. Fewer cost round trips, more keep locks longer."""
_MOST_OPEN = 8

_READERS = ThreadPoolExecutor(2, thread_name_prefix="imports")
Prepare = Callable[[ImportRow], None]
KeyOf = Callable[[ImportRow], str | None]
Keys = tuple[KeyOf, KeyOf]
"""By what a row is recognised in its file, and what else no two rows of it may share."""


async def local_copy(tools: RunTools, tenant_id: UUID, file_id: UUID) -> Path:
    """The file on this machine, fetched from the store where it is not there yet."""
    folder = tools.spool / f"steward-imports-{os.getuid()}"
    path = folder / f"{tenant_id}-{file_id}"
    _own_folder(folder)
    if path.exists():
        return path
    part = path.with_name(f"{path.name}.{uuid4().hex}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            async for chunk in tools.files.read(tenant_id, file_id):
                file.write(chunk)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _own_folder(folder: Path) -> None:
    """A folder that only this account opens: files in a shared folder for temporary files could be anybody's.

    Raises SpoolUnsafe.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    known = folder.lstat()
    if not stat.S_ISDIR(known.st_mode) or known.st_uid != os.getuid() or known.st_mode & 0o077:
        raise SpoolUnsafe(folder=folder.name)


def forget_copy(tools: RunTools, tenant_id: UUID, file_id: UUID) -> None:
    """Remove the copy on this machine."""
    (tools.spool / f"steward-imports-{os.getuid()}" / f"{tenant_id}-{file_id}").unlink(missing_ok=True)


@dataclass(frozen=True)
class Chunk:
    """Rows read, the number of the last of them, and whether the file ends there."""

    rows: list[ImportRow]
    last: int
    over: bool


@dataclass
class Opened:
    """A file under way. `row` is the last row given; `seen` and `taken` the rows' keys by first appearance;
    `codes` and `parents` what the second pass needs: {row number: (own code, parent's code, outcome)}."""

    table: Table
    row: int = 0
    over: bool = False
    seen: dict[str, int] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    parents: dict[int, tuple[str | None, str, str]] = field(default_factory=dict)
    ahead: Future[Chunk] | None = None

    def chunk(self, plan: Plan, keys: Keys, *, prepare: Prepare | None = None, size: int) -> Chunk:
        """The next rows, parsed; a row whose key stood further up is a problem."""
        rows: list[ImportRow] = []
        last = self.row
        for raw in self.table:
            row = plan.read(raw)
            self._notice(row, plan, keys)
            if prepare is not None:
                prepare(row)
            rows.append(row)
            last = raw.number
            if len(rows) >= size:
                return Chunk(rows, last, over=False)
        return Chunk(rows, last, over=True)

    def go_to(self, row_number: int, plan: Plan, keys: Keys) -> None:
        """Read again what a run had read before it was interrupted."""
        raw: Row
        while self.row < row_number:
            found = next(self.table.rows, None)
            if found is None:
                self.over = True
                return
            raw = found
            row = plan.read(raw)
            self._notice(row, plan, keys)
            parent = row.values.get("parent")
            if parent is not None:
                self.parents[row.number] = (row.values.get("code"), parent, "")
            self.row = raw.number

    def _notice(self, row: ImportRow, plan: Plan, keys: Keys) -> None:
        if "parent" in plan.mapped and (code := row.values.get("code")) is not None:
            self.codes.setdefault(code, row.number)
        key_of, unique_of = keys
        if (key := key_of(row)) is not None:
            first = self.seen.setdefault(key, row.number)
            if first != row.number:
                row.problems.append(repeated(first))
        if (unique := unique_of(row)) is not None:
            first = self.taken.setdefault(unique, row.number)
            if first != row.number:
                row.problems.append(repeated(first, "code"))


_OPENED: OrderedDict[UUID, Opened] = OrderedDict()


def open_file(path: Path, name: str, sheet: str | None, options: ImportOptions) -> Table:
    """The table of an import's file. Raises SpreadsheetRefused."""
    return read_table(path, name, sheet=sheet, header_row=options.header_row)


def remembered(run_id: UUID, row: int) -> Opened | None:
    """The file that this process reads for a run, if it stands where the run says; otherwise it is let go."""
    known = _OPENED.get(run_id)
    if known is not None and known.row == row:
        _OPENED.move_to_end(run_id)
        return known
    close(run_id)
    return None


def remember(run_id: UUID, opened: Opened) -> None:
    """Keep a file open for the run's next chunk."""
    _OPENED[run_id] = opened
    while len(_OPENED) > _MOST_OPEN:
        close(next(iter(_OPENED)))


def close(run_id: UUID) -> None:
    """Let go of a run's file."""
    known = _OPENED.pop(run_id, None)
    if known is not None:
        if known.ahead is not None:
            wait([known.ahead])
        known.table.close()


async def next_rows(
    opened: Opened, plan: Plan, keys: Keys, *, size: int, prepare: Prepare | None = None, ahead: bool = False
) -> list[ImportRow]:
    """The next rows, read beside the event loop. With `ahead` those after them are read while these are written."""

    def read() -> Chunk:
        return opened.chunk(plan, keys, prepare=prepare, size=size)

    waiting, opened.ahead = opened.ahead, None
    chunk = await asyncio.wrap_future(waiting if waiting is not None else _READERS.submit(read))
    before, opened.row, opened.over = opened.row, chunk.last, chunk.over
    if not chunk.rows:
        opened.row = before
    if ahead and not chunk.over:
        opened.ahead = _READERS.submit(read)
    return chunk.rows
