"""Fields that a tenant adds itself, and the index of values by which rows are filtered and sorted."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.tables import TenantTable, created, identifier, one_of, version


class FieldType(StrEnum):
    """Types of custom fields. Money is in fen; a choice is one of the field's options, `choices` any of them."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    MONEY = "money"
    DATE = "date"
    DATETIME = "datetime"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    CHOICES = "choices"


class CustomField(TenantTable):
    """A field of the tenant's own. `target`: `client`, `contact`, `visit` or `form:<form key>`.

    `rules` hold the limits of the type (`longest`, `least`, `most`, `options`: [{key, zh, en, retired}], `required`);
    `filterable` fields are written to the field index. A retired field keeps its values and takes no new ones.
    `indexed_from` is empty while older rows are still being indexed.
    """

    __tablename__ = "custom_field"
    __table_args__ = (UniqueConstraint("tenant_id", "target", "key"), one_of("type", FieldType))

    id: Mapped[UUID] = identifier()
    target: Mapped[str]
    key: Mapped[str]
    type: Mapped[str]
    title_zh: Mapped[str]
    title_en: Mapped[str]
    hint_zh: Mapped[str | None]
    hint_en: Mapped[str | None]
    rules: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    filterable: Mapped[bool] = mapped_column(server_default=text("false"))
    place: Mapped[int] = mapped_column(server_default=text("0"))
    retired: Mapped[bool] = mapped_column(server_default=text("false"))
    indexed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = created()
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class FieldIndexEntry(TenantTable):
    """The value of a filterable field of one row, typed: JSON operators are never index conditions under row-level
    security. Derived; written in the transaction of the row.

    `field` is the whole path: `client.custom.<key>`, `contact.custom.<key>`, `<form key>.<field>`,
    `<form key>.custom.<key>`. Exactly one value column is filled: text and choices as text (the first 200
    characters), whole numbers, money, booleans (0/1) and decimals (in millionths) as integer, dates (midnight UTC)
    and times as time. `position` counts the values of a list.
    """

    __tablename__ = "field_index"
    __table_args__ = (
        CheckConstraint("num_nonnulls(text_value, integer_value, time_value) = 1", name="one_value"),
        Index(
            "ix_field_index_text",
            "tenant_id",
            "field",
            "text_value",
            "row_id",
            postgresql_where=text("text_value is not null"),
        ),
        Index(
            "ix_field_index_integer",
            "tenant_id",
            "field",
            "integer_value",
            "row_id",
            postgresql_where=text("integer_value is not null"),
        ),
        Index(
            "ix_field_index_time",
            "tenant_id",
            "field",
            "time_value",
            "row_id",
            postgresql_where=text("time_value is not null"),
        ),
    )

    row_id: Mapped[UUID] = mapped_column(primary_key=True)
    field: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, server_default=text("0"))
    text_value: Mapped[str | None] = mapped_column(Text(collation="C"))
    integer_value: Mapped[int | None]
    time_value: Mapped[datetime | None]
