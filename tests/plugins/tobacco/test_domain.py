"""Each line of the tobacco industry's domain, and what serves it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from steward_core.visits.plan_states import PlanState
from steward_tobacco.plugin import TOBACCO
from tests.plugins.served import find, forms_fields

LINES: Mapping[str, tuple[str, ...]] = {
    "client: licence number and expiry": forms_fields("retailer_profile", "licence_number licence_expires_on"),
    "client: trade form": (
        "form:retailer_profile.trade_form",
        "trade:grocery",
        "trade:convenience",
        "trade:supermarket",
        "trade:department_store",
        "trade:tobacco_liquor",
        "trade:entertainment",
        "trade:other",
    ),
    "client: market type, business district": forms_fields("retailer_profile", "market_type business_district"),
    "client: ordering day and way": forms_fields("retailer_profile", "ordering_day ordering_way"),
    "client: e-settlement signed, balance OK": forms_fields(
        "retailer_profile", "settlement_signed settlement_balance_ok"
    ),
    "client: star level, supply grade": ("field:star", "field:supply_grade", "tier:star_5", "tier:star_1"),
    "client: reasonable volume, delivery route": forms_fields("retailer_profile", "reasonable_volume delivery_route"),
    "form retailer grading: indicators with points, total, stars, grade, change, reasons": (
        "grading:retailer_grading",
        *forms_fields(
            "retailer_grading",
            "points_volume points_value points_growth points_regularity points_fulfilment points_settlement "
            "points_shelf points_display points_tags points_cooperation score star grade rank previous_star "
            "previous_grade reasons_zh reasons_en",
        ),
        "setting:points.volume=20",
        "setting:points.value=15",
        "setting:points.growth=10",
        "setting:points.regularity=10",
        "setting:points.fulfilment=5",
        "setting:points.settlement=10",
        "setting:points.shelf=10",
        "setting:points.display=5",
        "setting:points.tags=5",
        "setting:points.law=0",
        "setting:points.cooperation=10",
    ),
    "form retailer grading: stars from 90/80/70/60, caps, grades 1 to 30": (
        "setting:stars.five=90",
        "setting:stars.four=80",
        "setting:stars.three=70",
        "setting:stars.two=60",
        "setting:minor_violation_cap=3",
        "setting:major_violation_cap=1",
        "setting:supply_grades=30",
    ),
    "form visit": forms_fields(
        "visit",
        "visit_id stock out_of_stock missing_brands price_tags display_photo new_brands_on_shelf promotions_explained "
        "wish irregular_goods",
    ),
    "form brand building": forms_fields(
        "brand_building", "brand target on_shelf first_ordered_on reordered_on shelf_share reaction"
    ),
    "form guidance card": forms_fields(
        "guidance_card",
        "product_mix order_advice display_advice capital_advice best_stock weakness measure effect",
    ),
    "form reasonable volume request": forms_fields("volume_request", "current asked reason change"),
    "form complaint or wish": forms_fields("service_request", "kind answer handled_by answered_on contacted_on"),
    "visits: 5★ weekly, 4★ every two weeks, 3★ monthly, 1–2★ every two months": (
        "cadence:star_5=1 week",
        "cadence:star_4=2 week",
        "cadence:star_3=1 month",
        "cadence:star_1_2=2 month",
    ),
    "grading every quarter, half-yearly as a setting": ("setting:grading_period=quarter",),
    "licence warning 60 and 30 days ahead": (
        "trigger:licence_ending",
        "setting:licence_warning_days=60",
        "setting:licence_last_warning_days=30",
    ),
    "complaints: contact within 1 working day, answer within 5": (
        "promise:complaint_contact=1 working_days",
        "promise:complaint_answer=5 working_days",
    ),
    "trigger: order missed twice": ("trigger:order_missed", "setting:missed_orders=2"),
    "trigger: volume −30 % against the 3-month mean": (
        "trigger:volume_fell",
        "setting:volume_drop_percent=30",
        "setting:volume_mean_months=3",
    ),
    "trigger: e-settlement failed": ("trigger:settlement_failed",),
    "trigger: star dropped or one step from the next": ("trigger:star_dropped", "trigger:star_near"),
    "trigger: target brand not on shelf": ("trigger:brand_missing",),
    "trigger: stock-out on last visit": ("trigger:stock_out",),
    "indicator: sales against target": ("indicator:sales_against_target", "metric:sales_target"),
    "indicator: value per carton": ("indicator:value_per_carton",),
    "indicator: on-shelf rate of target brands": ("indicator:shelf_rate",),
    "indicator: visit plan completion": ("indicator:core.plan_completion",),
    "indicator: satisfaction": ("indicator:satisfaction",),
    "indicator: e-settlement success": ("indicator:settlement_success",),
    "indicator: order success rate": ("indicator:order_success",),
    "indicator: data accuracy of client files": ("indicator:data_accuracy",),
    "indicator: cases written, ≥ 2 a month": ("indicator:cases_written", "setting:cases_per_month=2"),
    "ladder: dual channel, three levels × three grades, quotas 10/60/30": ("template:ladder/dual_channel",),
    "visit checklist": ("template:checklist/retailer_visit",),
}


@pytest.mark.parametrize(("line", "served_by"), LINES.items(), ids=LINES)
def test_the_line_is_served(line: str, served_by: tuple[str, ...]) -> None:
    assert served_by, line
    for named in served_by:
        assert find(TOBACCO, named), named


def test_the_schedule_grades_after_each_quarter_and_the_ladder_has_its_figures() -> None:
    assert [(one.task, one.rule) for one in TOBACCO.schedules] == [("grading:retailer_grading", "0 2 5 1,4,7,10 *")]
    ladder = find(TOBACCO, "template:ladder/dual_channel").content
    assert [(one["grades"], one["quota_percent"]) for one in ladder["levels"]] == [(3, 10), (3, 60), (3, 30)]
    assert (len(ladder["channels"]), ladder["assessments"], ladder["committee"]) == (2, ["month", "year"], True)


def test_the_monthly_plan_has_the_states_of_the_work_method() -> None:
    assert {one.value for one in PlanState} >= {"planned", "submitted", "approved", "rejected"}


def test_nothing_is_declared_that_no_line_asks_for() -> None:
    named = {name.split("=")[0].split(".")[0] for served in LINES.values() for name in served}
    declared = {
        *(f"form:{one.about.key}" for one in TOBACCO.forms),
        *(f"trigger:{one.key}" for one in TOBACCO.triggers),
        *(f"indicator:{one.key}" for one in TOBACCO.indicators),
        *(f"promise:{one.key}" for one in TOBACCO.promises),
        *(f"cadence:{one.key}" for one in TOBACCO.cadences),
    }
    assert declared <= named
