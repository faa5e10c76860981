"""Errors of calendars."""

from __future__ import annotations

from steward_tenants.errors import Conflict, NotFound
from steward_tenants.texts import Bilingual


class CalendarDayNotFound(NotFound):
    """The tenant decided nothing about this day."""

    code = "calendar_day_not_found"
    message = Bilingual("{day} 没有单独设定。", "Nothing is set for {day}.")
    remedy = Bilingual("请查看已设定的日期。", "See the days that are set.")


class TooManyCalendarDays(Conflict):
    """A tenant keeps no more days of its own."""

    code = "too_many_calendar_days"
    message = Bilingual("最多设定 {most} 个日期。", "At most {most} days can be set.")
    remedy = Bilingual("请先移除过去的日期。", "Remove days of the past first.")
