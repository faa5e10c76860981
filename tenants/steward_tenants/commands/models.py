"""What a command answered to an idempotency key."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.tables import TenantTable, created


class IdempotencyRecord(TenantTable):
    """One key of one actor: which command with which input it stood for, and the answer."""

    __tablename__ = "idempotency_record"
    __table_args__ = (Index("ix_idempotency_record_tenant_id_created_at", "tenant_id", "created_at"),)

    actor_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    command: Mapped[str]
    input_digest: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[Any] = mapped_column(JSONB)
    created_at: Mapped[datetime] = created()
