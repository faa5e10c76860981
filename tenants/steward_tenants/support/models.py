"""Support access that a tenant granted to an operator."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped

from steward_tenants.database.tables import TenantTable, created, identifier, refers


class SupportAccess(TenantTable):
    """One operator, one role, until a time; the tenant can end it at once."""

    __tablename__ = "support_access"
    __table_args__ = (
        refers("role_id", "role"),
        refers("granted_by", "tenant_user"),
        CheckConstraint("expires_at > granted_at", name="time"),
    )

    id: Mapped[UUID] = identifier()
    operator_account_id: Mapped[UUID]
    operator_login: Mapped[str]
    role_id: Mapped[UUID]
    reason: Mapped[str]
    granted_by: Mapped[UUID]
    granted_at: Mapped[datetime] = created()
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[UUID | None]
