"""A small office for the tests of approvals: people, definitions in few words, and a case that is driven by commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from steward_core.approvals.conditions import FieldKind
from steward_core.approvals.definitions import Definition, read_definition
from steward_core.approvals.rules import decide, replay
from steward_core.approvals.state import State
from steward_core.approvals.trail import Act, Entry, Resolution

FIELDS = {
    "days": FieldKind.NUMBER,
    "kind": FieldKind.TEXT,
    "urgent": FieldKind.BOOLEAN,
    "begins": FieldKind.DATE,
}
ASKER, ANNA, BO, CHEN, DING, ELLA, FENG, ADMIN, ADMIN_TWO = (UUID(int=number) for number in range(1, 10))
BEGIN = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


def step(key: str, kind: str = "all", people: int = 1, **more: Any) -> dict[str, Any]:
    """A step with so many selectors, whose people are told at the start."""
    roles = [{"by": "role", "role": f"{key}_{number}"} for number in range(people)]
    return {"key": key, "title": {"zh": f"步骤{key}", "en": f"step {key}"}, "kind": kind, "approvers": roles, **more}


def document(*steps: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A definition's document."""
    title = {"zh": "请假", "en": "Leave"}
    return {"key": "leave", "version": 1, "subject": "leave", "title": title, "steps": list(steps), **more}


def defined(*steps: Mapping[str, Any], **more: Any) -> Definition:
    """A definition."""
    return read_definition(document(*steps, **more), FIELDS)


class Case:
    """One approval: commands are laid on its trail as the service will do it."""

    def __init__(self, definition: Definition) -> None:
        self.definition, self.trail, self.now = definition, list[Entry](), BEGIN

    @property
    def state(self) -> State:
        return replay(self.definition, self.trail)

    def do(self, act: Act, actor: UUID | None, **more: Any) -> State:
        """One command, sent by somebody who sees the present state unless `turn` says otherwise."""
        turn = more.pop("turn", self.state.turn if self.trail else None)
        entry = Entry(more.pop("id", uuid4()), act, more.pop("at", self.now), actor, turn, **more)
        return self.send(entry)

    def send(self, entry: Entry) -> State:
        outcome = decide(self.definition, self.trail, entry)
        if outcome.added:
            self.trail.append(entry)
        return outcome.state

    def start(self, approvers: Mapping[str, Sequence[Sequence[UUID]]], actor: UUID = ASKER, **more: Any) -> State:
        return self.do(Act.START, actor, resolution=resolved(approvers, **more))

    def approve(self, *people: UUID) -> State:
        for person in people:
            self.do(Act.APPROVE, person)
        return self.state

    def later(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)


def resolved(approvers: Mapping[str, Sequence[Sequence[UUID]]], **more: Any) -> Resolution:
    """What a submission finds out."""
    return Resolution({key: tuple(map(tuple, groups)) for key, groups in approvers.items()}, **more)


def waiting(state: State) -> list[UUID]:
    """Who is asked."""
    return [turn.asked for turn in state.turns()]
