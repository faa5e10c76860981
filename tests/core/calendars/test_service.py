"""Days of a tenant's own: set, cleared, seen in its calendar."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from steward_core.calendars import service
from steward_core.calendars.errors import CalendarDayNotFound, TooManyCalendarDays
from steward_core.calendars.queries import MOST_DAYS, business_hours, calendar_days, working_days
from steward_core.calendars.rules import BusinessHours
from steward_core.calendars.service import clear_day, set_day
from steward_core.calendars.settings import CALENDAR_BASE, Hours
from steward_tenants.access.permissions import PEOPLE_VIEW, SETTINGS_MANAGE
from steward_tenants.configuration.service import set_setting
from steward_tenants.configuration.settings import SETTINGS
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden, InvalidInput
from tests.factories import actor_with, make_tenant

ADMIN = actor_with(SETTINGS_MANAGE)
DAY = date(2026, 5, 12)


async def test_a_day_is_set_replaced_and_cleared(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        await set_day(session, DAY, working=False, title=" 厂庆 ")
        row = await set_day(session, DAY, working=False, title="周年庆")
        assert (row.title, session.audited) == ("周年庆", ["calendar.day.set"] * 2)
    async with database.read(tenant, ADMIN) as reading:
        (seen,) = await calendar_days(reading, DAY, DAY)
        assert (seen.working, seen.own) == (False, True)
    async with database.write(tenant, ADMIN) as session:
        await clear_day(session, DAY)
        assert (await working_days(session)).is_working(DAY)
        with pytest.raises(CalendarDayNotFound):
            await clear_day(session, DAY)


async def test_it_takes_the_permission_and_keeps_to_its_limits(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await make_tenant(database)
    with pytest.raises(Forbidden):
        async with database.write(tenant, actor_with(PEOPLE_VIEW)) as session:
            await set_day(session, DAY, working=True)
    with pytest.raises(InvalidInput):
        async with database.write(tenant, ADMIN) as session:
            await set_day(session, DAY, working=True, title="长" * 61)
    monkeypatch.setattr(service, "MOST_DAYS", 1)
    async with database.write(tenant, ADMIN) as session:
        await set_day(session, DAY, working=True)
        with pytest.raises(TooManyCalendarDays):
            await set_day(session, DAY + timedelta(days=1), working=True)
    async with database.read(tenant, ADMIN) as reading:
        for last in (DAY - timedelta(days=1), DAY + timedelta(days=MOST_DAYS)):
            with pytest.raises(InvalidInput):
                await calendar_days(reading, DAY, last)


async def test_a_tenants_days_are_its_own(database: Database) -> None:
    mine, other = await make_tenant(database), await make_tenant(database)
    async with database.write(mine, ADMIN) as session:
        await set_day(session, DAY, working=False)
    async with database.read(other, ADMIN) as reading:
        assert (await working_days(reading)).is_working(DAY)


async def test_base_and_hours_are_settings(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        assert await business_hours(session) == BusinessHours()
        assert not (await working_days(session)).is_working(date(2024, 10, 1))
        await set_setting(session, CALENDAR_BASE.key, "weekends")
        assert (await working_days(session)).is_working(date(2024, 10, 1))
    hours = SETTINGS["calendar.business_hours"]
    assert hours.parse({"begins": "09:00", "ends": "18:00"}).hours.begins.hour == 9
    assert hours.parse({"begins": "18:00", "ends": "09:00"}) == Hours()
