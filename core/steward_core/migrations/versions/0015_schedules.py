"""Schedules, their firings, and tenants' own days off and working days.

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from steward_tenants.database.policies import protect

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _add_calendar()
    _add_schedules()
    for table in ("calendar_day", "schedule", "schedule_firing"):
        protect(op, table)


def _add_calendar() -> None:
    op.create_table(
        "calendar_day",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("working", sa.Boolean(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("char_length(title) <= 60", name=op.f("ck_calendar_day_title")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_calendar_day")),
        sa.UniqueConstraint("tenant_id", "day", name=op.f("uq_calendar_day_tenant_id_day")),
        schema="app",
    )


def _add_schedules() -> None:
    op.create_table(
        "schedule",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column(
            "parameters", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("catch_up", sa.Text(), server_default="last", nullable=False),
        sa.Column("paused", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("retired", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("basis", sa.Text(), server_default="", nullable=False),
        sa.Column("counted_from", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_fired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answers_to", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("catch_up in ('all', 'last', 'none')", name=op.f("ck_schedule_catch_up")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_schedule")),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("uq_schedule_tenant_id_key")),
        schema="app",
    )
    op.create_table(
        "schedule_firing",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("schedule_id", sa.Uuid(), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fired_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("by_hand", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "schedule_id"],
            ["app.schedule.tenant_id", "app.schedule.id"],
            name=op.f("fk_schedule_firing_tenant_id_schedule_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_schedule_firing")),
        sa.UniqueConstraint(
            "tenant_id",
            "schedule_id",
            "planned_at",
            name=op.f("uq_schedule_firing_tenant_id_schedule_id_planned_at"),
        ),
        schema="app",
    )
    op.create_index(
        "ix_schedule_firing_tenant_id_fired_at", "schedule_firing", ["tenant_id", "fired_at", "id"], schema="app"
    )


def downgrade() -> None:
    for table in ("schedule_firing", "schedule", "calendar_day"):
        op.drop_table(table, schema="app")
    op.execute(sa.text("delete from directory.doorbell where queue = 'schedules'"))
