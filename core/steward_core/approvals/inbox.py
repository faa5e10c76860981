"""What approvals put into an inbox: what the actor may decide at present."""

from __future__ import annotations

from sqlalchemy import and_, select

from steward_core.approvals.models import Approval, ApprovalSeat
from steward_core.inbox.items import InboxKind
from steward_core.inbox.lines import Rows, line
from steward_tenants.database.actor import ActorKind
from steward_tenants.database.session import TenantSession


def approvals_to_decide(session: TenantSession) -> Rows | None:
    """The approvals that wait for the actor, as the approver or in somebody's place."""
    if session.actor.kind is not ActorKind.USER:
        return None
    return (
        select(
            *line(
                InboxKind.APPROVAL_WAITING,
                row_id=Approval.id,
                client_id=Approval.client_id,
                at=ApprovalSeat.since,
                name=Approval.title,
            )
        )
        .join_from(ApprovalSeat, Approval, and_(session.within(Approval), Approval.id == ApprovalSeat.approval_id))
        .where(session.within(ApprovalSeat), ApprovalSeat.user_id == session.actor.id)
    )
