"""What of reports and meetings waits for a person."""

from __future__ import annotations

from datetime import date

from sqlalchemy import and_, func, select
from sqlalchemy.orm import aliased

from steward_core.inbox.items import InboxKind
from steward_core.inbox.lines import Rows, line
from steward_core.permissions import REPORTS_COMMENT, REPORTS_EDIT
from steward_core.reports.models import ItemState, MeetingItem, ReportKind, ReportState, WorkReport
from steward_core.reports.row_kinds import WORK_REPORT, item_held
from steward_tenants.database.actor import ActorKind, Scope
from steward_tenants.database.session import TenantSession
from steward_tenants.people.models import User


def summaries_to_read(session: TenantSession, today: date) -> Rows | None:
    """Other people's week and month summaries that wait for an opinion. Daily logs are read in their list."""
    if session.actor.kind is not ActorKind.USER:
        return None
    owner = aliased(User)
    return (
        select(
            *line(
                InboxKind.REPORT_SUBMITTED,
                row_id=WorkReport.id,
                at=WorkReport.submitted_at,
                name=owner.name,
                note=func.concat(WorkReport.kind, ":", WorkReport.period_start),
            )
        )
        .outerjoin(owner, and_(session.within(owner), owner.id == WorkReport.owner_id))
        .where(
            session.within(WorkReport),
            WorkReport.state == ReportState.SUBMITTED.value,
            WorkReport.kind != ReportKind.DAY.value,
            WorkReport.owner_id != session.actor.id,
            WORK_REPORT.within_reach(session, REPORTS_COMMENT, today),
        )
    )


def problems_handed_up(session: TenantSession, today: date) -> Rows | None:
    """Open problems that units below handed up to a unit that the actor leads: one for which a role that reads reports
    was given. Who reaches everything leads the own unit too."""
    actor = session.actor
    if actor.kind is not ActorKind.USER:
        return None
    units = {
        root
        for grant in actor.grants
        if REPORTS_COMMENT.key in grant.permissions and grant.scope is not Scope.OWN
        for root in (grant.unit_id or actor.unit_id,)
        if root is not None
    }
    return select(
        *line(InboxKind.MEETING_PROBLEM, row_id=MeetingItem.id, at=MeetingItem.created_at, name=MeetingItem.title)
    ).where(
        session.within(MeetingItem),
        MeetingItem.state == ItemState.OPEN.value,
        MeetingItem.from_id.is_not(None),
        MeetingItem.unit_id.in_(sorted(units)),
        item_held(session, REPORTS_EDIT, today),
    )
