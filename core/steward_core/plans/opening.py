"""The run `plans.open`: a month's plans for every manager, in chunks of managers, then spread over the month's days.

Effect and progress of a chunk share a transaction, and a plan is filled once: a run that was interrupted goes on with
the next managers, one that is asked for again only finds those who are new.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import func, select

from steward_core.industry.declarations import Period
from steward_core.permissions import MONTHS_RUN
from steward_core.plans.days import spread_plans, waiting
from steward_core.plans.generation import generated, managers
from steward_core.runs.chunks import forget_size, size_of
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools, declare_run_kind
from steward_core.visits.actions import month_of
from steward_tenants.database.session import WriteSession
from steward_tenants.people.models import User

MANAGERS = 250
"""Managers whose plans are made at once."""
SPREAD = 50
"""Plans that are spread over their days at once."""


async def advance(session: WriteSession, run: Run, tools: RunTools) -> bool:  # noqa: ARG001 - a run kind's signature
    """The plans of the next managers, or when all are made, the days of the next plans."""
    month = month_of(date.fromisoformat(run.parameters["month"]))
    if run.position.get("stage", "make") == "make":
        await _make(session, run, month)
        return False
    return await _spread(session, run, month)


async def _make(session: WriteSession, run: Run, month: Period) -> None:
    if not run.position:
        everybody = managers(session, month).subquery()
        run.total = await session.scalar(select(func.count()).select_from(everybody))
    at_once = size_of(run, MANAGERS)
    owners = managers(session, month).order_by(User.id).limit(at_once)
    if run.position:
        owners = owners.where(User.id > UUID(run.position["after"]))
    ids: Sequence[UUID] = await session.scalars(owners)
    if ids:
        made = await generated(session, month, owner_ids=ids)
        counts = run.counts
        run.counts = {
            **counts,
            "plans": counts.get("plans", 0) + made.plans,
            "carried": counts.get("carried", 0) + made.carried,
            "new": counts.get("new", 0) + made.new,
        }
        run.done += len(ids)
        run.position = {"stage": "make", "after": str(ids[-1])}
    if len(ids) < at_once:
        forget_size(run)
        run.position = {"stage": "spread"}


async def _spread(session: WriteSession, run: Run, month: Period) -> bool:
    at_once = size_of(run, SPREAD)
    plans = await waiting(session, month.start, at_once)
    spread = await spread_plans(session, plans) if plans else 0
    counts = run.counts
    run.counts = {
        **counts,
        "spread": counts.get("spread", 0) + len(plans),
        "overflow": counts.get("overflow", 0) + spread,
    }
    return len(plans) < at_once


OPEN = declare_run_kind("plans.open", "生成服务计划", "Making of service plans", MONTHS_RUN, advance)
