"""Runs: long work as a row that says what is to be done, how far it is, and how it ended."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.tables import TenantTable, identifier, one_of, version


class RunStatus(StrEnum):
    """`waiting`: nobody has begun. `cancelled`: stopped by a person between two chunks. `failed` can be resumed."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Run(TenantTable):
    """One piece of long work. At most one exists for (kind, period, subject).

    `parameters` say what is to be done and never change; `position` is the kind's own note of how far it is, written
    in the transaction of the chunk that it describes. `done` of `total` is progress for people (`total` 0: not known
    yet); `counts` are named results. `error` holds code and texts of what stopped it.
    """

    __tablename__ = "run"
    __table_args__ = (
        UniqueConstraint("tenant_id", "kind", "period", "subject"),
        one_of("status", RunStatus),
        CheckConstraint("done >= 0 and total >= 0", name="progress"),
        Index("ix_run_tenant_id_requested_at", "tenant_id", "requested_at", "id"),
        Index("ix_run_tenant_id_status", "tenant_id", "status", "heartbeat_at"),
    )

    id: Mapped[UUID] = identifier()
    kind: Mapped[str]
    period: Mapped[str] = mapped_column(server_default="")
    subject: Mapped[str] = mapped_column(server_default="")
    status: Mapped[str] = mapped_column(server_default=RunStatus.WAITING)
    parameters: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    position: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    counts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    error: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    done: Mapped[int] = mapped_column(server_default=text("0"))
    total: Mapped[int] = mapped_column(server_default=text("0"))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    requested_by: Mapped[UUID]
    requested_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    started_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}
