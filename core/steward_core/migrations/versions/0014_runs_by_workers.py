"""Runs are driven by workers: as whom, by which of them now, how fast, and until when.

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new. Each column is empty or has a constant default, so no row is rewritten."""
    for column in _columns():
        op.add_column("run", column, schema="app")


def downgrade() -> None:
    """Take it away again."""
    for column in reversed(_columns()):
        op.drop_column("run", column.name, schema="app")


def _columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("driver_kind", sa.Text(), server_default="user", nullable=False),
        sa.Column("driver_id", sa.Uuid(), nullable=True),
        sa.Column("driver_rights", postgresql.JSONB(), nullable=True),
        sa.Column("held_by", sa.Uuid(), nullable=True),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("chunk_size", sa.BigInteger(), nullable=True),
        sa.Column("rate", sa.Numeric(), nullable=True),
        sa.Column("expected_end", sa.DateTime(timezone=True), nullable=True),
    )
