"""A month's plans as a file: what is in reach, on record."""

from __future__ import annotations

from datetime import date
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import select

from steward_core.permissions import CLIENTS_EXPORT, PLANS_VIEW
from steward_core.plans.export import PlanExport, export_plans
from steward_core.plans.generation import generate
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden
from tests.core.plans.worlds import NOVEMBER, make_team
from tests.factories import TESTS, actor_with

DAY = date(2026, 11, 3)


async def test_an_export_holds_the_actions_in_reach_and_is_on_record(database: Database) -> None:
    team = await make_team(database)
    async with database.write(team.tenant, TESTS) as session:
        await generate(session, NOVEMBER)

    async def lines(actor: Actor, **values: Any) -> list[str]:
        target = BytesIO()
        request = PlanExport(**{"month": DAY, "format": "csv", **values})
        report = await export_plans(database, team.tenant, actor, request, target, today=DAY)
        found = target.getvalue().decode("utf-8-sig").splitlines()
        assert report.rows == len(found) - 1
        return found

    own = actor_with(PLANS_VIEW, CLIENTS_EXPORT, scope=Scope.OWN, user=team.manager)
    heading, *rows = await lines(own)
    assert heading.startswith("机构,客户经理,计划状态,标记,客户编码")
    assert len(rows) == 3
    assert all("待提交,☆" in row and "每户最低频次" in row for row in rows)
    assert "planned,☆" in (await lines(own, locale="en", owner_ids=(team.manager.id,)))[1]
    assert len(await lines(own, states=("approved",))) == 1
    assert len(await lines(actor_with(PLANS_VIEW, CLIENTS_EXPORT, scope=Scope.OWN, user=team.stranger))) == 1
    with pytest.raises(Forbidden):
        await lines(actor_with(PLANS_VIEW))
    async with database.read(team.tenant, TESTS) as reading:
        events = await reading.scalars(
            select(AuditEvent.changes).where(reading.within(AuditEvent), AuditEvent.action == "read.export")
        )
        assert sorted(event["rows"][1] for event in events) == [0, 0, 3, 3]
