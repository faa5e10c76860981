"""Opportunities as a file: the rows on the screen, on record before the first byte leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, BinaryIO, Literal

from sqlalchemy import and_, func, literal, select

from steward_core.clients.models import Client
from steward_core.opportunities.models import LostReason, Opportunity, Outcome, title_of
from steward_core.opportunities.queries import PipelineFilter, conditions, weighted_amount
from steward_core.opportunities.reach import reached
from steward_core.opportunities.service import titles
from steward_core.permissions import CLIENTS_EXPORT, OPPORTUNITIES_VIEW
from steward_core.spreadsheets.writers import Column, ColumnKind, CsvWriter, WriteReport, XlsxWriter
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual

PAGE_ROWS = 5_000


@dataclass(frozen=True)
class OpportunityExport:
    """What to export."""

    filters: PipelineFilter = field(default_factory=PipelineFilter)
    format: Literal["csv", "xlsx"] = "xlsx"
    locale: str = "zh-CN"


COLUMNS: tuple[tuple[str, Bilingual, ColumnKind], ...] = (
    ("title", Bilingual("商机名称", "Opportunity"), ColumnKind.TEXT),
    ("client_code", Bilingual("客户编码", "Client code"), ColumnKind.TEXT),
    ("client", Bilingual("客户名称", "Client"), ColumnKind.TEXT),
    ("unit", Bilingual("机构", "Unit"), ColumnKind.TEXT),
    ("owner", Bilingual("客户经理", "Owner"), ColumnKind.TEXT),
    ("stage", Bilingual("阶段", "Stage"), ColumnKind.TEXT),
    ("outcome", Bilingual("结果", "Outcome"), ColumnKind.TEXT),
    ("amount", Bilingual("金额", "Amount"), ColumnKind.MONEY),
    ("probability", Bilingual("成功概率（%）", "Probability (%)"), ColumnKind.NUMBER),
    ("weighted", Bilingual("加权金额", "Weighted amount"), ColumnKind.MONEY),
    ("expected_on", Bilingual("预计签约日期", "Expected on"), ColumnKind.DATE),
    ("need", Bilingual("需求", "Need"), ColumnKind.TEXT),
    ("lost_reason", Bilingual("丢单原因", "Why it was lost"), ColumnKind.TEXT),
    ("lost_note", Bilingual("丢单说明", "Note on the loss"), ColumnKind.TEXT),
)


async def begin_export(session: WriteSession, request: OpportunityExport, *, today: date) -> int:
    """Check the rights and put the export on record; answers how many rows there are. Raises Forbidden."""
    for permission in (CLIENTS_EXPORT, OPPORTUNITIES_VIEW):
        require(session.actor, permission)
    rows = await session.scalar(
        select(func.count()).select_from(_statement(session, request.filters, today).subquery("exported"))
    )
    filters = {name: _plain(value) for name, value in asdict(request.filters).items() if value}
    await record(
        session,
        "read.export",
        Subject("export"),
        after={"what": "opportunity", "filters": filters, "format": request.format, "rows": rows},
    )
    return int(rows)


async def export_opportunities(
    database: Database,
    tenant_id: Any,
    actor: Actor,
    request: OpportunityExport,
    target: BinaryIO,
    *,
    today: date,
    request_id: str = "",
) -> WriteReport:
    """Write opportunities into a binary file, by keyset pages. Raises Forbidden; nothing is written then."""
    async with database.write(tenant_id, actor, request_id=request_id) as session:
        await begin_export(session, request, today=today)
    columns = [Column(title.in_locale(request.locale), kind) for _, title, kind in COLUMNS]
    writer = CsvWriter(target, columns) if request.format == "csv" else XlsxWriter(target, columns)
    async with database.read(tenant_id, actor, request_id=request_id, snapshot=True) as reading:
        show = await _shows(reading, request.locale)
        last = None
        while True:
            statement = _statement(reading, request.filters, today).order_by(Opportunity.id).limit(PAGE_ROWS)
            if last is not None:
                statement = statement.where(Opportunity.id > literal(last))
            rows = await reading.rows(statement)
            for row in rows:
                writer.write([show[name](getattr(row, name)) for name, _, _ in COLUMNS])
            if len(rows) < PAGE_ROWS:
                return writer.close()
            last = rows[-1].id


def _statement(session: TenantSession, wanted: PipelineFilter, today: date) -> Any:
    return (
        select(
            Opportunity.id,
            Opportunity.title,
            Client.code.label("client_code"),
            Client.name.label("client"),
            OrgUnit.name.label("unit"),
            User.name.label("owner"),
            Opportunity.stage,
            Opportunity.outcome,
            Opportunity.amount,
            Opportunity.probability,
            weighted_amount().label("weighted"),
            Opportunity.expected_on,
            Opportunity.need,
            Opportunity.lost_reason,
            Opportunity.lost_note,
        )
        .join(Client, and_(session.within(Client), Client.id == Opportunity.client_id))
        .outerjoin(OrgUnit, and_(session.within(OrgUnit), OrgUnit.id == Opportunity.unit_id))
        .outerjoin(User, and_(session.within(User), User.id == Opportunity.owner_id))
        .where(
            session.within(Opportunity),
            reached(session, OPPORTUNITIES_VIEW, today),
            reached(session, CLIENTS_EXPORT, today),
            *conditions(session, wanted, today),
        )
    )


async def _shows(session: TenantSession, locale: str) -> dict[str, Callable[[Any], Any]]:
    """How a value of each column is written."""
    stages = await titles(session)
    shown: dict[str, Callable[[Any], Any]] = {name: lambda value: value for name, _, _ in COLUMNS}
    shown["stage"] = lambda key: stages[key].in_locale(locale) if key in stages else key
    shown["outcome"] = lambda key: title_of(Outcome, key).in_locale(locale)
    shown["lost_reason"] = lambda key: None if key is None else title_of(LostReason, key).in_locale(locale)
    return shown


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else str(value)
