"""openpyxl's parts, imported when the first workbook is read or written: they cost a process 7 MB."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import SimpleNamespace
from typing import Any

_PARTS = {
    "openpyxl": ("Workbook",),
    "openpyxl.cell": ("WriteOnlyCell",),
    "openpyxl.styles": ("Alignment", "Font", "PatternFill"),
    "openpyxl.styles.numbers": ("BUILTIN_FORMATS", "is_date_format", "is_timedelta_format"),
    "openpyxl.utils": ("get_column_letter",),
    "openpyxl.utils.datetime": ("CALENDAR_MAC_1904", "WINDOWS_EPOCH", "from_excel"),
    "openpyxl.worksheet.datavalidation": ("DataValidation",),
}


@cache
def xlsx() -> Any:
    """The classes and functions that are used, by their names."""
    return SimpleNamespace(
        **{name: getattr(import_module(module), name) for module, names in _PARTS.items() for name in names}
    )
