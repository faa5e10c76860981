"""Reports and meetings as kinds of rows: who sees them."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, exists, func, literal, or_, select

from steward_core.permissions import REPORTS_VIEW
from steward_core.reports.models import Meeting, MeetingItem, WorkReport
from steward_tenants.access.permissions import Permission
from steward_tenants.access.queries import in_scope
from steward_tenants.access.row_kinds import RowKind, row_kinds
from steward_tenants.database.references import Reference
from steward_tenants.database.session import TenantSession
from steward_tenants.texts import Bilingual

WORK_REPORT = row_kinds.declare(
    RowKind(
        "work_report",
        Bilingual("工作报告", "work report"),
        WorkReport,
        REPORTS_VIEW,
        owner=WorkReport.owner_id,
        unit=WorkReport.unit_id,
    )
)
MEETING = row_kinds.declare(
    RowKind(
        "meeting",
        Bilingual("会议纪要", "minutes of a meeting"),
        Meeting,
        REPORTS_VIEW,
        owner=Meeting.chaired_by,
        unit=Meeting.unit_id,
    )
)


def meeting_seen(session: TenantSession, permission: Permission, on: date, meeting: Any) -> ColumnElement[bool]:
    """The condition that the actor reaches a meeting's unit, chaired it, or took part in it. Those who took part need
    the permission, whatever their scope."""
    reached = MEETING.reached(session, permission, on, meeting)
    actor = session.actor
    if actor.unrestricted or permission.key not in actor.permissions:
        return reached
    return or_(reached, literal(actor.id) == func.any(meeting.attendees))


def item_seen(session: TenantSession, permission: Permission, on: date, item: Any) -> ColumnElement[bool]:
    """The condition that the actor reaches the unit with which a problem lies, raised it, or sees its meeting."""
    reached = in_scope(session, permission, owner=item.raised_by, unit=item.unit_id, on=on)
    actor = session.actor
    if actor.unrestricted or permission.key not in actor.permissions:
        return reached
    meeting: Any = Reference(Meeting)
    seen = exists(
        select(meeting.id)
        .where(
            session.within(meeting),
            meeting.id == item.meeting_id,
            meeting_seen(session, permission, on, meeting),
        )
        .correlate(item)
    )
    return or_(reached, seen)


def item_held(session: TenantSession, permission: Permission, on: date) -> ColumnElement[bool]:
    """The condition that the actor's scope reaches the unit with which a problem lies: who solves it or hands it on."""
    return in_scope(session, permission, unit=MeetingItem.unit_id, on=on)
