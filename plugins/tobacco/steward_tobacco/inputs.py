"""The one select of the grading's inputs: each retailer's facts, profile, brands and visits over the period."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Select,
    Subquery,
    and_,
    case,
    extract,
    func,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy import cast as sql_cast

from steward_core.clients.fact_queries import Wanted, latest_revisions
from steward_core.clients.models import Client
from steward_core.database.context import QueryContext
from steward_core.forms.declared_queries import record_fields
from steward_core.industry.declarations import Period
from steward_tobacco.choices import Judgement
from steward_tobacco.keys import (
    AMOUNT,
    ATTEMPTS,
    BRAND,
    DUE,
    FULFILLED,
    MAJOR,
    MINOR,
    PLACED,
    PROFILE,
    RETAILER,
    SUCCESSES,
    VISIT,
    VOLUME,
)
from steward_tobacco.periods import months_in, period_before

METRICS = (VOLUME, AMOUNT, DUE, PLACED, FULFILLED, ATTEMPTS, SUCCESSES, MINOR, MAJOR)
JUDGED = {Judgement.MET: 10_000, Judgement.PARTLY: 5_000, Judgement.NOT_MET: 0}
"""What a judgement on a visit counts, in hundredths of a percent."""
STAR_RATE = 2_000
"""What a star of cooperation counts, in hundredths of a percent."""


def inputs(ctx: QueryContext, period: Period) -> Select[Any]:
    """One row for each retailer asked about who was licensed in the period. Cartons in hundredths, money in fen, rates
    in hundredths of a percent; null where nothing is known."""
    facts, brands, visits = _facts(ctx, period), _brands(ctx), _visits(ctx, period)
    profile = record_fields(
        ctx, PROFILE, "licence_number", "licence_issued_on", "licence_expires_on", "settlement_signed"
    )
    issued, last_day = profile.c.licence_issued_on, period.end - timedelta(days=1)
    statement = (
        select(
            Client.id.label("client_id"),
            profile.c.licence_number,
            case(
                (profile.c.licence_expires_on < min(last_day, ctx.today), True), else_=sql_cast(null(), Boolean)
            ).label("licence_lapsed"),
            _months(period, issued).label("months"),
            *(column for column in facts.c if column.key != "client_id"),
            profile.c.settlement_signed,
            brands.c.brands_targeted,
            brands.c.brands_on_shelf,
            visits.c.display_rate,
            visits.c.tags_rate,
            visits.c.cooperation_rate,
        )
        .select_from(Client)
        .outerjoin(facts, facts.c.client_id == Client.id)
        .outerjoin(profile, profile.c.client_id == Client.id)
        .outerjoin(brands, brands.c.client_id == Client.id)
        .outerjoin(visits, visits.c.client_id == Client.id)
        .where(ctx.within(Client), Client.kind == RETAILER, ctx.about(Client.id))
    )
    licensed_before = period.start if ctx.settings.joined_in_period == "left_out" else period.end
    return statement.where(or_(issued.is_(None), issued < licensed_before))


def _facts(ctx: QueryContext, period: Period) -> Subquery:
    """The period's sums of each metric; of the volume also that of the period before."""
    before = period_before(period)
    latest = latest_revisions(
        ctx,
        Wanted(METRICS, before.start, period.end),
        lambda fact: ctx.about(fact.client_id),
        lambda fact: or_(fact.period >= period.start, fact.metric == VOLUME),
    )
    now = latest.c.period >= period.start

    def total(metric: str, condition: ColumnElement[bool] = now) -> ColumnElement[Any]:
        return func.sum(latest.c.value).filter(latest.c.metric == metric, condition)

    def whole(value: ColumnElement[Any], factor: int = 1) -> ColumnElement[Any]:
        # GREATEST passes over nulls: no figure would become none bought.
        return case((value.is_not(None), sql_cast(func.greatest(func.round(value * factor), 0), BigInteger)))

    return (
        select(
            latest.c.client_id,
            whole(total(VOLUME), 100).label("cartons"),
            whole(total(VOLUME, ~now), 100).label("cartons_before"),
            whole(total(AMOUNT)).label("amount"),
            whole(total(DUE)).label("orders_due"),
            whole(total(PLACED)).label("orders_placed"),
            whole(total(FULFILLED)).label("orders_fulfilled"),
            whole(total(ATTEMPTS)).label("settlement_attempts"),
            whole(total(SUCCESSES)).label("settlement_successes"),
            func.nullif(whole(total(MINOR)), 0, type_=BigInteger()).label("minor_violations"),
            func.nullif(whole(total(MAJOR)), 0, type_=BigInteger()).label("major_violations"),
        )
        .where(latest.c.withdrawn.is_(False))
        .group_by(latest.c.client_id)
        .subquery("facts")
    )


def _months(period: Period, issued: ColumnElement[Any]) -> ColumnElement[Any]:
    """The months that count: from the licence's issue, where that lies in the period."""
    whole = months_in(period)
    passed = (extract("year", issued) - period.start.year) * 12 + extract("month", issued) - period.start.month
    joined = and_(issued > period.start, issued < period.end)
    return sql_cast(case((joined, whole - passed), else_=literal(whole, BigInteger)), BigInteger)


def _brands(ctx: QueryContext) -> Subquery:
    brand = record_fields(ctx, BRAND, "target", "on_shelf")
    return (
        select(
            brand.c.client_id,
            func.count().label("brands_targeted"),
            func.count().filter(brand.c.on_shelf).label("brands_on_shelf"),
        )
        .where(brand.c.target, ctx.about(brand.c.client_id))
        .group_by(brand.c.client_id)
        .subquery("brands")
    )


def _visits(ctx: QueryContext, period: Period) -> Subquery:
    visit = record_fields(ctx, VISIT, "visited_on", "display", "price_tags", "cooperation")

    def judged(column: ColumnElement[Any]) -> ColumnElement[Any]:
        counted = case(*((column == judgement.value, rate) for judgement, rate in JUDGED.items()))
        return sql_cast(func.round(func.avg(counted)), BigInteger)

    return (
        select(
            visit.c.client_id,
            judged(visit.c.display).label("display_rate"),
            judged(visit.c.price_tags).label("tags_rate"),
            sql_cast(func.round(func.avg(visit.c.cooperation) * STAR_RATE), BigInteger).label("cooperation_rate"),
        )
        .where(visit.c.visited_on >= period.start, visit.c.visited_on < period.end, ctx.about(visit.c.client_id))
        .group_by(visit.c.client_id)
        .subquery("visits")
    )
