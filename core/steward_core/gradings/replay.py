"""Replaying a grading: its stored inputs, figures and rule version must give its stored results again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from steward_core.forms.models import FormRecord
from steward_core.gradings.reach import grading_whole
from steward_core.gradings.runner import stored_inputs
from steward_core.gradings.schemes import Decide, rules_of
from steward_core.industry.declarations import Graded
from steward_core.industry.registry import scheme_of
from steward_core.permissions import GRADINGS_VIEW
from steward_tenants.database.session import TenantSession

COMPARED = ("score", "star", "grade", "rank", "tier")
REASONS = ("reasons_zh", "reasons_en")


@dataclass(frozen=True)
class Difference:
    """A result that came out otherwise: what is stored and what the replay gave. Of the whole grading (`clients`: how
    many results there are) without a client; `inputs`: what is stored cannot be reckoned with at all."""

    client_id: UUID | None
    name: str
    stored: Any
    replayed: Any


@dataclass(frozen=True)
class ReplayReport:
    """How many results were replayed, by which rules, and every difference."""

    grading_id: UUID
    rule_version: int
    checked: int
    differences: tuple[Difference, ...]

    @property
    def same(self) -> bool:
        """Whether every result came out as stored."""
        return not self.differences


async def replay(session: TenantSession, grading_id: UUID, *, today: date) -> ReplayReport:
    """Compute every result of a grading again from what is stored with it, and compare score, star, grade, rank, tier,
    all else that the rules put into the document (points), and the lines of the explanation; and count the results.

    Needs the whole unit in the actor's scope: ranks are of all. Raises Forbidden, GradingNotFound, SchemeNotFound,
    RuleVersionMissing.
    """
    grading = await grading_whole(session, grading_id, GRADINGS_VIEW, today)
    decide = rules_of(scheme_of(grading.scheme), grading.rule_version)
    rows = await session.rows(
        select(FormRecord.id, FormRecord.client_id, FormRecord.document)
        .where(session.within(FormRecord), FormRecord.batch_id == grading.id)
        .order_by(FormRecord.id)
    )
    clients = [row[1] for row in rows]
    documents = [row[2] for row in rows]
    inputs = [stored_inputs(record_id, document, grading.input_names) for record_id, _, document in rows]
    differences: list[Difference] = []
    expected = grading.counts.get("clients", len(rows))
    if expected != len(rows):
        differences.append(Difference(None, "clients", expected, len(rows)))
    try:
        decided = decide(grading.policy, inputs)
    except Exception:
        differences += _unreadable(decide, grading.policy, clients, inputs)
    else:
        for client_id, document, graded in zip(clients, documents, decided, strict=True):
            differences += _differences(client_id, document, graded)
    return ReplayReport(grading.id, grading.rule_version, len(rows), tuple(differences))


def _differences(client_id: UUID, document: Mapping[str, Any], graded: Graded) -> Iterator[Difference]:
    for name in COMPARED:
        replayed = getattr(graded, name)
        if document.get(name) != replayed:
            yield Difference(client_id, name, document.get(name), replayed)
    for name, replayed in graded.document.items():
        if document.get(name) != replayed:
            yield Difference(client_id, name, document.get(name), replayed)
    for name, lines in zip(REASONS, ([one.zh for one in graded.lines], [one.en for one in graded.lines]), strict=True):
        stored = (document.get(name) or "").split("\n")
        if stored[: len(lines)] != lines:  # a line on corrections may follow
            yield Difference(client_id, name, "\n".join(stored), "\n".join(lines))


def _unreadable(
    decide: Decide, policy: Mapping[str, Any], clients: Sequence[UUID], inputs: Sequence[Mapping[str, Any]]
) -> Iterator[Difference]:
    """The results whose stored inputs the rules cannot take; all that is told of a grading that has one."""
    found = False
    for client_id, given in zip(clients, inputs, strict=True):
        try:
            decide(policy, [given])
        except Exception:
            found = True
            yield Difference(client_id, "inputs", dict(given), None)
    if not found:
        yield Difference(None, "inputs", None, None)
