"""Stored files: name, type, size and digest; the bytes lie in the file store under (tenant, id)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.tables import TenantTable, created, identifier


class StoredFile(TenantTable):
    """A file. `purpose` says which permission opens it (`upload`, `tenant_export`, `personal_data`)."""

    __tablename__ = "stored_file"
    __table_args__ = (Index("ix_stored_file_tenant_id_created_at", "tenant_id", "created_at"),)

    id: Mapped[UUID] = identifier()
    purpose: Mapped[str]
    name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    owner_id: Mapped[UUID]
    created_at: Mapped[datetime] = created()
    expires_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
