"""What the engine hands on besides arguments: the tenant's zone."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from steward_core.permissions import CLIENTS_VIEW
from steward_graphql.execution.engine import Engine
from steward_tenants.database.database import Database
from tests.core.factories import make_client
from tests.factories import TESTS, make_member, make_tenant
from tests.gql.execution.conftest import Shop
from tests.gql.execution.test_engine import ask


@pytest.mark.parametrize(
    ("zone", "days"), [("Asia/Shanghai", {"2026-11-05": 1, "2026-11-06": 1}), ("America/New_York", {"2026-11-05": 2})]
)
async def test_moments_are_grouped_by_the_tenants_days(
    engine: Engine, database: Database, zone: str, days: dict[str, int]
) -> None:
    """23:30 and 00:30 of Shanghai's midnight are one morning in New York."""
    tenant_id = await make_tenant(database, time_zone=zone)
    async with database.write(tenant_id, TESTS) as session:
        for hour in (15, 16):
            make_client(session, created_at=datetime(2026, 11, 5, hour, 30, tzinfo=UTC))
    shop = Shop(tenant_id, await make_member(database, tenant_id), uuid4(), [])
    found = await ask(
        engine, shop.caller(CLIENTS_VIEW), "{ clients { groups(by: [CREATED_AT_DAY]) { key { createdAt } count } } }"
    )
    assert {one["key"]["createdAt"]: one["count"] for one in found["data"]["clients"]["groups"]} == days
