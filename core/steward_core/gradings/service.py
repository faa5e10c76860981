"""Commands on gradings: ask for one, grade again after objections, discard. The work is done by runs (`runner`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import aliased

from steward_core.forms.models import FormRecord
from steward_core.gradings.errors import (
    GradingExists,
    GradingNested,
    GradingNotOpen,
    GradingOutdated,
    NothingUpheld,
    ObjectionsOpen,
    PeriodNotBegun,
)
from steward_core.gradings.form import DISCARDED
from steward_core.gradings.models import Grading, GradingObjection, GradingStatus, ObjectionStatus
from steward_core.gradings.reach import grading_held, require_all_below, turn_of
from steward_core.gradings.runner import COMPUTE
from steward_core.gradings.schemes import grading_form, scheme_here
from steward_core.industry.declarations import GradingScheme, Period
from steward_core.permissions import GRADINGS_RUN
from steward_core.runs.models import Run
from steward_core.runs.service import request_run
from steward_tenants.access.queries import units_below
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.organisation.models import UnitPath
from steward_tenants.organisation.service import held_unit

LIVE = (GradingStatus.COMPUTING, GradingStatus.PREVIEW, GradingStatus.BOUND)


@command("gradings.request", "发起评级", "Ask for a grading", permission=GRADINGS_RUN)
async def request_grading(
    session: WriteSession, scheme_key: str, unit_id: UUID, *, today: date, period: date | None = None
) -> tuple[Grading, Run]:
    """A new grading of a unit and all below it, and the run that computes it.

    `period` is a day in the period to grade; None: the last one that is over. Raises SchemeNotFound, UnitNotFound,
    UnitPartlyReached, PeriodNotBegun, GradingExists, GradingNested.
    """
    scheme, settings = await scheme_here(session, scheme_key)
    grading_form(scheme)
    unit = await held_unit(session, unit_id, GRADINGS_RUN, today)
    await require_all_below(session, unit.id, GRADINGS_RUN, today)
    chosen = _period(scheme, settings, today, period)
    await _refuse_nested(session, scheme_key, unit.id, chosen.name, today)
    await take_turn(session, turn_of(scheme_key, unit.id, chosen.name))
    known = await revisions(session, scheme_key, unit.id, chosen.name)
    if live := [one for one in known if one.status in LIVE]:
        raise GradingExists(period=chosen.name, revision=live[0].revision, status=live[0].status)
    grading = Grading(
        id=new_id(),
        scheme=scheme_key,
        unit_id=unit.id,
        period=chosen.name,
        period_start=chosen.start,
        period_end=chosen.end,
        revision=known[0].revision + 1 if known else 1,
        status=GradingStatus.COMPUTING,
        rule_version=scheme.rule_version,
        policy=dict(scheme.policy(settings)),
        input_names=[],
        counts={},
        requested_by=session.actor.id,
    )
    return await _started(session, "gradings.request", grading, today)


@command("gradings.regrade", "重新评级", "Grade again after objections", permission=GRADINGS_RUN)
async def regrade(session: WriteSession, grading_id: UUID, *, today: date) -> tuple[Grading, Run]:
    """The next revision, from the stored inputs with the corrections of upheld objections, by the same figures and
    rules. No fresh facts are read: a closed period changes by decisions only.

    Raises GradingNotFound, GradingNotOpen, GradingOutdated, ObjectionsOpen, NothingUpheld.
    """
    source = await grading_held(session, grading_id, GRADINGS_RUN, today)
    if source.status not in (GradingStatus.PREVIEW, GradingStatus.BOUND):
        raise GradingNotOpen(status=source.status)
    known = await revisions(session, source.scheme, source.unit_id, source.period)
    if later := [one for one in known if one.revision > source.revision and one.status in LIVE]:
        raise GradingOutdated(revision=later[0].revision)
    counts = await objection_counts(session, source.id)
    if counts.get(ObjectionStatus.OPEN):
        raise ObjectionsOpen(count=counts[ObjectionStatus.OPEN])
    if not counts.get(ObjectionStatus.UPHELD):
        raise NothingUpheld
    grading = Grading(
        id=new_id(),
        scheme=source.scheme,
        unit_id=source.unit_id,
        period=source.period,
        period_start=source.period_start,
        period_end=source.period_end,
        revision=known[0].revision + 1,
        status=GradingStatus.COMPUTING,
        rule_version=source.rule_version,
        policy=source.policy,
        input_names=list(source.input_names),
        counts={},
        previous_id=source.id,
        requested_by=session.actor.id,
    )
    return await _started(session, "gradings.regrade", grading, today)


@command("gradings.discard", "作废评级预览", "Discard a grading that was not bound", permission=GRADINGS_RUN)
async def discard(session: WriteSession, grading_id: UUID, *, today: date, reason: str | None = None) -> Grading:
    """Throw a grading away that binds nobody; its records stay as discarded. Raises GradingNotFound, GradingNotOpen."""
    grading = await grading_held(session, grading_id, GRADINGS_RUN, today)
    if grading.status not in (GradingStatus.COMPUTING, GradingStatus.PREVIEW):
        raise GradingNotOpen(status=grading.status)
    before = grading.status
    grading.status, grading.reason = GradingStatus.DISCARDED, reason
    await session.execute(
        update(FormRecord)
        .where(session.within(FormRecord), FormRecord.batch_id == grading.id)
        .values(
            state=DISCARDED.key,
            updated_at=func.now(),
            updated_by=session.actor.id,
            version=FormRecord.version + 1,
        )
        .execution_options(synchronize_session=False)
    )
    await record(
        session,
        "gradings.discard",
        Subject("grading", grading.id),
        before={"status": before},
        after={"status": GradingStatus.DISCARDED.value},
        reason=reason,
    )
    return grading


async def revisions(session: TenantSession, scheme: str, unit_id: UUID, period: str) -> list[Grading]:
    """All revisions of a unit's grading of a period, the latest first."""
    return list(
        await session.scalars(
            select(Grading)
            .where(
                session.within(Grading),
                Grading.scheme == scheme,
                Grading.unit_id == unit_id,
                Grading.period == period,
            )
            .order_by(Grading.revision.desc())
        )
    )


async def objection_counts(session: TenantSession, grading_id: UUID) -> Mapping[str, int]:
    """How many objections to a grading there are of each status."""
    rows = await session.rows(
        select(GradingObjection.status, func.count())
        .where(session.within(GradingObjection), GradingObjection.grading_id == grading_id)
        .group_by(GradingObjection.status)
    )
    return {row[0]: row[1] for row in rows}


def _period(scheme: GradingScheme, settings: Any, today: date, day: date | None) -> Period:
    current: Period = scheme.period_of(settings, today)
    if day is None:
        return scheme.period_of(settings, current.start - timedelta(days=1))
    chosen = scheme.period_of(settings, day)
    if chosen.start > today:
        raise PeriodNotBegun(period=chosen.name)
    return chosen


async def _refuse_nested(session: TenantSession, scheme: str, unit_id: UUID, period: str, today: date) -> None:
    """Raise GradingNested when a unit above or below has a bound grading of the period."""
    path = aliased(UnitPath)
    above = select(path.ancestor_id).where(
        session.within(path), path.descendant_id == unit_id, path.valid_from <= today, path.valid_until > today
    )
    nested = await session.scalar(
        select(Grading.unit_id).where(
            session.within(Grading),
            Grading.scheme == scheme,
            Grading.period == period,
            Grading.status == GradingStatus.BOUND,
            Grading.unit_id != unit_id,
            or_(Grading.unit_id.in_(units_below(session, unit_id, today)), Grading.unit_id.in_(above)),
        )
    )
    if nested is not None:
        raise GradingNested(period=period)


async def _started(session: WriteSession, action: str, grading: Grading, today: date) -> tuple[Grading, Run]:
    session.add(grading)
    await session.flush()
    run = await request_run(
        session,
        COMPUTE.key,
        period=grading.period,
        subject=str(grading.id),
        parameters={"grading": str(grading.id), "today": today.isoformat()},
    )
    await record(
        session,
        action,
        Subject("grading", grading.id),
        after={
            "scheme": grading.scheme,
            "unit_id": grading.unit_id,
            "period": grading.period,
            "revision": grading.revision,
            "rule_version": grading.rule_version,
            "previous_id": grading.previous_id,
        },
    )
    return grading, run
