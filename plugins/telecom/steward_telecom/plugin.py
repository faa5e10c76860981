"""The telecom industry, declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steward_core.industry.declarations import Industry, NavigationItem
from steward_core.industry.hookspecs import hookimpl
from steward_telecom import keys
from steward_telecom.access_advice import ADVISORS
from steward_telecom.business_forms import BUSINESS_FORMS
from steward_telecom.checks import client_problems, record_problems
from steward_telecom.churn import CHURN_INDICATORS
from steward_telecom.classes import CADENCES, FRESHNESS, KINDS, METRICS, PROMISES, TIERS, TRADES
from steward_telecom.client_forms import CLIENT_FORMS
from steward_telecom.computed_fields import FIELDS
from steward_telecom.demo import demo
from steward_telecom.fault_form import FAULT_FORMS
from steward_telecom.importers import IMPORTERS
from steward_telecom.indicators import INDICATORS
from steward_telecom.keeping import KEEPING_INDICATORS
from steward_telecom.settings import TelecomSettings
from steward_telecom.templates import TEMPLATES
from steward_telecom.triggers import TRIGGERS
from steward_tenants.errors import FieldProblem
from steward_tenants.texts import Bilingual

NAVIGATION = (
    NavigationItem("vpn_groups", Bilingual("虚拟网群", "VPN groups"), "form:vpn_group", 10),
    NavigationItem("agreements", Bilingual("协议到期", "Agreements ending"), "trigger:vpn_agreement_ending", 20),
    NavigationItem("churn", Bilingual("流失预警", "Churn warning"), "trigger:members_left", 30),
    NavigationItem("orders", Bilingual("业务受理", "Orders"), "form:order_acceptance", 40),
    NavigationItem("discounts", Bilingual("优惠审批", "Discount requests"), "form:discount_request", 50),
    NavigationItem("faults", Bilingual("故障申告", "Fault reports"), "form:fault_report", 55),
    NavigationItem("competitors", Bilingual("竞争信息", "Competitor reports"), "form:competitor_report", 60),
    NavigationItem(
        "area_competitors", Bilingual("区域竞争信息", "Competitors by area"), "form:area_competitor_report", 70
    ),
    NavigationItem("care", Bilingual("关键人关怀", "Key-person care"), "form:key_person_care", 80),
    NavigationItem("equipment", Bilingual("物品领用", "Equipment"), "form:equipment_issue", 90),
)


@hookimpl
def industry() -> Industry:
    """Everything the plugin declares."""
    return Industry(
        key=keys.PLUGIN,
        title=Bilingual("电信", "Telecom"),
        version="1.0.0",
        description=Bilingual(
            "企业虚拟网群与大客户：协议、专线、关键人、流失预警和接入建议。",
            "Enterprise VPN groups and key accounts: agreements, lines, key persons, churn warnings, access advice.",
        ),
        settings=TelecomSettings,
        kinds=KINDS,
        tiers=TIERS,
        trades=TRADES,
        metrics=METRICS,
        forms=(*CLIENT_FORMS, *BUSINESS_FORMS, *FAULT_FORMS),
        triggers=TRIGGERS,
        indicators=(*KEEPING_INDICATORS, *INDICATORS, *CHURN_INDICATORS),
        cadences=CADENCES,
        freshness=FRESHNESS,
        promises=PROMISES,
        templates=TEMPLATES,
        importers=IMPORTERS,
        navigation=NAVIGATION,
        fields=FIELDS,
        advisors=ADVISORS,
        demo=demo,
    )


@hookimpl
def check_client(settings: TelecomSettings, client: Mapping[str, Any]) -> Sequence[FieldProblem]:
    """Trades of the list; cluster clients without a parent."""
    return list(client_problems(settings, client))


@hookimpl
def check_record(
    settings: TelecomSettings, form: str, values: Mapping[str, Any], client: Mapping[str, Any] | None
) -> Sequence[FieldProblem]:
    """No business with closed clients; late installations with their reason."""
    return list(record_problems(settings, form, values, client))
