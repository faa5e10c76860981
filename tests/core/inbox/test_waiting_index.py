"""What waits for a decision is found by its index, not by going through every record."""

from __future__ import annotations

from typing import Any

import psycopg
from sqlalchemy import insert

from steward_core.forms.models import FormRecord
from steward_core.inbox.items import InboxKind
from steward_core.inbox.sources import sources
from steward_core.permissions import FORMS_EDIT, FORMS_VIEW
from steward_tenants.access.queries import today
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from tests.cluster import Addresses
from tests.factories import TESTS, actor_with, make_member, make_tenant
from tests.statement_watch import unwatched

FORMS = ("tobacco.volume_request", "telecom.discount_request")


async def test_submitted_records_are_found_by_index(
    database: Database, addresses: Addresses, database_name: str
) -> None:
    tenant_id = await make_tenant(database)
    decider = await make_member(database, tenant_id)
    rows: list[dict[str, Any]] = [
        {
            "tenant_id": tenant_id,
            "id": new_id(),
            "plugin": FORMS[place % 2].partition(".")[0],
            "form": FORMS[place % 2],
            "form_version": 1,
            "subject_kind": "client",
            "subject_id": new_id(),
            "state": "submitted" if place % 1_000 == 0 else "approved",
            "title": "申请",
            "document": {},
            "custom": {},
            "created_by": TESTS.id,
            "updated_by": TESTS.id,
        }
        for place in range(5_000)
    ]
    async with database.write(tenant_id, TESTS) as session:
        await (await session.connection()).execute(insert(FormRecord), rows)
    with psycopg.connect(addresses.superuser(database_name), autocommit=True) as connection:
        connection.execute("analyze app.form_record")
    actor = actor_with(FORMS_EDIT, FORMS_VIEW, scope=Scope.ALL, user=decider)
    async with database.read(tenant_id, actor) as session:
        statement = sources(session, today("Asia/Shanghai"), dict.fromkeys(FORMS, ("submitted",)), ())[
            InboxKind.FORM_APPROVAL
        ]
        sent = await session.connection()
        compiled = statement.compile(dialect=sent.dialect, compile_kwargs={"render_postcompile": True})
        with unwatched("EXPLAIN of a statement that was built for this tenant"):
            told = await sent.exec_driver_sql("explain " + compiled.string, compiled.params)
        plan = "\n".join(row[0] for row in told)
    assert "ix_form_record_tenant_id_submitted" in plan, plan
