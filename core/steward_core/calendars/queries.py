"""Reading a tenant's calendar."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from steward_core.calendars.models import CalendarDay
from steward_core.calendars.rules import BusinessHours, Day, OwnDay, WorkingDays, days_between
from steward_core.calendars.settings import BUSINESS_HOURS, CALENDAR_BASE
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import invalid

MOST_DAYS = 400


async def working_days(session: TenantSession) -> WorkingDays:
    """The tenant's calendar. Everybody in the tenant may read it."""
    base = await get_setting(session, CALENDAR_BASE)
    rows = await session.rows(
        select(CalendarDay.day, CalendarDay.working, CalendarDay.title).where(session.within(CalendarDay))
    )
    return WorkingDays(base, {row.day: OwnDay(row.working, row.title) for row in rows})


async def business_hours(session: TenantSession) -> BusinessHours:
    """When the tenant's working days begin and end."""
    return (await get_setting(session, BUSINESS_HOURS)).hours


async def calendar_days(session: TenantSession, first: date, last: date) -> list[Day]:
    """Every day from `first` to `last`, at most `MOST_DAYS`. Raises InvalidInput."""
    if not 0 <= (last - first).days < MOST_DAYS:
        raise invalid(
            "last", "range", f"起止日期相差不超过 {MOST_DAYS} 天。", f"Ask for 1 to {MOST_DAYS} days, in order."
        )
    days = await working_days(session)
    return [days.of(day) for day in days_between(first, last)]
