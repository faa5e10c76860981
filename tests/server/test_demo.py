"""The demo companies: made once, completed after a crash, and then left to whoever plays with them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import ColumnElement, and_, delete, func, select

from steward_core.clients.models import Client, Contact
from steward_core.imports.in_memory import take_rows
from steward_core.runs.service import RunTools
from steward_server import demo
from steward_server.refresh import UPGRADE, refresh_builtin_roles
from steward_tenants.access.models import Role, RoleAssignment, RolePermission
from steward_tenants.access.service import install_builtin_roles
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.directory.models import Tenant
from steward_tenants.files.store import LocalFileStore
from steward_tenants.people import membership
from steward_tenants.people.models import User, UserStatus
from steward_tenants.signin.opening import SignedIn
from steward_tenants.signin.service import sign_in
from tests.cluster import Addresses
from tests.factories import make_tenant

PASSWORD = "Quiet-Lantern-Meadow-2291"


async def test_the_demo_is_completed_after_a_crash_and_never_made_again(
    addresses: Addresses, worker_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"steward_demo_{worker_id}"
    addresses.clone(name)
    database = Database(addresses.settings(name))
    try:
        grant = demo._grant

        async def crash(*_: object) -> None:
            raise ConnectionError

        monkeypatch.setattr(demo, "_grant", crash)
        with pytest.raises(ConnectionError):
            await demo.ensure(database, PASSWORD)
        monkeypatch.setattr(demo, "_grant", grant)
        people = await demo.ensure(database, PASSWORD)
        assert len(people) == 15
        async with database.directory() as directory:
            tenant = await directory.find(Tenant, Tenant.key == "huaxin")
        assert tenant is not None
        async with database.read(tenant.id, demo.DEMO) as session:
            assert (
                await session.scalar(select(func.count(RoleAssignment.id)).where(session.within(RoleAssignment))) == 8
            )
            seller = await session.find(User, User.login == "zhao.ning@huaxin.example")
        assert seller is not None
        assert isinstance(await sign_in(database, seller.login, PASSWORD), SignedIn)

        await membership.disable_user(database, tenant.id, demo.DEMO, seller.id, today=date(2026, 11, 22))
        await demo.ensure(database, PASSWORD)
        async with database.read(tenant.id, demo.DEMO) as session:
            played_with = await session.get(User, seller.id)
        assert played_with is not None
        assert played_with.status == UserStatus.DISABLED
    finally:
        await database.dispose()
        addresses.drop(name)


async def test_the_demo_clients_are_taken_in_once_and_completed_after_a_crash(
    addresses: Addresses, worker_id: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = f"steward_demo_clients_{worker_id}"
    addresses.clone(name)
    database = Database(addresses.settings(name))
    tools = RunTools(LocalFileStore(tmp_path), tmp_path)
    taken: list[str] = []

    async def crash_at_facts(session: WriteSession, target: str, *rest: Any, **named: Any) -> Any:
        taken.append(target)
        if len(taken) == 3:
            raise ConnectionError
        return await take_rows(session, target, *rest, **named)

    try:
        monkeypatch.setattr("steward_server.demo_clients.take_rows", crash_at_facts)
        with pytest.raises(ConnectionError):
            await demo.ensure(database, PASSWORD, tools)
        monkeypatch.setattr("steward_server.demo_clients.take_rows", take_rows)
        await demo.ensure(database, PASSWORD, tools)
        telecom, tobacco = [await _counts(database, company.key) for company in demo.COMPANIES]
        assert 200 <= telecom["clients"] <= 500
        assert 200 <= tobacco["clients"] <= 500
        assert telecom["without owner"] == tobacco["without owner"] == 0
        assert tobacco["graded"] > 200
        await demo.ensure(database, PASSWORD, tools)
        assert [await _counts(database, company.key) for company in demo.COMPANIES] == [telecom, tobacco]
    finally:
        await database.dispose()
        addresses.drop(name)


async def _counts(database: Database, company: str) -> dict[str, int]:
    async with database.directory() as directory:
        tenant = await directory.find(Tenant, Tenant.key == company)
    assert tenant is not None
    async with database.read(tenant.id, demo.DEMO) as session:

        async def count(*conditions: ColumnElement[bool]) -> int:
            number: int = await session.scalar(select(func.count(Client.id)).where(session.within(Client), *conditions))
            return number

        return {
            "clients": await count(),
            "without owner": await count(Client.owner_id.is_(None)),
            "graded": await count(Client.tier.startswith("star_")),
            "contacts": await session.scalar(select(func.count(Contact.id)).where(session.within(Contact))),
        }


@pytest_asyncio.fixture(loop_scope="session")
async def own_database(addresses: Addresses, worker_id: str) -> AsyncIterator[Database]:
    """A database of the test's own: what it does concerns every tenant in it."""
    name = f"steward_roles_{worker_id}"
    addresses.clone(name)
    database = Database(addresses.settings(name))
    yield database
    await database.dispose()
    addresses.drop(name)


async def test_built_in_roles_get_what_a_new_version_adds(own_database: Database) -> None:
    database = own_database
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, UPGRADE) as session:
        await install_builtin_roles(session)
        await session.execute(
            delete(RolePermission)
            .where(session.within(RolePermission), RolePermission.permission == "clients.view")
            .execution_options(synchronize_session=False)
        )
    assert await refresh_builtin_roles(database) == 1
    async with database.read(tenant_id, demo.DEMO) as session:
        holders = set(
            await session.scalars(
                select(Role.key)
                .join(RolePermission, and_(session.within(RolePermission), RolePermission.role_id == Role.id))
                .where(session.within(Role), RolePermission.permission == "clients.view")
            )
        )
        before = await session.scalar(select(func.count(AuditEvent.id)).where(session.within(AuditEvent)))
    assert {"account_manager", "supervisor", "tenant_admin"} <= holders
    assert await refresh_builtin_roles(database) == 0
    async with database.read(tenant_id, demo.DEMO) as session:
        after = await session.scalar(select(func.count(AuditEvent.id)).where(session.within(AuditEvent)))
    assert after == before, "again changes nothing, and says nothing"
