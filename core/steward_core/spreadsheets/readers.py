"""Open a spreadsheet of whatever kind as one table."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

from steward_core.spreadsheets.csv_tables import CsvTable
from steward_core.spreadsheets.errors import (
    MacrosInSpreadsheet,
    OldSpreadsheetFormat,
    SpreadsheetEncrypted,
    SpreadsheetTooLarge,
    SpreadsheetUnreadable,
)
from steward_core.spreadsheets.tables import Cell, Limits, Position, Row, Table
from steward_core.spreadsheets.xlsx_tables import XlsxTable

__all__ = ["Cell", "Limits", "Position", "Row", "Source", "Table", "read_table"]

Source = bytes | Path | BinaryIO
"""The bytes of a file, its path, or a binary file that can seek; the table closes it."""

_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MACRO_ENDINGS = (".xlsm", ".xltm", ".xlam", ".xla", ".xlm")
_MARKUP = (b"<html", b"<!doctype", b"<table", b"<?xml", b"<head", b"<meta", b"<style", b"mime-version:")
_OTHERS = {b"%PDF": "PDF", b"\x7fELF": "ELF", b"MZ": "EXE", b"\x89PNG": "PNG", b"{\\rtf": "RTF", b"Rar!": "RAR"}


def read_table(
    source: Source,
    name: str,
    *,
    sheet: str | None = None,
    header_row: int | None = None,
    limits: Limits | None = None,
    at: Position | None = None,
) -> Table:
    """The table in a CSV or XLSX file; what the file is decides its content, not its `name`.

    `sheet` None takes the first visible sheet, `header_row` None the first row with a value. `at` goes on after a
    stored `Table.position()` of the same file. Raises a SpreadsheetRefused: see errors.py for every reason.
    """
    limits = limits or Limits()
    file = _opened(source)
    try:
        size = file.seek(0, 2)
        if size > limits.file:
            raise SpreadsheetTooLarge(limit=limits.file // (1024 * 1024))
        if size == 0:
            raise SpreadsheetUnreadable()
        file.seek(0)
        head = file.read(1024)
        _refuse_what_is_known(head, name.lower().strip(), file)
        if head.startswith(_ZIP):
            return XlsxTable(file, limits, sheet, header_row, at)
        return CsvTable(file, limits, header_row, at)
    except BaseException:
        file.close()
        raise


def _opened(source: Source) -> BinaryIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if isinstance(source, Path):
        try:
            return source.open("rb")
        except OSError as error:
            raise SpreadsheetUnreadable() from error
    return source


def _refuse_what_is_known(head: bytes, name: str, file: BinaryIO) -> None:
    """Name the kinds of files people send instead of a spreadsheet, with what to do."""
    if head.startswith(_OLE):
        file.seek(0)
        # The directory of an encrypted workbook names its stream; an .xls has none of this name.
        if "EncryptedPackage".encode("utf-16-le") in file.read(4 * 1024 * 1024):
            raise SpreadsheetEncrypted()
        raise OldSpreadsheetFormat(found="XLS")
    if name.endswith(_MACRO_ENDINGS):
        raise MacrosInSpreadsheet()
    if name.endswith(".xlsb"):
        raise OldSpreadsheetFormat(found="XLSB")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.lower().startswith(_MARKUP):
        raise OldSpreadsheetFormat(found="HTML/XML")
    for beginning, kind in _OTHERS.items():
        if head.startswith(beginning) and b"\0" in head + file.read(64 * 1024):
            raise OldSpreadsheetFormat(found=kind)
