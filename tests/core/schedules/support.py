"""What tests of schedules share: a quiet task, and what stands in a tenant afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update

from steward_core.permissions import SCHEDULES_MANAGE, SCHEDULES_VIEW
from steward_core.schedules.models import Schedule, ScheduleFiring
from steward_core.schedules.planning import BELLS, wake
from steward_core.schedules.rules import CatchUp
from steward_core.schedules.service import create_schedule
from steward_core.schedules.tasks import TASKS, Task
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.directory.models import Doorbell
from steward_tenants.outbox.jobs import Queue
from steward_tenants.outbox.models import OutboxJob
from steward_tenants.texts import Bilingual
from tests.factories import actor_with

ADMIN = actor_with(SCHEDULES_VIEW, SCHEDULES_MANAGE)
QUIET = "tests.quiet"
ZONE = "Asia/Shanghai"


def declare_quiet() -> None:
    """A task whose jobs nobody does here."""
    TASKS[QUIET] = Task(QUIET, Bilingual("测试", "Test"), QUIET, Queue.BULK)


async def make_schedule(
    session: WriteSession,
    rule: str = "30 2 * * *",
    *,
    key: str = "one",
    zone: str = ZONE,
    catch_up: CatchUp = CatchUp.ALL,
    since: datetime | None = None,
) -> Schedule:
    """A schedule of the quiet task; `since`: it has counted from then on, and is to be planned."""
    schedule = await create_schedule(
        session, key=key, title_zh="测试", title_en="Test", task=QUIET, rule=rule, zone=zone, catch_up=catch_up
    )
    if since is not None:
        await count_from(session, schedule.id, since)
    return schedule


async def count_from(session: WriteSession, schedule_id: UUID, since: datetime) -> None:
    """Have a schedule count from a moment, and a scheduler look."""
    await session.flush()
    await session.execute(
        update(Schedule)
        .where(session.within(Schedule), Schedule.id == schedule_id)
        .values(counted_from=since, basis="", next_at=None)
        .execution_options(synchronize_session=False)
    )
    await wake(session, since)


async def planned_moments(database: Database, tenant_id: UUID) -> list[datetime]:
    """The moments that fired, in order."""
    async with database.read(tenant_id, ADMIN, even_suspended=True) as session:
        statement = select(ScheduleFiring.planned_at).where(session.within(ScheduleFiring))
        return list(await session.scalars(statement.order_by(ScheduleFiring.planned_at)))


async def jobs_of(database: Database, tenant_id: UUID, kind: str = QUIET) -> Sequence[OutboxJob]:
    """The jobs of a kind that stand in the tenant."""
    async with database.read(tenant_id, ADMIN) as session:
        found: Sequence[OutboxJob] = await session.scalars(
            select(OutboxJob).where(session.within(OutboxJob), OutboxJob.kind == kind).order_by(OutboxJob.id)
        )
        return found


async def bells_of(database: Database, tenant_id: UUID) -> list[datetime]:
    """When schedulers are to look at the tenant."""
    async with database.directory() as directory:
        statement = select(Doorbell.due).where(Doorbell.queue == BELLS, Doorbell.tenant_id == tenant_id)
        return list(await directory.scalars(statement.order_by(Doorbell.due)))


async def forget_bells(database: Database) -> None:
    """Let schedulers look at nobody."""
    async with database.directory() as directory:
        await directory.execute(delete(Doorbell).where(Doorbell.queue == BELLS))
