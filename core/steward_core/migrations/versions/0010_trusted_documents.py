"""Query documents that a tenant trusts; the form records that wait for a decision, by when they were submitted.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

from steward_tenants.database.policies import protect

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "trusted_document",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("char_length(text) <= 100000", name=op.f("ck_trusted_document_text")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_trusted_document")),
        sa.UniqueConstraint("tenant_id", "digest", name=op.f("uq_trusted_document_tenant_id_digest")),
        schema="app",
    )
    protect(op, "trusted_document")
    op.create_index(
        "ix_form_record_tenant_id_submitted",
        "form_record",
        ["tenant_id", "updated_at"],
        schema="app",
        postgresql_where=sa.text("state = 'submitted'"),
    )


def downgrade() -> None:
    op.drop_index("ix_form_record_tenant_id_submitted", table_name="form_record", schema="app")
    op.drop_table("trusted_document", schema="app")
