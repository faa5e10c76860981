"""Client facts as people read them: `facts.view` and the row scope decide, in SQL.

A client's facts and pages of them follow the client's row scope; revenue by owner follows that of the attribution
itself (whose revenue it was, in which unit), so that nobody's past months change with a hand-over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, tuple_
from sqlalchemy.orm import aliased

from steward_core.clients.fact_queries import Wanted, attributed, latest_revisions
from steward_core.clients.fact_rules import period_name
from steward_core.clients.merge import with_absorbed
from steward_core.clients.models import Client, ClientFact, Metric
from steward_core.clients.ownership import these
from steward_core.clients.row_kinds import CLIENT
from steward_core.clients.service import client_in_reach
from steward_core.permissions import FACTS_VIEW
from steward_tenants.access.queries import in_scope
from steward_tenants.access.rules import require
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import invalid
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual

LARGEST_PAGE = 1000
MOST_REVISIONS = 5000
FACT_COLUMNS: dict[str, Bilingual] = {
    "client_code": Bilingual("客户编码", "Client code"),
    "client_name": Bilingual("客户名称", "Client name"),
    "metric": Bilingual("指标", "Metric"),
    "period_name": Bilingual("期间", "Period"),
    "value": Bilingual("数值", "Value"),
    "booked_on": Bilingual("入账日期", "Booked on"),
    "source": Bilingual("来源", "Source"),
    "revision": Bilingual("版本", "Revision"),
}
"""Headings of an export of `FactLine`s."""


@dataclass(frozen=True)
class OwnerRevenue:
    """What one person's clients brought in: the sum, of how many clients. `owner_id` None: of the pool."""

    owner_id: UUID | None
    value: Decimal
    clients: int


@dataclass(frozen=True)
class FactRevision:
    """One revision of a client's fact: the figure, who recorded it, when, why. `recorded_by_name` None: not a person
    of the tenant. `client_id`: whose it is, the client's own or that of one merged into it."""

    metric: str
    period: date
    period_name: str
    source: str
    revision: int
    value: Decimal
    booked_on: date
    withdrawn: bool
    reason: str | None
    batch_id: UUID | None
    recorded_by: UUID
    recorded_by_name: str | None
    recorded_at: datetime
    client_id: UUID


@dataclass(frozen=True)
class FactLine:
    """One figure in force, of one source, with its client."""

    metric: str
    period: date
    client_id: UUID
    source: str
    value: Decimal
    booked_on: date
    revision: int
    period_name: str
    client_code: str | None
    client_name: str


FactPlace = tuple[str, date, UUID, str]
"""Metric, period, client and source: where a page ended."""


@dataclass(frozen=True)
class FactPage:
    """Figures in force, the newest periods of a metric first; `next_place` None: no more."""

    lines: tuple[FactLine, ...]
    next_place: FactPlace | None


async def revenue_by_owner(
    session: TenantSession, metric: str, since: date, until: date, *, today: date
) -> list[OwnerRevenue]:
    """Sums of an additive metric over the periods that begin from `since` until before `until`, by who owned the
    clients on the booking dates; the largest first. Raises Forbidden."""
    require(session.actor, FACTS_VIEW)
    shares = attributed(session, metric, since, until)
    reach = in_scope(session, FACTS_VIEW, owner=shares.c.owner_id, unit=shares.c.unit_id, on=today)
    total = func.sum(shares.c.value)
    rows = await session.rows(
        select(shares.c.owner_id, total, func.count(shares.c.client_id.distinct()))
        .where(reach)
        .group_by(shares.c.owner_id)
        .order_by(total.desc(), shares.c.owner_id)
    )
    return [OwnerRevenue(*row) for row in rows]


async def facts_of_client(
    session: TenantSession,
    client_id: UUID,
    metric: str | None = None,
    since: date | None = None,
    until: date | None = None,
    *,
    today: date,
    with_history: bool = False,
) -> list[FactRevision]:
    """A client's facts and those of all that was merged into it, the newest periods first; `with_history` every
    revision, else those in force. At most `MOST_REVISIONS`. Raises Forbidden, ClientNotFound."""
    await client_in_reach(session, client_id, FACTS_VIEW, today=today)
    clients = await with_absorbed(session, client_id)
    wanted = Wanted((metric,) if metric is not None else (), since, until)
    fact, person = aliased(ClientFact), aliased(User)
    key = (fact.client_id, fact.metric, fact.period, fact.source)
    newest = func.row_number().over(partition_by=key, order_by=fact.revision.desc()).label("newest")
    ranked = (
        select(fact, newest)
        .where(session.within(fact), fact.client_id == these(clients), *wanted.conditions(fact))
        .subquery()
    )
    row = ranked.c
    statement = (
        select(row.metric, row.period, row.grain, row.source, row.revision, row.value, row.booked_on, row.withdrawn)
        .add_columns(row.reason, row.batch_id, row.recorded_by, person.name, row.recorded_at, row.client_id)
        .select_from(ranked)
        .outerjoin(person, (person.id == row.recorded_by) & session.within(person))
        .order_by(row.period.desc(), row.metric, row.source, row.client_id, row.revision.desc())
        .limit(MOST_REVISIONS)
    )
    if not with_history:
        statement = statement.where(row.newest == 1, row.withdrawn.is_(False))
    return [
        FactRevision(name, period, period_name(grain, period), *rest)
        for name, period, grain, *rest in await session.rows(statement)
    ]


async def fact_page(
    session: TenantSession,
    *,
    today: date,
    metric: str | None = None,
    since: date | None = None,
    until: date | None = None,
    after: FactPlace | None = None,
    size: int = 200,
) -> FactPage:
    """One page of figures in force, of clients in the actor's scope, for lists and exports; `after` is the page
    before's `next_place`. Raises Forbidden, InvalidInput."""
    require(session.actor, FACTS_VIEW)
    if not 1 <= size <= LARGEST_PAGE:
        raise invalid("size", "range", f"每页 1 到 {LARGEST_PAGE} 条。", f"A page has 1 to {LARGEST_PAGE} rows.")

    def beyond(fact: Any) -> Any:
        return tuple_(fact.metric, fact.period, fact.client_id, fact.source) < tuple_(*(after or ()))

    wanted = Wanted((metric,) if metric is not None else (), since, until)
    latest = latest_revisions(session, wanted, *([beyond] if after else []), extra=("revision", "grain"))
    row = latest.c
    key = (row.metric, row.period, row.client_id, row.source)
    rows = await session.rows(
        select(*key, row.value, row.booked_on, row.revision, row.grain, Client.code, Client.name)
        .join(Client, Client.id == row.client_id)
        .where(session.within(Client), CLIENT.within_reach(session, FACTS_VIEW, today), row.withdrawn.is_(False))
        .order_by(*(column.desc() for column in key))
        .limit(size + 1)
    )
    lines = [_line(line) for line in rows[:size]]
    last = lines[-1] if len(rows) > size else None
    return FactPage(tuple(lines), (last.metric, last.period, last.client_id, last.source) if last else None)


def _line(row: Row[*tuple[Any, ...]]) -> FactLine:
    metric, period, client_id, source, value, booked_on, revision, grain, code, name = row
    named = period_name(grain, period)
    return FactLine(metric, period, client_id, source, value, booked_on, revision, named, code, name)


async def metric_titles(session: TenantSession) -> dict[str, Bilingual]:
    """The titles of all metrics, retired ones too, by key."""
    rows = await session.rows(select(Metric.key, Metric.title_zh, Metric.title_en).where(session.within(Metric)))
    return {key: Bilingual(zh, en) for key, zh, en in rows}
