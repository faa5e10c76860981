"""The commands, what comes by itself, and what becomes of a firing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import select, update

from steward_core.industry.declarations import Industry
from steward_core.industry.declarations import Schedule as Declared
from steward_core.permissions import CLIENTS_EDIT, SCHEDULES_MANAGE
from steward_core.runs.models import Run
from steward_core.schedules import service
from steward_core.schedules.errors import (
    NotTenantsSchedule,
    ScheduleChanged,
    ScheduleKeyTaken,
    ScheduleNotFound,
    ScheduleOwnerGone,
    ScheduleTaskUnknown,
    TooManySchedules,
)
from steward_core.schedules.jobs import start
from steward_core.schedules.models import Schedule
from steward_core.schedules.provided import (
    bring_plugin_schedules,
    ensure_system_schedules,
    retire_plugin_schedules,
)
from steward_core.schedules.queries import firings_of, preview_here, schedule_by_key, schedules
from steward_core.schedules.rules import CatchUp
from steward_core.schedules.scheduler import fire_due
from steward_core.schedules.service import (
    change_schedule,
    create_schedule,
    delete_schedule,
    forget_firings,
    pause_schedule,
    resume_schedule,
    run_schedule,
)
from steward_core.schedules.tasks import START, TASKS, task_of
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.files.store import LocalFileStore
from steward_tenants.lifecycle.furnishing import furnish
from steward_tenants.outbox.jobs import JobPlace, JobTools
from steward_tenants.people.models import User, UserStatus
from steward_tenants.texts import Bilingual
from tests.core.schedules.support import (
    ADMIN,
    QUIET,
    ZONE,
    bells_of,
    count_from,
    declare_quiet,
    forget_bells,
    jobs_of,
    make_schedule,
    planned_moments,
)
from tests.factories import TESTS, actor_with, assign, make_role, make_tenant, make_user

DAY = timedelta(days=1)


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def quiet(database: Database) -> AsyncIterator[None]:
    """The quiet task, and no other test's schedules to look at."""
    declare_quiet()
    await forget_bells(database)
    yield
    await forget_bells(database)
    del TASKS[QUIET]


async def test_a_schedule_is_made_planned_and_changed(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        made = await make_schedule(session, " LAST  friday 18:00")
        assert (made.rule, made.catch_up, made.answers_to) == ("last friday 18:00", "all", ADMIN.id)
        assert made.next_at is not None
        assert session.audited == ["schedules.create"]
    assert await bells_of(database, tenant) == [made.next_at]
    other = actor_with(SCHEDULES_MANAGE)
    async with database.write(tenant, other) as session:
        changed = await change_schedule(
            session, made.id, zone=ZONE, rule="0 9 * * 1", catch_up=CatchUp.NONE, expected_version=made.version
        )
        assert (changed.rule, changed.catch_up, changed.answers_to) == ("0 9 * * 1", "none", other.id)
    with pytest.raises(ScheduleChanged):
        async with database.write(tenant, other) as session:
            await change_schedule(session, made.id, zone=ZONE, expected_version=made.version)


async def test_what_is_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = await make_tenant(database)
    good: dict[str, Any] = {
        "key": "one",
        "title_zh": "甲",
        "title_en": "One",
        "task": QUIET,
        "rule": "0 9 * * *",
        "zone": ZONE,
    }
    for bad, error in (
        ({"key": "Not a key"}, InvalidInput),
        ({"title_zh": " "}, InvalidInput),
        ({"rule": "now and then"}, InvalidInput),
        ({"task": "upkeep.tenant"}, ScheduleTaskUnknown),
        ({"task": "runs.advance"}, ScheduleTaskUnknown),
    ):
        with pytest.raises(error):
            async with database.write(tenant, ADMIN) as session:
                await create_schedule(session, **{**good, **bad})
    with pytest.raises(Forbidden):
        async with database.write(tenant, actor_with(CLIENTS_EDIT)) as session:
            await create_schedule(session, **good)
    async with database.write(tenant, ADMIN) as session:
        await create_schedule(session, **good)
        with pytest.raises(ScheduleKeyTaken):
            await create_schedule(session, **good)
        monkeypatch.setattr(service, "MOST_SCHEDULES", 1)
        with pytest.raises(TooManySchedules):
            await create_schedule(session, **{**good, "key": "two"})


async def test_a_pause_makes_up_for_nothing(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        made = await make_schedule(session, "0 * * * *")
        paused = await pause_schedule(session, made.id, reason="测试")
        assert (paused.paused, paused.next_at) == (True, None)
    await fire_due(database, datetime.now(UTC) + DAY)
    assert await planned_moments(database, tenant) == []
    async with database.write(tenant, ADMIN) as session:
        resumed = await resume_schedule(session, made.id, zone=ZONE)
        assert resumed.next_at is not None
        assert resumed.next_at > datetime.now(UTC) - timedelta(minutes=1)
    await fire_due(database, resumed.next_at)
    assert await planned_moments(database, tenant) == [resumed.next_at]


async def test_run_now_fires_beside_the_plan(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        made = await make_schedule(session, "0 2 29 2 *")
        await pause_schedule(session, made.id)
        await run_schedule(session, made.id)
    async with database.read(tenant, ADMIN) as reading:
        (firing,) = await firings_of(reading, made.id)
        again = await schedule_by_key(reading, "one")
    assert firing.by_hand
    assert firing.job_id == (await jobs_of(database, tenant))[0].id
    assert again.last_fired_at == firing.fired_at
    async with database.write(tenant, ADMIN) as session:
        assert await forget_firings(session, datetime.now(UTC) - DAY) == 0
        assert await forget_firings(session, datetime.now(UTC) + DAY) == 1


async def test_the_tenants_own_are_deleted_the_others_are_not(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        made = await make_schedule(session)
        await run_schedule(session, made.id)
        await ensure_system_schedules(session)
        await delete_schedule(session, made.id)
        with pytest.raises(ScheduleNotFound):
            await run_schedule(session, made.id)
        upkeep = await schedule_by_key(session, "system.upkeep")
        with pytest.raises(NotTenantsSchedule):
            await delete_schedule(session, upkeep.id)


async def test_a_preview_shows_the_next_ten(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.read(tenant, ADMIN) as session:
        found = await preview_here(session, "month end 20:00", ZONE, datetime(2024, 1, 1, tzinfo=UTC))
        assert len(found) == 10
        assert found[1] == datetime(2024, 2, 29, 12, tzinfo=UTC)
        with pytest.raises(InvalidInput):
            await preview_here(session, "month end 20:00", ZONE, found[0], 51)


async def test_every_tenant_has_the_platforms_schedules(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        await furnish(session)
        assert await ensure_system_schedules(session) == 0
        rules = {one.key: (one.task, one.rule) for one in await schedules(session)}
    assert rules["system.clients_nightly"] == ("clients.nightly", "30 2 * * *")
    assert rules["system.audit_verify"] == ("audit.verify", "0 3 * * sun")
    assert rules["system.upkeep"][0] == "upkeep.tenant"
    assert all(task_of(task) is not None for task, _ in rules.values())
    assert await fire_due(database, datetime.now(UTC) + timedelta(hours=2)) >= 1
    assert len(await jobs_of(database, tenant, "upkeep.tenant")) == 1


async def test_a_plugins_schedules_come_rest_and_come_back(database: Database) -> None:
    tenant = await make_tenant(database)
    declared = Declared("grading", Bilingual("评级", "Grading"), "grading:stars", "0 2 5 1,4,7,10 *")
    industry = cast("Industry", SimpleNamespace(key="odd", schedules=(declared,)))
    async with database.write(tenant, ADMIN) as session:
        assert await bring_plugin_schedules(session, industry) == 1
        brought = await schedule_by_key(session, "odd.grading")
        assert (brought.task, brought.catch_up, brought.source) == ("grading:odd.stars", "all", "odd")
        await change_schedule(session, brought.id, zone=ZONE, rule="0 3 5 1,4,7,10 *")
        assert await bring_plugin_schedules(session, industry) == 0
        await retire_plugin_schedules(session, "odd")
        assert await schedules(session) == []
    async with database.write(tenant, ADMIN) as session:
        assert await bring_plugin_schedules(session, industry) == 0
        (back,) = await schedules(session)
        assert (back.rule, back.retired, back.basis) == ("0 3 5 1,4,7,10 *", False, "")


async def test_a_plugins_calendar_words_fire_on_the_tenants_working_days(database: Database) -> None:
    tenant = await make_tenant(database)
    declared = Declared("months", Bilingual("评级", "Grading"), "grading:stars", " First  working day 09:00")
    industry = cast("Industry", SimpleNamespace(key="odd", schedules=(declared,)))
    async with database.write(tenant, ADMIN) as session:
        await bring_plugin_schedules(session, industry)
        brought = await schedule_by_key(session, "odd.months")
        assert brought.rule == "first working day 09:00"
        await count_from(session, brought.id, datetime(2026, 1, 31, tzinfo=UTC))
    await fire_due(database, datetime(2026, 3, 3, tzinfo=UTC))
    # The second of February is a Monday; the first of March a Sunday.
    assert await planned_moments(database, tenant) == [
        datetime(2026, 2, 2, 1, tzinfo=UTC),
        datetime(2026, 3, 2, 1, tzinfo=UTC),
    ]


async def person_who_may(database: Database, tenant: UUID) -> User:
    async with database.write(tenant, TESTS) as session:
        person = make_user(session)
        await session.flush()
        assign(session, person, make_role(session, [CLIENTS_EDIT, SCHEDULES_MANAGE]), Scope.ALL)
    return person


async def fired(database: Database, tenant: UUID, person: User, files: Path) -> tuple[JobPlace, dict[str, Any]]:
    """A schedule of a run that this person set up and ran once: the job that its firing left."""
    actor = actor_with(CLIENTS_EDIT, SCHEDULES_MANAGE, user=person)
    async with database.write(tenant, actor) as session:
        made = await create_schedule(
            session,
            key="ends",
            title_zh="合同到期",
            title_en="Ends",
            task="clients.contracts_end",
            rule="0 1 * * *",
            zone=ZONE,
        )
        await run_schedule(session, made.id)
    (job,) = await jobs_of(database, tenant, START)
    tools = JobTools(LocalFileStore(files), cast("Any", None), "http://steward.example")
    return JobPlace(database, tenant, tools, job.id, 1), job.payload


async def test_a_firing_asks_for_its_run_once_as_who_set_it_up(database: Database, tmp_path: Path) -> None:
    import steward_core.clients.contracts  # noqa: F401, PLC0415 - declares the kind of run

    tenant = await make_tenant(database)
    person = await person_who_may(database, tenant)
    place, payload = await fired(database, tenant, person, tmp_path)
    assert await start(place, payload)
    assert await start(place, payload)
    async with database.read(tenant, TESTS) as reading:
        (run,) = await reading.scalars(select(Run).where(reading.within(Run)))
        (firing,) = await firings_of(reading, (await schedule_by_key(reading, "ends")).id)
    assert (run.kind, run.requested_by, firing.run_id) == ("clients.contracts_end", person.id, run.id)
    assert run.parameters == {"on": run.period}


async def test_whoever_has_left_starts_nothing(database: Database, tmp_path: Path) -> None:
    tenant = await make_tenant(database)
    person = await person_who_may(database, tenant)
    place, payload = await fired(database, tenant, person, tmp_path)
    async with database.write(tenant, TESTS) as session:
        await session.execute(
            update(User).where(session.within(User), User.id == person.id).values(status=UserStatus.DISABLED.value)
        )
    with pytest.raises(ScheduleOwnerGone):
        await start(place, payload)
    async with database.read(tenant, TESTS) as reading:
        assert await reading.scalars(select(Run).where(reading.within(Run))) == []


async def test_another_tenants_firing_starts_nothing(database: Database, tmp_path: Path) -> None:
    tenant, other = await make_tenant(database), await make_tenant(database)
    person = await person_who_may(database, tenant)
    place, payload = await fired(database, tenant, person, tmp_path)
    forged = JobPlace(database, other, place.tools, place.job_id, 1)
    assert await start(forged, payload)
    for one in (tenant, other):
        async with database.read(one, TESTS) as reading:
            assert await reading.scalars(select(Run).where(reading.within(Run))) == []
            assert len(await reading.scalars(select(Schedule.id).where(reading.within(Schedule)))) == (one == tenant)
