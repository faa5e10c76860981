"""XLSX read as a stream: kinds of cells, dates, sheets; hostile files refused with what is wrong with them."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from steward_core.spreadsheets.errors import (
    DuplicateColumns,
    MacrosInSpreadsheet,
    NoHeader,
    OldSpreadsheetFormat,
    PositionLost,
    SheetNotFound,
    SpreadsheetEncrypted,
    SpreadsheetInflates,
    SpreadsheetRefused,
    SpreadsheetUnreadable,
    TooManyColumns,
)
from steward_core.spreadsheets.readers import Cell, Limits, Position, Row, read_table
from tests.core.spreadsheets.archives import (
    MAIN,
    OFFICE,
    PACKAGE,
    header,
    parts,
    sheet_xml,
    text_cell,
    workbook,
    zipped,
)

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def rows_of(data: bytes, limits: Limits | None = None) -> list[Row]:
    with read_table(data, "客户.xlsx", limits=limits) as table:
        return list(table)


def one_cell(cell: str, *, styles: str = "", strings: str | None = None, book: str = "") -> Row:
    (row,) = rows_of(workbook(header("值") + f'<row r="2">{cell}</row>', styles=styles, strings=strings, book=book))
    return row


def value_of(cell: str, *, styles: str = "", strings: str | None = None, book: str = "") -> Cell:
    row = one_cell(cell, styles=styles, strings=strings, book=book)
    assert not row.problems
    return row.cells[0]


def test_a_workbook_of_openpyxl() -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "客户"
    sheet.append(["名称", "编码", "签约日", "金额", "有效", "时刻"])
    sheet.append(["华信网络", "007", date(2026, 11, 22), 1234.5, True, datetime.fromisoformat("2026-11-22T08:30")])
    sheet.append([])
    sheet.append(["恒达", None, None, 3])
    sheet.merge_cells("A4:B4")
    sheet["D6"] = "=D2*2"
    book.create_sheet("其他")
    book.create_sheet("隐藏").sheet_state = "hidden"
    target = io.BytesIO()
    book.save(target)
    with read_table(target.getvalue(), "x.xlsx") as table:
        assert (table.kind, table.sheet, table.sheets) == ("xlsx", "客户", ("客户", "其他"))
        first, second, third = list(table)
    assert first == Row(
        2, ["华信网络", "007", date(2026, 11, 22), 1234.5, True, datetime.fromisoformat("2026-11-22T08:30")]
    )
    assert second == Row(4, ["恒达", None, None, 3, None, None])
    assert third.number == 6
    assert [(problem.path, problem.code) for problem in third.problems] == [(("金额",), "formula_not_computed")]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ('<c r="A2"><v>42</v></c>', 42),
        ('<c r="A2"><v>-1.5E3</v></c>', -1500.0),
        ('<c r="A2" t="n"><v>13800138000</v></c>', 13800138000),
        ('<c r="A2" t="b"><v>1</v></c>', True),
        ('<c r="A2" t="str"><f>A1</f><v>华信</v></c>', "华信"),
        ('<c r="A2"><f>1+1</f><v>2</v></c>', 2),
        ('<c t="inlineStr"><is><r><t>华</t></r><r><t>信</t></r></is></c>', "华信"),
        ('<c r="A2" t="inlineStr"><is><t>漢</t><rPh sb="0" eb="1"><t>ｶﾝ</t></rPh></is></c>', "漢"),
        ('<c r="A2" t="inlineStr"><is><t>a_x000D_b_x005F_x000D_</t></is></c>', "a\rb_x000D_"),
        ('<c r="A2" t="d"><v>2026-11-22T00:00:00Z</v></c>', date(2026, 11, 22)),
        ('<c r="A2" t="d"><v>2026-11-22T08:30:00</v></c>', datetime.fromisoformat("2026-11-22T08:30")),
        ('<c r="A2" t="inlineStr"><is><t>𠮷é́🐼</t></is></c>', "𠮷é́🐼"),
    ],
)
def test_kinds_of_cells(cell: str, value: Cell) -> None:
    found = value_of(cell)
    assert found == value
    assert type(found) is type(value)


def test_shared_strings() -> None:
    assert (
        value_of('<c r="A2" t="s"><v>1</v></c>', strings="<si><t>a</t></si><si><r><t>华</t></r><r><t>信</t></r></si>")
        == "华信"
    )


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ('<c r="A2"><f>1+1</f></c>', "formula_not_computed"),
        ('<c r="A2"><f>1+1</f><v></v></c>', "formula_not_computed"),
        ('<c r="A2" t="e"><f>1/0</f><v>#DIV/0!</v></c>', "cell_error"),
        ('<c r="A2" t="s"><v>9</v></c>', "cell_unreadable"),
        ('<c r="A2" t="s"><v>-1</v></c>', "cell_unreadable"),
        ('<c r="A2"><v>abc</v></c>', "cell_unreadable"),
        ('<c r="A2"><v>1e999</v></c>', "cell_unreadable"),
        ('<c r="A2"><v>nan</v></c>', "cell_unreadable"),
        ('<c r="A2" t="d"><v>tomorrow</v></c>', "cell_unreadable"),
        ('<c r="A2" t="zz"><v>1</v></c>', "cell_unreadable"),
        (f'<c r="A2" t="inlineStr"><is><t>{"x" * 32_768}</t></is></c>', "cell_too_long"),
    ],
)
def test_cells_with_a_problem(cell: str, code: str) -> None:
    row = one_cell(cell)
    assert row.cells == [None]
    assert [(problem.path, problem.code) for problem in row.problems] == [(("值",), code)]


def styles(number: int, code: str | None = None) -> str:
    own = f'<numFmts><numFmt numFmtId="{number}" formatCode="{code}"/></numFmts>' if code else ""
    return f'{own}<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="{number}"/></cellXfs>'


@pytest.mark.parametrize(
    ("number", "code", "written", "value"),
    [
        (14, None, "46348", date(2026, 11, 22)),
        (22, None, "46348.5", datetime.fromisoformat("2026-11-22T12:00")),
        (31, None, "46348", date(2026, 11, 22)),
        (57, None, "46348", date(2026, 11, 22)),
        (176, "yyyy&quot;年&quot;m&quot;月&quot;d&quot;日&quot;;@", "46348", date(2026, 11, 22)),
        (177, "[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", "46348", date(2026, 11, 22)),
        (178, "[h]:mm", "1.5", timedelta(hours=36)),
        (20, None, "0.5", time(12)),
        (179, "0.00_ ;[红色]\\-0.00\\ ", "46348", 46348),
        (180, "&quot;¥&quot;#,##0.00", "46348", 46348),
        (0, None, "46348", 46348),
        (99999, None, "46348", 46348),
    ],
)
def test_formats_tell_what_is_a_day(number: int, code: str | None, written: str, value: Cell) -> None:
    assert value_of(f'<c r="A2" s="1"><v>{written}</v></c>', styles=styles(number, code)) == value


def test_the_epoch_of_1904() -> None:
    book = '<workbookPr date1904="1"/><sheets><sheet name="客户" sheetId="1" r:id="rId1"/></sheets>'
    assert value_of('<c r="A2" s="1"><v>44886</v></c>', styles=styles(14), book=book) == date(2026, 11, 22)


def test_a_serial_out_of_range_is_a_problem() -> None:
    row = one_cell('<c r="A2" s="1"><v>99999999999</v></c>', styles=styles(14))
    assert row.problems[0].code == "cell_unreadable"


def test_gaps_cost_nothing() -> None:
    rows = header("名称", "备注") + f'<row r="1048576">{text_cell("B1048576", "末")}</row>'
    assert rows_of(workbook(rows)) == [Row(1048576, [None, "末"])]


def test_values_beyond_the_header() -> None:
    (row,) = rows_of(workbook(header("名称") + f'<row r="2">{text_cell("A2", "华信")}{text_cell("D2", "x")}</row>'))
    assert row.cells == ["华信"]
    assert [problem.code for problem in row.problems] == ["row_too_wide"]
    with pytest.raises(TooManyColumns):
        rows_of(workbook(header("名称") + f'<row r="2">{text_cell("XFD2", "x")}</row>'))


def test_sheets_are_chosen_by_name() -> None:
    with pytest.raises(SheetNotFound) as refused:
        read_table(workbook(header("名称")), "x.xlsx", sheet="无")
    assert "客户" in refused.value.advice.zh
    with read_table(workbook(header("名称")), "x.xlsx", sheet="客户") as table:
        assert table.header == ["名称"]


def test_the_header_is_held_to_the_same_rules() -> None:
    with pytest.raises(NoHeader):
        read_table(workbook(""), "x.xlsx")
    with pytest.raises(NoHeader):
        read_table(workbook(header("名称")), "x.xlsx", header_row=3)
    with pytest.raises(DuplicateColumns):
        read_table(workbook(header("名称", "名称")), "x.xlsx")
    with read_table(workbook('<row r="3"><c r="A3"><v>2026</v></c></row>'), "x.xlsx") as table:
        assert table.header == ["2026"]


def test_reading_goes_on_where_it_stopped() -> None:
    data = workbook(
        header("名称") + "".join(f'<row r="{at}">{text_cell(f"A{at}", str(at))}</row>' for at in range(2, 300))
    )
    whole = rows_of(data)
    with read_table(data, "x.xlsx") as table:
        first = [next(table) for _ in range(120)]
        stored = json.loads(json.dumps(table.position()))
    with read_table(data, "x.xlsx", at=Position(*stored)) as table:
        assert first + list(table) == whole
    with read_table(data, "x.xlsx") as table:
        table.skip_to(298)
        assert [row.number for row in table] == [298, 299]
    with pytest.raises(PositionLost):
        read_table(data, "x.xlsx", at=Position(0))


@pytest.mark.parametrize(
    ("data", "name", "error"),
    [
        (OLE + b"\0" * 600, "x.xls", OldSpreadsheetFormat),
        (OLE + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le") + b"\0" * 40, "x.xlsx", SpreadsheetEncrypted),
        (b"<html><table></table></html>", "x.xls", OldSpreadsheetFormat),
        (b"\xef\xbb\xbf <?xml version='1.0'?><Workbook/>", "x.xls", OldSpreadsheetFormat),
        (b"%PDF-1.7\n\0\0", "x.csv", OldSpreadsheetFormat),
        (workbook(header("名称")), "x.XLSM", MacrosInSpreadsheet),
        (workbook(header("名称")), "x.xlsb", OldSpreadsheetFormat),
        (zipped({"readme.txt": "x"}), "x.xlsx", OldSpreadsheetFormat),
        (zipped({"mimetype": "application/vnd.oasis.opendocument.spreadsheet"}), "x.ods", OldSpreadsheetFormat),
        (zipped({**parts(header("名称")), "xl/vbaProject.bin": b"x"}), "x.xlsx", MacrosInSpreadsheet),
        (zipped({**parts(header("名称")), "xl/VBAProject.BIN": b"x"}), "x.xlsx", MacrosInSpreadsheet),
        (zipped({**parts(header("名称")), "xl/macrosheets/sheet1.xml": b"x"}), "x.xlsx", MacrosInSpreadsheet),
        (zipped({**parts(header("名称")), "xl/workbook.bin": b"x"}), "x.xlsx", OldSpreadsheetFormat),
        (workbook(header("名称"))[:300], "x.xlsx", SpreadsheetUnreadable),
        (b"PK\x03\x04" + b"\0" * 100, "x.xlsx", SpreadsheetUnreadable),
    ],
)
def test_files_that_are_refused(data: bytes, name: str, error: type[SpreadsheetRefused]) -> None:
    with pytest.raises(error):
        read_table(data, name)


def test_macro_content_types_are_refused() -> None:
    made = parts(header("名称"))
    made["[Content_Types].xml"] = made["[Content_Types].xml"].replace("spreadsheetml.sheet.main", "x.macroEnabled.main")
    with pytest.raises(MacrosInSpreadsheet):
        read_table(zipped(made), "x.xlsx")


def test_a_zip_with_a_password_is_refused() -> None:
    data = bytearray(workbook(header("名称")))
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 8] |= 1
        at = data.find(b"PK\x01\x02", at + 4)
    with pytest.raises(SpreadsheetEncrypted):
        read_table(bytes(data), "x.xlsx")


def test_bombs_are_refused_by_what_they_declare() -> None:
    zeros = parts(header("名称") + " " * 3_000_000)
    with pytest.raises(SpreadsheetInflates):
        read_table(zipped(zeros), "x.xlsx")
    with pytest.raises(SpreadsheetInflates):
        read_table(zipped(zeros, compression=zipfile.ZIP_STORED), "x.xlsx", limits=Limits(inflated=1_000_000))
    many = {**parts(header("名称")), **{f"xl/media/{at}": "" for at in range(2_000)}}
    with pytest.raises(SpreadsheetInflates):
        read_table(zipped(many), "x.xlsx")


def test_a_bomb_that_lies_about_its_size_is_refused() -> None:
    """The declared size of the sheet is set to 100 bytes: no more comes out, and what came out does not check."""
    data = bytearray(zipped(parts(header("名称") + " " * 50_000_000)))
    for mark, name_at, size_at in ((b"PK\x01\x02", 46, 24), (b"PK\x03\x04", 30, 22)):
        at = data.find(mark)
        while at >= 0:
            if data[at + name_at :].startswith(b"xl/worksheets/sheet1.xml"):
                data[at + size_at : at + size_at + 4] = struct.pack("<L", 100)
            at = data.find(mark, at + 4)
    with pytest.raises(SpreadsheetUnreadable):
        rows_of(bytes(data))


def test_what_comes_out_is_counted() -> None:
    made = zipped(parts(header("名称"), strings="<si><t>" + "x" * 5_000 + "</t></si>"))
    with pytest.raises(SpreadsheetInflates):
        read_table(made, "x.xlsx", limits=Limits(inflated=5_000))


def test_shared_strings_are_limited() -> None:
    data = workbook(header("名称"), strings="<si><t>a</t></si>" * 11)
    with pytest.raises(SpreadsheetInflates):
        read_table(data, "x.xlsx", limits=Limits(shared_strings=10))


def test_too_many_elements_in_a_small_part_are_refused() -> None:
    with pytest.raises(SpreadsheetInflates):
        read_table(zipped(parts(header("名称"), styles="<xf/>" * 200_001)), "x.xlsx")


def test_parts_overlapping_each_other_are_refused() -> None:
    data = bytearray(zipped(parts(header("名称"))))
    at = data.find(b"PK\x01\x02")
    data[at + 20 : at + 24] = struct.pack("<L", len(data) * 2)
    with pytest.raises(SpreadsheetInflates):
        read_table(bytes(data), "x.xlsx")


@pytest.mark.parametrize(
    "before",
    [
        '<!DOCTYPE worksheet [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE worksheet SYSTEM "file:///etc/hostname">',
        '<!DOCTYPE worksheet [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
    ],
)
def test_document_types_and_entities_are_refused(before: str) -> None:
    made = parts("")
    made["xl/worksheets/sheet1.xml"] = sheet_xml(header("名称"), before=before)
    with pytest.raises(SpreadsheetUnreadable):
        read_table(zipped(made), "x.xlsx")


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="0"/>',
        '<row r="2"/><row r="2"/>',
        '<row r="3"/><row r="2"/>',
        '<row r="1048577"/>',
        '<row r="9999999999999999999999"/>',
        '<row r="x"/>',
        '<row r="1"><c r="B1"/><c r="A1"/></row>',
        '<row r="1"><c r="XFE1"/></row>',
        '<row r="1"><c r="1A"/></row>',
        '<row r="1"><c',
        "<row>&undefined;</row>",
    ],
)
def test_sheets_that_make_no_sense_are_refused(rows: str) -> None:
    with pytest.raises(SpreadsheetUnreadable):
        read_table(workbook(rows), "x.xlsx")


def test_missing_parts_are_refused() -> None:
    for missing in ("xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/_rels/workbook.xml.rels"):
        made = {name: part for name, part in parts(header("名称")).items() if name != missing}
        with pytest.raises(SpreadsheetUnreadable):
            read_table(zipped(made), "x.xlsx")


def test_links_to_other_files_are_not_followed() -> None:
    made = parts(header("名称"))
    made["xl/_rels/workbook.xml.rels"] = (
        f'<Relationships xmlns="{PACKAGE}"><Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId8" Type="{OFFICE}/externalLink" Target="file:///etc/hostname" TargetMode="External"/>'
        f'<Relationship Id="rId9" Type="{OFFICE}/styles" Target="../../../etc/passwd"/></Relationships>'
    )
    assert rows_of(zipped(made)) == []


def test_prefixes_of_namespaces_do_not_matter() -> None:
    made = parts("")
    made["xl/worksheets/sheet1.xml"] = (
        f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData><x:row r="1"><x:c r="A1" t="str"><x:v>名称</x:v></x:c></x:row></x:sheetData></x:worksheet>'
    )
    with read_table(zipped(made), "x.xlsx") as table:
        assert table.header == ["名称"]


def test_words_of_formulas_outside_the_data_are_no_cells() -> None:
    made = parts("")
    made["xl/worksheets/sheet1.xml"] = sheet_xml(header("名称")).replace(
        "</worksheet>", '<extLst><row r="9"><c r="A9"><v>1</v></c></row></extLst></worksheet>'
    )
    assert rows_of(zipped(made)) == []


@given(st.integers(0, 5_000), st.binary(min_size=1, max_size=8))
def test_damaged_files_are_refused_or_read(at: int, damage: bytes) -> None:
    data = bytearray(
        workbook(header("名称") + f'<row r="2">{text_cell("A2", "华信")}</row>', styles=styles(14), strings="")
    )
    at %= len(data)
    data[at : at + len(damage)] = damage
    try:
        rows_of(bytes(data))
    except SpreadsheetRefused:
        return
