"""What telecom.md names is there, in both languages, and holds together."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from steward_core.forms.description import fields_of, json_schema, problems_of
from steward_core.forms.fields import Choice
from steward_core.industry.registry import broken, industry_of
from steward_core.industry.validation import mistakes_in
from steward_telecom import choices
from steward_telecom.settings import TelecomSettings
from steward_tenants.texts import Bilingual

TELECOM = industry_of("telecom").industry
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def texts(value: Any, seen: set[int] | None = None) -> set[Bilingual]:
    """Every text that a declaration holds."""
    seen = set() if seen is None else seen
    if isinstance(value, Bilingual):
        return {value}
    if id(value) in seen or isinstance(value, str | int | float | Decimal | None | Enum):
        return set()
    seen.add(id(value))
    if isinstance(value, dict):
        parts = list(value.values())
        if set(value) == {"zh", "en"}:
            return {Bilingual(value["zh"], value["en"])}
    elif isinstance(value, tuple | list):
        parts = list(value)
    elif isinstance(value, type) and issubclass(value, BaseModel):
        parts = [*fields_of(value), getattr(value, "about", None)]
    elif is_dataclass(value):
        parts = [getattr(value, one.name) for one in fields(value)]
    else:
        return set()
    return {text for part in parts for text in texts(part, seen)}


def test_the_plugin_is_installed_without_mistakes() -> None:
    assert broken() == ()
    assert mistakes_in(TELECOM) == ()
    assert industry_of("telecom").distribution == "steward-telecom"


def test_everything_that_the_domain_names_is_declared() -> None:
    assert {form.about.key: form.about.subject.value for form in TELECOM.forms} == {
        "vpn_group": "client",
        "key_person_care": "contact",
        "communication_profile": "client",
        "need_solution": "client",
        "discount_request": "client",
        "ip_request": "client",
        "order_acceptance": "client",
        "competitor_report": "client",
        "area_competitor_report": "unit",
        "equipment_issue": "user",
        "fault_report": "client",
    }
    assert {one.key for one in TELECOM.triggers} == {
        "vpn_agreement_ending",
        "package_ending",
        "bill_fell",
        "minutes_fell",
        "traffic_fell",
        "members_left",
        "competitor_contract_ending",
        "satisfaction_low",
        "care_birthday",
        "festival_greeting",
        "new_client",
        "first_visit_due",
        "installation_overdue",
        "documents_missing",
        "urgent_report_untold",
    }
    assert {one.key for one in TELECOM.indicators} == {
        "retention_rate",
        "renewal_rate",
        "revenue",
        "revenue_growth",
        "new_services",
        "arrears_recovered",
        "profile_freshness",
        "competitor_reports",
        "vpn_members_gained",
        "churn_handling_days",
    }
    assert [one.key for one in TELECOM.tiers] == ["key", "A", "B", "C"]
    assert {one.key for one in TELECOM.kinds} == {"industry_client", "cluster_client", "commercial"}
    assert {"government", "finance", "large_enterprise", "public_service", "internet_cafe", "hotel"} <= {
        one.key for one in TELECOM.trades
    }
    assert {one.key for one in TELECOM.advisors} == {"leased_line", "ring_capacity"}
    assert {one.key for one in TELECOM.importers} == {"boss_clients", "boss_bills", "vpn_groups", "telco_churn"}
    assert [one.key for one in TELECOM.fields] == ["vpn_members", "next_agreement_end", "last_bill"]


def test_the_clocks_cadence_and_freshness_have_the_domains_figures() -> None:
    clocks = {one.key: (one.clock, one.limit) for one in TELECOM.promises}
    assert clocks == {
        "fault_response": ("calendar_minutes", 30),
        "fault_solved": ("calendar_minutes", 2 * 60),
        "fault_solved_internet_cafe": ("calendar_minutes", 4 * 60),
        "fault_engineering": ("calendar_minutes", 10),
        "installation": ("calendar_days", 3),
        "installation_without_resource": ("calendar_days", 7),
        "contract_flow": ("calendar_days", 7),
        "first_visit": ("calendar_days", 7),
        "urgent_competitor_report": ("working_days", 1),
        "urgent_area_competitor_report": ("working_days", 1),
    }
    assert [(one.every, one.unit, one.tiers) for one in TELECOM.cadences] == [(1, "month", ())]
    assert [(one.tiers, one.basic_months, one.personal_months) for one in TELECOM.freshness] == [
        (("key", "A", "B"), 1, 2),
        (("C",), 3, 4),
    ]


def test_every_text_speaks_both_languages() -> None:
    spoken = texts(TELECOM) | {
        one.title
        for kind in vars(choices).values()
        if isinstance(kind, type) and issubclass(kind, Choice)
        for one in kind
    }
    assert len(spoken) > 250
    assert [text for text in spoken if not CHINESE.search(text.zh) or CHINESE.search(text.en) or not text.en] == []


@pytest.mark.parametrize("form", TELECOM.forms, ids=lambda form: form.about.key)
def test_every_form_has_a_schema_in_both_languages(form: Any) -> None:
    for locale in ("zh", "en"):
        assert json_schema(form, locale)["properties"]


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"agreement_warning_days": [30, 60]}, "agreement_warning_days"),
        ({"agreement_warning_days": []}, "agreement_warning_days"),
        ({"bill_fall_percent": 0}, "bill_fall_percent"),
        ({"satisfaction_at_most": 6}, "satisfaction_at_most"),
        ({"installation_days": 9}, "installation_days_without_resource"),
        ({"ring": {"link_down_percent": 40}}, "ring"),
        ({"ring": {"initial_percent": 60}}, "ring"),
        ({"access": {"mstp_rate_mbit": 0}}, "access"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], path: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TelecomSettings.model_validate(settings)
    problems = problems_of(refused.value, TelecomSettings)
    assert [problem.path[0] for problem in problems] == [path]
    assert all(CHINESE.search(problem.message.zh) for problem in problems)
    assert not any(CHINESE.search(problem.message.en) for problem in problems)


def test_the_default_settings_have_the_domains_figures() -> None:
    settings = TelecomSettings()
    assert settings.agreement_warning_days == (90, 60, 30)
    assert (settings.bill_fall_percent, settings.use_fall_percent, settings.mean_months) == (30, 30, 3)
    assert (settings.satisfaction_at_most, settings.competitor_reports_per_month) == (2, 1)
    assert (settings.installation_days, settings.installation_days_without_resource) == (3, 7)
    assert settings.first_visit_days == 7
    figures = {name: float(value) for name, value in settings.ring.model_dump().items()}
    assert figures == {
        "initial_percent": 25,
        "target_percent": 50,
        "quality_peak_percent": 45,
        "expansion_percent": 50,
        "link_down_percent": 70,
        "usable_percent": 50,
        "station_mbit": 200,
    }
    assert {name: float(value) for name, value in settings.access.model_dump().items()} == {
        "mstp_rate_mbit": 10,
        "slot_use_below": 50,
    }
