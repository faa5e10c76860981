"""What of pay waits for a person."""

from __future__ import annotations

from datetime import date

from sqlalchemy import and_, func, select

from steward_core.inbox.items import InboxKind
from steward_core.inbox.lines import Rows, line
from steward_core.incentives.models import DisputeStatus, PayDispute, PayStatement
from steward_core.incentives.reach import of_payroll
from steward_core.permissions import STATEMENTS_APPROVE
from steward_tenants.database.actor import ActorKind
from steward_tenants.database.session import TenantSession


def open_disputes(session: TenantSession, today: date) -> Rows | None:
    """Disputes about other people's pay that the actor may answer."""
    if session.actor.kind is not ActorKind.USER:
        return None
    return (
        select(
            *line(
                InboxKind.PAY_DISPUTE,
                row_id=PayDispute.id,
                at=PayDispute.raised_at,
                name=func.to_char(PayStatement.month, "YYYY-MM"),
            )
        )
        .select_from(PayDispute)
        .join(PayStatement, and_(session.within(PayStatement), PayStatement.id == PayDispute.statement_id))
        .where(
            session.within(PayDispute),
            PayDispute.status == DisputeStatus.OPEN.value,
            PayDispute.raised_by != session.actor.id,
            of_payroll(session, STATEMENTS_APPROVE, PayStatement.unit_id, today),
        )
    )
