"""XLSX archives opened with care: no bombs, macros or passwords, and XML without document types.

Entities, external references and DTDs are refused by expat's own hooks, as defusedxml does, but without building trees.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, NoReturn
from xml.parsers import expat

from steward_core.spreadsheets.errors import (
    MacrosInSpreadsheet,
    OldSpreadsheetFormat,
    SpreadsheetEncrypted,
    SpreadsheetInflates,
    SpreadsheetUnreadable,
)
from steward_core.spreadsheets.tables import Limits

_CHUNK = 64 * 1024
_MOST_ELEMENTS = 200_000
_MACROS = ("vbaproject.bin", "vbaprojectsignature.bin")
_MACRO_FOLDERS = ("xl/macrosheets/", "xl/intlmacrosheets/")
_PASSWORD_FLAG = 1
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)

StartHandler = Callable[[str, Mapping[str, str]], None]
EndHandler = Callable[[str], None]
TextHandler = Callable[[str], None]


class Archive:
    """The parts of an XLSX file. Opening checks what the archive declares; reading counts what really comes out."""

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self._limits = limits
        self._inflated = 0
        size = file.seek(0, 2)
        file.seek(0)
        try:
            self._zip = zipfile.ZipFile(file)
        except _BROKEN as error:
            raise SpreadsheetUnreadable() from error
        self._names = {info.filename: info for info in self._zip.infolist()}
        self._check(self._zip.infolist(), size)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def close(self) -> None:
        self._zip.close()

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a part. Raises SpreadsheetUnreadable when it is missing or damaged, SpreadsheetInflates."""
        if name not in self._names:
            raise SpreadsheetUnreadable()
        try:
            with self._zip.open(self._names[name]) as part:
                while chunk := part.read(_CHUNK):
                    self._inflated += len(chunk)
                    if self._inflated > self._limits.inflated:
                        raise SpreadsheetInflates()
                    yield chunk
        except _BROKEN as error:
            raise SpreadsheetUnreadable() from error

    def parse(self, name: str, start: StartHandler, end: EndHandler, text: TextHandler) -> Iterator[None]:
        """Feed a part's XML to handlers that get local names; gives control back after every chunk."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse
        parser.EntityDeclHandler = _refuse
        parser.ExternalEntityRefHandler = _refuse
        parser.StartElementHandler = lambda tag, attributes: start(_local(tag), attributes)
        parser.EndElementHandler = lambda tag: end(_local(tag))
        parser.CharacterDataHandler = text
        try:
            for chunk in self.chunks(name):
                parser.Parse(chunk, False)
                yield
            parser.Parse(b"", True)
            yield
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise SpreadsheetUnreadable() from error

    def elements(self, name: str) -> list[tuple[tuple[str, ...], dict[str, str]]]:
        """All elements of a small part in order: the path of local names down to each, and its attributes."""
        found: list[tuple[tuple[str, ...], dict[str, str]]] = []
        path: list[str] = []

        def start(tag: str, attributes: Mapping[str, str]) -> None:
            path.append(tag)
            if len(found) >= _MOST_ELEMENTS:
                raise SpreadsheetInflates()
            found.append((tuple(path[-3:]), {_local(key): value for key, value in attributes.items()}))

        for _ in self.parse(name, start, lambda _tag: _nothing(path.pop()), _nothing):
            pass
        return found

    def _check(self, entries: list[zipfile.ZipInfo], size: int) -> None:
        limits = self._limits
        if len(entries) > limits.entries:
            raise SpreadsheetInflates()
        if len(self._names) != len(entries):
            raise SpreadsheetUnreadable()
        if sum(entry.file_size for entry in entries) > limits.inflated:
            raise SpreadsheetInflates()
        if sum(entry.compress_size for entry in entries) > size:
            raise SpreadsheetInflates()
        for entry in entries:
            if entry.flag_bits & _PASSWORD_FLAG:
                raise SpreadsheetEncrypted()
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise SpreadsheetUnreadable()
            large = entry.file_size > limits.ratio_from
            if large and entry.file_size > limits.ratio * max(entry.compress_size, 1):
                raise SpreadsheetInflates()
            name = entry.filename.lower()
            if name.endswith(_MACROS) or name.startswith(_MACRO_FOLDERS):
                raise MacrosInSpreadsheet()
        if "xl/workbook.bin" in self._names:
            raise OldSpreadsheetFormat(found="XLSB")
        if "[Content_Types].xml" not in self._names:
            found = "ODS" if "mimetype" in self._names else "ZIP"
            raise OldSpreadsheetFormat(found=found)


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _nothing(_: object) -> None:
    return None


def _refuse(*_: object) -> NoReturn:
    raise SpreadsheetUnreadable()
