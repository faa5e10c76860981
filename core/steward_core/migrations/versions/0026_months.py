"""Opening and closing a month.

Revision ID: 0026
Revises: 0025
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from steward_tenants.database.policies import protect

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "business_month",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), server_default="opening", nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_by", sa.Uuid(), nullable=True),
        sa.Column("opening_run_id", sa.Uuid(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("closing_run_id", sa.Uuid(), nullable=True),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("extract(day from month) = 1", name=op.f("ck_business_month_month")),
        sa.CheckConstraint("status in ('opening', 'open', 'closing', 'closed')", name=op.f("ck_business_month_status")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_business_month")),
        sa.UniqueConstraint("tenant_id", "month", name=op.f("uq_business_month_tenant_id_month")),
        schema="app",
    )
    protect(op, "business_month")


def downgrade() -> None:
    op.drop_table("business_month", schema="app")
