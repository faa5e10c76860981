"""What may follow what: kinds of steps, passing on, sending back, absence, empty places, clocks, two at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from steward_core.approvals.errors import (
    AlreadyDecided,
    AlreadyInStep,
    ApprovalOver,
    CannotSendBack,
    EntryReused,
    NobodyToApprove,
    NotDue,
    NothingToApprove,
    NotRunning,
    NotStarted,
    NotWithRequester,
    NotYourTurn,
    OnlyAdministrators,
    OnlyTheApprover,
    OnlyTheRequester,
    OwnMatter,
    PersonMissing,
    ReasonMissing,
    TooFewApprovers,
    TrailBroken,
    TurnOver,
)
from steward_core.approvals.rules import decide, replay
from steward_core.approvals.state import AS_APPROVER, AS_STAND_IN, Status
from steward_core.approvals.trail import Act, Entry
from tests.core.approvals.office import (
    ADMIN,
    ADMIN_TWO,
    ANNA,
    ASKER,
    BO,
    CHEN,
    DING,
    ELLA,
    FENG,
    Case,
    defined,
    resolved,
    step,
    waiting,
)


def started(kind: str, *people: UUID, **more: Any) -> Case:
    """A case of one step in which these people decide."""
    resolution = {
        name: more.pop(name) for name in ("administrators", "concerned", "substitutes", "values") if name in more
    }
    case = Case(defined(step("a", kind, **more)))
    case.start({"a": [people]}, **resolution)
    return case


def two_steps() -> Case:
    case = Case(defined(step("a"), step("b", people=2)))
    case.start({"a": [[ANNA]], "b": [[BO], [CHEN]]}, administrators=(ADMIN,))
    return case


def test_a_sequence_asks_one_after_another() -> None:
    case = started("sequence", BO, ANNA, CHEN)
    assert waiting(case.state) == [BO]
    with pytest.raises(NotYourTurn):
        case.approve(ANNA)
    assert waiting(case.approve(BO)) == [ANNA]
    assert case.approve(ANNA, CHEN).status is Status.APPROVED


def test_all_must_agree_in_any_order() -> None:
    case = started("all", ANNA, BO, CHEN)
    assert case.approve(CHEN, ANNA).status is Status.RUNNING
    assert waiting(case.state) == [BO]
    assert case.approve(BO).status is Status.APPROVED


@pytest.mark.parametrize("kind", ["sequence", "all", "any"])
def test_a_no_ends_it(kind: str) -> None:
    case = started(kind, ANNA, BO)
    assert case.do(Act.REJECT, ANNA, reason="no").status is Status.REJECTED


def test_a_no_among_several_ends_it_once_the_rest_are_too_few() -> None:
    case = started("n_of_m", ANNA, BO, CHEN, need=2)
    assert case.do(Act.REJECT, ANNA, reason="no").status is Status.RUNNING
    assert case.approve(BO).status is Status.RUNNING
    again = started("n_of_m", ANNA, BO, CHEN, need=2)
    again.trail = list(case.trail)
    again.definition = case.definition
    assert case.approve(CHEN).status is Status.APPROVED
    assert again.do(Act.REJECT, CHEN, reason="no").status is Status.REJECTED


@pytest.mark.parametrize("act", [Act.REJECT, Act.SEND_BACK])
def test_a_no_needs_a_reason(act: Act) -> None:
    with pytest.raises(ReasonMissing):
        started("any", ANNA).do(act, ANNA, reason="  ")


def test_of_two_at_once_the_first_in_the_trail_decides_and_nothing_ends_twice() -> None:
    case = started("any", ANNA, BO)
    turn = case.state.turn
    case.do(Act.APPROVE, ANNA, turn=turn)
    with pytest.raises(ApprovalOver) as over:
        case.do(Act.REJECT, BO, turn=turn, reason="no")
    assert over.value.text.en == "This approval has ended: approved."
    assert over.value.text.zh == "该审批已结束（已同意）。"
    assert case.state.status is Status.APPROVED


def test_a_decision_on_a_step_that_is_over_is_not_one_on_the_next() -> None:
    case = Case(defined(step("a", "any"), step("b")))
    case.start({"a": [[ANNA, BO]], "b": [[BO]]})
    seen = case.state.turn
    case.do(Act.APPROVE, ANNA, turn=seen)
    with pytest.raises(TurnOver):
        case.do(Act.APPROVE, BO, turn=seen)
    with pytest.raises(TurnOver):
        case.do(Act.APPROVE, BO, turn=None)
    assert waiting(case.state) == [BO]


def test_the_same_command_twice_counts_once() -> None:
    case = started("all", ANNA, BO)
    entry = Entry(uuid4(), Act.APPROVE, case.now, ANNA, case.state.turn)
    first = case.send(entry)
    later = replace(entry, at=case.now + timedelta(hours=1))
    outcome = decide(case.definition, case.trail, later)
    assert (outcome.state, outcome.added) == (first, False)
    with pytest.raises(EntryReused):
        case.send(replace(entry, actor=BO))
    with pytest.raises(AlreadyDecided):
        case.approve(ANNA)
    assert case.approve(BO).status is Status.APPROVED
    assert decide(case.definition, case.trail, later).added is False


def test_one_asked_before_holds_the_place_and_one_after_completes_it() -> None:
    case = started("all", ANNA, BO)
    case.do(Act.ADD_BEFORE, ANNA, person=CHEN)
    assert waiting(case.state) == [CHEN, BO]
    with pytest.raises(NotYourTurn):
        case.approve(ANNA)
    case.approve(CHEN)
    case.do(Act.ADD_AFTER, ANNA, person=DING)
    assert waiting(case.approve(ANNA)) == [DING, BO]
    assert case.approve(BO).status is Status.RUNNING
    assert case.approve(DING).status is Status.APPROVED


def test_the_no_of_one_asked_counts() -> None:
    case = started("any", ANNA, BO)
    case.do(Act.ADD_BEFORE, ANNA, person=CHEN)
    assert case.do(Act.REJECT, CHEN, reason="no").status is Status.REJECTED


def test_in_any_one_yes_is_enough_while_another_still_asks_around() -> None:
    case = started("any", ANNA, BO)
    case.do(Act.ADD_AFTER, ANNA, person=CHEN)
    assert case.approve(ANNA).status is Status.RUNNING
    assert case.approve(BO).status is Status.APPROVED


def test_a_delegate_decides_in_the_approvers_place_and_the_approver_still_can() -> None:
    case = started("all", ANNA, BO)
    case.do(Act.DELEGATE, ANNA, person=CHEN)
    assert case.state.may(CHEN) == AS_STAND_IN
    assert case.state.may(ANNA) == AS_APPROVER
    with pytest.raises(OnlyTheApprover):
        case.do(Act.TRANSFER, CHEN, person=DING)
    case.approve(CHEN)
    link = case.state.stage.chains[0].links[0]
    assert (link.person, link.by) == (ANNA, CHEN)
    with pytest.raises(NotYourTurn):
        case.approve(ANNA)


def test_who_hands_over_is_out_and_who_takes_over_is_in() -> None:
    case = started("all", ANNA)
    case.do(Act.TRANSFER, ANNA, person=CHEN)
    assert case.state.may(ANNA) == frozenset()
    assert case.approve(CHEN).status is Status.APPROVED


@pytest.mark.parametrize("act", [Act.ADD_BEFORE, Act.ADD_AFTER, Act.DELEGATE, Act.TRANSFER])
def test_nobody_comes_in_who_is_in_or_whose_matter_it_is(act: Act) -> None:
    case = started("all", ANNA, BO, concerned=frozenset({FENG}))
    for person in (ANNA, BO):
        with pytest.raises(AlreadyInStep):
            case.do(act, ANNA, person=person)
    for person in (ASKER, FENG):
        with pytest.raises(OwnMatter):
            case.do(act, ANNA, person=person)
    with pytest.raises(PersonMissing):
        case.do(act, ANNA)
    with pytest.raises(NotYourTurn):
        case.do(act, CHEN, person=DING)


def test_nobody_approves_a_matter_of_their_own() -> None:
    case = started("all", ANNA, ASKER, FENG, concerned=frozenset({FENG}))
    assert waiting(case.state) == [ANNA]
    for person in (ASKER, FENG):
        with pytest.raises(OwnMatter):
            case.approve(person)
    assert case.approve(ANNA).status is Status.APPROVED


def test_the_requester_does_not_stand_in_for_an_absent_approver() -> None:
    case = started("all", ANNA, substitutes={ANNA: ASKER})
    assert case.state.turns() == ((ANNA, ()),)
    with pytest.raises(OwnMatter):
        case.approve(ASKER)


def test_a_substitute_decides_while_the_approver_is_absent() -> None:
    case = started("all", ANNA, substitutes={ANNA: BO}, administrators=(ADMIN,))
    assert case.state.turns() == ((ANNA, (BO,)),)
    assert case.state.may(BO) == AS_STAND_IN
    case.do(Act.SUBSTITUTE, None, instead_of=ANNA)
    with pytest.raises(NotYourTurn):
        case.approve(BO)
    case.do(Act.SUBSTITUTE, ANNA, instead_of=ANNA, person=CHEN)
    with pytest.raises(OnlyAdministrators):
        case.do(Act.SUBSTITUTE, BO, instead_of=ANNA, person=BO)
    assert case.approve(CHEN).status is Status.APPROVED


@pytest.mark.parametrize("kind", ["all", "sequence", "n_of_m"])
def test_a_substitute_who_is_asked_too_has_one_voice(kind: str) -> None:
    need = {"need": 2} if kind == "n_of_m" else {}
    case = started(kind, ANNA, BO, substitutes={ANNA: BO}, **need)
    if kind != "sequence":
        case.approve(BO)
    with pytest.raises((AlreadyDecided, NotYourTurn)):
        case.approve(BO)
    case.approve(ANNA)
    assert (case.approve(BO) if kind == "sequence" else case.state).status is Status.APPROVED


def test_sending_back_to_a_step_asks_again_from_there() -> None:
    case = two_steps()
    case.approve(ANNA, BO)
    turn = case.state.turn
    state = case.do(Act.SEND_BACK, CHEN, step="a", reason="look again")
    assert (waiting(state), state.turn) == ([ANNA], turn + 1)
    assert waiting(case.approve(ANNA)) == [BO, CHEN]
    assert case.approve(BO, CHEN).status is Status.APPROVED


@pytest.mark.parametrize("target", ["b", "c", "skipped"])
def test_it_goes_back_only_to_earlier_steps_that_took_place(target: str) -> None:
    case = Case(defined(step("skipped", empty="skip"), step("b"), step("c")))
    case.start({"b": [[ANNA]], "c": [[BO]]})
    with pytest.raises(CannotSendBack):
        case.do(Act.SEND_BACK, ANNA, step=target, reason="no")


def test_what_was_sent_back_to_the_requester_is_submitted_anew() -> None:
    case = two_steps()
    case.approve(ANNA)
    assert case.do(Act.SEND_BACK, BO, reason="incomplete").status is Status.RETURNED
    assert case.state.may(ASKER) == {Act.RESUBMIT, Act.WITHDRAW}
    with pytest.raises(NotRunning):
        case.approve(BO)
    again = resolved({"a": [[DING]], "b": [[BO], [CHEN]]})
    with pytest.raises(OnlyTheRequester):
        case.do(Act.RESUBMIT, ANNA, resolution=again)
    state = case.do(Act.RESUBMIT, ASKER, resolution=again)
    assert (waiting(state), state.submissions) == ([DING], 2)


def test_only_the_requester_withdraws_and_may_submit_again() -> None:
    case = two_steps()
    with pytest.raises(OnlyTheRequester):
        case.do(Act.WITHDRAW, ANNA)
    with pytest.raises(NotWithRequester):
        case.do(Act.RESUBMIT, ASKER, resolution=resolved({}))
    assert case.do(Act.WITHDRAW, ASKER).status is Status.WITHDRAWN
    with pytest.raises(NotRunning):
        case.do(Act.WITHDRAW, ASKER)
    again = resolved({"a": [[ANNA]], "b": [[BO], [CHEN]]})
    assert case.do(Act.RESUBMIT, ASKER, resolution=again).status is Status.RUNNING


def test_another_takes_over_what_waits_and_what_was_said_stays() -> None:
    case = Case(defined(step("a", people=2), step("b")))
    case.start({"a": [[ANNA], [BO]], "b": [[ANNA]]}, administrators=(ADMIN, ASKER))
    for person, refusal in ((BO, OnlyAdministrators), (ASKER, OwnMatter)):
        with pytest.raises(refusal):
            case.do(Act.REPLACE, person, instead_of=ANNA, person=DING)
    with pytest.raises(AlreadyInStep):
        case.do(Act.REPLACE, ADMIN, instead_of=ANNA, person=BO)
    case.approve(ANNA)
    case.do(Act.REPLACE, ADMIN, instead_of=ANNA, person=DING)
    assert case.state.stage.chains[0].said is True
    assert waiting(case.approve(BO)) == [DING]
    assert waiting(case.do(Act.SEND_BACK, DING, step="a", reason="again")) == [DING, BO]


@pytest.mark.parametrize("kind", ["sequence", "all", "any"])
def test_an_empty_place_is_left_out_refused_or_an_administrators(kind: str) -> None:
    for empty, expected in (("skip", [BO]), ("to_admin", [ADMIN])):
        case = Case(defined(step("a", kind, empty=empty), step("b")))
        assert waiting(case.start({"a": [[ASKER]], "b": [[BO]]}, administrators=(ASKER, ADMIN))) == expected
    with pytest.raises(NobodyToApprove):
        Case(defined(step("a", kind), step("b"))).start({"b": [[BO]]})
    with pytest.raises(NobodyToApprove):
        Case(defined(step("a", kind, empty="to_admin"), step("b"))).start({"b": [[BO]]}, administrators=(ASKER,))


def test_where_everyone_is_heard_each_vacancy_counts() -> None:
    definition = defined(step("a", "all", people=2))
    with pytest.raises(NobodyToApprove):
        Case(definition).start({"a": [[ANNA], []]})
    filled = defined(step("a", "all", people=2, empty="to_admin"))
    assert waiting(Case(filled).start({"a": [[ANNA], []]}, administrators=(ADMIN,))) == [ANNA, ADMIN]
    pool = defined(step("a", "any", people=2))
    assert waiting(Case(pool).start({"a": [[ANNA], []]})) == [ANNA]


def test_some_of_too_few_never_approve() -> None:
    people = {"a": [[ANNA, ASKER]]}
    for empty in ("skip", "refuse"):
        with pytest.raises(TooFewApprovers) as refused:
            Case(defined(step("a", "n_of_m", need=2, empty=empty))).start(people)
        assert refused.value.text.en == "Step “step a” needs 2 people to agree and has 1."
    case = Case(defined(step("a", "n_of_m", need=2, empty="to_admin")))
    assert waiting(case.start(people, administrators=(ANNA, ADMIN, ADMIN_TWO))) == [ANNA, ADMIN]


def test_nothing_is_approved_by_nobody() -> None:
    with pytest.raises(NothingToApprove):
        Case(defined(step("a", empty="skip"))).start({"a": [[ASKER]]})


def test_a_step_takes_place_only_for_subjects_that_meet_its_condition() -> None:
    long = {"match": "all", "clauses": [{"field": "days", "operator": "gt", "value": 3}]}
    for days, ended in ((3, Status.APPROVED), (4, Status.RUNNING)):
        case = Case(defined(step("a"), step("b", when=long)))
        case.start({"a": [[ANNA]], "b": [[BO]]}, values={"days": days})
        assert case.approve(ANNA).status is ended


def test_reminders_and_the_end_come_when_due_and_once() -> None:
    case = started("all", ANNA, remind_after=[60, 120], expires_after=240)
    with pytest.raises(NotDue):
        case.do(Act.REMIND, None)
    case.later(60)
    assert case.state.due(case.now) is Act.REMIND
    case.do(Act.REMIND, None)
    with pytest.raises(NotDue):
        case.do(Act.REMIND, None)
    with pytest.raises(OnlyAdministrators):
        case.do(Act.REMIND, ANNA)
    case.later(179)
    case.do(Act.REMIND, None)
    assert case.state.due(case.now) is None
    with pytest.raises(NotDue):
        case.do(Act.EXPIRE, None)
    case.later(1)
    assert case.state.due(case.now) is Act.EXPIRE
    assert case.do(Act.EXPIRE, None).status is Status.EXPIRED
    with pytest.raises(ApprovalOver):
        case.approve(ANNA)


def test_clocks_begin_anew_with_each_step() -> None:
    case = Case(defined(step("a", remind_after=[60]), step("b", remind_after=[60])))
    case.start({"a": [[ANNA]], "b": [[BO]]})
    case.later(50)
    turn = case.state.turn
    case.approve(ANNA)
    case.later(59)
    assert case.state.due(case.now) is None
    case.later(1)
    with pytest.raises(TurnOver):
        case.do(Act.REMIND, None, turn=turn)
    assert case.do(Act.REMIND, None).reminders == 1


def test_a_trail_begins_with_its_start_and_breaks_where_it_was_altered() -> None:
    case = two_steps()
    with pytest.raises(NotStarted):
        case.start({"a": [[ANNA]], "b": [[BO], [CHEN]]})
    with pytest.raises(NotStarted):
        Case(case.definition).do(Act.APPROVE, ANNA)
    case.approve(ANNA, BO, CHEN)
    whole = case.trail
    for broken in (whole[1:], [whole[0], *whole[2:]], [*whole, whole[1]], [], [*whole, replace(whole[1], id=uuid4())]):
        with pytest.raises(TrailBroken):
            replay(case.definition, broken)
    assert case.state.status is Status.APPROVED
    forged = [whole[0], replace(whole[1], actor=ELLA), *whole[2:]]
    with pytest.raises(TrailBroken):
        replay(case.definition, forged)
