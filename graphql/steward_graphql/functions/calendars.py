"""Working days, and what rules of schedules mean."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from steward_core.calendars.queries import calendar_days
from steward_core.calendars.rules import Day
from steward_core.schedules.queries import preview_here
from steward_graphql.declared.scalars import BOOLEAN, DATE, DATETIME, INT, STRING
from steward_graphql.declared.shapes import Asked, Function, ListOf
from steward_graphql.functions.parts import argument, part, shape, texts
from steward_graphql.mutations.derive import zone_key
from steward_tenants.database.session import ReadSession
from steward_tenants.texts import Bilingual

DAY = shape(
    "CalendarDate",
    "工作日历中的一天",
    "A day of the working calendar",
    part("day", DATE, "日期", "The day"),
    part("working", BOOLEAN, "是否上班", "Whether it is worked"),
    texts("title", "节假日、周末或调休", "Why it is off, or worked on a weekend", nullable=True),
    part("own", BOOLEAN, "是否由租户设定", "Whether the tenant decided"),
    part(
        "provisional",
        BOOLEAN,
        "该年放假安排是否尚未公布",
        "Whether the year's exchanged days have not been announced",
    ),
)


async def _calendar_days(session: ReadSession, asked: Asked, first: date, last: date) -> Sequence[Day]:  # noqa: ARG001 - how functions are called
    return await calendar_days(session, first, last)


async def _working_days(session: ReadSession, asked: Asked, first: date, last: date) -> list[date]:  # noqa: ARG001 - how functions are called
    return [one.day for one in await calendar_days(session, first, last) if one.working]


async def _preview(
    session: ReadSession, asked: Asked, rule: str, after: datetime | None = None, count: int = 10
) -> list[datetime]:
    return await preview_here(session, rule, zone_key(asked), after or datetime.now(UTC), count)


_SPAN = (
    argument("first", DATE, "第一天", "The first day", required=True),
    argument("last", DATE, "最后一天，最多 400 天", "The last day, at most 400 days", required=True),
)
FUNCTIONS = (
    Function(
        "calendarDays",
        Bilingual("工作日历：含节假日、调休与租户自定日期", "The working calendar, day by day"),
        ListOf(DAY),
        _calendar_days,
        _SPAN,
        cost=10,
    ),
    Function(
        "workingDays", Bilingual("期间内的工作日", "The working days of a span"), ListOf(DATE), _working_days, _SPAN
    ),
    Function(
        "schedulePreview",
        Bilingual("某时间规则接下来的触发时间", "When a rule fires next"),
        ListOf(DATETIME),
        _preview,
        (
            argument("rule", STRING, "cron 或日历词语", "A cron line or calendar words", required=True),
            argument("after", DATETIME, "从何时起，默认现在", "From when on; now when left out"),
            argument("count", INT, "多少个，1 到 50", "How many, 1 to 50", default=10),
        ),
        cost=10,
    ),
)
