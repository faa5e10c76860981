"""Writing facts into reports: a new draft for whoever has none, fresh facts for whoever has one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from uuid import UUID

from sqlalchemy import select

from steward_core.database.bulk import insert_many, update_many
from steward_core.reports.gathering import gather
from steward_core.reports.models import ReportKind, ReportState, WorkReport
from steward_core.reports.periods import Span
from steward_tenants.clock import clock_now
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession


async def fill(
    session: WriteSession, kind: ReportKind, span: Span, owners: Mapping[UUID, UUID | None], zone: tzinfo
) -> int:
    """Fill the reports of a period for these people (with their units); how many were filled.

    Judgement and cases stay as they are; a report that was submitted keeps the facts with which it was.
    """
    facts = await gather(session, owners, kind, span, zone)
    rows = await session.rows(
        select(WorkReport.owner_id, WorkReport.id).where(
            session.within(WorkReport),
            WorkReport.kind == kind.value,
            WorkReport.period_start == span.start,
            WorkReport.owner_id.in_(sorted(owners)),
        )
    )
    known: dict[UUID, UUID] = {row.owner_id: row.id for row in rows}
    now = clock_now()
    there = [owner_id for owner_id in sorted(owners) if owner_id in known]
    new = [owner_id for owner_id in sorted(owners) if owner_id not in known]
    filled = await update_many(
        session,
        WorkReport,
        {"id": [known[owner_id] for owner_id in there]},
        {"facts": [facts[owner_id] for owner_id in there], "facts_at": [now for _ in there]},
        WorkReport.state == ReportState.DRAFT.value,
        also={"version": WorkReport.version + 1},
    )
    return filled + await insert_many(
        session,
        WorkReport,
        {
            "id": [new_id() for _ in new],
            "owner_id": new,
            "unit_id": [owners[owner_id] for owner_id in new],
            "kind": [kind.value for _ in new],
            "period_start": [span.start for _ in new],
            "period_end": [span.end for _ in new],
            "facts": [facts[owner_id] for owner_id in new],
            "facts_at": [now for _ in new],
            "cases": [{} for _ in new],
            "state": [ReportState.DRAFT.value for _ in new],
            "version": [1 for _ in new],
        },
        unless_there=True,
    )
