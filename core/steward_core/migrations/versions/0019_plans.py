"""Monthly service plans: policies, generation, the plan and its actions.

Revision ID: 0019
Revises: 0018
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from steward_tenants.database.policies import protect

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

STATES = (
    "planned",
    "submitted",
    "rejected",
    "edited",
    "approved",
    "in_execution",
    "results_submitted",
    "results_rejected",
    "corrected",
    "results_approved",
)


def _id(name: str, *, nullable: bool = False) -> sa.Column[UUID]:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _text(name: str, *, nullable: bool = False, default: str | None = None) -> sa.Column[str]:
    server_default = None if default is None else sa.text(default)
    return sa.Column(name, sa.Text(), server_default=server_default, nullable=nullable)


def _day(name: str, *, nullable: bool = False) -> sa.Column[date]:
    return sa.Column(name, sa.Date(), nullable=nullable)


def _moment(name: str, *, nullable: bool = True) -> sa.Column[datetime]:
    default = None if nullable else sa.text("now()")
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def _number(name: str, default: str | None = None) -> sa.Column[Any]:
    server_default = None if default is None else sa.text(default)
    return sa.Column(name, sa.BigInteger(), server_default=server_default, nullable=default is None)


def upgrade() -> None:
    _create_plans()
    _create_grounds()
    _create_actions()
    _create_transitions()
    for table in ("visit_plan", "plan_ground", "plan_action", "plan_transition"):
        protect(op, table)


def _create_plans() -> None:
    listed = ", ".join(f"'{state}'" for state in STATES)
    op.create_table(
        "visit_plan",
        _id("tenant_id"),
        _id("id"),
        _id("owner_id"),
        _id("unit_id", nullable=True),
        _day("month"),
        _text("state", default="'planned'"),
        _id("submitted_by", nullable=True),
        _text("submitted_from", nullable=True),
        _moment("submitted_at"),
        _id("approval_id", nullable=True),
        _id("decided_by", nullable=True),
        _moment("decided_at"),
        _text("reason", nullable=True),
        _text("let_through", nullable=True),
        _moment("generated_at"),
        _moment("spread_at"),
        _number("carried_out", "0"),
        _moment("closed_at"),
        _moment("created_at", nullable=False),
        _number("version", "1"),
        sa.CheckConstraint(f"state in ({listed})", name=op.f("ck_visit_plan_state")),
        sa.CheckConstraint("extract(day from month) = 1", name=op.f("ck_visit_plan_month")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_visit_plan")),
        sa.UniqueConstraint("tenant_id", "owner_id", "month", name=op.f("uq_visit_plan_tenant_id_owner_id_month")),
        schema="app",
    )
    op.create_index("ix_visit_plan_tenant_id_month", "visit_plan", ["tenant_id", "month", "state"], schema="app")
    op.create_index("ix_visit_plan_tenant_id_unit_id", "visit_plan", ["tenant_id", "unit_id", "month"], schema="app")


def _create_grounds() -> None:
    op.create_table(
        "plan_ground",
        _id("tenant_id"),
        _id("id"),
        _day("month"),
        _text("source"),
        _text("title_zh"),
        _text("title_en"),
        _text("lines_zh"),
        _text("lines_en"),
        _text("interval_zh", nullable=True),
        _text("interval_en", nullable=True),
        _number("first_days"),
        _text("digest"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_plan_ground")),
        sa.UniqueConstraint("tenant_id", "month", "digest", name=op.f("uq_plan_ground_tenant_id_month_digest")),
        schema="app",
    )


def _create_actions() -> None:
    op.create_table(
        "plan_action",
        _id("tenant_id"),
        _id("id"),
        _id("plan_id"),
        _id("client_id"),
        _text("source"),
        _id("ground_id", nullable=True),
        _id("subject_id", nullable=True),
        _day("counted_from", nullable=True),
        sa.Column("first_visit", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        _day("due_on"),
        sa.Column("visits", postgresql.ARRAY(sa.Date()), nullable=False),
        _number("visited", "0"),
        sa.Column("days", postgresql.ARRAY(sa.Date()), nullable=True),
        _day("planned_on", nullable=True),
        _number("place_on_day"),
        _number("carried", "0"),
        sa.Column("temporary", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        _text("status", default="'open'"),
        _text("title", nullable=True),
        _id("added_by", nullable=True),
        sa.Column("basis", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        _text("result", nullable=True),
        _day("done_on", nullable=True),
        _moment("created_at", nullable=False),
        _number("version", "1"),
        sa.CheckConstraint("status in ('open', 'done', 'dropped')", name=op.f("ck_plan_action_status")),
        sa.CheckConstraint("visited >= 0 and carried >= 0", name=op.f("ck_plan_action_counts")),
        sa.CheckConstraint("cardinality(visits) >= 1", name=op.f("ck_plan_action_visits")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_plan_action")),
        schema="app",
    )
    op.create_index(
        "uq_plan_action_open",
        "plan_action",
        ["tenant_id", "client_id", "source"],
        unique=True,
        schema="app",
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index("ix_plan_action_tenant_id_plan_id", "plan_action", ["tenant_id", "plan_id"], schema="app")
    op.create_index(
        "ix_plan_action_tenant_id_client_id",
        "plan_action",
        ["tenant_id", "client_id", "id"],
        schema="app",
        postgresql_where=sa.text("status <> 'open'"),
    )


def _create_transitions() -> None:
    op.create_table(
        "plan_transition",
        _id("tenant_id"),
        _id("id"),
        _id("plan_id"),
        _text("what"),
        _text("before"),
        _text("after"),
        _id("by", nullable=True),
        _moment("at", nullable=False),
        _text("reason", nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "plan_id"],
            ["app.visit_plan.tenant_id", "app.visit_plan.id"],
            name=op.f("fk_plan_transition_tenant_id_plan_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_plan_transition")),
        schema="app",
    )
    op.create_index(
        "ix_plan_transition_tenant_id_plan_id", "plan_transition", ["tenant_id", "plan_id", "at", "id"], schema="app"
    )


def downgrade() -> None:
    for table in ("plan_transition", "plan_action", "plan_ground", "visit_plan"):
        op.drop_table(table, schema="app")
