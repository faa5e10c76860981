"""A grading computed by its job alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import func, select

from steward_core.forms.models import FormRecord
from steward_core.gradings import runner
from steward_core.gradings.service import request_grading
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from tests.cluster import Addresses
from tests.core.gradings.county import SCHEME, TODAY, fill_county, grading_of, make_county
from tests.core.runs.places import perform, perform_all, run_now
from tests.factories import TESTS


async def test_a_grading_by_its_job(database: Database, tmp_path: Path) -> None:
    county = await make_county(database, 12)
    await fill_county(database, county)
    async with database.write(county.tenant_id, TESTS) as session:
        grading, run = await request_grading(session, SCHEME, county.unit_id, today=TODAY)
    assert await perform(database, county.tenant_id, tmp_path) >= 1
    done = await run_now(database, county.tenant_id, run.id)
    assert (done.status, done.done, done.attempts) == ("done", 12, 1)
    assert (await grading_of(database, county, grading.id)).status == "preview"
    async with database.read(county.tenant_id, TESTS) as session:
        records = select(func.count()).select_from(FormRecord).where(session.within(FormRecord))
        assert await session.scalar(records) == 12
    assert await perform(database, county.tenant_id, tmp_path) == 0


async def test_a_connection_that_is_lost_is_no_fault_of_the_scheme(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, addresses: Addresses, database_name: str
) -> None:
    county = await make_county(database, 3)
    await fill_county(database, county)
    async with database.write(county.tenant_id, TESTS) as session:
        grading, run = await request_grading(session, SCHEME, county.unit_id, today=TODAY)
    read = runner._fresh
    lost: list[int] = []

    async def dying(session: WriteSession, *rest: Any) -> Any:
        if not lost:
            lost.append(await session.scalar(select(func.pg_backend_pid())))
            with psycopg.connect(addresses.superuser(database_name), autocommit=True) as superuser:
                superuser.execute("select pg_terminate_backend(%s, 5000)", lost)
        return await read(session, *rest)

    monkeypatch.setattr(runner, "_fresh", dying)
    await perform(database, county.tenant_id, tmp_path)
    assert lost
    assert (await run_now(database, county.tenant_id, run.id)).status == "running"
    await perform_all(database, county.tenant_id, tmp_path)
    done = await run_now(database, county.tenant_id, run.id)
    assert (done.status, done.done, done.attempts, done.error) == ("done", 3, 1, None)
    assert (await grading_of(database, county, grading.id)).status == "preview"
