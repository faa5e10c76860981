"""Monthly service plans of managers, what is to be done in them, and how each came to its state."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from steward_core.visits.plan_states import PlanState
from steward_tenants.database.tables import TenantTable, created, identifier, one_of, refers, version


class VisitPlan(TenantTable):
    """One manager's plan of a month (`month`: its first day). `unit_id` is the manager's unit when it was made.

    `submitted_by`, `submitted_from`, `submitted_at` are of the submission that waits or was last decided;
    `approval_id` is its approval. `let_through` is the state in which a supervisor let the month close without
    approved results. `generated_at`: policies and triggers have filled it, which happens once; a plan that a hand-over
    made waits for it. `spread_at`: its visits stand on days. `carried_out` counts the actions that left it unfinished
    for a later month's plan. `closed_at`: the month is closed, nothing changes any more.
    """

    __tablename__ = "visit_plan"
    __table_args__ = (
        UniqueConstraint("tenant_id", "owner_id", "month"),
        one_of("state", PlanState),
        CheckConstraint("extract(day from month) = 1", name="month"),
        Index("ix_visit_plan_tenant_id_month", "tenant_id", "month", "state"),
        Index("ix_visit_plan_tenant_id_unit_id", "tenant_id", "unit_id", "month"),
    )

    id: Mapped[UUID] = identifier()
    owner_id: Mapped[UUID]
    unit_id: Mapped[UUID | None]
    month: Mapped[date] = mapped_column(Date)
    state: Mapped[str] = mapped_column(server_default=PlanState.PLANNED)
    submitted_by: Mapped[UUID | None]
    submitted_from: Mapped[str | None]
    submitted_at: Mapped[datetime | None]
    approval_id: Mapped[UUID | None]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    let_through: Mapped[str | None]
    generated_at: Mapped[datetime | None]
    spread_at: Mapped[datetime | None]
    carried_out: Mapped[int] = mapped_column(server_default=text("0"))
    closed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = created()
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class PlanGround(TenantTable):
    """What asked for actions of a month and why it held: a policy for a class of clients, or a trigger. Written once
    for all actions that it asked for; `digest` is of its content, so that the same one stands once in a month.

    `lines_*` say why it holds, one a line; `interval_*` is a policy's interval in words, `first_days` its days from
    installation to the first visit.
    """

    __tablename__ = "plan_ground"
    __table_args__ = (UniqueConstraint("tenant_id", "month", "digest"),)

    id: Mapped[UUID] = identifier()
    month: Mapped[date] = mapped_column(Date)
    source: Mapped[str]
    title_zh: Mapped[str]
    title_en: Mapped[str]
    lines_zh: Mapped[str]
    lines_en: Mapped[str]
    interval_zh: Mapped[str | None]
    interval_en: Mapped[str | None]
    first_days: Mapped[int | None]
    digest: Mapped[str]


class ActionStatus(StrEnum):
    """`dropped`: taken out by its manager or no longer wanted; kept with its reason."""

    OPEN = "open"
    DONE = "done"
    DROPPED = "dropped"


class PlanAction(TenantTable):
    """Something to do at a client in a month's plan; it moves to the next month's plan while it is open.

    `source` is what asked for it: a cadence policy's key, a trigger's key, or `temporary:<uuid>`. A client has one open
    action for each source. `visits` are the days of the month on which its visits should take place, at least one;
    `visited` counts those done, and when it reaches their number the action is done. `days` are those on which capacity
    has put them, in the same order: an empty one does not fit and is listed to the supervisor; without `days` nobody
    has looked yet. `planned_on` is the day of its next visit, `place_on_day` its place in that day's route.

    `ground_id` says what asked for it. The day it fell due was counted from `counted_from`, the last visit, or the last
    installation when it is a `first_visit`; empty: the client was never visited. `basis` are a trigger's figures,
    `subject_id` the row that it is about. `result` is what became of it, or why it was dropped.

    Plan, client and ground are not foreign keys: a month writes a row for each client of a tenant out of the rows that
    they name, and would look each of the three up once more for it. None of them is ever deleted but with its tenant.
    """

    __tablename__ = "plan_action"
    __table_args__ = (
        one_of("status", ActionStatus),
        CheckConstraint("visited >= 0 and carried >= 0", name="counts"),
        CheckConstraint("cardinality(visits) >= 1", name="visits"),
        Index(
            "uq_plan_action_open",
            "tenant_id",
            "client_id",
            "source",
            unique=True,
            postgresql_where=text("status = 'open'"),
        ),
        Index("ix_plan_action_tenant_id_plan_id", "tenant_id", "plan_id"),
        Index(
            "ix_plan_action_tenant_id_client_id",
            "tenant_id",
            "client_id",
            "id",
            postgresql_where=text("status <> 'open'"),
        ),
    )

    id: Mapped[UUID] = identifier()
    plan_id: Mapped[UUID]
    client_id: Mapped[UUID]
    source: Mapped[str]
    ground_id: Mapped[UUID | None]
    subject_id: Mapped[UUID | None]
    counted_from: Mapped[date | None] = mapped_column(Date)
    first_visit: Mapped[bool] = mapped_column(server_default=text("false"))
    due_on: Mapped[date] = mapped_column(Date)
    visits: Mapped[list[date]] = mapped_column(ARRAY(Date))
    visited: Mapped[int] = mapped_column(server_default=text("0"))
    days: Mapped[list[date | None] | None] = mapped_column(ARRAY(Date))
    planned_on: Mapped[date | None] = mapped_column(Date)
    place_on_day: Mapped[int | None]
    carried: Mapped[int] = mapped_column(server_default=text("0"))
    temporary: Mapped[bool] = mapped_column(server_default=text("false"))
    status: Mapped[str] = mapped_column(server_default=ActionStatus.OPEN)
    title: Mapped[str | None]
    added_by: Mapped[UUID | None]
    basis: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    result: Mapped[str | None]
    done_on: Mapped[date | None] = mapped_column(Date)
    created_at: Mapped[datetime] = created()
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class PlanTransition(TenantTable):
    """One step of a plan: who took it from which state to which, when and why. Append-only."""

    __tablename__ = "plan_transition"
    __table_args__ = (
        refers("plan_id", "visit_plan", on_delete="CASCADE"),
        Index("ix_plan_transition_tenant_id_plan_id", "tenant_id", "plan_id", "at", "id"),
    )

    id: Mapped[UUID] = identifier()
    plan_id: Mapped[UUID]
    what: Mapped[str]
    before: Mapped[str]
    after: Mapped[str]
    by: Mapped[UUID | None]
    at: Mapped[datetime] = created()
    reason: Mapped[str | None]
