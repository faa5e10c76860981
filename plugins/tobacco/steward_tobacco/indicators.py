"""Figures for each account manager over a period, from facts and forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Numeric,
    Select,
    Subquery,
    Text,
    Uuid,
    and_,
    exists,
    func,
    literal,
    null,
    select,
    true,
    union_all,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import aliased

from steward_core.clients.fact_queries import attributed
from steward_core.clients.models import Client, ClientOwnership, ClientStatus, Contact
from steward_core.database.context import QueryContext
from steward_core.forms.declared_queries import record_fields
from steward_core.industry.declarations import Indicator, Period
from steward_core.performance.evidence import evidence_row
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


def _facts_behind(part: str, whole: str) -> Callable[[QueryContext, Period, UUID], Select[Any]]:
    """The clients, and the two sums of each."""

    def evidence(ctx: QueryContext, period: Period, owner_id: UUID) -> Select[Any]:
        found = union_all(
            *(
                select(
                    facts.c.client_id,
                    facts.c.period,
                    (facts.c.value if metric == part else literal(0, Numeric())).label("part"),
                    (facts.c.value if metric == whole else literal(0, Numeric())).label("whole"),
                ).where(facts.c.owner_id == owner_id)
                for metric in (part, whole)
                for facts in (attributed(ctx, metric, period.start, period.end),)
            )
        ).subquery("found")
        figures = {part: func.sum(found.c.part), whole: func.sum(found.c.whole)}
        client = found.c.client_id
        columns = evidence_row("client", client, client, func.max(found.c.period), true(), **figures)
        return select(*columns).group_by(client)

    return evidence


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


def _aimed_at(ctx: QueryContext) -> Subquery:
    """Target brands at the retailers owned now: owner_id, id, client_id, on_shelf."""
    brand = record_fields(ctx, BRAND, "target", "on_shelf")
    on_shelf = func.coalesce(brand.c.on_shelf, literal(False)).label("on_shelf")
    return (
        select(Client.owner_id, brand.c.record_id, brand.c.client_id, on_shelf)
        .join(brand, brand.c.client_id == Client.id)
        .where(_retailers(ctx), brand.c.target)
        .subquery("aimed_at")
    )


def shelf_rate(ctx: QueryContext, period: Period) -> Select[Any]:  # noqa: ARG001 - as it stands today
    """Target brands on the shelf of those aimed at, at the retailers owned now, in percent."""
    brands = _aimed_at(ctx)
    return select(*_share(brands.c.owner_id, brands.c.on_shelf)).group_by(brands.c.owner_id)


def _brands(ctx: QueryContext, period: Period, owner_id: UUID) -> Select[Any]:  # noqa: ARG001 - as it stands today
    """The records of target brands, and whether each is on the shelf."""
    rows = _aimed_at(ctx)
    columns = evidence_row("record", rows.c.record_id, rows.c.client_id, literal(ctx.today, Date()), rows.c.on_shelf)
    return select(*columns).where(rows.c.owner_id == owner_id)


def _checked(ctx: QueryContext, period: Period) -> Subquery:
    """The files of retailers owned now: owner_id, client_id, whole, and what of it is there."""
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
    licensed = func.coalesce(profile.c.licence_expires_on >= period.end, literal(False))
    return (
        select(
            Client.owner_id,
            Client.id.label("client_id"),
            licensed.label("licensed"),
            Client.address.is_not(None).label("address"),
            reached.label("phone"),
            and_(licensed, Client.address.is_not(None), reached).label("whole"),
        )
        .outerjoin(profile, profile.c.client_id == Client.id)
        .where(_retailers(ctx))
        .subquery("checked")
    )


def data_accuracy(ctx: QueryContext, period: Period) -> Select[Any]:
    """Client files that are whole, in percent: a profile whose licence has not lapsed by the period's end, an address,
    and a contact with a phone."""
    checked = _checked(ctx, period)
    return select(*_share(checked.c.owner_id, checked.c.whole)).group_by(checked.c.owner_id)


def _files(ctx: QueryContext, period: Period, owner_id: UUID) -> Select[Any]:
    """The clients, and what of their files is there."""
    rows = _checked(ctx, period)
    client, figures = rows.c.client_id, {name: rows.c[name] for name in ("licensed", "address", "phone")}
    columns = evidence_row("client", client, client, literal(ctx.today, Date()), rows.c.whole, **figures)
    return select(*columns).where(rows.c.owner_id == owner_id)


def _answered(ctx: QueryContext, period: Period) -> Subquery:
    """Answers with stars, to what was received in the period: owner_id (of that day), kind, id, client_id, day, stars.
    Those to service requests stand beside those of the plugin's form."""
    form = record_fields(ctx, SERVICE, "received_on", "satisfaction")
    opened_on = sql_cast(func.timezone("UTC", ServiceRequest.opened_at), Date())
    records = select(
        literal("record", Text()).label("kind"),
        form.c.record_id.label("id"),
        form.c.client_id,
        form.c.received_on.label("day"),
        form.c.satisfaction.label("stars"),
    )
    requests = (
        select(
            literal("request", Text()),
            ServiceRequest.id,
            ServiceRequest.client_id,
            opened_on,
            ServiceRequest.satisfaction,
        )
        .join(Client, and_(ctx.within(Client), Client.id == ServiceRequest.client_id))
        .where(ctx.within(ServiceRequest), ServiceRequest.form_record_id.is_(None), Client.kind == RETAILER)
    )
    answers = union_all(records, requests).subquery("answers")
    held = aliased(ClientOwnership)
    return (
        select(held.owner_id, answers)
        .join(
            held,
            and_(
                ctx.within(held),
                held.client_id == answers.c.client_id,
                held.valid_from <= answers.c.day,
                held.valid_until > answers.c.day,
            ),
        )
        .where(
            held.owner_id.is_not(None),
            answers.c.stars.is_not(None),
            answers.c.day >= period.start,
            answers.c.day < period.end,
        )
        .subquery("answered")
    )


def satisfaction(ctx: QueryContext, period: Period) -> Select[Any]:
    """The mean of the stars that clients gave to answers on what was received in the period, in percent of five; of who
    owned the client on the day of the receipt. Answers to service requests count beside those of the plugin's form."""
    answered = _answered(ctx, period)
    stars, answers = func.sum(answered.c.stars), func.count()
    return select(
        answered.c.owner_id,
        _rounded(sql_cast(stars, Numeric()) * 20 / answers).label("value"),
        stars.label("numerator"),
        (answers * 5).label("denominator"),
    ).group_by(answered.c.owner_id)


def _stars(ctx: QueryContext, period: Period, owner_id: UUID) -> Select[Any]:
    """The records and requests, and the stars of each."""
    rows = _answered(ctx, period)
    columns = evidence_row(rows.c.kind, rows.c.id, rows.c.client_id, rows.c.day, true(), stars=rows.c.stars)
    return select(*columns).where(rows.c.owner_id == owner_id)


def _cases() -> ColumnElement[int]:
    written: ColumnElement[int] = func.coalesce(func.jsonb_array_length(WorkReport.cases["successful"]), 0)
    return written + func.coalesce(func.jsonb_array_length(WorkReport.cases["unsuccessful"]), 0)


def _summaries(ctx: QueryContext, period: Period) -> ColumnElement[bool]:
    return and_(
        ctx.within(WorkReport),
        WorkReport.kind == ReportKind.MONTH.value,
        WorkReport.state != ReportState.DRAFT.value,
        WorkReport.period_start >= period.start,
        WorkReport.period_start < period.end,
    )


def cases_written(ctx: QueryContext, period: Period) -> Select[*tuple[Any, ...]]:
    """Cases, successful and unsuccessful, in the month summaries that a manager submitted; the denominator is what the
    settings ask for."""
    months = (period.end.year - period.start.year) * 12 + period.end.month - period.start.month
    cases = func.sum(_cases())
    return (
        select(
            WorkReport.owner_id,
            cases.label("value"),
            cases.label("numerator"),
            literal(max(months, 1) * ctx.settings.cases_per_month, Integer()).label("denominator"),
        )
        .where(_summaries(ctx, period))
        .group_by(WorkReport.owner_id)
    )


def _written(ctx: QueryContext, period: Period, owner_id: UUID) -> Select[Any]:
    """The month summaries, and how many cases each tells."""
    columns = evidence_row(
        "report", WorkReport.id, sql_cast(null(), Uuid()), WorkReport.period_start, _cases() > 0, cases=_cases()
    )
    return select(*columns).where(_summaries(ctx, period), WorkReport.owner_id == owner_id)


INDICATORS = (
    Indicator(
        "sales_against_target",
        Bilingual("销量完成率", "Sales against target"),
        "%",
        sales_against_target,
        evidence=_facts_behind(VOLUME, TARGET),
    ),
    Indicator(
        "value_per_carton",
        Bilingual("单条值", "Value per carton"),
        "fen",
        value_per_carton,
        evidence=_facts_behind(AMOUNT, VOLUME),
    ),
    Indicator(
        "shelf_rate", Bilingual("重点品牌上柜率", "On-shelf rate of target brands"), "%", shelf_rate, evidence=_brands
    ),
    Indicator(
        "settlement_success",
        Bilingual("电子结算成功率", "E-settlement success"),
        "%",
        settlement_success,
        evidence=_facts_behind(SUCCESSES, ATTEMPTS),
    ),
    Indicator(
        "order_success",
        Bilingual("订货成功率", "Order success rate"),
        "%",
        order_success,
        evidence=_facts_behind(PLACED, DUE),
    ),
    Indicator(
        "data_accuracy",
        Bilingual("客户资料准确率", "Data accuracy of client files"),
        "%",
        data_accuracy,
        evidence=_files,
    ),
    Indicator("satisfaction", Bilingual("客户满意度", "Satisfaction"), "%", satisfaction, evidence=_stars),
    Indicator(
        "cases_written",
        Bilingual("案例篇数", "Cases written"),
        "cases",
        cases_written,
        none=0,
        evidence=_written,
    ),
)
