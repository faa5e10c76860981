"""Making, suspending, resuming tenants, and who may."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from steward_tenants.access.models import Role, RoleAssignment
from steward_tenants.access.permissions import EXPORT_TENANT, PEOPLE_VIEW, SETTINGS_MANAGE
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import ActorKind
from steward_tenants.database.database import Database
from steward_tenants.directory.models import Membership, PlatformEvent, Tenant, TenantStatus
from steward_tenants.errors import Forbidden, InvalidInput, TenantNotFound, TenantSuspended
from steward_tenants.files.service import release
from steward_tenants.files.store import LocalFileStore
from steward_tenants.lifecycle.archive import open_archive
from steward_tenants.lifecycle.errors import TenantKeyTaken, TenantNotReady
from steward_tenants.lifecycle.service import (
    Created,
    Founder,
    create_tenant,
    export_into_files,
    resume_tenant,
    suspend_tenant,
)
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User
from tests.factories import TESTS, actor_with, make_tenant
from tests.lifecycle.tenants import OPERATOR, furnished_tenant


def founders() -> dict[str, Founder]:
    mark = uuid4().hex[:10]
    return {
        "admin": Founder(f"Admin-{mark}@example.test", "欧阳𠮷"),
        "security_admin": Founder(f"safety-{mark}@example.test", "司马安😀"),
    }


async def make(database: Database, **values: object) -> Created:
    given = {"key": f"c{uuid4().hex[:12]}", "name": "示例电信公司", **founders(), **values}
    return await create_tenant(database, OPERATOR, **given)  # type: ignore[arg-type]


async def test_a_new_tenant_has_a_root_roles_and_two_people_with_separate_duties(database: Database) -> None:
    made = await make(database, locale="en", time_zone="Asia/Urumqi", allowed_origins=("https://a.example",))
    assert (made.tenant.status, made.tenant.locale) == (TenantStatus.ACTIVE, "en")
    async with database.read(made.tenant.id, TESTS) as session:
        assert await session.scalars(select(OrgUnit.name).where(session.within(OrgUnit))) == ["示例电信公司"]
        held = await session.rows(
            select(RoleAssignment.user_id, Role.key)
            .join(Role, session.within(Role) & (Role.id == RoleAssignment.role_id))
            .where(session.within(RoleAssignment))
        )
        people = await session.scalars(select(User).where(session.within(User)))
    assert {tuple(row) for row in held} == {
        (made.admin_id, "tenant_admin"),
        (made.security_admin_id, "security_admin"),
    }
    assert {user.status for user in people} == {"invited"}
    async with database.directory() as directory:
        members = select(func.count()).where(Membership.tenant_id == made.tenant.id)
        assert await directory.scalar(members) == 2


async def test_every_bad_field_of_a_new_tenant_is_named_at_once(database: Database) -> None:
    same = Founder("one@example.test", "甲")
    with pytest.raises(InvalidInput) as refused:
        await make(
            database,
            key="Bad Key",
            name=" ",
            locale="fr",
            time_zone="Mars/Base",
            allowed_origins=("http://a.example", "https://*.example"),
            admin=same,
            security_admin=replace(same, name=""),
        )
    assert {".".join(problem.path) for problem in refused.value.problems} == {
        "key",
        "name",
        "locale",
        "time_zone",
        "allowed_origins.0",
        "allowed_origins.1",
        "security_admin.name",
        "security_admin.login",
    }


async def test_a_taken_key_is_refused_and_creation_is_for_operators(database: Database) -> None:
    made = await make(database)
    with pytest.raises(TenantKeyTaken):
        await make(database, key=made.tenant.key)
    with pytest.raises(Forbidden):
        await create_tenant(database, actor_with(SETTINGS_MANAGE), key="nobody", name="x", **founders())  # type: ignore[arg-type]


@pytest.mark.parametrize("step", ["install_builtin_roles", "tenant_row"])
async def test_a_creation_that_was_cut_off_lets_nobody_in_and_a_repeat_completes_it(
    database: Database, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    given = {"key": f"c{uuid4().hex[:12]}", **founders()}
    with monkeypatch.context() as patch:

        async def die(*_args: object, **_named: object) -> None:
            raise ConnectionResetError

        patch.setattr(f"steward_tenants.lifecycle.service.{step}", die)
        with pytest.raises(ConnectionResetError):
            await make(database, **given)
    async with database.directory() as directory:
        half = await directory.find(Tenant, Tenant.key == given["key"])
        assert half is not None
    with pytest.raises(TenantSuspended):
        async with database.read(half.id, TESTS):
            pass
    with pytest.raises(TenantNotReady):
        await resume_tenant(database, half.id, OPERATOR)
    made = await make(database, **given)
    assert (made.tenant.id, made.tenant.status) == (half.id, TenantStatus.ACTIVE)
    async with database.read(half.id, TESTS) as session:
        for table, count in ((OrgUnit, 1), (User, 2), (RoleAssignment, 2)):
            found = select(func.count()).select_from(table).where(session.within(table))
            assert await session.scalar(found) == count


async def test_suspending_and_resuming_is_felt_and_stands_on_both_records(database: Database) -> None:
    tenant_id = await make_tenant(database)
    suspended = await suspend_tenant(database, tenant_id, OPERATOR, reason="合同到期")
    assert (suspended.status, suspended.status_reason) == (TenantStatus.SUSPENDED, "合同到期")
    with pytest.raises(TenantSuspended):
        async with database.write(tenant_id, TESTS):
            pass
    await suspend_tenant(database, tenant_id, OPERATOR, reason="again")
    resumed = await resume_tenant(database, tenant_id, OPERATOR, reason="已续约")
    assert (resumed.status, resumed.status_reason) == (TenantStatus.ACTIVE, None)
    async with database.read(tenant_id, TESTS) as session:
        events = await session.rows(
            select(AuditEvent.action, AuditEvent.actor_kind, AuditEvent.reason)
            .where(session.within(AuditEvent))
            .order_by(AuditEvent.at)
        )
    assert [tuple(event) for event in events] == [
        ("tenant.suspend", ActorKind.OPERATOR.value, "合同到期"),
        ("tenant.resume", ActorKind.OPERATOR.value, "已续约"),
    ]
    async with database.directory() as directory:
        actions = await directory.scalars(
            select(PlatformEvent.action).where(PlatformEvent.tenant_id == tenant_id).order_by(PlatformEvent.at)
        )
    assert actions == ["tenant.suspend", "tenant.resume"]


async def test_suspending_is_for_operators_and_needs_a_tenant(database: Database) -> None:
    tenant_id = await make_tenant(database)
    with pytest.raises(Forbidden):
        await suspend_tenant(database, tenant_id, actor_with(SETTINGS_MANAGE), reason="x")
    with pytest.raises(TenantNotFound):
        await suspend_tenant(database, "no-such-tenant", OPERATOR, reason="x")


async def test_a_tenant_admin_fetches_an_export_from_the_file_store(database: Database, store: LocalFileStore) -> None:
    tenant = await furnished_tenant(database, store)
    admin = actor_with(EXPORT_TENANT)
    row = await export_into_files(database, store, tenant.id, admin)
    async with database.write(tenant.id, admin) as session:
        assert (await release(session, row.id)).size == row.size
        assert session.audited == ["read.file"]
    path = store.root / "copy.zip"
    path.write_bytes(b"".join([chunk async for chunk in store.read(tenant.id, row.id)]))
    with open_archive(path) as reader:
        reader.verify()
    with pytest.raises(Forbidden):
        await export_into_files(database, store, tenant.id, actor_with(PEOPLE_VIEW))
