"""What follows a broken promise: the chain by time over the limit, the warning after 3 days, the proposed penalty."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from steward_core.promises.clocks import Span, Unit
from steward_core.promises.escalation import (
    Act,
    Escalation,
    Penalty,
    Step,
    Told,
    escalated,
    next_step_at,
    proposed_penalty,
)
from steward_core.promises.templates import ESCALATION, read
from steward_tenants.errors import InvalidInput
from tests.core.promises.office import OFFICE, at

DUE = at("2026-11-02T17:30")
WITH_PENALTY = Escalation(steps=ESCALATION.steps, penalty=Penalty(after_days=7, percent=Decimal("0.5")))
CONTRACT = 12_345_67
"""12,345.67 yuan in fen."""


def acts(escalation: Escalation, now: str) -> list[Act]:
    return [one.act for one in escalated(escalation, DUE, at(now), OFFICE, CONTRACT)]


def test_overdue_by_more_than_three_days_is_a_warning_to_the_owner() -> None:
    assert acts(ESCALATION, "2026-11-02T17:30") == []
    assert acts(ESCALATION, "2026-11-02T17:31") == [Act.TELL]
    # Monday and 3 days: Thursday, with the end of its work.
    assert acts(ESCALATION, "2026-11-05T17:30") == [Act.TELL]
    assert acts(ESCALATION, "2026-11-05T17:31") == [Act.TELL, Act.WARNING]
    warning = escalated(ESCALATION, DUE, at("2026-11-05T17:31"), OFFICE)[1]
    assert warning.key == "warned"
    assert Told.OWNER in warning.tell
    assert [line.zh for line in warning.lines] == [
        "2026-11-02 17:30 到期，2026-11-05 17:30 起超时超过 3 天（遇休息日顺延）",
        "警告责任人；通知：责任人、主管",
    ]


def test_three_days_over_a_holiday_end_on_the_next_working_day() -> None:
    due = at("2026-09-30T17:30")
    found = escalated(ESCALATION, due, at("2026-10-08T17:31"), OFFICE)
    assert [(one.act, one.since) for one in found] == [(Act.TELL, due), (Act.WARNING, at("2026-10-08T17:30"))]


def test_unset_days_and_rate_mean_warning_only() -> None:
    assert acts(ESCALATION, "2027-06-01T10:00") == [Act.TELL, Act.WARNING]
    assert next_step_at(ESCALATION, DUE, at("2027-06-01T10:00"), OFFICE) is None


def test_longer_is_a_penalty_in_proportion_to_the_contract() -> None:
    assert acts(WITH_PENALTY, "2026-11-09T17:30") == [Act.TELL, Act.WARNING]
    penalty = escalated(WITH_PENALTY, DUE, at("2026-11-09T17:31"), OFFICE, CONTRACT)[-1]
    # 12,345.67 × 0.5 % = 61.72835
    assert (penalty.act, penalty.amount_fen) == (Act.PENALTY, 6173)
    assert penalty.lines[-1] == (
        "合同金额 12345.67 元 × 0.5% = 61.73 元",
        "Contract 12345.67 yuan × 0.5% = 61.73 yuan",
    )
    twice = escalated(WITH_PENALTY, DUE, at("2026-11-09T17:31"), OFFICE, 2 * 1_234_567_00)[-1]
    assert twice.amount_fen == 1_234_567


def test_without_the_contracts_amount_a_penalty_names_no_figure() -> None:
    penalty = escalated(WITH_PENALTY, DUE, at("2026-11-12T10:00"), OFFICE)[-1]
    assert (penalty.act, penalty.amount_fen) == (Act.PENALTY, None)
    assert penalty.lines[-1].zh == "合同金额未知，无法按 0.5% 计算扣款"


@pytest.mark.parametrize(
    ("fen", "percent", "amount"),
    [(100, "0.5", 1), (99, "0.5", 0), (300, "0.5", 2), (100_000_00, "3", 3_000_00), (0, "100", 0)],
)
def test_penalties_are_half_up_to_the_fen(fen: int, percent: str, amount: int) -> None:
    assert proposed_penalty(fen, Decimal(percent)) == amount


def test_the_next_step_is_known_beforehand() -> None:
    assert next_step_at(WITH_PENALTY, DUE, DUE, OFFICE) == DUE
    moments = []
    now = at("2026-11-01T10:00")
    while (moment := next_step_at(WITH_PENALTY, DUE, now, OFFICE)) is not None:
        moments.append(moment)
        now = moment.replace(second=1)
    assert moments == [DUE, at("2026-11-05T17:30"), at("2026-11-09T17:30")]


@given(st.datetimes(datetime.fromisoformat("2026-11-02"), datetime.fromisoformat("2026-12-31"), timezones=st.just(UTC)))
def test_a_step_that_was_reached_stays_reached(now: datetime) -> None:
    earlier = escalated(WITH_PENALTY, DUE, now, OFFICE, CONTRACT)
    later = escalated(WITH_PENALTY, DUE, at("2027-06-01T00:00"), OFFICE, CONTRACT)
    assert later[: len(earlier)] == earlier
    assert all(one.since < now for one in earlier)


STEP: dict[str, Any] = {
    "key": "warned",
    "after": {"count": 3, "unit": "calendar_days"},
    "act": "warning",
    "tell": ["owner"],
}


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"steps": [STEP, STEP]}, ()),
        ({"steps": [STEP | {"act": "penalty"}]}, ()),
        ({"steps": [STEP | {"key": "penalty"}]}, ()),
        ({"steps": [STEP | {"tell": []}]}, ("steps", "0", "tell")),
        ({"steps": [STEP | {"after": {"count": 0, "unit": "calendar_days"}}]}, ("steps", "0", "after", "count")),
        ({"steps": [STEP], "penalty": {"after_days": 5}}, ("penalty",)),
        ({"steps": [STEP], "penalty": {"percent": "1"}}, ("penalty",)),
        ({"steps": [STEP], "penalty": {"after_days": 3, "percent": "1"}}, ()),
        ({"steps": [STEP], "penalty": {"after_days": 5, "percent": "101"}}, ("penalty", "percent")),
    ],
)
def test_chains_that_cannot_be_are_refused_by_field(document: dict[str, Any], path: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(Escalation, document)
    assert [problem.path for problem in refused.value.problems] == [path]
    assert all(problem.message.zh and problem.message.en for problem in refused.value.problems)


def test_a_chain_is_data_and_reads_back() -> None:
    assert read(Escalation, WITH_PENALTY.model_dump(mode="json")) == WITH_PENALTY
    own = Step(key="soon", after=Span(count=60, unit=Unit.BUSINESS_MINUTES), act=Act.TELL, tell=(Told.UNIT_LEAD,))
    quick = escalated(Escalation(steps=(own,)), at("2026-11-06T17:00"), at("2026-11-09T09:16"), OFFICE)
    assert [(one.key, one.since) for one in quick] == [("soon", at("2026-11-09T09:15"))]


def test_a_step_without_anyone_to_tell_cannot_be_made() -> None:
    with pytest.raises(ValidationError):
        Step(key="quiet", act=Act.TELL, tell=())
