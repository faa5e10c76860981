"""What the plugin declares, checks and invents."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from steward_core.clients.credit_code import credit_code_problem
from steward_core.forms.declared import fields_of
from steward_core.forms.form import APPROVAL, Several
from steward_core.industry.declarations import DemoWorld, Period
from steward_core.industry.registry import broken, industries
from steward_tobacco.forms import (
    BrandBuilding,
    GuidanceCard,
    RetailerGrading,
    RetailerProfile,
    ServiceRequest,
    TobaccoVisit,
    VolumeRequest,
)
from steward_tobacco.periods import months_in, period_before, period_of
from steward_tobacco.plugin import TOBACCO, check_client, check_record, settings_changed
from steward_tobacco.settings import Scales, Step, TobaccoSettings

CHINESE = re.compile(r"[\u4e00-\u9fff]")
WORLD = DemoWorld(date(2026, 11, 22), ("U1", "U2"), ("m1@example.test", "m2@example.test"))
SETTINGS = TobaccoSettings()


def test_the_plugin_is_found_and_whole() -> None:
    assert "tobacco" in industries()
    assert not [one for one in broken() if one.name == "tobacco"]
    assert [(tier.key, tier.rank) for tier in TOBACCO.tiers] == [
        ("star_5", 1),
        ("star_4", 2),
        ("star_3", 3),
        ("star_2", 4),
        ("star_1", 5),
    ]
    assert [trade.key for trade in TOBACCO.trades] == [
        "grocery",
        "convenience",
        "supermarket",
        "department_store",
        "tobacco_liquor",
        "entertainment",
        "other",
    ]
    assert [(one.tiers, one.every, one.unit) for one in TOBACCO.cadences] == [
        (("star_5",), 1, "week"),
        (("star_4",), 2, "week"),
        (("star_3",), 1, "month"),
        (("star_2", "star_1"), 2, "month"),
    ]
    assert [(one.clock, one.limit) for one in TOBACCO.promises] == [("working_days", 1), ("working_days", 5)]


def test_every_field_speaks_both_languages() -> None:
    for form in TOBACCO.forms:
        for field in fields_of(form):
            assert field.text is not None, field.name
            assert CHINESE.search(field.title.zh), field.name
            assert not CHINESE.search(field.title.en), field.name


def test_how_many_records_a_retailer_has_of_each_form() -> None:
    assert RetailerProfile.about.several is Several.ONE
    assert (RetailerGrading.about.several, RetailerGrading.about.by_people) == (Several.PERIOD, False)
    assert (BrandBuilding.about.several, BrandBuilding.about.slot_field) == (Several.FIELD, "brand")
    assert VolumeRequest.about.flow is APPROVAL


PROFILE = {
    "licence_number": "369900000001",
    "licence_expires_on": "2028-01-01",
    "trade_form": "grocery",
    "market_type": "town",
}


@pytest.mark.parametrize(
    ("form", "values"),
    [
        (RetailerProfile, {**PROFILE, "licence_number": "36990000001"}),
        (RetailerProfile, {**PROFILE, "licence_number": "36990000000A"}),
        (RetailerProfile, {**PROFILE, "licence_issued_on": "2028-01-01"}),
        (TobaccoVisit, {"visited_on": "2026-11-01", "irregular_goods": True}),
        (TobaccoVisit, {"visited_on": "2026-11-01", "missing_brands": ["云岭"]}),
        (TobaccoVisit, {"visited_on": "2026-11-01", "stock": [{"brand": "云岭", "cartons": -1}]}),
        (BrandBuilding, {"brand": "云岭", "first_ordered_on": "2026-10-02", "reordered_on": "2026-10-01"}),
        (GuidanceCard, {"given_on": "2026-11-01", "weakness": "display"}),
        (VolumeRequest, {"current": 10, "asked": 10, "reason": "旺季"}),
        (VolumeRequest, {"current": 10, "asked": 20, "reason": "旺季", "decision": "granted"}),  # its state decides
        (
            ServiceRequest,
            {
                "received_on": "2026-11-02",
                "kind": "wish",
                "topic": "supply",
                "content": "货",
                "contacted_on": "2026-11-01",
            },
        ),
        (
            ServiceRequest,
            {
                "received_on": "2026-11-02",
                "kind": "wish",
                "topic": "supply",
                "content": "货",
                "answered_on": "2026-11-03",
            },
        ),
    ],
)
def test_forms_refuse_what_cannot_be(form: Any, values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        form.model_validate(values)


def test_computed_values() -> None:
    assert VolumeRequest.model_validate({"current": 10, "asked": 25, "reason": "旺季"}).change == 15
    assert BrandBuilding.model_validate({"brand": "云岭"}).reordered is False


@pytest.mark.parametrize(
    ("client", "paths"),
    [
        ({"kind": "retailer", "trade": "grocery", "code": "369900000001"}, []),
        ({"kind": "retailer", "trade": None, "code": "K01"}, []),
        ({"kind": "retailer", "trade": "bank", "code": "36990000001"}, [("trade",), ("code",)]),
        ({"kind": "company", "trade": "bank", "code": "36990000001"}, []),
    ],
)
def test_clients_are_checked(client: dict[str, Any], paths: list[tuple[str, ...]]) -> None:
    assert [problem.path for problem in check_client(SETTINGS, client)] == paths


def test_records_are_checked() -> None:
    retailer = {"kind": "retailer", "code": "369900000001"}
    assert not check_record(SETTINGS, "retailer_profile", PROFILE, retailer)
    other = {**PROFILE, "licence_number": "369900000002"}
    assert [one.code for one in check_record(SETTINGS, "retailer_profile", other, retailer)] == [
        "licence_number_differs"
    ]
    assert [one.code for one in check_record(SETTINGS, "visit", {}, {"kind": "company"})] == ["not_a_retailer"]


def test_a_scale_that_never_gives_all_points_is_refused() -> None:
    after = TobaccoSettings(scales=Scales(tags=(Step(at_least=50, percent=90),)))
    assert [one.path for one in settings_changed(None, after)] == [("scales", "tags")]
    assert not settings_changed(None, SETTINGS)


@pytest.mark.parametrize(
    ("day", "quarter", "half"),
    [
        (date(2026, 1, 1), "2026Q1", "2026H1"),
        (date(2026, 6, 30), "2026Q2", "2026H1"),
        (date(2026, 7, 1), "2026Q3", "2026H2"),
        (date(2026, 12, 31), "2026Q4", "2026H2"),
    ],
)
def test_periods(day: date, quarter: str, half: str) -> None:
    halves = TobaccoSettings(grading_period="half_year")
    for settings, name, months in ((SETTINGS, quarter, 3), (halves, half, 6)):
        period = period_of(settings, day)
        assert (period.name, months_in(period)) == (name, months)
        assert period.start <= day < period.end
        before = period_before(period)
        assert (before.end, months_in(before)) == (period.start, months)
    assert period_of(SETTINGS, day) != Period("", day, day)


def test_demo_data_are_the_same_each_time_and_hold_together() -> None:
    assert TOBACCO.demo is not None
    data = TOBACCO.demo(WORLD)
    assert data == TOBACCO.demo(WORLD)
    clients = data["client"]
    codes = {row["code"] for row in clients}
    assert len(clients) == len(codes) == 300
    assert not [row for row in clients if credit_code_problem(row["credit_code"])]
    assert all(re.fullmatch(r"139 ?0000 ?\d{4}", row["phone"]) for row in clients)
    assert all(row["client"] in codes for target, rows in data.items() if target != "client" for row in rows)
    assert not [row for row in clients if check_client(SETTINGS, row)]
    for row in data["form:tobacco.retailer_profile"]:
        RetailerProfile.model_validate({name: value for name, value in row.items() if name != "client"})
    assert len({row["period"] for row in data["fact"]}) == 9
    metrics = {metric.key for metric in TOBACCO.metrics}
    assert {row["metric"] for row in data["fact"]} <= metrics


def test_importers_name_fields_that_exist() -> None:
    forms = {f"form:tobacco.{form.about.key}": {field.name for field in fields_of(form)} for form in TOBACCO.forms}
    metrics = {f"fact.{metric.key}" for metric in TOBACCO.metrics}
    for importer in TOBACCO.importers:
        named = {path for path in importer.columns.values() if path is not None}
        if importer.target in forms:
            assert named - {"client"} <= forms[importer.target]
        else:
            assert {path for path in named if path.startswith("fact.")} <= metrics
