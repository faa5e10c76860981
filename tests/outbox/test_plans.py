"""Finding the next job reads what is due, however many jobs are over or wait for later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import insert
from sqlalchemy.dialects import postgresql

from steward_tenants.database.database import Database
from steward_tenants.database.signing import TENANT_SETTING
from steward_tenants.outbox import performing
from steward_tenants.outbox.jobs import JobTools, Queue
from steward_tenants.outbox.models import OutboxJob
from steward_tenants.outbox.performing import perform_next
from tests.cluster import Addresses
from tests.factories import TESTS, make_tenant
from tests.outbox.conftest import KindMaker


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes of a plan, the top one first."""
    return [plan, *(node for below in plan.get("Plans", ()) for node in nodes(below))]


async def test_a_claim_reads_one_row(
    database: Database, tools: JobTools, kind: KindMaker, addresses: Addresses, database_name: str
) -> None:
    tenant_id, now = await make_tenant(database), datetime.now(UTC)
    rows = [
        {"status": status, "due": now + wait, "done_at": now if status == "done" else None}
        for status, wait in (("done", timedelta(hours=-1)), ("waiting", timedelta(hours=1)), ("dead", timedelta(0)))
        for _ in range(2_000)
    ]
    async with database.write(tenant_id, TESTS) as session:
        columns = {"tenant_id": tenant_id, "queue": "normal", "kind": "tests.kind"}
        await session.execute(insert(OutboxJob), [{**columns, **row} for row in rows])
        await session.execute(insert(OutboxJob), [{**columns, "due": now}])
    async with database.write(tenant_id, TESTS) as session:
        statement = performing._of_due(session, OutboxJob.queue == Queue.NORMAL.value)
    compiled = statement.compile(dialect=postgresql.dialect(paramstyle="pyformat"))  # type: ignore[no-untyped-call]
    with psycopg.connect(addresses.superuser(database_name), autocommit=True) as connection:
        connection.execute("vacuum analyze app.outbox_job")
        with connection.transaction():
            connection.execute("set local role steward_app")
            connection.execute("select set_config(%s, %s, true)", [TENANT_SETTING, database.signer.token(tenant_id)])
            asked = f"explain (analyze, format json) {compiled}".encode()
            answer = connection.execute(asked, compiled.params).fetchone()
    assert answer is not None
    plan = nodes(answer[0][0]["Plan"])
    (scan,) = [node for node in plan if node.get("Index Name", "").startswith("ix_outbox_job")]
    assert scan["Index Name"] == "ix_outbox_job_waiting"
    assert "due" in scan["Index Cond"]
    assert (scan["Actual Rows"], scan.get("Rows Removed by Filter", 0)) == (1, 0)

    async def nothing(*_: object) -> None:
        pass

    kind(nothing)
    assert await perform_next(database, tenant_id, Queue.NORMAL, tools) is not None
    assert await perform_next(database, tenant_id, Queue.NORMAL, tools) is None
