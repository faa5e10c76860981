"""Months of companies that are opened, worked, closed and paid while things are killed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import select, update

import steward_core.months.commands  # noqa: F401 - declares the runs
from steward_core.incentives.models import PayScheme
from steward_core.incentives.service import request_pay_run
from steward_core.months.models import BusinessMonth, MonthStatus
from steward_core.months.service import close_month, open_month
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools, drive
from steward_core.visits.actions import month_of
from steward_tenants.access.queries import today
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from tests.core.months.test_killed import scheme_of_everybody, totals
from tests.core.months.test_month import ZONE, figures, make_company, work
from tests.factories import TESTS

MANAGERS, AT_ONCE = 6, 2
"""Managers of a company, and those of one transaction, so that a run has several."""
PAID = 250_000
"""Fen for each of them."""


def last_month() -> date:
    """The first day of a month that is over by now: its pay can be worked out."""
    return month_of(today(ZONE).replace(day=1) - timedelta(days=1)).start


@dataclass
class Month:
    """A company's month; `asked` once it is worked and somebody has asked that it be closed."""

    tenant_id: UUID
    start: date
    asked: bool = False

    @property
    def end(self) -> date:
        return month_of(self.start).end

    async def go_on(self, database: Database) -> None:
        """Work in the month once it is open, and have it closed."""
        if self.asked:
            return
        async with database.write(self.tenant_id, TESTS) as session:
            status = await session.scalar(select(BusinessMonth.status).where(session.within(BusinessMonth)))
            if status != MonthStatus.OPEN:
                return
            await self.worked_and_closed(session)
        self.asked = True

    async def worked_and_closed(self, session: WriteSession) -> UUID:
        """The run that closes it."""
        await work(session, self.start + timedelta(days=4))
        await session.flush()
        month = await close_month(session, self.start, today=self.end, zone=ZONE)
        return await _in_chunks(session, month.closing_run_id)


async def begun(database: Database) -> tuple[Month, UUID]:
    """A company with a scheme, and the run that opens its month."""
    tenant_id, start = await make_company(database, MANAGERS), last_month()
    await scheme_of_everybody(database, tenant_id, since=start)
    async with database.write(tenant_id, TESTS) as session:
        run_id = await _in_chunks(session, (await open_month(session, start, today=start)).opening_run_id)
    return Month(tenant_id, start), run_id


async def _in_chunks(session: WriteSession, run_id: UUID | None) -> UUID:
    assert run_id is not None
    await session.flush()
    await session.execute(update(Run).where(session.within(Run), Run.id == run_id).values(chunk_size=AT_ONCE))
    return run_id


async def result(database: Database, one: Month) -> dict[str, object]:
    """What came of a month: how many plans, actions, scores and statements there are, what is paid, each figure."""
    return {**await totals(database, one.tenant_id), "figures": await figures(database, one.tenant_id, one.start)}


async def undisturbed(database: Database, tools: RunTools) -> dict[str, object]:
    """What comes of it where nothing is killed."""
    one, opening = await begun(database)
    await drive(database, one.tenant_id, TESTS, opening, tools)
    async with database.write(one.tenant_id, TESTS) as session:
        closing = await one.worked_and_closed(session)
    await drive(database, one.tenant_id, TESTS, closing, tools)
    async with database.write(one.tenant_id, TESTS) as session:
        pay = await session.find(PayScheme)
        assert pay is not None
        _, run = await request_pay_run(session, pay.id, one.start, today=one.end)
    await drive(database, one.tenant_id, TESTS, run.id, tools)
    return await result(database, one)
