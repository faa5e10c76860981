"""Visits as a file: the rows in reach, on record before the first byte leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, BinaryIO, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, literal, select, tuple_
from sqlalchemy.orm import aliased

from steward_core.clients.models import Client
from steward_core.custom_fields.queries import column_titles, custom_fields, displayed
from steward_core.permissions import CLIENTS_EXPORT, VISITS_VIEW
from steward_core.spreadsheets.writers import Column, ColumnKind, CsvWriter, WriteReport, XlsxWriter
from steward_core.visits.check_in import Verdict
from steward_core.visits.fields import TARGET
from steward_core.visits.models import NeedArea, Visit, VisitKind, VisitOrigin, VisitStatus
from steward_core.visits.row_kinds import VISIT
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import invalid
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual, Locale

PAGE_ROWS = 5_000
LONGEST_DAYS = 366
COLUMNS: tuple[tuple[str, Bilingual, ColumnKind], ...] = (
    ("day", Bilingual("日期", "Day"), ColumnKind.DATE),
    ("client_code", Bilingual("客户编码", "Client code"), ColumnKind.TEXT),
    ("client_name", Bilingual("客户名称", "Client"), ColumnKind.TEXT),
    ("owner_name", Bilingual("走访人", "Visitor"), ColumnKind.TEXT),
    ("unit_name", Bilingual("机构", "Unit"), ColumnKind.TEXT),
    ("status", Bilingual("状态", "State"), ColumnKind.TEXT),
    ("kind", Bilingual("方式", "Kind"), ColumnKind.TEXT),
    ("origin", Bilingual("由来", "Origin"), ColumnKind.TEXT),
    ("began_at", Bilingual("开始时间（UTC）", "Began (UTC)"), ColumnKind.TEXT),
    ("ended_at", Bilingual("结束时间（UTC）", "Ended (UTC)"), ColumnKind.TEXT),
    ("verdict", Bilingual("签到判定", "Check-in"), ColumnKind.TEXT),
    ("metres", Bilingual("距客户（米）", "Metres from client"), ColumnKind.TEXT),
    ("aim", Bilingual("目的", "Aim"), ColumnKind.TEXT),
    ("topics", Bilingual("话题", "Topics"), ColumnKind.TEXT),
    ("needs", Bilingual("需求类别", "Needs"), ColumnKind.TEXT),
    ("needs_text", Bilingual("需求说明", "What is needed"), ColumnKind.TEXT),
    ("wishes", Bilingual("诉求", "Wishes"), ColumnKind.TEXT),
    ("complaints", Bilingual("投诉", "Complaints"), ColumnKind.TEXT),
    ("competitor_signs", Bilingual("竞争动向", "Competitors"), ColumnKind.TEXT),
    ("summary", Bilingual("小结", "Summary"), ColumnKind.TEXT),
    ("next_step", Bilingual("下一步", "Next step"), ColumnKind.TEXT),
    ("next_due_on", Bilingual("下一步期限", "Due"), ColumnKind.DATE),
    ("intention", Bilingual("客户意向", "Intention"), ColumnKind.TEXT),
    ("improvement", Bilingual("改进记录", "Improvement"), ColumnKind.TEXT),
)
_VERDICTS = {
    Verdict.ACCEPTED: Bilingual("通过", "accepted"),
    Verdict.FLAGGED: Bilingual("存疑", "flagged"),
    Verdict.REFUSED: Bilingual("未通过", "refused"),
}
_CHOICES = {"status": VisitStatus, "kind": VisitKind, "origin": VisitOrigin, "needs": NeedArea}


@dataclass(frozen=True)
class VisitExport:
    """Which visits: those from one day to another (both included), of people, units or states if some are named."""

    first: date
    last: date
    owner_ids: tuple[UUID, ...] = ()
    unit_ids: tuple[UUID, ...] = ()
    statuses: tuple[str, ...] = ()
    flagged: bool = False
    format: Literal["csv", "xlsx"] = "xlsx"
    locale: str = "zh-CN"


async def export_visits(
    database: Database,
    tenant_id: UUID,
    actor: Actor,
    request: VisitExport,
    target: BinaryIO,
    *,
    today: date,
    request_id: str = "",
) -> WriteReport:
    """Write the visits in reach into a binary file, by keyset pages. Raises Forbidden, InvalidInput."""
    if not 0 <= (request.last - request.first).days <= LONGEST_DAYS:
        raise invalid("last", "range", f"最多 {LONGEST_DAYS} 天。", f"Ask for at most {LONGEST_DAYS} days.")
    async with database.write(tenant_id, actor, request_id=request_id) as session:
        await _begun(session, request, today)
    locale: Locale = "en" if request.locale == "en" else "zh-CN"
    last: tuple[date, UUID] | None = None
    async with database.read(tenant_id, actor, request_id=request_id, snapshot=True) as reading:
        own = await custom_fields(reading, TARGET)
        columns = [Column(title.in_locale(locale), kind) for _, title, kind in COLUMNS]
        columns += [Column(title, ColumnKind.TEXT) for title in column_titles(own, locale).values()]
        writer = CsvWriter(target, columns) if request.format == "csv" else XlsxWriter(target, columns)
        while True:
            rows = await reading.rows(_page(reading, request, today, last))
            for row in rows:
                plain = [_shown(name, getattr(row, name), locale) for name, _, _ in COLUMNS]
                writer.write([*plain, *(displayed(one, row.custom, locale) or None for one in own)])
            if len(rows) < PAGE_ROWS:
                break
            last = (rows[-1].day, rows[-1].id)
    return writer.close()


async def _begun(session: WriteSession, request: VisitExport, today: date) -> None:
    for permission in (VISITS_VIEW, CLIENTS_EXPORT):
        require(session.actor, permission)
    chosen = select(Visit.id).where(*_wanted(session, request, today)).subquery()
    rows = await session.scalar(select(func.count()).select_from(chosen))
    after = {
        "what": "visit",
        "first": request.first,
        "last": request.last,
        "owner_ids": list(request.owner_ids),
        "unit_ids": list(request.unit_ids),
        "statuses": list(request.statuses),
        "flagged": request.flagged,
        "format": request.format,
        "rows": rows,
    }
    await record(session, "read.export", Subject("export"), after=after)


def _wanted(session: TenantSession, request: VisitExport, today: date) -> list[ColumnElement[bool]]:
    conditions = [
        session.within(Visit),
        VISIT.within_reach(session, VISITS_VIEW, today),
        VISIT.within_reach(session, CLIENTS_EXPORT, today),
        Visit.day.between(request.first, request.last),
    ]
    if request.owner_ids:
        conditions.append(Visit.owner_id.in_(request.owner_ids))
    if request.unit_ids:
        conditions.append(Visit.unit_id.in_(request.unit_ids))
    if request.statuses:
        conditions.append(Visit.status.in_(request.statuses))
    if request.flagged:
        conditions.append(Visit.verdict == int(Verdict.FLAGGED))
    return conditions


def _page(
    session: TenantSession, request: VisitExport, today: date, last: tuple[date, UUID] | None
) -> Select[*tuple[Any, ...]]:
    client, owner, unit = aliased(Client), aliased(User), aliased(OrgUnit)
    named = {
        "client_code": client.code,
        "client_name": client.name,
        "owner_name": owner.name,
        "unit_name": unit.name,
    }
    columns: Sequence[Any] = [
        named[name].label(name) if name in named else getattr(Visit, name) for name, _, _ in COLUMNS
    ]
    statement = (
        select(*columns, Visit.id, Visit.custom)
        .join(client, and_(session.within(client), client.id == Visit.client_id))
        .outerjoin(owner, and_(session.within(owner), owner.id == Visit.owner_id))
        .outerjoin(unit, and_(session.within(unit), unit.id == Visit.unit_id))
        .where(*_wanted(session, request, today))
        .order_by(Visit.day, Visit.id)
        .limit(PAGE_ROWS)
    )
    if last is None:
        return statement
    place = tuple_(literal(last[0], Visit.day.type), literal(last[1], Visit.id.type))
    return statement.where(tuple_(Visit.day, Visit.id) > place)


def _shown(name: str, value: Any, locale: str) -> Any:
    if value is None:
        return None
    if name == "verdict":
        return _VERDICTS[Verdict(value)].in_locale(locale)
    if name in _CHOICES:
        titles = {str(one.value): one.title.in_locale(locale) for one in _CHOICES[name]}
        return "、".join(titles[one] for one in value) if isinstance(value, list) else titles[value]
    if name in ("began_at", "ended_at"):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, list):
        return "\n".join(value)
    return str(value) if name in ("metres", "intention") else value
