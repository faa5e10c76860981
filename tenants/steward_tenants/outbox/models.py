"""Jobs of a tenant. PostgreSQL is the truth; the directory's doorbell only says where to look."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.tables import TenantTable, created, identifier, one_of


class JobStatus(StrEnum):
    """`waiting`: to be done when it is due, perhaps not for the first time. `dead`: given up until a person retries or
    discards it."""

    WAITING = "waiting"
    DONE = "done"
    DEAD = "dead"
    DISCARDED = "discarded"


WAITING = text("status = 'waiting'")
WAITING_ONCE = text("status = 'waiting' and unique_key is not null")


class OutboxJob(TenantTable):
    """Work to do after commit. `payload` holds identifiers, never personal data.

    At most one job waits for a `unique_key` of a kind; `again` is the earliest moment for which it was asked for once
    more since it was last begun. `attempts` counts failures, `error` is the last one's: `code`, `class`, and `message`
    in both languages. `done_at` is also when it was discarded.
    """

    __tablename__ = "outbox_job"
    __table_args__ = (
        one_of("status", JobStatus),
        Index("ix_outbox_job_waiting", "tenant_id", "queue", "due", "id", postgresql_where=WAITING),
        Index("uq_outbox_job_waiting", "tenant_id", "kind", "unique_key", unique=True, postgresql_where=WAITING_ONCE),
        Index("ix_outbox_job_dead", "tenant_id", "id", postgresql_where=text("status = 'dead'")),
        Index("ix_outbox_job_finished", "tenant_id", "done_at", postgresql_where=text("done_at is not null")),
    )

    id: Mapped[UUID] = identifier()
    queue: Mapped[str]
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    due: Mapped[datetime] = mapped_column(server_default=text("now()"))
    status: Mapped[str] = mapped_column(server_default=JobStatus.WAITING)
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    error: Mapped[dict[str, Any] | None]
    unique_key: Mapped[str | None]
    again: Mapped[datetime | None]
    created_at: Mapped[datetime] = created()
    tried_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
