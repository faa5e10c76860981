"""A tenant's settings by key."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.tables import TenantTable, version


class TenantSetting(TenantTable):
    """One setting that differs from its declared default."""

    __tablename__ = "tenant_setting"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JSONB)
    changed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    changed_by: Mapped[UUID]
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}
