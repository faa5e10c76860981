"""Who sits in which step: the people that were found, without those whose matter it is, and by the rules for places
that stay empty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from steward_core.approvals.conditions import holds
from steward_core.approvals.definitions import Definition, EmptyRule, Step, StepKind
from steward_core.approvals.errors import NobodyToApprove, NothingToApprove, TooFewApprovers
from steward_core.approvals.state import Chain, Link, Stage
from steward_core.approvals.trail import Resolution

_EACH = frozenset({StepKind.SEQUENCE, StepKind.ALL})
"""Kinds in which every selector must be heard; in the others its people are one pool."""


def seat(definition: Definition, found: Resolution, barred: frozenset[UUID]) -> tuple[Stage, ...]:
    """The stages of a submission; a stage without chains is left out.

    Raises NobodyToApprove, TooFewApprovers, NothingToApprove, ValueMissing.
    """
    stages = tuple(_stage(step, found, barred) for step in definition.steps)
    if not any(stage.chains for stage in stages):
        raise NothingToApprove
    return stages


def _stage(step: Step, found: Resolution, barred: frozenset[UUID]) -> Stage:
    if not holds(step.when, found.values):
        return Stage(step.key, step.kind, 0, ())
    groups = _allowed(found.approvers.get(step.key, ())[: len(step.approvers)], barred)
    groups += [()] * (len(step.approvers) - len(groups))
    if step.kind not in _EACH:
        groups = [tuple(dict.fromkeys(person for group in groups for person in group))]
    administrators = _allowed([found.administrators], barred)[0]
    people = tuple(dict.fromkeys(_people(step, groups, administrators)))
    if step.kind is StepKind.N_OF_M and people:
        people = _enough(step, people, administrators)
    need = {StepKind.ANY: 1, StepKind.N_OF_M: step.need or 1}.get(step.kind, len(people))
    return Stage(step.key, step.kind, need if people else 0, tuple(Chain((Link(person),)) for person in people))


def _allowed(groups: Iterable[Sequence[UUID]], barred: frozenset[UUID]) -> list[tuple[UUID, ...]]:
    return [tuple(person for person in group if person not in barred) for group in groups]


def _people(step: Step, groups: Sequence[tuple[UUID, ...]], administrators: tuple[UUID, ...]) -> Iterator[UUID]:
    seated: set[UUID] = set()
    for group in groups:
        people = group
        if not people and step.empty is EmptyRule.TO_ADMIN:
            # An administrator who sits in this step already is heard; another is asked where there is one.
            people = tuple(person for person in administrators if person not in seated)[:1] or administrators[:1]
        if not people and step.empty is not EmptyRule.SKIP:
            raise NobodyToApprove(step=step.title)
        seated.update(people)
        yield from people


def _enough(step: Step, people: tuple[UUID, ...], administrators: tuple[UUID, ...]) -> tuple[UUID, ...]:
    """At least as many people as the step needs: administrators fill up where the rule says so. Leaving a step out is
    for those that nobody is in, not for those with too few."""
    need = step.need or 1
    if len(people) < need and step.empty is EmptyRule.TO_ADMIN:
        more = [person for person in administrators if person not in people]
        people += tuple(more[: need - len(people)])
    if len(people) < need:
        raise TooFewApprovers(step=step.title, need=need, have=len(people))
    return people
