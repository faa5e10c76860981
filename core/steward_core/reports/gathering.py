"""The facts of reports, gathered for any number of people in one statement for each sort of thing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import tzinfo
from typing import Any
from uuid import UUID

from sqlalchemy import Select

from steward_core.reports import facts, service_facts
from steward_core.reports.asked import Asked
from steward_core.reports.models import ReportKind
from steward_core.reports.periods import Span
from steward_tenants.clock import clock_now
from steward_tenants.database.session import TenantSession

LONGEST_LIST = 300
"""Lines of one sort that a report holds; `counts` count all of them."""

Lines = Mapping[UUID, list[dict[str, Any]]]
"""Lines of one sort by the person whose they are."""


async def gather(
    session: TenantSession, owner_ids: Collection[UUID], kind: ReportKind, span: Span, zone: tzinfo
) -> dict[UUID, dict[str, Any]]:
    """The facts of each of these people, as of now."""
    asked = Asked(session, tuple(sorted(owner_ids)), kind, span, zone)
    statements: Mapping[str, tuple[Select[Any], ...]] = {
        "visits": (facts.visits(asked),),
        "actions_done": (facts.actions_done(asked),),
        "actions_open": (facts.actions_open(asked),),
        "requests_opened": (service_facts.requests_opened(asked),),
        "requests_answered": (service_facts.requests_answered(asked),),
        "promises_kept": (service_facts.promises_kept(asked),),
        "promises_broken": (service_facts.promises_broken(asked),),
        "opportunities": (service_facts.opportunities_moved(asked),),
        "competitors": (facts.signs(asked), facts.competitor_forms(asked)),
        "next": (facts.next_visits(asked), facts.next_actions(asked)),
    }
    found = {name: await _lines(session, of_sort) for name, of_sort in statements.items()}
    taken_at = clock_now().isoformat(timespec="seconds")
    return {owner_id: _of(owner_id, found, taken_at) for owner_id in asked.owner_ids}


def _of(owner_id: UUID, found: Mapping[str, Lines], taken_at: str) -> dict[str, Any]:
    lines = {name: of_people.get(owner_id, []) for name, of_people in found.items()}
    counts = {name: len(of_sort) for name, of_sort in lines.items()}
    counts["clients"] = len({line["client_id"] for line in lines["visits"]})
    shown = {name: of_sort[:LONGEST_LIST] for name, of_sort in lines.items()}
    return {"taken_at": taken_at, "counts": counts, **shown}


async def _lines(session: TenantSession, statements: tuple[Select[Any], ...]) -> Lines:
    """Lines of statements that give (owner, line) in their order."""
    found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for statement in statements:
        for owner_id, line in map(tuple, await session.rows(statement)):
            found[owner_id].append(line)
    return found
