"""Client facts set-based, for triggers, indicators and gradings: the figures in force, whose they are, what stands out.

`since` is the first day that counts, `until` the day after the last; both are compared with the period's first day.
Nothing here looks at the actor: what a person reads comes from `fact_readings`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import ColumnElement, Date, Numeric, Select, Subquery, Uuid, and_, func, literal, null, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on
from sqlalchemy.orm import aliased

from steward_core.clients.fact_rules import first_day, period_name, shifted
from steward_core.clients.models import Client, ClientFact, ClientOwnership, ClientStatus
from steward_core.database.context import QueryContext
from steward_core.industry.declarations import Period
from steward_tenants.database.session import TenantSession

GONE = (ClientStatus.CLOSED.value, ClientStatus.MERGED.value)
"""Clients of these statuses raise no triggers."""
HABIT = 12
"""Periods before the missed ones in which a client must have had a figure to count as missing it now."""
Grain = Literal["day", "month", "quarter", "year"]


@dataclass(frozen=True)
class Wanted:
    """Which facts are looked at. No `metrics`: all."""

    metrics: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None

    def conditions(self, fact: Any) -> list[ColumnElement[bool]]:
        """The conditions on an alias of ClientFact."""
        conditions: list[ColumnElement[bool]] = []
        if self.metrics:
            one = len(self.metrics) == 1
            conditions.append(fact.metric == self.metrics[0] if one else fact.metric.in_(self.metrics))
        if self.since is not None:
            conditions.append(fact.period >= self.since)
        if self.until is not None:
            conditions.append(fact.period < self.until)
        return conditions


def latest_revisions(
    ctx: QueryContext | TenantSession, wanted: Wanted, *more: Any, extra: tuple[str, ...] = ()
) -> Subquery:
    """Of each source's facts the highest revision, withdrawn ones too: metric, period, client_id, source, value,
    booked_on, withdrawn and the columns named in `extra`.

    `more` are functions from the alias to further conditions on the key. Ordered like the primary key backwards, so
    that the index answers without a sort.
    """
    fact = aliased(ClientFact)
    key = (fact.metric, fact.period, fact.client_id, fact.source)
    return (
        select(*key, fact.value, fact.booked_on, fact.withdrawn, *(getattr(fact, name) for name in extra))
        .ext(distinct_on(*key))
        .where(ctx.within(fact), *wanted.conditions(fact), *(condition(fact) for condition in more))
        .order_by(*(column.desc() for column in key), fact.revision.desc())
        .subquery()
    )


def current_facts(ctx: QueryContext, *metrics: str, since: date | None = None, until: date | None = None) -> Subquery:
    """The figures in force: client_id, metric, period, value (summed over sources), booked_on (the latest one)."""
    return _in_force(latest_revisions(ctx, Wanted(metrics, since, until)))


def _in_force(latest: Subquery) -> Subquery:
    return (
        select(
            latest.c.client_id,
            latest.c.metric,
            latest.c.period,
            func.sum(latest.c.value).label("value"),
            func.max(latest.c.booked_on).label("booked_on"),
        )
        .where(latest.c.withdrawn.is_(False))
        .group_by(latest.c.metric, latest.c.period, latest.c.client_id)
        .subquery()
    )


def attributed(
    ctx: QueryContext | TenantSession, metric: str, since: date | None = None, until: date | None = None
) -> Subquery:
    """The figures in force by who owned the client on the booking date: owner_id, unit_id, client_id, period, value.

    Owner and unit are None where the client was in the public pool, or not yet known here, on that date.
    """
    latest = latest_revisions(ctx, Wanted((metric,), since, until))
    held = aliased(ClientOwnership)
    return (
        select(
            held.owner_id,
            held.unit_id,
            latest.c.client_id,
            latest.c.period,
            func.sum(latest.c.value).label("value"),
        )
        .select_from(latest)
        .outerjoin(
            held,
            and_(
                ctx.within(held),
                held.client_id == latest.c.client_id,
                held.valid_from <= latest.c.booked_on,
                held.valid_until > latest.c.booked_on,
            ),
        )
        .where(latest.c.withdrawn.is_(False))
        .group_by(held.owner_id, held.unit_id, latest.c.client_id, latest.c.period)
        .subquery()
    )


def falls_against_mean(
    ctx: QueryContext, metric: str, percent: Decimal | float, months: int = 3
) -> Select[tuple[Any, ...]]:
    """Clients whose figure of the latest complete month lies `percent` or more below the mean of the `months` before.

    Trigger columns; figures: metric, period, latest, mean, fall_percent. Clients without a figure for one of these
    months are left out: what did not arrive is no fall (see `missed_periods`).
    """
    after = first_day("month", ctx.today)
    last = shifted("month", after, -1)
    facts = current_facts(ctx, metric, since=shifted("month", last, -months), until=after)
    before = facts.c.period < last
    sums = (
        select(
            facts.c.client_id,
            func.max(facts.c.value).filter(facts.c.period == last).label("latest"),
            func.sum(facts.c.value).filter(before).label("total"),
            func.count().filter(before).label("months"),
        )
        .group_by(facts.c.client_id)
        .subquery()
    )
    fallen: ColumnElement[Any] = (sums.c.total - sums.c.latest * months) * 100
    figures = _figures(
        metric=literal(metric),
        period=literal(period_name("month", last)),
        latest=func.trim_scale(sums.c.latest),
        mean=_rounded(sums.c.total / months),
        fall_percent=_rounded(fallen / sums.c.total),
    )
    return _trigger(ctx, sums, figures).where(
        sums.c.months == months,
        sums.c.latest.is_not(None),
        sums.c.total > 0,
        fallen >= literal(Decimal(str(percent)), Numeric()) * sums.c.total,
    )


def missed_periods(
    ctx: QueryContext, metric: str, times: int, *, grain: Grain = "month", habit: int = HABIT
) -> Select[tuple[Any, ...]]:
    """Clients without a figure, or with 0, in each of the last `times` complete periods, that had one in the `habit`
    periods before.

    Trigger columns; figures: metric, times, last_period (the last one with a figure), last_value. Nobody is found
    while no client has a figure for the latest of these periods: then it did not arrive yet.
    """
    after = first_day(grain, ctx.today)
    start = shifted(grain, after, -times)
    facts = current_facts(ctx, metric, since=shifted(grain, start, -habit), until=after)
    present = facts.c.value != 0
    sums = (
        select(
            facts.c.client_id,
            func.max(facts.c.period).filter(present).label("last_period"),
            func.array_agg(aggregate_order_by(facts.c.value, facts.c.period.desc())).filter(present).label("values"),
        )
        .group_by(facts.c.client_id)
        .subquery()
    )
    known = aliased(ClientFact)
    arrived = (
        select(known.client_id)
        .where(ctx.within(known), known.metric == metric, known.period == shifted(grain, after, -1))
        .limit(1)
    ).exists()
    figures = _figures(
        metric=literal(metric),
        times=literal(times),
        last_period=sums.c.last_period,
        last_value=func.trim_scale(sums.c["values"][1]),
    )
    return _trigger(ctx, sums, figures).where(sums.c.last_period < start, arrived)


def growth(ctx: QueryContext, metric: str, now: Period, before: Period) -> Subquery:
    """Each client's sum over `now` against the one over `before`: client_id, value, before, change, percent (None where
    there was nothing before). Clients with a figure in either period."""
    latest = latest_revisions(
        ctx, Wanted((metric,)), lambda fact: _inside(fact.period, now) | _inside(fact.period, before)
    )
    facts = _in_force(latest)
    sums = (
        select(
            facts.c.client_id,
            _sum_over(facts, now).label("value"),
            _sum_over(facts, before).label("before"),
        )
        .group_by(facts.c.client_id)
        .subquery()
    )
    change = sums.c.value - sums.c.before
    percent = _rounded(change * 100 / func.nullif(func.abs(sums.c.before), 0))
    return select(
        sums.c.client_id, sums.c.value, sums.c.before, change.label("change"), percent.label("percent")
    ).subquery()


def growth_by_owner(ctx: QueryContext, metric: str, now: Period, before: Period) -> Select[tuple[Any, ...]]:
    """Growth of the portfolio in percent, like with like: the clients that somebody owns on the last day of `now`, now
    and before. Indicator columns: owner_id, value, numerator (the change), denominator (before)."""
    grown = growth(ctx, metric, now, before)
    held = aliased(ClientOwnership)
    change, base = func.sum(grown.c.change), func.sum(grown.c.before)
    return (
        select(
            held.owner_id,
            _rounded(change * 100 / base).label("value"),
            change.label("numerator"),
            base.label("denominator"),
        )
        .join(grown, grown.c.client_id == held.client_id)
        .where(ctx.within(held), held.owner_id.is_not(None), held.valid_from < now.end, held.valid_until >= now.end)
        .group_by(held.owner_id)
        .having(base > 0)
    )


def _inside(first_day_column: Any, period: Period) -> ColumnElement[bool]:
    return and_(first_day_column >= period.start, first_day_column < period.end)


def _sum_over(facts: Subquery, period: Period) -> ColumnElement[Any]:
    return func.coalesce(func.sum(facts.c.value).filter(_inside(facts.c.period, period)), 0)


def _rounded(value: Any) -> ColumnElement[Any]:
    return func.trim_scale(func.round(value, 2))


def _figures(**values: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.jsonb_build_object(*(part for name, value in values.items() for part in (literal(name), value)))


def _trigger(ctx: QueryContext, found: Subquery, figures: ColumnElement[Any]) -> Select[tuple[Any, ...]]:
    """The columns of a trigger, for clients that are neither closed nor merged."""
    client = aliased(Client)
    return (
        select(
            found.c.client_id,
            sql_cast(null(), Uuid()).label("subject_id"),
            literal(ctx.today, Date()).label("due_on"),
            figures.label("figures"),
        )
        .select_from(found)
        .join(client, client.id == found.c.client_id)
        .where(ctx.within(client), client.status.not_in(GONE))
    )
