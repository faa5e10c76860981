"""Indicators and scores of a month, with what lies behind them.

Revision ID: 0023
Revises: 0022
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from steward_tenants.database.policies import protect

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _add_schemes()
    _add_scores()
    _add_indicators()
    protect(op, "score_scheme", ("select", "insert", "delete"))
    protect(op, "month_score")
    protect(op, "month_indicator")


def _add_schemes() -> None:
    op.create_table(
        "score_scheme",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("items", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("template", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_score_scheme_number")),
        sa.CheckConstraint("extract(day from effective_from) = 1", name=op.f("ck_score_scheme_effective_from")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_score_scheme")),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_score_scheme_tenant_id_number")),
        schema="app",
    )


def _add_scores() -> None:
    op.create_table(
        "month_score",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), server_default="computing", nullable=False),
        sa.Column("current", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("scheme_id", sa.Uuid(), nullable=False),
        sa.Column("rule_version", sa.BigInteger(), nullable=False),
        sa.Column("score", sa.Numeric(7, 2), nullable=True),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("worked_out_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finalised_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finalised_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("status in ('computing', 'preview', 'final')", name=op.f("ck_month_score_status")),
        sa.CheckConstraint("extract(day from month) = 1", name=op.f("ck_month_score_month")),
        sa.CheckConstraint("revision >= 1 and rule_version >= 1", name=op.f("ck_month_score_counts")),
        sa.CheckConstraint("score >= 0", name=op.f("ck_month_score_score")),
        sa.CheckConstraint("(status = 'final') = (finalised_at is not null)", name=op.f("ck_month_score_finalised_at")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "scheme_id"],
            ["app.score_scheme.tenant_id", "app.score_scheme.id"],
            name=op.f("fk_month_score_tenant_id_scheme_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_month_score")),
        sa.UniqueConstraint(
            "tenant_id", "owner_id", "month", "revision", name=op.f("uq_month_score_tenant_id_owner_id_month_revision")
        ),
        schema="app",
    )
    op.create_index(
        "uq_month_score_current",
        "month_score",
        ["tenant_id", "month", "owner_id"],
        unique=True,
        schema="app",
        postgresql_where=sa.text("current"),
    )
    op.create_index(
        "ix_month_score_tenant_id_unit_id", "month_score", ["tenant_id", "unit_id", "month", "id"], schema="app"
    )
    op.create_index("ix_month_score_tenant_id_run_id", "month_score", ["tenant_id", "run_id", "id"], schema="app")


def _add_indicators() -> None:
    op.create_table(
        "month_indicator",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("score_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("indicator", sa.Text(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("value", sa.Numeric(), nullable=True),
        sa.Column("numerator", sa.Numeric(), nullable=True),
        sa.Column("denominator", sa.Numeric(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "score_id"],
            ["app.month_score.tenant_id", "app.month_score.id"],
            name=op.f("fk_month_indicator_tenant_id_score_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_month_indicator")),
        sa.UniqueConstraint(
            "tenant_id", "score_id", "indicator", name=op.f("uq_month_indicator_tenant_id_score_id_indicator")
        ),
        schema="app",
    )
    op.create_index(
        "ix_month_indicator_tenant_id_month",
        "month_indicator",
        ["tenant_id", "month", "indicator", "owner_id"],
        schema="app",
    )
    op.create_index(
        "ix_month_indicator_tenant_id_owner_id", "month_indicator", ["tenant_id", "owner_id", "month"], schema="app"
    )


def downgrade() -> None:
    for table in ("month_indicator", "month_score", "score_scheme"):
        op.drop_table(table, schema="app")
