"""Jobs of a tenant. PostgreSQL is the truth; the directory's doorbell only says where to look."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.tables import TenantTable, created, identifier


class OutboxJob(TenantTable):
    """Work to do after commit. `payload` holds identifiers, never personal data."""

    __tablename__ = "outbox_job"
    __table_args__ = (Index("ix_outbox_job_tenant_id_done_at", "tenant_id", "done_at", "due"),)

    id: Mapped[UUID] = identifier()
    queue: Mapped[str]
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    due: Mapped[datetime] = mapped_column(server_default=text("now()"))
    created_at: Mapped[datetime] = created()
    done_at: Mapped[datetime | None]
