"""Opening a month: every manager's plan, spread over its working days."""

from __future__ import annotations

from datetime import date

from steward_core.months.models import BusinessMonth, MonthStatus
from steward_core.months.service import OPEN
from steward_core.months.stages import Stage, advance_stages
from steward_core.permissions import MONTHS_RUN
from steward_core.plans.opening import advance as advance_plans
from steward_core.plans.service import start_due
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools, declare_run_kind
from steward_tenants.clock import clock_now
from steward_tenants.database.session import WriteSession


async def _finish(session: WriteSession, run: Run, _tools: RunTools) -> bool:
    start = date.fromisoformat(run.parameters["month"])
    found = await session.find(BusinessMonth, BusinessMonth.month == start, lock=True)
    if found is not None and found.status == MonthStatus.OPENING:
        found.status, found.opened_at = MonthStatus.OPEN, clock_now()
        made = {name: count for name, count in run.counts.items() if name != "stage"}
        found.figures = {**found.figures, "opened": made}
    return True


async def _begin(session: WriteSession, run: Run, _tools: RunTools) -> bool:
    """Plans that were approved before the month began are under way."""
    start = date.fromisoformat(run.parameters["month"])
    run.counts = {"started": await start_due(session, start, today=date.fromisoformat(run.parameters["today"]))}
    return True


STAGES = (Stage("plans", advance_plans), Stage("begin", _begin), Stage("finish", _finish))


async def advance_opening(session: WriteSession, run: Run, tools: RunTools) -> bool:
    """The next chunk: plans of some managers, days and routes of some plans, and at last the month is open."""
    return await advance_stages(session, run, tools, STAGES)


declare_run_kind(OPEN, "开启月份", "Open a month", MONTHS_RUN, advance_opening)
