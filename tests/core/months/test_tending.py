"""Months that open and close by themselves, and whom that reminds."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select

from steward_core.months import tending
from steward_core.months.models import BusinessMonth, MonthStatus
from steward_core.months.settings import AUTOMATIC
from steward_core.notifications.models import Notice
from steward_core.runs.service import drive
from steward_tenants.configuration.service import set_setting
from steward_tenants.database.database import Database
from steward_tenants.outbox.jobs import JobPlace, JobTools
from steward_tenants.signin.mail import FolderMailer
from tests.core.months.test_month import FIRST, make_company, tools_in, worked
from tests.factories import TESTS


async def tended(database: Database, tenant: UUID, folder: Path, day: date, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job of a morning, and the runs that it asked for."""
    monkeypatch.setattr(tending, "today", lambda _zone: day)
    tools = tools_in(folder)
    job_tools = JobTools(files=tools.files, mailer=FolderMailer(folder), public_url="http://127.0.0.1", spool=folder)
    place = JobPlace(database, tenant, job_tools, tenant, 1)
    assert await tending.tend(place, {})
    async with database.read(tenant, TESTS) as session:
        months = list(await session.scalars(select(BusinessMonth).where(session.within(BusinessMonth))))
    for month in months:
        for run_id in (month.opening_run_id, month.closing_run_id):
            if run_id is not None:
                await drive(database, tenant, TESTS, run_id, tools)


async def states(database: Database, tenant: UUID) -> dict[date, str]:
    async with database.read(tenant, TESTS) as session:
        months = await session.scalars(select(BusinessMonth).where(session.within(BusinessMonth)))
        return {one.month: one.status for one in months}


async def notices(database: Database, tenant: UUID) -> dict[str, int]:
    async with database.read(tenant, TESTS) as session:
        rows = await session.rows(
            select(Notice.kind, func.count())
            .where(session.within(Notice), Notice.kind.in_(["plans.waits", "plans.results_wait"]))
            .group_by(Notice.kind)
        )
    return {row[0]: row[1] for row in rows}


async def test_months_open_and_close_by_themselves(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await make_company(database)
    await tended(database, tenant, tmp_path, FIRST, monkeypatch)
    assert await states(database, tenant) == {FIRST: MonthStatus.OPEN}
    for day in (date(2026, 11, 2), date(2026, 11, 3)):
        await tended(database, tenant, tmp_path, day, monkeypatch)
    assert await notices(database, tenant) == {"plans.waits": 3}  # each once
    december = date(2026, 12, 1)
    await tended(database, tenant, tmp_path, december, monkeypatch)
    assert await states(database, tenant) == {FIRST: MonthStatus.OPEN, december: MonthStatus.OPEN}
    assert (await notices(database, tenant))["plans.results_wait"] == 3
    await worked(database, tenant)
    await tended(database, tenant, tmp_path, date(2026, 12, 2), monkeypatch)
    assert (await states(database, tenant))[FIRST] == MonthStatus.CLOSED


async def test_a_company_that_wants_to_do_it_itself(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await make_company(database)
    async with database.write(tenant, TESTS) as session:
        await set_setting(session, AUTOMATIC.key, False)
    await tended(database, tenant, tmp_path, FIRST, monkeypatch)
    assert await states(database, tenant) == {}


async def test_after_the_days_for_it_nothing_is_closed_by_itself(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await make_company(database)
    await tended(database, tenant, tmp_path, FIRST, monkeypatch)
    await worked(database, tenant)
    await tended(database, tenant, tmp_path, date(2026, 12, 11), monkeypatch)
    assert (await states(database, tenant))[FIRST] == MonthStatus.OPEN
