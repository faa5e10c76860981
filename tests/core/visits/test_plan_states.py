"""The plan's states: who may do what when, what may be changed, and what blocks the month's closing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from steward_core.visits.actions import month_of
from steward_core.visits.errors import (
    MonthBlocked,
    OverrideNotNeeded,
    OwnPlan,
    PlanMonthAhead,
    PlanNeedsEditing,
    PlanNotEditable,
    PlanNotSupervised,
    PlanNotYours,
    PlanStateForbids,
)
from steward_core.visits.plan_states import (
    Doer,
    Plan,
    PlanCommand,
    PlanEdit,
    PlanState,
    PlanStep,
    change,
    closing,
    edit_refusal,
    move,
    offered,
    override,
    refusal,
)
from steward_tenants.errors import InvalidInput, StewardError

MANAGER, LEAD, SECOND, STRANGER = (UUID(int=number) for number in range(1, 5))
OWNER, SUPERVISOR, OTHER_LEAD = Doer(MANAGER), Doer(LEAD, True), Doer(SECOND, True)
OWN_LEAD, NOBODY, PLATFORM = Doer(MANAGER, True), Doer(STRANGER), Doer(None)
AT = datetime(2026, 11, 5, 1, 0, tzinfo=UTC)
TODAY = date(2026, 11, 5)
NOVEMBER = month_of(TODAY)
REASON = "拜访太少"

FLOW: dict[PlanCommand, tuple[Doer, PlanState, PlanState]] = {
    PlanCommand.SUBMIT: (OWNER, PlanState.PLANNED, PlanState.SUBMITTED),
    PlanCommand.APPROVE: (SUPERVISOR, PlanState.SUBMITTED, PlanState.APPROVED),
    PlanCommand.START: (OWNER, PlanState.APPROVED, PlanState.IN_EXECUTION),
    PlanCommand.SUBMIT_RESULTS: (OWNER, PlanState.IN_EXECUTION, PlanState.RESULTS_SUBMITTED),
    PlanCommand.APPROVE_RESULTS: (SUPERVISOR, PlanState.RESULTS_SUBMITTED, PlanState.RESULTS_APPROVED),
}
ARROWS = {
    ("planned", "submitted"),
    ("submitted", "approved"),
    ("submitted", "rejected"),
    ("rejected", "edited"),
    ("edited", "submitted"),
    ("approved", "in_execution"),
    ("in_execution", "results_submitted"),
    ("results_submitted", "results_approved"),
    ("results_submitted", "results_rejected"),
    ("results_rejected", "corrected"),
    ("corrected", "results_submitted"),
    # A submission withdrawn goes back to where it came from.
    ("submitted", "planned"),
    ("submitted", "edited"),
    ("results_submitted", "in_execution"),
    ("results_submitted", "corrected"),
}
"""The arrows of the domain's drawing."""


def plan(state: PlanState = PlanState.PLANNED, **values: Any) -> Plan:
    return Plan(UUID(int=99), MANAGER, NOVEMBER, state, **values)


def go(start: Plan, command: PlanCommand, doer: Doer, reason: str | None = REASON) -> Plan:
    return move(start, command, doer, at=AT, today=TODAY, reason=reason)[0]


def why_not(start: Plan, command: PlanCommand, doer: Doer) -> type[StewardError]:
    refused = refusal(start, command, doer, today=TODAY)
    assert refused is not None
    assert refused.text.zh
    assert "{" not in refused.text.zh + refused.text.en + refused.advice.zh + refused.advice.en
    with pytest.raises(type(refused)):
        go(start, command, doer)
    return type(refused)


def test_the_whole_flow() -> None:
    now = plan()
    for command, (doer, before, after) in FLOW.items():
        assert now.state is before
        now, step = move(now, command, doer, at=AT, today=TODAY)
        assert (now.state, step.before, step.after, step.by, step.at) == (after, before, after, doer.user_id, AT)
    assert offered(now, OWN_LEAD, today=TODAY) == offered(now, SUPERVISOR, today=TODAY) == ()


def test_a_rejected_plan_is_edited_before_it_is_submitted_again() -> None:
    rejected, step = move(
        go(plan(), PlanCommand.SUBMIT, OWNER), PlanCommand.REJECT, SUPERVISOR, at=AT, today=TODAY, reason=f" {REASON} "
    )
    assert step.reason == REASON
    assert step.line.zh == "退回计划，待审批 → 已退回：拜访太少"
    assert why_not(rejected, PlanCommand.SUBMIT, OWNER) is PlanNeedsEditing
    edited, changed = change(rejected, PlanEdit.CHANGE_ACTIONS, OWNER, at=AT)
    assert changed is not None
    assert (edited.state, changed.what) == (PlanState.EDITED, PlanEdit.CHANGE_ACTIONS)
    again = go(edited, PlanCommand.SUBMIT, OWNER)
    assert go(again, PlanCommand.WITHDRAW, OWNER).state is PlanState.EDITED
    assert go(again, PlanCommand.APPROVE, SUPERVISOR).state is PlanState.APPROVED


def test_rejected_results_are_corrected_before_they_are_submitted_again() -> None:
    waiting = go(plan(PlanState.IN_EXECUTION), PlanCommand.SUBMIT_RESULTS, OWNER)
    rejected = go(waiting, PlanCommand.REJECT_RESULTS, SUPERVISOR)
    assert why_not(rejected, PlanCommand.SUBMIT_RESULTS, OWNER) is PlanNeedsEditing
    corrected, step = change(rejected, PlanEdit.RECORD_RESULT, OWNER, at=AT)
    assert (corrected.state, step is not None) == (PlanState.CORRECTED, True)
    again = go(corrected, PlanCommand.SUBMIT_RESULTS, OWNER)
    assert go(again, PlanCommand.WITHDRAW_RESULTS, OWNER).state is PlanState.CORRECTED
    assert go(waiting, PlanCommand.WITHDRAW_RESULTS, OWNER).state is PlanState.IN_EXECUTION


def test_a_submission_can_be_withdrawn_until_it_is_decided() -> None:
    submitted = go(plan(), PlanCommand.SUBMIT, OWNER)
    assert go(submitted, PlanCommand.WITHDRAW, OWNER) == plan()
    assert why_not(go(submitted, PlanCommand.APPROVE, SUPERVISOR), PlanCommand.WITHDRAW, OWNER) is PlanStateForbids
    assert why_not(submitted, PlanCommand.WITHDRAW, SUPERVISOR) is PlanNotYours


@pytest.mark.parametrize("command", [PlanCommand.APPROVE, PlanCommand.REJECT])
def test_nobody_decides_on_their_own_plan(command: PlanCommand) -> None:
    submitted = go(plan(), PlanCommand.SUBMIT, OWNER)
    assert why_not(submitted, command, OWN_LEAD) is OwnPlan
    assert why_not(submitted, command, OWNER) is OwnPlan
    assert why_not(submitted, command, NOBODY) is PlanNotSupervised
    assert why_not(submitted, command, PLATFORM) is PlanNotSupervised
    # Who submitted it before the portfolio went to somebody else does not decide on it either.
    handed_over = plan(PlanState.SUBMITTED, submitted_by=LEAD)
    assert why_not(handed_over, command, SUPERVISOR) is OwnPlan
    assert refusal(handed_over, command, OTHER_LEAD, today=TODAY) is None


@pytest.mark.parametrize("command", [PlanCommand.REJECT, PlanCommand.REJECT_RESULTS])
@pytest.mark.parametrize("reason", [None, "", "  ", "x" * 501, "a\u0007b"])
def test_a_rejection_needs_a_reason(command: PlanCommand, reason: str | None) -> None:
    state = PlanState.SUBMITTED if command is PlanCommand.REJECT else PlanState.RESULTS_SUBMITTED
    with pytest.raises(InvalidInput) as error:
        go(plan(state), command, SUPERVISOR, reason)
    assert [one.path for one in error.value.problems] == [("reason",)]


def test_a_plan_starts_when_its_month_has_begun() -> None:
    approved = plan(PlanState.APPROVED)
    for doer in (OWNER, PLATFORM):
        refused = refusal(approved, PlanCommand.START, doer, today=date(2026, 10, 31))
        assert isinstance(refused, PlanMonthAhead)
        assert refused.text.zh == "计划自 2026-11-01 起执行，今天是 2026-10-31。"
        assert refusal(approved, PlanCommand.START, doer, today=date(2026, 11, 1)) is None
    assert why_not(approved, PlanCommand.START, SUPERVISOR) is PlanNotYours
    assert why_not(plan(), PlanCommand.SUBMIT, PLATFORM) is PlanNotYours


CHANGE, TEMPORARY, RESULT = PlanEdit.CHANGE_ACTIONS, PlanEdit.ADD_TEMPORARY, PlanEdit.RECORD_RESULT


@pytest.mark.parametrize(
    ("state", "allowed"),
    [
        ("planned", {CHANGE}),
        ("submitted", set()),
        ("rejected", {CHANGE}),
        ("edited", {CHANGE}),
        ("approved", {TEMPORARY}),
        ("in_execution", {TEMPORARY, RESULT}),
        ("results_submitted", set()),
        ("results_rejected", {RESULT}),
        ("corrected", {RESULT}),
        ("results_approved", set()),
    ],
)
def test_what_may_be_changed_in_each_state(state: str, allowed: set[PlanEdit]) -> None:
    """Submitted: nothing; approved: temporary tasks only."""
    now = plan(PlanState(state))  # type: ignore[call-arg]  # a choice is found by its value
    for edit in PlanEdit:
        refused = edit_refusal(now, edit, OWNER)
        assert (refused is None) is (edit in allowed)
        if refused is not None:
            assert isinstance(refused, PlanNotEditable)
            with pytest.raises(PlanNotEditable):
                change(now, edit, OWNER, at=AT)
        for stranger in (NOBODY, PLATFORM, *(() if edit is TEMPORARY else (SUPERVISOR,))):
            assert isinstance(edit_refusal(now, edit, stranger), PlanNotYours)
    assert (edit_refusal(now, TEMPORARY, SUPERVISOR) is None) is (TEMPORARY in allowed)


def test_a_refusal_says_what_stands_in_the_way() -> None:
    refused = refusal(plan(PlanState.APPROVED), PlanCommand.SUBMIT, OWNER, today=TODAY)
    assert refused is not None
    assert refused.text == (
        "计划现为“已批准”，不能提交计划。",
        "The plan is approved; it cannot be taken to “Submit the plan”.",
    )
    stopped = edit_refusal(plan(PlanState.SUBMITTED), CHANGE, OWNER)
    assert stopped is not None
    assert stopped.text.zh == "计划现为“待审批”，不能修改计划内容。"


def test_results_that_are_not_approved_block_the_closing() -> None:
    done, open_one = plan(PlanState.RESULTS_APPROVED), Plan(UUID(int=98), MANAGER, NOVEMBER, PlanState.IN_EXECUTION)
    assert closing([done]).possible
    blocked = closing([done, open_one])
    assert (blocked.approved, blocked.blocking, blocked.possible) == ((done.id,), (open_one.id,), False)
    with pytest.raises(MonthBlocked):
        blocked.require()
    given = override(open_one, SUPERVISOR, at=AT, reason="产假")
    let = closing([done, open_one], [given])
    let.require()
    assert (let.overridden, let.possible) == ((open_one.id,), True)
    assert let.lines[0].zh == "放行月结，执行中 → 执行中：产假"
    assert let.lines[-1].zh == "共 2 份计划：结果已批准 1，主管放行 1，阻止月结 0"


def test_an_override_is_a_supervisors_with_a_reason_and_for_what_was_seen() -> None:
    open_one = plan(PlanState.IN_EXECUTION)
    for doer, error in (
        (OWN_LEAD, OwnPlan),
        (OWNER, OwnPlan),
        (NOBODY, PlanNotSupervised),
        (PLATFORM, PlanNotSupervised),
    ):
        with pytest.raises(error):
            override(open_one, doer, at=AT, reason=REASON)
    for reason in (None, " "):
        with pytest.raises(InvalidInput):
            override(open_one, SUPERVISOR, at=AT, reason=reason)
    with pytest.raises(OverrideNotNeeded):
        override(plan(PlanState.RESULTS_APPROVED), SUPERVISOR, at=AT, reason=REASON)
    given = override(open_one, SUPERVISOR, at=AT, reason=REASON)
    assert not closing([go(open_one, PlanCommand.SUBMIT_RESULTS, OWNER)], [given]).possible


DOERS = st.sampled_from([OWNER, SUPERVISOR, OTHER_LEAD, OWN_LEAD, NOBODY, PLATFORM])
REASONS = st.sampled_from([None, "", REASON])


class PlanLife(RuleBasedStateMachine):
    """Anybody tries anything in any order; what is in the plan is counted beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.plan = plan()
        self.steps: list[PlanStep] = []
        self.overrides: list[PlanStep] = []
        self.planned, self.seen_planned, self.results, self.seen_results = 0, 0, 0, 0
        self.submitter: UUID | None = None
        self.edited_since_rejection = self.corrected_since_rejection = True

    @rule(command=st.sampled_from(list(PlanCommand)), doer=DOERS, reason=REASONS, ahead=st.booleans())
    def command(self, command: PlanCommand, doer: Doer, reason: str | None, ahead: bool) -> None:
        before, today = self.plan, date(2026, 10, 31) if ahead else TODAY
        may = command in offered(before, doer, today=today)
        try:
            self.plan, step = move(before, command, doer, at=AT, today=today, reason=reason)
        except InvalidInput:
            assert may
            assert command in (PlanCommand.REJECT, PlanCommand.REJECT_RESULTS)
            assert not reason
            return
        except StewardError:
            assert not may
            return
        assert may
        self.steps.append(step)
        deciding = command in (
            PlanCommand.APPROVE,
            PlanCommand.REJECT,
            PlanCommand.APPROVE_RESULTS,
            PlanCommand.REJECT_RESULTS,
        )
        if deciding:
            assert doer.supervises
            assert doer.user_id not in (None, MANAGER, self.submitter)
        else:
            assert doer.user_id == MANAGER or (doer == PLATFORM and command is PlanCommand.START)
        if command is PlanCommand.START:
            assert not ahead
        if command is PlanCommand.SUBMIT:
            assert self.edited_since_rejection
            self.seen_planned, self.submitter = self.planned, doer.user_id
        if command is PlanCommand.SUBMIT_RESULTS:
            assert self.corrected_since_rejection
            self.seen_results, self.submitter = self.results, doer.user_id
        if command is PlanCommand.REJECT:
            self.edited_since_rejection = False
            assert step.reason
        if command is PlanCommand.REJECT_RESULTS:
            self.corrected_since_rejection = False
            assert step.reason

    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        """One of the steps that somebody may take, so that lives go far."""
        doers = (OWNER, SUPERVISOR, PLATFORM)
        steps = [(one, doer) for doer in doers for one in offered(self.plan, doer, today=TODAY)]
        edits = [edit for edit in PlanEdit if edit_refusal(self.plan, edit, OWNER) is None]
        if not steps and not edits:
            return
        chosen = data.draw(st.sampled_from([*steps, *edits]))
        if isinstance(chosen, PlanEdit):
            self.edit(chosen, OWNER)
        else:
            self.command(*chosen, REASON, False)

    @rule(edit=st.sampled_from(list(PlanEdit)), doer=DOERS)
    def edit(self, edit: PlanEdit, doer: Doer) -> None:
        may = edit_refusal(self.plan, edit, doer) is None
        before = self.plan
        try:
            self.plan, step = change(before, edit, doer, at=AT)
        except StewardError:
            assert not may
            return
        assert may
        assert (step is None) is (before == self.plan)
        self.steps += [step] if step else []
        if edit is PlanEdit.CHANGE_ACTIONS:
            self.planned += 1
            self.edited_since_rejection = True
        if edit is PlanEdit.RECORD_RESULT:
            self.results += 1
            self.corrected_since_rejection = True

    @rule(doer=DOERS, reason=REASONS)
    def let_close(self, doer: Doer, reason: str | None) -> None:
        try:
            given = override(self.plan, doer, at=AT, reason=reason)
        except StewardError:
            assert not (doer in (SUPERVISOR, OTHER_LEAD) and reason) or self.plan.state is PlanState.RESULTS_APPROVED
            return
        assert given.by in (LEAD, SECOND)
        assert given.reason
        self.overrides.append(given)

    @invariant()
    def every_step_is_an_arrow(self) -> None:
        states = ["planned", *(str(step.after.value) for step in self.steps)]
        assert [str(step.before.value) for step in self.steps] == states[:-1]
        assert all(arrow in ARROWS for arrow in pairwise(states))
        assert self.plan.state.value == states[-1]

    @invariant()
    def what_was_approved_is_what_was_submitted(self) -> None:
        if self.plan.state.value not in ("planned", "rejected", "edited"):
            assert self.planned == self.seen_planned
        if self.plan.state.value in ("results_submitted", "results_approved"):
            assert self.results == self.seen_results

    @invariant()
    def a_month_closes_only_on_approved_results_or_an_override(self) -> None:
        let_through = any(step.before is self.plan.state for step in self.overrides)
        approved = self.plan.state is PlanState.RESULTS_APPROVED
        assert closing([self.plan], self.overrides).possible is (approved or let_through)


TestPlanLife = PlanLife.TestCase
TestPlanLife.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
