"""What may be done about a request from where it stands: generated walks keep to what the rules say."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steward_core.promises.errors import LegOver, LegsOpen, RequestMoveRefused
from steward_core.promises.models import LegStatus, RequestAct, RequestStatus
from steward_core.promises.request_rules import (
    ENDED,
    LEG_OVER,
    LEGS_DONE_FIRST,
    MOVES,
    after,
    kept_by,
    possible,
    require_open,
    triggers_of,
)

ACTS = st.lists(st.sampled_from(sorted(MOVES, key=str)), max_size=30)


@given(ACTS, st.integers(0, 3))
@settings(max_examples=200)
def test_every_walk_keeps_to_the_rules(acts: list[RequestAct], legs: int) -> None:
    status, answered = RequestStatus.OPEN, False
    for act in acts:
        before = status
        try:
            status = after(status, act, open_legs=legs)
        except RequestMoveRefused:
            assert act not in possible(before)
            continue
        except LegsOpen:
            assert legs
            assert act in LEGS_DONE_FIRST
            continue
        assert act in possible(before)
        answered = answered or act is RequestAct.ANSWERED
        # Nobody's request is confirmed or closed that was never answered, and a cancelled one stays so.
        assert answered or status not in (RequestStatus.CONFIRMED, RequestStatus.CLOSED, RequestStatus.ANSWERED)
        assert before is not RequestStatus.CANCELLED or status is RequestStatus.CANCELLED
        assert not (legs and status in (RequestStatus.ANSWERED, RequestStatus.CLOSED) and act in LEGS_DONE_FIRST)


@pytest.mark.parametrize("status", list(RequestStatus))
def test_from_everywhere_but_cancelled_a_request_can_be_brought_to_its_end(status: RequestStatus) -> None:
    reached, fresh = {status}, {status}
    while fresh:
        fresh = {MOVES[act][one] for one in fresh for act in possible(one)} - reached
        reached |= fresh
    assert reached & ENDED
    if status is not RequestStatus.CANCELLED:
        assert RequestStatus.CLOSED in reached


def test_a_refusal_says_what_is_possible() -> None:
    with pytest.raises(RequestMoveRefused) as refused:
        after(RequestStatus.CLOSED, RequestAct.ANSWERED)
    assert "重新办理" in refused.value.advice.zh
    with pytest.raises(LegsOpen) as legs:
        after(RequestStatus.OPEN, RequestAct.ANSWERED, open_legs=2)
    assert "2" in legs.value.text.en


@pytest.mark.parametrize("status", list(LegStatus))
def test_a_leg_that_is_over_stays_so(status: LegStatus) -> None:
    if status in LEG_OVER:
        with pytest.raises(LegOver):
            require_open(status)
    else:
        require_open(status)


def test_what_requests_tell_promises() -> None:
    assert triggers_of("fault") == ("request_opened", "fault_reported")
    assert triggers_of("complaint") == ("request_opened", "complaint_received", "form:service_request")
    assert triggers_of("billing") == ("request_opened", "billing_received")
    assert kept_by(RequestAct.MILESTONE, "arrived") == ("arrived",)
    assert kept_by(RequestAct.NOTED) == ()
