"""The order of tables, and tables that a floor above adds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Column, ForeignKeyConstraint, MetaData, Numeric, Table, Text, Uuid, insert
from sqlalchemy.dialects.postgresql import JSONB

from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.policies import OWNER_ROLE, protection
from steward_tenants.files.store import LocalFileStore
from steward_tenants.lifecycle import deletion
from steward_tenants.lifecycle.deletion import purge_tenant, request_deletion
from steward_tenants.lifecycle.export import export_tenant
from steward_tenants.lifecycle.restore import restore_tenant
from steward_tenants.lifecycle.rules import every_table, exported_tables, in_dependency_order
from steward_tenants.models import tenant_metadata
from tests.cluster import Addresses
from tests.factories import TESTS, make_tenant
from tests.lifecycle.tenants import OPERATOR, archive_in, rows_of
from tests.lifecycle.test_deletion import let_grace_pass


def table(metadata: MetaData, name: str, *targets: str, nullable: bool = True) -> Table:
    columns: list[Column[object]] = [Column(f"{target}_id", Uuid(), nullable=nullable) for target in targets]
    keys = [
        ForeignKeyConstraint(["tenant_id", f"{target}_id"], [f"app.{target}.tenant_id", f"app.{target}.id"])
        for target in targets
    ]
    return Table(
        name,
        metadata,
        Column("tenant_id", Uuid(), primary_key=True),
        Column("id", Uuid(), primary_key=True),
        *columns,
        *keys,
        schema="app",
    )


def test_parents_come_first() -> None:
    names = [plan.name for plan in every_table()]
    for plan in every_table():
        late = {column.name for column in plan.late}
        for constraint in plan.table.foreign_key_constraints:
            if not late & {column.name for column in constraint.columns}:
                assert names.index(constraint.referred_table.name) < names.index(plan.name)


def test_circles_open_where_a_reference_may_be_empty() -> None:
    metadata = MetaData()
    tables = [table(metadata, "a", "b"), table(metadata, "b", "a", nullable=False), table(metadata, "c", "c")]
    plans = in_dependency_order(tables)
    assert {plan.name: [column.name for column in plan.late] for plan in plans} == {
        "a": ["b_id"],
        "b": [],
        "c": ["c_id"],
    }
    assert [plan.name for plan in plans].index("a") < [plan.name for plan in plans].index("b")


def test_a_circle_without_an_empty_place_is_an_error() -> None:
    metadata = MetaData()
    tables = [table(metadata, "a", "b", nullable=False), table(metadata, "b", "a", nullable=False)]
    with pytest.raises(ValueError, match="circle"):
        in_dependency_order(tables)


def test_nothing_refers_to_a_table_left_out() -> None:
    assert exported_tables()
    metadata = MetaData()
    table(metadata, "outbox_job")
    table(metadata, "x", "outbox_job")
    with pytest.raises(ValueError, match="left out"):
        exported_tables(metadata)


PROBE = "probe_node"


@pytest.fixture
def later_table(addresses: Addresses, database_name: str) -> Iterator[Table]:
    """A table that refers to itself, made the way a migration of a floor above makes one."""
    dsn = addresses.superuser(database_name).replace("postgresql+psycopg", "postgresql")
    columns = (
        "tenant_id uuid, id uuid, probe_node_id uuid, name text, amount numeric(20,6), detail jsonb,"
        " primary key (tenant_id, id), foreign key (tenant_id, probe_node_id) references app.probe_node (tenant_id, id)"
    )
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"create table app.{PROBE} ({columns})")
        connection.execute(f"alter table app.{PROBE} owner to {OWNER_ROLE}")
        for statement in protection(PROBE):
            connection.execute(statement)
    made = table(tenant_metadata, PROBE, PROBE)
    made.append_column(Column("name", Text()))
    made.append_column(Column("amount", Numeric(20, 6)))
    made.append_column(Column("detail", JSONB()))
    yield made
    tenant_metadata.remove(made)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"drop table app.{PROBE}")


async def test_a_later_table_travels_and_goes_without_a_change_here(
    database: Database,
    store: LocalFileStore,
    tmp_path: Path,
    later_table: Table,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deletion, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr("steward_tenants.lifecycle.restore.BATCH_ROWS", 3)
    tenant_id = await make_tenant(database)
    ids = [new_id() for _ in range(40)]
    rows = [
        {
            "tenant_id": tenant_id,
            "id": node,
            "probe_node_id": ids[(place + 17) % 40],
            "name": f"节点{place}\t\\N\\\\𠮷😀\"'\n\r\u2028",
            "amount": f"{place}.123456",
            "detail": None if place % 2 else {"a": [place, None, "\\u0041", 1e-9]},
        }
        for place, node in enumerate(ids)
    ]
    async with database.write(tenant_id, TESTS) as session:
        await session.execute(insert(later_table).values(rows))
    exported = await export_tenant(database, store, tenant_id, OPERATOR, archive_in(tmp_path))
    found = await restore_tenant(database, store, exported.path, f"p{uuid4().hex[:10]}", OPERATOR)
    before = await rows_of(database, tenant_id, PROBE)
    assert len(before) == 40
    assert await rows_of(database, found.id, PROBE) == before
    await request_deletion(database, store, tenant_id, OPERATOR, tmp_path)
    await let_grace_pass(database, tenant_id)
    purged = await purge_tenant(database, store, tenant_id, OPERATOR)
    assert purged.rows[PROBE] == 40
    assert await rows_of(database, found.id, PROBE) == before
