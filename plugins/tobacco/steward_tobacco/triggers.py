"""What puts a retailer into the next plan."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    Subquery,
    Text,
    Uuid,
    and_,
    case,
    func,
    literal,
    null,
    select,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import JSONB, distinct_on

from steward_core.clients.fact_queries import current_facts, falls_against_mean
from steward_core.clients.fact_rules import first_day, shifted
from steward_core.database.context import QueryContext
from steward_core.forms.declared_queries import record_fields
from steward_core.industry.declarations import Trigger
from steward_tenants.texts import Bilingual
from steward_tobacco.keys import ATTEMPTS, BRAND, DUE, GRADING, PLACED, PROFILE, SUCCESSES, VISIT, VOLUME


def _figures(**values: Any) -> ColumnElement[Any]:
    """What was found, as a JSON object."""
    parts = [part for name, value in values.items() for part in (literal(name, Text()), value)]
    return func.jsonb_build_object(*parts, type_=JSONB)


def _found(
    found: Subquery,
    ctx: QueryContext,
    figures: ColumnElement[Any],
    *,
    subject: ColumnElement[Any] | None = None,
    due_on: ColumnElement[Any] | None = None,
) -> Select[Any]:
    return select(
        found.c.client_id,
        (sql_cast(null(), Uuid(as_uuid=True)) if subject is None else subject).label("subject_id"),
        (literal(ctx.today, Date()) if due_on is None else due_on).label("due_on"),
        figures.label("figures"),
    ).select_from(found)


def _short(ctx: QueryContext, whole: str, part: str, least: int) -> Subquery:
    """The latest of this month and the last one in which `part` stays `least` or more below `whole`."""
    month = first_day("month", ctx.today)
    facts = current_facts(ctx, whole, part, since=shifted("month", month, -1), until=shifted("month", month, 1))

    def of(metric: str) -> ColumnElement[Any]:
        return func.sum(facts.c.value).filter(facts.c.metric == metric)

    months = (
        select(facts.c.client_id, facts.c.period, of(whole).label("whole"), of(part).label("part"))
        .group_by(facts.c.client_id, facts.c.period)
        .having(of(whole) - of(part) >= least)
        .subquery()
    )
    return (
        select(*months.c)
        .ext(distinct_on(months.c.client_id))
        .order_by(months.c.client_id, months.c.period.desc())
        .subquery("short")
    )


def order_missed(ctx: QueryContext) -> Select[Any]:
    """Orders that were due and not placed, as often in one month as the settings say, this month or the last."""
    short = _short(ctx, DUE, PLACED, ctx.settings.missed_orders)
    missed = func.trim_scale(short.c.whole - short.c.part)
    return _found(short, ctx, _figures(month=func.to_char(short.c.period, "YYYY-MM"), missed=missed))


def volume_fell(ctx: QueryContext) -> Select[Any]:
    """The last complete month's volume lies below the mean of the months before by the settings' percentage."""
    return falls_against_mean(ctx, VOLUME, ctx.settings.volume_drop_percent, ctx.settings.volume_mean_months)


def settlement_failed(ctx: QueryContext) -> Select[Any]:
    """An e-settlement failed this month or the last."""
    short = _short(ctx, ATTEMPTS, SUCCESSES, 1)
    failed = func.trim_scale(short.c.whole - short.c.part)
    return _found(short, ctx, _figures(month=func.to_char(short.c.period, "YYYY-MM"), failed=failed))


def latest_gradings(ctx: QueryContext, *names: str) -> Subquery:
    """Each retailer's bound grading of the period that ended last. Names of periods do not sort: a company may have
    gone over from quarters (`2026Q2`) to half-years (`2026H2`)."""
    grading = record_fields(ctx, GRADING, *names)
    part = sql_cast(func.substr(grading.c.period, 6, 1), Integer())
    ends_in = part * case((func.substr(grading.c.period, 5, 1) == "H", 6), else_=3)
    return (
        select(*grading.c)
        .ext(distinct_on(grading.c.client_id))
        .order_by(
            grading.c.client_id,
            func.left(grading.c.period, 4).desc(),
            ends_in.desc(),
            grading.c.created_at.desc(),
            grading.c.record_id.desc(),
        )
        .subquery("latest_gradings")
    )


def star_dropped(ctx: QueryContext) -> Select[Any]:
    """The latest bound grading gave fewer stars than the one before."""
    latest = latest_gradings(ctx, "star", "previous_star")
    figures = _figures(period=latest.c.period, before=latest.c.previous_star, star=latest.c.star)
    return _found(latest, ctx, figures, subject=latest.c.record_id).where(latest.c.star < latest.c.previous_star)


def star_near(ctx: QueryContext) -> Select[Any]:
    """The latest bound grading fell short of the next star by no more than the settings' points."""
    latest = latest_gradings(ctx, "star", "score")
    stars = ctx.settings.stars
    following = case(
        *(
            (latest.c.star == star, line * 100)
            for star, line in enumerate((stars.two, stars.three, stars.four, stars.five), 1)
        )
    )
    short = following - latest.c.score
    figures = _figures(period=latest.c.period, star=latest.c.star, score=latest.c.score, short=short)
    return _found(latest, ctx, figures, subject=latest.c.record_id).where(
        short > 0, short <= ctx.settings.near_star_points * 100
    )


def brand_missing(ctx: QueryContext) -> Select[Any]:
    """A target brand is not on the shelf."""
    brand = record_fields(ctx, BRAND, "brand", "target", "on_shelf")
    return _found(brand, ctx, _figures(brand=brand.c.brand), subject=brand.c.record_id).where(
        brand.c.target, ~brand.c.on_shelf
    )


def licence_ending(ctx: QueryContext) -> Select[Any]:
    """The licence ends within the settings' days, or has ended. `stage` is the warning that is due (60, then 30); a
    lapsed one is stage 0. Due on the day on which its stage began."""
    profile = record_fields(ctx, PROFILE, "licence_number", "licence_expires_on")
    first, last = ctx.settings.licence_warning_days, ctx.settings.licence_last_warning_days
    expires = profile.c.licence_expires_on
    stage = case((expires < ctx.today, 0), (expires <= ctx.today + timedelta(days=last), last), else_=first)
    figures = _figures(
        licence_number=profile.c.licence_number,
        expires_on=expires,
        days_left=expires - literal(ctx.today, Date()),
        stage=stage,
    )
    return _found(profile, ctx, figures, subject=profile.c.record_id, due_on=sql_cast(expires - stage, Date())).where(
        expires <= ctx.today + timedelta(days=first)
    )


def stock_out(ctx: QueryContext) -> Select[Any]:
    """Something was out of stock on the last visit."""
    visit = record_fields(ctx, VISIT, "visited_on", "out_of_stock", "missing_brands")
    last = (
        select(*visit.c)
        .ext(distinct_on(visit.c.client_id))
        .where(visit.c.visited_on.is_not(None))
        .order_by(visit.c.client_id, visit.c.visited_on.desc(), visit.c.created_at.desc(), visit.c.record_id.desc())
        .subquery("last_visit")
    )
    figures = _figures(visited_on=last.c.visited_on, brands=last.c.missing_brands)
    return _found(last, ctx, figures, subject=last.c.record_id).where(and_(last.c.out_of_stock))


TRIGGERS = (
    Trigger("order_missed", Bilingual("多次漏订", "Orders missed"), order_missed),
    Trigger("volume_fell", Bilingual("购进下滑", "Volume fell"), volume_fell),
    Trigger("settlement_failed", Bilingual("电子结算失败", "E-settlement failed"), settlement_failed),
    Trigger("star_dropped", Bilingual("星级下降", "Star dropped"), star_dropped),
    Trigger("star_near", Bilingual("接近升星", "Close to the next star"), star_near),
    Trigger("brand_missing", Bilingual("重点品牌未上柜", "Target brand not on shelf"), brand_missing),
    Trigger("licence_ending", Bilingual("许可证即将到期", "Licence ending"), licence_ending),
    Trigger("stock_out", Bilingual("上次走访有断货", "Out of stock on the last visit"), stock_out),
)
