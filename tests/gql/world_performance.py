"""Rows of performance in the world: two schemes, scores in each state, of people in every position."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

from steward_core.performance.models import MonthIndicator, MonthScore, ScoreScheme, ScoreStatus
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from tests.gql.world import Tenant
from tests.gql.world_forms import MOMENT, added

# owner, unit, month, revision, status, whether it counts, score
SCORES = (
    ("am1", "east1", 1, 1, ScoreStatus.FINAL, False, "70"),
    ("am1", "east1", 1, 2, ScoreStatus.FINAL, True, "71.5"),
    ("am1", "east1", 2, 1, ScoreStatus.PREVIEW, True, "88.25"),
    ("am2", "west", 2, 1, ScoreStatus.FINAL, True, "90"),
    ("am2", "west", 2, 2, ScoreStatus.COMPUTING, False, None),
    ("lead", "east", 2, 1, ScoreStatus.PREVIEW, True, "90"),
    ("odd", "hq", 2, 1, ScoreStatus.PREVIEW, True, None),
    ("nobody", None, 2, 1, ScoreStatus.PREVIEW, True, "12"),
)


async def fill(session: WriteSession, tenant: Tenant) -> None:
    """All rows of performance of a tenant; clients and people are there."""
    boss = tenant.people["boss"].id
    schemes = [_scheme(session, tenant, number, boss) for number in (1, 2)]
    await session.flush()
    for owner, unit, month, revision, status, current, score in SCORES:
        score_id, final = new_id(), status is ScoreStatus.FINAL
        made = added(
            session,
            tenant,
            MonthScore(
                id=score_id,
                owner_id=tenant.people[owner].id,
                unit_id=tenant.units[unit].id if unit else None,
                month=date(2026, month, 1),
                revision=revision,
                status=status.value,
                current=current,
                scheme_id=schemes[revision - 1],
                rule_version=1,
                score=None if score is None else Decimal(score),
                lines=[{"indicator": "core.clients_visited", "title": tenant.mark("month_score", score_id)}],
                reason=f"原因 {tenant.mark('month_score', score_id)}",
                run_id=new_id(),
                worked_out_at=MOMENT,
                finalised_at=MOMENT if final else None,
                finalised_by=boss if final else None,
            ),
        )
        await session.flush()
        _indicators(session, tenant, made)


def _scheme(session: WriteSession, tenant: Tenant, number: int, by: UUID) -> UUID:
    scheme_id = new_id()
    added(
        session,
        tenant,
        ScoreScheme(
            id=scheme_id,
            number=number,
            effective_from=date(2026, number, 1),
            items=[{"indicator": "core.clients_visited", "weight": "100"}],
            reason=tenant.mark("score_scheme", scheme_id),
            created_by=by,
            created_at=MOMENT,
        ),
    )
    return scheme_id


def _indicators(session: WriteSession, tenant: Tenant, score: MonthScore) -> None:
    for place, key in enumerate(("core.clients_visited", "core.promises_kept")):
        indicator_id = new_id()
        added(
            session,
            tenant,
            MonthIndicator(
                id=indicator_id,
                score_id=score.id,
                owner_id=score.owner_id,
                unit_id=score.unit_id,
                month=score.month,
                indicator=key,
                measure=tenant.mark("month_indicator", indicator_id),
                value=None if place else Decimal("17.5"),
            ),
        )
