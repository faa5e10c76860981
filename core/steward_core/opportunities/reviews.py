"""The unit lead's weekly review of the pipeline: a note, kept with the figures as they stood."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import select

from steward_core.clients.checks import problem, refuse
from steward_core.clients.holdings import cleaned, text
from steward_core.opportunities.errors import OpportunityChanged
from steward_core.opportunities.models import PipelineReview
from steward_core.opportunities.queries import week_review
from steward_core.permissions import OPPORTUNITIES_VIEW, REPORTS_COMMENT
from steward_tenants.access.queries import in_scope
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import WriteSession
from steward_tenants.organisation.models import OrgUnit

SUBJECT = "pipeline_review"


@command("opportunities.review.write", "填写商机周评审", "Write a weekly review", permission=REPORTS_COMMENT)
async def write_review(
    session: WriteSession,
    unit_id: UUID,
    week: date,
    *,
    note: str,
    today: date,
    zone: str,
    expected_version: int | None = None,
) -> PipelineReview:
    """Write what there is to say about a unit's week (any day of it), or write it anew; the figures are those of now.

    For whoever may comment on reports of the whole unit. Raises Forbidden, OpportunityChanged, InvalidInput.
    """
    require(session.actor, OPPORTUNITIES_VIEW)
    reach = in_scope(session, REPORTS_COMMENT, unit=OrgUnit.id, on=today)
    values, problems = cleaned({"note": note}, {"note": text}, {"note"}, new=True)
    if await session.scalar(select(OrgUnit.id).where(session.within(OrgUnit), OrgUnit.id == unit_id, reach)) is None:
        problems.append(problem("unit_id", "unknown", "您不负责此机构。", "You are not in charge of such a unit."))
    refuse(problems)
    found = await week_review(session, unit_id, week, today=today, zone=zone, limit=1)
    await take_turn(session, f"opportunities.review.{unit_id}.{found.week}")
    row = await session.find(
        PipelineReview, PipelineReview.unit_id == unit_id, PipelineReview.week == found.week, lock=True
    )
    if expected_version is not None and (row is None or row.version != expected_version):
        raise OpportunityChanged(title=str(found.week))
    before = None if row is None else {"note": row.note}
    if row is None:
        row = PipelineReview(id=new_id(), unit_id=unit_id, week=found.week)
        session.add(row)
    row.note, row.figures = values["note"], found.figures()
    row.reviewed_by, row.reviewed_at = session.actor.id, clock_now()
    await session.flush()
    await record(
        session,
        "opportunities.review.write",
        Subject(SUBJECT, row.id),
        before=before,
        after={"unit_id": unit_id, "week": found.week, "note": row.note},
    )
    return row
