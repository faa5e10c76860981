"""A month's scores as a table: a line for each manager in reach, a column of points for each item."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select

from steward_core.performance.models import MonthScore
from steward_core.performance.row_kinds import MONTH_SCORE
from steward_core.permissions import SCORES_VIEW
from steward_core.visits.actions import month_of
from steward_tenants.access.queries import units_below
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.session import WriteSession
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.disclosure import csv_of
from steward_tenants.people.models import User, UserStatus
from steward_tenants.texts import Bilingual

_HEADINGS = (
    Bilingual("月份", "Month"),
    Bilingual("机构", "Unit"),
    Bilingual("客户经理", "Manager"),
    Bilingual("得分", "Score"),
    Bilingual("状态", "State"),
    Bilingual("第几次计算", "Revision"),
)
_STATES = {"preview": Bilingual("预览", "preview"), "final": Bilingual("已确认", "final")}


async def export_scores(
    session: WriteSession, month: date, *, unit_id: UUID | None = None, today: date, locale: str
) -> tuple[bytes, int]:
    """The scores that count, as CSV, and how many there are; put on record. Raises Forbidden."""
    require(session.actor, SCORES_VIEW)
    period = month_of(month)
    wanted = [
        session.within(MonthScore),
        MonthScore.month == period.start,
        MonthScore.current,
        MONTH_SCORE.within_reach(session, SCORES_VIEW, today),
    ]
    if unit_id is not None:
        wanted.append(MonthScore.unit_id.in_(units_below(session, unit_id, today)))
    rows = await session.rows(
        select(
            OrgUnit.name.label("unit"),
            User.name,
            User.status.label("person"),
            MonthScore.score,
            MonthScore.status,
            MonthScore.revision,
            MonthScore.lines,
        )
        .join(User, and_(session.within(User), User.id == MonthScore.owner_id))
        .outerjoin(OrgUnit, and_(session.within(OrgUnit), OrgUnit.id == MonthScore.unit_id))
        .where(*wanted)
        .order_by(OrgUnit.name, MonthScore.score.desc().nulls_last(), User.name, User.id)
    )
    items = _items([row.lines for row in rows])
    header = [*(one.in_locale(locale) for one in _HEADINGS), *(title.in_locale(locale) for title in items.values())]
    table = [_line(row, period.name, list(items), locale) for row in rows]
    after = {"month": period.name, "unit_id": unit_id, "scores": len(rows)}
    await record(session, "scores.export", Subject("month_score"), after=after)
    return csv_of(header, table), len(rows)


def _items(all_lines: list[list[dict[str, Any]]]) -> dict[str, Bilingual]:
    """The titles of all items by indicator."""
    return {
        line["indicator"]: Bilingual(line["title"]["zh-CN"], line["title"]["en"])
        for lines in all_lines
        for line in lines
        if line["indicator"] is not None
    }


def _line(row: Any, month: str, items: list[str], locale: str) -> list[str]:
    points = {line["indicator"]: line["points"] for line in row.lines}
    name = "" if row.person == UserStatus.ERASED.value else row.name
    score = "" if row.score is None else f"{row.score:.2f}"
    state = _STATES[row.status].in_locale(locale)
    return [month, row.unit or "", name, score, state, str(row.revision), *(points.get(item, "") for item in items)]
