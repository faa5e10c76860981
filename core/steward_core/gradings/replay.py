"""Replaying a grading: its stored inputs, figures and rule version must give its stored results again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from steward_core.forms.models import FormRecord
from steward_core.gradings.reach import grading_whole
from steward_core.gradings.runner import stored_inputs
from steward_core.gradings.schemes import rules_of
from steward_core.industry.registry import scheme_of
from steward_core.permissions import GRADINGS_VIEW
from steward_tenants.database.session import TenantSession

COMPARED = ("score", "star", "grade", "rank", "tier")


@dataclass(frozen=True)
class Difference:
    """A result that came out otherwise: what is stored and what the replay gave."""

    client_id: UUID
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
    """Compute every result of a grading again from what is stored with it, and compare score, star, grade, rank, tier.

    Needs the whole unit in the actor's scope: ranks are of all. Raises Forbidden, GradingNotFound, SchemeNotFound,
    RuleVersionMissing.
    """
    grading = await grading_whole(session, grading_id, GRADINGS_VIEW, today)
    decide = rules_of(scheme_of(grading.scheme), grading.rule_version)
    rows = await session.rows(
        select(FormRecord.client_id, FormRecord.document)
        .where(session.within(FormRecord), FormRecord.batch_id == grading.id)
        .order_by(FormRecord.client_id)
    )
    inputs = [stored_inputs(str(client_id), document, grading.input_names) for client_id, document in rows]
    differences = []
    for (client_id, document), graded in zip(rows, decide(grading.policy, inputs), strict=True):
        for name in COMPARED:
            replayed = getattr(graded, name)
            if document.get(name) != replayed:
                differences.append(Difference(client_id, name, document.get(name), replayed))
    return ReplayReport(grading.id, grading.rule_version, len(rows), tuple(differences))
