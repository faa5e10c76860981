"""Who sees an approval: by the scope of its owner and unit, and everybody who has a part in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, literal, or_, select

from steward_core.approvals.models import (
    Approval,
    ApprovalAbsence,
    ApprovalEntry,
    ApprovalRequest,
    ApprovalSeat,
)
from steward_core.permissions import APPROVALS_VIEW
from steward_tenants.access.permissions import Permission
from steward_tenants.access.row_kinds import RowKind
from steward_tenants.access.rules import reaches_everything
from steward_tenants.database.references import Reference
from steward_tenants.database.session import TenantSession
from steward_tenants.texts import Bilingual

FREE_REQUEST = "free_request"
"""The subject of requests that are about nothing else."""


def has_part(session: TenantSession, approval: Any) -> ColumnElement[bool]:
    """The condition that the actor has a part in an approval: asked for it, owns or took over its subject, is asked
    now, or is named in its trail."""
    me = literal(session.actor.id)
    seat: Any = Reference(ApprovalSeat)
    entry: Any = Reference(ApprovalEntry)
    asked = select(seat.approval_id).where(session.within(seat), seat.user_id == me)
    acted = select(entry.approval_id).where(session.within(entry), entry.actor_id == me)
    named = select(entry.approval_id).where(session.within(entry), entry.person_id == me)
    return or_(
        approval.requester_id == me,
        approval.owner_id == me,
        approval.successor_id == me,
        approval.id.in_(asked),
        approval.id.in_(acted),
        approval.id.in_(named),
    )


@dataclass(frozen=True)
class _WithParts(RowKind):
    """A kind that is also seen by who has a part in its approval; what else is allowed there follows scope alone."""

    def reached(self, session: TenantSession, permission: Permission, on: date, row: Any) -> ColumnElement[bool]:
        scope = super().reached(session, permission, on, row)
        if permission != self.view or reaches_everything(session.actor, permission):
            return scope
        return or_(scope, self._part(session, row))

    def _part(self, session: TenantSession, row: Any) -> ColumnElement[bool]:
        return has_part(session, row)


@dataclass(frozen=True)
class _Requests(_WithParts):
    def _part(self, session: TenantSession, row: Any) -> ColumnElement[bool]:
        approval: Any = Reference(Approval)
        mine = select(approval.subject_id).where(
            session.within(approval), approval.subject == FREE_REQUEST, has_part(session, approval)
        )
        return or_(row.owner_id == literal(session.actor.id), row.id.in_(mine))


@dataclass(frozen=True)
class _Absences(_WithParts):
    def _part(self, session: TenantSession, row: Any) -> ColumnElement[bool]:
        me = literal(session.actor.id)
        return or_(row.user_id == me, row.substitute_id == me)


APPROVAL = _WithParts(
    "approval",
    Bilingual("审批", "approval"),
    Approval,
    APPROVALS_VIEW,
    owner=Approval.owner_id,
    unit=Approval.unit_id,
    stand_in=Approval.requester_id,
)
APPROVAL_ENTRY = RowKind(
    "approval_entry",
    Bilingual("审批记录", "approval's entry"),
    ApprovalEntry,
    APPROVALS_VIEW,
    parent=APPROVAL,
    parent_id=ApprovalEntry.approval_id,
)
APPROVAL_SEAT = RowKind(
    "approval_seat",
    Bilingual("待审批人", "who is asked"),
    ApprovalSeat,
    APPROVALS_VIEW,
    parent=APPROVAL,
    parent_id=ApprovalSeat.approval_id,
)
APPROVAL_REQUEST = _Requests(
    "approval_request",
    Bilingual("申请", "request"),
    ApprovalRequest,
    APPROVALS_VIEW,
    owner=ApprovalRequest.owner_id,
    unit=ApprovalRequest.unit_id,
)
APPROVAL_ABSENCE = _Absences(
    "approval_absence",
    Bilingual("审批代办", "substitution"),
    ApprovalAbsence,
    APPROVALS_VIEW,
    owner=ApprovalAbsence.user_id,
    stand_in=ApprovalAbsence.substitute_id,
)
