"""What floor 2 holds on the tenant's own people, for their copy of personal data and for its erasure."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, or_, select

from steward_core.clients.models import Client, ClientNote, ClientOwnership
from steward_core.forms.form import SubjectKind
from steward_core.forms.models import FormRecord
from steward_core.gradings.models import GradingObjection
from steward_tenants.database.session import TenantSession
from steward_tenants.people.models import User
from steward_tenants.privacy.subjects import Records, personal_data_source
from steward_tenants.texts import Bilingual


async def _portfolio(session: TenantSession, user: User) -> Records:
    rows = await session.rows(
        select(Client.code, Client.name, ClientOwnership.valid_from, ClientOwnership.valid_until)
        .join(Client, and_(session.within(Client), Client.id == ClientOwnership.client_id))
        .where(session.within(ClientOwnership), ClientOwnership.owner_id == user.id)
        .order_by(ClientOwnership.valid_from, Client.id)
    )
    return _plain(rows)


async def _portfolio_kept(session: TenantSession, user: User) -> Bilingual | None:
    held = await session.scalar(
        select(Client.id)
        .where(session.within(Client), or_(Client.owner_id == user.id, Client.deputy_id == user.id))
        .limit(1)
    )
    if held is None:
        return None
    return Bilingual("仍负责客户，须先移交。", "They still manage clients, which must be handed over first.")


async def _notes(session: TenantSession, user: User) -> Records:
    rows = await session.rows(
        select(ClientNote.body, ClientNote.created_at, ClientNote.edited_at)
        .where(session.within(ClientNote), ClientNote.author_id == user.id, ClientNote.removed_at.is_(None))
        .order_by(ClientNote.created_at, ClientNote.id)
    )
    return _plain(rows)


async def _records(session: TenantSession, user: User) -> Records:
    rows = await session.rows(
        select(FormRecord.form, FormRecord.state, FormRecord.document, FormRecord.created_at)
        .where(
            session.within(FormRecord),
            FormRecord.subject_kind == SubjectKind.USER.value,
            FormRecord.subject_id == user.id,
        )
        .order_by(FormRecord.created_at, FormRecord.id)
    )
    return _plain(rows)


async def _objections(session: TenantSession, user: User) -> Records:
    rows = await session.rows(
        select(GradingObjection.reason, GradingObjection.status, GradingObjection.raised_at)
        .where(session.within(GradingObjection), GradingObjection.raised_by == user.id)
        .order_by(GradingObjection.raised_at, GradingObjection.id)
    )
    return _plain(rows)


def _plain(rows: Any) -> Records:
    return [dict(row._mapping) for row in rows]


personal_data_source("portfolio", "所辖客户", "Portfolio", _portfolio, retained=_portfolio_kept)
personal_data_source("client_notes", "撰写的客户备注", "Notes on clients", _notes)
personal_data_source("form_records", "关于本人的表单", "Forms about the person", _records)
personal_data_source("grading_objections", "提出的评级异议", "Objections to gradings", _objections)
