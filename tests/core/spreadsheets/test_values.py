"""Cells parsed as Chinese spreadsheets write them; problems say what was read and what is expected."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_core.spreadsheets.tables import Cell
from steward_core.spreadsheets.values import (
    is_blank,
    read_boolean,
    read_choice,
    read_code,
    read_date,
    read_integer,
    read_money,
    read_number,
    read_phone,
    read_text,
)
from steward_tenants.errors import FieldProblem
from steward_tenants.texts import Bilingual

PATH = ("值",)
DAY = date(2026, 11, 22)
TIERS = {
    "key": Bilingual("重点客户", "Key"),
    "a": Bilingual("A 类", "Class A"),
    "none": Bilingual("/", "None"),
}


def problem_of(found: object) -> FieldProblem:
    assert isinstance(found, FieldProblem)
    assert found.path == PATH
    return found


@pytest.mark.parametrize("cell", [None, "", "  ", "　", "-", "—", "——", "/", "－", "N/A", "null"])
def test_blank_cells(cell: Cell) -> None:
    assert is_blank(cell)
    for read in (read_date, read_number, read_integer, read_money, read_boolean, read_phone, read_code):
        assert read(cell, PATH) is None


@pytest.mark.parametrize(
    "cell",
    [
        "2026-11-22",
        "2026/11/22",
        "2026.11.22",
        "20261122",
        "2026年11月22日",
        "2026年11月22",
        " 2026 年 11 月 22 日 ",
        "２０２６－１１－２２",
        "２０２６年１１月２２日",
        "2026/11/22 0:00:00",
        "2026-11-22 08:30",
        "2026-11-22T08:30:00Z",
        "46348",
        "46348.5",
        46348,
        46348.75,
        20261122,
        DAY,
        datetime.fromisoformat("2026-11-22T08:30"),
    ],
)
def test_days(cell: Cell) -> None:
    assert read_date(cell, PATH) == DAY


def test_short_forms_of_days() -> None:
    assert read_date("2026/1/2", PATH) == date(2026, 1, 2)
    assert read_date("2026年1月2日", PATH) == date(2026, 1, 2)
    assert read_date("2024-02-29", PATH) == date(2024, 2, 29)


def test_months() -> None:
    assert read_date("2026年11月", PATH) == date(2026, 11, 1)
    assert read_date("2026-11", PATH, month_as="last") == date(2026, 11, 30)
    assert read_date("2024年2月", PATH, month_as="last") == date(2024, 2, 29)
    assert problem_of(read_date("2026年11月", PATH, month_as=None)).code == "date"


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("26-11-22", "date_ambiguous"),
        ("26年11月22日", "date_ambiguous"),
        ("11/22/2026", "date_ambiguous"),
        ("22.11.2026 08:00", "date_ambiguous"),
        ("2026-13-01", "date"),
        ("2026-02-30", "date"),
        ("2025年2月29日", "date"),
        ("20261332", "date"),
        ("2026-11/22", "date"),
        ("2026年11.22", "date"),
        ("明天", "date"),
        ("٢٠٢٦-١١-٢٢", "date"),
        (2026, "date"),
        (True, "date"),
        (-5, "date"),
        (float("nan"), "date"),
        (time(8), "date"),
        (timedelta(hours=2), "date"),
        ("2226-11-22", "date_range"),
        ("1026-11-22", "date_range"),
        (date(1850, 1, 1), "date_range"),
        ("9" * 100_000, "date"),
    ],
)
def test_no_days(cell: Cell, code: str) -> None:
    problem = problem_of(read_date(cell, PATH))
    assert problem.code == code
    assert len(problem.message.zh) < 150


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("1,234.56", "1234.56"),
        ("１２３４．５６", "1234.56"),
        ("１，２３４．５", "1234.5"),
        ("￥1,234.5", "1234.5"),
        ("¥ 12", "12"),
        ("-¥12", "-12"),
        ("RMB 12", "12"),
        ("12元", "12"),
        ("1.2万", "12000"),
        ("1.2万元", "12000"),
        ("3亿", "300000000"),
        ("5百万", "5000000"),
        ("12%", "0.12"),
        ("１２．５％", "0.125"),
        ("(1,234)", "-1234"),
        ("（1,234）", "-1234"),
        ("(1.2万)", "-12000"),
        ("-1,234", "-1234"),
        ("−5", "-5"),
        ("+5", "5"),
        (".5", "0.5"),
        ("1,234 万元", "12340000"),
        ("0012", "12"),
        (7, "7"),
        (0.1 + 0.2, "0.3"),
        (1234.5600000000001, "1234.56"),
        (-1.5e3, "-1500"),
    ],
)
def test_numbers(cell: Cell, number: str) -> None:
    assert read_number(cell, PATH) == Decimal(number)


@pytest.mark.parametrize(
    "cell",
    [
        "12,34",
        "1,2345",
        "1.234,56",
        "1.2.3",
        "--5",
        "(-5)",
        "5-",
        "1 234",
        "12万%",
        "1万2千",
        "万",
        "%",
        "abc",
        "٣",
        "1_000",
        "0x10",
        "12个",
        True,
        DAY,
        "=1+1",
        "9" * 70,
    ],
)
def test_no_numbers(cell: Cell) -> None:
    problem = problem_of(read_number(cell, PATH))
    assert problem.code == "number"
    assert "读到" in problem.message.zh
    assert "was read" in problem.message.en


@pytest.mark.parametrize(
    ("cell", "fen"),
    [
        ("1,234.56", 123456),
        ("￥0.1", 10),
        ("1.2万", 1_200_000),
        ("0", 0),
        (19.99, 1999),
        (0.1 + 0.2, 30),
        (5, 500),
        ("(3.50)", -350),
    ],
)
def test_money_is_fen(cell: Cell, fen: int) -> None:
    assert read_money(cell, PATH) == fen


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("1.234", "money_decimals"),
        (0.005, "money_decimals"),
        ("12%", "money"),
        ("1E+5", "scientific_notation"),
        ("99999999999999999999", "money_range"),
        ("很多", "number"),
    ],
)
def test_no_money(cell: Cell, code: str) -> None:
    assert problem_of(read_money(cell, PATH)).code == code


def test_whole_numbers() -> None:
    assert read_integer("1,200", PATH) == 1200
    assert read_integer(12.0, PATH) == 12
    assert problem_of(read_integer("1.5", PATH)).code == "integer"


@pytest.mark.parametrize("cell", ["是", "有", "Y", "yes", "TRUE", "1", "１", "√", "✓", "对", True, 1, 1.0])
def test_yes(cell: Cell) -> None:
    assert read_boolean(cell, PATH) is True


@pytest.mark.parametrize("cell", ["否", "无", "N", "No", "false", "0", "×", "✗", "错", False, 0, 0.0])
def test_no(cell: Cell) -> None:
    assert read_boolean(cell, PATH) is False


@pytest.mark.parametrize("cell", ["也许", "2", 2, "x", DAY])
def test_neither_yes_nor_no(cell: Cell) -> None:
    assert problem_of(read_boolean(cell, PATH)).code == "boolean"


@pytest.mark.parametrize(
    ("cell", "phone"),
    [
        ("13800000000", "13800000000"),
        ("+86 138-0000-0000", "13800000000"),
        ("１３８ ００００ ００００", "13800000000"),
        (13800000000, "13800000000"),
        (1.38e10, "13800000000"),
        ("010-88880000", "01088880000"),
        ("（0755）1234 5678", "075512345678"),
        ("+852 2345 6789", "+85223456789"),
    ],
)
def test_phones(cell: Cell, phone: str) -> None:
    assert read_phone(cell, PATH) == phone


@pytest.mark.parametrize("cell", ["1.38E+10", "1.38e+10", "１．３８Ｅ＋１０", "1E10"])
def test_codes_lost_as_scientific_notation(cell: str) -> None:
    for read in (read_phone, read_code, read_number):
        problem = problem_of(read(cell, PATH))
        assert problem.code == "scientific_notation"
        assert "文本" in problem.message.zh
        assert "text" in problem.message.en


@pytest.mark.parametrize("cell", ["12345", 1088880000, "138000000001", "电话", True, 1.5])
def test_no_phones(cell: Cell) -> None:
    assert problem_of(read_phone(cell, PATH)).code == "phone"


@pytest.mark.parametrize(
    ("cell", "key"),
    [
        ("key", "key"),
        ("重点客户", "key"),
        ("KEY", "key"),
        ("Ａ类", "a"),
        ("a 类", "a"),
        ("class a", "a"),
        ("/", "none"),
        ("", None),
        (None, None),
        ("-", None),
    ],
)
def test_choices(cell: Cell, key: str | None) -> None:
    assert read_choice(cell, PATH, TIERS) == key


def test_no_choice() -> None:
    problem = problem_of(read_choice("B类", PATH, TIERS))
    assert problem.code == "choice"
    assert "重点客户" in problem.message.zh
    assert "Class A" in problem.message.en
    many = {str(at): Bilingual(f"选项{at}", f"Choice {at}") for at in range(500)}
    assert len(problem_of(read_choice("无此项", PATH, many)).message.zh) < 200


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("  华信 ", "华信"),
        (7, "7"),
        (7.0, "7"),
        (0.5, "0.5"),
        (True, "是"),
        (DAY, "2026-11-22"),
        ("-", "-"),
        ("", None),
        ("é", "é"),
        ("00123", "00123"),
    ],
)
def test_texts(cell: Cell, text: str | None) -> None:
    assert read_text(cell, PATH) == text


def test_numbers_that_lost_digits_are_no_texts() -> None:
    assert problem_of(read_text(9.1350100123456e17, PATH)).code == "digits_lost"
    assert problem_of(read_code(110105194912310021, PATH)).code == "digits_lost"
    assert problem_of(read_text(float("inf"), PATH)).code == "digits_lost"
    assert problem_of(read_text("x" * 65, PATH, longest=64)).code == "text_too_long"


READERS: list[Callable[[Cell, tuple[str, ...]], Any]] = [
    read_text,
    read_code,
    read_date,
    read_number,
    read_integer,
    read_money,
    read_boolean,
    read_phone,
    lambda cell, path: read_choice(cell, path, TIERS),
]
cells = st.one_of(
    st.none(),
    st.text(max_size=30),
    st.text("0123456789.,-()%万亿元年月日/:Ee+ ￥", max_size=20),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.timedeltas(),
)


@given(cells)
def test_no_cell_breaks_a_reader(cell: Cell) -> None:
    for read in READERS:
        found = read(cell, PATH)
        if isinstance(found, FieldProblem):
            assert all(found.message)
            assert len(found.message.zh) < 300


@given(st.integers(-(10**15), 10**15))
def test_money_written_out_is_read_back(fen: int) -> None:
    yuan = Decimal(fen) / 100
    assert read_money(f"{yuan:,.2f}", PATH) == fen
    assert read_money(f"￥{yuan}", PATH) == fen


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)))
def test_days_written_out_are_read_back(day: date) -> None:
    for form in (day.isoformat(), f"{day:%Y/%m/%d}", f"{day.year}年{day.month}月{day.day}日", f"{day:%Y%m%d}"):
        assert read_date(form, PATH) == day
