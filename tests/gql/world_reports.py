"""Rows of reports in the world."""

from __future__ import annotations

from datetime import date, timedelta

from steward_core.reports.models import Meeting, MeetingItem, WorkReport
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from tests.gql.world import Tenant
from tests.gql.world_forms import MOMENT, added

WRITERS = (("am1", "east1"), ("am2", "west"), ("odd", "east"), ("lead", "east"), ("boss", None))
KINDS = (("day", 1), ("week", 7), ("month", 31))
STATES = ("draft", "submitted", "read")


async def fill(session: WriteSession, tenant: Tenant) -> None:
    """All rows of reports of a tenant; clients and people are there."""
    for place, (name, unit) in enumerate(WRITERS):
        for number, (kind, days) in enumerate(KINDS):
            _report(session, tenant, name, unit, kind, days, STATES[(place + number) % 3])
    _meetings(session, tenant)
    await session.flush()
    above = _item(session, tenant, "east", raised_by="lead", from_id=tenant.rows["meeting_item"][0].id)
    await session.flush()
    above.solution, above.state = f"答{tenant.mark('meeting_item', above.id)}", "solved"
    above.solved_by, above.solved_at = tenant.people["boss"].id, MOMENT


def _report(
    session: WriteSession, tenant: Tenant, name: str, unit: str | None, kind: str, days: int, state: str
) -> None:
    report_id = new_id()
    mark = tenant.mark("work_report", report_id)
    sent, read = state != "draft", state == "read"
    facts = {"counts": {"visits": days % 5, "clients": 1, "promises_broken": days % 2}, "visits": [{"client": mark}]}
    added(
        session,
        tenant,
        WorkReport(
            id=report_id,
            owner_id=tenant.people[name].id,
            unit_id=tenant.units[unit].id if unit else None,
            kind=kind,
            period_start=date(2026, 1, 1),
            period_end=date(2026, 1, 1) + timedelta(days=days),
            facts=facts if days != 7 else {},
            facts_at=MOMENT + timedelta(days=days),
            judgement=f"判断{mark}" if sent else None,
            cases={"successful": [mark]} if kind == "month" else {},
            state=state,
            submitted_at=MOMENT if sent else None,
            read_by=tenant.people["boss"].id if read else None,
            read_at=MOMENT + timedelta(hours=1) if read else None,
            opinion=f"意见{mark}" if read else None,
            created_at=MOMENT,
        ),
    )


def _meetings(session: WriteSession, tenant: Tenant) -> None:
    for unit, kind, chair, attendees in (
        ("east1", "morning", "lead", ("am1", "lead")),
        ("west", "evening", "am2", ("am1", "am2")),
        ("hq", "morning", "boss", ()),
    ):
        meeting_id = new_id()
        mark = tenant.mark("meeting", meeting_id)
        meeting = added(
            session,
            tenant,
            Meeting(
                id=meeting_id,
                unit_id=tenant.units[unit].id,
                day=date(2026, 1, 5),
                kind=kind,
                chaired_by=tenant.people[chair].id,
                attendees=[tenant.people[one].id for one in attendees],
                facts={"problems": [{"title": mark}]},
                notes=f"纪要{mark}" if attendees else None,
                created_by=tenant.people[chair].id,
                created_at=MOMENT,
            ),
        )
        _item(session, tenant, unit, raised_by="odd", meeting_id=meeting.id, state="handed_up")
        _item(session, tenant, unit, raised_by=chair, meeting_id=meeting.id)


def _item(session: WriteSession, tenant: Tenant, unit: str, *, raised_by: str, **values: object) -> MeetingItem:
    item_id = new_id()
    mark = tenant.mark("meeting_item", item_id)
    item: MeetingItem = added(
        session,
        tenant,
        MeetingItem(
            id=item_id,
            unit_id=tenant.units[unit].id,
            title=f"问题{mark}",
            detail=f"说明{mark}",
            reason=f"原因{mark}",
            raised_by=tenant.people[raised_by].id,
            created_at=MOMENT,
            **values,
        ),
    )
    return item
