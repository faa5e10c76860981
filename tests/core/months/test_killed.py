"""Processes that open and close a month are killed (SIGKILL) at random moments: plans, scores and statements are there
exactly once, and the totals are those of a company that nobody disturbed, to the fen."""

from __future__ import annotations

import asyncio
import multiprocessing
from datetime import date
from pathlib import Path
from random import Random
from uuid import UUID

from sqlalchemy import func, select

from steward_core.incentives.members import NewMember, add_members
from steward_core.incentives.models import PayRun, PayStatement
from steward_core.incentives.scheme_book import add_version, create_scheme
from steward_core.incentives.service import request_pay_run
from steward_core.incentives.statements import Role
from steward_core.incentives.templates import TEAM_COMMISSION
from steward_core.months.models import MonthStatus
from steward_core.months.service import open_month
from steward_core.performance.models import MonthScore
from steward_core.plans.models import PlanAction, VisitPlan
from steward_core.runs.models import Run, RunStatus
from steward_core.runs.service import drive
from steward_tenants.database.database import Database
from steward_tenants.people.models import User
from tests.core.months.driver import drive_run
from tests.core.months.test_month import FIRST, OVER, asked_to_close, figures, make_company, status_of, tools_in, worked
from tests.factories import TESTS, make_unit

MANAGERS = 12
KILLS = 2
"""Of each run."""
LONGEST = 0.4
"""Seconds after its start of work at which a process is killed at the latest."""
SPAWNED = multiprocessing.get_context("spawn")


async def over(database: Database, tenant: UUID, run_id: UUID) -> bool:
    async with database.read(tenant, TESTS) as session:
        run = await session.get(Run, run_id)
        return run is not None and run.status == RunStatus.DONE


async def driven(database: Database, tenant: UUID, run_id: UUID, folder: Path, kills: Random | None) -> int:
    """With `kills`, have processes drive the run that are killed some time after their first chunk, and
    the next go on; answers how many were killed."""
    killed = 0
    if kills is None:
        await drive(database, tenant, TESTS, run_id, tools_in(folder))
    while kills is not None and not await over(database, tenant, run_id):
        before = await _beat(database, tenant, run_id)
        process = SPAWNED.Process(target=drive_run, args=(database.settings, tenant, run_id, folder), daemon=True)
        process.start()
        if killed < KILLS:
            while process.is_alive() and await _beat(database, tenant, run_id) == before:
                await asyncio.sleep(0.005)
            await asyncio.sleep(kills.uniform(0, LONGEST))
            killed += process.is_alive()
            process.kill()
        await asyncio.to_thread(process.join)
    return killed


async def _beat(database: Database, tenant: UUID, run_id: UUID) -> object:
    async with database.read(tenant, TESTS) as session:
        return await session.scalar(select(Run.heartbeat_at).where(session.within(Run), Run.id == run_id))


async def month_of_a_company(database: Database, folder: Path, kills: Random | None) -> tuple[UUID, int]:
    tenant = await make_company(database, MANAGERS)
    async with database.write(tenant, TESTS) as session:
        month = await open_month(session, FIRST, today=FIRST)
        opening = month.opening_run_id
    assert opening is not None
    killed = await driven(database, tenant, opening, folder, kills)
    await worked(database, tenant)
    killed += await driven(database, tenant, await asked_to_close(database, tenant), folder, kills)
    scheme = await scheme_of_everybody(database, tenant)
    async with database.write(tenant, TESTS) as session:
        _, run = await request_pay_run(session, scheme, FIRST, today=OVER)
    return tenant, killed + await driven(database, tenant, run.id, folder, kills)


async def scheme_of_everybody(
    database: Database, tenant: UUID, responsibility: int | None = 200_000, since: date = FIRST
) -> UUID:
    """A scheme by which everybody is paid."""
    document = dict(TEAM_COMMISSION.content)
    document["probation"] = {**document["probation"], "responsibility_base_pay": responsibility}
    async with database.write(tenant, TESTS) as session:
        people = list(await session.scalars(select(User.id).where(session.within(User)).order_by(User.id)))
        unit = make_unit(session)
        await session.flush()
        scheme = await create_scheme(session, "team", "团队提成", "Team commission", today=since)
        await session.flush()
        await add_version(session, scheme.id, since, document, today=since)
        await session.flush()
        await add_members(
            session, scheme.id, [NewMember(one, Role.SALES, since, unit_id=unit.id) for one in people], today=since
        )
    return scheme.id


async def totals(database: Database, tenant: UUID) -> dict[str, object]:
    async with database.read(tenant, TESTS) as session:
        counted = {
            table.__tablename__: await session.scalar(select(func.count()).where(session.within(table)))
            for table in (VisitPlan, PlanAction, MonthScore, PayStatement)
        }
        paid = await session.scalar(select(func.sum(PayStatement.total)).where(session.within(PayStatement)))
        run = await session.scalar(select(PayRun.total).where(session.within(PayRun)))
    return {**counted, "paid": paid, "run": run}


async def test_killed_at_random_a_month_is_the_same_to_the_fen(database: Database, tmp_path: Path) -> None:
    calm, _ = await month_of_a_company(database, tmp_path, None)
    torn, killed = await month_of_a_company(database, tmp_path, Random(20261123))
    assert killed > 0
    assert await totals(database, torn) == await totals(database, calm)
    found = await totals(database, torn)
    assert found["visit_plan"] == found["month_score"] == found["pay_statement"] == MANAGERS
    assert found["paid"] == found["run"] == MANAGERS * 250_000
    assert await figures(database, torn) == await figures(database, calm)
    assert await status_of(database, torn) == MonthStatus.CLOSED
