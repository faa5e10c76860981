"""Pay as personal data: a person's statements and disputes are in the copy. They stay when the person goes: what was
paid is evidence that the law has kept."""

from __future__ import annotations

from sqlalchemy import and_, select

from steward_core.incentives.models import PUBLISHED, PayDispute, PayLine, PayMember, PayRun, PayStatement
from steward_tenants.database.session import TenantSession
from steward_tenants.people.models import User
from steward_tenants.privacy.subjects import Records, personal_data_source


async def _statements(session: TenantSession, user: User) -> Records:
    rows = await session.rows(
        select(PayStatement.month, PayStatement.revision, PayLine.title_zh, PayLine.formula_zh, PayLine.fen)
        .join(PayLine, and_(session.within(PayLine), PayLine.statement_id == PayStatement.id))
        .join(PayRun, and_(session.within(PayRun), PayRun.id == PayStatement.run_id))
        .where(session.within(PayStatement), PayStatement.person_id == user.id, PayRun.status.in_(PUBLISHED))
        .order_by(PayStatement.month, PayStatement.revision, PayLine.position)
    )
    return [dict(row._mapping) for row in rows]


async def _memberships(session: TenantSession, user: User) -> Records:
    rows = await session.rows(
        select(PayMember.role, PayMember.from_month, PayMember.until_month, PayMember.probation_from)
        .where(session.within(PayMember), PayMember.person_id == user.id)
        .order_by(PayMember.from_month)
    )
    return [dict(row._mapping) for row in rows]


async def _disputes(session: TenantSession, user: User) -> Records:
    rows = await session.rows(
        select(PayDispute.text, PayDispute.status, PayDispute.answer, PayDispute.raised_at)
        .where(session.within(PayDispute), PayDispute.raised_by == user.id)
        .order_by(PayDispute.raised_at, PayDispute.id)
    )
    return [dict(row._mapping) for row in rows]


personal_data_source("pay_statements", "薪酬单", "Pay statements", _statements)
personal_data_source("pay_memberships", "薪酬方案成员", "Memberships of pay schemes", _memberships)
personal_data_source("pay_disputes", "薪酬异议", "Disputes about pay", _disputes)
