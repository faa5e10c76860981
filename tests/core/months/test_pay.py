"""A closed month asks for its pay runs by itself; what cannot be run is told to those who run pay."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select

from steward_core.incentives.models import PayRun, PaySchemeVersion
from steward_core.months import pay as months_pay
from steward_core.months.pay import pay
from steward_core.notifications.models import Notice
from steward_core.permissions import STATEMENTS_RUN
from steward_core.runs.service import drive
from steward_tenants.database.database import Database
from steward_tenants.outbox.jobs import JobPlace, JobTools
from steward_tenants.outbox.models import OutboxJob
from steward_tenants.signin.mail import FolderMailer
from tests.core.months.test_killed import scheme_of_everybody
from tests.core.months.test_month import FIRST, OVER, asked_to_close, make_company, opened, tools_in, worked
from tests.factories import TESTS, assign, make_role, make_user


@pytest.fixture(autouse=True)
def a_day_of_december(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(months_pay, "today", lambda _zone: OVER)


async def paid(database: Database, tenant: UUID, folder: Path) -> None:
    tools = JobTools(tools_in(folder).files, FolderMailer(folder), "http://127.0.0.1", folder)
    assert await pay(JobPlace(database, tenant, tools, tenant, 1), {"month": FIRST.isoformat()})


async def runs(database: Database, tenant: UUID) -> int:
    async with database.read(tenant, TESTS) as session:
        found: int = await session.scalar(select(func.count()).where(session.within(PayRun)))
        return found


async def test_a_closed_month_leaves_the_job_that_asks_once(database: Database, tmp_path: Path) -> None:
    tenant, tools = await make_company(database), tools_in(tmp_path)
    await opened(database, tenant, tools)
    await worked(database, tenant)
    await scheme_of_everybody(database, tenant)
    await drive(database, tenant, TESTS, await asked_to_close(database, tenant), tools)
    async with database.read(tenant, TESTS) as session:
        job = await session.find(OutboxJob, OutboxJob.kind == "months.pay")
    assert job is not None
    assert job.payload == {"month": "2026-11-01"}
    for _ in range(2):
        await paid(database, tenant, tmp_path)
        assert await runs(database, tenant) == 1


async def test_a_figure_that_is_not_set_is_told_to_payroll(database: Database, tmp_path: Path) -> None:
    tenant = await make_company(database)
    await scheme_of_everybody(database, tenant, responsibility=None)
    async with database.write(tenant, TESTS) as session:
        officer = make_user(session)
        role = make_role(session, [STATEMENTS_RUN])
        await session.flush()
        assign(session, officer, role)
    await paid(database, tenant, tmp_path)
    assert await runs(database, tenant) == 0
    async with database.read(tenant, TESTS) as session:
        assert await session.scalar(select(func.count()).where(session.within(PaySchemeVersion))) == 1
        told = await session.scalars(
            select(Notice.user_id).where(session.within(Notice), Notice.kind == "incentives.refused")
        )
        assert list(told) == [officer.id]
