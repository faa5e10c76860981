"""Audit events, inserted in the transaction they describe, and the seals that chain them afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, LargeBinary, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.identifiers import new_id
from steward_tenants.database.tables import TenantTable


class AuditEvent(TenantTable):
    """One command or one sensitive read. Append-only for the application's role; partitioned by month of `at`.

    `actor_label` names what is no user; users are looked up by `actor_id`, so that an erased person is named nowhere.
    `changes` is `{field: [before, after]}` with secrets masked and personal values as digests.
    """

    __tablename__ = "audit_event"
    __table_args__ = (
        Index("ix_audit_event_subject", "tenant_id", "subject_kind", "subject_id", "at"),
        Index("ix_audit_event_actor", "tenant_id", "actor_id", "at"),
        Index("ix_audit_event_action", "tenant_id", "action", "at"),
        {"postgresql_partition_by": "range (at)"},
    )

    at: Mapped[datetime] = mapped_column(primary_key=True, server_default=text("now()"))
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    action: Mapped[str]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID]
    actor_label: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID | None]
    changes: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    reason: Mapped[str | None]
    request_id: Mapped[str]


class AuditSeal(TenantTable):
    """A batch of events in the order in which they were chained. `chain` = SHA-256(previous ‖ digest of the batch)."""

    __tablename__ = "audit_seal"

    batch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    event_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid(as_uuid=True)))
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    previous: Mapped[bytes] = mapped_column(LargeBinary)
    chain: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
