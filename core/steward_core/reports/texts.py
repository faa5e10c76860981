"""What people write into reports and minutes, as it is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from steward_core.clients.holdings import line, text
from steward_tenants.errors import invalid
from steward_tenants.people.rules import Unacceptable

MOST_CASES = 20
LONGEST_TITLE = 200


def written(field: str, value: str | None) -> str | None:
    """A text of several lines; None when it is blank. Raises InvalidInput."""
    return None if value is None or not value.strip() else _clean(field, text, value)


def needed(field: str, value: str) -> str:
    """A text of several lines that may not be blank. Raises InvalidInput."""
    return _clean(field, text, value)


def title(field: str, value: str) -> str:
    """One line. Raises InvalidInput."""
    return _clean(field, line(LONGEST_TITLE), value)


def cases(field: str, values: Sequence[str]) -> list[str]:
    """Cases without blank ones. Raises InvalidInput."""
    found = [_clean(f"{field}.{place}", text, one) for place, one in enumerate(values) if one.strip()]
    if len(found) > MOST_CASES:
        raise invalid(field, "many", f"至多 {MOST_CASES} 个案例。", f"Give {MOST_CASES} cases at most.")
    return found


def _clean(field: str, cleaner: Callable[[Any], str], value: str) -> str:
    try:
        return cleaner(value)
    except Unacceptable as refused:
        raise invalid(field, refused.code, refused.message.zh, refused.message.en) from None
