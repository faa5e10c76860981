"""Commands on months: open one, close one. The work itself is done by runs (`opening`, `closing`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from steward_core.industry.declarations import Period
from steward_core.months.errors import (
    MonthBusy,
    MonthClosed,
    MonthNotOver,
    MonthTooFarAhead,
    MonthUnknown,
    WholeCompanyNeeded,
)
from steward_core.months.models import BusinessMonth, MonthStatus
from steward_core.months.queries import latest_run, runs_of, standing_of
from steward_core.months.settings import AHEAD_DAYS
from steward_core.permissions import MONTHS_RUN
from steward_core.runs.models import Run, RunStatus
from steward_core.runs.service import request_run, resume_run
from steward_core.visits.actions import month_of
from steward_tenants.access.rules import reaches_everything
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.commands.service import command
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession

OPEN, CLOSE = "months.open", "months.close"
"""Kinds of runs; a month is their period."""


@command("months.open", "开启月份", "Open a month", permission=MONTHS_RUN)
async def open_month(session: WriteSession, month: date, *, today: date) -> BusinessMonth:
    """Have the plans of a month made for every manager: what is open is carried over, what is due is added. `month` is
    any day of it.

    An open month can be opened again: managers who came since get their plans, nothing is doubled. Takes reach over the
    whole tenant. Raises Forbidden, MonthTooFarAhead, MonthClosed.
    """
    _require_everything(session)
    period = month_of(month)
    ahead: int = await get_setting(session, AHEAD_DAYS)
    first = period.start - timedelta(days=ahead)
    if today < first:
        raise MonthTooFarAhead(month=period.name, first=first)
    found = await _row(session, period)
    if found.status in (MonthStatus.CLOSED, MonthStatus.CLOSING):
        raise MonthClosed(month=period.name)
    run = await _again(session, OPEN, period, {"today": today.isoformat()})
    found.opened_by, found.opening_run_id = session.actor.id, run.id
    await record(session, OPEN, Subject("business_month", found.id), after={"month": period.name})
    return found


@command("months.close", "关闭月份", "Close a month", permission=MONTHS_RUN)
async def close_month(session: WriteSession, month: date, *, today: date, zone: str) -> BusinessMonth:
    """Have a month's plans sealed, its scores made final and its pay statements made.

    Takes reach over the whole tenant, and that every plan's results are approved or were let through by a supervisor.
    Raises Forbidden, MonthUnknown, MonthNotOver, MonthBlocked, MonthBusy, MonthClosed.
    """
    _require_everything(session)
    period = month_of(month)
    found = await session.find(BusinessMonth, BusinessMonth.month == period.start, lock=True)
    if found is None:
        raise MonthUnknown(month=period.name)
    if found.status == MonthStatus.CLOSED:
        raise MonthClosed(month=period.name)
    if found.status == MonthStatus.OPENING:
        raise MonthBusy(month=period.name)
    if today < period.end:
        raise MonthNotOver(month=period.name, end=period.end)
    (await standing_of(session, period)).require()
    run = await _again(session, CLOSE, period, {"today": (period.end - timedelta(days=1)).isoformat(), "zone": zone})
    found.status = MonthStatus.CLOSING
    found.closed_by, found.closing_run_id = session.actor.id, run.id
    await record(session, CLOSE, Subject("business_month", found.id), after={"month": period.name})
    return found


async def _row(session: WriteSession, period: Period) -> BusinessMonth:
    await session.execute(
        insert(BusinessMonth)
        .values(tenant_id=session.tenant_id, id=new_id(), month=period.start, created_at=clock_now())
        .on_conflict_do_nothing()
    )
    found = await session.find(BusinessMonth, BusinessMonth.month == period.start, lock=True)
    assert found is not None
    return found


def _require_everything(session: WriteSession) -> None:
    """A month is the whole company's."""
    if not reaches_everything(session.actor, MONTHS_RUN):
        raise WholeCompanyNeeded


async def _again(session: WriteSession, kind: str, period: Period, parameters: Mapping[str, str]) -> Run:
    """The month's run of this kind: the one under way, the one that failed, which goes on, or a new one."""
    newest = await latest_run(session, kind, period)
    known = None if newest is None else await session.get(Run, newest)
    if known is not None and known.status in (RunStatus.WAITING, RunStatus.RUNNING):
        return known
    if known is not None and known.status == RunStatus.FAILED:
        return await resume_run(session, known.id)
    made = await session.scalar(select(func.count()).where(session.within(Run), *runs_of(kind, period)))
    return await request_run(
        session,
        kind,
        period=period.name,
        subject=str(made + 1) if made else "",
        parameters={"month": period.start.isoformat(), **parameters},
    )
