"""Texts that people give, as they are kept."""

from __future__ import annotations

import unicodedata

from steward_tenants.errors import FieldProblem, InvalidInput, invalid
from steward_tenants.people.rules import Unacceptable, line_of_text

LONGEST_TITLE = 64
LONGEST_TEXT = 2_000
_KEPT = "\n\t"


def line(field: str, value: str, longest: int = LONGEST_TITLE) -> str:
    """One visible line. Raises InvalidInput."""
    try:
        return line_of_text(value, longest)
    except Unacceptable as refused:
        raise InvalidInput(problems=[FieldProblem((field,), refused.code, refused.message)]) from None


def body(field: str, value: str) -> str:
    """A text of one or more lines. Raises InvalidInput."""
    text = "".join(
        one for one in unicodedata.normalize("NFC", value) if one in _KEPT or unicodedata.category(one) != "Cc"
    ).strip()
    if not 1 <= len(text) <= LONGEST_TEXT:
        raise invalid(field, "length", f"应为 1 到 {LONGEST_TEXT} 个字符。", f"Use 1 to {LONGEST_TEXT} characters.")
    return text
