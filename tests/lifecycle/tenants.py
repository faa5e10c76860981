"""A tenant with a bit of everything, and reading it back whole."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, select

from steward_tenants.access.permissions import FILES_USE, PEOPLE_VIEW
from steward_tenants.audit.service import Subject, record
from steward_tenants.configuration.models import TenantSetting
from steward_tenants.database.actor import operator
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.directory.models import Membership
from steward_tenants.files.models import StoredFile
from steward_tenants.files.store import LocalFileStore
from steward_tenants.lifecycle.rules import ENCRYPTED, KEPT_AS_HISTORY, LEFT_OUT, exported_tables
from steward_tenants.models import tenant_metadata
from steward_tenants.oauth.models import ApiClient
from steward_tenants.organisation.models import UnitPath, UnitPlacement
from steward_tenants.people.service import identity_place
from steward_tenants.plugins.models import PluginSwitch
from steward_tenants.privacy.models import PrivacyRequest
from steward_tenants.signin.models import SignInSession
from steward_tenants.support.models import SupportAccess
from tests.database.rows import new_rows
from tests.factories import TESTS, assign, make_account, make_role, make_tenant, make_unit, make_user

OPERATOR = operator("测试运营")
IDENTITY = "11010519491231002X"
NAME = "欧阳𠮷祥😀\\n\t“引号”"
BYTES = "文件内容 𠮷 😀\n".encode() * 5000


@dataclass(frozen=True)
class Furnished:
    """A tenant and what a test needs to know of it."""

    id: UUID
    key: str
    user_id: UUID
    login: str
    file_id: UUID


async def furnished_tenant(database: Database, store: LocalFileStore) -> Furnished:
    """A tenant with rows in every table that is exported."""
    key = f"t{uuid4().hex[:12]}"
    tenant_id = await make_tenant(database, key=key, name="示例烟草公司😀", time_zone="Asia/Urumqi")
    account = await make_account(database)
    file_id = new_id()
    written = await store.write(tenant_id, file_id, _once(BYTES), len(BYTES))
    async with database.write(tenant_id, TESTS) as session:
        unit, below = make_unit(session, name="市场部𠮷"), make_unit(session, name="一部")
        await session.flush()
        await session.execute(
            UnitPlacement.__table__.update()  # type: ignore[attr-defined]
            .where(session.within(UnitPlacement), UnitPlacement.unit_id == below.id)
            .values(parent_id=unit.id)
        )
        session.add(UnitPath(ancestor_id=unit.id, descendant_id=below.id, valid_from=date(2020, 1, 1), depth=1))
        user_id = new_id()
        user = make_user(
            session,
            id=user_id,
            account_id=account.id,
            login=account.login,
            name=NAME,
            phone="13800001234",
            phone_tail="1234",
            unit_id=below.id,
            identity_number=session.vault.encrypt(IDENTITY, identity_place(tenant_id, user_id)),
        )
        role = make_role(session, [FILES_USE, PEOPLE_VIEW], builtin=False)
        await session.flush()
        assign(session, user, role)
        now = datetime.now(UTC)
        session.add(
            TenantSetting(key="files.megabytes", value=5, changed_by=user.id),
            TenantSetting(key="null", value=None, changed_by=user.id),
            PluginSwitch(plugin="tobacco", enabled=True, settings={"区域": ["城区", "𠮷"], "rate": 0.1}),
            ApiClient(
                name="对接系统",
                secret_hash="x",
                redirect_uris=["https://a.example/cb?x={1,2}", 'quo"te,\\'],
                grant_types=["client_credentials"],
                created_by=user.id,
            ),
            StoredFile(
                id=file_id,
                purpose="upload",
                name="合同.txt",
                media_type="text/plain",
                size=written.size,
                sha256=written.sha256,
                owner_id=user.id,
            ),
            SupportAccess(
                operator_account_id=new_id(),
                operator_login="ops@example.test",
                role_id=role.id,
                reason="排查",
                granted_by=user.id,
                expires_at=now + timedelta(hours=5),
            ),
            SignInSession(
                subject_id=user.id,
                account_id=account.id,
                token_digest=hashlib.sha256(key.encode()).digest(),
                expires_at=now + timedelta(hours=1),
            ),
        )
        await session.flush()
        session.add(PrivacyRequest(kind="export", subject_user_id=user.id, requested_by=user.id, file_id=file_id))
        await session.flush()
        await _fill_what_is_empty(session)
        await record(session, "test.furnished", Subject("tenant", tenant_id), after={"name": "甲\\乙\n"})
    async with database.directory() as directory:
        directory.add(Membership(account_id=account.id, tenant_id=tenant_id, user_id=user.id))
    return Furnished(tenant_id, key, user.id, account.login, file_id)


async def _fill_what_is_empty(session: WriteSession) -> None:
    """A row in each table of the floors above, as any valid row looks."""
    rows: dict[str, dict[str, Any]] = {}
    for table in tenant_metadata.sorted_tables:
        if table.name in (*LEFT_OUT, *KEPT_AS_HISTORY, "audit_event"):
            continue
        found = await session.rows(select(table).where(session.within(table)).limit(1))
        if found:
            rows[table.name] = dict(found[0]._mapping)
            continue
        others: set[Any] = set()
        for made, row in new_rows(table, session.tenant_id, rows):
            if made.name == "tenant_user" and table.name != "approval_absence":  # which takes two people
                others.add(row["id"])
                continue  # what belongs to a person belongs to the one who is there
            row |= {name: rows["tenant_user"]["id"] for name, value in row.items() if _among(value, others)}
            if made.name == "client":  # whoever manages a client is not erased
                row |= {"owner_id": None, "deputy_id": None}
            for name, place in ENCRYPTED.get(made.name, {}).items():
                row[name] = session.vault.encrypt("秘密", place(session.tenant_id, {**row, "id": str(row["id"])}))
            await session.execute(insert(made).values(row))
            rows.setdefault(made.name, row)


def _among(value: Any, ids: set[Any]) -> bool:
    return isinstance(value, UUID) and value in ids


async def rows_of(database: Database, tenant_id: UUID, table: str) -> list[dict[str, Any]]:
    """All rows of an exported table, without the tenant's id, in order."""
    plan = next(plan for plan in exported_tables() if plan.name == table)
    async with database.read(tenant_id, TESTS, even_suspended=True) as session:
        rows = await session.rows(select(*plan.columns).where(session.within(plan.table)).order_by(*plan.key))
    return [dict(row._mapping) for row in rows]


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def archive_in(folder: Path) -> Path:
    """Where a test keeps its archive."""
    return folder / "导出 文件.zip"
