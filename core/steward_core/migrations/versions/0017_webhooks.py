"""Outgoing webhooks and the log of their deliveries.

Revision ID: 0017
Revises: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from steward_tenants.database.policies import protect

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new."""
    _endpoints()
    _deliveries()


def downgrade() -> None:
    """Take it away again."""
    op.drop_table("webhook_delivery", schema="app")
    op.drop_table("webhook_endpoint", schema="app")


def _moment(name: str, *, nullable: bool = True) -> sa.Column[object]:
    default = None if nullable else sa.text("now()")
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def _count(name: str, default: int) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), server_default=sa.text(str(default)), nullable=False)


def _endpoints() -> None:
    op.create_table(
        "webhook_endpoint",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("previous_secret", sa.Text(), nullable=True),
        _moment("previous_until"),
        sa.Column("paused", sa.Text(), nullable=True),
        _count("cursor", 0),
        _count("failures", 0),
        _moment("failing_since"),
        _moment("delivered_at"),
        _moment("rest_until"),
        _moment("lease_until"),
        sa.Column("lease_by", sa.Uuid(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        _moment("created_at", nullable=False),
        _count("version", 1),
        sa.CheckConstraint("paused in ('person', 'failing', 'restored')", name=op.f("ck_webhook_endpoint_paused")),
        sa.CheckConstraint("char_length(url) <= 2000", name=op.f("ck_webhook_endpoint_url")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_webhook_endpoint")),
        schema="app",
    )
    protect(op, "webhook_endpoint")


def _deliveries() -> None:
    op.create_table(
        "webhook_delivery",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        _moment("event_at"),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), server_default="waiting", nullable=False),
        _count("attempts", 0),
        _count("replays", 0),
        _moment("next_at", nullable=False),
        _moment("tried_at"),
        sa.Column("response_code", sa.BigInteger(), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        _moment("created_at", nullable=False),
        sa.CheckConstraint("status in ('waiting', 'delivered', 'dead')", name=op.f("ck_webhook_delivery_status")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_webhook_delivery")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "endpoint_id"],
            ["app.webhook_endpoint.tenant_id", "app.webhook_endpoint.id"],
            name=op.f("fk_webhook_delivery_tenant_id_endpoint_id"),
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint(
            "tenant_id", "endpoint_id", "event_id", name=op.f("uq_webhook_delivery_tenant_id_endpoint_id_event_id")
        ),
        schema="app",
    )
    op.create_index(
        "ix_webhook_delivery_waiting",
        "webhook_delivery",
        ["tenant_id", "endpoint_id", "batch", "place"],
        schema="app",
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_index(
        "ix_webhook_delivery_tenant_id_created_at", "webhook_delivery", ["tenant_id", "created_at"], schema="app"
    )
    protect(op, "webhook_delivery")
