"""XLSX as a stream of rows: values as the program computed them last; merged cells keep the value of their first."""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import BinaryIO, ClassVar

from steward_core.spreadsheets.archives import Archive
from steward_core.spreadsheets.errors import (
    MacrosInSpreadsheet,
    OldSpreadsheetFormat,
    PositionLost,
    SheetNotFound,
    SpreadsheetInflates,
    SpreadsheetUnreadable,
    TooManyColumns,
)
from steward_core.spreadsheets.library import xlsx
from steward_core.spreadsheets.tables import Cell, Limits, Position, RawRow, Table
from steward_tenants.texts import Bilingual

_LAST_ROW = 1_048_576
_LAST_COLUMN = 16_384
_INTEGER = re.compile(r"-?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_ROW = re.compile(r"\d{1,7}", re.ASCII)
_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,7})", re.ASCII)
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
# Formats that have no definition in the file: East Asian programs give these numbers to their own dates and times.
_ASIAN_DATES = frozenset({*range(27, 32), 36, *range(50, 55), 57, 58})
_ASIAN_TIMES = frozenset({*range(32, 36), 55, 56})

_NOT_COMPUTED = Bilingual(
    "公式没有计算结果：请在 Excel 或 WPS 中打开并保存，或粘贴为数值。",
    "The formula has no computed value: open and save the file in Excel or WPS, or paste values.",
)
_UNREADABLE = Bilingual("单元格内容已损坏，无法读取。", "The cell is damaged and cannot be read.")


class XlsxTable(Table):
    """One sheet of an XLSX file. Hidden sheets are not offered; links to other files are not followed."""

    kind: ClassVar[str] = "xlsx"

    def __init__(
        self, file: BinaryIO, limits: Limits, sheet: str | None, header_row: int | None, at: Position | None
    ) -> None:
        super().__init__(limits)
        self._file = file
        self._archive = Archive(file, limits)
        book = _Book(self._archive, limits)
        self.sheets = tuple(book.sheets)
        if not book.sheets:
            raise SpreadsheetUnreadable()
        self.sheet = self.sheets[0] if sheet is None else sheet
        if self.sheet not in book.sheets:
            raise SheetNotFound(sheet=self.sheet[:40], sheets="、".join(self.sheets)[:200])
        self._reader = _SheetReader(book, limits)
        self._records = self._read_records(book.sheets[self.sheet])
        self._read_header(header_row)
        if at is not None:
            if at.row < self._last:
                raise PositionLost()
            self.skip_to(at.row + 1)

    def _raw_rows(self) -> Iterator[RawRow]:
        return self._records

    def position(self) -> Position:
        return Position(self._last)

    def skip_to(self, row_number: int) -> None:
        self._reader.first_wanted = max(row_number, self._reader.first_wanted)
        self._last = max(self._last, row_number - 1)

    def close(self) -> None:
        self._archive.close()
        self._file.close()

    def _read_records(self, part: str) -> Iterator[RawRow]:
        reader = self._reader
        for _ in self._archive.parse(part, reader.start, reader.end, reader.text):
            ready, reader.ready = reader.ready, []
            for row in ready:
                if row.number >= reader.first_wanted:
                    yield row


class _Book:
    """What the sheets of a workbook share: their names and parts, strings, formats of dates, the epoch."""

    def __init__(self, archive: Archive, limits: Limits) -> None:
        self._archive = archive
        self._limits = limits
        for _, attributes in archive.elements("[Content_Types].xml"):
            if "macroenabled" in attributes.get("ContentType", "").lower():
                raise MacrosInSpreadsheet()
        book = next(iter(self._related("", "officeDocument")), "xl/workbook.xml")
        if not book.endswith(".xml"):
            raise OldSpreadsheetFormat(found="XLSB")
        self.epoch = xlsx().WINDOWS_EPOCH
        self.sheets = self._read_sheets(book)
        self.strings: list[str] = []
        for part in self._related(book, "sharedStrings"):
            self._read_strings(part)
        self.dates: dict[str, str] = {}
        for part in self._related(book, "styles"):
            self._read_styles(part)

    def _relations(self, source: str) -> Iterator[tuple[str, str, str]]:
        """Id, kind and target of what a part refers to inside the archive."""
        folder, name = posixpath.split(source)
        part = posixpath.join(folder, "_rels", name + ".rels")
        if part not in self._archive:
            return
        for path, attributes in self._archive.elements(part):
            if path[-1] == "Relationship" and attributes.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, attributes.get("Target", "")))
                yield attributes.get("Id", ""), attributes.get("Type", "").rpartition("/")[2], target.lstrip("/")

    def _related(self, source: str, wanted: str) -> list[str]:
        return [target for _, kind, target in self._relations(source) if kind == wanted and target in self._archive]

    def _read_sheets(self, book: str) -> dict[str, str]:
        worksheets = {key: target for key, kind, target in self._relations(book) if kind == "worksheet"}
        sheets: dict[str, str] = {}
        for path, attributes in self._archive.elements(book):
            if path[-1] == "workbookPr" and attributes.get("date1904", "0").lower() in ("1", "true"):
                self.epoch = xlsx().CALENDAR_MAC_1904
            if path[-2:] == ("sheets", "sheet") and attributes.get("state", "visible") == "visible":
                target = worksheets.get(attributes.get("id", ""))
                if target is not None:
                    sheets[unescaped(attributes.get("name", ""))] = target
        return sheets

    def _read_strings(self, part: str) -> None:
        strings = self.strings
        pieces: list[str] = []
        inside = {"t": 0, "rPh": 0}

        def start(tag: str, _: Mapping[str, str]) -> None:
            if tag == "si":
                pieces.clear()
            elif tag in inside:
                inside[tag] += 1

        def end(tag: str) -> None:
            if tag == "si":
                if len(strings) >= self._limits.shared_strings:
                    raise SpreadsheetInflates()
                strings.append(unescaped("".join(pieces)))
            elif tag in inside:
                inside[tag] -= 1

        def text(data: str) -> None:
            if inside["t"] and not inside["rPh"]:
                pieces.append(data)

        for _ in self._archive.parse(part, start, end, text):
            pass

    def _read_styles(self, part: str) -> None:
        """Note which cell styles show dates, times or durations."""
        own: dict[str, str] = {}
        style = 0
        for path, attributes in self._archive.elements(part):
            if path[-1] == "numFmt":
                own[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
            elif path[-2:] == ("cellXfs", "xf"):
                kind = _kind_of_format(attributes.get("numFmtId", "0"), own)
                if kind is not None:
                    self.dates[str(style)] = kind
                style += 1


class _SheetReader:
    """Builds rows from the elements of a sheet. `ready` holds the finished ones."""

    def __init__(self, book: _Book, limits: Limits) -> None:
        self._book = book
        self._limits = limits
        self.ready: list[RawRow] = []
        self.first_wanted = 1
        self._in_data = False
        self._row = 0
        self._column = 0
        self._wanted = True
        self._cells: list[Cell] = []
        self._problems: list[tuple[int, str, Bilingual]] = []
        self._type = "n"
        self._style = ""
        self._formula = False
        self._keeps = ""
        self._phonetic = False
        self._value: list[str] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "c" and self._in_data:
            self._begin_cell(attributes)
        elif tag in ("v", "t"):
            self._keeps = tag
        elif tag == "f":
            self._formula = True
        elif tag == "rPh":
            self._phonetic = True
        elif tag == "row" and self._in_data:
            self._begin_row(attributes)
        elif tag == "sheetData":
            self._in_data = True

    def end(self, tag: str) -> None:
        if tag in ("v", "t"):
            self._keeps = ""
        elif tag == "rPh":
            self._phonetic = False
        elif tag == "c" and self._in_data:
            if self._wanted:
                self._end_cell()
        elif tag == "row" and self._in_data:
            if self._wanted:
                self.ready.append(RawRow(self._row, self._cells, tuple(self._problems)))
        elif tag == "sheetData":
            self._in_data = False

    def text(self, data: str) -> None:
        if self._keeps and not self._phonetic:
            self._value.append(data)

    def _begin_row(self, attributes: Mapping[str, str]) -> None:
        written = attributes.get("r")
        number = self._row + 1 if written is None else int(written) if _ROW.fullmatch(written) else 0
        if not self._row < number <= _LAST_ROW:
            raise SpreadsheetUnreadable()
        self._row = number
        self._column = 0
        self._wanted = number >= self.first_wanted
        self._cells = []
        self._problems = []

    def _begin_cell(self, attributes: Mapping[str, str]) -> None:
        written = attributes.get("r")
        if written is not None:
            reference = _REFERENCE.fullmatch(written)
            column = _column_of(reference.group(1)) if reference else 0
        else:
            column = self._column + 1
        if not self._column < column <= _LAST_COLUMN:
            raise SpreadsheetUnreadable()
        self._column = column
        self._type = attributes.get("t", "n")
        self._style = attributes.get("s", "")
        self._formula = False
        self._value = []

    def _end_cell(self) -> None:
        written = "".join(self._value)
        at = self._column - 1
        if not written and not self._formula:
            return
        if at >= self._limits.columns:
            raise TooManyColumns(limit=self._limits.columns)
        value: Cell = None
        if not written:
            if self._type != "str":
                self._problems.append((at, "formula_not_computed", _NOT_COMPUTED))
        elif self._type == "e":
            self._problems.append((at, "cell_error", _error(written)))
        else:
            value = self._converted(written)
            if value is None:
                self._problems.append((at, "cell_unreadable", _UNREADABLE))
        self._cells.extend([None] * (at - len(self._cells)))
        self._cells.append(value if value != "" else None)

    def _converted(self, written: str) -> Cell:
        """The value of a cell; None when it is damaged."""
        match self._type:
            case "s":
                if _INTEGER.fullmatch(written) and 0 <= int(written) < len(self._book.strings):
                    return self._book.strings[int(written)]
                return None
            case "inlineStr" | "str":
                return unescaped(written)
            case "b":
                return written.strip() in ("1", "true")
            case "d":
                return _iso(written)
            case "n":
                return self._number(written)
        return None

    def _number(self, written: str) -> Cell:
        if _INTEGER.fullmatch(written):
            number: int | float = int(written)
        elif _NUMBER.fullmatch(written) and math.isfinite(float(written)):
            number = float(written)
        else:
            return None
        kind = self._book.dates.get(self._style)
        return number if kind is None else _moment(number, kind, self._book)


def unescaped(text: str) -> str:
    """Text with `_x000D_` and the like turned into the characters they stand for (ECMA-376, ST_Xstring)."""
    if "_x" not in text:
        return text
    return _ESCAPED.sub(lambda found: _character(found.group(1)), text)


def _character(digits: str) -> str:
    point = int(digits, 16)
    return "" if point == 0 or 0xD800 <= point <= 0xDFFF else chr(point)


def _moment(number: int | float, kind: str, book: _Book) -> Cell:
    """A serial number as its format shows it: a day, a moment, a time or a duration; None when out of range."""
    try:
        value: Cell = xlsx().from_excel(number, book.epoch, timedelta=kind == "duration")
    except (OverflowError, ValueError):
        return None
    if isinstance(value, datetime) and kind == "date" and value.time() == time():
        return value.date()
    return value


def _iso(written: str) -> Cell:
    text = written.strip()
    try:
        moment = datetime.fromisoformat(text.removesuffix("Z"))
    except ValueError:
        try:
            return time.fromisoformat(text)
        except ValueError:
            return None
    day: date = moment.date()
    return day if moment.time() == time() else moment.replace(tzinfo=None)


def _kind_of_format(number: str, own: Mapping[str, str]) -> str | None:
    """`date`, `time` or `duration` for the number format of a style; None when it shows no moment."""
    code = own.get(number)
    if code is None and _ROW.fullmatch(number):
        if int(number) in _ASIAN_DATES:
            return "date"
        if int(number) in _ASIAN_TIMES:
            return "time"
        code = xlsx().BUILTIN_FORMATS.get(int(number))
    if not code or not xlsx().is_date_format(code):
        return None
    return "duration" if xlsx().is_timedelta_format(code) else "date"


def _column_of(letters: str) -> int:
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - 64
    return column


def _error(written: str) -> Bilingual:
    shown = written[:20] if written.isascii() and written.isprintable() else "#?"
    return Bilingual(
        f"单元格是错误值 {shown}，请修正公式后重新上传。", f"The cell holds the error {shown}: correct its formula."
    )
