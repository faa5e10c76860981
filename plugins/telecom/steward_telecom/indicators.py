"""Figures for each account manager over a period, from facts, contracts, products, arrears and forms.

Days of changes are compared in UTC. What belongs to a day belongs to who owned the client on that day.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    Subquery,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import aliased

from steward_core.clients.fact_queries import attributed, growth, growth_by_owner
from steward_core.clients.fact_rules import shifted
from steward_core.clients.freshness import KEPT_FRESH, is_stale
from steward_core.clients.models import (
    Arrears,
    Client,
    ClientOwnership,
    ClientProduct,
)
from steward_core.clients.policies import FreshnessRule, freshness_in_force
from steward_core.database.context import QueryContext
from steward_core.forms.declared_queries import record_fields
from steward_core.forms.models import FormRecord
from steward_core.industry.declarations import Indicator, Period
from steward_core.performance.evidence import evidence_row
from steward_telecom.classes import FRESHNESS
from steward_telecom.keys import AREA_COMPETITOR, BILL, COMPETITOR, MEMBERS
from steward_telecom.periods import compared_with, day_of, held_on, last_day, months_of, rate, within
from steward_tenants.texts import Bilingual

KNOWN_BEFORE = 12
"""Months back in which a client's members may have been known last."""


def revenue(ctx: QueryContext, period: Period) -> Select[Any]:
    """The bills of the period, by who owned the client on the booking date, in fen."""
    bills = attributed(ctx, BILL, period.start, period.end)
    return (
        select(bills.c.owner_id, func.trim_scale(func.sum(bills.c.value)).label("value"))
        .where(bills.c.owner_id.is_not(None))
        .group_by(bills.c.owner_id)
    )


def _billed(ctx: QueryContext, period: Period, owner_id: UUID) -> Select[Any]:
    """The clients, and their bills of the period."""
    rows = attributed(ctx, BILL, period.start, period.end)
    columns = evidence_row(
        "client", rows.c.client_id, rows.c.client_id, func.max(rows.c.period), true(), fen=func.sum(rows.c.value)
    )
    return select(*columns).where(rows.c.owner_id == owner_id).group_by(rows.c.client_id)


def revenue_growth(ctx: QueryContext, period: Period) -> Select[Any]:
    """Growth of the portfolio's bills, like with like, against the period that the settings name, in percent."""
    return growth_by_owner(ctx, BILL, period, compared_with(period, ctx.settings.growth_against))


def _grown(ctx: QueryContext, period: Period, owner_id: UUID) -> Select[Any]:
    """The clients owned on the last day, and what each paid before and how much more now."""
    rows = growth(ctx, BILL, period, compared_with(period, ctx.settings.growth_against))
    held, client = aliased(ClientOwnership), rows.c.client_id
    columns = evidence_row(
        "client", client, client, last_day(period), true(), before=rows.c.before, change=rows.c.change
    )
    return select(*columns).join(held, held_on(ctx, held, client, last_day(period))).where(held.owner_id == owner_id)


def new_services(ctx: QueryContext, period: Period) -> Select[Any]:
    """Products that clients began to use in the period."""
    held = aliased(ClientOwnership)
    owner: Any = held.owner_id
    return (
        select(owner.label("owner_id"), func.count().label("value"))
        .select_from(ClientProduct)
        .join(held, held_on(ctx, held, ClientProduct.client_id, ClientProduct.started_on))
        .where(ctx.within(ClientProduct), within(ClientProduct.started_on, period))
        .group_by(held.owner_id)
    )


def _begun(ctx: QueryContext, period: Period, owner_id: UUID) -> Select[Any]:
    """The products in use since a day of the period."""
    held, one = aliased(ClientOwnership), ClientProduct
    columns = evidence_row("product", one.id, one.client_id, one.started_on, true(), product_id=one.product_id)
    return (
        select(*columns)
        .join(held, held_on(ctx, held, one.client_id, one.started_on))
        .where(ctx.within(one), within(one.started_on, period), held.owner_id == owner_id)
    )


def _owed(ctx: QueryContext, period: Period) -> Subquery:
    """Arrears due by the period's end and not settled before it began, by who owned the client when they were settled
    or else on the last day: owner_id, id, client_id, due_on, amount, recovered."""
    settled = and_(Arrears.paid >= Arrears.amount, Arrears.settled_on.is_not(None))
    day = case((and_(settled, Arrears.settled_on < day_of(period.end)), Arrears.settled_on), else_=last_day(period))
    held = aliased(ClientOwnership)
    return (
        select(
            held.owner_id,
            Arrears.id,
            Arrears.client_id,
            Arrears.due_on,
            Arrears.amount,
            func.coalesce(and_(settled, within(Arrears.settled_on, period)), literal(False)).label("recovered"),
        )
        .join(held, held_on(ctx, held, Arrears.client_id, day))
        .where(
            ctx.within(Arrears),
            Arrears.due_on < day_of(period.end),
            or_(~settled, Arrears.settled_on >= day_of(period.start)),
        )
        .subquery("owed")
    )


def arrears_recovered(ctx: QueryContext, period: Period) -> Select[Any]:
    """Of the arrears that were due by the period's end and not settled before it began, what was settled in it, in
    percent of the money. What is paid in part counts when the rest is paid."""
    owed = _owed(ctx, period)
    recovered = func.coalesce(func.sum(owed.c.amount).filter(owed.c.recovered), 0)
    return select(*rate(owed.c.owner_id, recovered, func.sum(owed.c.amount))).group_by(owed.c.owner_id)


def _recovered(ctx: QueryContext, period: Period, owner_id: UUID) -> Select[Any]:
    """The arrears, and which of them were settled."""
    rows = _owed(ctx, period)
    columns = evidence_row("arrears", rows.c.id, rows.c.client_id, rows.c.due_on, rows.c.recovered, fen=rows.c.amount)
    return select(*columns).where(rows.c.owner_id == owner_id)


def _fresh(ctx: QueryContext) -> ColumnElement[bool]:
    """Whether a client's profiles are confirmed by the plugin's figures today."""
    rules = [
        FreshnessRule(tiers=one.tiers, basic_months=one.basic_months, personal_months=one.personal_months)
        for one in FRESHNESS
    ]
    return ~is_stale(freshness_in_force(None, rules), ctx.today)


def profile_freshness(ctx: QueryContext, period: Period) -> Select[Any]:  # noqa: ARG001 - as it stands today
    """Of the clients owned now, those whose basic and personal profile are confirmed by the plugin's figures."""
    return (
        select(*rate(Client.owner_id, func.count().filter(_fresh(ctx)), func.count()))
        .where(ctx.within(Client), Client.owner_id.is_not(None), Client.status.in_(KEPT_FRESH))
        .group_by(Client.owner_id)
    )


def _profiles(ctx: QueryContext, period: Period, owner_id: UUID) -> Select[Any]:  # noqa: ARG001 - as it stands today
    """The clients, and when their profiles were confirmed last."""
    columns = evidence_row(
        "client",
        Client.id,
        Client.id,
        literal(ctx.today, Date()),
        func.coalesce(_fresh(ctx), literal(False)),
        basic_confirmed_on=Client.basic_confirmed_on,
        personal_confirmed_on=Client.personal_confirmed_on,
    )
    return select(*columns).where(ctx.within(Client), Client.owner_id == owner_id, Client.status.in_(KEPT_FRESH))


def _reports(ctx: QueryContext, period: Period) -> Subquery:
    """The reports of the period, on clients and on areas: owner_id (who made it), id, client_id, day."""
    on_client = record_fields(ctx, COMPETITOR, "reported_on")
    on_area = record_fields(ctx, AREA_COMPETITOR, "reported_on")
    reports = union_all(
        *(
            select(one.c.record_id, one.c.reported_on).where(within(one.c.reported_on, period))
            for one in (on_client, on_area)
        )
    ).subquery("reports")
    return (
        select(FormRecord.created_by.label("owner_id"), FormRecord.id, FormRecord.client_id, reports.c.reported_on)
        .join(reports, reports.c.record_id == FormRecord.id)
        .where(ctx.within(FormRecord))
        .subquery("made")
    )


def competitor_reports(ctx: QueryContext, period: Period) -> Select[Any]:
    """Competitor reports on clients and areas that a manager made; the denominator is what the settings ask for. Who
    owns clients and made none has 0."""
    reports = _reports(ctx, period)
    made = select(reports.c.owner_id, func.count().label("reports")).group_by(reports.c.owner_id).subquery("counted")
    last = last_day(period)
    held = aliased(ClientOwnership)
    owners = (
        select(held.owner_id)
        .where(ctx.within(held), held.owner_id.is_not(None), held.valid_from <= last, held.valid_until > last)
        .union(select(made.c.owner_id))
        .subquery("owners")
    )
    asked = max(months_of(period), 1) * ctx.settings.competitor_reports_per_month
    count = func.coalesce(made.c.reports, 0)
    return (
        select(
            owners.c.owner_id,
            count.label("value"),
            count.label("numerator"),
            sql_cast(literal(asked), made.c.reports.type).label("denominator"),
        )
        .select_from(owners)
        .outerjoin(made, made.c.owner_id == owners.c.owner_id)
    )


def _reported(ctx: QueryContext, period: Period, owner_id: UUID) -> Select[Any]:
    """The reports."""
    rows = _reports(ctx, period)
    columns = evidence_row("record", rows.c.id, rows.c.client_id, rows.c.reported_on, true())
    return select(*columns).where(rows.c.owner_id == owner_id)


def _steps(ctx: QueryContext, period: Period) -> Subquery:
    """Members more than the month before, client by client and month by month: owner_id, client_id, period, members,
    gained."""
    since = shifted("month", period.start.replace(day=1), -KNOWN_BEFORE)
    facts = attributed(ctx, MEMBERS, since, period.end)
    before = func.lag(facts.c.value).over(partition_by=facts.c.client_id, order_by=facts.c.period)
    return select(
        facts.c.owner_id,
        facts.c.client_id,
        facts.c.period,
        facts.c.value.label("members"),
        case(
            (before.is_not(None), facts.c.value - before),
            (facts.c.period > func.min(facts.c.period).over(), facts.c.value),
            else_=0,
        ).label("gained"),
    ).subquery("steps")


def vpn_members_gained(ctx: QueryContext, period: Period) -> Select[Any]:
    """VPN members more than the month before, month by month, less those that left.

    A client's first figure counts in full, unless it is of the first month from which there are figures at all.
    """
    steps = _steps(ctx, period)
    return (
        select(steps.c.owner_id, func.trim_scale(func.sum(steps.c.gained)).label("value"))
        .where(steps.c.owner_id.is_not(None), within(steps.c.period, period))
        .group_by(steps.c.owner_id)
    )


def _gained(ctx: QueryContext, period: Period, owner_id: UUID) -> Select[Any]:
    """The clients with VPN members, a row for each month."""
    rows = _steps(ctx, period)
    client = rows.c.client_id
    columns = evidence_row(
        "client", client, client, rows.c.period, true(), members=rows.c.members, gained=rows.c.gained
    )
    return select(*columns).where(rows.c.owner_id == owner_id, within(rows.c.period, period))


INDICATORS = (
    Indicator("revenue", Bilingual("所辖客户收入", "Revenue of the portfolio"), "fen", revenue, evidence=_billed),
    Indicator(
        "revenue_growth",
        Bilingual("所辖客户收入增幅", "Growth of the portfolio"),
        "%",
        revenue_growth,
        evidence=_grown,
    ),
    Indicator("new_services", Bilingual("新增业务", "New services"), "services", new_services, evidence=_begun),
    Indicator(
        "arrears_recovered", Bilingual("欠费回收率", "Arrears recovered"), "%", arrears_recovered, evidence=_recovered
    ),
    Indicator(
        "profile_freshness",
        Bilingual("客户档案及时率", "Profile freshness"),
        "%",
        profile_freshness,
        evidence=_profiles,
    ),
    Indicator(
        "competitor_reports",
        Bilingual("竞争信息上报数", "Competitor reports"),
        "reports",
        competitor_reports,
        evidence=_reported,
    ),
    Indicator(
        "vpn_members_gained",
        Bilingual("网群成员净增", "VPN members gained"),
        "members",
        vpn_members_gained,
        evidence=_gained,
    ),
)
