"""A form as a spreadsheet: the template to fill in, the headings under which its fields are known, and rows read back
into values."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any

from steward_core.forms.declared import FormField, ValueType, fields_of
from steward_core.forms.fields import Widget
from steward_core.forms.form import Form, Several, SubjectKind
from steward_core.spreadsheets.inert import starts_formula
from steward_core.spreadsheets.library import xlsx
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
    shown_value,
)
from steward_core.spreadsheets.writers import escaped
from steward_tenants.errors import FieldProblem
from steward_tenants.texts import Bilingual

DATA_SHEET, CHOICES_SHEET, NOTES_SHEET = "数据", "选项", "填写说明 Notes"
LAST_ROW = 1_048_576
LONGEST_CODE = 64
PERIOD_COLUMN = "record.period"
YUAN = Bilingual("（元）", " (yuan)")
_BETWEEN = re.compile(r"[、，,；;\n]")
_NOT_IN_CELLS = frozenset({ValueType.GROUP, ValueType.ROWS, ValueType.OTHER, ValueType.SECRET})

_TYPES: Mapping[ValueType, Bilingual] = {
    ValueType.TEXT: Bilingual("文本", "text"),
    ValueType.BODY: Bilingual("长文本", "long text"),
    ValueType.INTEGER: Bilingual("整数", "whole number"),
    ValueType.DECIMAL: Bilingual("数字", "number"),
    ValueType.MONEY: Bilingual("金额（元）", "amount in yuan"),
    ValueType.PERCENT: Bilingual("百分比（0–100）", "percentage (0–100)"),
    ValueType.DATE: Bilingual("日期，如 2026-11-05", "date, such as 2026-11-05"),
    ValueType.DATETIME: Bilingual("时间，如 2026-11-05 09:30", "time, such as 2026-11-05 09:30"),
    ValueType.BOOLEAN: Bilingual("是或否", "是 (yes) or 否 (no)"),
    ValueType.CHOICE: Bilingual("单选", "one of a list"),
    ValueType.CHOICES: Bilingual("多选，用顿号分隔", "any of a list, separated by commas"),
    ValueType.IDENTIFIER: Bilingual("编号", "id"),
    ValueType.LIST: Bilingual("多个值，用顿号分隔", "several values, separated by commas"),
}
_FORMATS: Mapping[ValueType, str] = {
    ValueType.INTEGER: "0",
    ValueType.DECIMAL: "General",
    ValueType.PERCENT: "General",
    ValueType.MONEY: "#,##0.00",
    ValueType.DATE: "yyyy-mm-dd",
    ValueType.DATETIME: "yyyy-mm-dd hh:mm",
}


@dataclass(frozen=True)
class TemplateColumn:
    """A column of a form's template. `field` None: it says which record is meant (`name` is then `subject.<key>` or
    `record.period`)."""

    name: str
    title: Bilingual
    required: bool
    field: FormField | None = None

    @property
    def heading(self) -> str:
        """What stands in the first row."""
        money = self.field is not None and self.field.type is ValueType.MONEY
        return f"{self.title.zh}{YUAN.zh}" if money else self.title.zh


_SUBJECTS: Mapping[SubjectKind, tuple[TemplateColumn, ...]] = {
    SubjectKind.CLIENT: (TemplateColumn("subject.client_code", Bilingual("客户编码", "Client code"), True),),
    SubjectKind.CONTACT: (
        TemplateColumn("subject.client_code", Bilingual("客户编码", "Client code"), True),
        TemplateColumn("subject.contact_name", Bilingual("联系人姓名", "Contact's name"), True),
    ),
    SubjectKind.USER: (TemplateColumn("subject.login", Bilingual("人员登录名", "Person's login"), True),),
    SubjectKind.UNIT: (TemplateColumn("subject.unit_code", Bilingual("机构编码", "Org unit code"), True),),
    SubjectKind.VISIT: (TemplateColumn("subject.visit_id", Bilingual("走访编号", "Visit's id"), True),),
}


def importable_fields(form: type[Form]) -> tuple[FormField, ...]:
    """The fields that a cell can hold: no computed ones, no nested documents."""
    return tuple(one for one in fields_of(form) if not one.computed and one.type not in _NOT_IN_CELLS)


def template_columns(form: type[Form]) -> tuple[TemplateColumn, ...]:
    """The columns of a form's template: whose record, its period, its fields."""
    columns = list(_SUBJECTS[form.about.subject])
    if form.about.several is Several.PERIOD:
        columns.append(TemplateColumn(PERIOD_COLUMN, Bilingual("期间", "Period"), True))
    columns += [TemplateColumn(one.name, one.title, one.required, one) for one in importable_fields(form)]
    return tuple(columns)


def import_columns(form: type[Form]) -> dict[str, str]:
    """The name of the field (or `subject.…`, `record.period`) behind each heading: Chinese and English titles, the name
    itself, and the further headings that the form declares. Of two fields with one heading the first has it."""
    found: dict[str, str] = {}
    for column in template_columns(form):
        further = column.field.text.headers if column.field and column.field.text else ()
        for heading in (column.heading, column.title.zh, column.title.en, column.name, *further):
            found.setdefault(heading, column.name)
    return found


@dataclass(frozen=True)
class ParsedRow:
    """A row's values by field name in Python types (blank cells are left out), and what could not be read."""

    values: dict[str, Any]
    problems: tuple[FieldProblem, ...]


def parse_row(form: type[Form], names: Sequence[str | None], cells: Sequence[Cell], *, zone: tzinfo = UTC) -> ParsedRow:
    """Read a row: `names[i]` is the field that column i holds, None to pass over it. `zone` is that of times."""
    known = {one.name: one for one in importable_fields(form)}
    values: dict[str, Any] = {}
    problems: list[FieldProblem] = []
    for name, cell in zip(names, cells, strict=False):
        if name is None or name not in known:
            continue
        value = _read(known[name], cell, zone)
        if isinstance(value, FieldProblem):
            problems.append(value)
        elif value is not None:
            values[name] = value
    return ParsedRow(values, tuple(problems))


def _read(one: FormField, cell: Cell, zone: tzinfo) -> Any:
    path = (one.name,)
    match one.type:
        case ValueType.TEXT | ValueType.BODY | ValueType.IDENTIFIER:
            return _read_words(one, cell, path)
        case ValueType.INTEGER:
            return read_integer(cell, path)
        case ValueType.MONEY:
            return read_money(cell, path)
        case ValueType.DECIMAL:
            return read_number(cell, path)
        case ValueType.PERCENT:
            return _read_percent(cell, path)
        case ValueType.DATE:
            return read_date(cell, path)
        case ValueType.DATETIME:
            return _read_moment(cell, path, zone)
        case ValueType.BOOLEAN:
            return read_boolean(cell, path)
        case ValueType.CHOICE:
            return read_choice(cell, path, {option.value: option.title for option in one.choices})
        case _:
            return _read_several(one, cell, zone)


def _read_words(one: FormField, cell: Cell, path: tuple[str, ...]) -> Any:
    if one.widget is Widget.PHONE:
        return read_phone(cell, path)
    longest = one.limits.most_length
    if longest is not None and longest <= LONGEST_CODE:
        return read_code(cell, path, longest=longest)
    return read_text(cell, path) if longest is None else read_text(cell, path, longest=longest)


def _read_percent(cell: Cell, path: tuple[str, ...]) -> Any:
    """12% and 12 are the same here: the field counts in hundredths."""
    number = read_number(cell, path)
    written = isinstance(cell, str) and ("%" in cell or "％" in cell)
    return number * 100 if isinstance(number, Decimal) and written else number


def _read_moment(cell: Cell, path: tuple[str, ...], zone: tzinfo) -> Any:
    if is_blank(cell):
        return None
    found = cell if isinstance(cell, datetime) else None
    if found is None:
        try:
            found = datetime.fromisoformat(shown_value(cell).strip().replace("/", "-"))
        except ValueError:
            read = shown_value(cell)[:40]
            text = Bilingual(
                f"读到“{read}”，应为时间，如 2026-11-05 09:30。", f"“{read}” was read; give a time as 2026-11-05 09:30."
            )
            return FieldProblem(path, "datetime", text)
    return found if found.tzinfo is not None else found.replace(tzinfo=zone)


def _read_several(one: FormField, cell: Cell, zone: tzinfo) -> Any:
    parts = [part.strip() for part in _BETWEEN.split(shown_value(cell)) if part.strip()]
    if not parts or is_blank(cell):
        return None
    found = []
    for part in parts:
        value = _read_part(one, part, zone)
        if isinstance(value, FieldProblem):
            return value
        found.append(value)
    return found


def _read_part(one: FormField, part: str, zone: tzinfo) -> Any:
    if one.type is ValueType.CHOICES:
        return read_choice(part, (one.name,), {option.value: option.title for option in one.choices})
    if one.items is None:
        return part
    value = _read(one.items, part, zone)
    return FieldProblem((one.name,), value.code, value.message) if isinstance(value, FieldProblem) else value


def template(form: type[Form]) -> bytes:
    """An XLSX to fill in: one row for each record, lists and formats by type, and a sheet that explains every field."""
    columns = template_columns(form)
    book = xlsx().Workbook()
    sheet: Any = book.active
    sheet.title = DATA_SHEET
    sheet.freeze_panes = "A2"
    lists: Any = book.create_sheet(CHOICES_SHEET)
    lists.sheet_state = "hidden"
    for index, column in enumerate(columns, start=1):
        _heading(sheet, index, column)
        _rules(sheet, lists, index, column)
    _notes(book.create_sheet(NOTES_SHEET), form, columns)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _put(sheet: Any, row: int, column: int, text: str) -> Any:
    cell = sheet.cell(row, column)
    cell._value, cell.data_type = escaped(text), "s"
    cell.number_format, cell.quotePrefix = "@", starts_formula(text)
    return cell


def _heading(sheet: Any, index: int, column: TemplateColumn) -> None:
    cell = _put(sheet, 1, index, column.heading)
    cell.font = xlsx().Font(bold=True, color="FFFFFF")
    cell.fill = xlsx().PatternFill("solid", fgColor="C0504D" if column.required else "4F81BD")
    cell.alignment = xlsx().Alignment(vertical="center", wrap_text=True)
    letter = xlsx().get_column_letter(index)
    kind = column.field.type if column.field else ValueType.TEXT
    sheet.column_dimensions[letter].width = 40 if kind is ValueType.BODY else 18
    sheet.column_dimensions[letter].number_format = _FORMATS.get(kind, "@")


def _rules(sheet: Any, lists: Any, index: int, column: TemplateColumn) -> None:
    one = column.field
    if one is None:
        return
    letter = xlsx().get_column_letter(index)
    rule = _rule(one, lists, letter)
    if rule is None:
        return
    rule.promptTitle, rule.showInputMessage = column.title.zh[:32], True
    rule.prompt = " / ".join(_meaning(one))[:255]
    rule.add(f"{letter}2:{letter}{LAST_ROW}")
    sheet.data_validations.append(rule)


def _rule(one: FormField, lists: Any, letter: str) -> Any:
    titles = ["是", "否"] if one.type is ValueType.BOOLEAN else [option.title.zh for option in one.choices]
    if one.type in (ValueType.BOOLEAN, ValueType.CHOICE):
        for row, title in enumerate(titles, start=1):
            _put(lists, row, lists[f"{letter}1"].column, title)
        source = f"'{CHOICES_SHEET}'!${letter}$1:${letter}${len(titles)}"
        return xlsx().DataValidation(type="list", formula1=source, allow_blank=True, showErrorMessage=True)
    if one.type is ValueType.DATE:
        return xlsx().DataValidation(
            type="date",
            operator="between",
            formula1="DATE(1900,1,1)",
            formula2="DATE(2100,12,31)",
            allow_blank=True,
            showErrorMessage=True,
        )
    if one.text is not None and one.text.hint is not None:
        return xlsx().DataValidation(allow_blank=True)
    return None


_NOTE_HEADINGS = (
    "字段",
    "Field",
    "类型",
    "Type",
    "必填 Required",
    "说明与限制",
    "Meaning and limits",
    "可选值 Choices",
)


def _notes(sheet: Any, form: type[Form], columns: Sequence[TemplateColumn]) -> None:
    about = form.about
    _put(sheet, 1, 1, f"{about.title.zh} {about.title.en}").font = xlsx().Font(bold=True, size=14)
    if about.description is not None:
        _put(sheet, 2, 1, f"{about.description.zh} {about.description.en}")
    for index, heading in enumerate(_NOTE_HEADINGS, start=1):
        _put(sheet, 4, index, heading).font = xlsx().Font(bold=True)
        sheet.column_dimensions[xlsx().get_column_letter(index)].width = 30
    for row, column in enumerate(columns, start=5):
        for index, text in enumerate(_note(column), start=1):
            _put(sheet, row, index, text).alignment = xlsx().Alignment(wrap_text=True, vertical="top")


def _note(column: TemplateColumn) -> tuple[str, ...]:
    required = "是 yes" if column.required else "否 no"
    one = column.field
    if one is None:
        kind, meaning, choices = _TYPES[ValueType.TEXT], _key_meaning(column), ""
    else:
        kind, meaning = _TYPES[one.type], _meaning(one)
        choices = "\n".join(f"{option.title.zh} / {option.title.en}" for option in one.choices)
    return (
        column.heading,
        column.title.en,
        kind.zh,
        kind.en,
        required,
        meaning.zh,
        meaning.en,
        choices,
    )


def _key_meaning(column: TemplateColumn) -> Bilingual:
    if column.name == PERIOD_COLUMN:
        return Bilingual("如 2026-11、2026Q4、2026H2、2026", "such as 2026-11, 2026Q4, 2026H2, 2026")
    return Bilingual("说明记录属于谁", "whose record it is")


def _meaning(one: FormField) -> Bilingual:
    parts = list(_meanings(one))
    return Bilingual("；".join(part.zh for part in parts), "; ".join(part.en for part in parts))


def _meanings(one: FormField) -> Iterator[Bilingual]:
    if one.text is not None and one.text.hint is not None:
        yield one.text.hint
    limits = one.limits
    if limits.least is not None or limits.most is not None:
        low, high = _bound(one, limits.least), _bound(one, limits.most)
        yield Bilingual(f"范围 {low} 至 {high}", f"from {low} to {high}")
    if limits.most_length is not None:
        yield Bilingual(f"最多 {limits.most_length} 个字符或项", f"at most {limits.most_length} characters or items")
    if not one.required and one.default is not None and one.type is ValueType.BOOLEAN:
        yield Bilingual(f"不填为{'是' if one.default else '否'}", f"left out: {'yes' if one.default else 'no'}")


def _bound(one: FormField, value: Decimal | None) -> str:
    if value is None:
        return "…"
    return format(value.scaleb(-2) if one.type is ValueType.MONEY else value, "f")
