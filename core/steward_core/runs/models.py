"""Runs: long work as a row that says what is to be done, how far it is, and how it ended."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Numeric, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.actor import ActorKind
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
    yet); `counts` are named results. `error` holds code and texts of what stopped it. `rate` is how much is done in a
    second, `expected_end` when the rest will be; both empty while they cannot be told.

    It is driven as the actor who asked for it or resumed it last: `driver_kind`, `driver_id` (empty: `requested_by`),
    with at most the rights held then (`driver_rights`; empty: all that they have). Whoever drives it holds it
    (`held_by`) until `held_until`. `chunk_size` is the size that the last chunk's time suggests for the next.
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
    driver_kind: Mapped[str] = mapped_column(server_default=ActorKind.USER)
    driver_id: Mapped[UUID | None]
    driver_rights: Mapped[list[str] | None] = mapped_column(JSONB)
    held_by: Mapped[UUID | None]
    held_until: Mapped[datetime | None]
    chunk_size: Mapped[int | None]
    rate: Mapped[Decimal | None] = mapped_column(Numeric)
    expected_end: Mapped[datetime | None]
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}
