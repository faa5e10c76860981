"""What a target is to the imports: its fields, and the work of resolving and writing a chunk of rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar, cast
from uuid import UUID

from sqlalchemy import Column, Table

from steward_core.imports.fields import ImportField, problem
from steward_core.imports.plans import ImportRow, Plan
from steward_tenants.access.permissions import Permission
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.database.tables import TenantTable
from steward_tenants.errors import FieldProblem
from steward_tenants.texts import Bilingual

CREATED, UPDATED, UNCHANGED, REFUSED = "created", "updated", "unchanged", "refused"
WARNED = "warned"
"""A check's note of a row that is good but has warnings; gone when the import is applied."""
UNDONE, KEPT = "undone", "kept"
IMPORT = "import"
"""The source under which changes and facts of imports stand."""


class Work(ABC):
    """One chunk's work in one session. `resolve` finds what is there and decides each row's outcome without writing;
    `apply` writes the rows that are not refused. Neither sends a statement per row."""

    ordered: ClassVar[bool] = False
    """Whether rows point at each other (`ImportRow.parent_code`), so that a second pass ties them."""

    def __init__(
        self, session: TenantSession, plan: Plan, *, today: date, batch_id: UUID | None = None, lock: bool = False
    ) -> None:
        self.session = session
        self.plan = plan
        self.today = today
        self.batch_id = batch_id
        self.lock = lock

    @property
    def writing(self) -> WriteSession:
        """The session, for writing."""
        return cast(WriteSession, self.session)

    @property
    def keys(self) -> tuple[Callable[[ImportRow], str | None], Callable[[ImportRow], str | None]]:
        """`key_of` and `unique_of`."""
        return self.key_of, self.unique_of

    @abstractmethod
    def key_of(self, row: ImportRow) -> str | None:
        """By what a row is recognised in this file; None: rows are never the same one."""

    def unique_of(self, row: ImportRow) -> str | None:  # noqa: ARG002 - most targets have nothing
        """What no other row of the file may have beside `key_of`; None: nothing."""
        return None

    @abstractmethod
    async def resolve(self, rows: Sequence[ImportRow]) -> None:
        """Set each row's outcome, and append what is wrong with it."""

    @abstractmethod
    async def apply(self, rows: Sequence[ImportRow]) -> None:
        """Write rows that were resolved and are not refused; fills `row_id`, `before`, `after_version`, `extra`."""

    def prepare(self, row: ImportRow) -> None:  # noqa: B027 - most targets have nothing to prepare
        """Compute what a new row will need, beside the database's work on the rows before it."""

    async def settle(self, row: ImportRow, *, exists: bool, changed: bool) -> None:
        """The outcome of a row by what was found, after `mode` had its say."""
        mode = self.plan.options.mode
        if exists and mode == "create_only":
            row.problems.append(problem((), "exists", "该记录已存在。", "This exists already."))
        elif not exists and mode == "update_only":
            row.problems.append(problem((), "not_found", "找不到对应的记录。", "There is no such record."))
        row.outcome = REFUSED if row.problems else (UPDATED if changed else UNCHANGED) if exists else CREATED


Make = Callable[..., Work]
Fields = Callable[[TenantSession, Collection[str]], Awaitable[tuple[ImportField, ...]]]


@dataclass(frozen=True)
class Target:
    """Something that can be imported. `fields` answers all fields; it is told the keys that are wanted, for fields
    whose names hold a period. `tables` lists what `undo` knows how to take back, the row's own table first."""

    key: str
    title: Bilingual
    permissions: tuple[Permission, ...]
    fields: Fields
    make: Make
    table: type[TenantTable] | None
    defaults: Mapping[str, Any] = field(default_factory=dict)


def plain(value: Any) -> Any:
    """A column's value as JSON."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    return value


def typed(column: Column[Any], value: Any) -> Any:
    """What `plain` made of a column's value, back in the column's type."""
    if value is None:
        return None
    kind = column.type.python_type if hasattr(column.type, "python_type") else str
    if kind is UUID:
        return UUID(value)
    if kind is Decimal:
        return Decimal(value)
    if kind is datetime:
        return datetime.fromisoformat(value)
    if kind is date:
        return date.fromisoformat(value)
    return value


def table_of(mapped: type[TenantTable]) -> Table:
    """The Core table of a mapped class."""
    return cast(Table, mapped.__table__)


def given(rows: Iterable[ImportRow], key: str) -> list[Any]:
    """The distinct values that rows have for a field."""
    return sorted({value for row in rows if (value := row.values.get(key)) is not None})


def changed_values(row: ImportRow, existing: Mapping[str, Any], columns: Mapping[str, Any], *, clear: bool) -> None:
    """Note in `row.changes` which of `columns` differ from the existing row; blanks change nothing unless `clear`."""
    for name, value in columns.items():
        if value is None and not clear:
            continue
        if existing[name] != value:
            row.changes[name] = value


def refused(row: ImportRow, *problems: FieldProblem) -> None:
    """Refuse a row."""
    row.problems.extend(problems)
    row.outcome = REFUSED
