"""Commands on scores: have a month's worked out, make them final. The work is done by runs (`scores`)."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import func, not_, select
from sqlalchemy.orm import aliased

from steward_core.industry.declarations import Period
from steward_core.performance.errors import (
    MonthNotBegun,
    MonthNotOver,
    NothingToFinalise,
    UnitPartlyReached,
    WholeCompanyNeeded,
)
from steward_core.performance.scores import SCORES, make_final
from steward_core.permissions import SCORES_RUN
from steward_core.runs.models import Run
from steward_core.runs.service import request_run
from steward_core.visits.actions import month_of
from steward_tenants.access.queries import in_scope
from steward_tenants.access.rules import reaches_everything
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.organisation.models import UnitPath
from steward_tenants.organisation.service import held_unit


@command("scores.request", "计算月度得分", "Work out the scores of a month", permission=SCORES_RUN)
async def request_scores(
    session: WriteSession,
    month: date,
    *,
    unit_id: UUID | None = None,
    reason: str | None = None,
    today: date,
) -> Run:
    """The run that works out a month's scores, of a unit and all below it or of the whole company, as previews. `month`
    is any day of it.

    Managers with a final score are left alone, unless there is a `reason`: it is kept with their next revision. Raises
    MonthNotBegun, UnitNotFound, UnitPartlyReached, WholeCompanyNeeded.
    """
    period = month_of(month)
    if today < period.start:
        raise MonthNotBegun(month=period.name)
    await _require_whole(session, unit_id, today)
    await take_turn(session, f"{SCORES.key}/{period.name}/request")
    made = await session.scalar(
        select(func.count()).where(session.within(Run), Run.kind == SCORES.key, Run.period == period.name)
    )
    parameters = {
        "month": period.start.isoformat(),
        "today": today.isoformat(),
        "unit": None if unit_id is None else str(unit_id),
        "reason": _said(reason),
    }
    run = await request_run(session, SCORES.key, period=period.name, subject=str(made + 1), parameters=parameters)
    await record(session, "scores.request", Subject("run", run.id), after=parameters, reason=_said(reason))
    return run


@command("scores.finalise", "确认月度得分", "Make the scores of a month final", permission=SCORES_RUN)
async def finalise_scores(session: WriteSession, month: date, *, unit_id: UUID | None = None, today: date) -> int:
    """Make the previews of a month that is over final, of a unit and all below it or of the whole company, and tell the
    managers; answers how many. Final scores never change.

    Raises MonthNotOver, UnitNotFound, UnitPartlyReached, WholeCompanyNeeded, NothingToFinalise.
    """
    period: Period = month_of(month)
    if today < period.end:
        raise MonthNotOver(month=period.name)
    await _require_whole(session, unit_id, today)
    scores = await make_final(session, period, unit_id=unit_id, today=today)
    if not scores:
        raise NothingToFinalise(month=period.name)
    after = {"month": period.name, "unit_id": unit_id, "scores": scores}
    await record(session, "scores.finalise", Subject("month_score"), after=after)
    return scores


def _said(reason: str | None) -> str | None:
    return (reason or "").strip() or None


async def _require_whole(session: WriteSession, unit_id: UUID | None, today: date) -> None:
    """Raise unless the actor's scope covers the unit and all below it, or without a unit everything."""
    if reaches_everything(session.actor, SCORES_RUN):
        if unit_id is not None:
            await held_unit(session, unit_id, SCORES_RUN, today)
        return
    if unit_id is None:
        raise WholeCompanyNeeded
    await held_unit(session, unit_id, SCORES_RUN, today)
    if await _outside(session, unit_id, today) is not None:
        raise UnitPartlyReached


async def _outside(session: TenantSession, unit_id: UUID, today: date) -> UUID | None:
    path = aliased(UnitPath)
    found: UUID | None = await session.scalar(
        select(path.descendant_id)
        .where(
            session.within(path),
            path.ancestor_id == unit_id,
            path.valid_from <= today,
            path.valid_until > today,
            not_(in_scope(session, SCORES_RUN, unit=path.descendant_id, on=today)),
        )
        .limit(1)
    )
    return found
