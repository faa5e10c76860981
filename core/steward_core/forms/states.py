"""Where a record may go from its state. Pure."""

from __future__ import annotations

from steward_core.forms.errors import MoveRefused
from steward_core.forms.form import Form, Move, State, StateFlow
from steward_tenants.texts import Bilingual


def state_of(form: type[Form], key: str) -> State:
    """The state of this key; one that the form no longer has counts for nothing and is not editable."""
    for state in form.about.flow.states:
        if state.key == key:
            return state
    return State(key, Bilingual(key, key), counts=False, editable=False)


def is_draft(state: State) -> bool:
    """Whether what a record holds in this state may be incomplete: nothing reads it yet, and it can be changed."""
    return state.editable and not state.counts


def counting_states(form: type[Form]) -> tuple[str, ...]:
    """The states in which triggers and indicators read a record."""
    return tuple(state.key for state in form.about.flow.states if state.counts)


def state_after_save(form: type[Form], current: State, wanted: str | None) -> State:
    """The state that saving a whole document leaves a record in.

    Without a wish the first state goes over into the one that counts where its writer alone may decide that, and any
    other stays. A wish names the present state or one that a plain move (no reason, no approval) leads to.
    Raises MoveRefused.
    """
    flow = form.about.flow
    plain = [move for move in _moves_from(flow, current) if not move.reason and not move.approval]
    if wanted is None:
        if current != flow.initial:
            return current
        after = (flow.state(move.after) for move in plain)
        return next((state for state in after if state.counts), current)
    if wanted == current.key:
        return current
    if wanted not in {move.after for move in plain}:
        raise _refused(flow, current, wanted)
    return flow.state(wanted)


def move_of(form: type[Form], current: State, key: str) -> Move:
    """The move of this name from a state. Raises MoveRefused."""
    for move in _moves_from(form.about.flow, current):
        if move.key == key:
            return move
    raise _refused(form.about.flow, current, key)


def moves_from(form: type[Form], state_key: str) -> tuple[Move, ...]:
    """The moves that there are from a state."""
    return tuple(_moves_from(form.about.flow, state_of(form, state_key)))


def _moves_from(flow: StateFlow, state: State) -> list[Move]:
    return [move for move in flow.moves if move.before == state.key]


def _refused(flow: StateFlow, current: State, wanted: str) -> MoveRefused:
    moves = _moves_from(flow, current)
    possible = Bilingual(
        "、".join(f"{move.title.zh}（{move.key}）" for move in moves) or "无",
        ", ".join(f"{move.title.en} ({move.key})" for move in moves) or "nothing",
    )
    return MoveRefused(state=current.title, move=wanted[:100], possible=possible)
