"""Requests about personal data and what became of them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.tables import TenantTable, created, identifier, one_of, refers


class PrivacyRequestKind(StrEnum):
    """A copy of one's data, or their erasure."""

    EXPORT = "export"
    ERASURE = "erasure"


class PrivacyRequestStatus(StrEnum):
    """Open until somebody other than the subject decides."""

    OPEN = "open"
    DONE = "done"
    REFUSED = "refused"


class PrivacyRequest(TenantTable):
    """One person's request under the Personal Information Protection Law, with who decided and why."""

    __tablename__ = "privacy_request"
    __table_args__ = (
        refers("subject_user_id", "tenant_user"),
        refers("file_id", "stored_file"),
        one_of("kind", PrivacyRequestKind),
        one_of("status", PrivacyRequestStatus),
        Index("ix_privacy_request_tenant_id_status", "tenant_id", "status", "created_at"),
    )

    id: Mapped[UUID] = identifier()
    kind: Mapped[str]
    status: Mapped[str] = mapped_column(server_default=PrivacyRequestStatus.OPEN)
    subject_user_id: Mapped[UUID]
    requested_by: Mapped[UUID]
    reason: Mapped[str | None]
    decided_by: Mapped[UUID | None]
    decision_reason: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    file_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = created()
