"""Daily logs, week and month summaries, meeting minutes.

Revision ID: 0025
Revises: 0024
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

from steward_tenants.database.policies import protect

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def _moment(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    default = None if nullable else sa.text("now()")
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def _id(name: str, *, nullable: bool = False) -> sa.Column[UUID]:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _document(name: str) -> sa.Column[Any]:
    return sa.Column(name, pg.JSONB(), server_default=sa.text("'{}'"), nullable=False)


def _version() -> sa.Column[int]:
    return sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False)


def _refers(table: str, column: str, target: str, *, on_delete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"app.{target}.tenant_id", f"app.{target}.id"],
        name=op.f(f"fk_{table}_tenant_id_{column}"),
        ondelete=on_delete,
    )


def upgrade() -> None:
    op.create_table(
        "work_report",
        _id("tenant_id"),
        _id("id"),
        _id("owner_id"),
        _id("unit_id", nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        _document("facts"),
        _moment("facts_at"),
        sa.Column("judgement", sa.Text(), nullable=True),
        _document("cases"),
        sa.Column("state", sa.Text(), server_default="draft", nullable=False),
        _moment("submitted_at", nullable=True),
        _id("read_by", nullable=True),
        _moment("read_at", nullable=True),
        sa.Column("opinion", sa.Text(), nullable=True),
        _moment("created_at"),
        _version(),
        sa.CheckConstraint("kind in ('day', 'week', 'month')", name=op.f("ck_work_report_kind")),
        sa.CheckConstraint("state in ('draft', 'submitted', 'read')", name=op.f("ck_work_report_state")),
        sa.CheckConstraint("period_end > period_start", name=op.f("ck_work_report_period")),
        sa.CheckConstraint("(state = 'read') = (read_at is not null)", name=op.f("ck_work_report_read")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_work_report")),
        sa.UniqueConstraint(
            "tenant_id",
            "owner_id",
            "kind",
            "period_start",
            name=op.f("uq_work_report_tenant_id_owner_id_kind_period_start"),
        ),
        schema="app",
    )
    op.create_index(
        "ix_work_report_tenant_id_period_start",
        "work_report",
        ["tenant_id", "period_start", "kind", "state"],
        schema="app",
    )
    op.create_index(
        "ix_work_report_tenant_id_unit_id", "work_report", ["tenant_id", "unit_id", "period_start"], schema="app"
    )
    op.create_index(
        "ix_work_report_waiting",
        "work_report",
        ["tenant_id", "submitted_at", "id"],
        schema="app",
        postgresql_where=sa.text("state = 'submitted'"),
    )
    protect(op, "work_report")
    _create_meeting()
    _create_item()


def _create_meeting() -> None:
    op.create_table(
        "meeting",
        _id("tenant_id"),
        _id("id"),
        _id("unit_id"),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        _id("chaired_by"),
        sa.Column("attendees", pg.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
        _document("facts"),
        sa.Column("notes", sa.Text(), nullable=True),
        _id("created_by"),
        _moment("created_at"),
        _version(),
        sa.CheckConstraint("kind in ('morning', 'evening')", name=op.f("ck_meeting_kind")),
        _refers("meeting", "unit_id", "org_unit"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_meeting")),
        sa.UniqueConstraint("tenant_id", "unit_id", "day", "kind", name=op.f("uq_meeting_tenant_id_unit_id_day_kind")),
        schema="app",
    )
    op.create_index("ix_meeting_tenant_id_day", "meeting", ["tenant_id", "day", "id"], schema="app")
    protect(op, "meeting")


def _create_item() -> None:
    op.create_table(
        "meeting_item",
        _id("tenant_id"),
        _id("id"),
        _id("unit_id"),
        _id("meeting_id", nullable=True),
        _id("from_id", nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("solution", sa.Text(), nullable=True),
        _id("solved_by", nullable=True),
        _moment("solved_at", nullable=True),
        _id("raised_by"),
        _moment("created_at"),
        _version(),
        sa.CheckConstraint("state in ('open', 'handed_up', 'solved')", name=op.f("ck_meeting_item_state")),
        sa.CheckConstraint("(state = 'solved') = (solved_at is not null)", name=op.f("ck_meeting_item_solved")),
        _refers("meeting_item", "unit_id", "org_unit"),
        _refers("meeting_item", "meeting_id", "meeting", on_delete="CASCADE"),
        _refers("meeting_item", "from_id", "meeting_item", on_delete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_meeting_item")),
        schema="app",
    )
    op.create_index(
        "ix_meeting_item_tenant_id_meeting_id", "meeting_item", ["tenant_id", "meeting_id", "id"], schema="app"
    )
    op.create_index(
        "ix_meeting_item_tenant_id_from_id",
        "meeting_item",
        ["tenant_id", "from_id"],
        schema="app",
        postgresql_where=sa.text("from_id is not null"),
    )
    op.create_index(
        "ix_meeting_item_open",
        "meeting_item",
        ["tenant_id", "unit_id", "id"],
        schema="app",
        postgresql_where=sa.text("state = 'open'"),
    )
    protect(op, "meeting_item")


def downgrade() -> None:
    for table in ("meeting_item", "meeting", "work_report"):
        op.drop_table(table, schema="app")
