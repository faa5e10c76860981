"""The follow-up clocks: the noon rule to the minute, the call after a proposal, engineering, visits after completion."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_core.calendars.rules import BusinessHours, WorkingDays
from steward_core.calendars.working_time import WorkingTime
from steward_core.promises.follow_ups import (
    FollowUp,
    FollowUps,
    NoonRule,
    ProposalDay,
    first_due,
    next_due,
    noon_rule_due,
)
from steward_core.promises.templates import FOLLOW_UPS, read
from steward_tenants.errors import InvalidInput
from tests.core.promises.office import OFFICE, ZONE, at

RULES = {rule.key: rule for rule in FOLLOW_UPS.rules}
SAME_DAY = NoonRule(between=ProposalDay.SAME_DAY)


@pytest.mark.parametrize(
    ("ended", "due"),
    [
        # Thursday.
        ("2026-11-05T09:30", "2026-11-05T17:30"),
        ("2026-11-05T11:59", "2026-11-05T17:30"),
        ("2026-11-05T11:59:59", "2026-11-05T17:30"),
        ("2026-11-05T12:00", "2026-11-06T11:00"),
        ("2026-11-05T13:59", "2026-11-06T11:00"),
        ("2026-11-05T14:00", "2026-11-06T11:00"),
        ("2026-11-05T19:00", "2026-11-06T11:00"),
        # Friday, morning and afternoon.
        ("2026-11-06T11:59", "2026-11-06T17:30"),
        ("2026-11-06T12:00", "2026-11-09T11:00"),
        ("2026-11-06T15:00", "2026-11-09T11:00"),
        # The Friday before the exchanged Saturday of 10 October 2026, that Saturday, and the Sunday after it.
        ("2026-10-09T11:59", "2026-10-09T17:30"),
        ("2026-10-09T14:00", "2026-10-10T11:00"),
        ("2026-10-10T11:59", "2026-10-10T17:30"),
        ("2026-10-10T14:00", "2026-10-12T11:00"),
        ("2026-10-11T10:00", "2026-10-12T11:00"),
        # Before and in the week of National Day.
        ("2026-09-30T11:59", "2026-09-30T17:30"),
        ("2026-09-30T13:59", "2026-10-08T11:00"),
        ("2026-09-30T14:00", "2026-10-08T11:00"),
        ("2026-10-01T10:00", "2026-10-08T11:00"),
        # Before the spring festival: the Saturday of 14 February is worked, 15–23 are off.
        ("2026-02-13T16:00", "2026-02-14T11:00"),
        ("2026-02-14T16:00", "2026-02-24T11:00"),
    ],
)
def test_the_noon_rule(ended: str, due: str) -> None:
    assert first_due(RULES["proposal"], at(ended), OFFICE).at == at(due)


@pytest.mark.parametrize(
    ("ended", "due"),
    [
        ("2026-11-05T11:59", "2026-11-05T17:30"),
        ("2026-11-05T12:00", "2026-11-05T17:30"),
        ("2026-11-05T13:59", "2026-11-05T17:30"),
        ("2026-11-05T14:00", "2026-11-06T11:00"),
        ("2026-10-10T13:59", "2026-10-10T17:30"),
        ("2026-11-07T13:00", "2026-11-09T11:00"),
    ],
)
def test_a_tenant_sets_what_holds_from_noon_to_two(ended: str, due: str) -> None:
    assert noon_rule_due(SAME_DAY, at(ended), OFFICE).at == at(due)


def test_every_figure_of_the_noon_rule_is_the_tenants() -> None:
    rule = NoonRule(noon=time(11, 30), afternoon=time(15), between=ProposalDay.SAME_DAY, by=time(10))
    assert noon_rule_due(rule, at("2026-11-05T14:59"), OFFICE).at == at("2026-11-05T17:30")
    assert noon_rule_due(rule, at("2026-11-05T15:00"), OFFICE).at == at("2026-11-06T10:00")


def test_a_unit_whose_work_is_over_before_noon_has_no_same_day() -> None:
    early = WorkingTime(WorkingDays(), BusinessHours(time(5), time(11)), ZONE)
    assert noon_rule_due(NoonRule(), at("2026-11-05T10:59"), early).at == at("2026-11-05T11:00")
    due = noon_rule_due(NoonRule(), at("2026-11-05T11:30"), early)
    assert due.at == at("2026-11-06T11:00")
    assert len(due.lines) == 3


def test_the_noon_rule_explains_itself() -> None:
    due = first_due(RULES["proposal"], at("2026-11-06T13:00"), OFFICE)
    assert [line.zh for line in due.lines] == [
        "走访于 2026-11-06 13:00 结束（12:00 至 14:00 之间）",
        "方案须于下一工作日 2026-11-09 11:00 前送达",
    ]
    assert [line.en for line in first_due(RULES["proposal"], at("2026-11-06T10:00"), OFFICE).lines] == [
        "The visit ended 2026-11-06 10:00 (before 12:00)",
        "The proposal goes out the same day, by end of work (2026-11-06 17:30)",
    ]
    assert [line.zh for line in first_due(RULES["proposal"], at("2026-11-07T10:00"), OFFICE).lines][1] == (
        "当天休息或已下班，顺延"
    )


visits = st.datetimes(
    datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2026-12-15"), timezones=st.just(UTC)
)
rules = st.builds(
    NoonRule,
    noon=st.times(time(9), time(13)),
    afternoon=st.times(time(13), time(18)),
    between=st.sampled_from(ProposalDay),
    by=st.times(time(8), time(17)),
)


@given(rules, visits, st.timedeltas(timedelta(0), timedelta(days=10)))
def test_a_later_visit_never_has_its_proposal_due_earlier(rule: NoonRule, ended: datetime, later: timedelta) -> None:
    due = noon_rule_due(rule, ended, OFFICE)
    assert due.at > ended
    assert OFFICE.days.is_working(OFFICE.day_of(due.at))
    assert due.at <= noon_rule_due(rule, ended + later, OFFICE).at


@pytest.mark.parametrize(
    ("sent", "due"),
    [
        ("2026-11-03T16:00", "2026-11-05T17:30"),
        ("2026-11-05T16:00", "2026-11-09T17:30"),
        ("2026-10-08T16:00", "2026-10-10T17:30"),
        ("2026-09-29T16:00", "2026-10-08T17:30"),
    ],
)
def test_the_client_is_called_two_days_after_the_proposal(sent: str, due: str) -> None:
    assert first_due(RULES["client_view"], at(sent), OFFICE).at == at(due)


def test_calls_go_on_weekly_until_the_client_answers() -> None:
    rule = RULES["client_view"]
    expected = ["2026-09-21T17:30", "2026-09-28T17:30", "2026-10-08T17:30", "2026-10-15T17:30"]
    done = at("2026-09-14T10:00")
    for due in expected:
        following = next_due(rule, done, OFFICE, happened=("proposal_changed",))
        assert following is not None
        assert following.at == at(due)
        done = following.at - timedelta(hours=3)
    assert next_due(rule, done, OFFICE, happened=("client_answered",)) is None


def test_engineering_is_contacted_within_ten_minutes_at_any_hour() -> None:
    rule = RULES["engineering"]
    assert first_due(rule, at("2026-11-05T10:00"), OFFICE).at == at("2026-11-05T10:10")
    assert first_due(rule, at("2026-10-03T23:55"), OFFICE).at == at("2026-10-04T00:05")
    assert next_due(rule, at("2026-11-05T10:05"), OFFICE) is None
    assert first_due(rule, at("2026-11-05T10:00"), OFFICE).lines[0].zh == (
        "自 2026-11-05 10:00 起 10 分钟 内：2026-11-05 10:10 前"
    )


def test_a_visit_follows_one_week_after_completion_and_then_monthly() -> None:
    rule = RULES["completion_visit"]
    assert first_due(rule, at("2026-11-05T16:00"), OFFICE).at == at("2026-11-12T17:30")
    # A week after 24 September is National Day.
    assert first_due(rule, at("2026-09-24T16:00"), OFFICE).at == at("2026-10-08T17:30")
    monthly = [
        next_due(rule, at(done), OFFICE) for done in ("2026-10-30T10:00", "2026-01-31T10:00", "2026-09-02T10:00")
    ]
    assert [due and due.at for due in monthly] == [
        at("2026-11-30T17:30"),
        at("2026-02-28T17:30"),
        at("2026-10-08T17:30"),
    ]


def test_what_an_event_starts_and_what_a_promise_keeps_already() -> None:
    def started(trigger: str, *promised: str) -> list[str]:
        return [rule.key for rule in FOLLOW_UPS.started_by(trigger, promised)]

    assert started("visit_ended") == ["proposal"]
    assert started("proposal_sent") == ["client_view"]
    assert started("fault_reported") == ["engineering"]
    assert started("order_completed") == ["completion_visit"]
    assert started("fault_reported", "fault_engineering", "first_visit") == []
    assert started("order_completed", "first_visit") == []
    assert started("festival") == []


CALL: dict[str, Any] = {
    "key": "call",
    "title": {"zh": "回访", "en": "Call"},
    "trigger": "proposal_sent",
    "within": {"count": 2, "unit": "calendar_days"},
}


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([CALL, CALL], ()),
        ([CALL | {"noon_rule": {}}], ("rules", "0")),
        ([{key: value for key, value in CALL.items() if key != "within"}], ("rules", "0")),
        ([CALL | {"until": "client_answered"}], ("rules", "0")),
        ([CALL | {"within": {"count": 2, "unit": "moons"}}], ("rules", "0", "within", "unit")),
        ([CALL | {"trigger": "Proposal sent"}], ("rules", "0", "trigger")),
        ([CALL | {"within": None, "noon_rule": {"noon": "15:00"}}], ("rules", "0", "noon_rule")),
        ([CALL | {"within": None, "noon_rule": {"by": "11:00+08:00"}}], ("rules", "0", "noon_rule")),
    ],
)
def test_follow_ups_that_cannot_be_are_refused_by_field(document: list[Any], path: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(FollowUps, {"rules": document})
    assert [problem.path for problem in refused.value.problems] == [path]


def test_follow_ups_are_data_and_read_back() -> None:
    stored = FOLLOW_UPS.model_dump(mode="json")
    assert read(FollowUps, stored) == FOLLOW_UPS
    assert stored["rules"][0]["noon_rule"] == {
        "noon": "12:00:00",
        "afternoon": "14:00:00",
        "between": "next_working_day",
        "by": "11:00:00",
    }
    own = read(FollowUp, CALL | {"within": {"count": 4, "unit": "business_minutes"}})
    assert first_due(own, at("2026-11-06T17:28"), OFFICE).at == at("2026-11-09T08:47")
