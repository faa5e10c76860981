"""Firing a tenant's schedules and planning what comes next, in one transaction of that tenant."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, not_, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or

from steward_core.calendars.queries import working_days
from steward_core.schedules.errors import ScheduleTaskUnknown
from steward_core.schedules.models import Schedule, ScheduleFiring
from steward_core.schedules.rules import CatchUp, Place, firings, read_rule
from steward_core.schedules.tasks import START, task_of
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.directory.models import Doorbell
from steward_tenants.errors import InvalidInput
from steward_tenants.outbox.service import enqueue
from steward_tenants.structured_logs import structlog

BELLS = "schedules"
"""The doorbells of the directory under which schedulers look: no queue of jobs has this name."""
log = structlog.get_logger(__name__)


async def place_here(session: TenantSession, zone: str) -> Place:
    """Where this tenant's rules are read."""
    return Place(ZoneInfo(zone), await working_days(session))


async def wake(session: WriteSession, due: datetime) -> None:
    """Have a scheduler look at this tenant once `due` has come."""
    await session.flush()
    await session.execute(insert(Doorbell).values(queue=BELLS, tenant_id=session.tenant_id, job_id=new_id(), due=due))


async def forget_plans(session: WriteSession) -> None:
    """Have every schedule of the tenant planned anew: its calendar has changed."""
    await session.flush()
    await session.execute(
        update(Schedule)
        .where(session.within(Schedule), Schedule.basis != "")
        .values(basis="")
        .execution_options(synchronize_session=False)
    )
    await wake(session, datetime.now(UTC))


def plan(schedule: Schedule, place: Place) -> None:
    """Note when a schedule fires next."""
    schedule.next_at = read_rule(schedule.rule).next_after(schedule.counted_from, place)
    schedule.basis = place.basis


async def fire_tenant(session: WriteSession, zone: str, now: datetime) -> int:
    """Fire what is due at `now` in this tenant, each moment once, and leave word when to look again; how many fired.

    Schedules are held while they are looked at: a second scheduler waits here and then finds nothing due.
    """
    place = await place_here(session, zone)
    statement = (
        select(Schedule)
        .where(
            session.within(Schedule),
            not_(Schedule.paused),
            not_(Schedule.retired),
            or_(Schedule.next_at <= now, Schedule.basis != place.basis),
        )
        .order_by(Schedule.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    fired = 0
    for schedule in await session.scalars(statement):
        fired += await _fire_due(session, schedule, place, now)
    await session.flush()
    upcoming = await session.scalar(
        select(func.min(Schedule.next_at)).where(
            session.within(Schedule), not_(Schedule.paused), not_(Schedule.retired)
        )
    )
    if upcoming is not None:
        await wake(session, upcoming)
    return fired


async def _fire_due(session: WriteSession, schedule: Schedule, place: Place, now: datetime) -> int:
    schedule.basis = place.basis
    try:
        rule = read_rule(schedule.rule)
    except InvalidInput:
        # Another version of the product wrote a rule that this one does not know: whoever changes it plans it anew.
        log.warning("a schedule has a rule that is not known", schedule=str(schedule.id))
        schedule.next_at = None
        return 0
    found = firings(rule, place, schedule.counted_from, now, CatchUp(schedule.catch_up))
    schedule.counted_from, schedule.next_at = found.counted_from, found.next_at
    fired = 0
    for planned in found.fire:
        fired += await fire(session, schedule, planned, now) is not None
    return fired


async def fire(
    session: WriteSession, schedule: Schedule, planned: datetime, now: datetime, *, by_hand: bool = False
) -> UUID | None:
    """Fire one moment of a schedule: its firing and its job are written together. Answers the firing's id; None when
    this moment has fired before, or when nothing here knows the task."""
    task = task_of(schedule.task)
    if task is None:
        if by_hand:
            raise ScheduleTaskUnknown(task=schedule.task)
        log.warning("a schedule has a task that is not known", schedule=str(schedule.id), task=schedule.task)
        return None
    firing_id = new_id()
    await session.flush()
    written = await session.scalar(
        insert_or(ScheduleFiring)
        .values(
            tenant_id=session.tenant_id,
            id=firing_id,
            schedule_id=schedule.id,
            planned_at=planned,
            fired_at=now,
            by_hand=by_hand,
        )
        .on_conflict_do_nothing()
        .returning(ScheduleFiring.id)
    )
    if written is None:
        return None
    # What only makes good is done once, however many firings wait for a worker.
    joins = task.job != START and schedule.catch_up != CatchUp.ALL
    payload = {"firing_id": firing_id} if task.job == START else schedule.parameters
    job_id = await enqueue(
        session, task.job, payload, queue=task.queue, unique_key=f"schedule:{schedule.id}" if joins else None
    )
    await session.execute(
        update(ScheduleFiring)
        .where(session.within(ScheduleFiring), ScheduleFiring.id == firing_id)
        .values(job_id=job_id)
        .execution_options(synchronize_session=False)
    )
    schedule.last_fired_at = now
    return firing_id
