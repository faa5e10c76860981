"""Days about which a tenant decides itself."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped

from steward_tenants.database.tables import TenantTable, created, identifier

LONGEST_TITLE = 60


class CalendarDay(TenantTable):
    """A day that is worked, or not, whatever the public calendar says."""

    __tablename__ = "calendar_day"
    __table_args__ = (
        UniqueConstraint("tenant_id", "day"),
        CheckConstraint(f"char_length(title) <= {LONGEST_TITLE}", name="title"),
    )

    id: Mapped[UUID] = identifier()
    day: Mapped[date]
    working: Mapped[bool]
    title: Mapped[str]
    set_by: Mapped[UUID]
    set_at: Mapped[datetime] = created()
