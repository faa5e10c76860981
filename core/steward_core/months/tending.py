"""What happens to months by themselves, each morning: the present one is opened, the one before is closed once nothing
blocks it, and whoever is waited for is reminded."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import not_, select

from steward_core.industry.declarations import Period
from steward_core.months.models import BusinessMonth, MonthStatus
from steward_core.months.queries import done_with, month_before, standing_of
from steward_core.months.service import close_month, open_month
from steward_core.months.settings import AUTOMATIC, CLOSING_DAYS
from steward_core.notifications.rules import declare_notice
from steward_core.notifications.service import Message, notify_many
from steward_core.plans.models import VisitPlan
from steward_core.plans.service import start_due
from steward_core.runs.models import Run, RunStatus
from steward_core.visits.actions import month_of
from steward_core.visits.plan_states import PlanState
from steward_tenants.access.queries import today
from steward_tenants.audit.service import Subject
from steward_tenants.configuration.queries import get_setting, tenant_facts
from steward_tenants.database.actor import system
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.outbox.jobs import JobPlace, Payload, Queue, declare_job
from steward_tenants.texts import Bilingual

MONTHS = system("months")
TEND = "months.tend"
PLAN_WAITS = declare_notice("plans.waits", "服务计划待提交", "A service plan is to be submitted")
RESULTS_WAIT = declare_notice("plans.results_wait", "计划结果待提交", "A plan's results are to be submitted")
AT_ONCE = 1_000
NOT_SUBMITTED = (PlanState.PLANNED, PlanState.REJECTED, PlanState.EDITED)
NO_RESULTS = tuple(one for one in PlanState if one not in {PlanState.SUBMITTED, PlanState.RESULTS_SUBMITTED})
_TITLES = {state.value: state.title for state in PlanState}


async def tend(place: JobPlace, _payload: Payload) -> bool:
    """Open, close, remind. Again changes nothing and tells nobody twice."""
    zone = (await tenant_facts(place.database, place.tenant_id)).time_zone
    day = today(zone)
    async with place.database.write(place.tenant_id, MONTHS) as session:
        automatic = await get_setting(session, AUTOMATIC)
        if automatic:
            await open_present(session, day)
    present, before = month_of(day), month_of(month_before(day))
    async with place.database.write(place.tenant_id, MONTHS) as session:
        await start_due(session, present.start, today=day)
    async with place.database.write(place.tenant_id, MONTHS) as session:
        if automatic:
            await close_before(session, before, day, zone)
    for period, states, kind in ((present, NOT_SUBMITTED, PLAN_WAITS.key), (before, NO_RESULTS, RESULTS_WAIT.key)):
        async with place.database.read(place.tenant_id, MONTHS) as reading:
            told = await _waiting(reading, period, states)
        for start in range(0, len(told), AT_ONCE):
            async with place.database.write(place.tenant_id, MONTHS) as session:
                await notify_many(session, kind, told[start : start + AT_ONCE])
    return True


async def open_present(session: WriteSession, day: date) -> BusinessMonth | None:
    """Open the month of this day unless it was opened before; one whose run failed goes on."""
    known = await session.find(BusinessMonth, BusinessMonth.month == month_of(day).start)
    if known is not None and not await _stuck(session, known, MonthStatus.OPENING, known.opening_run_id):
        return None
    return await open_month(session, day, today=day)


async def close_before(session: WriteSession, period: Period, day: date, zone: str) -> BusinessMonth | None:
    """Close a month that is over once nothing blocks it, within the days in which that is tried."""
    known = await session.find(BusinessMonth, BusinessMonth.month == period.start)
    if known is None or known.status == MonthStatus.CLOSED:
        return None
    if not await _stuck(session, known, MonthStatus.CLOSING, known.closing_run_id):
        closing_days: int = await get_setting(session, CLOSING_DAYS)
        if known.status != MonthStatus.OPEN or (day - period.end).days >= closing_days:
            return None
    if not (await standing_of(session, period)).possible:
        return None
    return await close_month(session, period.start, today=day, zone=zone)


async def _stuck(session: WriteSession, month: BusinessMonth, status: MonthStatus, run_id: UUID | None) -> bool:
    """Whether a month's run failed, so that it is to go on."""
    if month.status != status or run_id is None:
        return False
    run = await session.get(Run, run_id)
    return run is not None and run.status == RunStatus.FAILED


async def _waiting(session: TenantSession, period: Period, states: tuple[PlanState, ...]) -> list[Message]:
    """One message for each manager whose plan is in one of these states. Its key holds plan and state: a manager hears
    of it once, and again when a supervisor has sent it back."""
    rows = await session.rows(
        select(VisitPlan.id, VisitPlan.owner_id, VisitPlan.state, VisitPlan.version)
        .where(
            session.within(VisitPlan),
            VisitPlan.month == period.start,
            VisitPlan.state.in_([state.value for state in states]),
            not_(done_with()),
        )
        .order_by(VisitPlan.owner_id)
    )
    return [
        Message(
            row.owner_id,
            Bilingual(
                f"{period.name} 服务计划：{_TITLES[row.state].zh}",
                f"Service plan of {period.name}: {_TITLES[row.state].en}",
            ),
            None,
            Subject("visit_plan", row.id),
            f"{row.id}:{row.state}",
        )
        for row in rows
    ]


declare_job(TEND, "开启与关闭月份，提醒", "Open and close months, remind", Queue.BULK, beside=tend, seconds=1800.0)
