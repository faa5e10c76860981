"""An approved pay run as a table: a line for each person, a column for each rule that paid something."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, BinaryIO, Literal
from uuid import UUID

from sqlalchemy import and_, func, select

from steward_core.incentives.errors import PayRunNotOpen
from steward_core.incentives.models import IN_FORCE, PayLine, PayRun, PayRunStatus, PayStatement
from steward_core.incentives.months import month_name
from steward_core.incentives.reach import run_in_reach
from steward_core.incentives.statements import ROLES
from steward_core.permissions import STATEMENTS_APPROVE
from steward_core.spreadsheets.writers import Column, ColumnKind, CsvWriter, RowWriter, XlsxWriter
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.commands.service import command
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User, UserStatus
from steward_tenants.texts import Bilingual

Format = Literal["csv", "xlsx"]
_HEADINGS = (
    Bilingual("月份", "Month"),
    Bilingual("工号", "Employee number"),
    Bilingual("登录名", "Login"),
    Bilingual("姓名", "Name"),
    Bilingual("机构", "Unit"),
    Bilingual("身份", "Paid as"),
    Bilingual("第几次", "Revision"),
)
_TOTAL = Bilingual("合计（元）", "Total (yuan)")
_YUAN = Bilingual("（元）", " (yuan)")


@command("incentives.run.export", "导出薪酬单", "Export a pay run", permission=STATEMENTS_APPROVE, alone=False)
async def export_pay_run(
    session: WriteSession, run_id: UUID, target: BinaryIO, *, form: Format, today: date, locale: str
) -> int:
    """Write the statements of an approved run; answers how many. The run is marked as exported, and it is on record.

    Raises PayRunNotFound, PayRunNotOpen.
    """
    pay_run = await run_in_reach(session, run_id, STATEMENTS_APPROVE, today, lock=True)
    if pay_run.status not in IN_FORCE:
        raise PayRunNotOpen(status=pay_run.status)
    rules = await _rules(session, pay_run)
    rows = await _rows(session, pay_run)
    columns = [
        *(Column(one.in_locale(locale)) for one in _HEADINGS),
        *(Column(f"{one.in_locale(locale)}{_YUAN.in_locale(locale)}", ColumnKind.MONEY) for one in rules.values()),
        Column(_TOTAL.in_locale(locale), ColumnKind.MONEY),
    ]
    writer: RowWriter = CsvWriter(target, columns) if form == "csv" else XlsxWriter(target, columns)
    with writer:
        for row in rows:
            name = "" if row.status == UserStatus.ERASED.value else row.name
            role = ROLES[row.role].title.in_locale(locale)
            amounts = [int(row.paid.get(rule, 0)) for rule in rules]
            person = [row.employee_number, row.login, name, row.unit, role, row.revision]
            writer.write([month_name(pay_run.month), *person, *amounts, row.total])
    before = str(pay_run.status)
    pay_run.status, pay_run.exported_by = PayRunStatus.EXPORTED, session.actor.id
    pay_run.exported_at = clock_now()
    await record(
        session,
        "incentives.run.export",
        Subject("pay_run", pay_run.id),
        before={"status": before},
        after={"status": PayRunStatus.EXPORTED.value, "format": form, "people": len(rows), "total": pay_run.total},
    )
    return len(rows)


async def _rules(session: TenantSession, pay_run: PayRun) -> Mapping[str, Bilingual]:
    """The titles of the rules that paid anybody anything, in the order in which statements have them."""
    rows = await session.rows(
        select(PayLine.rule, func.min(PayLine.title_zh), func.min(PayLine.title_en))
        .join(PayStatement, and_(session.within(PayStatement), PayStatement.id == PayLine.statement_id))
        .where(session.within(PayLine), PayStatement.run_id == pay_run.id, PayLine.fen != 0)
        .group_by(PayLine.rule)
        .order_by(func.min(PayLine.position), PayLine.rule)
    )
    return {row[0]: Bilingual(row[1], row[2]) for row in rows}


async def _rows(session: TenantSession, pay_run: PayRun) -> Any:
    """A row for each statement; `paid` holds fen by rule."""
    by_rule = (
        select(PayLine.statement_id, PayLine.rule, func.sum(PayLine.fen).label("fen"))
        .join(PayStatement, and_(session.within(PayStatement), PayStatement.id == PayLine.statement_id))
        .where(session.within(PayLine), PayStatement.run_id == pay_run.id)
        .group_by(PayLine.statement_id, PayLine.rule)
        .subquery("by_rule")
    )
    paid = (
        select(by_rule.c.statement_id, func.jsonb_object_agg(by_rule.c.rule, by_rule.c.fen).label("paid"))
        .group_by(by_rule.c.statement_id)
        .subquery("paid")
    )
    return await session.rows(
        select(
            User.employee_number,
            User.login,
            User.name,
            User.status,
            OrgUnit.name.label("unit"),
            PayStatement.role,
            PayStatement.revision,
            PayStatement.total,
            paid.c.paid,
        )
        .join(User, and_(session.within(User), User.id == PayStatement.person_id))
        .join(OrgUnit, and_(session.within(OrgUnit), OrgUnit.id == PayStatement.unit_id))
        .join(paid, paid.c.statement_id == PayStatement.id)
        .where(session.within(PayStatement), PayStatement.run_id == pay_run.id)
        .order_by(OrgUnit.name, User.name, User.id)
    )
