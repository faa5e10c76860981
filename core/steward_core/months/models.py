"""Months of a tenant's business: which are open, which are closed, and what they held."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.tables import TenantTable, created, identifier, one_of, version


class MonthStatus(StrEnum):
    """`opening` and `closing`: a run is at it. A closed month stays closed: what is found later is a revision of its
    scores, or a correction in the next month's pay."""

    OPENING = "opening"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


class BusinessMonth(TenantTable):
    """One month (`month`: its first day). `figures` count what it held when it was opened and closed."""

    __tablename__ = "business_month"
    __table_args__ = (
        UniqueConstraint("tenant_id", "month"),
        one_of("status", MonthStatus),
        CheckConstraint("extract(day from month) = 1", name="month"),
    )

    id: Mapped[UUID] = identifier()
    month: Mapped[date] = mapped_column(Date)
    status: Mapped[str] = mapped_column(server_default=MonthStatus.OPENING)
    opened_at: Mapped[datetime | None]
    opened_by: Mapped[UUID | None]
    opening_run_id: Mapped[UUID | None]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[UUID | None]
    closing_run_id: Mapped[UUID | None]
    figures: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    created_at: Mapped[datetime] = created()
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}
