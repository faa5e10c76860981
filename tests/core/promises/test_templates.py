"""What the plugins promise becomes clocks with the figures of their domains; nothing is declared twice."""

from __future__ import annotations

from typing import Any

import pytest

from steward_core.industry.declarations import PromiseDeclaration
from steward_core.industry.registry import industry_of
from steward_core.promises.clocks import Clock, Course, Span, Unit, due_at, warning_at
from steward_core.promises.escalation import Act
from steward_core.promises.templates import ESCALATION, FOLLOW_UPS, Promise, clock_of, promises_of, read, started_by
from steward_tenants.errors import InvalidInput
from steward_tenants.texts import Bilingual
from tests.core.promises.office import OFFICE, at

TELECOM = industry_of("telecom").industry
TOBACCO = industry_of("tobacco").industry
PROMISES = {
    promise.key: promise for industry in (TELECOM, TOBACCO) for promise in promises_of(industry.key, industry.promises)
}
MINUTES, WORKING, DAYS = Unit.CALENDAR_MINUTES, Unit.WORKING_DAYS, Unit.CALENDAR_DAYS
FIGURES: dict[str, tuple[int, Unit, str, str | None]] = {
    # Limit, and by when what began on Thursday, 5 November 2026 at 15:00 is due and warns.
    "telecom.fault_response": (30, MINUTES, "2026-11-05T15:30", "2026-11-05T15:20"),
    "telecom.fault_solved": (2 * 60, MINUTES, "2026-11-05T17:00", "2026-11-05T16:30"),
    "telecom.fault_solved_internet_cafe": (4 * 60, MINUTES, "2026-11-05T19:00", "2026-11-05T18:00"),
    "telecom.fault_engineering": (10, MINUTES, "2026-11-05T15:10", "2026-11-05T15:05"),
    "telecom.installation": (3, DAYS, "2026-11-09T17:30", "2026-11-09T08:45"),
    "telecom.installation_without_resource": (7, DAYS, "2026-11-12T17:30", "2026-11-10T08:45"),
    "telecom.contract_flow": (7, DAYS, "2026-11-12T17:30", "2026-11-10T08:45"),
    "telecom.first_visit": (7, DAYS, "2026-11-12T17:30", "2026-11-10T08:45"),
    "telecom.urgent_competitor_report": (1, WORKING, "2026-11-06T17:30", None),
    "telecom.urgent_area_competitor_report": (1, WORKING, "2026-11-06T17:30", None),
    "tobacco.complaint_contact": (1, WORKING, "2026-11-06T17:30", "2026-11-06T08:45"),
    "tobacco.complaint_answer": (5, WORKING, "2026-11-12T17:30", "2026-11-11T08:45"),
}


def test_every_declared_promise_yields_a_clock() -> None:
    assert set(PROMISES) == set(FIGURES)
    assert len(PROMISES) == len(TELECOM.promises) + len(TOBACCO.promises)


@pytest.mark.parametrize("key", FIGURES)
def test_clocks_have_the_figures_of_the_domain(key: str) -> None:
    count, unit, due, warning = FIGURES[key]
    clock = PROMISES[key].clock
    course = Course(clock, at("2026-11-05T15:00"), OFFICE)
    assert clock.limit == Span(count=count, unit=unit)
    assert due_at(course, course.started) == at(due)
    assert warning_at(course, course.started) == (None if warning is None else at(warning))


def test_licence_warnings_are_the_settings_of_the_plugin_and_no_clock() -> None:
    settings: Any = TOBACCO.settings()
    assert (settings.licence_warning_days, settings.licence_last_warning_days) == (60, 30)
    assert "licence_ending" in {trigger.key for trigger in TOBACCO.triggers}


def test_figures_that_stand_in_settings_and_processes_are_the_same() -> None:
    settings: Any = TELECOM.settings()
    contents: dict[str, Any] = {template.key: template.content for template in TELECOM.templates}
    limits = {key.removeprefix("telecom."): promise.clock.limit.count for key, promise in PROMISES.items()}
    assert limits["installation"] == settings.installation_days
    assert limits["installation_without_resource"] == settings.installation_days_without_resource
    assert limits["first_visit"] == settings.first_visit_days
    assert limits["contract_flow"] == contents["contract_flow"]["days_in_all"]
    fault = contents["fault_report"]
    assert limits["fault_engineering"] == fault["engineering_minutes"]
    assert limits["fault_response"] == fault["response_minutes"]
    assert limits["fault_solved"] == fault["solve_minutes"]["default"]
    assert limits["fault_solved_internet_cafe"] == fault["solve_minutes"]["internet_cafe"]
    warned = next(step for step in ESCALATION.steps if step.act is Act.WARNING)
    assert warned.after == Span(count=contents["contract_flow"]["over_days_warned"], unit=DAYS)


def started(trigger: str, *facts: str) -> set[str]:
    return {promise.key.partition(".")[2] for promise in started_by(PROMISES.values(), trigger, facts)}


def test_an_event_starts_what_is_promised_of_it_and_the_narrower_promise_stands_for_the_general_one() -> None:
    assert started("fault_reported") == {"fault_response", "fault_solved", "fault_engineering"}
    assert started("fault_reported", "internet_cafe") == {
        "fault_response",
        "fault_solved_internet_cafe",
        "fault_engineering",
    }
    assert started("contract_signed", "resource_available") == {"installation", "contract_flow"}
    assert started("contract_signed", "resource_missing") == {"installation_without_resource", "contract_flow"}
    assert started("contract_signed") == {"contract_flow"}
    assert started("form:order_acceptance", "done") == {"first_visit"}
    assert started("form:order_acceptance") == set()
    assert started("form:competitor_report", "urgent") == {"urgent_competitor_report"}
    assert started("form:area_competitor_report", "urgent") == {"urgent_area_competitor_report"}
    assert started("form:service_request", "complaint") == {"complaint_contact", "complaint_answer"}
    assert started("form:service_request", "wish") == started("form:service_request") == set()


def test_follow_ups_name_promises_that_are_there() -> None:
    named = {key for rule in FOLLOW_UPS.rules for key in rule.unless_promised}
    assert named == {"fault_engineering", "first_visit"}
    assert named <= {promise.key for promise in TELECOM.promises}
    for rule in FOLLOW_UPS.rules:
        for key in rule.unless_promised:
            assert rule.within == PROMISES[f"telecom.{key}"].clock.limit


def test_a_promise_is_data_and_reads_back() -> None:
    for promise in PROMISES.values():
        assert read(Promise, promise.model_dump(mode="json")) == promise
        assert promise.title.text.zh
        assert promise.escalation == ESCALATION


def test_a_tenants_own_limit_keeps_the_share_of_the_warning() -> None:
    limits = {"fault_solved": 60, "installation": 1, "urgent_competitor_report": 3}
    changed = {one.key: one.clock for one in promises_of("telecom", TELECOM.promises, limits)}
    solved, installed = changed["telecom.fault_solved"], changed["telecom.installation"]
    assert solved.limit.count == 60
    assert solved.warning is not None
    assert solved.warning.after == 45
    assert installed.warning is not None
    assert installed.warning.after == 1
    assert changed["telecom.urgent_competitor_report"].warning is None
    assert changed["telecom.fault_response"] == PROMISES["telecom.fault_response"].clock


@pytest.mark.parametrize("limit", [0, -3, 100_000])
def test_a_limit_that_cannot_be_is_refused(limit: int) -> None:
    declared = PromiseDeclaration("answer", Bilingual("答复", "Answer"), "asked", "working_days", 5, 4)
    with pytest.raises(InvalidInput) as refused:
        clock_of(declared, limit)
    assert refused.value.problems[0].path[0] == "limit"


def test_what_is_wrong_with_a_promise_is_said_by_field_in_both_languages() -> None:
    document = PROMISES["telecom.fault_solved"].model_dump(mode="json")
    document["clock"]["limit"]["count"] = "soon"
    document["clock"]["warning"] = {"before": 0}
    document["warned"] = ["owner", "everybody"]
    document["colour"] = "red"
    with pytest.raises(InvalidInput) as refused:
        read(Promise, document)
    found = {".".join(problem.path): problem.message for problem in refused.value.problems}
    assert set(found) == {"clock.limit.count", "clock.warning.before", "warned.1", "colour"}
    assert found["clock.limit.count"].zh == "“数量”应为整数，例如 120。"
    assert found["clock.limit.count"].en == "Count must be a whole number, such as 120."


def test_an_hour_of_the_clock_is_never_hidden_in_code() -> None:
    """Every default figure can be set: a document with other figures yields other clocks."""
    document = PROMISES["tobacco.complaint_answer"].model_dump(mode="json")
    document["clock"] = {"limit": {"count": 8, "unit": "business_minutes"}, "warning": {"share_percent": 50}}
    changed = read(Promise, document)
    assert changed.clock == Clock.model_validate(document["clock"])
    course = Course(changed.clock, at("2026-11-06T17:26"), OFFICE)
    assert warning_at(course, course.started) == at("2026-11-06T17:30")
    assert due_at(course, course.started) == at("2026-11-09T08:49")
