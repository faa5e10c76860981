"""Exports: the same rows, masks and rights as on the screen, as a file that imports read back.

The export is on record, with what was asked and how many rows there are, before the first byte leaves.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, BinaryIO, Literal
from uuid import UUID

from sqlalchemy import func, literal, select, tuple_

from steward_core.clients.queries import ClientFilter
from steward_core.imports.export_sources import ExportColumn, ExportSource, permissions_for, sensitive_among, source_of
from steward_core.permissions import CLIENTS_EXPORT
from steward_core.spreadsheets.writers import CsvWriter, WriteReport, XlsxWriter
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.texts import Bilingual

PAGE_ROWS = 5_000
Format = Literal["csv", "xlsx"]


@dataclass(frozen=True)
class ExportRequest:
    """What to export: a target of imports by key, clients limited by `filters`, fields by key (none: all). `reveal`
    shows sensitive fields in full where the actor's scope reveals them; otherwise all of them are masked, as in lists.
    """

    what: str
    filters: ClientFilter = field(default_factory=ClientFilter)
    fields: tuple[str, ...] = ()
    format: Format = "xlsx"
    locale: str = "zh-CN"
    reveal: bool = False


@dataclass(frozen=True)
class ExportPlan:
    """An export that is on record: its columns and how many rows there were."""

    request: ExportRequest
    columns: tuple[ExportColumn, ...]
    rows: int


async def begin_export(session: WriteSession, request: ExportRequest, *, today: date) -> ExportPlan:
    """Check the rights and put the export on record (`read.export`). Raises Forbidden, TargetUnknown, InvalidInput."""
    for permission in (CLIENTS_EXPORT, *permissions_for(request.what)):
        require(session.actor, permission)
    source = await source_of(session, request.what, request.filters, today)
    columns = _chosen(source, request.fields)
    rows: int = await session.scalar(select(func.count()).select_from(source.statement.subquery()))
    filters = {name: value for name, value in asdict(request.filters).items() if value != _DEFAULTS[name]}
    await record(
        session,
        "read.export",
        Subject("export"),
        after={
            "what": request.what,
            "filters": {name: _plain(value) for name, value in filters.items()},
            "fields": [column.field.key for column in columns],
            "sensitive_fields": sensitive_among(columns),
            "revealed": request.reveal,
            "format": request.format,
            "rows": rows,
        },
    )
    return ExportPlan(request, columns, rows)


async def export_rows(session: TenantSession, plan: ExportPlan, *, today: date) -> AsyncIterator[Sequence[Any]]:
    """The rows of an export, a value for each column, by keyset pages."""
    source = await source_of(session, plan.request.what, plan.request.filters, today)
    known = {column.field.key: column for column in source.columns}
    columns = [known[column.field.key] for column in plan.columns]
    names = [str(column.key) for column in source.order]
    last: tuple[Any, ...] | None = None
    while True:
        statement = source.statement.order_by(*source.order).limit(PAGE_ROWS)
        if last is not None:
            place = tuple_(*(literal(value, column.type) for value, column in zip(last, source.order, strict=True)))
            statement = statement.where(tuple_(*source.order) > place)
        rows = await session.rows(statement)
        for row in rows:
            yield [_seen(column, row, plan.request.reveal) for column in columns]
        if len(rows) < PAGE_ROWS:
            return
        last = tuple(getattr(rows[-1], name) for name in names)


def _seen(column: ExportColumn, row: Any, reveal: bool) -> Any:
    value, sort = column.show(row), column.field.masked
    return value if reveal or sort is None or value is None else sort.hide(str(value))


async def export_file(
    database: Database,
    tenant_id: UUID,
    actor: Actor,
    request: ExportRequest,
    target: BinaryIO,
    *,
    today: date,
    progress: Callable[[int, int], None] | None = None,
    request_id: str = "",
) -> WriteReport:
    """Write an export into a binary file. Raises what `begin_export` raises; nothing is written then."""
    async with database.write(tenant_id, actor, request_id=request_id) as session:
        plan = await begin_export(session, request, today=today)
    columns = [column.as_column(request.locale) for column in plan.columns]
    writer = CsvWriter(target, columns) if request.format == "csv" else XlsxWriter(target, columns)
    async with database.read(tenant_id, actor, request_id=request_id, snapshot=True) as reading:
        done = 0
        async for row in export_rows(reading, plan, today=today):
            writer.write(row)
            done += 1
            if progress is not None and done % PAGE_ROWS == 0:
                progress(done, max(plan.rows, done))
    report = writer.close()
    if progress is not None:
        progress(done, done)
    return report


def _chosen(source: ExportSource, wanted: Sequence[str]) -> tuple[ExportColumn, ...]:
    known = {column.field.key: column for column in source.columns}
    unknown = [key for key in wanted if key not in known]
    if unknown:
        raise InvalidInput(problems=[FieldProblem(("fields", key[:64]), "no_such_field", _NO_FIELD) for key in unknown])
    return tuple(known[key] for key in wanted) if wanted else source.columns


_NO_FIELD = Bilingual("没有此字段。", "There is no such field.")
_DEFAULTS: Mapping[str, Any] = asdict(ClientFilter())


def _plain(value: Any) -> Any:
    return sorted(map(str, value)) if isinstance(value, frozenset) else value if isinstance(value, list) else str(value)
