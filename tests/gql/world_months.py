"""Rows of months in the world."""

from __future__ import annotations

from datetime import date

from steward_core.months.models import BusinessMonth, MonthStatus
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from tests.gql.world import Tenant
from tests.gql.world_forms import MOMENT, added


async def fill(session: WriteSession, tenant: Tenant) -> None:
    """A closed month and an open one."""
    for month, status in ((date(2026, 2, 1), MonthStatus.CLOSED), (date(2026, 3, 1), MonthStatus.OPEN)):
        closed = status is MonthStatus.CLOSED
        boss = tenant.people["boss"].id
        row = BusinessMonth(
            id=new_id(),
            month=month,
            status=status,
            opened_at=MOMENT,
            opened_by=boss,
            closed_at=MOMENT if closed else None,
            closed_by=boss if closed else None,
            figures={"plans": 3},
        )
        added(session, tenant, row)
