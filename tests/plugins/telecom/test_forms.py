"""The forms: computed values by hand, and what they refuse, in words of both languages."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from steward_core.forms.documents import fill
from steward_core.industry.registry import form_of
from steward_telecom.choices import EquipmentState
from steward_telecom.values import percent_off
from steward_tenants.errors import InvalidInput
from tests.plugins.telecom.tenants import ORDER, REPORT, VPN

CHINESE = re.compile(r"[\u4e00-\u9fff]")
CARE: dict[str, Any] = {"satisfaction": 4}
NEED: dict[str, Any] = {"need_area": "mobile_office", "pain": "专线拥塞"}
ITEM: dict[str, Any] = {"service": "专线", "standard_price": 300_000, "asked_price": 255_000}
DISCOUNT: dict[str, Any] = {
    "trade": "finance",
    "services": "专线、云总机",
    "background": "合同到期",
    "competition": "对手八折",
    "items": [ITEM, {**ITEM, "standard_price": 100_000, "asked_price": 90_000}],
    "approver_chain": ["部门经理", "市场部"],
}
IP: dict[str, Any] = {
    "applicant": "华信网络",
    "install_address": "东湾区一号",
    "contact_name": "赵建国",
    "contact_phone": "138 0000 0001",
    "mailing_address": "东湾区一号",
    "line_rate_mbit": "10",
    "addresses": 5,
}
ISSUE: dict[str, Any] = {
    "asset_code": "ZC1",
    "item": "无线网桥",
    "mac": "00-1a-2b-3c-4d-5e",
    "place_of_use": "机房",
    "issued_on": date(2026, 3, 1),
    "price": 86_000,
}
WHOLE: dict[str, Any] = {
    "contract_copies": 4,
    "seam_seals": True,
    "ip_request_copies": 2,
    "commitment_letter_copies": 2,
    "licence_copy": True,
    "payer_slip": True,
}
SAMPLES: dict[str, Any] = {
    "vpn_group": VPN,
    "key_person_care": CARE,
    "communication_profile": {},
    "need_solution": NEED,
    "discount_request": DISCOUNT,
    "ip_request": IP,
    "order_acceptance": ORDER,
    "competitor_report": REPORT,
    "area_competitor_report": REPORT,
    "equipment_issue": ISSUE,
}


def computed(key: str, **values: Any) -> dict[str, Any]:
    return fill(form_of(f"telecom.{key}"), {**SAMPLES[key], **values}).computed


def refused(key: str, **values: Any) -> list[str]:
    """The paths that are refused, each with a text in both languages."""
    with pytest.raises(InvalidInput) as error:
        fill(form_of(f"telecom.{key}"), {**SAMPLES[key], **values})
    for problem in error.value.problems:
        assert CHINESE.search(problem.message.zh)
        assert problem.message.en
    return [".".join(problem.path) for problem in error.value.problems]


def test_a_vpn_group_has_open_places_short_numbers_and_days() -> None:
    assert computed("vpn_group") == {"open_places": 30, "short_numbers": 200, "agreement_days": 730}
    assert computed("vpn_group", members_now=160)["open_places"] == 0
    assert computed("vpn_group", agreement_end=VPN["agreement_start"])["agreement_days"] == 1
    assert computed("vpn_group", short_number_to="6000", members_now=1, members_planned=1)["short_numbers"] == 1


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"short_number_to": "5999"}, "short_number_to"),
        ({"short_number_to": "60000"}, "short_number_to"),
        ({"short_number_from": "６０００"}, "short_number_from"),
        ({"short_number_from": "6"}, "short_number_from"),
        ({"short_number_from": "6" * 5000}, "short_number_from"),
        ({"members_now": 201}, "members_now"),
        ({"members_planned": 201}, "members_planned"),
        ({"members_now": -1}, "members_now"),
        ({"members_now": "many"}, "members_now"),
        ({"agreement_end": date(2024, 12, 31)}, "agreement_end"),
        ({"previous_agreement_end": date(2026, 12, 31)}, "previous_agreement_end"),
        ({"renewal_state": "perhaps"}, "renewal_state"),
        ({"group_number": ""}, "group_number"),
        ({"group_name": "名" * 201}, "group_name"),
        ({"monthly_revenue": -5}, "monthly_revenue"),
        ({"value_added_services": ["彩铃"] * 51}, "value_added_services"),
        ({"nothing": 1}, "nothing"),
    ],
)
def test_a_vpn_group_refuses(values: dict[str, Any], path: str) -> None:
    assert refused("vpn_group", **values) == [path]


def test_all_bad_fields_are_named_at_once() -> None:
    assert refused("vpn_group", members_now="x", agreement_end="never", main_package="") == [
        "members_now",
        "main_package",
        "agreement_end",
    ]


def test_care_counts_greetings_and_knows_five_points() -> None:
    greeting = {"festival": "spring", "sent_on": "2026-02-17", "way": "电话"}
    assert computed("key_person_care", greetings=[greeting, greeting]) == {"greetings_sent": 2}
    assert refused("key_person_care", satisfaction=6) == ["satisfaction"]
    assert refused("key_person_care", satisfaction=0) == ["satisfaction"]
    assert refused("key_person_care", greetings=[{"festival": "halloween", "sent_on": "2026-10-31"}]) == [
        "greetings.0.festival"
    ]


def test_a_communication_profile_adds_up() -> None:
    lines = [{"kind": "fixed", "lines": 12}, {"kind": "mobile", "lines": 80}]
    dedicated = [{"rate_mbit": "10", "ip_addresses": 5}, {"rate_mbit": "2.5", "ip_addresses": 1}]
    rivals = [{"operator": "远通通信", "service": "专线", "ends_on": "2026-12-01"}]
    assert computed(
        "communication_profile", telephone_lines=lines, dedicated_lines=dedicated, competitor_services=rivals
    ) == {"lines_in_all": 92, "dedicated_rate_mbit": "12.5", "ip_addresses": 6, "competitor_count": 1}
    assert computed("communication_profile")["dedicated_rate_mbit"] == "0"
    assert refused("communication_profile", dedicated_lines=[{"rate_mbit": 0}]) == ["dedicated_lines.0.rate_mbit"]
    assert refused("communication_profile", telephone_lines=[{"kind": "fixed", "lines": 1}] * 101) == [
        "telephone_lines"
    ]


def test_a_need_has_its_discount_and_whether_the_proposal_was_in_time() -> None:
    found = computed("need_solution", standard_price=200_000, quoted_price=170_000)
    assert found == {"discount_quoted": "15.00", "proposal_in_time": None}
    due = "2026-11-20T18:00:00+08:00"
    assert computed("need_solution", proposal_due_at=due, proposal_sent_at=due)["proposal_in_time"] is True
    late = "2026-11-20T10:00:01+00:00"
    assert computed("need_solution", proposal_due_at=due, proposal_sent_at=late)["proposal_in_time"] is False
    assert computed("need_solution", standard_price=0, quoted_price=0)["discount_quoted"] is None
    assert refused("need_solution", standard_price=100, quoted_price=101) == ["quoted_price"]
    assert refused("need_solution", proposal_due_at="2026-11-20T18:00:00") == ["proposal_due_at"]


def test_a_discount_request_adds_its_items() -> None:
    assert computed("discount_request") == {
        "standard_total": 400_000,
        "discount_total": 55_000,
        "discount_percent": "13.75",
    }
    assert [one.key for one in form_of("telecom.discount_request").about.flow.moves if one.approval] == [
        "approve",
        "reject",
    ]
    assert refused("discount_request", items=[]) == ["items"]
    assert refused("discount_request", items=[{**ITEM, "asked_price": 300_001}]) == ["items.0.asked_price"]
    assert refused("discount_request", items=[{**ITEM, "quantity": 0}]) == ["items.0.quantity"]
    assert refused("discount_request", approver_chain=["市场部", "市场部"]) == ["approver_chain"]


@pytest.mark.parametrize(
    ("addresses", "block", "prefix"), [(1, 4, 30), (2, 4, 30), (5, 8, 29), (6, 8, 29), (7, 16, 28), (254, 256, 24)]
)
def test_an_ip_request_names_the_smallest_block(addresses: int, block: int, prefix: int) -> None:
    assert computed("ip_request", addresses=addresses) == {"block_size": block, "prefix_length": prefix}


def test_an_ip_request_refuses_and_masks_the_phone() -> None:
    form = form_of("telecom.ip_request")
    assert fill(form, IP).document["contact_phone"] == "13800000001"
    assert refused("ip_request", contact_phone="call me") == ["contact_phone"]
    assert refused("ip_request", addresses=0) == ["addresses"]
    assert refused("ip_request", line_rate_mbit="-2") == ["line_rate_mbit"]


def test_an_order_says_which_papers_are_missing() -> None:
    assert computed("order_acceptance", **WHOLE) == {
        "documents_missing": [],
        "documents_complete": True,
        "days_taken": None,
    }
    every = ["contract", "seam_seals", "ip_request", "commitment_letter", "licence_copy", "payer_slip"]
    assert computed("order_acceptance")["documents_missing"] == every
    for name, one in zip(WHOLE, every, strict=True):
        short = WHOLE[name] - 1 if type(WHOLE[name]) is int else False
        found = computed("order_acceptance", **{**WHOLE, name: short})
        assert (found["documents_missing"], found["documents_complete"]) == ([one], False)
    done = computed("order_acceptance", done_on=ORDER["signed_on"] + timedelta(days=3))
    assert done["days_taken"] == 3
    assert refused("order_acceptance", done_on=ORDER["signed_on"] - timedelta(days=1)) == ["done_on"]


def test_a_competitor_report_refuses_what_contradicts_itself() -> None:
    assert computed("competitor_report", urgent=True, department_told="市场部", told_on="2026-11-14") == {}
    assert refused("competitor_report", told_on="2026-11-14") == ["told_on"]
    assert refused("area_competitor_report", valid_from="2026-11-02", valid_until="2026-11-01") == ["valid_until"]
    assert refused("competitor_report", strength="huge") == ["strength"]


@pytest.mark.parametrize(
    "mac", ["001A2B3C4D5E", "00:1a:2b:3c:4d:5e", "00-1A-2B-3C-4D-5E", "001a.2b3c.4d5e", " 00 1A 2B 3C 4D 5E "]
)
def test_a_mac_address_is_kept_in_one_way(mac: str) -> None:
    assert fill(form_of("telecom.equipment_issue"), {**ISSUE, "mac": mac}).document["mac"] == "00:1A:2B:3C:4D:5E"


@pytest.mark.parametrize(
    "mac",
    [
        "",
        "00:1A:2B:3C:4D",
        "00:1A:2B:3C:4D:5G",
        "00:00:00:00:00:00",
        "FF:FF:FF:FF:FF:FF",
        "01:00:5E:00:00:01",
        "0" * 99,
    ],
)
def test_what_is_no_devices_mac_address_is_refused(mac: str) -> None:
    assert refused("equipment_issue", mac=mac) == ["mac"]


def test_lost_equipment_is_charged_at_its_price() -> None:
    assert computed("equipment_issue") == {"charge": 0}
    assert computed("equipment_issue", state=EquipmentState.LOST) == {"charge": 86_000}
    assert computed("equipment_issue", state="lost", price=None) == {"charge": 0}
    assert computed("equipment_issue", state="damaged", returned_on="2026-04-01") == {"charge": 0}
    assert refused("equipment_issue", state="lost", returned_on="2026-04-01") == ["returned_on"]
    assert refused("equipment_issue", state="returned") == ["returned_on"]
    assert refused("equipment_issue", state="returned", returned_on="2026-02-28") == ["returned_on"]


@pytest.mark.parametrize("key", sorted(SAMPLES))
def test_every_form_refuses_what_it_does_not_know(key: str) -> None:
    assert refused(key, strange="x") == ["strange"]


def test_amounts_are_whole_fen() -> None:
    assert refused("vpn_group", monthly_revenue=Decimal("1.5")) == ["monthly_revenue"]


def test_a_discount_in_percent_is_rounded_half_up() -> None:
    """12.345 % and 0.005 %; nothing where there is no price."""
    assert percent_off(100_000, 87_655) == Decimal("12.35")
    assert percent_off(20_000, 19_999) == Decimal("0.01")
    assert percent_off(0, 0) is None
