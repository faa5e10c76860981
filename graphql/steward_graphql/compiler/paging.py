"""The page that a list is asked for: how many rows, which way, from where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Integer

from steward_graphql.compiler.building import Building
from steward_graphql.compiler.given import Leaf
from steward_graphql.compiler.plan import Execution
from steward_graphql.compiler.selection import Asked
from steward_graphql.declared.scalars import INT, STRING
from steward_graphql.limits.errors import PageRefused
from steward_tenants.texts import Bilingual

DEFAULT_ROWS = 20
MOST_ROWS = 100


@dataclass(frozen=True, eq=False)
class Page:
    """`rows` at most, the last ones with `backward`; `cursor`: behind it, or before it with `backward`."""

    rows: Leaf
    backward: bool
    cursor: Leaf | None
    field: str

    def limit(self, building: Building, more: int = 0) -> BindParameter[int]:
        """The number of rows, and `more`, as a parameter."""

        def get(execution: Execution) -> int:
            return checked_rows(self.field, self.rows.get(execution)) + more

        if self.rows.fixed:
            return building.parameters.constant(self.rows.read({}) + more, Integer())
        return building.parameters.runtime(get, Integer(), ("page", more, self.field, *self.rows.path))


def page_of(building: Building, asked: Asked, at: tuple[str, ...]) -> Page:
    """The page of a list. Raises PageRefused."""
    first, after, last, before = (building.argument(asked, name, at) for name in ("first", "after", "last", "before"))
    field = ".".join(at)
    if first is not None and last is not None:
        raise _refused(field, "first 与 last 不能同时使用。", "`first` and `last` do not go together.")
    if after is not None and before is not None:
        raise _refused(field, "after 与 before 不能同时使用。", "`after` and `before` do not go together.")
    if last is not None and after is not None:
        raise _refused(field, "last 须与 before 搭配。", "`last` goes with `before`, not `after`.")
    if last is None and before is not None:
        raise _refused(field, "before 须与 last 搭配。", "`before` takes `last`.")
    asked_rows = last if first is None else first
    rows = asked_rows.leaf(INT) if asked_rows is not None else Leaf(lambda _variables: DEFAULT_ROWS, True, ())
    if rows.fixed:
        checked_rows(field, rows.read({}))
    cursor = before if last is not None else after
    return Page(rows, last is not None, None if cursor is None else cursor.leaf(STRING), field)


def checked_rows(field: str, rows: Any) -> int:
    """The number of rows of a page. Raises PageRefused when it is none, or more than a page has."""
    if isinstance(rows, bool) or not isinstance(rows, int) or not 0 <= rows <= MOST_ROWS:
        raise _refused(
            field, f"每页应为 0 到 {MOST_ROWS} 条，实际 {rows}。", f"a page has 0 to {MOST_ROWS} rows, not {rows}."
        )
    return rows


def _refused(field: str, zh: str, en: str) -> PageRefused:
    return PageRefused(field, Bilingual(zh, en))
