"""Reports as personal data of who wrote them: in their copy; what they wrote goes with them."""

from __future__ import annotations

from sqlalchemy import select, update

from steward_core.reports.models import WorkReport
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.people.models import User
from steward_tenants.privacy.subjects import Records, personal_data_source


async def _reports(session: TenantSession, user: User) -> Records:
    rows = await session.rows(
        select(
            WorkReport.kind,
            WorkReport.period_start,
            WorkReport.judgement,
            WorkReport.cases,
            WorkReport.opinion,
            WorkReport.state,
        )
        .where(session.within(WorkReport), WorkReport.owner_id == user.id)
        .order_by(WorkReport.period_start, WorkReport.kind)
    )
    return [dict(row._mapping) for row in rows]


async def _forget(session: WriteSession, user: User) -> None:
    """Judgements, cases and opinions go; the figures of the work stay."""
    await session.execute(
        update(WorkReport)
        .where(session.within(WorkReport), WorkReport.owner_id == user.id)
        .values(judgement=None, cases={}, opinion=None, version=WorkReport.version + 1)
        .execution_options(synchronize_session=False)
    )


personal_data_source("work_reports", "撰写的工作报告", "Work reports", _reports, erase=_forget)
