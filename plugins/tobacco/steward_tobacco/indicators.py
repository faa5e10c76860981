"""Figures for each account manager over a period, from facts and forms."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Numeric,
    Select,
    and_,
    case,
    exists,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import aliased

from steward_core.clients.fact_queries import attributed
from steward_core.clients.models import Client, ClientOwnership, ClientStatus, Contact
from steward_core.database.context import QueryContext
from steward_core.forms.declared_queries import record_fields
from steward_core.industry.declarations import Indicator, Period
from steward_core.promises.models import ServiceRequest
from steward_core.reports.models import ReportKind, ReportState, WorkReport
from steward_tenants.texts import Bilingual
from steward_tobacco.keys import (
    AMOUNT,
    ATTEMPTS,
    BRAND,
    DUE,
    PLACED,
    PROFILE,
    RETAILER,
    SERVICE,
    SUCCESSES,
    TARGET,
    VOLUME,
)


def _rounded(value: Any) -> ColumnElement[Any]:
    return func.round(sql_cast(value, Numeric()), 2)


def _of_facts(ctx: QueryContext, period: Period, part: str, whole: str, factor: int) -> Select[Any]:
    """The sum of one metric by that of another, of who owned the client on the booking date."""
    upper = attributed(ctx, part, period.start, period.end)
    lower = attributed(ctx, whole, period.start, period.end)
    parts = select(upper.c.owner_id, func.sum(upper.c.value).label("value")).group_by(upper.c.owner_id).subquery()
    wholes = select(lower.c.owner_id, func.sum(lower.c.value).label("value")).group_by(lower.c.owner_id).subquery()
    numerator = func.coalesce(parts.c.value, 0)
    return (
        select(
            wholes.c.owner_id,
            _rounded(numerator * factor / wholes.c.value).label("value"),
            numerator.label("numerator"),
            wholes.c.value.label("denominator"),
        )
        .select_from(wholes)
        .outerjoin(parts, parts.c.owner_id == wholes.c.owner_id)
        .where(wholes.c.owner_id.is_not(None), wholes.c.value > 0)
    )


def sales_against_target(ctx: QueryContext, period: Period) -> Select[Any]:
    """Cartons sold of those aimed at, in percent."""
    return _of_facts(ctx, period, VOLUME, TARGET, 100)


def value_per_carton(ctx: QueryContext, period: Period) -> Select[Any]:
    """The amount by cartons, in fen."""
    return _of_facts(ctx, period, AMOUNT, VOLUME, 1)


def settlement_success(ctx: QueryContext, period: Period) -> Select[Any]:
    """E-settlements that succeeded of those tried, in percent."""
    return _of_facts(ctx, period, SUCCESSES, ATTEMPTS, 100)


def order_success(ctx: QueryContext, period: Period) -> Select[Any]:
    """Orders placed of those due, in percent."""
    return _of_facts(ctx, period, PLACED, DUE, 100)


def _share(owner: Any, counted: ColumnElement[bool]) -> tuple[ColumnElement[Any], ...]:
    """Owner, share in percent, numerator and denominator."""
    numerator, denominator = func.count().filter(counted), func.count()
    return (
        owner.label("owner_id"),
        _rounded(sql_cast(numerator, Numeric()) * 100 / denominator).label("value"),
        numerator.label("numerator"),
        denominator.label("denominator"),
    )


def _retailers(ctx: QueryContext) -> ColumnElement[bool]:
    return and_(
        ctx.within(Client),
        Client.kind == RETAILER,
        Client.status.in_((ClientStatus.ACTIVE, ClientStatus.DORMANT)),
        Client.owner_id.is_not(None),
    )


def shelf_rate(ctx: QueryContext, period: Period) -> Select[Any]:  # noqa: ARG001 - as it stands today
    """Target brands on the shelf of those aimed at, at the retailers owned now, in percent."""
    brand = record_fields(ctx, BRAND, "target", "on_shelf")
    return (
        select(*_share(Client.owner_id, brand.c.on_shelf))
        .join(brand, brand.c.client_id == Client.id)
        .where(_retailers(ctx), brand.c.target)
        .group_by(Client.owner_id)
    )


def data_accuracy(ctx: QueryContext, period: Period) -> Select[Any]:
    """Client files that are whole, in percent: a profile whose licence has not lapsed by the period's end, an address,
    and a contact with a phone."""
    profile = record_fields(ctx, PROFILE, "licence_expires_on")
    contact = aliased(Contact)
    reached = exists(
        select(contact.id).where(
            ctx.within(contact),
            contact.client_id == Client.id,
            contact.phone_tail.is_not(None),
            contact.left_on.is_(None),
        )
    )
    whole = and_(profile.c.licence_expires_on >= period.end, Client.address.is_not(None), reached)
    checked = (
        select(Client.owner_id, case((whole, True), else_=False).label("whole"))
        .outerjoin(profile, profile.c.client_id == Client.id)
        .where(_retailers(ctx))
        .subquery("checked")
    )
    return select(*_share(checked.c.owner_id, checked.c.whole)).group_by(checked.c.owner_id)


def satisfaction(ctx: QueryContext, period: Period) -> Select[Any]:
    """The mean of the stars that clients gave to answers on what was received in the period, in percent of five; of who
    owned the client on the day of the receipt. Answers to service requests count beside those of the plugin's form."""
    form = record_fields(ctx, SERVICE, "received_on", "satisfaction")
    opened_on = sql_cast(func.timezone("UTC", ServiceRequest.opened_at), Date())
    requests = (
        select(ServiceRequest.client_id, opened_on, ServiceRequest.satisfaction)
        .join(Client, and_(ctx.within(Client), Client.id == ServiceRequest.client_id))
        .where(ctx.within(ServiceRequest), ServiceRequest.form_record_id.is_(None), Client.kind == RETAILER)
    )
    answered = union_all(
        select(form.c.client_id, form.c.received_on.label("day"), form.c.satisfaction.label("stars")), requests
    ).subquery("answered")
    held = aliased(ClientOwnership)
    owner: Any = held.owner_id
    stars, answers = func.sum(answered.c.stars), func.count()
    return (
        select(
            owner.label("owner_id"),
            _rounded(sql_cast(stars, Numeric()) * 20 / answers).label("value"),
            stars.label("numerator"),
            (answers * 5).label("denominator"),
        )
        .select_from(answered)
        .join(
            held,
            and_(
                ctx.within(held),
                held.client_id == answered.c.client_id,
                held.valid_from <= answered.c.day,
                held.valid_until > answered.c.day,
            ),
        )
        .where(
            owner.is_not(None),
            answered.c.stars.is_not(None),
            answered.c.day >= period.start,
            answered.c.day < period.end,
        )
        .group_by(owner)
    )


def cases_written(ctx: QueryContext, period: Period) -> Select[*tuple[Any, ...]]:
    """Cases, successful and unsuccessful, in the month summaries that a manager submitted; the denominator is what the
    settings ask for."""
    written = func.coalesce(func.jsonb_array_length(WorkReport.cases["successful"]), 0) + func.coalesce(
        func.jsonb_array_length(WorkReport.cases["unsuccessful"]), 0
    )
    months = (period.end.year - period.start.year) * 12 + period.end.month - period.start.month
    cases = func.sum(written)
    return (
        select(
            WorkReport.owner_id,
            cases.label("value"),
            cases.label("numerator"),
            literal(max(months, 1) * ctx.settings.cases_per_month, Integer()).label("denominator"),
        )
        .where(
            ctx.within(WorkReport),
            WorkReport.kind == ReportKind.MONTH.value,
            WorkReport.state != ReportState.DRAFT.value,
            WorkReport.period_start >= period.start,
            WorkReport.period_start < period.end,
        )
        .group_by(WorkReport.owner_id)
    )


INDICATORS = (
    Indicator("sales_against_target", Bilingual("销量完成率", "Sales against target"), "%", sales_against_target),
    Indicator("value_per_carton", Bilingual("单条值", "Value per carton"), "fen", value_per_carton),
    Indicator("shelf_rate", Bilingual("重点品牌上柜率", "On-shelf rate of target brands"), "%", shelf_rate),
    Indicator("settlement_success", Bilingual("电子结算成功率", "E-settlement success"), "%", settlement_success),
    Indicator("order_success", Bilingual("订货成功率", "Order success rate"), "%", order_success),
    Indicator("data_accuracy", Bilingual("客户资料准确率", "Data accuracy of client files"), "%", data_accuracy),
    Indicator("satisfaction", Bilingual("客户满意度", "Satisfaction"), "%", satisfaction),
    Indicator("cases_written", Bilingual("案例篇数", "Cases written"), "cases", cases_written, none=0),
)
