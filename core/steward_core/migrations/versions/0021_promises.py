"""Promises: clocks that run, what is due, breaches; service requests with their legs.

Revision ID: 0021
Revises: 0020
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from steward_tenants.database.policies import EVERY_RIGHT, protect

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

TABLES = ("promise_version", "promise_clock", "promise_event", "service_request", "request_leg", "request_event")
APPEND_ONLY = frozenset({"promise_version", "promise_event", "request_event"})


def upgrade() -> None:
    _add_promise_version()
    _add_promise_clock()
    _add_promise_event()
    _add_service_request()
    _add_request_leg()
    _add_request_event()
    for table in TABLES:
        protect(op, table, ("select", "insert") if table in APPEND_ONLY else EVERY_RIGHT)


def _add_promise_version() -> None:
    op.create_table(
        "promise_version",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("document", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind in ('promise', 'follow_up')", name=op.f("ck_promise_version_kind")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_promise_version")),
        sa.UniqueConstraint(
            "tenant_id", "kind", "key", "number", name=op.f("uq_promise_version_tenant_id_kind_key_number")
        ),
        schema="app",
    )


def _add_promise_clock() -> None:
    op.create_table(
        "promise_clock",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("promise", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("occurrence", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("follows_client", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("definition", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("definition_version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("state", sa.Text(), server_default="running", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("warn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changes_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provisional", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("pauses", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("breach", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("steps", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("contract_fen", sa.BigInteger(), nullable=True),
        sa.Column("penalty_fen", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("kind in ('promise', 'follow_up')", name=op.f("ck_promise_clock_kind")),
        sa.CheckConstraint(
            "state in ('not_started', 'running', 'warned', 'paused', 'breached', 'kept', 'late', 'cancelled')",
            name=op.f("ck_promise_clock_state"),
        ),
        sa.CheckConstraint("due_at >= started_at", name=op.f("ck_promise_clock_due_at")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "client_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_promise_clock_tenant_id_client_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_promise_clock")),
        sa.UniqueConstraint(
            "tenant_id",
            "promise",
            "subject",
            "subject_id",
            "occurrence",
            name=op.f("uq_promise_clock_tenant_id_promise_subject_subject_id_occurrence"),
        ),
        schema="app",
    )
    op.create_index(
        "ix_promise_clock_changes",
        "promise_clock",
        ["tenant_id", "changes_at", "id"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("changes_at is not null"),
    )
    op.create_index(
        "ix_promise_clock_client",
        "promise_clock",
        ["tenant_id", "client_id", "started_at", "id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_promise_clock_ended",
        "promise_clock",
        ["tenant_id", "ended_at", "id"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("ended_at is not null"),
    )
    op.create_index(
        "ix_promise_clock_open",
        "promise_clock",
        ["tenant_id", "due_at", "id"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_index(
        "ix_promise_clock_owner",
        "promise_clock",
        ["tenant_id", "owner_id", "due_at", "id"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_index(
        "ix_promise_clock_subject", "promise_clock", ["tenant_id", "subject_id"], unique=False, schema="app"
    )


def _add_promise_event() -> None:
    op.create_table(
        "promise_event",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("clock_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=True),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "event in ('started', 'warned', 'breached', 'escalated', 'paused', 'resumed', 'kept', 'late', 'cancelled', 'recomputed', 'handed_over', 'stuck')",
            name=op.f("ck_promise_event_event"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "clock_id"],
            ["app.promise_clock.tenant_id", "app.promise_clock.id"],
            name=op.f("fk_promise_event_tenant_id_clock_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_promise_event")),
        sa.UniqueConstraint("tenant_id", "clock_id", "key", name=op.f("uq_promise_event_tenant_id_clock_id_key")),
        schema="app",
    )


def _add_service_request() -> None:
    op.create_table(
        "service_request",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("follows_client", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("form_record_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("channel", sa.Text(), server_default="other", nullable=False),
        sa.Column("lane", sa.Text(), nullable=True),
        sa.Column("priority", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("facts", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "milestones", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.Column("responded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waiting_reason", sa.Text(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("satisfaction", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopened", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "channel in ('visit', 'phone', 'counter', 'online', 'writing', 'other')",
            name=op.f("ck_service_request_channel"),
        ),
        sa.CheckConstraint("lane in ('business', 'project', 'fault')", name=op.f("ck_service_request_lane")),
        sa.CheckConstraint(
            "status in ('open', 'waiting', 'answered', 'confirmed', 'closed', 'cancelled')",
            name=op.f("ck_service_request_status"),
        ),
        sa.CheckConstraint("satisfaction between 1 and 5", name=op.f("ck_service_request_satisfaction")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "client_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_service_request_tenant_id_client_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_service_request")),
        schema="app",
    )
    op.create_index(
        "ix_service_request_client",
        "service_request",
        ["tenant_id", "client_id", "opened_at", "id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_service_request_owner",
        "service_request",
        ["tenant_id", "owner_id", "status", "opened_at", "id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_service_request_status",
        "service_request",
        ["tenant_id", "status", "opened_at", "id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_service_request_unit",
        "service_request",
        ["tenant_id", "unit_id", "opened_at", "id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_service_request_visit",
        "service_request",
        ["tenant_id", "visit_id"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("visit_id is not null"),
    )
    op.create_index(
        "uq_service_request_form_record",
        "service_request",
        ["tenant_id", "form_record_id"],
        unique=True,
        schema="app",
        postgresql_where=sa.text("form_record_id is not null"),
    )


def _add_request_leg() -> None:
    op.create_table(
        "request_leg",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("follows_client", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("status in ('open', 'waiting', 'done', 'cancelled')", name=op.f("ck_request_leg_status")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "client_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_request_leg_tenant_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "request_id"],
            ["app.service_request.tenant_id", "app.service_request.id"],
            name=op.f("fk_request_leg_tenant_id_request_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "unit_id"],
            ["app.org_unit.tenant_id", "app.org_unit.id"],
            name=op.f("fk_request_leg_tenant_id_unit_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_request_leg")),
        sa.UniqueConstraint(
            "tenant_id", "request_id", "number", name=op.f("uq_request_leg_tenant_id_request_id_number")
        ),
        schema="app",
    )
    op.create_index("ix_request_leg_client", "request_leg", ["tenant_id", "client_id"], unique=False, schema="app")
    op.create_index(
        "ix_request_leg_owner",
        "request_leg",
        ["tenant_id", "owner_id", "status", "opened_at", "id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_request_leg_unit",
        "request_leg",
        ["tenant_id", "unit_id", "status", "opened_at", "id"],
        unique=False,
        schema="app",
    )


def _add_request_event() -> None:
    op.create_table(
        "request_event",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("leg_id", sa.Uuid(), nullable=True),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "act in ('opened', 'leg_added', 'leg_transferred', 'leg_done', 'leg_cancelled', 'noted', 'responded', 'milestone', 'waiting', 'resumed', 'transferred', 'answered', 'confirmed', 'reopened', 'closed', 'cancelled', 'handed_over')",
            name=op.f("ck_request_event_act"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "request_id"],
            ["app.service_request.tenant_id", "app.service_request.id"],
            name=op.f("fk_request_event_tenant_id_request_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_request_event")),
        schema="app",
    )
    op.create_index(
        "ix_request_event_request", "request_event", ["tenant_id", "request_id", "at", "id"], unique=False, schema="app"
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table, schema="app")
