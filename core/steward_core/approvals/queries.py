"""What people ask about approvals: what they may do, who would be asked, whether a trail gives what is stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from steward_core.approvals.conditions import FieldKind, holds
from steward_core.approvals.defining import checked
from steward_core.approvals.definitions import EmptyRule, StepKind
from steward_core.approvals.errors import ApprovalNotFound, NotYourSubject
from steward_core.approvals.ledger import Case, next_moment, read_cases, seats_of
from steward_core.approvals.models import Approval, ApprovalSeat
from steward_core.approvals.resolving import definition_of, resolve
from steward_core.approvals.row_kinds import APPROVAL
from steward_core.approvals.seating import seat
from steward_core.approvals.state import State, Status
from steward_core.approvals.subjects import SUBJECTS, subject_of
from steward_core.approvals.trail import Act
from steward_core.permissions import APPROVALS_MANAGE, APPROVALS_VIEW
from steward_tenants.access.rules import require
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import StewardError
from steward_tenants.texts import Bilingual

_HIDDEN = frozenset({Act.SUBSTITUTE})
"""Substitutes come from absences, not from a single approval."""


@dataclass(frozen=True)
class StepName:
    """A step by its key and titles."""

    key: str
    title: Bilingual


@dataclass(frozen=True)
class MyActs:
    """What the actor may do with an approval at present, in which turn, and to which steps it can be sent back."""

    approval_id: UUID
    turn: int
    acts: tuple[Act, ...]
    back_to: tuple[StepName, ...]


@dataclass(frozen=True)
class AskedStep:
    """A step as it would take place. `people` are those who would be asked; nobody: it is left out. `need` of them
    must agree. `problem` says why it could not be filled."""

    key: str
    title: Bilingual
    kind: StepKind
    need: int
    people: tuple[UUID, ...]
    problem: Bilingual | None = None


@dataclass(frozen=True)
class Preview:
    """Who would be asked for a subject: by which definition, step by step."""

    definition_key: str
    definition_version: int
    title: Bilingual
    steps: tuple[AskedStep, ...]


@dataclass(frozen=True)
class Replayed:
    """A trail gone through again: what it leads to, and in what that differs from what is stored."""

    approval_id: UUID
    status: Status
    step: str
    turn: int
    entries: int
    waiting: tuple[UUID, ...]
    differences: tuple[str, ...]


@dataclass(frozen=True)
class SubjectLine:
    """A kind of subject, for whoever writes definitions: its fields, and the document that holds without any."""

    key: str
    title: Bilingual
    fields: Mapping[str, FieldKind]
    document: Mapping[str, Any]


def declared_subjects() -> list[SubjectLine]:
    """All kinds of subjects, in order of key."""
    return [
        SubjectLine(key, one.subject.title, one.subject.fields, one.document) for key, one in sorted(SUBJECTS.items())
    ]


async def my_acts(session: TenantSession, approval_id: UUID, *, today: date) -> MyActs:
    """What the actor may do. Raises ApprovalNotFound."""
    state = (await _case(session, approval_id, today)).state
    acts = state.may(session.actor.id) - _HIDDEN
    if not session.actor.unrestricted and APPROVALS_MANAGE.key not in session.actor.permissions:
        acts -= {Act.REPLACE}
    passed = state.stages[: state.open_stage] if Act.SEND_BACK in acts else ()
    back_to = tuple(StepName(stage.step, state.definition.step(stage.step).title) for stage in passed if stage.chains)
    return MyActs(approval_id, state.turn, tuple(act for act in Act if act in acts), back_to)


async def preview(
    session: TenantSession,
    subject: str,
    subject_id: UUID,
    *,
    today: date,
    document: Mapping[str, Any] | None = None,
) -> Preview:
    """Who would be asked if the subject were submitted now by its owner; by `document` instead of what is in force, for
    those who write definitions. The owner and the administrators of approvals may ask.

    Raises SubjectUnknown, NotYourSubject, Forbidden, DefinitionNotFound, DefinitionRefused, ValueMissing, and what the
    subject's `find` raises.
    """
    found = await subject_of(subject).find(session, subject_id)
    manages = session.actor.unrestricted or APPROVALS_MANAGE.key in session.actor.permissions
    if found.owner_id != session.actor.id and not manages:
        raise NotYourSubject
    if document is None:
        definition = (await definition_of(session, subject, found)).definition
    else:
        require(session.actor, APPROVALS_MANAGE)
        definition = await checked(session, {**document, "subject": subject})
    resolution = await resolve(session, definition, found, today, requesters=frozenset({found.owner_id}))
    steps = []
    for step in definition.steps:
        alone = definition.model_copy(update={"steps": (step,)})
        try:
            (stage,) = seat(alone, resolution, resolution.concerned)
        except StewardError as problem:
            skipped = not holds(step.when, resolution.values) or step.empty is EmptyRule.SKIP
            text = None if skipped else problem.text
            steps.append(AskedStep(step.key, step.title, step.kind, 0, (), text))
        else:
            people = tuple(link.person for link in stage.links())
            steps.append(AskedStep(step.key, step.title, step.kind, stage.need, people))
    return Preview(definition.key, definition.version, definition.title, tuple(steps))


async def replayed(session: TenantSession, approval_id: UUID, *, today: date) -> Replayed:
    """An approval's trail gone through from its beginning. Raises ApprovalNotFound, TrailBroken."""
    case = await _case(session, approval_id, today)
    stored: Sequence[ApprovalSeat] = await session.scalars(
        select(ApprovalSeat).where(session.within(ApprovalSeat), ApprovalSeat.approval_id == approval_id)
    )
    state = case.state
    return Replayed(
        approval_id,
        state.status,
        state.step.key,
        state.turn,
        len(case.trail),
        tuple(turn.asked for turn in state.turns()),
        tuple(differences(case.approval, state, stored)),
    )


def differences(approval: Approval, state: State, seats: Sequence[ApprovalSeat]) -> Iterator[str]:
    """What is stored otherwise than the trail says."""
    expected: dict[str, object] = {
        "status": state.status.value,
        "requester_id": state.requester,
        "successor_id": state.successor,
        "step": state.step.key,
        "turn": state.turn,
        "opened_at": state.opened_at,
        "next_at": next_moment(state),
    }
    yield from (name for name, value in expected.items() if getattr(approval, name) != value)
    if {row.user_id: row.asked_id for row in seats} != seats_of(state):
        yield "seats"


async def _case(session: TenantSession, approval_id: UUID, today: date) -> Case:
    reach = APPROVAL.within_reach(session, APPROVALS_VIEW, today)
    cases = await read_cases(session, Approval.id == approval_id, reach, lock=False)
    if not cases:
        raise ApprovalNotFound
    return cases[0]
