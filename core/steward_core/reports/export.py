"""Reports as a CSV file, a line for each."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date
from io import StringIO
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import aliased

from steward_core.permissions import REPORTS_VIEW
from steward_core.reports.models import REPORT_KINDS, REPORT_STATES, ReportKind, WorkReport
from steward_core.reports.row_kinds import WORK_REPORT
from steward_core.spreadsheets.inert import made_inert
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import invalid
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual

LONGEST = 366
MOST = 50_000
COUNTS = (
    "visits",
    "clients",
    "actions_done",
    "actions_open",
    "requests_opened",
    "requests_answered",
    "promises_kept",
    "promises_broken",
    "opportunities",
    "competitors",
)
_HEADS = (
    Bilingual("姓名", "Name"),
    Bilingual("机构", "Unit"),
    Bilingual("种类", "Kind"),
    Bilingual("开始", "From"),
    Bilingual("状态", "State"),
    Bilingual("提交时间", "Submitted"),
    Bilingual("走访", "Visits"),
    Bilingual("客户数", "Clients"),
    Bilingual("完成动作", "Actions done"),
    Bilingual("未完成动作", "Actions open"),
    Bilingual("新诉求", "Requests opened"),
    Bilingual("已答复", "Requests answered"),
    Bilingual("兑现承诺", "Promises kept"),
    Bilingual("超时承诺", "Promises broken"),
    Bilingual("商机进展", "Opportunities"),
    Bilingual("竞争信息", "Competitors"),
    Bilingual("判断", "Judgement"),
    Bilingual("成功案例", "Successful cases"),
    Bilingual("失败案例", "Unsuccessful cases"),
    Bilingual("意见", "Opinion"),
)


async def export_reports(
    session: WriteSession,
    *,
    since: date,
    until: date,
    today: date,
    locale: str,
    kinds: Sequence[ReportKind] = (),
) -> tuple[bytes, int]:
    """The reports of periods that began from `since` until before `until`, as far as the actor sees them, and how many.
    On record before the bytes leave. Raises Forbidden, InvalidInput."""
    require(session.actor, REPORTS_VIEW)
    if not 0 < (until - since).days <= LONGEST:
        raise invalid("until", "range", f"一次最多导出 {LONGEST} 天。", f"Export {LONGEST} days at most.")
    owner, unit = aliased(User), aliased(OrgUnit)
    wanted = [one.value for one in (kinds or tuple(ReportKind))]
    rows = await session.rows(
        select(WorkReport, owner.name, unit.name)
        .outerjoin(owner, and_(session.within(owner), owner.id == WorkReport.owner_id))
        .outerjoin(unit, and_(session.within(unit), unit.id == WorkReport.unit_id))
        .where(
            session.within(WorkReport),
            WORK_REPORT.within_reach(session, REPORTS_VIEW, today),
            WorkReport.kind.in_(wanted),
            WorkReport.period_start >= since,
            WorkReport.period_start < until,
        )
        .order_by(WorkReport.period_start, WorkReport.kind, WorkReport.id)
        .limit(MOST + 1)
    )
    if len(rows) > MOST:
        raise invalid("until", "many", f"超过 {MOST} 份，请缩短时间。", f"More than {MOST}; choose a shorter time.")
    await record(
        session,
        "read.work_reports",
        Subject("tenant", session.tenant_id),
        after={"since": since, "until": until, "kinds": wanted, "reports": len(rows)},
    )
    target = StringIO()
    writer = csv.writer(target)
    writer.writerow([head.in_locale(locale) for head in _HEADS])
    for report, owner_name, unit_name in map(tuple, rows):
        writer.writerow(_line(report, owner_name, unit_name, locale))
    return target.getvalue().encode("utf-8-sig"), len(rows)


def _line(report: WorkReport, owner: str | None, unit: str | None, locale: str) -> list[Any]:
    counts = report.facts.get("counts", {})
    cells = [
        owner or "",
        unit or "",
        REPORT_KINDS[report.kind].title.in_locale(locale),
        report.period_start.isoformat(),
        REPORT_STATES[report.state].title.in_locale(locale),
        report.submitted_at.isoformat(timespec="seconds") if report.submitted_at else "",
        *(counts.get(name, 0) for name in COUNTS),
        report.judgement or "",
        "\n".join(report.cases.get("successful", [])),
        "\n".join(report.cases.get("unsuccessful", [])),
        report.opinion or "",
    ]
    return [made_inert(cell) if isinstance(cell, str) else cell for cell in cells]
