"""Each line of the telecom industry's domain, and what serves it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from steward_core.industry.registry import industry_of
from tests.plugins.served import find, forms_fields

TELECOM = industry_of("telecom").industry
LINES: Mapping[str, tuple[str, ...]] = {
    "kinds: industry client, cluster client, commercial": (
        "kind:industry_client",
        "kind:cluster_client",
        "kind:commercial",
    ),
    "cluster clients: internet café, hotel, office tower, property manager": (
        "trade:internet_cafe",
        "trade:hotel",
        "trade:office_tower",
        "trade:property_manager",
    ),
    "tiers: key, A, B, C": ("tier:key", "tier:A", "tier:B", "tier:C"),
    "trades: party-government-military, finance, large enterprise, public service": (
        "trade:government",
        "trade:finance",
        "trade:large_enterprise",
        "trade:public_service",
    ),
    "form VPN group": forms_fields(
        "vpn_group",
        "group_number group_name short_number_from short_number_to members_now members_planned main_package "
        "value_added_services key_person monthly_revenue agreement_number agreement_start agreement_end renewal_state "
        "handed_over_on user_manual_version user_training_on",
    ),
    "form key-person care": forms_fields(
        "key_person_care", "preferences birthday greetings last_care_on last_care satisfaction"
    ),
    "form communication profile": forms_fields(
        "communication_profile",
        "telephone_lines dedicated_lines broadband data_centre_services monthly_bill competitor_services "
        "average_spend decision_process",
    ),
    "form need and solution": forms_fields(
        "need_solution",
        "visit_id opportunity_id need_area current_product pain solution quoted_price standard_price discount_asked "
        "proposal_due_at proposal_sent_at",
    ),
    "form discount request": forms_fields(
        "discount_request", "trade services background competition items approver_chain"
    ),
    "form IP address request": forms_fields(
        "ip_request", "applicant install_address contact_name contact_phone mailing_address line_rate_mbit addresses"
    ),
    "form order acceptance": (
        *forms_fields(
            "order_acceptance",
            "contract_number contract_copies seam_seals ip_request_copies commitment_letter_copies licence_copy "
            "payer_slip documents_complete engineering_contact planned_on done_on resource_available",
        ),
        "template:contract_papers/contract",
    ),
    "form fault report": forms_fields(
        "fault_report",
        "service_request_id line kind reported_at engineering_contacted_at arrived_at restored_at confirmed_at",
    ),
    "form competitor report, on a client or an area": (
        *forms_fields(
            "competitor_report",
            "competitor offer valid_from valid_until strength urgent source department_told",
        ),
        *forms_fields("area_competitor_report", "area competitor offer valid_until strength urgent source"),
    ),
    "form equipment issue": forms_fields(
        "equipment_issue", "asset_code mac place_of_use issued_on returned_on state charge"
    ),
    "clock: proposal by the noon rule": ("follow_up:proposal", "follow_up:client_view"),
    "clock: fault, 30-minute response and 2 h to solve, dial-up and dedicated alike": (
        "promise:fault_response=30 calendar_minutes",
        "promise:fault_solved=120 calendar_minutes",
    ),
    "clock: 4 h for internet cafés": ("promise:fault_solved_internet_cafe=240 calendar_minutes",),
    "clock: engineering contacted in 10 minutes": (
        "promise:fault_engineering=10 calendar_minutes",
        "follow_up:engineering",
    ),
    "clock: installation ≤ 3 days with resources, ≤ 7 without": (
        "promise:installation=3 calendar_days",
        "promise:installation_without_resource=7 calendar_days",
        "setting:installation_days=3",
        "setting:installation_days_without_resource=7",
    ),
    "clock: green channel, priority, three lanes": ("template:process/green_channel",),
    "clock: contract flow within one week": (
        "promise:contract_flow=7 calendar_days",
        "template:process/contract_flow",
    ),
    "clock: first visit one week after completion, then monthly": (
        "promise:first_visit=7 calendar_days",
        "cadence:monthly=1 month",
        "follow_up:completion_visit",
    ),
    "clock: urgent competitor report within 1 working day": (
        "promise:urgent_competitor_report=1 working_days",
        "promise:urgent_area_competitor_report=1 working_days",
    ),
    "trigger: agreement ends in ≤ 90 / 60 / 30 days": (
        "trigger:vpn_agreement_ending",
        "setting:agreement_warning_days=(90, 60, 30)",
    ),
    "trigger: package ends": ("trigger:package_ending",),
    "trigger: use or bill falls ≥ 30 % against the 3-month mean": (
        "trigger:bill_fell",
        "trigger:minutes_fell",
        "trigger:traffic_fell",
        "setting:bill_fall_percent=30",
        "setting:use_fall_percent=30",
        "setting:mean_months=3",
    ),
    "trigger: many members at once": ("trigger:members_left",),
    "trigger: arrears": ("trigger:clients.arrears_open",),
    "trigger: competitor contract ends soon": ("trigger:competitor_contract_ending",),
    "trigger: profile stale": ("trigger:clients.profile_stale",),
    "trigger: key person's birthday, festival": (
        "trigger:clients.contact_birthday",
        "trigger:care_birthday",
        "trigger:festival_greeting",
    ),
    "trigger: new client found in the area": ("trigger:new_client",),
    "trigger: satisfaction ≤ 2": ("trigger:satisfaction_low", "setting:satisfaction_at_most=2"),
    "indicator: retention and renewal rate": ("indicator:retention_rate", "indicator:renewal_rate"),
    "indicator: revenue and growth of the portfolio": (
        "indicator:revenue",
        "indicator:revenue_growth",
        "indicator:core.revenue",
        "metric:monthly_bill",
    ),
    "indicator: new services": ("indicator:new_services",),
    "indicator: arrears recovered": ("indicator:arrears_recovered",),
    "indicator: churn-warning handling time": ("indicator:churn_handling_days",),
    "indicator: profile freshness": ("indicator:profile_freshness", "indicator:core.profile_freshness"),
    "indicator: distinct clients visited": ("indicator:core.clients_visited",),
    "indicator: promises kept": ("indicator:core.promises_kept",),
    "indicator: competitor reports ≥ 1 a month": (
        "indicator:competitor_reports",
        "setting:competitor_reports_per_month=1",
    ),
    "indicator: VPN members gained": ("indicator:vpn_members_gained",),
    "access advice for a leased line, ring load": (
        "advisor:leased_line",
        "advisor:ring_capacity",
        "setting:access.mstp_rate_mbit=10",
        "setting:access.slot_use_below=50",
        "setting:ring.initial_percent=25",
        "setting:ring.target_percent=50",
        "setting:ring.quality_peak_percent=45",
        "setting:ring.expansion_percent=50",
        "setting:ring.link_down_percent=70",
    ),
    "one-stop service: legs with clocks of their own": ("template:service_request/one_stop_service",),
    "team scheme and streaks": (
        "template:scheme/enterprise_sales_team",
        "template:ladder/sales_by_results",
        "template:ladder/three_channels",
        "template:scheme/key_account_bonus",
    ),
    "visit checklist": ("template:checklist/key_account_visit",),
}


@pytest.mark.parametrize(("line", "served_by"), LINES.items(), ids=LINES)
def test_the_line_is_served(line: str, served_by: tuple[str, ...]) -> None:
    assert served_by, line
    for named in served_by:
        assert find(TELECOM, named), named


def test_every_industry_client_has_the_same_clocks_for_both_kinds_of_line() -> None:
    triggers = {one.key: one.trigger for one in TELECOM.promises if one.key.startswith("fault_")}
    assert triggers == {
        "fault_response": "fault_reported",
        "fault_solved": "fault_reported",
        "fault_solved_internet_cafe": "fault_reported:internet_cafe",
        "fault_engineering": "fault_reported",
    }


def test_nothing_is_declared_that_no_line_asks_for_or_explains() -> None:
    """What stands beside the domain's lines is listed here, so that nothing comes in unseen."""
    named = {name.split("=")[0].split(".")[0] for served in LINES.values() for name in served}
    declared = {
        *(f"form:{one.about.key}" for one in TELECOM.forms),
        *(f"trigger:{one.key}" for one in TELECOM.triggers),
        *(f"indicator:{one.key}" for one in TELECOM.indicators),
        *(f"promise:{one.key}" for one in TELECOM.promises),
    }
    assert declared - named == {
        "trigger:first_visit_due",
        "trigger:installation_overdue",
        "trigger:documents_missing",
        "trigger:urgent_report_untold",
    }
