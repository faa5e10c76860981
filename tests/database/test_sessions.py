"""Sessions: one tenant each, read-only or writing, committed by the edge alone."""

from __future__ import annotations

import asyncio
import gc
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DataError, InternalError

from steward_tenants.database.database import Database
from steward_tenants.database.standings import STATUS_SECONDS
from steward_tenants.directory.models import Tenant, TenantStatus
from steward_tenants.errors import InvalidInput, TenantNotFound, TenantSuspended
from steward_tenants.organisation.models import OrgUnit
from tests.cluster import Addresses
from tests.factories import TESTS, make_tenant, make_unit


async def test_a_block_that_ends_well_commits_and_one_that_raises_does_not(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        kept = make_unit(session)

    async def fail() -> None:
        async with database.write(tenant_id, TESTS) as session:
            make_unit(session)
            await session.flush()
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    async with database.read(tenant_id, TESTS) as reading:
        assert await reading.scalars(select(OrgUnit.id).where(reading.within(OrgUnit))) == [kept.id]


async def test_a_read_session_cannot_write(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.read(tenant_id, TESTS) as session:
        with pytest.raises(InternalError, match="read-only"):
            await session.execute(
                update(OrgUnit).where(session.within(OrgUnit)).values(name="x"),
            )


async def test_a_statement_that_fails_inside_a_savepoint_leaves_a_reading_session_usable(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        make_unit(session)
    async with database.read(tenant_id, TESTS) as reading:
        with pytest.raises(DataError):
            async with reading.savepoint():
                await reading.scalar(select(1 / func.length("")))
        with pytest.raises(InternalError):
            async with reading.savepoint():
                await reading.execute(update(OrgUnit).where(reading.within(OrgUnit)).values(name="改"))
        assert await reading.scalar(select(func.count(OrgUnit.id)).where(reading.within(OrgUnit))) == 1


async def test_a_row_of_another_tenant_cannot_be_staged(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        with pytest.raises(ValueError, match="another tenant"):
            session.add(OrgUnit(tenant_id=uuid4(), code="X", name="x"))


async def test_suspension_is_felt_within_the_status_time(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.read(tenant_id, TESTS):
        pass
    async with database.directory() as directory:
        await directory.execute(update(Tenant).where(Tenant.id == tenant_id).values(status=TenantStatus.SUSPENDED))
    await asyncio.sleep(STATUS_SECONDS)
    with pytest.raises(TenantSuspended):
        async with database.read(tenant_id, TESTS):
            pass
    async with database.read(tenant_id, TESTS, even_suspended=True):
        pass


async def test_an_unknown_tenant_is_refused(database: Database) -> None:
    with pytest.raises(TenantNotFound):
        async with database.read(uuid4(), TESTS):
            pass


async def test_a_session_survives_the_loss_of_its_pooled_connection(
    database: Database, addresses: Addresses, database_name: str
) -> None:
    tenant_id = await make_tenant(database)
    async with database.read(tenant_id, TESTS), database.read(tenant_id, TESTS), database.read(tenant_id, TESTS):
        pass
    with psycopg.connect(addresses.superuser_dsn, autocommit=True) as superuser:
        superuser.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and usename = 'steward_app'",
            [database_name],
        )
    async with database.read(tenant_id, TESTS) as session:
        assert await session.scalar(text("select 1")) == 1
    gc.collect()  # complains about connections that were lost and left open


async def test_calls_after_commit_run_once_the_commit_is_durable(database: Database) -> None:
    tenant_id = await make_tenant(database)
    seen: list[int] = []
    async with database.write(tenant_id, TESTS) as session:
        make_unit(session)

        async def look() -> None:
            async with database.read(tenant_id, TESTS) as other:
                seen.extend(await other.scalars(select(func.count(OrgUnit.id)).where(other.within(OrgUnit))))

        session.after_commit(look)
        assert seen == []
    assert seen == [1]


async def test_a_call_after_the_commit_that_fails_hinders_nobody(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    tenant_id = await make_tenant(database)
    ran: list[str] = []

    async def fail() -> None:
        raise RuntimeError("张三 13800000000")

    async def ring() -> None:
        ran.append("rung")

    async with database.write(tenant_id, TESTS) as session:
        session.after_commit(fail)
        session.after_commit(ring)
        make_unit(session)
    assert ran == ["rung"]
    assert "RuntimeError" in caplog.text
    assert "张三" not in caplog.text
    async with database.read(tenant_id, TESTS) as reading:
        assert await reading.scalar(select(func.count(OrgUnit.id)).where(reading.within(OrgUnit))) == 1


@pytest.mark.parametrize("text_", ["a\0b", "a\ud800b"], ids=["nul", "half a pair"])
async def test_text_that_cannot_be_stored_is_the_senders_error(database: Database, text_: str) -> None:
    tenant_id = await make_tenant(database)
    with pytest.raises(InvalidInput):
        async with database.write(tenant_id, TESTS) as session:
            make_unit(session, name=text_)
    with pytest.raises(InvalidInput):
        async with database.read(tenant_id, TESTS) as reading:
            await reading.scalars(select(OrgUnit.id).where(reading.within(OrgUnit), OrgUnit.name == text_))
    with pytest.raises(InvalidInput):
        async with database.directory() as directory:
            await directory.find(Tenant, Tenant.key == text_)
    with pytest.raises(InvalidInput), database.blocking(tenant_id, TESTS) as blocking:
        blocking.find(OrgUnit, OrgUnit.name == text_)
    async with database.write(tenant_id, TESTS) as session:
        assert await session.scalar(select(func.count(OrgUnit.id)).where(session.within(OrgUnit))) == 0


async def test_numbers_and_texts_out_of_range_are_the_senders_error(database: Database) -> None:
    tenant_id = await make_tenant(database)
    for statement in ("select cast(:value as numeric)::bigint", "select cast(:value as text)::jsonb->>'a'"):
        value: object = 10**30 if "numeric" in statement else '{"a": "\\u0000"}'
        with pytest.raises(InvalidInput):
            async with database.read(tenant_id, TESTS) as reading:
                await reading.execute(text(statement), {"value": value})
    with pytest.raises(DataError):
        async with database.read(tenant_id, TESTS) as reading:
            await reading.execute(text("select 1 / 0"))


def test_the_blocking_session_works_in_its_tenant_alone(database: Database) -> None:
    with database.blocking(uuid4(), TESTS) as session:
        assert session.find(OrgUnit) is None
