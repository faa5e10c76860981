"""What the platform holds on a person: the sources of it, declared once each and extended by floors above."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, delete, func, or_, select

from steward_tenants.access.models import Role, RoleAssignment
from steward_tenants.audit.models import AuditEvent
from steward_tenants.commands.models import IdempotencyRecord
from steward_tenants.database.actor import ActorKind
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.files.models import StoredFile
from steward_tenants.oauth.models import ApiClient, AuthorizationCode, TokenGrant
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User
from steward_tenants.people.service import open_identity_number
from steward_tenants.privacy.models import PrivacyRequest
from steward_tenants.signin.models import SignInSession
from steward_tenants.texts import Bilingual

Records = Sequence[dict[str, Any]]
Collect = Callable[[TenantSession, User], Awaitable[Records]]
Retained = Callable[[TenantSession, User], Awaitable[Bilingual | None]]
Erase = Callable[[WriteSession, User], Awaitable[None]]


@dataclass(frozen=True)
class PersonalDataSource:
    """One kind of data on persons. `collect` gives all of one person's in one statement; `retained` says why they
    must be kept, or None; `erase` removes or pseudonymises them (None: they go with the user's row, or stay because
    nothing in them tells who it was)."""

    key: str
    title: Bilingual
    collect: Collect
    retained: Retained | None = None
    erase: Erase | None = None


SOURCES: dict[str, PersonalDataSource] = {}


def personal_data_source(
    key: str,
    zh: str,
    en: str,
    collect: Collect,
    *,
    retained: Retained | None = None,
    erase: Erase | None = None,
) -> PersonalDataSource:
    """Declare a source; a key stands once. Floors above declare theirs next to their tables."""
    if key in SOURCES:
        raise ValueError(f"personal data source {key} is declared twice")
    SOURCES[key] = PersonalDataSource(key, Bilingual(zh, en), collect, retained, erase)
    return SOURCES[key]


PERSON_FIELDS: dict[str, Bilingual] = {
    "login": Bilingual("登录名", "Login"),
    "name": Bilingual("姓名", "Name"),
    "employee_number": Bilingual("工号", "Employee number"),
    "title": Bilingual("职务", "Title"),
    "phone": Bilingual("电话", "Phone"),
    "email": Bilingual("邮箱", "E-mail"),
    "identity_number": Bilingual("证件号", "Identity number"),
    "unit": Bilingual("所属机构", "Org unit"),
    "status": Bilingual("状态", "Status"),
    "locale": Bilingual("语言", "Language"),
    "joined_on": Bilingual("入职日期", "Joined on"),
    "created_at": Bilingual("建档时间", "Recorded at"),
}


async def _person(session: TenantSession, user: User) -> Records:
    unit = await session.scalar(select(OrgUnit.name).where(session.within(OrgUnit), OrgUnit.id == user.unit_id))
    values = {name: getattr(user, name) for name in PERSON_FIELDS if name != "unit"}
    values["unit"] = unit
    values["identity_number"] = open_identity_number(session.vault, session.tenant_id, user.id, user.identity_number)
    return [{name: values[name] for name in PERSON_FIELDS}]


async def _roles(session: TenantSession, user: User) -> Records:
    rows = await session.rows(
        select(
            Role.key,
            Role.title_zh,
            Role.title_en,
            RoleAssignment.scope,
            RoleAssignment.valid_from,
            RoleAssignment.valid_until,
        )
        .join(Role, and_(session.within(Role), Role.id == RoleAssignment.role_id))
        .where(session.within(RoleAssignment), RoleAssignment.user_id == user.id)
        .order_by(RoleAssignment.valid_from, RoleAssignment.id)
    )
    return [dict(row._mapping) for row in rows]


async def _end_roles(session: WriteSession, user: User) -> None:
    await session.execute(
        delete(RoleAssignment).where(session.within(RoleAssignment), RoleAssignment.user_id == user.id)
    )


async def _sessions(session: TenantSession, user: User) -> Records:
    rows = await session.rows(
        select(
            SignInSession.created_at,
            SignInSession.last_seen_at,
            SignInSession.address,
            SignInSession.user_agent,
            SignInSession.second_factor,
            SignInSession.revoked_at,
        )
        .where(session.within(SignInSession), SignInSession.subject_id == user.id)
        .order_by(SignInSession.created_at)
    )
    return [dict(row._mapping) for row in rows]


async def _end_sessions(session: WriteSession, user: User) -> None:
    for table, column in (
        (SignInSession, SignInSession.subject_id),
        (AuthorizationCode, AuthorizationCode.user_id),
        (TokenGrant, TokenGrant.user_id),
        (IdempotencyRecord, IdempotencyRecord.actor_id),
    ):
        await session.execute(delete(table).where(session.within(table), column == user.id))


async def _authorizations(session: TenantSession, user: User) -> Records:
    rows = await session.rows(
        select(ApiClient.name, TokenGrant.scope, TokenGrant.created_at, TokenGrant.revoked_at)
        .join(ApiClient, and_(session.within(ApiClient), ApiClient.id == TokenGrant.client_id))
        .where(session.within(TokenGrant), TokenGrant.user_id == user.id)
        .order_by(TokenGrant.created_at)
    )
    return [dict(row._mapping) for row in rows]


async def _files(session: TenantSession, user: User) -> Records:
    rows = await session.rows(
        select(StoredFile.purpose, StoredFile.name, StoredFile.media_type, StoredFile.size, StoredFile.created_at)
        .where(session.within(StoredFile), StoredFile.owner_id == user.id, StoredFile.deleted_at.is_(None))
        .order_by(StoredFile.created_at)
    )
    return [dict(row._mapping) for row in rows]


async def _requests(session: TenantSession, user: User) -> Records:
    rows = await session.rows(
        select(
            PrivacyRequest.kind,
            PrivacyRequest.status,
            PrivacyRequest.reason,
            PrivacyRequest.decision_reason,
            PrivacyRequest.created_at,
            PrivacyRequest.decided_at,
        )
        .where(session.within(PrivacyRequest), PrivacyRequest.subject_user_id == user.id)
        .order_by(PrivacyRequest.created_at)
    )
    return [dict(row._mapping) for row in rows]


async def _activity(session: TenantSession, user: User) -> Records:
    rows = await session.rows(
        select(
            AuditEvent.action,
            func.count().label("times"),
            func.min(AuditEvent.at).label("first_at"),
            func.max(AuditEvent.at).label("last_at"),
        )
        .where(
            session.within(AuditEvent),
            or_(
                and_(AuditEvent.actor_kind == ActorKind.USER.value, AuditEvent.actor_id == user.id),
                and_(AuditEvent.subject_kind == "user", AuditEvent.subject_id == user.id),
            ),
        )
        .group_by(AuditEvent.action)
        .order_by(AuditEvent.action)
    )
    return [dict(row._mapping) for row in rows]


personal_data_source("person", "人员档案", "Personal record", _person)
personal_data_source("roles", "角色", "Roles", _roles, erase=_end_roles)
personal_data_source("sessions", "登录会话", "Sign-in sessions", _sessions, erase=_end_sessions)
personal_data_source("authorizations", "授权的应用", "Authorised applications", _authorizations)
personal_data_source("files", "文件", "Files", _files)
personal_data_source("requests", "个人信息请求", "Personal-data requests", _requests)
personal_data_source("activity", "审计日志中的活动", "Activity in the audit log", _activity)
