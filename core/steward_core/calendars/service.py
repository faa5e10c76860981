"""Setting days of a tenant's own, and taking them back."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import func, select

from steward_core.calendars.errors import CalendarDayNotFound, TooManyCalendarDays
from steward_core.calendars.models import LONGEST_TITLE, CalendarDay
from steward_tenants.access.permissions import SETTINGS_MANAGE
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import invalid

MOST_DAYS = 2_000
TURN = "calendar_days"


@command("calendar.day.set", "设定工作日或休息日", "Set a day as worked or off", permission=SETTINGS_MANAGE)
async def set_day(session: WriteSession, day: date, *, working: bool, title: str = "") -> CalendarDay:
    """Say that a day is worked or not, whatever the public calendar says; again replaces it. Schedules that go by
    working days are planned anew. Raises Forbidden, InvalidInput, TooManyCalendarDays."""
    title = title.strip()
    if len(title) > LONGEST_TITLE:
        raise invalid(
            "title", "length", f"名称最多 {LONGEST_TITLE} 个字符。", f"Use at most {LONGEST_TITLE} characters."
        )
    await take_turn(session, TURN)
    row = await session.find(CalendarDay, CalendarDay.day == day, lock=True)
    before = None
    if row is None:
        held = await session.scalar(select(func.count()).where(session.within(CalendarDay)))
        if held >= MOST_DAYS:
            raise TooManyCalendarDays(most=MOST_DAYS)
        row = CalendarDay(id=new_id(), day=day)
        session.add(row)
    else:
        before = {"working": row.working, "title": row.title}
    row.working, row.title, row.set_by, row.set_at = working, title, session.actor.id, datetime.now(UTC)
    await session.flush()
    after = {"day": day.isoformat(), "working": working, "title": title}
    await record(session, "calendar.day.set", Subject("calendar_day", row.id), before=before, after=after)
    await _plan_anew(session)
    return row


@command("calendar.day.clear", "取消日期设定", "Take a day's setting back", permission=SETTINGS_MANAGE)
async def clear_day(session: WriteSession, day: date) -> None:
    """Let the public calendar decide about a day again. Raises Forbidden, CalendarDayNotFound."""
    row = await session.find(CalendarDay, CalendarDay.day == day, lock=True)
    if row is None:
        raise CalendarDayNotFound(day=day)
    await session.delete(row)
    await session.flush()
    before = {"day": day.isoformat(), "working": row.working, "title": row.title}
    await record(session, "calendar.day.clear", Subject("calendar_day", row.id), before=before)
    await _plan_anew(session)


async def _plan_anew(session: WriteSession) -> None:
    # They read calendars, and calendars tell them: the imports wait until all are there.
    from steward_core.promises.waking import recompute  # noqa: PLC0415 - see above
    from steward_core.schedules.planning import forget_plans  # noqa: PLC0415 - see above

    await forget_plans(session)
    await recompute(session)
