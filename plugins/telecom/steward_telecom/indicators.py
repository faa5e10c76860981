"""Figures for each account manager over a period, from facts, contracts, products, arrears and forms.

Days of changes are compared in UTC. What belongs to a day belongs to who owned the client on that day.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Date, Select, and_, case, exists, func, literal, or_, select, union_all
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import aliased

from steward_core.clients.fact_queries import attributed, growth_by_owner
from steward_core.clients.fact_rules import shifted
from steward_core.clients.freshness import KEPT_FRESH, is_stale
from steward_core.clients.models import (
    Arrears,
    Client,
    ClientChange,
    ClientOwnership,
    ClientProduct,
    ClientStatus,
    Contract,
    ContractStatus,
)
from steward_core.clients.policies import FreshnessRule, freshness_in_force
from steward_core.database.context import QueryContext
from steward_core.forms.declared_queries import record_fields
from steward_core.forms.models import FormRecord
from steward_core.industry.declarations import Indicator, Period
from steward_telecom.choices import RenewalState
from steward_telecom.classes import FRESHNESS
from steward_telecom.keys import AREA_COMPETITOR, BILL, COMPETITOR, MEMBERS, VPN_GROUP
from steward_tenants.texts import Bilingual

KNOWN_BEFORE = 12
"""Months back in which a client's members may have been known last."""
IN_USE = (ClientStatus.ACTIVE.value, ClientStatus.DORMANT.value)


def _day(day: date) -> ColumnElement[date]:
    return literal(day, Date())


def _within(day: Any, period: Period) -> ColumnElement[bool]:
    return and_(day >= _day(period.start), day < _day(period.end))


def _rate(owner: Any, counted: ColumnElement[Any], of: ColumnElement[Any]) -> tuple[ColumnElement[Any], ...]:
    """Owner, `counted` of `of` in percent, and the two; without a percentage where there is nothing to count."""
    return (
        owner.label("owner_id"),
        func.round(counted * Decimal(100) / func.nullif(of, 0), 2).label("value"),
        counted.label("numerator"),
        of.label("denominator"),
    )


def _held_on(ctx: QueryContext, held: Any, client_id: Any, day: Any) -> ColumnElement[bool]:
    return and_(
        ctx.within(held),
        held.client_id == client_id,
        held.owner_id.is_not(None),
        held.valid_from <= day,
        held.valid_until > day,
    )


def months_of(period: Period) -> int:
    """How many calendar months a period has; 0 when it does not consist of whole months."""
    if period.start.day != 1 or period.end.day != 1:
        return 0
    return (period.end.year - period.start.year) * 12 + period.end.month - period.start.month


def compared_with(period: Period, against: str) -> Period:
    """The period before this one of the same length, or the same one last year."""
    months = months_of(period)
    if against == "last_year":
        months_back = 12
    elif months:
        months_back = months
    else:
        return Period("before", period.start - (period.end - period.start), period.start)
    return Period("before", _months_earlier(period.start, months_back), _months_earlier(period.end, months_back))


def _months_earlier(day: date, months: int) -> date:
    first = shifted("month", day.replace(day=1), -months)
    following = shifted("month", first, 1)
    return min(first + timedelta(days=day.day - 1), following - timedelta(days=1))


def _status_before(ctx: QueryContext, day: date) -> ColumnElement[Any]:
    """A client's status at the beginning of a day, by its recorded changes."""
    moment = datetime.combine(day, time(), UTC)
    earlier, later = aliased(ClientChange), aliased(ClientChange)
    last = (
        select(earlier.after)
        .where(
            ctx.within(earlier),
            earlier.client_id == Client.id,
            earlier.field == "status",
            earlier.changed_at < moment,
        )
        .order_by(earlier.changed_at.desc(), earlier.id.desc())
        .limit(1)
        .correlate(Client)
        .scalar_subquery()
    )
    following = (
        select(later.before)
        .where(ctx.within(later), later.client_id == Client.id, later.field == "status", later.changed_at >= moment)
        .order_by(later.changed_at, later.id)
        .limit(1)
        .correlate(Client)
        .scalar_subquery()
    )
    return func.coalesce(last, following, Client.status)


def retention_rate(ctx: QueryContext, period: Period) -> Select[Any]:
    """Of the clients in use whom somebody owned when the period began, those that were not closed by its end."""
    held = aliased(ClientOwnership)
    stands = (
        select(
            held.owner_id,
            _status_before(ctx, period.start).label("before"),
            _status_before(ctx, period.end).label("after"),
        )
        .select_from(Client)
        .join(held, _held_on(ctx, held, Client.id, _day(period.start)))
        .where(ctx.within(Client), Client.status != ClientStatus.MERGED)
        .subquery("stands")
    )
    kept = func.count().filter(stands.c.after != ClientStatus.CLOSED.value)
    return (
        select(*_rate(stands.c.owner_id, kept, func.count()))
        .where(stands.c.before.in_(IN_USE))
        .group_by(stands.c.owner_id)
    )


def renewal_rate(ctx: QueryContext, period: Period) -> Select[Any]:
    """Of the contracts and VPN agreements that end in the period, those that were renewed: a contract by its
    successor, an agreement by its renewal state or by the new agreement that stands in its place."""
    following = aliased(Contract)
    renewed = exists(
        select(following.id).where(
            ctx.within(following),
            following.renews_id == Contract.id,
            following.status != ContractStatus.DRAFT.value,
        )
    )
    contracts = select(Contract.client_id, Contract.end_on.label("day"), renewed.label("renewed")).where(
        ctx.within(Contract), Contract.status != ContractStatus.DRAFT.value, _within(Contract.end_on, period)
    )
    group = record_fields(ctx, VPN_GROUP, "agreement_end", "previous_agreement_end", "renewal_state")
    ending = select(
        group.c.client_id,
        group.c.agreement_end,
        and_(
            func.coalesce(group.c.renewal_state, "") == RenewalState.RENEWED.value,
            group.c.previous_agreement_end.is_(None),  # else it tells of the agreement before
        ),
    ).where(_within(group.c.agreement_end, period))
    followed = select(group.c.client_id, group.c.previous_agreement_end, literal(True)).where(
        _within(group.c.previous_agreement_end, period)
    )
    ended = union_all(contracts, ending, followed).subquery("ended")
    held = aliased(ClientOwnership)
    return (
        select(*_rate(held.owner_id, func.count().filter(ended.c.renewed), func.count()))
        .select_from(ended)
        .join(held, _held_on(ctx, held, ended.c.client_id, ended.c.day))
        .group_by(held.owner_id)
    )


def revenue(ctx: QueryContext, period: Period) -> Select[Any]:
    """The bills of the period, by who owned the client on the booking date, in fen."""
    bills = attributed(ctx, BILL, period.start, period.end)
    return (
        select(bills.c.owner_id, func.trim_scale(func.sum(bills.c.value)).label("value"))
        .where(bills.c.owner_id.is_not(None))
        .group_by(bills.c.owner_id)
    )


def revenue_growth(ctx: QueryContext, period: Period) -> Select[Any]:
    """Growth of the portfolio's bills, like with like, against the period that the settings name, in percent."""
    return growth_by_owner(ctx, BILL, period, compared_with(period, ctx.settings.growth_against))


def new_services(ctx: QueryContext, period: Period) -> Select[Any]:
    """Products that clients began to use in the period."""
    held = aliased(ClientOwnership)
    owner: Any = held.owner_id
    return (
        select(owner.label("owner_id"), func.count().label("value"))
        .select_from(ClientProduct)
        .join(held, _held_on(ctx, held, ClientProduct.client_id, ClientProduct.started_on))
        .where(ctx.within(ClientProduct), _within(ClientProduct.started_on, period))
        .group_by(held.owner_id)
    )


def arrears_recovered(ctx: QueryContext, period: Period) -> Select[Any]:
    """Of the arrears that were due by the period's end and not settled before it began, what was settled in it, in
    percent of the money. What is paid in part counts when the rest is paid."""
    settled = and_(Arrears.paid >= Arrears.amount, Arrears.settled_on.is_not(None))
    last = _day(period.end - timedelta(days=1))
    day = case((and_(settled, Arrears.settled_on < _day(period.end)), Arrears.settled_on), else_=last)
    held = aliased(ClientOwnership)
    within = and_(settled, _within(Arrears.settled_on, period))
    recovered = func.coalesce(func.sum(Arrears.amount).filter(within), 0)
    return (
        select(*_rate(held.owner_id, recovered, func.sum(Arrears.amount)))
        .select_from(Arrears)
        .join(held, _held_on(ctx, held, Arrears.client_id, day))
        .where(
            ctx.within(Arrears),
            Arrears.due_on < _day(period.end),
            or_(~settled, Arrears.settled_on >= _day(period.start)),
        )
        .group_by(held.owner_id)
    )


def profile_freshness(ctx: QueryContext, period: Period) -> Select[Any]:  # noqa: ARG001 - as it stands today
    """Of the clients owned now, those whose basic and personal profile are confirmed by the plugin's figures."""
    rules = freshness_in_force(
        None,
        [
            FreshnessRule(tiers=one.tiers, basic_months=one.basic_months, personal_months=one.personal_months)
            for one in FRESHNESS
        ],
    )
    fresh = func.count().filter(~is_stale(rules, ctx.today))
    return (
        select(*_rate(Client.owner_id, fresh, func.count()))
        .where(ctx.within(Client), Client.owner_id.is_not(None), Client.status.in_(KEPT_FRESH))
        .group_by(Client.owner_id)
    )


def competitor_reports(ctx: QueryContext, period: Period) -> Select[Any]:
    """Competitor reports on clients and areas that a manager made; the denominator is what the settings ask for. Who
    owns clients and made none has 0."""
    on_client = record_fields(ctx, COMPETITOR, "reported_on")
    on_area = record_fields(ctx, AREA_COMPETITOR, "reported_on")
    reports = union_all(
        *(select(one.c.record_id).where(_within(one.c.reported_on, period)) for one in (on_client, on_area))
    ).subquery("reports")
    made = (
        select(FormRecord.created_by.label("owner_id"), func.count().label("reports"))
        .join(reports, reports.c.record_id == FormRecord.id)
        .where(ctx.within(FormRecord))
        .group_by(FormRecord.created_by)
        .subquery("made")
    )
    last = _day(period.end - timedelta(days=1))
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


def vpn_members_gained(ctx: QueryContext, period: Period) -> Select[Any]:
    """VPN members more than the month before, month by month, less those that left.

    A client's first figure counts in full, unless it is of the first month from which there are figures at all.
    """
    since = shifted("month", period.start.replace(day=1), -KNOWN_BEFORE)
    facts = attributed(ctx, MEMBERS, since, period.end)
    before = func.lag(facts.c.value).over(partition_by=facts.c.client_id, order_by=facts.c.period)
    steps = select(
        facts.c.owner_id,
        facts.c.period,
        case(
            (before.is_not(None), facts.c.value - before),
            (facts.c.period > func.min(facts.c.period).over(), facts.c.value),
            else_=0,
        ).label("gained"),
    ).subquery("steps")
    return (
        select(steps.c.owner_id, func.trim_scale(func.sum(steps.c.gained)).label("value"))
        .where(steps.c.owner_id.is_not(None), _within(steps.c.period, period))
        .group_by(steps.c.owner_id)
    )


INDICATORS = (
    Indicator("retention_rate", Bilingual("客户保有率", "Retention rate"), "%", retention_rate),
    Indicator("renewal_rate", Bilingual("续约率", "Renewal rate"), "%", renewal_rate),
    Indicator("revenue", Bilingual("所辖客户收入", "Revenue of the portfolio"), "fen", revenue),
    Indicator("revenue_growth", Bilingual("所辖客户收入增幅", "Growth of the portfolio"), "%", revenue_growth),
    Indicator("new_services", Bilingual("新增业务", "New services"), "services", new_services),
    Indicator("arrears_recovered", Bilingual("欠费回收率", "Arrears recovered"), "%", arrears_recovered),
    Indicator("profile_freshness", Bilingual("客户档案及时率", "Profile freshness"), "%", profile_freshness),
    Indicator("competitor_reports", Bilingual("竞争信息上报数", "Competitor reports"), "reports", competitor_reports),
    Indicator("vpn_members_gained", Bilingual("网群成员净增", "VPN members gained"), "members", vpn_members_gained),
)
