"""A table as it is read from any kind of file: a header and a stream of numbered rows."""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from types import TracebackType
from typing import ClassVar, NamedTuple, Self

from steward_core.spreadsheets.errors import DuplicateColumns, NoHeader, TooManyColumns
from steward_tenants.errors import FieldProblem
from steward_tenants.texts import Bilingual

Cell = str | int | float | bool | datetime | date | time | timedelta | None
"""A value as the file holds it: CSV has text only; XLSX has numbers, booleans and dates as well. Blank is None."""


@dataclass(frozen=True)
class Limits:
    """How much of a file is read. Sizes are bytes, `field` is characters."""

    file: int = 300 * 1024 * 1024
    columns: int = 200
    field: int = 32_767
    record: int = 8 * 1024 * 1024
    inflated: int = 200 * 1024 * 1024
    ratio: int = 200
    ratio_from: int = 1024 * 1024
    entries: int = 2_000
    shared_strings: int = 1_000_000


class Row(NamedTuple):
    """One row: its number as a spreadsheet program shows it, a cell for each column, and what is wrong with it.

    The path of a problem is the column's title, or empty when the row as a whole is meant.
    """

    number: int
    cells: list[Cell]
    problems: tuple[FieldProblem, ...] = ()


class Position(NamedTuple):
    """Where reading stopped: the last row read, and for CSV the byte and encoding with which to go on.

    Plain values: it may be stored as JSON and given back as `Position(*stored)`.
    """

    row: int
    offset: int = 0
    encoding: str | None = None


class RawRow(NamedTuple):
    """A row before it is fitted to the header; `problems` pairs a column index (-1: the row) with code and text."""

    number: int
    cells: list[Cell]
    problems: tuple[tuple[int, str, Bilingual], ...] = ()


class Table(ABC):
    """An open table. Iterate over it once; close it, or use it as a context manager.

    Rows without any value are left out but counted. A shorter row ends in None: Excel leaves blank ends away.
    """

    kind: ClassVar[str]
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    sheets: tuple[str, ...] = ()

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.header: list[str] = []
        self.header_row = 0
        self._last = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        while True:
            raw = next(self._raw_rows())
            self._last = raw.number
            if raw.problems or any(cell is not None for cell in raw.cells):
                return self._fitted(raw)

    @property
    def rows(self) -> Iterator[Row]:
        """The rows that are still to come."""
        return self

    @abstractmethod
    def _raw_rows(self) -> Iterator[RawRow]:
        """The one iterator of this table over its raw rows."""

    @abstractmethod
    def position(self) -> Position:
        """Where to go on after the last row read."""

    @abstractmethod
    def skip_to(self, row_number: int) -> None:
        """Go on with the first row whose number is at least `row_number`; never goes back."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the file."""

    def _read_header(self, header_row: int | None) -> None:
        """Take the header from `header_row`, or from the first row that has a value."""
        for raw in self._raw_rows():
            self._last = raw.number
            wanted = header_row is None or raw.number == header_row
            if wanted and any(cell is not None for cell in raw.cells):
                self.header = header_of(raw.cells, self.limits)
                self.header_row = raw.number
                return
            if header_row is not None and raw.number >= header_row:
                break
        raise NoHeader()

    def _fitted(self, raw: RawRow) -> Row:
        width = len(self.header)
        cells = raw.cells
        problems = [self._problem(at, code, message) for at, code, message in raw.problems if at < width]
        extra = sum(cell is not None for cell in cells[width:])
        if extra:
            problems.append(
                FieldProblem(
                    (),
                    "row_too_wide",
                    Bilingual(
                        f"该行在 {width} 个标题列之外还有 {extra} 个值，可能是分隔符或引号有误。",
                        f"The row has {extra} values beyond the {width} titled columns; check separators and quotes.",
                    ),
                )
            )
        del cells[width:]
        cells.extend([None] * (width - len(cells)))
        for at, cell in enumerate(cells):
            if isinstance(cell, str) and len(cell) > self.limits.field:
                problems.append(self._problem(at, "cell_too_long", _too_long(len(cell), self.limits.field)))
                cells[at] = None
        return Row(raw.number, cells, tuple(problems))

    def _problem(self, at: int, code: str, message: Bilingual) -> FieldProblem:
        return FieldProblem((self.header[at],) if at >= 0 else (), code, message)


def header_of(cells: Sequence[Cell], limits: Limits) -> list[str]:
    """Titles of the columns: NFC, blanks and line ends one blank, empty ones at the end gone.

    A column without a title between others has the title "". Raises NoHeader, DuplicateColumns, TooManyColumns.
    """
    titles = ["" if cell is None else _title(str(cell)[: limits.field]) for cell in cells]
    while titles and not titles[-1]:
        titles.pop()
    if not titles:
        raise NoHeader()
    if len(titles) > limits.columns:
        raise TooManyColumns(limit=limits.columns)
    seen: set[str] = set()
    twice: dict[str, None] = {}
    for title in titles:
        if title and title.casefold() in seen:
            twice[title[:40]] = None
        seen.add(title.casefold())
    if twice:
        raise DuplicateColumns(titles="、".join(list(twice)[:5]))
    return titles


def _title(text: str) -> str:
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).strip()


def _too_long(found: int, limit: int) -> Bilingual:
    return Bilingual(
        f"内容有 {found} 个字符，最多 {limit} 个。", f"The cell has {found} characters; {limit} are allowed."
    )
