"""A form's Excel template, its headings, and rows read back."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from steward_core.forms.documents import Filled, filled_or_problems
from steward_core.forms.fields import Choice, Text, field
from steward_core.forms.form import Form, FormInfo, SubjectKind
from steward_core.forms.workbook import import_columns, parse_row, template, template_columns
from steward_tenants.texts import Bilingual
from tests.core.forms.workshop import FORMS, Inspection, Month

SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_headings_are_known_in_every_way_they_are_written() -> None:
    columns = import_columns(Inspection)
    for heading in ("主题", "Subject", "subject", "巡检主题"):
        assert columns[heading] == "subject"
    assert columns["费用（元）"] == columns["费用"] == "cost"
    assert columns["客户编码"] == "subject.client_code"
    assert "each" not in columns.values()
    assert "parts" not in columns.values()
    assert import_columns(Month)["期间"] == "record.period"


@pytest.mark.parametrize("form", FORMS)
def test_a_template_of_every_form_opens(form: type[Form]) -> None:
    book = load_workbook(io.BytesIO(template(form)))
    assert book.sheetnames == ["数据", "选项", "填写说明 Notes"]
    headings = [cell.value for cell in book["数据"][1]]
    assert headings == [column.heading for column in template_columns(form)]


def test_a_template_offers_choices_formats_and_notes() -> None:
    book = load_workbook(io.BytesIO(template(Inspection)))
    sheet, lists, notes = book["数据"], book["选项"], book["填写说明 Notes"]
    rules = {str(rule.sqref).split("2:")[0]: rule for rule in sheet.data_validations.dataValidation}
    letters = {str(cell.value): get_column_letter(index) for index, cell in enumerate(sheet[1], start=1)}
    mood = rules[letters["客户态度"]]
    assert mood.type == "list"
    assert [lists[f"{letters['客户态度']}{row}"].value for row in (1, 2)] == ["良好", "不佳"]
    assert rules[letters["下次日期"]].type == "date"
    assert rules[letters["发现"]].prompt.startswith("写明位置；最多 4000")
    assert sheet.column_dimensions[letters["费用（元）"]].number_format == "#,##0.00"
    assert lists.sheet_state == "hidden"
    told = [[cell.value for cell in row] for row in notes.iter_rows(min_row=4)]
    assert told[0][:2] == ["字段", "Field"]
    cost = next(row for row in told if row[0] == "费用（元）")
    assert cost[1] == "Cost"
    assert cost[4] == "否 no"
    assert "10000000000000.00" in str(cost[5])


def test_no_text_of_a_template_runs() -> None:
    class Evil(Choice):
        RUN = "run", "=cmd|'/C calc'!A0", "=1+1"

    class Trap(Form):
        about: ClassVar[FormInfo] = FormInfo("trap", Bilingual("=1+1 陷阱", "=1+1"), SubjectKind.CLIENT)
        what: Annotated[Evil, field("=HYPERLINK 标题", "=2+2", hint=("=提示", "@hint"))]
        note: Annotated[Text | None, field("备注", "Note")] = None

    book = load_workbook(io.BytesIO(template(Trap)))
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            assert all(cell.data_type != "f" for cell in row)


def test_a_row_is_read_as_it_was_written() -> None:
    names = [
        "subject",
        "cost",
        "share",
        "volume",
        "next_on",
        "seen_at",
        "urgent",
        "mood",
        "moods",
        "tags",
        "phone",
        None,
    ]
    cells: list[Any] = [
        " 一号 ",
        "1.2万",
        "12%",
        "1,234.5",
        "2026年11月5日",
        datetime(2026, 11, 5, 9, 30),  # noqa: DTZ001 - a spreadsheet's times have no zone
        "否",
        "良好",
        "良好、bad",
        "红；蓝",
        "138 0000 0001",
        "不读",
    ]
    row = parse_row(Inspection, names, cells, zone=SHANGHAI)
    assert row.problems == ()
    assert row.values == {
        "subject": "一号",
        "cost": 1_200_000,
        "share": Decimal(12),
        "volume": Decimal("1234.5"),
        "next_on": date(2026, 11, 5),
        "seen_at": datetime(2026, 11, 5, 9, 30, tzinfo=SHANGHAI),
        "urgent": False,
        "mood": "good",
        "moods": ["good", "bad"],
        "tags": ["红", "蓝"],
        "phone": "13800000001",
    }
    outcome = filled_or_problems(Inspection, row.values)
    assert isinstance(outcome, Filled)


def test_what_cannot_be_read_names_its_field() -> None:
    names = ["subject", "cost", "next_on", "urgent", "mood", "moods", "seen_at", "machines", "machine"]
    cells: list[Any] = ["x" * 300, "一百", "11/5/26", "或许", "一般", "良好、一般", "昨天", 2.5, "1.38E+10"]
    row = parse_row(Inspection, names, cells)
    assert [one.path for one in row.problems] == [(name,) for name in names]
    assert all(one.message.zh and one.message.en for one in row.problems)
    assert row.values == {}


def test_blank_cells_leave_the_defaults() -> None:
    row = parse_row(Inspection, ["subject", "cost", "tags", "seen_at", "nothing"], ["甲", None, "", "-", 1])
    assert row.values == {"subject": "甲"}
    text = parse_row(Inspection, ["seen_at", "share"], ["2026/11/05 09:30", 12.5], zone=UTC)
    assert text.values == {"seen_at": datetime(2026, 11, 5, 9, 30, tzinfo=UTC), "share": Decimal("12.5")}
