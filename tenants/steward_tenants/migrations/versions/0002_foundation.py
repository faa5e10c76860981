"""The tables of floor 1, behind wall 1. This module is long because it creates all of them in one step.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from steward_tenants.database.policies import (
    APPLICATION_ROLE,
    DIRECTORY_ROLE,
    policy_form,
    protect,
    tenant_condition,
)

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

DIRECTORY_TABLES = (
    "account",
    "audit_anchor",
    "credential",
    "doorbell",
    "membership",
    "one_time_token",
    "platform_event",
    "signing_key",
    "tenant",
    "throttle",
)


def upgrade() -> None:
    op.create_table(
        "audit_event",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("actor_label", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "at", "id", name=op.f("pk_audit_event")),
        schema="app",
        postgresql_partition_by="range (at)",
    )
    op.create_index("ix_audit_event_action", "audit_event", ["tenant_id", "action", "at"], unique=False, schema="app")
    op.create_index("ix_audit_event_actor", "audit_event", ["tenant_id", "actor_id", "at"], unique=False, schema="app")
    op.create_index(
        "ix_audit_event_subject",
        "audit_event",
        ["tenant_id", "subject_kind", "subject_id", "at"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "audit_seal",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("batch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "batch", name=op.f("pk_audit_seal")),
        schema="app",
    )
    op.create_table(
        "idempotency_record",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("input_digest", sa.LargeBinary(), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "actor_id", "key", name=op.f("pk_idempotency_record")),
        schema="app",
    )
    op.create_index(
        "ix_idempotency_record_tenant_id_created_at",
        "idempotency_record",
        ["tenant_id", "created_at"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "org_unit",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="unit", nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("status in ('active', 'closed')", name=op.f("ck_org_unit_status")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_org_unit")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("uq_org_unit_tenant_id_code")),
        schema="app",
    )
    op.create_table(
        "outbox_job",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_outbox_job")),
        schema="app",
    )
    op.create_index(
        "ix_outbox_job_tenant_id_done_at",
        "outbox_job",
        ["tenant_id", "done_at", "due"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "plugin_switch",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("plugin", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "settings",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "plugin", name=op.f("pk_plugin_switch")),
        schema="app",
    )
    op.create_table(
        "role",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("duty", sa.Text(), server_default="business", nullable=False),
        sa.Column("builtin", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "duty in ('business', 'tenant_admin', 'security_admin', 'auditor')", name=op.f("ck_role_duty")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_role")),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("uq_role_tenant_id_key")),
        schema="app",
    )
    op.create_table(
        "sign_in_session",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="user", nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("second_factor", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_reason", sa.Text(), nullable=True),
        sa.Column("support_access_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("kind in ('user', 'support')", name=op.f("ck_sign_in_session_kind")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_sign_in_session")),
        sa.UniqueConstraint("tenant_id", "token_digest", name=op.f("uq_sign_in_session_tenant_id_token_digest")),
        schema="app",
    )
    op.create_index(
        "ix_sign_in_session_tenant_id_subject_id",
        "sign_in_session",
        ["tenant_id", "subject_id", "created_at"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "stored_file",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_stored_file")),
        schema="app",
    )
    op.create_index(
        "ix_stored_file_tenant_id_created_at",
        "stored_file",
        ["tenant_id", "created_at"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "tenant_setting",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_tenant_setting")),
        schema="app",
    )
    op.create_table(
        "api_client",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=True),
        sa.Column("redirect_uris", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("grant_types", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("permissions", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("scope", sa.Text(), server_default="all", nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("auth_method", sa.Text(), server_default="client_secret_basic", nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("scope in ('own', 'team', 'subtree', 'all')", name=op.f("ck_api_client_scope")),
        sa.CheckConstraint("status in ('proposed', 'active', 'revoked')", name=op.f("ck_api_client_status")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "unit_id"],
            ["app.org_unit.tenant_id", "app.org_unit.id"],
            name=op.f("fk_api_client_tenant_id_unit_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_api_client")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_api_client_tenant_id_name")),
        schema="app",
    )
    op.create_table(
        "role_permission",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("role_id", sa.Uuid(), nullable=False),
        sa.Column("permission", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "role_id"],
            ["app.role.tenant_id", "app.role.id"],
            name=op.f("fk_role_permission_tenant_id_role_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "role_id", "permission", name=op.f("pk_role_permission")),
        schema="app",
    )
    op.create_table(
        "tenant_user",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("employee_number", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("phone_tail", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("identity_number", sa.Text(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), server_default="invited", nullable=False),
        sa.Column("locale", sa.Text(), nullable=True),
        sa.Column("joined_on", sa.Date(), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("status in ('invited', 'active', 'disabled', 'erased')", name=op.f("ck_tenant_user_status")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "unit_id"],
            ["app.org_unit.tenant_id", "app.org_unit.id"],
            name=op.f("fk_tenant_user_tenant_id_unit_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_tenant_user")),
        sa.UniqueConstraint("tenant_id", "account_id", name=op.f("uq_tenant_user_tenant_id_account_id")),
        sa.UniqueConstraint("tenant_id", "employee_number", name=op.f("uq_tenant_user_tenant_id_employee_number")),
        sa.UniqueConstraint("tenant_id", "login", name=op.f("uq_tenant_user_tenant_id_login")),
        schema="app",
    )
    op.create_index(
        "ix_tenant_user_tenant_id_name",
        "tenant_user",
        ["tenant_id", "name", "id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_tenant_user_tenant_id_phone_tail",
        "tenant_user",
        ["tenant_id", "phone_tail"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_tenant_user_tenant_id_unit_id",
        "tenant_user",
        ["tenant_id", "unit_id"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "unit_path",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("ancestor_id", sa.Uuid(), nullable=False),
        sa.Column("descendant_id", sa.Uuid(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), server_default=sa.text("'9999-12-31'"), nullable=False),
        sa.Column("depth", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "ancestor_id"],
            ["app.org_unit.tenant_id", "app.org_unit.id"],
            name=op.f("fk_unit_path_tenant_id_ancestor_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "descendant_id"],
            ["app.org_unit.tenant_id", "app.org_unit.id"],
            name=op.f("fk_unit_path_tenant_id_descendant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "ancestor_id", "descendant_id", "valid_from", name=op.f("pk_unit_path")),
        schema="app",
    )
    op.create_index(
        "ix_unit_path_tenant_id_descendant_id",
        "unit_path",
        ["tenant_id", "descendant_id"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "unit_placement",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("parent_id <> unit_id", name=op.f("ck_unit_placement_not_itself")),
        sa.CheckConstraint("valid_until > valid_from", name=op.f("ck_unit_placement_days")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "parent_id"],
            ["app.org_unit.tenant_id", "app.org_unit.id"],
            name=op.f("fk_unit_placement_tenant_id_parent_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "unit_id"],
            ["app.org_unit.tenant_id", "app.org_unit.id"],
            name=op.f("fk_unit_placement_tenant_id_unit_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "unit_id", "valid_from", name=op.f("pk_unit_placement")),
        schema="app",
    )
    op.create_index(
        "ix_unit_placement_tenant_id_parent_id",
        "unit_placement",
        ["tenant_id", "parent_id"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "authorization_code",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=True),
        sa.Column("code_challenge", sa.Text(), nullable=False),
        sa.Column("auth_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("family_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "client_id"],
            ["app.api_client.tenant_id", "app.api_client.id"],
            name=op.f("fk_authorization_code_tenant_id_client_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["app.tenant_user.tenant_id", "app.tenant_user.id"],
            name=op.f("fk_authorization_code_tenant_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "digest", name=op.f("pk_authorization_code")),
        schema="app",
    )
    op.create_table(
        "privacy_request",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("subject_user_id", sa.Uuid(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind in ('export', 'erasure')", name=op.f("ck_privacy_request_kind")),
        sa.CheckConstraint("status in ('open', 'done', 'refused')", name=op.f("ck_privacy_request_status")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "file_id"],
            ["app.stored_file.tenant_id", "app.stored_file.id"],
            name=op.f("fk_privacy_request_tenant_id_file_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "subject_user_id"],
            ["app.tenant_user.tenant_id", "app.tenant_user.id"],
            name=op.f("fk_privacy_request_tenant_id_subject_user_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_privacy_request")),
        schema="app",
    )
    op.create_index(
        "ix_privacy_request_tenant_id_status",
        "privacy_request",
        ["tenant_id", "status", "created_at"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "role_assignment",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role_id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.Text(), server_default="own", nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("granted_by", sa.Uuid(), nullable=True),
        sa.Column("granted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("scope in ('own', 'team', 'subtree', 'all')", name=op.f("ck_role_assignment_scope")),
        sa.CheckConstraint("granted_by is distinct from user_id", name=op.f("ck_role_assignment_not_to_oneself")),
        sa.CheckConstraint("valid_until > valid_from", name=op.f("ck_role_assignment_days")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "role_id"],
            ["app.role.tenant_id", "app.role.id"],
            name=op.f("fk_role_assignment_tenant_id_role_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "unit_id"],
            ["app.org_unit.tenant_id", "app.org_unit.id"],
            name=op.f("fk_role_assignment_tenant_id_unit_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["app.tenant_user.tenant_id", "app.tenant_user.id"],
            name=op.f("fk_role_assignment_tenant_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_role_assignment")),
        schema="app",
    )
    op.create_index(
        "ix_role_assignment_tenant_id_role_id",
        "role_assignment",
        ["tenant_id", "role_id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_role_assignment_tenant_id_user_id",
        "role_assignment",
        ["tenant_id", "user_id"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "support_access",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("operator_account_id", sa.Uuid(), nullable=False),
        sa.Column("operator_login", sa.Text(), nullable=False),
        sa.Column("role_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("granted_by", sa.Uuid(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("expires_at > granted_at", name=op.f("ck_support_access_time")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "granted_by"],
            ["app.tenant_user.tenant_id", "app.tenant_user.id"],
            name=op.f("fk_support_access_tenant_id_granted_by"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "role_id"],
            ["app.role.tenant_id", "app.role.id"],
            name=op.f("fk_support_access_tenant_id_role_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_support_access")),
        schema="app",
    )
    op.create_table(
        "token_grant",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("family_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("access_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refresh_digest", sa.LargeBinary(), nullable=True),
        sa.Column("refresh_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "client_id"],
            ["app.api_client.tenant_id", "app.api_client.id"],
            name=op.f("fk_token_grant_tenant_id_client_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["app.tenant_user.tenant_id", "app.tenant_user.id"],
            name=op.f("fk_token_grant_tenant_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_token_grant")),
        sa.UniqueConstraint("tenant_id", "refresh_digest", name=op.f("uq_token_grant_tenant_id_refresh_digest")),
        schema="app",
    )
    op.create_index(
        "ix_token_grant_tenant_id_client_id",
        "token_grant",
        ["tenant_id", "client_id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_token_grant_tenant_id_family_id",
        "token_grant",
        ["tenant_id", "family_id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_token_grant_tenant_id_user_id",
        "token_grant",
        ["tenant_id", "user_id"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("is_operator", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status in ('active', 'disabled')", name=op.f("ck_account_status")),
        sa.CheckConstraint("login = lower(login)", name=op.f("ck_account_login")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("login", name=op.f("uq_account_login")),
        schema="directory",
    )
    op.create_table(
        "audit_anchor",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "batch", name=op.f("pk_audit_anchor")),
        schema="directory",
    )
    op.create_table(
        "doorbell",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("queue", "tenant_id", "job_id", name=op.f("pk_doorbell")),
        schema="directory",
    )
    op.create_index("ix_doorbell_queue_due", "doorbell", ["queue", "due"], unique=False, schema="directory")
    op.create_table(
        "platform_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_platform_event")),
        sa.UniqueConstraint("at", "id", name=op.f("uq_platform_event_at_id")),
        schema="directory",
    )
    op.create_index(
        op.f("ix_platform_event_tenant_id"), "platform_event", ["tenant_id"], unique=False, schema="directory"
    )
    op.create_table(
        "signing_key",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("private_key", sa.Text(), nullable=False),
        sa.Column("public_jwk", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("signs_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_key")),
        schema="directory",
    )
    op.create_table(
        "tenant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("status_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("delete_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("locale", sa.Text(), server_default="zh-CN", nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="Asia/Shanghai", nullable=False),
        sa.Column("password_profile", sa.Text(), server_default="modern", nullable=False),
        sa.Column("second_factor_required", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("allowed_origins", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("key ~ '^[a-z][a-z0-9-]{1,30}$'", name=op.f("ck_tenant_key")),
        sa.CheckConstraint("password_profile in ('modern', 'djbh3')", name=op.f("ck_tenant_password_profile")),
        sa.CheckConstraint("status in ('active', 'suspended', 'deleting', 'restoring')", name=op.f("ck_tenant_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant")),
        sa.UniqueConstraint("key", name=op.f("uq_tenant_key")),
        schema="directory",
    )
    op.create_table(
        "throttle",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("failures", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("window_ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_throttle")),
        schema="directory",
    )
    op.create_table(
        "credential",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_counter", sa.BigInteger(), nullable=True),
        sa.Column("must_change", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("spent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind in ('password', 'totp', 'recovery_code')", name=op.f("ck_credential_kind")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["directory.account.id"],
            name=op.f("fk_credential_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential")),
        schema="directory",
    )
    op.create_index(
        "ix_credential_account_id_kind",
        "credential",
        ["account_id", "kind"],
        unique=False,
        schema="directory",
    )
    op.create_index(
        "uq_credential_current",
        "credential",
        ["account_id", "kind"],
        unique=True,
        schema="directory",
        postgresql_where=sa.text("spent_at is null and kind <> 'recovery_code'"),
    )
    op.create_table(
        "membership",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["directory.account.id"],
            name=op.f("fk_membership_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["directory.tenant.id"], name=op.f("fk_membership_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "tenant_id", name=op.f("pk_membership")),
        schema="directory",
    )
    op.create_index(op.f("ix_membership_tenant_id"), "membership", ["tenant_id"], unique=False, schema="directory")
    op.create_table(
        "one_time_token",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "purpose in ('invitation', 'password_reset', 'second_factor')",
            name=op.f("ck_one_time_token_purpose"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["directory.account.id"],
            name=op.f("fk_one_time_token_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_one_time_token")),
        schema="directory",
    )
    op.create_index(
        op.f("ix_one_time_token_account_id"),
        "one_time_token",
        ["account_id"],
        unique=False,
        schema="directory",
    )
    protect(op, "audit_event", ("select", "insert"))
    protect(op, "audit_seal", ("select", "insert"))
    protect(op, "idempotency_record")
    protect(op, "org_unit")
    protect(op, "outbox_job")
    protect(op, "plugin_switch")
    protect(op, "role")
    protect(op, "sign_in_session")
    protect(op, "stored_file")
    protect(op, "tenant_setting")
    protect(op, "api_client")
    protect(op, "role_permission")
    protect(op, "tenant_user")
    protect(op, "unit_path")
    protect(op, "unit_placement")
    protect(op, "authorization_code")
    protect(op, "privacy_request")
    protect(op, "role_assignment")
    protect(op, "support_access")
    protect(op, "token_grant")
    op.execute("select steward.extend_audit_partitions((now() - interval '1 month')::date, 26)")
    for table in DIRECTORY_TABLES:
        op.execute(f"grant select, insert, update, delete on directory.{table} to {DIRECTORY_ROLE}")
    for table in ("platform_event", "audit_anchor"):
        op.execute(f"revoke update, delete on directory.{table} from {DIRECTORY_ROLE}")
    op.execute(f"grant insert on directory.doorbell to {APPLICATION_ROLE}")
    op.execute("alter table directory.doorbell enable row level security")
    op.execute("alter table directory.doorbell force row level security")
    op.execute(
        f"create policy ring on directory.doorbell for insert to {APPLICATION_ROLE}"
        f" with check ({tenant_condition(policy_form())})"
    )
    op.execute(f"create policy relay on directory.doorbell to {DIRECTORY_ROLE} using (true) with check (true)")


def downgrade() -> None:
    op.drop_index(op.f("ix_one_time_token_account_id"), table_name="one_time_token", schema="directory")
    op.drop_table("one_time_token", schema="directory")
    op.drop_index(op.f("ix_membership_tenant_id"), table_name="membership", schema="directory")
    op.drop_table("membership", schema="directory")
    op.drop_index(
        "uq_credential_current",
        table_name="credential",
        schema="directory",
        postgresql_where=sa.text("spent_at is null and kind <> 'recovery_code'"),
    )
    op.drop_index("ix_credential_account_id_kind", table_name="credential", schema="directory")
    op.drop_table("credential", schema="directory")
    op.drop_table("throttle", schema="directory")
    op.drop_table("tenant", schema="directory")
    op.drop_table("signing_key", schema="directory")
    op.drop_index(op.f("ix_platform_event_tenant_id"), table_name="platform_event", schema="directory")
    op.drop_table("platform_event", schema="directory")
    op.drop_index("ix_doorbell_queue_due", table_name="doorbell", schema="directory")
    op.drop_table("doorbell", schema="directory")
    op.drop_table("audit_anchor", schema="directory")
    op.drop_table("account", schema="directory")
    op.drop_index("ix_token_grant_tenant_id_user_id", table_name="token_grant", schema="app")
    op.drop_index("ix_token_grant_tenant_id_family_id", table_name="token_grant", schema="app")
    op.drop_index("ix_token_grant_tenant_id_client_id", table_name="token_grant", schema="app")
    op.drop_table("token_grant", schema="app")
    op.drop_table("support_access", schema="app")
    op.drop_index("ix_role_assignment_tenant_id_user_id", table_name="role_assignment", schema="app")
    op.drop_index("ix_role_assignment_tenant_id_role_id", table_name="role_assignment", schema="app")
    op.drop_table("role_assignment", schema="app")
    op.drop_index("ix_privacy_request_tenant_id_status", table_name="privacy_request", schema="app")
    op.drop_table("privacy_request", schema="app")
    op.drop_table("authorization_code", schema="app")
    op.drop_index("ix_unit_placement_tenant_id_parent_id", table_name="unit_placement", schema="app")
    op.drop_table("unit_placement", schema="app")
    op.drop_index("ix_unit_path_tenant_id_descendant_id", table_name="unit_path", schema="app")
    op.drop_table("unit_path", schema="app")
    op.drop_index("ix_tenant_user_tenant_id_unit_id", table_name="tenant_user", schema="app")
    op.drop_index("ix_tenant_user_tenant_id_phone_tail", table_name="tenant_user", schema="app")
    op.drop_index("ix_tenant_user_tenant_id_name", table_name="tenant_user", schema="app")
    op.drop_table("tenant_user", schema="app")
    op.drop_table("role_permission", schema="app")
    op.drop_table("api_client", schema="app")
    op.drop_table("tenant_setting", schema="app")
    op.drop_index("ix_stored_file_tenant_id_created_at", table_name="stored_file", schema="app")
    op.drop_table("stored_file", schema="app")
    op.drop_index("ix_sign_in_session_tenant_id_subject_id", table_name="sign_in_session", schema="app")
    op.drop_table("sign_in_session", schema="app")
    op.drop_table("role", schema="app")
    op.drop_table("plugin_switch", schema="app")
    op.drop_index("ix_outbox_job_tenant_id_done_at", table_name="outbox_job", schema="app")
    op.drop_table("outbox_job", schema="app")
    op.drop_table("org_unit", schema="app")
    op.drop_index("ix_idempotency_record_tenant_id_created_at", table_name="idempotency_record", schema="app")
    op.drop_table("idempotency_record", schema="app")
    op.drop_table("audit_seal", schema="app")
    op.drop_index("ix_audit_event_subject", table_name="audit_event", schema="app")
    op.drop_index("ix_audit_event_actor", table_name="audit_event", schema="app")
    op.drop_index("ix_audit_event_action", table_name="audit_event", schema="app")
    op.drop_table("audit_event", schema="app")
