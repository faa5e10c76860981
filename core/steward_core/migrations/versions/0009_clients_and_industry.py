"""The tables of floor 2: clients, forms, gradings, imports, runs, behind wall 1. This module is long because it
creates all of them in one step.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from steward_tenants.database.policies import protect

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = (
    "client_kind",
    "client_search_key",
    "client_tier",
    "custom_field",
    "field_index",
    "hand_over",
    "import_mapping",
    "metric",
    "plugin_fault",
    "plugin_installation",
    "product",
    "run",
    "grading",
    "import_batch",
    "client",
    "import_effect",
    "arrears",
    "attachment",
    "client_change",
    "client_fact",
    "client_merge",
    "client_note",
    "client_ownership",
    "client_product",
    "contact",
    "contract",
    "duplicate_pair",
    "form_record",
    "hand_over_item",
    "form_revision",
    "grading_objection",
)
"""In the order in which they are created."""
APPEND_ONLY = frozenset({"client_change", "client_fact", "client_merge"})
NEVER_CHANGED = frozenset({"form_revision"})
"""Rows that stay as they were written, and go when the person they tell of is erased."""


def upgrade() -> None:
    op.create_table(
        "client_kind",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("plugin", sa.Text(), server_default="", nullable=False),
        sa.Column("retired", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_client_kind")),
        schema="app",
    )
    op.create_table(
        "client_search_key",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key", "client_id", "source_id", name=op.f("pk_client_search_key")),
        schema="app",
    )
    op.create_table(
        "client_tier",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("plugin", sa.Text(), server_default="", nullable=False),
        sa.Column("retired", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_client_tier")),
        schema="app",
    )
    op.create_table(
        "custom_field",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("hint_zh", sa.Text(), nullable=True),
        sa.Column("hint_en", sa.Text(), nullable=True),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("filterable", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("place", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("retired", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("indexed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "type in ('text', 'integer', 'decimal', 'money', 'date', 'datetime', 'boolean', 'choice', 'choices')",
            name=op.f("ck_custom_field_type"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_custom_field")),
        sa.UniqueConstraint("tenant_id", "target", "key", name=op.f("uq_custom_field_tenant_id_target_key")),
        schema="app",
    )
    op.create_table(
        "field_index",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("row_id", sa.Uuid(), nullable=False),
        sa.Column("field", sa.Text(collation="C"), nullable=False),
        sa.Column("position", sa.BigInteger(), server_default=sa.text("0"), autoincrement=False, nullable=False),
        sa.Column("text_value", sa.Text(collation="C"), nullable=True),
        sa.Column("integer_value", sa.BigInteger(), nullable=True),
        sa.Column("time_value", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(text_value, integer_value, time_value) = 1", name=op.f("ck_field_index_one_value")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "row_id", "field", "position", name=op.f("pk_field_index")),
        schema="app",
    )
    op.create_index(
        "ix_field_index_integer",
        "field_index",
        ["tenant_id", "field", "integer_value", "row_id"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("integer_value is not null"),
    )
    op.create_index(
        "ix_field_index_text",
        "field_index",
        ["tenant_id", "field", "text_value", "row_id"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("text_value is not null"),
    )
    op.create_index(
        "ix_field_index_time",
        "field_index",
        ["tenant_id", "field", "time_value", "row_id"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("time_value is not null"),
    )
    op.create_table(
        "hand_over",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), server_default="scheduled", nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("clients", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("skipped", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Uuid(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("status in ('scheduled', 'applied', 'undone')", name=op.f("ck_hand_over_status")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_hand_over")),
        schema="app",
    )
    op.create_index(
        "ix_hand_over_tenant_id_effective_on",
        "hand_over",
        ["tenant_id", "effective_on"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("status = 'scheduled'"),
    )
    op.create_index(
        "ix_hand_over_tenant_id_requested_at",
        "hand_over",
        ["tenant_id", "requested_at", "id"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "import_mapping",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("columns", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_import_mapping")),
        sa.UniqueConstraint("tenant_id", "target", "name", name=op.f("uq_import_mapping_tenant_id_target_name")),
        schema="app",
    )
    op.create_table(
        "metric",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("grain", sa.Text(), server_default="month", nullable=False),
        sa.Column("additive", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("plugin", sa.Text(), server_default="", nullable=False),
        sa.Column("retired", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_metric")),
        schema="app",
    )
    op.create_table(
        "plugin_fault",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plugin", sa.Text(), nullable=False),
        sa.Column("plugin_version", sa.Text(), nullable=False),
        sa.Column("hook", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("times", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_plugin_fault")),
        sa.UniqueConstraint(
            "tenant_id",
            "plugin",
            "hook",
            "error",
            "place",
            name=op.f("uq_plugin_fault_tenant_id_plugin_hook_error_place"),
        ),
        schema="app",
    )
    op.create_index(
        "ix_plugin_fault_tenant_id_last_at", "plugin_fault", ["tenant_id", "last_at"], unique=False, schema="app"
    )
    op.create_table(
        "plugin_installation",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("plugin", sa.Text(), nullable=False),
        sa.Column("plugin_version", sa.Text(), nullable=False),
        sa.Column("forms", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("installed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("upgraded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "plugin", name=op.f("pk_plugin_installation")),
        schema="app",
    )
    op.create_table(
        "product",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("measure", sa.Text(), nullable=True),
        sa.Column("retired", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_product")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("uq_product_tenant_id_code")),
        schema="app",
    )
    op.create_table(
        "run",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), server_default="", nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.Text(), server_default="waiting", nullable=False),
        sa.Column(
            "parameters", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("position", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("done", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("total", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "status in ('waiting', 'running', 'done', 'failed', 'cancelled')", name=op.f("ck_run_status")
        ),
        sa.CheckConstraint("done >= 0 and total >= 0", name=op.f("ck_run_progress")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_run")),
        sa.UniqueConstraint(
            "tenant_id", "kind", "period", "subject", name=op.f("uq_run_tenant_id_kind_period_subject")
        ),
        schema="app",
    )
    op.create_index(
        "ix_run_tenant_id_requested_at", "run", ["tenant_id", "requested_at", "id"], unique=False, schema="app"
    )
    op.create_index(
        "ix_run_tenant_id_status", "run", ["tenant_id", "status", "heartbeat_at"], unique=False, schema="app"
    )
    op.create_table(
        "grading",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("revision", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("status", sa.Text(), server_default="computing", nullable=False),
        sa.Column("rule_version", sa.BigInteger(), nullable=False),
        sa.Column("policy", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("input_names", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("previous_id", sa.Uuid(), nullable=True),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("bound_by", sa.Uuid(), nullable=True),
        sa.Column("bound_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "status in ('computing', 'preview', 'bound', 'superseded', 'discarded')", name=op.f("ck_grading_status")
        ),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_grading_revision")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "previous_id"],
            ["app.grading.tenant_id", "app.grading.id"],
            name=op.f("fk_grading_tenant_id_previous_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "unit_id"],
            ["app.org_unit.tenant_id", "app.org_unit.id"],
            name=op.f("fk_grading_tenant_id_unit_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_grading")),
        sa.UniqueConstraint(
            "tenant_id",
            "scheme",
            "unit_id",
            "period",
            "revision",
            name=op.f("uq_grading_tenant_id_scheme_unit_id_period_revision"),
        ),
        schema="app",
    )
    op.create_table(
        "import_batch",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="uploaded", nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sheet", sa.Text(), nullable=True),
        sa.Column("encoding", sa.Text(), nullable=True),
        sa.Column("columns", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("error_file_id", sa.Uuid(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "status in ('uploaded', 'checking', 'checked', 'applying', 'applied', 'undoing', 'undone', 'failed')",
            name=op.f("ck_import_batch_status"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "error_file_id"],
            ["app.stored_file.tenant_id", "app.stored_file.id"],
            name=op.f("fk_import_batch_tenant_id_error_file_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "file_id"],
            ["app.stored_file.tenant_id", "app.stored_file.id"],
            name=op.f("fk_import_batch_tenant_id_file_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_import_batch")),
        schema="app",
    )
    op.create_index(
        "ix_import_batch_tenant_id_created_at",
        "import_batch",
        ["tenant_id", "created_at", "id"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "client",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("short_name", sa.Text(), nullable=True),
        sa.Column("credit_code", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=True),
        sa.Column("trade", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="prospect", nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("deputy_id", sa.Uuid(), nullable=True),
        sa.Column("pool_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Numeric(precision=9, scale=6), nullable=True),
        sa.Column("longitude", sa.Numeric(precision=9, scale=6), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("potential_needs", sa.Text(), nullable=True),
        sa.Column("competitor_presence", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("basic_confirmed_on", sa.Date(), nullable=True),
        sa.Column("personal_confirmed_on", sa.Date(), nullable=True),
        sa.Column("last_activity_on", sa.Date(), nullable=True),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("merged_into_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "status in ('prospect', 'active', 'dormant', 'closed', 'merged')", name=op.f("ck_client_status")
        ),
        sa.CheckConstraint("deputy_id <> owner_id", name=op.f("ck_client_deputy")),
        sa.CheckConstraint(
            "latitude between -90 and 90 and longitude between -180 and 180 and (latitude is null) = (longitude is null)",
            name=op.f("ck_client_place"),
        ),
        sa.CheckConstraint("parent_id <> id", name=op.f("ck_client_not_its_own_parent")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "deputy_id"],
            ["app.tenant_user.tenant_id", "app.tenant_user.id"],
            name=op.f("fk_client_tenant_id_deputy_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "merged_into_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_client_tenant_id_merged_into_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "owner_id"],
            ["app.tenant_user.tenant_id", "app.tenant_user.id"],
            name=op.f("fk_client_tenant_id_owner_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "parent_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_client_tenant_id_parent_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "unit_id"],
            ["app.org_unit.tenant_id", "app.org_unit.id"],
            name=op.f("fk_client_tenant_id_unit_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_client")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("uq_client_tenant_id_code")),
        schema="app",
    )
    op.create_index(
        "ix_client_tenant_id_credit_code",
        "client",
        ["tenant_id", "credit_code"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("credit_code is not null"),
    )
    op.create_index(
        "ix_client_tenant_id_deputy_id",
        "client",
        ["tenant_id", "deputy_id"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("deputy_id is not null"),
    )
    op.create_index(
        "ix_client_tenant_id_merged_into_id",
        "client",
        ["tenant_id", "merged_into_id"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("merged_into_id is not null"),
    )
    op.create_index("ix_client_tenant_id_name", "client", ["tenant_id", "name", "id"], unique=False, schema="app")
    op.create_index(
        "ix_client_tenant_id_owner_id", "client", ["tenant_id", "owner_id", "id"], unique=False, schema="app"
    )
    op.create_index(
        "ix_client_tenant_id_parent_id",
        "client",
        ["tenant_id", "parent_id"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("parent_id is not null"),
    )
    op.create_index(
        "ix_client_tenant_id_pool_since",
        "client",
        ["tenant_id", "pool_since"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("owner_id is null"),
    )
    op.create_index("ix_client_tenant_id_unit_id", "client", ["tenant_id", "unit_id", "id"], unique=False, schema="app")
    op.create_table(
        "import_effect",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("row_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("row_id", sa.Uuid(), nullable=True),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("after_version", sa.BigInteger(), nullable=True),
        sa.Column("problems", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("values", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "batch_id"],
            ["app.import_batch.tenant_id", "app.import_batch.id"],
            name=op.f("fk_import_effect_tenant_id_batch_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "batch_id", "row_number", name=op.f("pk_import_effect")),
        schema="app",
    )
    op.create_index(
        "ix_import_effect_tenant_id_row_id",
        "import_effect",
        ["tenant_id", "row_id"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("row_id is not null"),
    )
    op.create_table(
        "arrears",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), server_default="manual", nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("paid", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("settled_on", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("amount > 0 and paid >= 0 and paid <= amount", name=op.f("ck_arrears_amount")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "client_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_arrears_tenant_id_client_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_arrears")),
        sa.UniqueConstraint(
            "tenant_id", "client_id", "period", "source", name=op.f("uq_arrears_tenant_id_client_id_period_source")
        ),
        schema="app",
    )
    op.create_index(
        "ix_arrears_tenant_id_due_on",
        "arrears",
        ["tenant_id", "due_on", "client_id"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("paid < amount"),
    )
    op.create_table(
        "attachment",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "client_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_attachment_tenant_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "file_id"],
            ["app.stored_file.tenant_id", "app.stored_file.id"],
            name=op.f("fk_attachment_tenant_id_file_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_attachment")),
        sa.UniqueConstraint(
            "tenant_id", "subject_id", "file_id", name=op.f("uq_attachment_tenant_id_subject_id_file_id")
        ),
        schema="app",
    )
    op.create_index(
        "ix_attachment_tenant_id_client_id",
        "attachment",
        ["tenant_id", "client_id", "created_at"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "client_change",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), server_default="manual", nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=True),
        sa.Column("changed_by", sa.Uuid(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "client_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_client_change_tenant_id_client_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_client_change")),
        schema="app",
    )
    op.create_index(
        "ix_client_change_tenant_id_client_id",
        "client_change",
        ["tenant_id", "client_id", "field", "changed_at"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "client_fact",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("grain", sa.Text(), server_default="month", nullable=False),
        sa.Column("value", sa.Numeric(precision=24, scale=6), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_client_fact_revision")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "client_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_client_fact_tenant_id_client_id"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "metric", "period", "client_id", "source", "revision", name=op.f("pk_client_fact")
        ),
        schema="app",
    )
    op.create_index(
        "ix_client_fact_tenant_id_batch_id",
        "client_fact",
        ["tenant_id", "batch_id"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("batch_id is not null"),
    )
    op.create_index(
        "ix_client_fact_tenant_id_client_id",
        "client_fact",
        ["tenant_id", "client_id", "metric", "period"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "client_merge",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("survivor_id", sa.Uuid(), nullable=False),
        sa.Column("absorbed_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("absorbed", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("taken", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("moved", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("merged_on", sa.Date(), nullable=False),
        sa.Column("merged_by", sa.Uuid(), nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "absorbed_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_client_merge_tenant_id_absorbed_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "survivor_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_client_merge_tenant_id_survivor_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_client_merge")),
        sa.UniqueConstraint("tenant_id", "absorbed_id", name=op.f("uq_client_merge_tenant_id_absorbed_id")),
        schema="app",
    )
    op.create_index(
        "ix_client_merge_tenant_id_survivor_id",
        "client_merge",
        ["tenant_id", "survivor_id"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "client_note",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("pinned", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "client_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_client_note_tenant_id_client_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_client_note")),
        schema="app",
    )
    op.create_index(
        "ix_client_note_tenant_id_client_id",
        "client_note",
        ["tenant_id", "client_id", "created_at"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "client_ownership",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), server_default=sa.text("'9999-12-31'"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("hand_over_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("valid_until > valid_from", name=op.f("ck_client_ownership_days")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "client_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_client_ownership_tenant_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "owner_id"],
            ["app.tenant_user.tenant_id", "app.tenant_user.id"],
            name=op.f("fk_client_ownership_tenant_id_owner_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "unit_id"],
            ["app.org_unit.tenant_id", "app.org_unit.id"],
            name=op.f("fk_client_ownership_tenant_id_unit_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "client_id", "valid_from", name=op.f("pk_client_ownership")),
        schema="app",
    )
    op.create_index(
        "ix_client_ownership_tenant_id_owner_id",
        "client_ownership",
        ["tenant_id", "owner_id", "valid_until", "client_id"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "client_product",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=18, scale=3), nullable=True),
        sa.Column("monthly_amount", sa.BigInteger(), nullable=True),
        sa.Column("started_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("ended_on >= started_on", name=op.f("ck_client_product_days")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "client_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_client_product_tenant_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "product_id"],
            ["app.product.tenant_id", "app.product.id"],
            name=op.f("fk_client_product_tenant_id_product_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_client_product")),
        schema="app",
    )
    op.create_index(
        "ix_client_product_tenant_id_client_id",
        "client_product",
        ["tenant_id", "client_id", "id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_client_product_tenant_id_product_id",
        "client_product",
        ["tenant_id", "product_id", "client_id"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "contact",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("main", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("position", sa.Text(), nullable=True),
        sa.Column("department", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("phone_tail", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("birthday", sa.Date(), nullable=True),
        sa.Column("preferences", sa.Text(), nullable=True),
        sa.Column("left_on", sa.Date(), nullable=True),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "client_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_contact_tenant_id_client_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_contact")),
        schema="app",
    )
    op.create_index(
        "ix_contact_tenant_id_client_id", "contact", ["tenant_id", "client_id", "id"], unique=False, schema="app"
    )
    op.create_index(
        "ix_contact_tenant_id_phone_tail",
        "contact",
        ["tenant_id", "phone_tail"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("phone_tail is not null"),
    )
    op.create_table(
        "contract",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=True),
        sa.Column("start_on", sa.Date(), nullable=False),
        sa.Column("end_on", sa.Date(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("renews_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("status in ('draft', 'active', 'ended', 'terminated')", name=op.f("ck_contract_status")),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_contract_amount")),
        sa.CheckConstraint("end_on >= start_on", name=op.f("ck_contract_days")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "client_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_contract_tenant_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "renews_id"],
            ["app.contract.tenant_id", "app.contract.id"],
            name=op.f("fk_contract_tenant_id_renews_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_contract")),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_contract_tenant_id_number")),
        schema="app",
    )
    op.create_index(
        "ix_contract_tenant_id_client_id", "contract", ["tenant_id", "client_id", "id"], unique=False, schema="app"
    )
    op.create_index(
        "ix_contract_tenant_id_end_on",
        "contract",
        ["tenant_id", "end_on", "client_id"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index(
        "ix_contract_tenant_id_renews_id",
        "contract",
        ["tenant_id", "renews_id"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("renews_id is not null"),
    )
    op.create_table(
        "duplicate_pair",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("first_id", sa.Uuid(), nullable=False),
        sa.Column("second_id", sa.Uuid(), nullable=False),
        sa.Column("reasons", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("status in ('open', 'dismissed', 'merged')", name=op.f("ck_duplicate_pair_status")),
        sa.CheckConstraint("first_id < second_id", name=op.f("ck_duplicate_pair_order")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "first_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_duplicate_pair_tenant_id_first_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "second_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_duplicate_pair_tenant_id_second_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_duplicate_pair")),
        sa.UniqueConstraint(
            "tenant_id", "first_id", "second_id", name=op.f("uq_duplicate_pair_tenant_id_first_id_second_id")
        ),
        schema="app",
    )
    op.create_index(
        "ix_duplicate_pair_tenant_id_second_id",
        "duplicate_pair",
        ["tenant_id", "second_id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_duplicate_pair_tenant_id_status",
        "duplicate_pair",
        ["tenant_id", "status", "id"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "form_record",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plugin", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("form_version", sa.BigInteger(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("slot", sa.Text(), nullable=True),
        sa.Column("period", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("computed", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "client_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_form_record_tenant_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "owner_id"],
            ["app.tenant_user.tenant_id", "app.tenant_user.id"],
            name=op.f("fk_form_record_tenant_id_owner_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "unit_id"],
            ["app.org_unit.tenant_id", "app.org_unit.id"],
            name=op.f("fk_form_record_tenant_id_unit_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_form_record")),
        sa.UniqueConstraint(
            "tenant_id", "form", "subject_id", "slot", name=op.f("uq_form_record_tenant_id_form_subject_id_slot")
        ),
        schema="app",
    )
    op.create_index(
        "ix_form_record_tenant_id_batch_id",
        "form_record",
        ["tenant_id", "batch_id", "id"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("batch_id is not null"),
    )
    op.create_index(
        "ix_form_record_tenant_id_client_id",
        "form_record",
        ["tenant_id", "client_id", "form", "created_at", "id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_form_record_tenant_id_form",
        "form_record",
        ["tenant_id", "form", "created_at", "id"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "hand_over_item",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("hand_over_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("from_owner_id", sa.Uuid(), nullable=True),
        sa.Column("from_unit_id", sa.Uuid(), nullable=True),
        sa.Column("to_owner_id", sa.Uuid(), nullable=True),
        sa.Column("to_unit_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), server_default="waiting", nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "client_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_hand_over_item_tenant_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "hand_over_id"],
            ["app.hand_over.tenant_id", "app.hand_over.id"],
            name=op.f("fk_hand_over_item_tenant_id_hand_over_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "to_owner_id"],
            ["app.tenant_user.tenant_id", "app.tenant_user.id"],
            name=op.f("fk_hand_over_item_tenant_id_to_owner_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "to_unit_id"],
            ["app.org_unit.tenant_id", "app.org_unit.id"],
            name=op.f("fk_hand_over_item_tenant_id_to_unit_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "hand_over_id", "client_id", name=op.f("pk_hand_over_item")),
        schema="app",
    )
    op.create_index(
        "ix_hand_over_item_tenant_id_client_id",
        "hand_over_item",
        ["tenant_id", "client_id"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "form_revision",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("form_version", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("computed", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("replaced_by", sa.Uuid(), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "record_id"],
            ["app.form_record.tenant_id", "app.form_record.id"],
            name=op.f("fk_form_revision_tenant_id_record_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "record_id", "revision", name=op.f("pk_form_revision")),
        schema="app",
    )
    op.create_table(
        "grading_objection",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("grading_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("claimed", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "corrections", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("raised_by", sa.Uuid(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "status in ('open', 'upheld', 'rejected', 'withdrawn')", name=op.f("ck_grading_objection_status")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "client_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_grading_objection_tenant_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "grading_id"],
            ["app.grading.tenant_id", "app.grading.id"],
            name=op.f("fk_grading_objection_tenant_id_grading_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "record_id"],
            ["app.form_record.tenant_id", "app.form_record.id"],
            name=op.f("fk_grading_objection_tenant_id_record_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_grading_objection")),
        schema="app",
    )
    op.create_index(
        "ix_grading_objection_tenant_id_client_id",
        "grading_objection",
        ["tenant_id", "client_id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_grading_objection_tenant_id_grading_id",
        "grading_objection",
        ["tenant_id", "grading_id", "status"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_grading_objection_tenant_id_record_id",
        "grading_objection",
        ["tenant_id", "record_id"],
        unique=False,
        schema="app",
    )
    for table in TABLES:
        if table in APPEND_ONLY:
            protect(op, table, ("select", "insert"))
        elif table in NEVER_CHANGED:
            protect(op, table, ("select", "insert", "delete"))
        else:
            protect(op, table)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table, schema="app")
