"""The job that turns a firing into a run, in the name of the person whom the schedule answers to."""

from __future__ import annotations

from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from steward_core.gradings.errors import GradingExists
from steward_core.gradings.service import request_grading
from steward_core.runs.errors import RunExists
from steward_core.runs.service import request_run
from steward_core.schedules.errors import ScheduleOwnerGone, ScheduleTaskUnknown
from steward_core.schedules.models import Schedule, ScheduleFiring
from steward_core.schedules.scheduler import SCHEDULER
from steward_core.schedules.tasks import GRADING, START, task_of
from steward_tenants.access.queries import actor_of, today
from steward_tenants.configuration.queries import tenant_facts
from steward_tenants.database.actor import NOBODY, Actor
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.lifecycle.service import ROOT_CODE
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.outbox.jobs import JobPlace, Payload, Queue, declare_job
from steward_tenants.people.models import User, UserStatus


async def start(place: JobPlace, payload: Payload) -> bool:
    """Ask for the run of a firing. Again changes nothing: the firing names its run. A firing that is gone needs none.

    Raises ScheduleOwnerGone, ScheduleTaskUnknown, and what asking for the run raises: the job is then dead, and tells
    why.
    """
    firing_id = UUID(payload["firing_id"])
    zone = (await tenant_facts(place.database, place.tenant_id)).time_zone
    async with place.database.read(place.tenant_id, SCHEDULER) as reading:
        firing = await reading.get(ScheduleFiring, firing_id)
        schedule = None if firing is None else await reading.get(Schedule, firing.schedule_id)
        if schedule is None:
            return True
        actor = await _actor(reading, schedule.answers_to, today(zone))
    async with place.database.write(place.tenant_id, actor) as session:
        firing = await session.get(ScheduleFiring, firing_id, lock=True)
        if firing is not None and firing.run_id is None:
            planned_on = firing.planned_at.astimezone(ZoneInfo(zone)).date()
            firing.run_id = await _requested(session, schedule, planned_on)
    return True


async def _actor(session: TenantSession, person_id: UUID, day: date) -> Actor:
    if person_id == NOBODY:
        return SCHEDULER
    person = await session.get(User, person_id)
    if person is None or person.status != UserStatus.ACTIVE:
        raise ScheduleOwnerGone
    return await actor_of(session, person, day)


async def _requested(session: WriteSession, schedule: Schedule, planned_on: date) -> UUID | None:
    """The run; None when what it would do has been done by others. Its period counts from the planned day, so that a
    firing that is made up for does what it would have done then."""
    if schedule.task.startswith(GRADING):
        scheme = schedule.task.removeprefix(GRADING)
        unit = schedule.parameters.get("unit_id")
        unit_id = await _root(session) if unit is None else UUID(unit)
        try:
            _, run = await request_grading(session, scheme, unit_id, today=planned_on)
        except GradingExists:
            return None
        return run.id
    task = task_of(schedule.task)
    if task is None or task.run is None:
        raise ScheduleTaskUnknown(task=schedule.task)
    day = planned_on.isoformat()
    try:
        return (await request_run(session, task.run, period=day, parameters={"on": day})).id
    except RunExists:
        return None


async def _root(session: TenantSession) -> UUID:
    unit_id: UUID | None = await session.scalar(
        select(OrgUnit.id).where(session.within(OrgUnit), OrgUnit.code == ROOT_CODE)
    )
    if unit_id is None:
        raise ScheduleTaskUnknown(task=GRADING)
    return unit_id


declare_job(START, "发起计划的任务", "Ask for a scheduled run", Queue.BULK, beside=start)
