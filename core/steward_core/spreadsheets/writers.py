"""Rows written as CSV or XLSX, row by row; no text in them runs as a formula.

Text that a program might take for a formula gets an apostrophe in CSV and the type text with a quote prefix in XLSX.
Numbers stay numbers. `read_table` gives the same values back.
"""

from __future__ import annotations

import csv
import io
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self

from steward_core.spreadsheets.inert import made_inert, starts_formula
from steward_core.spreadsheets.library import xlsx

LONGEST_CELL = 32_767
CsvEncoding = Literal["utf-8-sig", "utf-8", "gb18030"]
Written = str | int | float | Decimal | bool | date | datetime | None

_CHECKED_ROWS = 1_048_576
_FLUSHED = 64 * 1024
_CHOICES_SHEET = "选项"
_NOT_IN_TITLE = re.compile(r"[\\/*?:\[\]\x00-\x1f]")
_LOOKS_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_CONTROL = re.compile(r"[\x01-\x08\x0b-\x1f]")
_LOST = re.compile("[\x00\ud800-\udfff]")
_LOST_IN_XML = re.compile("[\x00\ud800-\udfff\ufffe\uffff]")
_REPLACEMENT = "�"


class ColumnKind(StrEnum):
    """What a column holds. Money is fen and is written in yuan."""

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    BOOLEAN = "boolean"


@dataclass(frozen=True)
class Column:
    """A column of an export. `width` is in characters; `choices` become a list to pick from in XLSX."""

    title: str
    kind: ColumnKind = ColumnKind.TEXT
    width: float = 16
    choices: tuple[str, ...] = ()
    required: bool = False


@dataclass
class WriteReport:
    """What was written, and the cells that could not be kept whole: (row, column title), rows counted from the header.

    `replaced`: characters that the file cannot hold became �. `shortened`: text above 32,767 characters was cut (XLSX).
    """

    rows: int = 0
    replaced: list[tuple[int, str]] = field(default_factory=list)
    shortened: list[tuple[int, str]] = field(default_factory=list)


class RowWriter(ABC):
    """Writes a file row by row to a binary file that it does not close.

    As a context manager it finishes the file at the end of the block, and gives it up when the block fails.
    """

    def __init__(self) -> None:
        self.report = WriteReport()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.discard()

    @abstractmethod
    def write(self, row: Sequence[Written]) -> None:
        """One row, a value for each column. Raises ValueError when there are more or fewer."""

    @abstractmethod
    def close(self) -> WriteReport:
        """Write what is left and say what could not be kept."""

    @abstractmethod
    def discard(self) -> None:
        """Give up: let go of what is open; the target is left as it is."""


class CsvWriter(RowWriter):
    """Writes a CSV file, comma separated."""

    def __init__(self, target: BinaryIO, columns: Sequence[Column], encoding: CsvEncoding = "utf-8-sig") -> None:
        super().__init__()
        self._target = target
        self._columns = tuple(columns)
        self._codec = encoding.removesuffix("-sig")
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text, lineterminator="\r\n")
        if encoding == "utf-8-sig":
            target.write(b"\xef\xbb\xbf")
        self._write([_csv_cell(column.title, column) for column in self._columns])

    def write(self, row: Sequence[Written]) -> None:
        self.report.rows += 1
        cells = [_csv_cell(value, column) for value, column in zip(row, self._columns, strict=True)]
        self._write([self._kept(cell, column) for cell, column in zip(cells, self._columns, strict=True)])
        if self._text.tell() > _FLUSHED:
            self._flush()

    def close(self) -> WriteReport:
        self._flush()
        return self.report

    def discard(self) -> None:
        self._text.close()

    def _write(self, cells: list[str]) -> None:
        if cells == [""]:
            self._text.write('""\r\n')
        else:
            self._writer.writerow(cells)

    def _kept(self, cell: str, column: Column) -> str:
        kept = _LOST.sub(_REPLACEMENT, cell)
        if kept != cell:
            self.report.replaced.append((self.report.rows + 1, column.title))
        return kept

    def _flush(self) -> None:
        self._target.write(self._text.getvalue().encode(self._codec, "replace"))
        self._text.seek(0)
        self._text.truncate()


class XlsxWriter(RowWriter):
    """Writes one sheet of an XLSX file: styled frozen header, widths, text columns as text, lists of choices."""

    def __init__(self, target: BinaryIO, columns: Sequence[Column], sheet: str = "数据") -> None:
        super().__init__()
        self._target = target
        self._columns = tuple(columns)
        self._book = xlsx().Workbook(write_only=True)
        self._sheet: Any = self._book.create_sheet(_sheet_title(sheet))
        self._sheet.freeze_panes = "A2"
        for index, column in enumerate(self._columns, start=1):
            self._sheet.column_dimensions[xlsx().get_column_letter(index)].width = column.width
        self._offer_choices()
        self._styles = {kind: self._style(kind) for kind in ColumnKind}
        self._inert_style = self._style(ColumnKind.TEXT, inert=True)
        self._sheet.append([self._header_cell(column) for column in self._columns])

    def write(self, row: Sequence[Written]) -> None:
        self.report.rows += 1
        self._sheet.append([self._cell(value, column) for value, column in zip(row, self._columns, strict=True)])

    def close(self) -> WriteReport:
        self._book.save(self._target)
        return self.report

    def discard(self) -> None:
        for sheet in self._book.worksheets:
            if not sheet.closed:
                sheet.close()
            sheet._writer.cleanup()

    def _style(self, kind: ColumnKind, *, inert: bool = False) -> Any:
        cell: Any = xlsx().WriteOnlyCell(self._sheet)
        formats = {ColumnKind.TEXT: "@", ColumnKind.MONEY: "#,##0.00", ColumnKind.DATE: "yyyy-mm-dd"}
        cell.number_format = formats.get(kind, "General")
        cell.quotePrefix = inert
        return cell._style

    def _header_cell(self, column: Column) -> Any:
        cell = self._text_cell(column.title, column)
        cell.font = xlsx().Font(bold=True, color="FFFFFF")
        cell.fill = xlsx().PatternFill("solid", fgColor="C0504D" if column.required else "4F81BD")
        cell.alignment = xlsx().Alignment(vertical="center", wrap_text=True)
        return cell

    def _cell(self, value: Written, column: Column) -> Any:
        value = _spreadsheet_value(value, column)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            return self._text_cell(value, column)
        cell: Any = xlsx().WriteOnlyCell(self._sheet)
        cell.value = value
        moment = isinstance(value, datetime)
        cell._style = copy(self._styles[ColumnKind.DATE if isinstance(value, date) else column.kind])
        if moment:
            cell.number_format = "yyyy-mm-dd hh:mm:ss"
        elif column.kind is ColumnKind.TEXT:
            cell.number_format = "yyyy-mm-dd" if isinstance(value, date) else "General"
        return cell

    def _text_cell(self, text: str, column: Column) -> Any:
        kept = _LOST_IN_XML.sub(_REPLACEMENT, text)
        if kept != text:
            self.report.replaced.append((self.report.rows + 1, column.title))
        if len(kept) > LONGEST_CELL:
            kept = kept[:LONGEST_CELL]
            self.report.shortened.append((self.report.rows + 1, column.title))
        cell: Any = xlsx().WriteOnlyCell(self._sheet)
        cell._value = escaped(kept)
        cell.data_type = "s"
        cell._style = copy(self._inert_style if starts_formula(kept) else self._styles[ColumnKind.TEXT])
        return cell

    def _offer_choices(self) -> None:
        offered = [(index, column) for index, column in enumerate(self._columns, start=1) if column.choices]
        if not offered:
            return
        choices: Any = self._book.create_sheet(_CHOICES_SHEET)
        choices.sheet_state = "hidden"
        for place in range(max(len(column.choices) for _, column in offered)):
            values = [column.choices[place] if place < len(column.choices) else None for _, column in offered]
            choices.append([None if value is None else self._choice_cell(choices, value) for value in values])
        for place, (index, column) in enumerate(offered, start=1):
            letter = xlsx().get_column_letter(place)
            rule = xlsx().DataValidation(
                type="list",
                formula1=f"'{_CHOICES_SHEET}'!${letter}$1:${letter}${len(column.choices)}",
                allow_blank=True,
                showErrorMessage=True,
            )
            rule.add(f"{xlsx().get_column_letter(index)}2:{xlsx().get_column_letter(index)}{_CHECKED_ROWS}")
            self._sheet.data_validations.append(rule)

    @staticmethod
    def _choice_cell(sheet: Any, value: str) -> Any:
        cell: Any = xlsx().WriteOnlyCell(sheet)
        cell._value = escaped(_LOST_IN_XML.sub(_REPLACEMENT, value)[:LONGEST_CELL])
        cell.data_type = "s"
        cell.number_format = "@"
        return cell


def write_csv(
    target: BinaryIO, columns: Sequence[Column], rows: Iterable[Sequence[Written]], encoding: CsvEncoding = "utf-8-sig"
) -> WriteReport:
    """A whole CSV file."""
    with CsvWriter(target, columns, encoding) as writer:
        for row in rows:
            writer.write(row)
    return writer.report


def csv_chunks(
    columns: Sequence[Column], rows: Iterable[Sequence[Written]], encoding: CsvEncoding = "utf-8-sig"
) -> Iterator[bytes]:
    """A CSV file in pieces, for an answer that is streamed."""
    target = io.BytesIO()
    with CsvWriter(target, columns, encoding) as writer:
        for row in rows:
            writer.write(row)
            if target.tell():
                yield _taken(target)
    yield _taken(target)


def write_xlsx(
    target: BinaryIO, columns: Sequence[Column], rows: Iterable[Sequence[Written]], sheet: str = "数据"
) -> WriteReport:
    """A whole XLSX file."""
    with XlsxWriter(target, columns, sheet) as writer:
        for row in rows:
            writer.write(row)
    return writer.report


def escaped(text: str) -> str:
    """Text as XLSX stores it: control characters, and what looks like such an escape, as `_xHHHH_`."""
    text = _LOOKS_ESCAPED.sub("_x005F_", text)
    return _CONTROL.sub(lambda found: f"_x{ord(found.group()):04X}_", text)


def _spreadsheet_value(value: Written, column: Column) -> Written:
    """A value as a spreadsheet shows it: fen as yuan, 是 and 否, numbers that it cannot hold exactly as text."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, int) and column.kind is ColumnKind.MONEY:
        value = Decimal(value).scaleb(-2)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int | Decimal) and len(Decimal(value).as_tuple().digits) > 15:
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        raise ValueError("give moments in the tenant's time without a zone")
    if isinstance(value, date) and value.year <= 1900:
        return value.isoformat()
    if isinstance(value, int | float | Decimal) and column.kind is ColumnKind.TEXT:
        return str(value)
    return value


def _csv_cell(value: Written, column: Column) -> str:
    numeric = isinstance(value, int | float | Decimal)
    value = _spreadsheet_value(value, column)
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    text = str(value)
    return text if numeric else made_inert(text)


def _sheet_title(title: str) -> str:
    return _NOT_IN_TITLE.sub(" ", _LOST_IN_XML.sub("", title)).strip(" '")[:31] or "数据"


def _taken(target: io.BytesIO) -> bytes:
    taken = target.getvalue()
    target.seek(0)
    target.truncate()
    return taken
