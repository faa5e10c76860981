"""A grading computed by its job alone."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import func, select

from steward_core.forms.models import FormRecord
from steward_core.gradings.service import request_grading
from steward_tenants.database.database import Database
from tests.core.gradings.county import SCHEME, TODAY, fill_county, grading_of, make_county
from tests.core.runs.places import perform, run_now
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
