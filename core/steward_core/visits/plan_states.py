"""The states of a monthly plan: who may take it where, and what may be changed in it meanwhile [002]. Pure.

    planned → submitted → approved → in execution → results submitted → results approved
                 ↓ rejected → edited ↑                      ↓ results rejected → corrected ↑

A submission can be withdrawn until it is decided; it goes back to where it came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from steward_core.forms.fields import Choice
from steward_core.industry.declarations import Period
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
from steward_tenants.errors import FieldProblem, InvalidInput, StewardError
from steward_tenants.people.rules import Unacceptable, line_of_text
from steward_tenants.texts import Bilingual

LONGEST_REASON = 500


class PlanState(Choice):
    """Where a plan stands."""

    PLANNED = "planned", "待提交", "planned"
    SUBMITTED = "submitted", "待审批", "submitted"
    REJECTED = "rejected", "已退回", "rejected"
    EDITED = "edited", "已修改", "edited"
    APPROVED = "approved", "已批准", "approved"
    IN_EXECUTION = "in_execution", "执行中", "in execution"
    RESULTS_SUBMITTED = "results_submitted", "结果待审批", "waiting for its results' approval"
    RESULTS_REJECTED = "results_rejected", "结果已退回", "back with its results rejected"
    CORRECTED = "corrected", "结果已更正", "corrected"
    RESULTS_APPROVED = "results_approved", "结果已批准", "finished with its results approved"


class PlanCommand(Choice):
    """What takes a plan from one state to another."""

    SUBMIT = "submit", "提交计划", "Submit the plan"
    WITHDRAW = "withdraw", "撤回计划", "Withdraw the plan"
    APPROVE = "approve", "批准计划", "Approve the plan"
    REJECT = "reject", "退回计划", "Reject the plan"
    START = "start", "开始执行", "Start execution"
    SUBMIT_RESULTS = "submit_results", "提交结果", "Submit the results"
    WITHDRAW_RESULTS = "withdraw_results", "撤回结果", "Withdraw the results"
    APPROVE_RESULTS = "approve_results", "批准结果", "Approve the results"
    REJECT_RESULTS = "reject_results", "退回结果", "Reject the results"


class PlanEdit(Choice):
    """A change of what a plan holds: its planned actions, a temporary task more, or what became of an action."""

    CHANGE_ACTIONS = "change_actions", "修改计划内容", "Change the planned actions"
    ADD_TEMPORARY = "add_temporary", "增加临时任务", "Add a temporary task"
    RECORD_RESULT = "record_result", "登记完成情况", "Record what was done"


S, C, E = PlanState, PlanCommand, PlanEdit
NEXT: Mapping[PlanCommand, Mapping[PlanState, PlanState | None]] = {
    C.SUBMIT: {S.PLANNED: S.SUBMITTED, S.EDITED: S.SUBMITTED},
    C.WITHDRAW: {S.SUBMITTED: None},
    C.APPROVE: {S.SUBMITTED: S.APPROVED},
    C.REJECT: {S.SUBMITTED: S.REJECTED},
    C.START: {S.APPROVED: S.IN_EXECUTION},
    C.SUBMIT_RESULTS: {S.IN_EXECUTION: S.RESULTS_SUBMITTED, S.CORRECTED: S.RESULTS_SUBMITTED},
    C.WITHDRAW_RESULTS: {S.RESULTS_SUBMITTED: None},
    C.APPROVE_RESULTS: {S.RESULTS_SUBMITTED: S.RESULTS_APPROVED},
    C.REJECT_RESULTS: {S.RESULTS_SUBMITTED: S.RESULTS_REJECTED},
}
"""Where each command leads from each state; None: back to where the submission came from."""
DECISIONS = frozenset({C.APPROVE, C.REJECT, C.APPROVE_RESULTS, C.REJECT_RESULTS})
"""What a supervisor does; everything else is the owner's. The month's opening starts plans as well."""
WITH_REASON = frozenset({C.REJECT, C.REJECT_RESULTS})
EDITS: Mapping[PlanState, Mapping[PlanEdit, PlanState]] = {
    S.PLANNED: {E.CHANGE_ACTIONS: S.PLANNED},
    S.SUBMITTED: {},
    S.REJECTED: {E.CHANGE_ACTIONS: S.EDITED},
    S.EDITED: {E.CHANGE_ACTIONS: S.EDITED},
    S.APPROVED: {E.ADD_TEMPORARY: S.APPROVED},
    S.IN_EXECUTION: {E.ADD_TEMPORARY: S.IN_EXECUTION, E.RECORD_RESULT: S.IN_EXECUTION},
    S.RESULTS_SUBMITTED: {},
    S.RESULTS_REJECTED: {E.RECORD_RESULT: S.CORRECTED},
    S.CORRECTED: {E.RECORD_RESULT: S.CORRECTED},
    S.RESULTS_APPROVED: {},
}
"""What may be changed in each state, and the state that the change leads to. Submitted: nothing; approved: temporary
tasks only."""


@dataclass(frozen=True)
class Doer:
    """Who asks. `user_id` None: the platform itself (month opening). `supervises`: is a supervisor of the plan's owner
    at this moment."""

    user_id: UUID | None
    supervises: bool = False


@dataclass(frozen=True)
class Plan:
    """A manager's plan of a month. `submitted_by` and `submitted_from` are of the submission that waits for its
    decision or was last decided."""

    id: UUID
    owner_id: UUID
    month: Period
    state: PlanState = PlanState.PLANNED
    submitted_by: UUID | None = None
    submitted_from: PlanState | None = None


@dataclass(frozen=True)
class PlanStep:
    """The record of a transition: who, when and why."""

    plan_id: UUID
    what: PlanCommand | PlanEdit | None
    before: PlanState
    after: PlanState
    by: UUID | None
    at: datetime
    reason: str | None

    @property
    def line(self) -> Bilingual:
        """The step in words."""
        what = self.what.title if self.what is not None else OVERRIDE
        why = f"：{self.reason}" if self.reason else ""
        because = f" ({self.reason})" if self.reason else ""
        return Bilingual(
            f"{what.zh}，{self.before.title.zh} → {self.after.title.zh}{why}",
            f"{what.en}: {self.before.title.en} → {self.after.title.en}{because}",
        )


OVERRIDE = Bilingual("放行月结", "Let the month close")


def move(
    plan: Plan, command: PlanCommand, doer: Doer, *, at: datetime, today: date, reason: str | None = None
) -> tuple[Plan, PlanStep]:
    """Take a plan to its next state, with the record of it. `today` is the tenant's day of `at`.

    Raises PlanStateForbids, PlanNeedsEditing, PlanNotYours, PlanNotSupervised, OwnPlan, PlanMonthAhead, InvalidInput
    (a rejection without a reason).
    """
    refused = refusal(plan, command, doer, today=today)
    if refused is not None:
        raise refused
    said = _reason(reason, required=command in WITH_REASON)
    after = NEXT[command][plan.state] or _back(plan)
    moved = replace(plan, state=after)
    if command in (C.SUBMIT, C.SUBMIT_RESULTS):
        moved = replace(moved, submitted_by=doer.user_id, submitted_from=plan.state)
    elif command in (C.WITHDRAW, C.WITHDRAW_RESULTS):
        moved = replace(moved, submitted_by=None, submitted_from=None)
    return moved, PlanStep(plan.id, command, plan.state, after, doer.user_id, at, said)


def _back(plan: Plan) -> PlanState:
    """Where a submission that is withdrawn came from."""
    if plan.submitted_from is None:
        return S.PLANNED if plan.state is S.SUBMITTED else S.IN_EXECUTION
    return plan.submitted_from


def refusal(plan: Plan, command: PlanCommand, doer: Doer, *, today: date) -> StewardError | None:
    """Why somebody may not do this now; None: they may. Who may is asked before where it leads, so that a stranger
    learns nothing of a plan's state."""
    who = _who_may(plan, command, doer)
    if who is not None:
        return who
    if plan.state not in NEXT[command]:
        unchanged = (command, plan.state) in ((C.SUBMIT, S.REJECTED), (C.SUBMIT_RESULTS, S.RESULTS_REJECTED))
        if unchanged:
            return PlanNeedsEditing()
        return PlanStateForbids(state=plan.state.title, command=command.title)
    if command is C.START and today < plan.month.start:
        return PlanMonthAhead(start=plan.month.start, today=today)
    return None


def _who_may(plan: Plan, command: PlanCommand, doer: Doer) -> StewardError | None:
    if command in DECISIONS:
        return _may_decide(plan, command.title, doer)
    by_platform = command is C.START and doer.user_id is None
    if not by_platform and doer.user_id != plan.owner_id:
        return PlanNotYours(command=command.title)
    return None


def _may_decide(plan: Plan, what: Bilingual, doer: Doer) -> StewardError | None:
    """Nobody decides on what is their own, not even a supervisor of themselves."""
    if doer.user_id is not None and doer.user_id in (plan.owner_id, plan.submitted_by):
        return OwnPlan(command=what)
    if doer.user_id is None or not doer.supervises:
        return PlanNotSupervised(command=what)
    return None


def offered(plan: Plan, doer: Doer, *, today: date) -> tuple[PlanCommand, ...]:
    """The commands that somebody may give now, in the order of the flow."""
    return tuple(command for command in PlanCommand if refusal(plan, command, doer, today=today) is None)


def edit_refusal(plan: Plan, edit: PlanEdit, doer: Doer) -> StewardError | None:
    """Why somebody may not change the plan so; None: they may. A supervisor may add a temporary task, all else is the
    owner's."""
    helps = edit is E.ADD_TEMPORARY and doer.supervises
    if doer.user_id is None or (doer.user_id != plan.owner_id and not helps):
        return PlanNotYours(command=edit.title)
    if edit not in EDITS[plan.state]:
        return PlanNotEditable(state=plan.state.title, edit=edit.title)
    return None


def change(plan: Plan, edit: PlanEdit, doer: Doer, *, at: datetime) -> tuple[Plan, PlanStep | None]:
    """The plan after a change of what it holds, with the record where the change took it to another state.

    Raises PlanNotYours, PlanNotEditable.
    """
    refused = edit_refusal(plan, edit, doer)
    if refused is not None:
        raise refused
    after = EDITS[plan.state][edit]
    if after is plan.state:
        return plan, None
    return replace(plan, state=after), PlanStep(plan.id, edit, plan.state, after, doer.user_id, at, None)


def _reason(reason: str | None, *, required: bool) -> str | None:
    if reason is None or not reason.strip():
        if not required:
            return None
        text = Bilingual("请说明原因，以便对方修改。", "Give the reason, so that it can be acted on.")
        raise InvalidInput(problems=[FieldProblem(("reason",), "missing", text)])
    try:
        return line_of_text(reason, LONGEST_REASON)
    except Unacceptable as refused:
        raise InvalidInput(problems=[FieldProblem(("reason",), refused.code, refused.message)]) from None


def override(plan: Plan, doer: Doer, *, at: datetime, reason: str | None) -> PlanStep:
    """A supervisor lets the month close although this plan's results are not approved. The plan stays as it is.

    Raises OwnPlan, PlanNotSupervised, OverrideNotNeeded, InvalidInput (no reason).
    """
    refused = _may_decide(plan, OVERRIDE, doer)
    if refused is not None:
        raise refused
    if plan.state is S.RESULTS_APPROVED:
        raise OverrideNotNeeded()
    return PlanStep(plan.id, None, plan.state, plan.state, doer.user_id, at, _reason(reason, required=True))


@dataclass(frozen=True)
class Closing:
    """Whether a month can be closed: plans with approved results, those that a supervisor let through, and those that
    block it."""

    approved: tuple[UUID, ...]
    overridden: tuple[UUID, ...]
    blocking: tuple[UUID, ...]
    lines: tuple[Bilingual, ...]

    @property
    def possible(self) -> bool:
        """Whether nothing blocks it."""
        return not self.blocking

    def require(self) -> None:
        """Raises MonthBlocked when something blocks it."""
        if self.blocking:
            raise MonthBlocked(count=len(self.blocking))


def closing(plans: Iterable[Plan], overrides: Iterable[PlanStep] = ()) -> Closing:
    """Whether the month of these plans can be closed. An override counts for the state in which it was given only, so
    that nothing that happened since goes unseen."""
    let_through = {(step.plan_id, step.after): step for step in overrides}
    approved: list[UUID] = []
    overridden: list[UUID] = []
    blocking: list[UUID] = []
    lines: list[Bilingual] = []
    for plan in plans:
        step = let_through.get((plan.id, plan.state))
        if plan.state is S.RESULTS_APPROVED:
            approved.append(plan.id)
        elif step is not None:
            overridden.append(plan.id)
            lines.append(step.line)
        else:
            blocking.append(plan.id)
    total = len(approved) + len(overridden) + len(blocking)
    lines.append(
        Bilingual(
            f"共 {total} 份计划：结果已批准 {len(approved)}，主管放行 {len(overridden)}，阻止月结 {len(blocking)}",
            f"{total} plan(s): {len(approved)} approved, {len(overridden)} let through, {len(blocking)} blocking",
        )
    )
    return Closing(tuple(approved), tuple(overridden), tuple(blocking), tuple(lines))
