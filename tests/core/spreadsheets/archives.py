"""XLSX files built by hand, so that tests can hold what no spreadsheet program would write."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from xml.sax.saxutils import escape

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
CONTENT = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"


def text_cell(reference: str, text: str) -> str:
    return f'<c r="{reference}" t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def header(*titles: str) -> str:
    cells = "".join(text_cell(f"{chr(65 + at)}1", title) for at, title in enumerate(titles))
    return f'<row r="1">{cells}</row>'


def sheet_xml(rows: str, *, before: str = "") -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>{before}<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'


def parts(rows: str, *, styles: str = "", strings: str | None = None, book: str = "") -> dict[str, str]:
    """The parts of a workbook with one sheet."""
    links = f'<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    made = {
        "[Content_Types].xml": f'<Types><Override PartName="/xl/workbook.xml" ContentType="{CONTENT}"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": sheet_xml(rows),
    }
    if styles:
        links += f'<Relationship Id="rId2" Type="{OFFICE}/styles" Target="/xl/styles.xml"/>'
        made["xl/styles.xml"] = f'<styleSheet xmlns="{MAIN}">{styles}</styleSheet>'
    if strings is not None:
        links += f'<Relationship Id="rId3" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
        made["xl/sharedStrings.xml"] = f'<sst xmlns="{MAIN}">{strings}</sst>'
    made["xl/_rels/workbook.xml.rels"] = f'<Relationships xmlns="{PACKAGE}">{links}</Relationships>'
    sheets = '<sheets><sheet name="客户" sheetId="1" r:id="rId1"/></sheets>'
    made["xl/workbook.xml"] = f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">{book or sheets}</workbook>'
    return made


def zipped(entries: Mapping[str, str | bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return target.getvalue()


def workbook(rows: str, *, styles: str = "", strings: str | None = None, book: str = "") -> bytes:
    return zipped(parts(rows, styles=styles, strings=strings, book=book))
