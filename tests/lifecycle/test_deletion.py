"""Deletion: shut, exported, kept for a while, then gone, and nothing of others with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError

from steward_tenants.audit.sealer import Sealer
from steward_tenants.database.database import Database
from steward_tenants.database.signing import TENANT_SETTING
from steward_tenants.directory.models import Account, Membership, PlatformEvent, Tenant, TenantStatus
from steward_tenants.errors import InvalidInput, TenantNotFound, TenantSuspended
from steward_tenants.files.store import LocalFileStore
from steward_tenants.lifecycle.archive import open_archive
from steward_tenants.lifecycle.deletion import due_for_purge, purge_tenant, request_deletion
from steward_tenants.lifecycle.errors import DeletionTooSoon, DeletionUnderWay, TenantNotReady
from steward_tenants.lifecycle.service import resume_tenant
from tests.cluster import Addresses
from tests.factories import TESTS, make_tenant
from tests.lifecycle.tenants import OPERATOR, Furnished, furnished_tenant


def rows_by_table(dsn: str, tenant_id: UUID) -> dict[str, int]:
    """Every table of the database with a column `tenant_id`, seen past all walls: rows of this tenant."""
    found: dict[str, int] = {}
    with psycopg.connect(dsn) as connection:
        tables = connection.execute(
            "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'"
            " where c.relkind in ('r', 'p') and n.nspname in ('app', 'directory', 'steward')"
        ).fetchall()
        for (table,) in tables:
            row = connection.execute(f"select count(*) from {table} where tenant_id = %s", [tenant_id]).fetchone()
            assert row is not None
            if row[0]:
                found[table] = row[0]
    return found


async def let_grace_pass(database: Database, tenant_id: UUID) -> None:
    async with database.directory() as directory:
        await directory.execute(
            update(Tenant).where(Tenant.id == tenant_id).values(delete_after=datetime.now(UTC) - timedelta(seconds=5))
        )


@pytest.fixture
def superuser(addresses: Addresses, database_name: str) -> str:
    return addresses.superuser(database_name).replace("postgresql+psycopg", "postgresql")


async def deletable(database: Database, store: LocalFileStore, folder: Path) -> Furnished:
    tenant = await furnished_tenant(database, store)
    await Sealer(database, upkeep=False).seal_once()
    facts, exported = await request_deletion(database, store, tenant.id, OPERATOR, folder, reason="解约")
    assert facts.status == TenantStatus.DELETING
    assert facts.delete_after is not None
    assert facts.delete_after > datetime.now(UTC) + timedelta(days=29)
    with open_archive(exported.path) as reader:
        reader.verify()
    return tenant


async def test_a_deleted_tenant_is_gone_everywhere_and_others_are_as_they_were(
    database: Database, store: LocalFileStore, tmp_path: Path, superuser: str
) -> None:
    other = await furnished_tenant(database, store)
    tenant = await deletable(database, store, tmp_path)
    other_before = rows_by_table(superuser, other.id)
    assert rows_by_table(superuser, tenant.id)["directory.audit_anchor"]
    with pytest.raises(TenantSuspended):
        async with database.read(tenant.id, TESTS):
            pass
    with pytest.raises(DeletionTooSoon):
        await purge_tenant(database, store, tenant.id, OPERATOR)
    assert tenant.id not in await due_for_purge(database)
    await let_grace_pass(database, tenant.id)
    assert tenant.id in await due_for_purge(database)
    purged = await purge_tenant(database, store, tenant.key, OPERATOR)
    assert purged.rows["tenant_user"] == 2
    assert set(rows_by_table(superuser, tenant.id)) == {"directory.platform_event"}
    assert rows_by_table(superuser, other.id) == other_before
    assert [path.name for path in store.root.iterdir()] == [str(other.id)]
    async with database.directory() as directory:
        assert await directory.scalar(select(func.count()).where(Account.login == tenant.login)) == 0
        actions = await directory.scalars(
            select(PlatformEvent.action).where(PlatformEvent.tenant_id == tenant.id).order_by(PlatformEvent.at)
        )
    assert actions[-2:] == ["tenant.purge_begun", "tenant.purged"]
    with pytest.raises(TenantNotFound):
        async with database.read(tenant.id, TESTS):
            pass


async def test_people_of_two_tenants_keep_their_account(
    database: Database, store: LocalFileStore, tmp_path: Path
) -> None:
    tenant = await deletable(database, store, tmp_path)
    other = await make_tenant(database)
    async with database.directory() as directory:
        account = await directory.find(Account, Account.login == tenant.login)
        assert account is not None
        directory.add(Membership(account_id=account.id, tenant_id=other, user_id=tenant.user_id))
    await let_grace_pass(database, tenant.id)
    await purge_tenant(database, store, tenant.id, OPERATOR)
    async with database.directory() as directory:
        assert await directory.scalars(select(Membership.tenant_id).where(Membership.account_id == account.id)) == [
            other
        ]


async def test_within_the_grace_period_a_tenant_comes_back(
    database: Database, store: LocalFileStore, tmp_path: Path, superuser: str
) -> None:
    tenant = await furnished_tenant(database, store)
    await request_deletion(database, store, tenant.id, OPERATOR, tmp_path)
    with pytest.raises(TenantNotReady):
        await request_deletion(database, store, tenant.id, OPERATOR, tmp_path)
    facts = await resume_tenant(database, tenant.id, OPERATOR)
    assert (facts.status, facts.delete_after) == (TenantStatus.ACTIVE, None)
    with pytest.raises(TenantNotReady):
        await purge_tenant(database, store, tenant.id, OPERATOR)
    assert rows_by_table(superuser, tenant.id)["app.tenant_user"] == 2


async def test_the_grace_period_has_bounds(database: Database, store: LocalFileStore, tmp_path: Path) -> None:
    tenant_id = await make_tenant(database)
    for days in (0, 29, 5000):
        with pytest.raises(InvalidInput):
            await request_deletion(database, store, tenant_id, OPERATOR, tmp_path, grace_days=days)
    async with database.read(tenant_id, TESTS):
        pass


async def test_a_deletion_whose_export_fails_can_be_repeated_and_erases_nothing(
    database: Database, store: LocalFileStore, tmp_path: Path
) -> None:
    tenant = await furnished_tenant(database, store)
    with pytest.raises(FileNotFoundError):
        await request_deletion(database, store, tenant.id, OPERATOR, tmp_path / "nowhere")
    with pytest.raises(DeletionTooSoon):
        await purge_tenant(database, store, tenant.id, OPERATOR)
    facts, _ = await request_deletion(database, store, tenant.id, OPERATOR, tmp_path)
    assert facts.delete_after is not None


async def test_a_purge_that_was_cut_off_only_goes_forward(
    database: Database, store: LocalFileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, superuser: str
) -> None:
    tenant = await deletable(database, store, tmp_path)
    await let_grace_pass(database, tenant.id)
    with monkeypatch.context() as patch:

        async def die(*_args: object) -> None:
            raise ConnectionResetError

        patch.setattr(store, "remove_tenant", die)
        with pytest.raises(ConnectionResetError):
            await purge_tenant(database, store, tenant.id, OPERATOR)
    with pytest.raises(DeletionUnderWay):
        await resume_tenant(database, tenant.id, OPERATOR)
    await purge_tenant(database, store, tenant.id, OPERATOR)
    assert set(rows_by_table(superuser, tenant.id)) == {"directory.platform_event"}


async def call_purge(database: Database, tenant_id: UUID, presented: UUID | None) -> Any:
    async with database.directory() as directory:
        if presented is not None:
            token = database.signer.token(presented)
            await directory.execute(select(func.set_config(TENANT_SETTING, token, True)))
        return await directory.scalar(select(func.steward.purge_tenant(tenant_id, "tenant_user", 10)))


async def test_the_erasing_function_wants_both_proofs(
    database: Database, store: LocalFileStore, tmp_path: Path
) -> None:
    other = await furnished_tenant(database, store)
    tenant = await deletable(database, store, tmp_path)
    with pytest.raises(DBAPIError, match="not due"):
        await call_purge(database, tenant.id, tenant.id)
    await let_grace_pass(database, tenant.id)
    for presented in (None, other.id):
        with pytest.raises(DBAPIError, match="signed tenant"):
            await call_purge(database, tenant.id, presented)
    with pytest.raises(DBAPIError, match="not due"):
        await call_purge(database, other.id, other.id)
    async with database.write(tenant.id, TESTS, even_suspended=True) as session:
        with pytest.raises(DBAPIError, match="permission denied"):
            await session.execute(text("select steward.purge_tenant(:t, 'role', 1)"), {"t": tenant.id})
        await session._orm.rollback()
