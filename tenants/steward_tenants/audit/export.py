"""Exporting events of a period for auditors, as JSON lines or CSV, page by page."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import tuple_

from steward_tenants.access.permissions import AUDIT_EXPORT
from steward_tenants.access.rules import require
from steward_tenants.audit.models import AuditEvent
from steward_tenants.audit.queries import Position, actor_names, contents
from steward_tenants.audit.rules import EventContent
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.errors import invalid
from steward_tenants.texts import Bilingual, Locale

PAGE = 1_000
BYTE_ORDER_MARK = "\ufeff".encode()
"""Spreadsheets take a CSV file for UTF-8 only when it starts with this."""


class ExportForm(StrEnum):
    """JSON lines carry the exact sealed values; CSV is for spreadsheets."""

    JSONL = "jsonl"
    CSV = "csv"


COLUMNS: tuple[tuple[str, Bilingual], ...] = (
    ("at", Bilingual("时间（UTC）", "Time (UTC)")),
    ("id", Bilingual("事件编号", "Event id")),
    ("action", Bilingual("操作", "Action")),
    ("actor_kind", Bilingual("操作者类型", "Actor kind")),
    ("actor_id", Bilingual("操作者编号", "Actor id")),
    ("actor_label", Bilingual("操作者", "Actor")),
    ("subject_kind", Bilingual("对象类型", "Subject kind")),
    ("subject_id", Bilingual("对象编号", "Subject id")),
    ("changes", Bilingual("变更", "Changes")),
    ("reason", Bilingual("原因", "Reason")),
    ("request_id", Bilingual("请求编号", "Request id")),
)


async def export_events(
    database: Database,
    tenant_id: UUID,
    actor: Actor,
    *,
    since: datetime,
    until: datetime,
    form: ExportForm = ExportForm.JSONL,
    locale: Locale = "zh-CN",
    request_id: str = "",
    even_suspended: bool = False,
) -> AsyncIterator[bytes]:
    """Events from `since` up to but not including `until`, oldest first, in chunks of whole lines.

    Edge-level: the export is recorded and committed before the first byte leaves, so a crash in between leaves at
    most a record of an export that nobody received. Each page is a transaction of its own, so that a slow reader
    holds none open. Raises Forbidden, InvalidInput.
    """
    if since >= until:
        raise invalid("until", "range", "结束时间应晚于开始时间。", "The end must be later than the start.")
    async with database.write(tenant_id, actor, request_id=request_id, even_suspended=even_suspended) as session:
        require(actor, AUDIT_EXPORT)
        asked = {"since": since, "until": until, "form": form.value}
        await record(session, "read.audit", Subject("audit"), after=asked)
    if form is ExportForm.CSV:
        yield BYTE_ORDER_MARK + _csv([[title.in_locale(locale) for _, title in COLUMNS]])
    after = Position(since, UUID(int=0))
    while True:
        async with database.read(tenant_id, actor, request_id=request_id, even_suspended=even_suspended) as reading:
            rows = await reading.rows(
                contents(reading)
                .where(
                    AuditEvent.at >= since,
                    AuditEvent.at < until,
                    tuple_(AuditEvent.at, AuditEvent.id) > tuple_(*after),
                )
                .order_by(AuditEvent.at, AuditEvent.id)
                .limit(PAGE)
            )
            names = await actor_names(reading, {row.actor_id for row in rows}) if form is ExportForm.CSV else {}
        if not rows:
            return
        events = list(map(EventContent._make, rows))
        if form is ExportForm.CSV:
            events = [
                event if event.actor_label else event._replace(actor_label=names.get(event.actor_id, ""))
                for event in events
            ]
        yield _csv(map(_cells, events)) if form is ExportForm.CSV else b"".join(map(json_line, events))
        after = Position(events[-1].at, events[-1].id)


def json_line(event: EventContent) -> bytes:
    """An event as one JSON line. `changes` stands there exactly as it was sealed."""
    values = {
        "tenant_id": str(event.tenant_id),
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "id": str(event.id),
        "action": event.action,
        "actor_kind": event.actor_kind,
        "actor_id": str(event.actor_id),
        "actor_label": event.actor_label,
        "subject_kind": event.subject_kind,
        "subject_id": None if event.subject_id is None else str(event.subject_id),
        "reason": event.reason,
        "request_id": event.request_id,
    }
    head = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return f'{head[:-1]},"changes":{event.changes}}}\n'.encode()


def spreadsheet_safe(cell: str) -> str:
    """The cell with an apostrophe before it where a spreadsheet would take it for a formula."""
    return f"'{cell}" if cell.lstrip(" \u3000\u00a0")[:1] in tuple("=+-@\t\r\n＝＋－＠") else cell


def _cells(event: EventContent) -> list[str]:
    values = event._asdict() | {"at": event.at.astimezone(UTC).isoformat(timespec="microseconds")}
    return ["" if values[name] is None else spreadsheet_safe(str(values[name])) for name, _ in COLUMNS]


def _csv(lines: Iterable[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    return out.getvalue().encode()
