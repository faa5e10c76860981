"""No sequence of commands reaches a state that the rules forbid: checked against the trail alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from steward_core.approvals.definitions import Definition, StepKind
from steward_core.approvals.documents import read_resolution, resolution_document
from steward_core.approvals.errors import NobodyToApprove, NothingToApprove, TooFewApprovers
from steward_core.approvals.rules import decide, replay
from steward_core.approvals.state import AS_APPROVER, ENDS, WITH_REQUESTER, State, Status
from steward_core.approvals.trail import Act, Entry, Resolution
from steward_tenants.errors import StewardError
from tests.core.approvals.office import ADMIN, ANNA, ASKER, BEGIN, BO, CHEN, DING, ELLA, FENG, defined, step

OFFICE = (ASKER, ANNA, BO, CHEN, DING, ELLA, FENG, ADMIN)
PEOPLE = st.sampled_from(OFFICE)
KEYS = ("a", "b", "c")
_DECIDED = frozenset({Act.APPROVE, Act.REJECT})
_FOR_SYSTEM = frozenset({Act.REMIND, Act.EXPIRE, Act.REPLACE, Act.SUBSTITUTE, Act.SUCCEED})


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    steps = []
    for key in KEYS[: draw(st.integers(1, 3))]:
        kind = draw(st.sampled_from([one.value for one in StepKind]))
        more: dict[str, Any] = {"need": draw(st.integers(1, 3))} if kind == "n_of_m" else {}
        if draw(st.booleans()):
            more |= {"remind_after": [30], "expires_after": 90}
        empty = draw(st.sampled_from(["skip", "to_admin", "refuse"]))
        steps.append(step(key, kind, draw(st.integers(1, 3)), empty=empty, **more))
    return defined(*steps)


@st.composite
def resolutions(draw: st.DrawFn) -> Resolution:
    group = st.lists(PEOPLE, max_size=3, unique=True).map(tuple)
    return Resolution(
        approvers={key: tuple(draw(st.lists(group, min_size=3, max_size=3))) for key in KEYS},
        values={"days": draw(st.integers(0, 9))},
        administrators=draw(st.sampled_from([(ADMIN,), (), (ADMIN, ASKER)])),
        concerned=draw(st.sampled_from([frozenset[UUID](), frozenset({FENG})])),
        substitutes=draw(st.dictionaries(PEOPLE, PEOPLE, max_size=2)),
    )


def seated(definition: Definition, key: str, found: Resolution, barred: frozenset[UUID]) -> set[UUID]:
    """Whom the selectors of a step name, but for those whose matter it is."""
    selectors = len(definition.step(key).approvers)
    return {person for group in found.approvers[key][:selectors] for person in group} - barred


class Approvals(RuleBasedStateMachine):
    """Anybody sends anything at any time, on what they see or saw. What is accepted must be allowed."""

    @initialize(definition=definitions(), found=resolutions())
    def start(self, definition: Definition, found: Resolution) -> None:
        self.definition, self.now = definition, BEGIN
        self.trail = list[Entry]()
        self.states = list[State]()
        """The state after each entry."""
        self.send(Entry(uuid4(), Act.START, self.now, ASKER, resolution=found))
        if not self.trail:
            staffed = replace(found, approvers=dict.fromkeys(KEYS, ((ANNA, BO, CHEN),) * 3), administrators=(ADMIN,))
            self.send(Entry(uuid4(), Act.START, self.now, ASKER, resolution=staffed))

    def send(self, entry: Entry) -> None:
        before = self.states[-1] if self.states else None
        refused: StewardError | None = None
        try:
            outcome = decide(self.definition, self.trail, entry)
        except StewardError as refusal:
            refused = refusal
        if refused is not None:
            assert all((*refused.text, *refused.advice))
            if before is None:
                assert isinstance(refused, NobodyToApprove | NothingToApprove | TooFewApprovers)
            return
        assert outcome.added
        self.trail.append(entry)
        self.states.append(outcome.state)
        if before is not None:
            self.accepted(before, entry)

    def accepted(self, before: State, entry: Entry) -> None:
        """What was accepted, against what was allowed before it."""
        assert before.status not in ENDS, "an action after the end"
        if entry.actor is None:
            assert entry.act in _FOR_SYSTEM
        else:
            assert entry.act in before.may(entry.actor) or (
                entry.act is Act.SUBSTITUTE and entry.actor == entry.instead_of
            )
        if entry.act in AS_APPROVER:
            assert before.status is Status.RUNNING
            assert entry.turn == before.turn
            assert entry.actor not in self.barred(), "a self-approval"
            assert entry.actor in self.involved(before), "a person acting out of turn"
            said = [
                one.actor
                for one in self.trail[:-1]
                if one.act in _DECIDED and one.turn == before.turn and one.actor == entry.actor
            ]
            assert not said, "two voices of one person in a step"
            if entry.person is not None:
                assert entry.person not in self.barred()
        if entry.act in {Act.WITHDRAW, Act.RESUBMIT}:
            assert entry.actor in {ASKER, self.successor()}
        if entry.act is Act.RESUBMIT:
            assert before.status in WITH_REQUESTER
        if entry.act is Act.SUCCEED and before.status is Status.RUNNING:
            assert entry.person not in {turn.asked for turn in before.turns()}

    def submission(self) -> Resolution:
        (*_, last) = (entry.resolution for entry in self.trail if entry.resolution is not None)
        return last

    def successor(self) -> UUID | None:
        """Who took it over last."""
        taken = [entry.person for entry in self.trail if entry.act is Act.SUCCEED]
        return None if not taken or taken[-1] == ASKER else taken[-1]

    def barred(self) -> frozenset[UUID]:
        """Whose own matter it is: also of everybody who had it since it was last submitted, or has it now."""
        since = max(number for number, entry in enumerate(self.trail) if entry.resolution is not None)
        taken = {entry.person for entry in self.trail[since:] if entry.act is Act.SUCCEED and entry.person}
        last = [entry.person for entry in self.trail[:since] if entry.act is Act.SUCCEED and entry.person][-1:]
        return self.submission().concerned | {ASKER} | taken | set(last)

    def involved(self, before: State) -> set[UUID]:
        """Everyone whom the selectors, an administrator's duty or another's command ever brought to this step."""
        found = self.submission()
        people = seated(self.definition, before.step.key, found, self.barred()) | set(found.administrators)
        people |= {entry.person for entry in self.trail if entry.person is not None}
        return people | set(found.substitutes.values())

    @rule(data=st.data(), reason=st.sampled_from(["", "because"]), stale=st.integers(0, 4))
    def somebody_acts(self, data: st.DataObject, reason: str, stale: int) -> None:
        state = self.states[-1]
        act = data.draw(st.sampled_from([one for one in Act if one is not Act.START]))
        actor = data.draw(st.none() if act in {Act.REMIND, Act.EXPIRE, Act.SUCCEED} else PEOPLE)
        self.send(self.entry(act, actor, state.turn - (stale == 0), reason, data))

    @rule(data=st.data())
    def somebody_does_what_they_may(self, data: st.DataObject) -> None:
        state = self.states[-1]
        options = [(person, act) for person in OFFICE for act in sorted(state.may(person), key=lambda one: one.value)]
        if not options:
            return
        actor, act = data.draw(st.sampled_from(options))
        before = len(self.trail)
        self.send(self.entry(act, actor, state.turn, "because", data))
        if act in _DECIDED:
            assert len(self.trail) == before + 1, "who may decide is heard"

    @rule(data=st.data())
    def whoever_is_asked_agrees(self, data: st.DataObject) -> None:
        state = self.states[-1]
        if not state.turns():
            return
        turn = data.draw(st.sampled_from(state.turns()))
        actor = data.draw(st.sampled_from([turn.asked, *turn.stand_ins]))
        before = len(self.trail)
        self.send(Entry(uuid4(), Act.APPROVE, self.now, actor, state.turn))
        assert len(self.trail) == before + 1, "who is asked may answer"

    def entry(self, act: Act, actor: UUID | None, turn: int, reason: str, data: st.DataObject) -> Entry:
        entry = Entry(uuid4(), act, self.now, actor, turn, reason=reason)
        if act is Act.RESUBMIT:
            return replace(entry, resolution=data.draw(resolutions()))
        if act is Act.SEND_BACK:
            return replace(entry, step=data.draw(st.sampled_from([None, *KEYS])))
        if act in {Act.REPLACE, Act.SUBSTITUTE}:
            return replace(entry, person=data.draw(PEOPLE), instead_of=data.draw(PEOPLE))
        passes_on = act in AS_APPROVER - _DECIDED or act is Act.SUCCEED
        return replace(entry, person=data.draw(PEOPLE)) if passes_on else entry

    @rule(minutes=st.sampled_from([1, 30, 90]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        due = self.states[-1].due(self.now)
        if due is not None:
            before = len(self.trail)
            self.send(Entry(uuid4(), due, self.now, None, self.states[-1].turn))
            assert len(self.trail) == before + 1, "what is due is done"

    @rule(data=st.data())
    def a_command_comes_again(self, data: st.DataObject) -> None:
        entry = data.draw(st.sampled_from(self.trail))
        outcome = decide(self.definition, self.trail, replace(entry, at=self.now))
        assert (outcome.state, outcome.added) == (self.states[-1], False)

    @rule(data=st.data())
    def two_act_at_once(self, data: st.DataObject) -> None:
        """Two commands made from the same sight of it: in the trail they are one after the other, and the second is
        accepted as a decision only on the same turn."""
        turn = self.states[-1].turn
        for act in data.draw(st.lists(st.sampled_from([Act.APPROVE, Act.REJECT]), min_size=2, max_size=2)):
            self.send(Entry(uuid4(), act, self.now, data.draw(PEOPLE), turn, reason="because"))

    @invariant()
    def the_trail_gives_the_state(self) -> None:
        assert replay(self.definition, self.trail) == self.states[-1]

    @invariant()
    def while_it_runs_somebody_can_decide(self) -> None:
        state = self.states[-1]
        assert bool(state.turns()) is (state.status is Status.RUNNING)
        for turn in state.turns():
            assert turn.asked not in self.barred()
            assert state.place_of(turn.asked) is not None
            for one in turn.stand_ins:
                assert state.place_of(one) is not None
        if state.status in ENDS:
            assert not any(state.may(person) for person in OFFICE)

    @invariant()
    def what_is_approved_has_enough_yes(self) -> None:
        if self.states[-1].status is not Status.APPROVED:
            return
        heard = list(self.last_passes())
        assert heard, "approved by nobody"
        found = self.submission()
        for key, turn in heard:
            of = self.definition.step(key)
            entries = [entry for entry in self.trail if entry.turn == turn and entry.act in _DECIDED]
            yes = {entry.actor for entry in entries if entry.act is Act.APPROVE}
            named = len(seated(self.definition, key, found, self.barred()))
            enough = {StepKind.ANY: 1, StepKind.N_OF_M: of.need or 1}.get(of.kind, max(named, 1))
            assert len(yes) >= enough, "approved without enough yes"
            if of.kind is not StepKind.N_OF_M:
                assert all(entry.act is Act.APPROVE for entry in entries), "approved over a no"
        for of in self.definition.steps:
            if seated(self.definition, of.key, found, self.barred()):
                assert of.key in dict(heard), "a step with people was left out"

    def last_passes(self) -> Iterator[tuple[str, int]]:
        """The turn in which each step was last decided, in the last submission."""
        last = {
            state.stage.step: state.turn for state in self.states if state.submissions == self.states[-1].submissions
        }
        yield from last.items()

    @invariant()
    def a_no_among_several_ends_it_only_when_the_rest_are_too_few(self) -> None:
        state = self.states[-1]
        if state.status is Status.REJECTED:
            assert self.trail[-1].act is Act.REJECT


TestApprovals = Approvals.TestCase
TestApprovals.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


@given(resolutions())
def test_findings_survive_being_stored(found: Resolution) -> None:
    assert read_resolution(json.loads(json.dumps(resolution_document(found)))) == found


@given(definitions(), resolutions(), st.permutations(OFFICE))
def test_all_yes_in_any_order_gives_one_result(
    definition: Definition, found: Resolution, order: Sequence[UUID]
) -> None:
    """Whoever comes first: once nobody is asked any more, it is approved."""
    trail = [Entry(uuid4(), Act.START, BEGIN, ASKER, resolution=found)]
    try:
        state = decide(definition, [], trail[0]).state
    except StewardError:
        return
    while state.status is Status.RUNNING:
        asked = {turn.asked for turn in state.turns()}
        actor = next(person for person in order if person in asked)
        trail.append(Entry(uuid4(), Act.APPROVE, BEGIN, actor, state.turn))
        state = replay(definition, trail)
    assert state.status is Status.APPROVED
