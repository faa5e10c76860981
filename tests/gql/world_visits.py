"""Rows of visits in the world."""

from __future__ import annotations

from datetime import timedelta

from steward_core.custom_fields.index import IndexEntry, entries_of_custom, write_index
from steward_core.custom_fields.models import CustomField
from steward_core.visits.models import NeedArea, Visit, VisitKind, VisitOrigin, VisitStatus
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from tests.gql.world import Tenant
from tests.gql.world_forms import MOMENT, added

# visitor, their unit then, place of the client among the tenant's
VISITS = (
    ("am1", "east1", 0),
    ("am1", "east1", 3),
    ("am2", "west", 3),
    ("am2", "east1", 4),
    ("lead", "east", 5),
    ("odd", "hq", 6),
    ("boss", None, 0),
    ("team", "east", 8),
)


def _own_field(session: WriteSession, tenant: Tenant) -> CustomField:
    field_id = new_id()
    field = CustomField(
        id=field_id,
        target="visit",
        key="weather",
        type="text",
        title_zh="天气",
        title_en=f"Own {tenant.mark('custom_field', field_id)}",
        rules={},
        filterable=True,
        indexed_at=MOMENT,
    )
    added(session, tenant, field)
    return field


async def fill(session: WriteSession, tenant: Tenant) -> None:
    """All rows of visits of a tenant; clients and people are there."""
    clients = tenant.rows["client"]
    field = _own_field(session, tenant)
    index: list[IndexEntry] = []
    for place, (visitor, unit, client) in enumerate(VISITS):
        visit_id = new_id()
        mark = tenant.mark("visit", visit_id)
        status = list(VisitStatus)[place % 4]
        begun = status in (VisitStatus.UNDER_WAY, VisitStatus.DONE)
        began_at = MOMENT + timedelta(days=place, minutes=place * 7)
        owner = tenant.people[visitor]
        custom = {field.key: f"天气 {mark}"} if place % 2 else {}
        index += entries_of_custom([field], "visit", visit_id, custom)
        added(
            session,
            tenant,
            Visit(
                id=visit_id,
                client_id=clients[client].id,
                owner_id=owner.id,
                unit_id=tenant.units[unit].id if unit else None,
                kind=list(VisitKind)[place % 3].value,
                origin=list(VisitOrigin)[place % 3].value,
                status=status.value,
                day=began_at.date(),
                aim=f"目的 {mark}" if place % 2 else None,
                began_at=began_at if begun else None,
                ended_at=began_at + timedelta(minutes=20) if status is VisitStatus.DONE else None,
                verdict=place % 2 if begun else None,
                metres=place * 100 if begun else None,
                check_in={"lines": [{"zh": f"说明 {mark}", "en": mark}]} if begun else {},
                topics=f"话题 {mark}",
                needs=[list(NeedArea)[place % 4].value],
                needs_text=f"需求 {mark}",
                wishes=[f"诉求 {mark}"],
                complaints=[f"投诉 {mark}"] if place % 2 else [],
                summary=f"小结 {mark}" if begun else None,
                next_step=f"下一步 {mark}" if begun else None,
                next_due_on=began_at.date() + timedelta(days=3) if begun else None,
                intention=place % 5 + 1 if begun else None,
                improvement=f"改进 {mark}",
                before={"items": [{"key": "aim", "zh": "目的", "en": "Aim", "done": True, "note": mark}]},
                custom=custom,
                reason=f"原因 {mark}" if status is VisitStatus.CANCELLED else None,
                created_by=owner.id,
            ),
        )
    await session.flush()
    await write_index(session, index)
