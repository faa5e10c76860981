"""The actions of a month's plans as a file: the rows in reach, on record before the first byte leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, BinaryIO, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import aliased

from steward_core.clients.models import Client
from steward_core.permissions import CLIENTS_EXPORT, PLANS_VIEW
from steward_core.plans.models import ActionStatus, PlanAction, PlanGround, VisitPlan
from steward_core.plans.row_kinds import PLAN
from steward_core.spreadsheets.writers import Column, ColumnKind, CsvWriter, WriteReport, XlsxWriter
from steward_core.visits.actions import Symbol
from steward_core.visits.plan_states import PlanState
from steward_tenants.access.queries import units_below
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual

PAGE_ROWS = 5_000
COLUMNS: tuple[tuple[str, Bilingual, ColumnKind], ...] = (
    ("unit_name", Bilingual("机构", "Unit"), ColumnKind.TEXT),
    ("owner_name", Bilingual("客户经理", "Manager"), ColumnKind.TEXT),
    ("state", Bilingual("计划状态", "State of the plan"), ColumnKind.TEXT),
    ("symbol", Bilingual("标记", "Sign"), ColumnKind.TEXT),
    ("client_code", Bilingual("客户编码", "Client code"), ColumnKind.TEXT),
    ("client_name", Bilingual("客户名称", "Client"), ColumnKind.TEXT),
    ("what", Bilingual("事项", "What is to be done"), ColumnKind.TEXT),
    ("due_on", Bilingual("到期日", "Due"), ColumnKind.DATE),
    ("planned_on", Bilingual("安排日期", "Planned for"), ColumnKind.DATE),
    ("visits", Bilingual("应走访次数", "Visits wanted"), ColumnKind.TEXT),
    ("visited", Bilingual("已走访次数", "Visits done"), ColumnKind.TEXT),
    ("carried", Bilingual("结转次数", "Times carried over"), ColumnKind.TEXT),
    ("done_on", Bilingual("完成日期", "Done on"), ColumnKind.DATE),
    ("result", Bilingual("完成情况", "Result"), ColumnKind.TEXT),
)
_STATES = {one.value: one.title for one in PlanState}


@dataclass(frozen=True)
class PlanExport:
    """Which plans: those of a month (any day of it), of a unit and those below it, of people, or in some states."""

    month: date
    unit_id: UUID | None = None
    owner_ids: tuple[UUID, ...] = ()
    states: tuple[str, ...] = ()
    format: Literal["csv", "xlsx"] = "xlsx"
    locale: str = "zh-CN"


async def export_plans(
    database: Database,
    tenant_id: UUID,
    actor: Actor,
    request: PlanExport,
    target: BinaryIO,
    *,
    today: date,
    request_id: str = "",
) -> WriteReport:
    """Write the actions in reach into a binary file, by keyset pages. Raises Forbidden."""
    async with database.write(tenant_id, actor, request_id=request_id) as session:
        await _begun(session, request, today)
    columns = [Column(title.in_locale(request.locale), kind) for _, title, kind in COLUMNS]
    writer = CsvWriter(target, columns) if request.format == "csv" else XlsxWriter(target, columns)
    last: UUID | None = None
    async with database.read(tenant_id, actor, request_id=request_id, snapshot=True) as reading:
        while True:
            rows = await reading.rows(_page(reading, request, today, last))
            for row in rows:
                writer.write(_shown(row, request.locale))
            if len(rows) < PAGE_ROWS:
                break
            last = rows[-1].id
    return writer.close()


async def _begun(session: WriteSession, request: PlanExport, today: date) -> None:
    for permission in (PLANS_VIEW, CLIENTS_EXPORT):
        require(session.actor, permission)
    rows = await session.scalar(
        select(func.count())
        .select_from(PlanAction)
        .join(VisitPlan, VisitPlan.id == PlanAction.plan_id)
        .where(*_wanted(session, request, today))
    )
    after = {
        "what": "plan_action",
        "month": f"{request.month:%Y-%m}",
        "unit_id": request.unit_id,
        "owner_ids": list(request.owner_ids),
        "states": list(request.states),
        "format": request.format,
        "rows": rows,
    }
    await record(session, "read.export", Subject("export"), after=after)


def _wanted(session: TenantSession, request: PlanExport, today: date) -> list[ColumnElement[bool]]:
    conditions = [
        session.within(PlanAction),
        session.within(VisitPlan),
        PLAN.within_reach(session, PLANS_VIEW, today),
        PLAN.within_reach(session, CLIENTS_EXPORT, today),
        VisitPlan.month == request.month.replace(day=1),
    ]
    if request.unit_id is not None:
        conditions.append(VisitPlan.unit_id.in_(units_below(session, request.unit_id, today)))
    if request.owner_ids:
        conditions.append(VisitPlan.owner_id.in_(request.owner_ids))
    if request.states:
        conditions.append(VisitPlan.state.in_(request.states))
    return conditions


def _page(session: TenantSession, request: PlanExport, today: date, last: UUID | None) -> Select[*tuple[Any, ...]]:
    owner, unit, ground = aliased(User), aliased(OrgUnit), aliased(PlanGround)
    statement = (
        select(
            PlanAction,
            PlanAction.id,
            VisitPlan.state,
            owner.name.label("owner_name"),
            unit.name.label("unit_name"),
            Client.code.label("client_code"),
            Client.name.label("client_name"),
            ground.title_zh,
            ground.title_en,
        )
        .join(VisitPlan, VisitPlan.id == PlanAction.plan_id)
        .join(Client, and_(session.within(Client), Client.id == PlanAction.client_id))
        .outerjoin(owner, and_(session.within(owner), owner.id == VisitPlan.owner_id))
        .outerjoin(unit, and_(session.within(unit), unit.id == VisitPlan.unit_id))
        .outerjoin(ground, and_(session.within(ground), ground.id == PlanAction.ground_id))
        .where(*_wanted(session, request, today))
        .order_by(PlanAction.id)
        .limit(PAGE_ROWS)
    )
    return statement if last is None else statement.where(PlanAction.id > last)


def _shown(row: Any, locale: str) -> Sequence[Any]:
    action: PlanAction = row.PlanAction
    title = Bilingual(row.title_zh or action.source, row.title_en or action.source).in_locale(locale)
    found = {
        **row._mapping,
        "state": _STATES[row.state].in_locale(locale),
        "symbol": _symbol(action),
        "what": action.title or title,
        "due_on": action.due_on,
        "planned_on": action.planned_on,
        "visits": str(len(action.visits)),
        "visited": str(action.visited),
        "carried": str(action.carried),
        "done_on": action.done_on,
        "result": action.result,
    }
    return [found[name] for name, _, _ in COLUMNS]


def _symbol(action: PlanAction) -> str:
    if action.status == ActionStatus.DONE:
        return Symbol.DONE.value
    return (Symbol.TEMPORARY if action.temporary else Symbol.PLANNED).value
