"""The tobacco industry, declared."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, select

from steward_core.database.context import QueryContext
from steward_core.forms.declared_queries import record_fields
from steward_core.industry.declarations import (
    Cadence,
    FieldDescriptor,
    Freshness,
    GradingScheme,
    Industry,
    Kind,
    MetricDeclaration,
    NavigationItem,
    PromiseDeclaration,
    Schedule,
    Tier,
    Trade,
)
from steward_core.industry.hookspecs import hookimpl
from steward_tenants.errors import FieldProblem
from steward_tenants.texts import Bilingual
from steward_tobacco import grading, keys
from steward_tobacco.choices import TradeForm
from steward_tobacco.demo import demo
from steward_tobacco.forms import FORMS, LICENCE_NUMBER, RetailerGrading
from steward_tobacco.importers import IMPORTERS
from steward_tobacco.indicators import INDICATORS
from steward_tobacco.inputs import inputs
from steward_tobacco.periods import period_of
from steward_tobacco.settings import TobaccoSettings
from steward_tobacco.templates import TEMPLATES
from steward_tobacco.triggers import TRIGGERS, latest_gradings

TIERS = tuple(
    Tier(grading.tier_of(star), Bilingual(f"{grading.STAR_NAMES[star].zh}零售户", f"{star}★ retailer"), 6 - star)
    for star in range(5, 0, -1)
)
METRICS = (
    MetricDeclaration(keys.VOLUME, Bilingual("购进量", "Cartons bought"), "cartons"),
    MetricDeclaration(keys.AMOUNT, Bilingual("购进金额", "Amount bought"), "fen", revenue=True),
    MetricDeclaration(keys.TARGET, Bilingual("目标销量", "Sales target"), "cartons"),
    MetricDeclaration(keys.DUE, Bilingual("应订货次数", "Orders due"), "orders"),
    MetricDeclaration(keys.PLACED, Bilingual("实际订货次数", "Orders placed"), "orders"),
    MetricDeclaration(keys.FULFILLED, Bilingual("满足订单数", "Orders fulfilled"), "orders"),
    MetricDeclaration(keys.ATTEMPTS, Bilingual("电子结算次数", "E-settlements tried"), "times"),
    MetricDeclaration(keys.SUCCESSES, Bilingual("电子结算成功次数", "E-settlements that succeeded"), "times"),
    MetricDeclaration(keys.MINOR, Bilingual("轻微违规次数", "Minor violations"), "times"),
    MetricDeclaration(keys.MAJOR, Bilingual("严重违规次数", "Major violations"), "times"),
)
CADENCES = (
    Cadence("star_5", Bilingual("五星零售户每周走访", "5★: weekly"), 1, "week", ("star_5",), (keys.RETAILER,)),
    Cadence(
        "star_4", Bilingual("四星零售户每两周走访", "4★: every two weeks"), 2, "week", ("star_4",), (keys.RETAILER,)
    ),
    Cadence("star_3", Bilingual("三星零售户每月走访", "3★: monthly"), 1, "month", ("star_3",), (keys.RETAILER,)),
    Cadence(
        "star_1_2",
        Bilingual("一、二星零售户每两月走访", "1–2★: every two months"),
        2,
        "month",
        ("star_2", "star_1"),
        (keys.RETAILER,),
    ),
)
FRESHNESS = (
    Freshness(("star_5", "star_4", "star_3"), basic_months=1, personal_months=2),
    Freshness((), basic_months=3, personal_months=4),
)
PROMISES = (
    PromiseDeclaration(
        "complaint_contact",
        Bilingual("投诉联系客户", "Contact after a complaint"),
        "form:service_request:complaint",
        "working_days",
        1,
        1,
        kept_by=("responded", "answered", "form:service_request:contacted", "form:service_request:answered"),
        since="received",
    ),
    PromiseDeclaration(
        "complaint_answer",
        Bilingual("投诉答复", "Answer to a complaint"),
        "form:service_request:complaint",
        "working_days",
        5,
        4,
        kept_by=("answered", "form:service_request:answered"),
        since="received",
    ),
)
NAVIGATION = (
    NavigationItem("profiles", Bilingual("零售户档案", "Retailer profiles"), "form:retailer_profile", 10),
    NavigationItem("grading", Bilingual("星级测评", "Retailer grading"), "grading:retailer_grading", 20),
    NavigationItem("brands", Bilingual("品牌培育", "Brand building"), "form:brand_building", 30),
    NavigationItem("guidance", Bilingual("经营指导", "Guidance"), "form:guidance_card", 40),
    NavigationItem("volume", Bilingual("合理定量", "Reasonable volume"), "form:volume_request", 50),
    NavigationItem("service", Bilingual("投诉与诉求", "Complaints and wishes"), "form:service_request", 60),
    NavigationItem("licences", Bilingual("许可证到期", "Licences ending"), "trigger:licence_ending", 70),
)
SCHEDULES = (
    Schedule(
        "quarterly_grading",
        Bilingual("季度星级测评", "Quarterly grading"),
        "grading:retailer_grading",
        "0 2 5 1,4,7,10 *",
    ),
)


def _grading_value(ctx: QueryContext, client_id: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    latest = latest_gradings(ctx, name)
    return select(latest.c[name]).where(latest.c.client_id == client_id).scalar_subquery()


def _star(ctx: QueryContext, client_id: ColumnElement[Any]) -> ColumnElement[Any]:
    return _grading_value(ctx, client_id, "star")


def _supply_grade(ctx: QueryContext, client_id: ColumnElement[Any]) -> ColumnElement[Any]:
    return _grading_value(ctx, client_id, "grade")


def _licence_expires_on(ctx: QueryContext, client_id: ColumnElement[Any]) -> ColumnElement[Any]:
    profile = record_fields(ctx, keys.PROFILE, "licence_expires_on")
    return select(profile.c.licence_expires_on).where(profile.c.client_id == client_id).limit(1).scalar_subquery()


FIELDS = (
    FieldDescriptor("client", "star", Bilingual("星级", "Star"), "integer", _star),
    FieldDescriptor("client", "supply_grade", Bilingual("供货档位", "Supply grade"), "integer", _supply_grade),
    FieldDescriptor(
        "client", "licence_expires_on", Bilingual("许可证有效期至", "Licence expires"), "date", _licence_expires_on
    ),
)
SCHEME = GradingScheme(
    key="retailer_grading",
    title=Bilingual("零售户星级测评", "Retailer grading"),
    form=RetailerGrading,
    kinds=(keys.RETAILER,),
    rule_version=grading.RULE_VERSION,
    policy=grading.policy_of,
    inputs=inputs,
    decide=grading.decide,
    period_of=period_of,
)
TOBACCO = Industry(
    key=keys.PLUGIN,
    title=Bilingual("烟草商业", "Tobacco"),
    version="1.0.0",
    description=Bilingual(
        "持证零售户的档案、星级测评、品牌培育与经营指导。",
        "Licensed retailers: profiles, grading, brand building and guidance.",
    ),
    settings=TobaccoSettings,
    kinds=(Kind(keys.RETAILER, Bilingual("卷烟零售户", "Tobacco retailer")),),
    tiers=TIERS,
    trades=tuple(Trade(trade.value, trade.title) for trade in TradeForm),
    metrics=METRICS,
    forms=FORMS,
    triggers=TRIGGERS,
    indicators=INDICATORS,
    cadences=CADENCES,
    freshness=FRESHNESS,
    promises=PROMISES,
    templates=TEMPLATES,
    importers=IMPORTERS,
    navigation=NAVIGATION,
    schedules=SCHEDULES,
    fields=FIELDS,
    gradings=(SCHEME,),
    demo=demo,
)


@hookimpl
def industry() -> Industry:
    """Everything that the plugin declares."""
    return TOBACCO


@hookimpl
def check_client(settings: Any, client: Mapping[str, Any]) -> Sequence[FieldProblem]:  # noqa: ARG001 - the hook's signature
    """A retailer's trade is one of the trade forms; a code that looks like a licence number is one."""
    if client.get("kind") != keys.RETAILER:
        return ()
    problems = []
    trade, code = client.get("trade"), client.get("code")
    if trade is not None and trade not in {form.value for form in TradeForm}:
        named = "、".join(form.title.zh for form in TradeForm)
        listed = ", ".join(form.value for form in TradeForm)
        problems.append(
            FieldProblem(
                ("trade",),
                "unknown_trade_form",
                Bilingual(f"业态应为：{named}。", f"The trade form is one of {listed}."),
            )
        )
    if code is not None and re.fullmatch(r"\d{9,}", code) and not re.fullmatch(LICENCE_NUMBER, code):
        problems.append(
            FieldProblem(
                ("code",),
                "licence_number",
                Bilingual(
                    f"许可证号应为 12 位数字，读到 {len(code)} 位。",
                    f"A licence number has 12 digits, not {len(code)}.",
                ),
            )
        )
    return problems


@hookimpl
def check_record(
    settings: Any,  # noqa: ARG001 - the hook's signature
    form: str,
    values: Mapping[str, Any],
    client: Mapping[str, Any] | None,
) -> Sequence[FieldProblem]:
    """Retailer forms belong to retailers; a client known by its licence number has no other in its profile."""
    if client is None:
        return ()
    if client.get("kind") != keys.RETAILER:
        return [
            FieldProblem(
                ("client_id",),
                "not_a_retailer",
                Bilingual("该客户不是卷烟零售户。", "The client is no tobacco retailer."),
            )
        ]
    code, number = client.get("code"), values.get("licence_number")
    if form == "retailer_profile" and number and code and re.fullmatch(LICENCE_NUMBER, code) and number != code:
        return [
            FieldProblem(
                ("licence_number",),
                "licence_number_differs",
                Bilingual("许可证号与客户编码不一致。", "The licence number differs from the client's code."),
            )
        ]
    return ()


@hookimpl
def settings_changed(before: Any, after: Any) -> Sequence[FieldProblem]:  # noqa: ARG001 - the hook's signature
    """Scales of indicators that give points must be able to give them all."""
    points = after.points.model_dump()
    return [
        FieldProblem(
            ("scales", key),
            "unreachable",
            Bilingual(
                f"“{title.zh}”的最高档应得满分，否则该项分值无法得到。",
                f"The top step of “{title.en}” must give 100 %, or its points can never be had.",
            ),
        )
        for key, title in grading.INDICATORS.items()
        if points[key] and getattr(after.scales, key)[-1].percent < 100
    ]
