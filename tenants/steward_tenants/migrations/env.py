"""Runs migrations on the connection that `steward_tenants.database.migrate` hands over, or prints them as SQL."""

from typing import Any

from alembic import context

from steward_tenants.database.floors import load_floors
from steward_tenants.database.tables import DIRECTORY_SCHEMA, KIT_SCHEMA, TENANT_SCHEMA
from steward_tenants.models import directory_metadata, tenant_metadata

load_floors()

OPTIONS: dict[str, Any] = {
    "target_metadata": [tenant_metadata, directory_metadata],
    "include_schemas": True,
    "include_name": lambda name, kind, _parents: (
        name in (TENANT_SCHEMA, DIRECTORY_SCHEMA) if kind == "schema" else True
    ),
    "include_object": lambda _object, name, kind, _reflected, _compared: (
        not (kind == "table" and (name or "").startswith("audit_event_"))
    ),
    "version_table": "migration",
    "version_table_schema": KIT_SCHEMA,
    "transaction_per_migration": True,
}

if context.is_offline_mode():
    context.configure(dialect_name="postgresql", **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()
else:
    context.configure(connection=context.config.attributes["connection"], **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()
