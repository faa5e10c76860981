"""Each planned moment fires exactly once: two schedulers at once, a killed one, clocks that jump, suspended tenants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from sqlalchemy import select, update

from steward_core.calendars.service import clear_day, set_day
from steward_core.schedules import scheduler
from steward_core.schedules.models import Schedule
from steward_core.schedules.planning import fire_tenant, wake
from steward_core.schedules.rules import AT_ONCE, CatchUp
from steward_core.schedules.scheduler import SCHEDULER, fire_due
from steward_core.schedules.tasks import TASKS
from steward_tenants.access.permissions import SETTINGS_MANAGE
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.directory.models import Tenant, TenantStatus
from tests.core.schedules.support import (
    ADMIN,
    QUIET,
    bells_of,
    count_from,
    declare_quiet,
    forget_bells,
    jobs_of,
    make_schedule,
    planned_moments,
)
from tests.factories import TESTS, actor_with, make_tenant

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def quiet(database: Database) -> AsyncIterator[None]:
    """The quiet task, and no other test's schedules to look at."""
    declare_quiet()
    await forget_bells(database)
    yield
    await forget_bells(database)
    del TASKS[QUIET]


async def one_schedule(database: Database, rule: str = "0 * * * *", **values: object) -> UUID:
    tenant = await make_tenant(database, **values)
    zone = str(values.get("time_zone", "Asia/Shanghai"))
    async with database.write(tenant, ADMIN) as session:
        await make_schedule(session, rule, zone=zone, since=START)
    return tenant


async def set_status(database: Database, tenant: UUID, status: TenantStatus) -> None:
    async with database.directory() as directory:
        await directory.execute(update(Tenant).where(Tenant.id == tenant).values(status=status.value))
    database.forget_status(tenant)


async def test_a_moment_fires_with_its_job_and_the_next_is_planned(database: Database) -> None:
    tenant = await one_schedule(database)
    await fire_due(database, START + HOUR)
    assert await planned_moments(database, tenant) == [START + HOUR]
    (job,) = await jobs_of(database, tenant)
    assert (job.queue, job.payload) == ("bulk", {})
    assert await bells_of(database, tenant) == [START + 2 * HOUR]
    await fire_due(database, START + HOUR)
    await fire_due(database, START + HOUR + timedelta(minutes=59))
    assert len(await jobs_of(database, tenant)) == 1


async def test_two_schedulers_at_once_fire_each_moment_once(database: Database) -> None:
    tenants = [await one_schedule(database, "*/20 * * * *") for _ in range(4)]
    for step in range(1, 4):
        await asyncio.gather(*(fire_due(database, START + step * HOUR) for _ in range(3)))
    for tenant in tenants:
        moments = await planned_moments(database, tenant)
        assert moments == [START + number * timedelta(minutes=20) for number in range(1, 10)]
        assert len(await jobs_of(database, tenant)) == 9


async def test_two_in_the_same_tenant_wait_for_each_other(database: Database) -> None:
    tenant = await one_schedule(database)

    async def directly() -> int:
        async with database.write(tenant, SCHEDULER) as session:
            return await fire_tenant(session, "Asia/Shanghai", START + 3 * HOUR)

    assert sorted(await asyncio.gather(directly(), directly(), directly())) == [0, 0, 3]
    assert len(await jobs_of(database, tenant)) == 3


async def test_killed_after_the_tenants_commit_it_fires_nothing_twice(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await one_schedule(database)

    class Killed(BaseException):
        pass

    @asynccontextmanager
    async def dies_after(*arguments: Any, **options: Any) -> AsyncIterator[WriteSession]:
        async with write(*arguments, **options) as session:
            yield session
        raise Killed

    write = database.write
    monkeypatch.setattr(database, "write", dies_after)
    with pytest.raises(Killed):
        await fire_due(database, START + HOUR)
    monkeypatch.undo()
    assert len(await jobs_of(database, tenant)) == 1
    assert (await bells_of(database, tenant))[0] <= START + HOUR, "the bell stays until a look has ended well"
    await fire_due(database, START + HOUR)
    assert len(await jobs_of(database, tenant)) == 1
    assert await bells_of(database, tenant) == [START + 2 * HOUR]


async def test_killed_before_the_commit_it_fires_at_the_next_look(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await one_schedule(database)

    async def breaks(*_: object) -> int:
        raise ConnectionError

    monkeypatch.setattr(scheduler, "fire_tenant", breaks)
    assert await fire_due(database, START + HOUR) == 0
    monkeypatch.undo()
    assert await jobs_of(database, tenant) == []
    await fire_due(database, START + HOUR)
    assert await planned_moments(database, tenant) == [START + HOUR]


async def test_a_clock_that_goes_back_fires_nothing_again(database: Database) -> None:
    tenant = await one_schedule(database)
    for hours in (2, 5, 1, 3, 4, 5, 6):
        await fire_due(database, START + hours * HOUR)
    assert await planned_moments(database, tenant) == [START + number * HOUR for number in range(1, 7)]
    assert len(await jobs_of(database, tenant)) == 6


@pytest.mark.parametrize(
    ("zone", "first", "days", "expected"),
    [
        ("Europe/Berlin", "2026-03-28", 3, ["28 01:30", "29 01:00", "30 00:30"]),
        ("Europe/Berlin", "2026-10-24", 3, ["24 00:30", "25 00:30", "26 01:30"]),
        ("America/New_York", "2026-03-07", 3, ["07 07:30", "08 07:00", "09 06:30"]),
        ("America/New_York", "2026-10-31", 3, ["31 06:30", "01 07:30", "02 07:30"]),
        ("Asia/Shanghai", "2026-03-28", 2, ["28 18:30", "29 18:30"]),
    ],
)
async def test_half_past_two_comes_once_a_day_in_every_zone(
    database: Database, zone: str, first: str, days: int, expected: list[str]
) -> None:
    tenant = await make_tenant(database, time_zone=zone)
    since = datetime.fromisoformat(first).replace(tzinfo=UTC)
    async with database.write(tenant, ADMIN) as session:
        await make_schedule(session, "30 2 * * *", zone=zone, since=since)
    for quarter in range(1, days * 96 + 1):
        due = await bells_of(database, tenant)
        now = since + quarter * timedelta(minutes=15)
        if due[0] <= now:
            await fire_due(database, now)
    moments = await planned_moments(database, tenant)
    assert [one.strftime("%d %H:%M") for one in moments] == expected


@pytest.mark.parametrize(
    ("policy", "expected"),
    [(CatchUp.ALL, [1, 2, 3, 4, 5]), (CatchUp.LAST, [1, 5]), (CatchUp.NONE, [1])],
)
async def test_a_suspended_tenant_rests_and_goes_on_by_policy(
    database: Database, policy: CatchUp, expected: list[int]
) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        await make_schedule(session, "0 * * * *", catch_up=policy, since=START)
    await fire_due(database, START + HOUR)
    await set_status(database, tenant, TenantStatus.SUSPENDED)
    for hours in (2, 3, 4, 5):
        await fire_due(database, START + hours * HOUR)
    assert await planned_moments(database, tenant) == [START + HOUR]
    await set_status(database, tenant, TenantStatus.ACTIVE)
    await fire_due(database, START + 5 * HOUR + timedelta(minutes=30))
    assert await planned_moments(database, tenant) == [START + number * HOUR for number in expected]
    await fire_due(database, START + 6 * HOUR)
    assert (await planned_moments(database, tenant))[-1] == START + 6 * HOUR


async def test_long_gaps_are_made_up_for_without_end(database: Database) -> None:
    tenant = await one_schedule(database, "*/5 * * * *")
    await fire_due(database, START + 2 * DAY)
    while (await bells_of(database, tenant))[0] <= START + 2 * DAY:
        await fire_due(database, START + 2 * DAY)
    moments = await planned_moments(database, tenant)
    assert len(moments) == 2 * 288 > AT_ONCE
    assert moments[-1] == START + 2 * DAY


async def test_what_only_tidies_up_waits_once_however_often_it_fired(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        await make_schedule(session, "0 * * * *", catch_up=CatchUp.LAST, since=START)
    for hours in (1, 2, 3):
        await fire_due(database, START + hours * HOUR)
    assert len(await planned_moments(database, tenant)) == 3
    assert len(await jobs_of(database, tenant)) == 1


async def test_a_new_day_off_moves_what_goes_by_working_days(database: Database) -> None:
    tenant = await make_tenant(database)
    zone = ZoneInfo("Asia/Shanghai")
    admin = actor_with(SETTINGS_MANAGE)
    async with database.write(tenant, ADMIN) as session:
        schedule = await make_schedule(session, "first working day 09:00", since=datetime(2026, 6, 15, tzinfo=UTC))
    await fire_due(database, datetime(2026, 6, 16, tzinfo=UTC))
    usual = datetime(2026, 7, 1, 9, tzinfo=zone)
    assert await bells_of(database, tenant) == [usual]
    async with database.write(tenant, admin) as session:
        await set_day(session, usual.date(), working=False, title="系统割接")
    await fire_due(database, datetime.now(UTC) + DAY)
    async with database.write(tenant, ADMIN) as session:
        await count_from(session, schedule.id, datetime(2026, 6, 15, tzinfo=UTC))
    before = len(await planned_moments(database, tenant))
    await fire_due(database, usual)
    assert len(await planned_moments(database, tenant)) == before
    assert await bells_of(database, tenant) == [usual + DAY]
    async with database.write(tenant, admin) as session:
        await clear_day(session, usual.date())
    assert len(await bells_of(database, tenant)) == 2, "a scheduler looks again at once"


async def test_a_tenant_that_moves_to_another_zone_is_planned_anew(database: Database) -> None:
    tenant = await one_schedule(database, "30 2 * * *")
    await fire_due(database, START + HOUR)
    assert await bells_of(database, tenant) == [datetime(2026, 3, 1, 18, 30, tzinfo=UTC)]
    async with database.directory() as directory:
        await directory.execute(update(Tenant).where(Tenant.id == tenant).values(time_zone="Europe/Berlin"))
    async with database.write(tenant, TESTS) as session:
        await wake(session, START)
    await fire_due(database, START + 90 * timedelta(minutes=1))
    assert await bells_of(database, tenant) == [datetime(2026, 3, 2, 1, 30, tzinfo=UTC)]
    assert await planned_moments(database, tenant) == [datetime(2026, 3, 1, 1, 30, tzinfo=UTC)]


async def test_a_rule_or_a_task_that_is_not_known_keeps_nothing_waiting(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        odd = await make_schedule(session, key="odd", since=START)
        gone = await make_schedule(session, "0 * * * *", key="gone", since=START)
        await make_schedule(session, "0 * * * *", key="fine", since=START)
        await session.execute(
            update(Schedule).where(session.within(Schedule), Schedule.id == odd.id).values(rule="when pigs fly")
        )
        await session.execute(
            update(Schedule).where(session.within(Schedule), Schedule.id == gone.id).values(task="tests.gone")
        )
    await fire_due(database, START + HOUR)
    assert len(await jobs_of(database, tenant)) == 1
    async with database.read(tenant, ADMIN) as reading:
        rows = await reading.rows(select(Schedule.key, Schedule.next_at).where(reading.within(Schedule)))
    assert {row.key: row.next_at for row in rows} == {
        "odd": None,
        "gone": START + 2 * HOUR,
        "fine": START + 2 * HOUR,
    }


async def test_it_runs_until_it_is_stopped(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "EVERY_SECONDS", 0.01)
    stop, seen = asyncio.Event(), []

    async def looks(_database: Database, now: datetime) -> int:
        seen.append(now)
        if len(seen) == 1:
            raise ConnectionError
        stop.set()
        return 0

    monkeypatch.setattr(scheduler, "fire_due", looks)
    await asyncio.wait_for(scheduler.run(database, stop, clock=lambda: START), 10)
    assert seen == [START, START]
