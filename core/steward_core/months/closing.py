"""Closing a month: plans are sealed, scores made final, and pay runs asked for."""

from __future__ import annotations

from datetime import date

from sqlalchemy import func, select

from steward_core.months.models import BusinessMonth, MonthStatus
from steward_core.months.pay import PAY
from steward_core.months.queries import standing_of
from steward_core.months.sealing import seal
from steward_core.months.service import CLOSE
from steward_core.months.stages import Stage, advance_stages
from steward_core.performance.scores import advance as advance_scores
from steward_core.performance.scores import make_final
from steward_core.permissions import MONTHS_RUN
from steward_core.plans.models import PlanAction, VisitPlan
from steward_core.runs.chunks import size_of
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools, declare_run_kind
from steward_core.visits.actions import month_of
from steward_tenants.clock import clock_now
from steward_tenants.database.session import WriteSession
from steward_tenants.outbox.service import enqueue

PLANS_AT_ONCE = 2_000


def _start(run: Run) -> date:
    return date.fromisoformat(run.parameters["month"])


async def _check(session: WriteSession, run: Run, _tools: RunTools) -> bool:
    """What was possible when it was asked for may be so no more. Raises MonthBlocked."""
    (await standing_of(session, month_of(_start(run)))).require()
    return True


async def _seal(session: WriteSession, run: Run, _tools: RunTools) -> bool:
    """Some more plans of the month change no more."""
    sealed, done = await seal(session, _start(run), most=size_of(run, PLANS_AT_ONCE))
    run.counts = {"sealed": run.counts.get("sealed", 0) + sealed}
    return done


async def _final(session: WriteSession, run: Run, _tools: RunTools) -> bool:
    """Scores are final from here on."""
    run.counts = {"final": await make_final(session, month_of(_start(run)))}
    return True


async def _finish(session: WriteSession, run: Run, _tools: RunTools) -> bool:
    """The month is closed; pay runs are asked for in the same transaction."""
    start = _start(run)
    found = await session.find(BusinessMonth, BusinessMonth.month == start, lock=True)
    if found is not None and found.status == MonthStatus.CLOSING:
        found.status, found.closed_at = MonthStatus.CLOSED, clock_now()
        found.figures = {**found.figures, "closed": await _figures(session, start)}
        await enqueue(session, PAY, {"month": start.isoformat()}, unique_key=start.isoformat())
    return True


async def _figures(session: WriteSession, start: date) -> dict[str, int]:
    """What the month held: plans, actions that stand in them, those done."""
    actions = (
        select(func.count(), func.count().filter(PlanAction.status == "done"))
        .join(VisitPlan, (VisitPlan.id == PlanAction.plan_id) & session.within(VisitPlan))
        .where(session.within(PlanAction), VisitPlan.month == start)
    )
    plans = await session.scalar(select(func.count()).where(session.within(VisitPlan), VisitPlan.month == start))
    ((standing, done),) = await session.rows(actions)
    return {"plans": plans, "actions": standing, "done": done}


STAGES = (
    Stage("check", _check),
    Stage("seal", _seal),
    Stage("scores", advance_scores),
    Stage("final", _final),
    Stage("finish", _finish),
)


async def advance_closing(session: WriteSession, run: Run, tools: RunTools) -> bool:
    """The next chunk; each stage is written with its place in the run, so that it goes on where it was."""
    return await advance_stages(session, run, tools, STAGES)


declare_run_kind(CLOSE, "关闭月份", "Close a month", MONTHS_RUN, advance_closing)
