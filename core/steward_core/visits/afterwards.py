"""What follows a visit that is done: the plan's action is ticked, clocks start, wishes and complaints become service
requests of the visitor [001#6], and the client's last activity is the visit's day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steward_core.clients.pool import touch_activity
from steward_core.plans.service import tick_visit
from steward_core.promises.requests import open_request
from steward_core.promises.service import happened
from steward_core.visits.models import Visit
from steward_tenants.database.session import WriteSession

ENDED = "visit_ended"
"""The trigger of promises and follow-ups."""
LONGEST_TITLE = 60
_REQUESTS = {"wishes": "wish", "complaints": "complaint"}
"""Fields of a visit, and the kind of service request that each of their lines becomes."""


async def after_visit(session: WriteSession, visit: Visit, *, before: Mapping[str, Any] | None = None) -> None:
    """Let follow what follows. `before`: the visit was done already and is corrected; only what is new in it counts."""
    if before is None:
        await tick_visit(session, visit)
        assert visit.ended_at is not None
        await happened(
            session,
            ENDED,
            at=visit.ended_at,
            subject="visit",
            subject_id=visit.id,
            client_id=visit.client_id,
            owner_id=visit.owner_id,
            unit_id=visit.unit_id,
            facts=_facts(visit),
        )
        await touch_activity(session, [visit.client_id], visit.day)
    for name, kind in _REQUESTS.items():
        known = () if before is None else before[name]
        for text in getattr(visit, name):
            if text in known:
                continue
            await open_request(
                session,
                client_id=visit.client_id,
                kind=kind,
                title=text.split("\n", 1)[0][:LONGEST_TITLE],
                text=text,
                owner_id=visit.owner_id,
                visit_id=visit.id,
                at=visit.ended_at if before is None else None,
            )


def _facts(visit: Visit) -> frozenset[str]:
    found = {visit.kind, visit.origin, *visit.needs}
    found |= {kind for name, kind in _REQUESTS.items() if getattr(visit, name)}
    return frozenset(found)
