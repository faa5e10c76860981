"""Approvals: definitions, approvals with their trail, who is asked, who stands in; requests about nothing else.

Revision ID: 0018
Revises: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from steward_tenants.database.policies import protect

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _add_definition()
    _add_approval()
    _add_entry()
    _add_seat()
    _add_absence()
    _add_request()
    for table in ("approval_definition", "approval", "approval_seat", "approval_absence", "approval_request"):
        protect(op, table)
    protect(op, "approval_entry", ("select", "insert"))


def _add_definition() -> None:
    op.create_table(
        "approval_definition",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("place", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_approval_definition_version")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_approval_definition")),
        sa.UniqueConstraint("tenant_id", "key", "version", name=op.f("uq_approval_definition_tenant_id_key_version")),
        schema="app",
    )
    op.create_index(
        "ix_approval_definition_subject",
        "approval_definition",
        ["tenant_id", "subject", "place"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("active"),
    )
    op.create_index(
        "uq_approval_definition_active",
        "approval_definition",
        ["tenant_id", "key"],
        unique=True,
        schema="app",
        postgresql_where=sa.text("active"),
    )


def _add_approval() -> None:
    op.create_table(
        "approval",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("requester_id", sa.Uuid(), nullable=False),
        sa.Column("successor_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("definition_key", sa.Text(), nullable=False),
        sa.Column("definition_version", sa.BigInteger(), nullable=False),
        sa.Column("definition", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), server_default="running", nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("step_zh", sa.Text(), nullable=False),
        sa.Column("step_en", sa.Text(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "status in ('running', 'returned', 'withdrawn', 'approved', 'rejected', 'expired')",
            name=op.f("ck_approval_status"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "client_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_approval_tenant_id_client_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_approval")),
        schema="app",
    )
    op.create_index(
        "ix_approval_next_at",
        "approval",
        ["tenant_id", "next_at"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("next_at is not null"),
    )
    op.create_index(
        "ix_approval_tenant_id_client_id", "approval", ["tenant_id", "client_id", "id"], unique=False, schema="app"
    )
    op.create_index(
        "ix_approval_tenant_id_owner_id", "approval", ["tenant_id", "owner_id", "id"], unique=False, schema="app"
    )
    op.create_index(
        "ix_approval_tenant_id_requester_id",
        "approval",
        ["tenant_id", "requester_id", "id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_approval_tenant_id_subject",
        "approval",
        ["tenant_id", "subject", "subject_id", "id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_approval_tenant_id_successor_id",
        "approval",
        ["tenant_id", "successor_id", "id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_approval_tenant_id_unit_id", "approval", ["tenant_id", "unit_id", "id"], unique=False, schema="app"
    )
    op.create_index(
        "uq_approval_running",
        "approval",
        ["tenant_id", "subject", "subject_id"],
        unique=True,
        schema="app",
        postgresql_where=sa.text("status = 'running'"),
    )


def _add_entry() -> None:
    op.create_table(
        "approval_entry",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("approval_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("turn", sa.BigInteger(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("instead_of_id", sa.Uuid(), nullable=True),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("resolution", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "act in ('start', 'approve', 'reject', 'add_before', 'add_after', 'delegate', 'transfer', 'send_back', 'withdraw', 'resubmit', 'replace', 'substitute', 'succeed', 'remind', 'expire')",
            name=op.f("ck_approval_entry_act"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "approval_id"],
            ["app.approval.tenant_id", "app.approval.id"],
            name=op.f("fk_approval_entry_tenant_id_approval_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_approval_entry")),
        sa.UniqueConstraint(
            "tenant_id", "approval_id", "number", name=op.f("uq_approval_entry_tenant_id_approval_id_number")
        ),
        schema="app",
    )
    op.create_index(
        "ix_approval_entry_tenant_id_actor_id",
        "approval_entry",
        ["tenant_id", "actor_id", "approval_id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_approval_entry_tenant_id_person_id",
        "approval_entry",
        ["tenant_id", "person_id", "approval_id"],
        unique=False,
        schema="app",
    )


def _add_seat() -> None:
    op.create_table(
        "approval_seat",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("approval_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("asked_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "approval_id"],
            ["app.approval.tenant_id", "app.approval.id"],
            name=op.f("fk_approval_seat_tenant_id_approval_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_approval_seat")),
        sa.UniqueConstraint(
            "tenant_id", "approval_id", "user_id", name=op.f("uq_approval_seat_tenant_id_approval_id_user_id")
        ),
        schema="app",
    )
    op.create_index(
        "ix_approval_seat_tenant_id_asked_id", "approval_seat", ["tenant_id", "asked_id"], unique=False, schema="app"
    )
    op.create_index(
        "ix_approval_seat_tenant_id_user_id",
        "approval_seat",
        ["tenant_id", "user_id", "since"],
        unique=False,
        schema="app",
    )


def _add_absence() -> None:
    op.create_table(
        "approval_absence",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("substitute_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_approval_absence_moments")),
        sa.CheckConstraint("substitute_id <> user_id", name=op.f("ck_approval_absence_another")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "substitute_id"],
            ["app.tenant_user.tenant_id", "app.tenant_user.id"],
            name=op.f("fk_approval_absence_tenant_id_substitute_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["app.tenant_user.tenant_id", "app.tenant_user.id"],
            name=op.f("fk_approval_absence_tenant_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_approval_absence")),
        schema="app",
    )
    op.create_index(
        "ix_approval_absence_tenant_id_substitute_id",
        "approval_absence",
        ["tenant_id", "substitute_id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_approval_absence_tenant_id_user_id",
        "approval_absence",
        ["tenant_id", "user_id", "ends_at"],
        unique=False,
        schema="app",
    )


def _add_request() -> None:
    op.create_table(
        "approval_request",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("amount", sa.Numeric(precision=18, scale=4), nullable=True),
        sa.Column("status", sa.Text(), server_default="draft", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "kind <> 'leave' or (from_on is not null and until_on is not null)", name=op.f("ck_approval_request_leave")
        ),
        sa.CheckConstraint("kind <> 'volume' or amount is not null", name=op.f("ck_approval_request_volume")),
        sa.CheckConstraint("kind in ('leave', 'volume', 'general')", name=op.f("ck_approval_request_kind")),
        sa.CheckConstraint(
            "status in ('draft', 'submitted', 'returned', 'withdrawn', 'approved', 'rejected', 'expired')",
            name=op.f("ck_approval_request_status"),
        ),
        sa.CheckConstraint("until_on >= from_on", name=op.f("ck_approval_request_days")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "client_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_approval_request_tenant_id_client_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_approval_request")),
        schema="app",
    )
    op.create_index(
        "ix_approval_request_tenant_id_client_id",
        "approval_request",
        ["tenant_id", "client_id", "id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_approval_request_tenant_id_owner_id",
        "approval_request",
        ["tenant_id", "owner_id", "id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_approval_request_tenant_id_unit_id",
        "approval_request",
        ["tenant_id", "unit_id", "id"],
        unique=False,
        schema="app",
    )


def downgrade() -> None:
    for table in (
        "approval_request",
        "approval_absence",
        "approval_seat",
        "approval_entry",
        "approval",
        "approval_definition",
    ):
        op.drop_table(table, schema="app")
