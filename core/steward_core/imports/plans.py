"""A mapping made ready for one file: which column is read into which field, and what every row gets besides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from steward_core.imports.fields import ImportField, as_cell, problem, still_masked
from steward_core.imports.options import ImportOptions
from steward_core.spreadsheets.tables import Row
from steward_core.spreadsheets.values import shown_value
from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.texts import Bilingual

ROW_NUMBER, PROBLEMS = "行号", "问题"
"""Columns that an error workbook adds; they are left out when it is sent back."""
ADDED = (ROW_NUMBER, PROBLEMS)
_PLACE = re.compile(r"\{([^{}]+)\}")


@dataclass(slots=True)
class ImportRow:
    """One row on its way: typed values by field (None: the cell was blank), and what became of it.

    `outcome` is set by `resolve`. `keys`: search keys computed ahead.
    `before` holds former values of what changes; `extra` what the row wrote besides
    its own row (facts, contacts), for the undo.
    """

    number: int
    values: dict[str, Any]
    problems: list[FieldProblem] = field(default_factory=list)
    warnings: list[FieldProblem] = field(default_factory=list)
    outcome: str = ""
    row_id: UUID | None = None
    before: dict[str, Any] | None = None
    after_version: int | None = None
    extra: dict[str, Any] | None = None
    known: Any = None
    changes: dict[str, Any] = field(default_factory=dict)
    parent_code: str | None = None
    contact: ImportRow | None = None
    keys: frozenset[str] | None = None


@dataclass(frozen=True)
class PlanColumn:
    """One column of the file that is read."""

    at: int
    header: str
    field: ImportField
    value_map: Mapping[str, Any] | None


@dataclass(frozen=True)
class Plan:
    """See the module. `fields` are all of the target, `mapped` the keys that some column, constant or format gives."""

    fields: Mapping[str, ImportField]
    columns: tuple[PlanColumn, ...]
    constants: Mapping[str, Any]
    formats: Mapping[str, tuple[str, Mapping[str, int]]]
    options: ImportOptions
    named: frozenset[str] = frozenset()

    @cached_property
    def mapped(self) -> frozenset[str]:
        """The keys of fields for which rows have values."""
        return frozenset((*(column.field.key for column in self.columns), *self.constants, *self.formats, *self.named))

    def header_of(self, key: str) -> str | None:
        """The heading of the column behind a field."""
        return next((column.header for column in self.columns if column.field.key == key), None)

    def read(self, row: Row) -> ImportRow:
        """The values of one row, and what is wrong with its cells."""
        cells = row.cells
        found = ImportRow(row.number, {}, list(row.problems))
        values = found.values
        for column in self.columns:
            cell = cells[column.at]
            if column.value_map is not None and cell is not None:
                cell = _mapped(cell, column.value_map)
            if column.field.masked is not None and still_masked(cell):
                continue
            value = column.field.value(cell)
            if isinstance(value, FieldProblem):
                found.problems.append(value)
            else:
                values[column.field.key] = value
        for key, (template, places) in self.formats.items():
            if values.get(key) is None:
                made = _PLACE.sub(lambda place: shown_value(cells[places[place.group(1)]]), template)  # noqa: B023
                self._put(found, key, made)
        for key, constant in self.constants.items():
            if values.get(key) is None:
                values[key] = constant
        return found

    def read_values(self, number: int, given: Mapping[str, Any]) -> ImportRow:
        """A row given by field keys, as `take_rows` has it."""
        found = ImportRow(number, {})
        for key, value in given.items():
            if key not in self.fields:
                found.problems.append(problem((key,), "unknown", "没有此字段。", "There is no such field."))
            else:
                self._put(found, key, as_cell(value))
        for key, constant in self.constants.items():
            if found.values.get(key) is None:
                found.values[key] = constant
        return found

    def _put(self, row: ImportRow, key: str, cell: Any) -> None:
        value = self.fields[key].value(cell)
        if isinstance(value, FieldProblem):
            row.problems.append(value)
        else:
            row.values[key] = value


def places_in(template: str) -> list[str]:
    """The headings that a format names."""
    return _PLACE.findall(template)


def repeated(first: int, path: tuple[str, ...] | str = ()) -> FieldProblem:
    """The problem that a row is about the same thing as an earlier one, or has the same of a field."""
    return problem(path, "repeated", f"与第 {first} 行重复。", f"It repeats row {first}.")


def _mapped(cell: Any, value_map: Mapping[str, Any]) -> Any:
    shown = shown_value(cell).strip()
    return value_map.get(shown, cell)


def plan_for(
    header: Sequence[str],
    columns: Mapping[str, str | None],
    fields: Mapping[str, ImportField],
    options: ImportOptions,
) -> Plan:
    """The plan of a file with this header. Raises InvalidInput naming every heading and field that does not fit."""
    places = {title: at for at, title in enumerate(header) if title}
    problems: list[FieldProblem] = []
    taken: dict[str, str] = {}
    found = []
    for title, key in columns.items():
        if key is None or title in ADDED:
            continue
        if title not in places:
            zh, en = "文件中没有此列。", "The file has no such column."
            problems.append(FieldProblem(("columns", title), "no_such_column", Bilingual(zh, en)))
        elif key not in fields:
            zh, en = f"没有名为“{key}”的字段。", f"There is no field named “{key}”."
            problems.append(FieldProblem(("columns", title), "no_such_field", Bilingual(zh, en)))
        elif key in taken:
            zh, en = f"与“{taken[key]}”列对应同一字段。", f"The column “{taken[key]}” goes to the same field."
            problems.append(FieldProblem(("columns", title), "twice", Bilingual(zh, en)))
        else:
            taken[key] = title
            chosen = options.value_map.get(title, options.value_map.get(key))
            found.append(PlanColumn(places[title], title, fields[key], chosen))
    constants = _constants(options, fields, problems)
    formats = _formats(options, fields, places, problems)
    if not found and not problems:
        zh, en = "没有任何列对应到字段。", "No column is mapped to a field."
        problems.append(FieldProblem(("columns",), "nothing_mapped", Bilingual(zh, en)))
    if problems:
        raise InvalidInput(problems=problems)
    return Plan(fields, tuple(found), constants, formats, options)


def plan_of_values(fields: Mapping[str, ImportField], options: ImportOptions, named: Iterable[str] = ()) -> Plan:
    """A plan for rows that come by field keys rather than from a file."""
    problems: list[FieldProblem] = []
    constants = _constants(options, fields, problems)
    if problems:
        raise InvalidInput(problems=problems)
    return Plan(fields, (), constants, {}, options, frozenset(named) & fields.keys())


def _constants(
    options: ImportOptions, fields: Mapping[str, ImportField], problems: list[FieldProblem]
) -> dict[str, Any]:
    constants = {}
    for key, cell in options.constants.items():
        value = fields[key].value(cell) if key in fields else _no_field(key)
        if isinstance(value, FieldProblem):
            problems.append(FieldProblem(("options", "constants", key), value.code, value.message))
        else:
            constants[key] = value
    return constants


def _formats(
    options: ImportOptions, fields: Mapping[str, ImportField], places: Mapping[str, int], problems: list[FieldProblem]
) -> dict[str, tuple[str, Mapping[str, int]]]:
    formats = {}
    for key, template in options.formats.items():
        named: Iterable[str] = _PLACE.findall(template)
        unknown = [name for name in named if name not in places]
        if key not in fields:
            wrong = _no_field(key)
            problems.append(FieldProblem(("options", "formats", key), wrong.code, wrong.message))
        elif unknown:
            text = Bilingual(f"文件中没有“{unknown[0]}”列。", f"The file has no column “{unknown[0]}”.")
            problems.append(FieldProblem(("options", "formats", key), "no_such_column", text))
        else:
            formats[key] = (template, places)
    return formats


def _no_field(key: str) -> FieldProblem:
    return problem((key,), "no_such_field", "没有此字段。", "There is no such field.")
