"""Imports: saved mappings, batches, and what became of every row."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.tables import TenantTable, created, identifier, one_of, refers, version


class ImportMapping(TenantTable):
    """A saved mapping from a file's columns to the fields of a target. `columns`: {header: field path or null}."""

    __tablename__ = "import_mapping"
    __table_args__ = (UniqueConstraint("tenant_id", "target", "name"),)

    id: Mapped[UUID] = identifier()
    target: Mapped[str]
    name: Mapped[str]
    columns: Mapped[dict[str, Any]]
    options: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    created_by: Mapped[UUID]
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class ImportStatus(StrEnum):
    """`checked`: the dry run is over. `undone`: an undo has run to its end."""

    UPLOADED = "uploaded"
    CHECKING = "checking"
    CHECKED = "checked"
    APPLYING = "applying"
    APPLIED = "applied"
    UNDOING = "undoing"
    UNDONE = "undone"
    FAILED = "failed"


class ImportBatch(TenantTable):
    """One import of one file. Work on it is done by runs of kinds `import.check`, `import.apply`, `import.undo` whose
    subject is this id. `target`: `client`, `contact`, `contract`, `product`, `arrears`, `fact`, `form:<form key>`."""

    __tablename__ = "import_batch"
    __table_args__ = (
        refers("file_id", "stored_file"),
        refers("error_file_id", "stored_file"),
        one_of("status", ImportStatus),
        Index("ix_import_batch_tenant_id_created_at", "tenant_id", "created_at", "id"),
    )

    id: Mapped[UUID] = identifier()
    target: Mapped[str]
    status: Mapped[str] = mapped_column(server_default=ImportStatus.UPLOADED)
    file_id: Mapped[UUID]
    file_name: Mapped[str]
    sheet: Mapped[str | None]
    encoding: Mapped[str | None]
    columns: Mapped[dict[str, Any]]
    options: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    counts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    error_file_id: Mapped[UUID | None]
    created_by: Mapped[UUID]
    created_at: Mapped[datetime] = created()
    finished_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class ImportEffect(TenantTable):
    """What became of one row: `created`, `updated`, `unchanged`, `refused`; after an undo `undone` or `kept`.

    `before` holds an updated row's former values, `after_version` its version after the import: a row changed since
    is left alone by the undo. `problems` name field, code and texts.
    """

    __tablename__ = "import_effect"
    __table_args__ = (
        refers("batch_id", "import_batch"),
        Index("ix_import_effect_tenant_id_row_id", "tenant_id", "row_id", postgresql_where=text("row_id is not null")),
    )

    batch_id: Mapped[UUID] = mapped_column(primary_key=True)
    row_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    outcome: Mapped[str]
    row_id: Mapped[UUID | None]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    after_version: Mapped[int | None]
    problems: Mapped[Any | None] = mapped_column(JSONB)
    values: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
