"""Schedules of a tenant, and every time that one of them fired."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from steward_core.schedules.rules import CatchUp
from steward_tenants.database.tables import TenantTable, created, identifier, one_of, refers, version

SYSTEM_SOURCE = "system"


class Schedule(TenantTable):
    """Recurring work. `source`: empty for the tenant's own, `system`, or the key of the plugin that brought it;
    `retired` while that plugin is off. `answers_to`: the person as whom runs are asked for.

    Moments up to `counted_from` are dealt with. `next_at` was planned on `basis` (see `Place.basis`); None with a basis
    means that no moment is left, an empty basis that the scheduler is to plan anew.
    """

    __tablename__ = "schedule"
    __table_args__ = (UniqueConstraint("tenant_id", "key"), one_of("catch_up", CatchUp))

    id: Mapped[UUID] = identifier()
    key: Mapped[str]
    title_zh: Mapped[str]
    title_en: Mapped[str]
    task: Mapped[str]
    parameters: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    rule: Mapped[str]
    catch_up: Mapped[str] = mapped_column(server_default=CatchUp.LAST)
    paused: Mapped[bool] = mapped_column(server_default=text("false"))
    source: Mapped[str] = mapped_column(server_default="")
    retired: Mapped[bool] = mapped_column(server_default=text("false"))
    basis: Mapped[str] = mapped_column(server_default="")
    counted_from: Mapped[datetime] = mapped_column(server_default=text("now()"))
    next_at: Mapped[datetime | None]
    last_fired_at: Mapped[datetime | None]
    answers_to: Mapped[UUID]
    created_at: Mapped[datetime] = created()
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class ScheduleFiring(TenantTable):
    """One moment of a schedule that fired, and what came of it: a job, and the run that the job asked for."""

    __tablename__ = "schedule_firing"
    __table_args__ = (
        UniqueConstraint("tenant_id", "schedule_id", "planned_at"),
        refers("schedule_id", "schedule", on_delete="CASCADE"),
        Index("ix_schedule_firing_tenant_id_fired_at", "tenant_id", "fired_at", "id"),
    )

    id: Mapped[UUID] = identifier()
    schedule_id: Mapped[UUID]
    planned_at: Mapped[datetime]
    fired_at: Mapped[datetime] = created()
    by_hand: Mapped[bool] = mapped_column(server_default=text("false"))
    job_id: Mapped[UUID | None]
    run_id: Mapped[UUID | None]
