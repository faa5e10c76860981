"""What may follow what in an approval: entries of a trail → its state, or a refusal. Pure; the order of the trail
decides, and the same trail gives the same state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from steward_core.approvals.definitions import Definition
from steward_core.approvals.errors import (
    AlreadyDecided,
    AlreadyInStep,
    ApprovalOver,
    CannotSendBack,
    EntryReused,
    NotDue,
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
    TrailBroken,
    TurnOver,
)
from steward_core.approvals.seating import seat
from steward_core.approvals.state import (
    AS_APPROVER,
    AS_STAND_IN,
    ENDS,
    WITH_REQUESTER,
    Chain,
    Link,
    Place,
    Stage,
    State,
    Status,
)
from steward_core.approvals.trail import Act, Entry, Resolution
from steward_tenants.errors import StewardError
from steward_tenants.texts import Bilingual

_NEEDS_REASON = frozenset({Act.REJECT, Act.SEND_BACK})
_NEEDS_PERSON = frozenset({Act.ADD_BEFORE, Act.ADD_AFTER, Act.DELEGATE, Act.TRANSFER, Act.REPLACE, Act.SUCCEED})


class Outcome(NamedTuple):
    """The state after a command, and whether it is to be added to the trail (False: it is there already)."""

    state: State
    added: bool


def decide(definition: Definition, trail: Sequence[Entry], entry: Entry) -> Outcome:
    """What a command does to an approval with this trail. The same command again changes nothing.

    Raises the refusals of errors.py; none of them changes anything.
    """
    known = next((one for one in trail if one.id == entry.id), None)
    if known is not None and not known.same_as(entry):
        raise EntryReused
    state = replay(definition, trail) if trail else None
    if known is not None and state is not None:
        return Outcome(state, False)
    return Outcome(follow(definition, state, entry), True)


def replay(definition: Definition, trail: Sequence[Entry]) -> State:
    """The state that a trail leads to. Raises TrailBroken for one that the rules do not allow."""
    state: State | None = None
    seen: set[UUID] = set()
    for number, entry in enumerate(trail, 1):
        if entry.id in seen:
            raise TrailBroken(number=number)
        seen.add(entry.id)
        try:
            state = follow(definition, state, entry)
        except StewardError as refusal:
            raise TrailBroken(number=number) from refusal
    if state is None:
        raise TrailBroken(number=0)
    return state


def follow(definition: Definition, state: State | None, entry: Entry) -> State:
    """The state after one more entry. Raises the refusals of errors.py."""
    if state is None:
        if entry.act is not Act.START or entry.actor is None or entry.resolution is None:
            raise NotStarted
        return _submit(definition, entry.actor, entry.resolution, entry.at, None)
    if state.status in ENDS:
        raise ApprovalOver(status=state.status.title)
    if entry.act in _NEEDS_REASON and not entry.reason.strip():
        raise ReasonMissing
    if entry.act in _NEEDS_PERSON and entry.person is None:
        raise PersonMissing
    if entry.act in AS_APPROVER:
        return _in_turn(state, entry)
    return _OTHERS[entry.act](state, entry)


def _submit(definition: Definition, requester: UUID, found: Resolution, at: datetime, before: State | None) -> State:
    successor = before.successor if before else None
    barred = found.concerned | {requester} | ({successor} if successor else frozenset())
    stages = seat(definition, found, barred)
    return State(
        definition=definition,
        requester=requester,
        status=Status.RUNNING,
        stages=stages,
        seated=stages,
        open_stage=next(number for number, stage in enumerate(stages) if stage.chains),
        turn=before.turn + 1 if before else 1,
        submissions=before.submissions + 1 if before else 1,
        opened_at=at,
        administrators=frozenset(found.administrators),
        barred=barred,
        substitutes=dict(found.substitutes),
        successor=successor,
    )


def _in_turn(state: State, entry: Entry) -> State:
    """What only those do whose turn it is."""
    _running(state)
    if entry.turn != state.turn:
        raise TurnOver
    actor = entry.actor
    if actor is not None and actor in state.barred:
        raise OwnMatter
    if actor is not None and actor in state.stage.voices:
        raise AlreadyDecided
    found = None if actor is None else state.place_of(actor)
    if found is None:
        raise NotYourTurn(step=state.step.title)
    place, as_approver = found
    if not as_approver and entry.act not in AS_STAND_IN:
        raise OnlyTheApprover
    if entry.act is Act.SEND_BACK:
        return _send_back(state, entry)
    if entry.act in {Act.APPROVE, Act.REJECT}:
        said = _changed(state, place, lambda link: replace(link, said=entry.act is Act.APPROVE, by=actor))
        return _advance(said, entry.at)
    return _pass_on(state, entry, place)


def _pass_on(state: State, entry: Entry, place: Place) -> State:
    """Another person comes in beside, for, or in place of the one whose turn it is."""
    person = _named(entry)
    _may_join(state, state.stage, person)
    if entry.act is Act.DELEGATE:
        return _changed(state, place, lambda link: replace(link, delegate=person))
    if entry.act is Act.TRANSFER:
        return _changed(state, place, lambda _: Link(person))
    chain = state.stage.chains[place.chain]
    at = place.link + (entry.act is Act.ADD_AFTER)
    links = (*chain.links[:at], Link(person), *chain.links[at:])
    return _with_stage(state, _with_chain(state.stage, place.chain, Chain(links)))


def _send_back(state: State, entry: Entry) -> State:
    if entry.step is None:
        return replace(state, status=Status.RETURNED)
    target = next((number for number, stage in enumerate(state.stages) if stage.step == entry.step), None)
    if target is None or target >= state.open_stage or not state.stages[target].chains:
        titles = {step.key: step.title for step in state.definition.steps}
        raise CannotSendBack(step=titles.get(entry.step, Bilingual(entry.step, entry.step)))
    # Whatever was said from there on counts no more; only replaced people stay replaced.
    stages = (*state.stages[:target], *state.seated[target:])
    return _opened(replace(state, stages=stages), target, entry.at)


def _advance(state: State, at: datetime) -> State:
    """Opens the next step, or ends, once the open one is decided."""
    said = state.stage.said
    if said is None:
        return state
    if said is False:
        return replace(state, status=Status.REJECTED)
    later = [number for number in range(state.open_stage + 1, len(state.stages)) if state.stages[number].chains]
    if not later:
        return replace(state, status=Status.APPROVED)
    return _opened(state, later[0], at)


def _opened(state: State, stage: int, at: datetime) -> State:
    return replace(state, open_stage=stage, turn=state.turn + 1, opened_at=at, reminders=0)


def _withdraw(state: State, entry: Entry) -> State:
    """By the requester, or by the product itself where the subject came to its end meanwhile."""
    if entry.actor is not None and entry.actor not in state.requesters:
        raise OnlyTheRequester
    if state.status is Status.WITHDRAWN:
        raise NotRunning(status=state.status.title)
    return replace(state, status=Status.WITHDRAWN)


def _resubmit(state: State, entry: Entry) -> State:
    if entry.actor not in state.requesters:
        raise OnlyTheRequester
    if state.status not in WITH_REQUESTER or entry.resolution is None:
        raise NotWithRequester
    return _submit(state.definition, state.requester, entry.resolution, entry.at, state)


def _replace(state: State, entry: Entry) -> State:
    """Somebody takes over all that waits for another, in this step and those that follow; what was said stays."""
    _by_administrator(state, entry)
    _running(state)
    person, gone = _named(entry), entry.instead_of
    if gone is None or gone == person:
        raise PersonMissing
    for stage in (*state.stages[state.open_stage :], *state.seated):
        if any(link.person == gone and link.said is None for chain in stage.chains for link in chain.links):
            _may_join(state, stage, person)
    return replace(
        state,
        stages=(
            *state.stages[: state.open_stage],
            *(_taken_over(stage, gone, person) for stage in state.stages[state.open_stage :]),
        ),
        seated=tuple(_taken_over(stage, gone, person) for stage in state.seated),
    )


def _taken_over(stage: Stage, gone: UUID, person: UUID) -> Stage:
    def link_of(link: Link) -> Link:
        if link.said is not None:
            return link
        if link.person == gone:
            return Link(person)
        return replace(link, delegate=None) if link.delegate == gone else link

    return replace(stage, chains=tuple(Chain(tuple(map(link_of, chain.links))) for chain in stage.chains))


def _substitute(state: State, entry: Entry) -> State:
    """Somebody stands in for an absent person from now on, in every step; nobody: the absence is over."""
    if entry.instead_of is None or entry.instead_of == entry.person:
        raise PersonMissing
    if entry.actor != entry.instead_of:
        _by_administrator(state, entry)
    substitutes = {person: other for person, other in state.substitutes.items() if person != entry.instead_of}
    if entry.person is not None:
        substitutes[entry.instead_of] = entry.person
    return replace(state, substitutes=substitutes)


def _succeed(state: State, entry: Entry) -> State:
    """Whoever has the subject now may do what the requester may. It is their own matter from then on: they must not be
    asked any more."""
    if entry.actor is not None:
        raise OnlyAdministrators
    person = _named(entry)
    if person == state.requester:
        return replace(state, successor=None)
    waiting = state.stages[state.open_stage :] if state.status is Status.RUNNING else ()
    if any(link.person == person and link.said is None for stage in waiting for link in stage.links()):
        raise AlreadyInStep
    return replace(state, successor=person, barred=state.barred | {person})


def _by_clock(state: State, entry: Entry) -> State:
    if entry.actor is not None:
        raise OnlyAdministrators
    _running(state)
    if entry.turn != state.turn:
        raise TurnOver
    due = state.expires_at if entry.act is Act.EXPIRE else state.remind_at
    if due is None or entry.at < due:
        raise NotDue
    if entry.act is Act.EXPIRE:
        return replace(state, status=Status.EXPIRED)
    return replace(state, reminders=state.reminders + 1)


def _start_again(_state: State, _entry: Entry) -> State:
    raise NotStarted


_OTHERS: Mapping[Act, Callable[[State, Entry], State]] = {
    Act.START: _start_again,
    Act.WITHDRAW: _withdraw,
    Act.RESUBMIT: _resubmit,
    Act.REPLACE: _replace,
    Act.SUBSTITUTE: _substitute,
    Act.SUCCEED: _succeed,
    Act.REMIND: _by_clock,
    Act.EXPIRE: _by_clock,
}


def _running(state: State) -> None:
    if state.status is not Status.RUNNING:
        raise NotRunning(status=state.status.title)


def _by_administrator(state: State, entry: Entry) -> None:
    if entry.actor is None:
        return
    since = entry.resolution.administrators if entry.resolution is not None else ()
    if entry.actor not in state.administrators and entry.actor not in since:
        raise OnlyAdministrators
    if entry.actor in state.barred:
        raise OwnMatter


def _named(entry: Entry) -> UUID:
    if entry.person is None:
        raise PersonMissing
    return entry.person


def _may_join(state: State, stage: Stage, person: UUID) -> None:
    if person in state.barred:
        raise OwnMatter
    if person in stage.people:
        raise AlreadyInStep


def _changed(state: State, place: Place, change: Callable[[Link], Link]) -> State:
    chain = state.stage.chains[place.chain]
    links = tuple(change(link) if number == place.link else link for number, link in enumerate(chain.links))
    return _with_stage(state, _with_chain(state.stage, place.chain, Chain(links)))


def _with_chain(stage: Stage, number: int, chain: Chain) -> Stage:
    return replace(stage, chains=(*stage.chains[:number], chain, *stage.chains[number + 1 :]))


def _with_stage(state: State, stage: Stage) -> State:
    return replace(state, stages=(*state.stages[: state.open_stage], stage, *state.stages[state.open_stage + 1 :]))
