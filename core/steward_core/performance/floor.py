"""What must be declared of performance wherever the floor is loaded: its notice, and what it holds on people."""

from __future__ import annotations

from sqlalchemy import select

from steward_core.notifications.rules import declare_notice
from steward_core.performance.models import MonthScore, ScoreStatus
from steward_tenants.database.session import TenantSession
from steward_tenants.people.models import User
from steward_tenants.privacy.subjects import Records, personal_data_source

FINAL = "scores.final"
declare_notice(FINAL, "月度考核得分已确认", "A score of a month is final")


async def _scores(session: TenantSession, user: User) -> Records:
    rows = await session.rows(
        select(MonthScore.month, MonthScore.revision, MonthScore.status, MonthScore.score, MonthScore.lines)
        .where(
            session.within(MonthScore),
            MonthScore.owner_id == user.id,
            MonthScore.status != ScoreStatus.COMPUTING.value,
        )
        .order_by(MonthScore.month, MonthScore.revision)
    )
    return [dict(row._mapping) for row in rows]


personal_data_source("month_scores", "月度考核得分", "Scores of months", _scores)
