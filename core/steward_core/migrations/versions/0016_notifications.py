"""Notifications, and how each person wants them.

Revision ID: 0016
Revises: 0015
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from steward_tenants.database.policies import protect

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def _moment(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    default = None if nullable else sa.text("now()")
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def _person(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", "user_id"],
        ["app.tenant_user.tenant_id", "app.tenant_user.id"],
        name=op.f(f"fk_{table}_tenant_id_user_id"),
    )


def upgrade() -> None:
    op.create_table(
        "notice",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("body_zh", sa.Text(), nullable=True),
        sa.Column("body_en", sa.Text(), nullable=True),
        sa.Column("subject_kind", sa.Text(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("key", sa.Text(), nullable=True),
        _moment("created_at"),
        _moment("read_at", nullable=True),
        _person("notice"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_notice")),
        sa.UniqueConstraint("tenant_id", "user_id", "kind", "key", name=op.f("uq_notice_tenant_id_user_id_kind_key")),
        schema="app",
    )
    op.create_index(
        "ix_notice_tenant_id_user_id_created_at", "notice", ["tenant_id", "user_id", "created_at", "id"], schema="app"
    )
    op.create_index(
        "ix_notice_unread",
        "notice",
        ["tenant_id", "user_id"],
        schema="app",
        postgresql_where=sa.text("read_at is null"),
    )
    op.create_index("ix_notice_tenant_id_created_at", "notice", ["tenant_id", "created_at"], schema="app")
    protect(op, "notice")
    _create_delivery()
    _create_wishes()


def _create_delivery() -> None:
    op.create_table(
        "notice_delivery",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), server_default="waiting", nullable=False),
        _moment("due"),
        _moment("ended_at", nullable=True),
        sa.CheckConstraint(
            "status in ('waiting', 'sent', 'dropped', 'failed')", name=op.f("ck_notice_delivery_status")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "notice_id"],
            ["app.notice.tenant_id", "app.notice.id"],
            name=op.f("fk_notice_delivery_tenant_id_notice_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "notice_id", "channel", name=op.f("pk_notice_delivery")),
        schema="app",
    )
    op.create_index(
        "ix_notice_delivery_waiting",
        "notice_delivery",
        ["tenant_id", "due"],
        schema="app",
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_index("ix_notice_delivery_tenant_id_user_id", "notice_delivery", ["tenant_id", "user_id"], schema="app")
    protect(op, "notice_delivery")


def _create_wishes() -> None:
    op.create_table(
        "notice_preference",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        _moment("changed_at"),
        _person("notice_preference"),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", "kind", "channel", name=op.f("pk_notice_preference")),
        schema="app",
    )
    protect(op, "notice_preference")
    op.create_table(
        "notice_quiet_hours",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("starts", sa.BigInteger(), nullable=False),
        sa.Column("ends", sa.BigInteger(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=True),
        _moment("changed_at"),
        sa.CheckConstraint("starts >= 0 and starts < 1440", name=op.f("ck_notice_quiet_hours_starts")),
        sa.CheckConstraint("ends >= 0 and ends < 1440 and ends <> starts", name=op.f("ck_notice_quiet_hours_ends")),
        _person("notice_quiet_hours"),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", name=op.f("pk_notice_quiet_hours")),
        schema="app",
    )
    protect(op, "notice_quiet_hours")


def downgrade() -> None:
    for table in ("notice_quiet_hours", "notice_preference", "notice_delivery", "notice"):
        op.drop_table(table, schema="app")
