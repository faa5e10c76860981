"""The core's indicators: a figure for each manager over a period, each one statement over all managers.

What is read from one table is read once: `SCANS` answer several indicators from one pass, the single indicators are
taken from them. What lies behind a figure is in `evidence`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Date, Numeric, Select, and_, func, literal, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import aliased

from steward_core.clients.freshness import KEPT_FRESH
from steward_core.clients.models import Client, ClientOwnership
from steward_core.database.context import QueryContext
from steward_core.industry.declarations import Indicator, Period
from steward_core.performance import evidence
from steward_core.performance.measures import (
    asked,
    carried_out,
    elapsed_working_days,
    ended_in,
    fresh_on,
    held_on,
    last_day,
    revenue_facts,
    visited,
)
from steward_core.performance.settings import core_figures
from steward_core.plans.models import ActionStatus, PlanAction, VisitPlan
from steward_core.promises.models import ClockState, PromiseClock
from steward_core.visits.models import Visit
from steward_tenants.texts import Bilingual

settings = core_figures
"""What these indicators get as their context's settings."""


@dataclass(frozen=True)
class Scan:
    """Several indicators from one pass. `rows` selects `owner_id` and for each of `keys` (without their prefix)
    `<key>`, `<key>_numerator` and `<key>_denominator`."""

    keys: tuple[str, ...]
    rows: Callable[[QueryContext, Period], Select[Any]]


def _percent(part: ColumnElement[Any], of: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.round(sql_cast(part, Numeric()) * Decimal(100) / func.nullif(of, 0), 2)


def _named(key: str, value: Any, numerator: Any, denominator: Any) -> tuple[ColumnElement[Any], ...]:
    return value.label(key), numerator.label(f"{key}_numerator"), denominator.label(f"{key}_denominator")


def _rate(owner: Any, counted: ColumnElement[Any], of: ColumnElement[Any]) -> Select[Any]:
    return select(
        owner.label("owner_id"),
        _percent(counted, of).label("value"),
        counted.label("numerator"),
        of.label("denominator"),
    )


def visits(ctx: QueryContext, period: Period) -> Select[Any]:
    """Visits done in the period: distinct clients, and visits by working day.

    Two steps of plain counting rather than `count(distinct)`, which would sort every visit.
    """
    visit = aliased(Visit)
    pairs = (
        select(visit.owner_id, func.count().label("visits"))
        .where(visited(ctx, period, visit))
        .group_by(visit.owner_id, visit.client_id)
        .subquery("pairs")
    )
    done, clients = func.sum(pairs.c.visits), func.count()
    days = sql_cast(literal(elapsed_working_days(ctx, period)), Numeric())
    nothing = sql_cast(None, Numeric())
    return select(
        pairs.c.owner_id,
        *_named("clients_visited", clients, nothing, nothing),
        *_named("visits_per_day", func.round(done / func.nullif(days, 0), 2), done, days),
    ).group_by(pairs.c.owner_id)


def plan_completion(ctx: QueryContext, period: Period) -> Select[Any]:
    """Of the visits that the period's plans ask for, those done, in percent. What was dropped does not count; what
    left a plan unfinished for a later month counts as one that was not done."""
    plan, action = aliased(VisitPlan), aliased(PlanAction)
    mine = (ctx.within(plan), plan.month >= period.start, plan.month < period.end)
    actions = (
        select(
            action.plan_id,
            func.sum(asked(action)).label("asked"),
            func.sum(carried_out(action)).label("done"),
        )
        .join(plan, and_(*mine, plan.id == action.plan_id))
        .where(ctx.within(action), action.status != ActionStatus.DROPPED.value)
        .group_by(action.plan_id)
        .subquery("actions")
    )
    done = func.coalesce(func.sum(actions.c.done), 0)
    wanted = func.coalesce(func.sum(actions.c.asked), 0) + func.sum(plan.carried_out)
    return (
        _rate(plan.owner_id, done, wanted)
        .select_from(plan)
        .outerjoin(actions, actions.c.plan_id == plan.id)
        .where(*mine)
        .group_by(plan.owner_id)
    )


def promises_kept(ctx: QueryContext, period: Period) -> Select[Any]:
    """Of the promises and follow-ups that were kept or broken in the period, those kept, in percent."""
    clock = aliased(PromiseClock)
    kept = func.count().filter(clock.state == ClockState.KEPT.value)
    return (
        _rate(clock.owner_id, kept, func.count())
        .where(ctx.within(clock), ended_in(ctx, period, clock))
        .group_by(clock.owner_id)
    )


def profile_freshness(ctx: QueryContext, period: Period) -> Select[Any]:
    """Of the clients owned on the period's last day (today, while it goes on), those whose profiles were not due."""
    held, day = aliased(ClientOwnership), last_day(ctx, period)
    return (
        _rate(held.owner_id, func.count().filter(fresh_on(ctx, day)), func.count())
        .select_from(Client)
        .join(held, and_(held.client_id == Client.id, held_on(ctx, held, literal(day, Date()))))
        .where(ctx.within(Client), Client.status.in_(KEPT_FRESH))
        .group_by(held.owner_id)
    )


def owners_in(ctx: QueryContext, period: Period) -> Select[Any]:
    """Everybody who owned a client on a day of the period."""
    held = aliased(ClientOwnership)
    return (
        select(held.owner_id)
        .where(
            ctx.within(held),
            held.owner_id.is_not(None),
            held.valid_from < literal(period.end, Date()),
            held.valid_until > literal(period.start, Date()),
        )
        .distinct()
    )


def revenue(ctx: QueryContext, period: Period) -> Select[Any]:
    """The revenue of the period by who owned the client on the booking date, in fen; 0 of an owner without any. No
    rows where nothing counts as revenue here."""
    facts, held = revenue_facts(ctx, period), aliased(ClientOwnership)
    sums = (
        select(held.owner_id, func.sum(facts.c.value).label("fen"))
        .select_from(facts)
        .join(held, and_(held.client_id == facts.c.client_id, held_on(ctx, held, facts.c.booked_on)))
        .group_by(held.owner_id)
        .subquery("sums")
    )
    owners = owners_in(ctx, period).subquery("owners")
    owner = func.coalesce(owners.c.owner_id, sums.c.owner_id)
    return (
        select(owner.label("owner_id"), func.trim_scale(func.coalesce(sums.c.fen, 0)).label("value"))
        .select_from(owners)
        .outerjoin(sums, sums.c.owner_id == owners.c.owner_id, full=True)
        .where(literal(bool(ctx.settings.revenue_metrics)))
    )


VISITS = Scan(("clients_visited", "visits_per_day"), visits)
SCANS = (VISITS,)


def _one_of(scan: Scan, key: str, ctx: QueryContext, period: Period) -> Select[Any]:
    """One indicator of a scan."""
    found = scan.rows(ctx, period).subquery("found")
    return select(
        found.c.owner_id,
        found.c[key].label("value"),
        found.c[f"{key}_numerator"].label("numerator"),
        found.c[f"{key}_denominator"].label("denominator"),
    )


INDICATORS = (
    Indicator(
        "plan_completion",
        Bilingual("计划完成率", "Plan completion"),
        "%",
        plan_completion,
        description=Bilingual(
            "当月计划要求的走访中已完成的比例；移除的不计，结转到以后月份的按未完成计",
            "Of the visits that the month's plan asks for, those done; what is carried over counts as not done",
        ),
        evidence=evidence.actions,
    ),
    Indicator(
        "clients_visited",
        Bilingual("走访客户数", "Distinct clients visited"),
        "clients",
        partial(_one_of, VISITS, "clients_visited"),
        description=Bilingual("当月完成走访的不同客户数", "Distinct clients with a visit done in the month"),
        none=0,
        evidence=evidence.visits,
    ),
    Indicator(
        "visits_per_day",
        Bilingual("日均走访次数", "Visits per working day"),
        "visits",
        partial(_one_of, VISITS, "visits_per_day"),
        description=Bilingual(
            "完成的走访次数除以当月工作日数（未过完的月份算到当日）",
            "Visits done by working days of the month, so far while it goes on",
        ),
        none=0,
        evidence=evidence.visits,
    ),
    Indicator(
        "promises_kept",
        Bilingual("承诺兑现率", "Promises kept"),
        "%",
        promises_kept,
        description=Bilingual(
            "当月兑现或违约的承诺与跟进中按时兑现的比例",
            "Of the promises and follow-ups kept or broken in the month, those kept",
        ),
        evidence=evidence.clocks,
    ),
    Indicator(
        "profile_freshness",
        Bilingual("档案及时率", "Profile freshness"),
        "%",
        profile_freshness,
        description=Bilingual(
            "月末所辖客户中档案未到期的比例",
            "Of the clients owned on the month's last day, those whose profiles were not due",
        ),
        evidence=evidence.profiles,
    ),
    Indicator(
        "revenue",
        Bilingual("收入", "Revenue"),
        "fen",
        revenue,
        description=Bilingual(
            "当月收入，按入账日的客户经理归属", "The month's revenue, by who owned the client on the booking date"
        ),
        evidence=evidence.facts,
    ),
)
