"""Those whose turn it is say yes, one after the other, until nobody is asked any more."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import select

from steward_core.approvals.models import ApprovalSeat
from steward_core.approvals.service import decide, of_subject
from steward_core.approvals.trail import Act
from steward_server.simulation.company import PLATFORM, Company
from steward_tenants.clock import simulated

MOST_STEPS = 20


async def approve(company: Company, subject: str, subject_id: UUID, day: date, hour: int) -> None:
    """Everybody who is asked about a subject agrees."""
    for _ in range(MOST_STEPS):
        async with company.database.read(company.tenant_id, PLATFORM) as session:
            approval = await of_subject(session, subject, subject_id)
            if approval is None:
                return
            seat = await session.scalar(
                select(ApprovalSeat.user_id)
                .where(session.within(ApprovalSeat), ApprovalSeat.approval_id == approval.id)
                .order_by(ApprovalSeat.user_id)
                .limit(1)
            )
        if seat is None:
            return
        asked = await company.person(seat, day)
        with simulated(company.at(day, hour, company.random.randrange(50))):
            async with company.database.write(company.tenant_id, asked) as session:
                await decide(session, approval.id, act=Act.APPROVE, turn=approval.turn, reason="同意", today=day)
