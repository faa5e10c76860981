"""Base classes of every table: tenant tables behind both walls, directory tables before any tenant."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKeyConstraint, MetaData, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from steward_tenants.database.identifiers import new_id

TENANT_SCHEMA = "app"
DIRECTORY_SCHEMA = "directory"
KIT_SCHEMA = "steward"

naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

column_types: dict[Any, Any] = {
    UUID: Uuid(as_uuid=True),
    str: Text(),
    int: BigInteger(),
    datetime: DateTime(timezone=True),
    dict[str, Any]: JSONB(),
    list[str]: ARRAY(Text()),
}


class TenantTable(DeclarativeBase):
    """A table of tenants' data, in schema `app`.

    `tenant_id` is the first column of the primary key, of every unique constraint and of every foreign key.
    Row-level security is switched on by `policies.protect` in the migration that creates the table.
    """

    metadata = MetaData(schema=TENANT_SCHEMA, naming_convention=naming_convention)
    type_annotation_map: ClassVar[dict[Any, Any]] = column_types

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)


class DirectoryTable(DeclarativeBase):
    """A table that is read before any tenant is known, in schema `directory`. The list of them is closed."""

    metadata = MetaData(schema=DIRECTORY_SCHEMA, naming_convention=naming_convention)
    type_annotation_map: ClassVar[dict[Any, Any]] = column_types


def identifier() -> Mapped[UUID]:
    """The `id` column of a tenant table: second in its primary key, a UUIDv7 made by the application."""
    return mapped_column(primary_key=True, default=new_id, sort_order=-10)


def created() -> Mapped[datetime]:
    """When the row was written, by the database's clock."""
    return mapped_column(server_default=text("now()"))


def version() -> Mapped[int]:
    """Counts changes; an update that saw an older count is refused (`__mapper_args__`)."""
    return mapped_column(server_default=text("1"), default=1)


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """Text limited to the values of `values`: PostgreSQL enums cannot be index conditions under RLS."""
    listed = ", ".join(f"'{value.value}'" for value in values)
    return CheckConstraint(f"{column} in ({listed})", name=column)


def refers(column: str, table: str, *, on_delete: str | None = None, target: str = "id") -> ForeignKeyConstraint:
    """A reference inside the tenant: `(tenant_id, column)` → `(tenant_id, target)`."""
    return ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{TENANT_SCHEMA}.{table}.tenant_id", f"{TENANT_SCHEMA}.{table}.{target}"],
        ondelete=on_delete,
    )
