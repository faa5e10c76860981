"""Schedules and calendar days through the API."""

from __future__ import annotations

from typing import Any

import pytest

from steward_core.calendars.models import CalendarDay
from steward_core.permissions import SCHEDULES_MANAGE, SCHEDULES_VIEW
from steward_core.schedules.models import Schedule, ScheduleFiring
from steward_tenants.database.actor import Scope
from steward_tenants.errors import Forbidden, InvalidInput
from tests.gql.mutations.place import Place

GIVEN: dict[str, Any] = {
    "key": "ends",
    "titleZh": "合同到期",
    "titleEn": "Ends",
    "task": "clients.contracts_end",
    "rule": "last working day 18:00",
}


async def test_a_schedule_is_made_changed_run_and_deleted(place: Place) -> None:
    made = (await place.ask("createSchedule", **GIVEN, catchUp="ALL"))["schedule"]
    given: dict[str, Any] = {"scheduleId": str(made)}
    await place.ask("changeSchedule", **given, rule="month end 20:00")
    await place.ask("pauseSchedule", **given, reason="测试")
    await place.ask("resumeSchedule", **given)
    assert await place.ask("runSchedule", **given) == {"schedule": made}
    (row,) = await place.rows(Schedule, Schedule.id == made)
    assert (row.rule, row.catch_up, row.paused) == ("month end 20:00", "all", False)
    assert len(await place.rows(ScheduleFiring, ScheduleFiring.schedule_id == made)) == 1
    await place.ask("deleteSchedule", **given)
    assert await place.rows(Schedule, Schedule.id == made) == []


async def test_it_takes_the_permission_and_a_rule(place: Place) -> None:
    with pytest.raises(Forbidden):
        await place.ask("createSchedule", place.as_manager_with(SCHEDULES_VIEW, scope=Scope.ALL), **GIVEN)
    manager = place.as_manager_with(SCHEDULES_MANAGE, scope=Scope.ALL)
    with pytest.raises(InvalidInput):
        await place.ask("createSchedule", manager, **{**GIVEN, "rule": "sometimes"})


async def test_a_day_is_set_and_cleared(place: Place) -> None:
    await place.ask("setCalendarDay", day="2031-05-12", working=False, title="厂庆")
    assert len(await place.rows(CalendarDay)) == 1
    await place.ask("clearCalendarDay", day="2031-05-12")
    assert await place.rows(CalendarDay) == []
