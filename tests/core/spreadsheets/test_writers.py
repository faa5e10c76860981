"""Exports: what is written is read back the same, in both kinds of file, and nothing in it runs as a formula."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from steward_core.spreadsheets.inert import as_written, made_inert, starts_formula
from steward_core.spreadsheets.readers import Cell, Row, read_table
from steward_core.spreadsheets.values import read_boolean, read_money, read_number
from steward_core.spreadsheets.writers import (
    Column,
    ColumnKind,
    CsvEncoding,
    CsvWriter,
    Written,
    XlsxWriter,
    csv_chunks,
    write_csv,
    write_xlsx,
)

NAME = Column("名称", width=30, required=True)
CODE = Column("编码")
AMOUNT = Column("金额", ColumnKind.MONEY)
COUNT = Column("户数", ColumnKind.NUMBER)
SIGNED = Column("签约日", ColumnKind.DATE)
ACTIVE = Column("有效", ColumnKind.BOOLEAN)
COLUMNS = (NAME, CODE, AMOUNT, COUNT, SIGNED, ACTIVE)
DAY = date(2026, 11, 22)

HOSTILE = [
    "=1+1",
    '=HYPERLINK("http://x.example")',
    "+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    " =1",
    "　=1",
    "\n=1",
    "'=1",
    '"=1',
    "''=1",
    "\u200b=1",
    "\ufeff=1",
    "+8613800000000",
]
texts = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufffe\uffff"),
        st.sampled_from("=+-@'\"\t\r\n ,;＝＋－＠_x005FD　𠮷🐼"),
    ),
    max_size=20,
)


def csv_of(columns: tuple[Column, ...], rows: list[tuple[Written, ...]], encoding: CsvEncoding = "utf-8-sig") -> bytes:
    target = io.BytesIO()
    report = write_csv(target, columns, rows, encoding)
    assert report.rows == len(rows)
    return target.getvalue()


def xlsx_of(columns: tuple[Column, ...], rows: list[tuple[Written, ...]]) -> bytes:
    target = io.BytesIO()
    report = write_xlsx(target, columns, rows)
    assert report.rows == len(rows)
    return target.getvalue()


def read_back(data: bytes) -> list[list[Cell]]:
    with read_table(data, "x") as table:
        rows = list(table)
    assert not any(row.problems for row in rows)
    return [row.cells for row in rows]


def test_a_csv_for_excel() -> None:
    data = csv_of(COLUMNS, [("华信", "007", 123456, -3, DAY, True), (None, "", None, Decimal("1.50"), None, False)])
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.decode("utf-8-sig").split("\r\n") == [
        "名称,编码,金额,户数,签约日,有效",
        "华信,007,1234.56,-3,2026-11-22,是",
        ",,,1.50,,否",
        "",
    ]
    assert csv_of((NAME,), [("𠮷",)], "gb18030").decode("gb18030") == "名称\r\n𠮷\r\n"


def test_an_xlsx_is_styled() -> None:
    data = xlsx_of(COLUMNS, [("华信", "007", 123456, -3, DAY, True)])
    sheet = load_workbook(io.BytesIO(data))["数据"]
    assert sheet.freeze_panes == "A2"
    assert sheet.column_dimensions["A"].width == 30
    assert sheet["A1"].font.bold
    assert [cell.value for cell in sheet[2]] == ["华信", "007", 1234.56, -3, datetime.fromisoformat("2026-11-22"), "是"]
    assert sheet["B2"].data_type == "s"
    assert sheet["B2"].number_format == "@"
    assert sheet["C2"].number_format == "#,##0.00"
    assert sheet["E2"].number_format == "yyyy-mm-dd"
    assert not sheet["B2"].quotePrefix


def test_choices_are_offered() -> None:
    tier = Column("等级", choices=tuple(f"等级{at}，甲" for at in range(100)))
    target = io.BytesIO()
    write_xlsx(target, (NAME, tier, Column("类型", choices=("=1", "乙"))), [("华信", "等级1，甲", "=1")])
    book = load_workbook(target)
    rules = list(book["数据"].data_validations.dataValidation)
    assert [(rule.formula1, str(rule.sqref)) for rule in rules] == [
        ("'选项'!$A$1:$A$100", "B2:B1048576"),
        ("'选项'!$B$1:$B$2", "C2:C1048576"),
    ]
    assert book["选项"].sheet_state == "hidden"
    assert book["选项"]["B1"].data_type == "s"
    with read_table(target.getvalue(), "x.xlsx") as table:
        assert table.sheets == ("数据",)
        assert list(table) == [Row(2, ["华信", "等级1，甲", "=1"])]


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_that_start_a_formula_are_inert(text: str) -> None:
    assert starts_formula(text)
    data = csv_of((NAME, CODE), [(text, "x")])
    cell = next(iter(list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))[1:]))[0]
    assert cell == "'" + text
    assert read_back(data) == [[text, "x"]]
    book = xlsx_of((NAME, CODE), [(text, "x")])
    written = load_workbook(io.BytesIO(book))["数据"]["A2"]
    assert written.data_type == "s"
    assert written.quotePrefix
    assert read_back(book) == [[text, "x"]]


def test_titles_are_inert_too() -> None:
    columns = (Column("=1+1"), Column("@x"))
    for data in (csv_of(columns, []), xlsx_of(columns, [])):
        assert b"<f>" not in data
        with read_table(data, "x") as table:
            assert table.header == ["=1+1", "@x"]


@pytest.mark.parametrize(
    "text", ["华信", "1-2", "a=b", "'abc'", "’", "100", "#N/A", "#REF!", "TRUE", "1E5", "2026-11-22", "007"]
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert not starts_formula(text)
    assert made_inert(text) == as_written(text) == text
    assert read_back(csv_of((NAME, CODE), [(text, "x")])) == [[text, "x"]]
    assert read_back(xlsx_of((NAME, CODE), [(text, "x")])) == [[text, "x"]]


def test_negative_numbers_stay_numbers() -> None:
    rows: list[tuple[Written, ...]] = [(-5, -123456), (-0.5, -1), (Decimal("-1.25"), 0)]
    assert b"'" not in csv_of((COUNT, AMOUNT), rows)
    assert read_back(xlsx_of((COUNT, AMOUNT), rows)) == [[-5, -1234.56], [-0.5, -0.01], [-1.25, 0]]


def test_numbers_that_a_spreadsheet_cannot_hold_are_text() -> None:
    assert read_back(xlsx_of((COUNT,), [(12345678901234567,), (123456789012345,)])) == [
        ["12345678901234567"],
        [123456789012345],
    ]
    assert read_back(xlsx_of((CODE,), [(7,)])) == [["7"]]
    assert read_back(xlsx_of((COUNT, CODE), [(float("nan"), "x"), (float("inf"), "y")])) == [[None, "x"], [None, "y"]]


def test_moments_and_old_days() -> None:
    moment = datetime.fromisoformat("2026-11-22T08:30:00")
    columns = (SIGNED, NAME)
    assert read_back(xlsx_of(columns, [(moment, "a"), (date(1850, 1, 1), "b")])) == [[moment, "a"], ["1850-01-01", "b"]]
    assert read_back(csv_of(columns, [(moment, "a")])) == [["2026-11-22 08:30:00", "a"]]
    with pytest.raises(ValueError, match="zone"):
        xlsx_of(columns, [(datetime.fromisoformat("2026-11-22T08:30:00+08:00"), "a")])


def test_what_could_not_be_kept_is_reported() -> None:
    rows: list[tuple[Written, ...]] = [("好", "x"), ("a\ud800\0", "y")]
    for kind in ("gb18030", "utf-8", "xlsx"):
        target = io.BytesIO()
        if kind == "xlsx":
            report = write_xlsx(target, (NAME, CODE), rows)
        else:
            report = write_csv(target, (NAME, CODE), rows, "gb18030" if kind == "gb18030" else "utf-8")
        assert report.replaced == [(3, "名称")]
        assert read_back(target.getvalue()) == [["好", "x"], ["a��", "y"]]
    report = write_xlsx(io.BytesIO(), (NAME,), [("x" * 32_768,)])
    assert report.shortened == [(2, "名称")]


def test_rows_of_another_width_are_refused() -> None:
    writer = CsvWriter(io.BytesIO(), COLUMNS)
    with pytest.raises(ValueError, match="zip"):
        writer.write(("a",))


def test_a_file_that_fails_is_given_up() -> None:
    for writer in (CsvWriter(io.BytesIO(), (NAME,)), XlsxWriter(io.BytesIO(), (Column("等级", choices=("甲",)),))):
        writer.write(("a",))
        with pytest.raises(ValueError, match="zip"), writer:
            writer.write(())


def test_csv_in_pieces_is_the_same_file() -> None:
    rows: list[tuple[Written, ...]] = [(f"客户{at}" * 20, str(at)) for at in range(2_000)]
    pieces = list(csv_chunks((NAME, CODE), rows))
    assert len(pieces) > 2
    assert b"".join(pieces) == csv_of((NAME, CODE), rows)


def test_names_of_sheets_are_made_to_fit() -> None:
    for name in ("a/b:c*?[x]" * 9, "'", "", "\ud800"):
        target = io.BytesIO()
        write_xlsx(target, (NAME,), [("x",)], name)
        assert read_back(target.getvalue()) == [["x"]]


@given(texts)
def test_the_apostrophe_goes_on_and_off(text: str) -> None:
    assert as_written(made_inert(text)) == text
    assert not starts_formula(made_inert(text)) or made_inert(text).startswith("'")


@given(st.lists(st.tuples(texts, texts), max_size=4), st.sampled_from(["utf-8-sig", "utf-8", "gb18030"]))
def test_csv_texts_are_read_back(rows: list[tuple[str, str]], encoding: CsvEncoding) -> None:
    data = csv_of((NAME, CODE), [*rows], encoding)
    expected = [[one or None, two or None] for one, two in rows if one or two]
    assert read_back(data) == expected


@given(st.lists(st.tuples(texts, texts), max_size=4))
def test_xlsx_texts_are_read_back(rows: list[tuple[str, str]]) -> None:
    expected = [[one or None, two or None] for one, two in rows if one or two]
    assert read_back(xlsx_of((NAME, CODE), [*rows])) == expected


@given(
    st.integers(-(10**14), 10**14),
    st.decimals(-(10**9), 10**9, places=3),
    st.dates(date(1901, 1, 1), date(2100, 1, 1)),
    st.booleans(),
)
def test_values_are_read_back(fen: int, number: Decimal, day: date, active: bool) -> None:
    columns = (AMOUNT, COUNT, SIGNED, ACTIVE)
    for data in (csv_of(columns, [(fen, number, day, active)]), xlsx_of(columns, [(fen, number, day, active)])):
        ((money, amount, when, yes),) = read_back(data)
        assert read_money(money, ()) == fen
        assert read_number(amount, ()) == number
        assert str(when) == day.isoformat()
        assert read_boolean(yes, ()) is active
