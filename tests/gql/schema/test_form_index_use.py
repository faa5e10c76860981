"""Filters by indexed form fields over thousands of records: the field index answers, and answers the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from typing import Any
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio
from graphql import parse
from psycopg import AsyncRawCursor
from sqlalchemy import insert

from steward_core.custom_fields.models import FieldIndexEntry
from steward_core.forms.indexing import index_path
from steward_core.forms.models import FormRecord
from steward_core.industry.registry import registered
from steward_graphql.compiler.compile import compile_query
from steward_graphql.compiler.operation import select_operation
from steward_graphql.compiler.plan import Execution
from steward_graphql.declared.api import Api
from steward_graphql.schema.registry import Registry
from steward_tenants.access.symbolic import standing_of
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from tests.cluster import Addresses
from tests.factories import TESTS, make_tenant
from tests.gql.schema.shelf import KEY
from tests.gql.schema.test_registry import Sorts
from tests.statement_watch import unwatched

RECORDS = 3_000


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """The API of the plugin that has every sort of field."""
    with registered(Sorts()):
        yield Registry().api_for({"sorts"})


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tenant_id(database: Database, addresses: Addresses, database_name: str) -> UUID:
    """A tenant with 3,000 records: names `n0` to `n999`, each three times, and numbers 0 to 2,999."""
    made = await make_tenant(database)
    ids = [new_id() for _ in range(RECORDS)]
    common = {
        "tenant_id": made,
        "plugin": "sorts",
        "form": KEY,
        "form_version": 2,
        "subject_kind": "client",
        "state": "filed",
        "title": "记录",
        "custom": {},
        "created_by": TESTS.id,
        "updated_by": TESTS.id,
    }
    entry = {"tenant_id": made, "position": 0, "text_value": None, "integer_value": None, "time_value": None}
    records, entries = [], []
    for n, row_id in enumerate(ids):
        document = {"name": f"n{n % 1_000}", "big": n}
        records.append({**common, "id": row_id, "subject_id": new_id(), "document": document})
        entries.append({**entry, "row_id": row_id, "field": index_path(KEY, "name"), "text_value": document["name"]})
        entries.append({**entry, "row_id": row_id, "field": index_path(KEY, "big"), "integer_value": n})
    async with database.write(made, TESTS) as session:
        sent = await session.connection()
        await sent.execute(insert(FormRecord), records)
        await sent.execute(insert(FieldIndexEntry), entries)
    with psycopg.connect(addresses.superuser(database_name), autocommit=True) as connection:
        connection.execute("analyze app.form_record, app.field_index")
    return made


class Asking:
    """Runs a document's statement, and explains it."""

    def __init__(self, database: Database, api: Api, tenant_id: UUID) -> None:
        self._database, self._api, self._tenant_id = database, api, tenant_id

    async def rows(self, text: str, head: bytes = b"") -> list[Any]:
        """What the statement gives behind `head`, as the application's role under row-level security."""
        operation = select_operation(parse(text), sha256(text.encode()).hexdigest(), None)
        standing = standing_of(TESTS)
        plan = compile_query(self._api, operation, {}, standing.profile)
        execution = Execution(self._tenant_id, standing, date(2026, 11, 5), {}, (), "nonce")
        values = [None if one is None else one.decode() for one in plan.parameters(execution)]
        async with self._database.read(self._tenant_id, TESTS) as session:
            raw = await (await session.connection()).get_raw_connection()
            driver: Any = raw.driver_connection
            async with AsyncRawCursor(driver) as cursor:
                with unwatched("EXPLAIN of a statement that was built for this tenant"):
                    await cursor.execute(head + plan.sql, values)
                return [row[0] for row in await cursor.fetchall()]


@pytest.fixture
def asking(database: Database, api: Api, tenant_id: UUID) -> Asking:
    return Asking(database, api, tenant_id)


def listed(condition: str) -> str:
    return (
        f"{{ sortsEveryThings(first: 50, filter: {condition}, orderBy: [{{field: BIG}}]) {{ nodes {{ name big }} }} }}"
    )


@pytest.mark.parametrize(
    ("condition", "index", "numbers"),
    [
        ('{name: {eq: "n7"}}', "text", [7, 1_007, 2_007]),
        ('{name: {in: ["n7", "n8"]}}', "text", [7, 8, 1_007, 1_008, 2_007, 2_008]),
        ('{big: {eq: "12"}}', "integer", [12]),
        ('{big: {gte: "2998"}}', "integer", [2_998, 2_999]),
        ('{big: {lt: "2"}, name: {eq: "n1"}}', "integer", [1]),
    ],
)
async def test_the_index_answers_and_answers_the_same(
    asking: Asking, condition: str, index: str, numbers: list[int]
) -> None:
    told = "".join(f'{{"name":"n{n % 1_000}","big":"{n}"}},' for n in numbers)[:-1]
    assert await asking.rows(listed(condition)) == [f'{{"nodes":[{told}]}}']
    plan = "\n".join(await asking.rows(listed(condition), b"explain "))
    assert f"ix_field_index_{index}" in plan, plan
    assert "Seq Scan on field_index" not in plan


async def test_form_fields_order_a_list(asking: Asking) -> None:
    text = """{ sortsEveryThings(first: 3, orderBy: [{field: NAME, direction: DESC}, {field: BIG, direction: DESC}])
      { nodes { name big } } }"""
    told = ",".join(f'{{"name":"n999","big":"{n}"}}' for n in (2_999, 1_999, 999))
    assert await asking.rows(text) == [f'{{"nodes":[{told}]}}']
