"""CSV as a stream of rows: UTF-8, UTF-16 with its mark, GB18030; every row knows the byte it ends at."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from typing import BinaryIO, ClassVar

from steward_core.spreadsheets.errors import (
    BadEncoding,
    NulInText,
    PositionLost,
    RecordTooLong,
    SpreadsheetUnreadable,
    TooManyColumns,
)
from steward_core.spreadsheets.inert import as_written
from steward_core.spreadsheets.tables import Cell, Limits, Position, RawRow, Table
from steward_tenants.texts import Bilingual

_CHUNK = 1024 * 1024
_SNIFFED = 64 * 1024
_DELIMITERS = ",;\t"
_SEPARATOR_LINE = re.compile(r"sep=(.)\s*", re.IGNORECASE)
_CHINESE = re.compile("[㐀-鿿　-〿＀-￯]")
_ENOUGH_CHINESE = 2
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_SHOWN = {"utf-8": "UTF-8", "gb18030": "GB18030", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}
_QUOTES = Bilingual(
    "该行的引号不成对或位置有误，无法分列。", "The quotation marks of this row do not pair: it cannot be split."
)
_TOO_LONG = Bilingual("该行有内容过长的单元格。", "A cell of this row is too long.")


class CsvTable(Table):
    """A CSV file; all cells are text or None. The file is checked to be in one encoding before any row is given."""

    kind: ClassVar[str] = "csv"

    def __init__(self, file: BinaryIO, limits: Limits, header_row: int | None, at: Position | None) -> None:
        super().__init__(limits)
        self._file = file
        head = _head(file, _SNIFFED)
        mark = next((mark for mark, _ in _MARKS if head.startswith(mark)), b"")
        damaged = False
        if at is not None and at.encoding in _SHOWN:
            self._codec = at.encoding
        else:
            self._codec, damaged = encoding_of(file)
        self.encoding = self._codec + ("-sig" if mark == codecs.BOM_UTF8 else "")
        self._lines = _Lines(file, self._codec, len(mark), limits, _line_end(head, self._codec))
        self.delimiter = self._sniff_delimiter()
        self._records = self._read_records(0)
        self._read_header(header_row)
        if damaged:
            for _ in self._records:
                pass
            raise SpreadsheetUnreadable()
        if at is not None:
            self._go_on_at(at)

    def _raw_rows(self) -> Iterator[RawRow]:
        return self._records

    def position(self) -> Position:
        return Position(self._last, self._lines.offset, self._codec)

    def skip_to(self, row_number: int) -> None:
        while self._last < row_number - 1:
            raw = next(self._records, None)
            if raw is None:
                return
            self._last = raw.number

    def close(self) -> None:
        self._file.close()

    def _go_on_at(self, at: Position) -> None:
        size = self._file.seek(0, 2)
        if not self._lines.offset <= at.offset <= size or at.row < self._last:
            raise PositionLost()
        self._lines.seek(at.offset)
        self._last = at.row
        self._records = self._read_records(at.row)

    def _sniff_delimiter(self) -> str:
        """By a `sep=` line, which is taken off, or by what the first line that says something has most of."""
        start = self._lines.offset
        delimiter = ","
        for line in self._lines:
            announced = _SEPARATOR_LINE.fullmatch(line)
            if announced and start == self._lines.first:
                return announced.group(1)
            if line.strip():
                bare = re.sub(r'"[^"]*"', "", line)
                delimiter = max(_DELIMITERS, key=bare.count)
                break
        self._lines.seek(start)
        return delimiter

    def _read_records(self, number: int) -> Iterator[RawRow]:
        lines = self._lines
        assert self.delimiter is not None
        reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
        while True:
            number += 1
            lines.begin_record(number)
            try:
                fields = next(reader, None)
            except csv.Error as error:
                too_long = "field larger" in str(error)
                if too_long and lines.in_record > 1:
                    raise RecordTooLong(row=number) from error
                problem = (-1, "cell_too_long", _TOO_LONG) if too_long else (-1, "row_unreadable", _QUOTES)
                yield RawRow(number, [], (problem,))
                continue
            if fields is None:
                return
            if len(fields) > self.limits.columns and any(fields[self.limits.columns :]):
                raise TooManyColumns(limit=self.limits.columns)
            cells: list[Cell] = [as_written(field) or None for field in fields]
            yield RawRow(number, cells)


class _Lines:
    """Decoded lines of a file, with the byte offset after the last one given."""

    def __init__(self, file: BinaryIO, codec: str, first: int, limits: Limits, end: bytes) -> None:
        self._file = file
        self._codec = codec
        self._end = end
        self._returns = b"\r" in end
        self._limit = limits.record
        self._buffer = b""
        self.first = first
        self.record = 1
        self.in_record = 0
        self._bytes = 0
        self.offset = first
        self.seek(first)

    def seek(self, offset: int) -> None:
        self._file.seek(offset)
        self._buffer = b""
        self.offset = offset
        self._bytes = 0

    def begin_record(self, number: int) -> None:
        self.record = number
        self.in_record = 0
        self._bytes = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._next_bytes()
        if not line:
            raise StopIteration
        self.offset += len(line)
        self.in_record += 1
        self._bytes += len(line)
        if self._bytes > self._limit:
            raise RecordTooLong(row=self.record)
        try:
            text = line.decode(self._codec)
        except UnicodeDecodeError as error:
            raise BadEncoding(row=self.record, encoding=_SHOWN[self._codec]) from error
        if "\0" in text:
            raise NulInText(row=self.record)
        # csv takes a bare return for the end of a line only when nothing follows it.
        return text[:-1] + "\n" if self._returns and text.endswith("\r") else text

    def _next_bytes(self) -> bytes:
        if self._end == b"\n":
            return self._file.readline(self._limit + 1)
        width = len(self._end)
        searched = 0
        while True:
            found = self._buffer.find(self._end, searched)
            while found % width and found >= 0:
                found = self._buffer.find(self._end, found + 1)
            if found >= 0:
                return self._cut(found + width)
            searched = max(len(self._buffer) - width, 0) // width * width
            chunk = self._file.read(_CHUNK)
            if not chunk or len(self._buffer) > self._limit:
                return self._cut(len(self._buffer))
            self._buffer += chunk

    def _cut(self, size: int) -> bytes:
        line, self._buffer = self._buffer[:size], self._buffer[size:]
        return line


def encoding_of(file: BinaryIO) -> tuple[str, bool]:
    """The codec of a file, and whether some bytes are nevertheless wrong in it.

    A mark decides; else UTF-8 if the whole file is UTF-8, else GB18030. A file that has Chinese in valid UTF-8 before
    its first wrong byte is damaged UTF-8, although GB18030 would take nearly any bytes.
    """
    head = _head(file, 4)
    for mark, codec in _MARKS:
        if head.startswith(mark):
            file.seek(len(mark))
            return codec, _first_wrong(file, codec)[0] is not None
    file.seek(0)
    wrong, chinese = _first_wrong(file, "utf-8")
    if wrong is None:
        return "utf-8", False
    if chinese >= _ENOUGH_CHINESE:
        return "utf-8", True
    file.seek(0)
    wrong_there, _ = _first_wrong(file, "gb18030")
    if wrong_there is None:
        return "gb18030", False
    return ("gb18030" if wrong_there > wrong else "utf-8"), True


def _first_wrong(file: BinaryIO, codec: str) -> tuple[int | None, int]:
    """The byte from where on `codec` does not fit (None: it does), and how many Chinese characters came before it."""
    decoder = codecs.getincrementaldecoder(codec)()
    at = 0
    chinese = 0
    while True:
        chunk = file.read(_CHUNK)
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            valid = error.object[: error.start].decode(codec)
            return at - pending + error.start, chinese + len(_CHINESE.findall(valid))
        if chinese < _ENOUGH_CHINESE:
            chinese += len(_CHINESE.findall(text))
        if not chunk:
            return None, chinese
        at += len(chunk)


def _line_end(head: bytes, codec: str) -> bytes:
    text = head.decode(codec, "ignore")
    return ("\r" if "\r" in text and "\n" not in text else "\n").encode(codec)


def _head(file: BinaryIO, size: int) -> bytes:
    file.seek(0)
    return file.read(size)
