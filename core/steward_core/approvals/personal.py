"""What approvals hold on a person: their requests, what they said, and when they were away."""

from __future__ import annotations

from sqlalchemy import and_, select

from steward_core.approvals.models import Approval, ApprovalAbsence, ApprovalEntry, ApprovalRequest, ApprovalSeat
from steward_tenants.database.session import TenantSession
from steward_tenants.people.models import User
from steward_tenants.privacy.subjects import Records, personal_data_source
from steward_tenants.texts import Bilingual


async def _requests(session: TenantSession, user: User) -> Records:
    request = ApprovalRequest
    rows = await session.rows(
        select(
            request.kind,
            request.title,
            request.text,
            request.from_on,
            request.until_on,
            request.amount,
            request.status,
            request.created_at,
        )
        .where(session.within(request), request.owner_id == user.id)
        .order_by(request.id)
    )
    return [dict(row._mapping) for row in rows]


async def _entries(session: TenantSession, user: User) -> Records:
    rows = await session.rows(
        select(Approval.title, ApprovalEntry.act, ApprovalEntry.reason, ApprovalEntry.at)
        .join(Approval, and_(session.within(Approval), Approval.id == ApprovalEntry.approval_id))
        .where(session.within(ApprovalEntry), ApprovalEntry.actor_id == user.id)
        .order_by(ApprovalEntry.id)
    )
    return [dict(row._mapping) for row in rows]


async def _absences(session: TenantSession, user: User) -> Records:
    absence = ApprovalAbsence
    rows = await session.rows(
        select(absence.starts_at, absence.ends_at, absence.set_at, absence.cancelled_at)
        .where(session.within(absence), absence.user_id == user.id)
        .order_by(absence.id)
    )
    return [dict(row._mapping) for row in rows]


async def _asked(session: TenantSession, user: User) -> Bilingual | None:
    waits = await session.scalar(
        select(ApprovalSeat.id).where(session.within(ApprovalSeat), ApprovalSeat.asked_id == user.id).limit(1)
    )
    if waits is None:
        return None
    return Bilingual("仍有待其审批的事项。", "Approvals still wait for them.")


personal_data_source("approval_requests", "申请", "Requests", _requests)
personal_data_source("approval_entries", "审批意见", "What they said in approvals", _entries, retained=_asked)
personal_data_source("approval_absences", "审批代办", "When others decided for them", _absences)
