"""The demo data are taken in by the imports, and a county of them can be graded."""

from __future__ import annotations

from steward_core.imports.in_memory import take_rows
from steward_core.industry.declarations import DemoWorld
from steward_core.industry.service import enable
from steward_tenants.database.database import Database
from steward_tobacco.demo import demo
from tests.core.gradings.county import TODAY, County, graded
from tests.factories import TESTS, make_tenant, make_unit


async def test_demo_data_are_taken_in_and_graded(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        await enable(session, "tobacco")
        unit = make_unit(session, code="C1")
    some: set[str] = set()
    for target, rows in demo(DemoWorld(TODAY, ("C1",), ())).items():
        if target == "client":
            some = {str(row["code"]) for row in rows[:25]}
        taken = [row for row in rows if row.get("client", row.get("code")) in some]
        if taken:
            async with database.write(tenant_id, TESTS) as session:
                await take_rows(session, target, taken, today=TODAY)
    grading = await graded(database, County(tenant_id, unit.id, ()))
    assert grading.counts["clients"] == 25
    assert len(grading.counts["stars"]) > 1
