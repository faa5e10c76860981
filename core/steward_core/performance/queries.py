"""Looking into scores: what lies behind an indicator, a replay, and the figures that other domains take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import aliased

from steward_core.clients.models import Client
from steward_core.clients.pages import Order, Page, Paging, one_page
from steward_core.clients.row_kinds import CLIENT
from steward_core.database.context import QueryContext
from steward_core.industry.declarations import Period
from steward_core.industry.errors import IndicatorNotFound
from steward_core.industry.evaluation import Declared, indicators
from steward_core.industry.statements import kept_to_the_tenant
from steward_core.performance import evidence as behind
from steward_core.performance.errors import ScoreNotFound
from steward_core.performance.models import MonthIndicator, MonthScore, ScoreStatus
from steward_core.performance.row_kinds import MONTH_SCORE
from steward_core.performance.rules import readings_of, rules_of
from steward_core.performance.scores import readings_by_score, schemes_of
from steward_core.permissions import CLIENTS_VIEW, SCORES_VIEW
from steward_core.visits.actions import month_of
from steward_tenants.access.queries import units_below
from steward_tenants.access.rules import require
from steward_tenants.database.session import TenantSession


@dataclass(frozen=True)
class EvidenceRow:
    """A row behind a figure: a visit, an action of a plan, a clock of a promise, a client, or what an industry counts.
    `counted`: it is in the numerator. `figures` say what it adds."""

    kind: str
    id: UUID
    client_id: UUID | None
    day: date
    counted: bool
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class Evidence:
    """One page of the rows behind a figure. `total` and `counted` are of all of them; `hidden` are about clients out of
    the reader's reach and are not listed. `exact` False: the indicator tells no rows, these are the clients owned."""

    indicator: Declared
    page: Page[EvidenceRow]
    total: int
    counted: int
    hidden: int
    exact: bool


async def score_evidence(
    session: TenantSession,
    owner_id: UUID,
    month: Period,
    indicator: str,
    *,
    today: date,
    paging: Paging = Paging(),  # noqa: B008 - a frozen value
) -> Evidence:
    """What lies behind one indicator of a manager's month, as it stands now: after a score was worked out, visits may
    have been added and clients confirmed. Whoever sees the score sees the rows whose clients are in reach.

    Raises Forbidden, ScoreNotFound, IndicatorNotFound, InvalidInput (paging).
    """
    require(session.actor, SCORES_VIEW)
    seen = await session.scalar(
        select(MonthScore.id)
        .where(
            session.within(MonthScore),
            MonthScore.owner_id == owner_id,
            MonthScore.month == month.start,
            MonthScore.current,
            MONTH_SCORE.within_reach(session, SCORES_VIEW, today),
        )
        .limit(1)
    )
    if seen is None:
        raise ScoreNotFound
    one = (await indicators(session)).get(indicator)
    if one is None:
        raise IndicatorNotFound(indicator=indicator)
    statement = _statement(QueryContext(session, today, one.settings), one, month, owner_id)
    found = statement.subquery("found")
    inside = select(Client.id).where(session.within(Client), CLIENT.within_reach(session, CLIENTS_VIEW, today))
    reached = or_(found.c.client_id.is_(None), found.c.client_id.in_(inside))
    counts = (
        await session.rows(
            select(func.count(), func.count().filter(found.c.counted), func.count().filter(~reached)).select_from(found)
        )
    )[0]
    columns = (found.c[name] for name in behind.COLUMNS)
    order = Order("day", ((found.c.day, date), (found.c.id, UUID)))
    page = await one_page(
        session, select(*columns).where(reached), order, paging, lambda row: EvidenceRow(*tuple(row)[:6])
    )
    return Evidence(one, page, counts[0], counts[1], counts[2], one.what.evidence is not None)


def _statement(ctx: QueryContext, one: Declared, month: Period, owner_id: UUID) -> Select[Any]:
    statement: Select[Any] = (one.what.evidence or behind.portfolio)(ctx, month, owner_id)
    kept_to_the_tenant(statement)
    return statement


@dataclass(frozen=True)
class Difference:
    """A score that came out otherwise: what is stored and what the replay gave."""

    score_id: UUID
    owner_id: UUID
    name: str
    stored: Any
    replayed: Any


@dataclass(frozen=True)
class ReplayReport:
    """How many scores of a month were replayed, and every difference."""

    month: Period
    checked: int
    differences: tuple[Difference, ...]

    @property
    def same(self) -> bool:
        """Whether every score came out as stored."""
        return not self.differences


async def replay_scores(
    session: TenantSession, month: date, *, unit_id: UUID | None = None, today: date
) -> ReplayReport:
    """Reckon every score of a month in reach again from the indicators, the scheme and the rules kept with it, all
    revisions, and compare score and lines. Raises Forbidden, ScoreRuleMissing."""
    require(session.actor, SCORES_VIEW)
    period = month_of(month)
    wanted = [
        session.within(MonthScore),
        MonthScore.month == period.start,
        MonthScore.status != ScoreStatus.COMPUTING.value,
        MONTH_SCORE.within_reach(session, SCORES_VIEW, today),
    ]
    if unit_id is not None:
        wanted.append(MonthScore.unit_id.in_(units_below(session, unit_id, today)))
    rows = await session.rows(
        select(
            MonthScore.id,
            MonthScore.owner_id,
            MonthScore.scheme_id,
            MonthScore.rule_version,
            MonthScore.score,
            MonthScore.lines,
        )
        .where(*wanted)
        .order_by(MonthScore.owner_id, MonthScore.revision)
    )
    schemes = await schemes_of(session, {row.scheme_id for row in rows})
    readings = await readings_by_score(session, [row.id for row in rows])
    differences: list[Difference] = []
    for row in rows:
        result = rules_of(row.rule_version)(schemes[row.scheme_id], readings_of(readings.get(row.id, ())))
        differences += _differences(row, {"score": result.score, "lines": result.as_json()})
    return ReplayReport(period, len(rows), tuple(differences))


def _differences(row: Any, replayed: Mapping[str, Any]) -> Iterator[Difference]:
    for name, value in replayed.items():
        stored = getattr(row, name)
        if stored != value:
            yield Difference(row.id, row.owner_id, name, stored, value)


async def figures_of(session: TenantSession, month: Period, indicator: str) -> dict[UUID, Decimal]:
    """One indicator of every manager's month, of the scores that count, by manager; who has no figure is left out. For
    other domains, such as commission on revenue; the caller sees to who may."""
    score = aliased(MonthScore)
    rows = await session.rows(
        select(MonthIndicator.owner_id, MonthIndicator.value)
        .join(score, and_(session.within(score), score.id == MonthIndicator.score_id, score.current))
        .where(
            session.within(MonthIndicator),
            MonthIndicator.month == month.start,
            MonthIndicator.indicator == indicator,
            MonthIndicator.value.is_not(None),
        )
    )
    return {row.owner_id: row.value for row in rows}
