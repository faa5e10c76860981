"""Opportunities, proposals, discount requests, document checklists, order acceptance.

This module is long because ten tables that refer to each other are made at once.

Revision ID: 0022
Revises: 0021
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from steward_tenants.database.policies import protect

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TABLES = (
    "opportunity",
    "opportunity_member",
    "opportunity_step",
    "pipeline_review",
    "proposal",
    "discount_request",
    "contract_file",
    "contract_paper",
    "service_order",
    "opportunity_advice",
)


def upgrade() -> None:
    _create_opportunity()
    _create_opportunity_member()
    _create_opportunity_step()
    _create_pipeline_review()
    _create_proposal()
    _create_discount_request()
    _create_contract_file()
    _create_contract_paper()
    _create_service_order()
    _create_opportunity_advice()


def _create_opportunity() -> None:
    op.create_table(
        "opportunity",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("need", sa.Text(), nullable=True),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), server_default="open", nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("probability", sa.BigInteger(), nullable=False),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("lost_reason", sa.Text(), nullable=True),
        sa.Column("lost_note", sa.Text(), nullable=True),
        sa.Column("stage_since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "lost_reason in ('price', 'resource', 'relation', 'competitor')", name=op.f("ck_opportunity_lost_reason")
        ),
        sa.CheckConstraint("outcome in ('open', 'signed', 'delivered', 'lost')", name=op.f("ck_opportunity_outcome")),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_opportunity_amount")),
        sa.CheckConstraint("probability between 0 and 100", name=op.f("ck_opportunity_probability")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "client_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_opportunity_tenant_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "visit_id"],
            ["app.visit.tenant_id", "app.visit.id"],
            name=op.f("fk_opportunity_tenant_id_visit_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_opportunity")),
        schema="app",
    )
    op.create_index(
        "ix_opportunity_tenant_id_client_id",
        "opportunity",
        ["tenant_id", "client_id", "id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_opportunity_tenant_id_outcome",
        "opportunity",
        ["tenant_id", "outcome", "expected_on", "id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_opportunity_tenant_id_owner_id",
        "opportunity",
        ["tenant_id", "owner_id", "outcome", "expected_on"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_opportunity_tenant_id_unit_id",
        "opportunity",
        ["tenant_id", "unit_id", "outcome", "expected_on"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_opportunity_tenant_id_visit_id",
        "opportunity",
        ["tenant_id", "visit_id"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("visit_id is not null"),
    )
    protect(op, "opportunity")


def _create_opportunity_member() -> None:
    op.create_table(
        "opportunity_member",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("opportunity_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("part", sa.Text(), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "opportunity_id"],
            ["app.opportunity.tenant_id", "app.opportunity.id"],
            name=op.f("fk_opportunity_member_tenant_id_opportunity_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["app.tenant_user.tenant_id", "app.tenant_user.id"],
            name=op.f("fk_opportunity_member_tenant_id_user_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "opportunity_id", "user_id", name=op.f("pk_opportunity_member")),
        schema="app",
    )
    op.create_index(
        "ix_opportunity_member_tenant_id_user_id",
        "opportunity_member",
        ["tenant_id", "user_id", "opportunity_id"],
        unique=False,
        schema="app",
    )
    protect(op, "opportunity_member")


def _create_opportunity_step() -> None:
    op.create_table(
        "opportunity_step",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("opportunity_id", sa.Uuid(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("probability", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "opportunity_id"],
            ["app.opportunity.tenant_id", "app.opportunity.id"],
            name=op.f("fk_opportunity_step_tenant_id_opportunity_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_opportunity_step")),
        schema="app",
    )
    op.create_index(
        "ix_opportunity_step_tenant_id_at", "opportunity_step", ["tenant_id", "at"], unique=False, schema="app"
    )
    op.create_index(
        "ix_opportunity_step_tenant_id_opportunity_id",
        "opportunity_step",
        ["tenant_id", "opportunity_id", "at", "id"],
        unique=False,
        schema="app",
    )
    protect(op, "opportunity_step", ("select", "insert"))


def _create_pipeline_review() -> None:
    op.create_table(
        "pipeline_review",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        sa.Column("reviewed_by", sa.Uuid(), nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "unit_id"],
            ["app.org_unit.tenant_id", "app.org_unit.id"],
            name=op.f("fk_pipeline_review_tenant_id_unit_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_pipeline_review")),
        sa.UniqueConstraint("tenant_id", "unit_id", "week", name=op.f("uq_pipeline_review_tenant_id_unit_id_week")),
        schema="app",
    )
    protect(op, "pipeline_review")


def _create_proposal() -> None:
    op.create_table(
        "proposal",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("opportunity_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("items", postgresql.JSONB(), nullable=False),
        sa.Column("standard_total", sa.BigInteger(), nullable=False),
        sa.Column("quoted_total", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="draft", nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("changes_id", sa.Uuid(), nullable=True),
        sa.Column("change", sa.Text(), nullable=True),
        sa.Column("approval_id", sa.Uuid(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_by", sa.Uuid(), nullable=True),
        sa.Column("view", sa.Text(), nullable=True),
        sa.Column("view_note", sa.Text(), nullable=True),
        sa.Column("viewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "state in ('draft', 'waiting', 'approved', 'rejected', 'sent', 'superseded')",
            name=op.f("ck_proposal_state"),
        ),
        sa.CheckConstraint("view in ('accepted', 'undecided', 'changes', 'declined')", name=op.f("ck_proposal_view")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "changes_id"],
            ["app.proposal.tenant_id", "app.proposal.id"],
            name=op.f("fk_proposal_tenant_id_changes_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "opportunity_id"],
            ["app.opportunity.tenant_id", "app.opportunity.id"],
            name=op.f("fk_proposal_tenant_id_opportunity_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "visit_id"],
            ["app.visit.tenant_id", "app.visit.id"],
            name=op.f("fk_proposal_tenant_id_visit_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_proposal")),
        sa.UniqueConstraint(
            "tenant_id", "opportunity_id", "number", name=op.f("uq_proposal_tenant_id_opportunity_id_number")
        ),
        schema="app",
    )
    op.create_index(
        "ix_proposal_tenant_id_changes_id", "proposal", ["tenant_id", "changes_id"], unique=False, schema="app"
    )
    op.create_index(
        "ix_proposal_tenant_id_sent_at",
        "proposal",
        ["tenant_id", "sent_at"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("sent_at is not null"),
    )
    op.create_index(
        "ix_proposal_tenant_id_visit_id",
        "proposal",
        ["tenant_id", "visit_id"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("visit_id is not null"),
    )
    protect(op, "proposal")


def _create_discount_request() -> None:
    op.create_table(
        "discount_request",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("opportunity_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=True),
        sa.Column("trade", sa.Text(), nullable=True),
        sa.Column("services", sa.Text(), nullable=False),
        sa.Column("background", sa.Text(), nullable=False),
        sa.Column("competition", sa.Text(), nullable=True),
        sa.Column("items", postgresql.JSONB(), nullable=False),
        sa.Column("standard_total", sa.BigInteger(), nullable=False),
        sa.Column("asked_total", sa.BigInteger(), nullable=False),
        sa.Column("discount_total", sa.BigInteger(), nullable=False),
        sa.Column("percent", sa.Numeric(precision=7, scale=4), nullable=False),
        sa.Column("state", sa.Text(), server_default="submitted", nullable=False),
        sa.Column("approval_id", sa.Uuid(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "state in ('submitted', 'approved', 'rejected', 'returned', 'withdrawn', 'expired')",
            name=op.f("ck_discount_request_state"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "opportunity_id"],
            ["app.opportunity.tenant_id", "app.opportunity.id"],
            name=op.f("fk_discount_request_tenant_id_opportunity_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "record_id"],
            ["app.form_record.tenant_id", "app.form_record.id"],
            name=op.f("fk_discount_request_tenant_id_record_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_discount_request")),
        sa.UniqueConstraint("tenant_id", "record_id", name=op.f("uq_discount_request_tenant_id_record_id")),
        schema="app",
    )
    op.create_index(
        "ix_discount_request_tenant_id_opportunity_id",
        "discount_request",
        ["tenant_id", "opportunity_id", "state"],
        unique=False,
        schema="app",
    )
    protect(op, "discount_request")


def _create_contract_file() -> None:
    op.create_table(
        "contract_file",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("opportunity_id", sa.Uuid(), nullable=False),
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_by", sa.Uuid(), nullable=True),
        sa.Column("resource_available", sa.Boolean(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "contract_id"],
            ["app.contract.tenant_id", "app.contract.id"],
            name=op.f("fk_contract_file_tenant_id_contract_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "opportunity_id"],
            ["app.opportunity.tenant_id", "app.opportunity.id"],
            name=op.f("fk_contract_file_tenant_id_opportunity_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_contract_file")),
        sa.UniqueConstraint("tenant_id", "contract_id", name=op.f("uq_contract_file_tenant_id_contract_id")),
        schema="app",
    )
    op.create_index(
        "ix_contract_file_tenant_id_opportunity_id",
        "contract_file",
        ["tenant_id", "opportunity_id"],
        unique=False,
        schema="app",
    )
    protect(op, "contract_file")


def _create_contract_paper() -> None:
    op.create_table(
        "contract_paper",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("contract_file_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("copies", sa.BigInteger(), nullable=False),
        sa.Column("seam_seal", sa.Boolean(), nullable=False),
        sa.Column("present", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("sealed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("checked_by", sa.Uuid(), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("copies >= 1", name=op.f("ck_contract_paper_copies")),
        sa.CheckConstraint("present >= 0", name=op.f("ck_contract_paper_present")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "contract_file_id"],
            ["app.contract_file.tenant_id", "app.contract_file.id"],
            name=op.f("fk_contract_paper_tenant_id_contract_file_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "contract_file_id", "key", name=op.f("pk_contract_paper")),
        schema="app",
    )
    protect(op, "contract_paper")


def _create_service_order() -> None:
    op.create_table(
        "service_order",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("opportunity_id", sa.Uuid(), nullable=False),
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=True),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("engineering_contact", sa.Text(), nullable=True),
        sa.Column("planned_on", sa.Date(), nullable=True),
        sa.Column("state", sa.Text(), server_default="accepted", nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("accepted_by", sa.Uuid(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("state in ('accepted', 'completed', 'cancelled')", name=op.f("ck_service_order_state")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "contract_id"],
            ["app.contract.tenant_id", "app.contract.id"],
            name=op.f("fk_service_order_tenant_id_contract_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "opportunity_id"],
            ["app.opportunity.tenant_id", "app.opportunity.id"],
            name=op.f("fk_service_order_tenant_id_opportunity_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "record_id"],
            ["app.form_record.tenant_id", "app.form_record.id"],
            name=op.f("fk_service_order_tenant_id_record_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_service_order")),
        sa.UniqueConstraint("tenant_id", "record_id", name=op.f("uq_service_order_tenant_id_record_id")),
        schema="app",
    )
    op.create_index(
        "ix_service_order_tenant_id_contract_id",
        "service_order",
        ["tenant_id", "contract_id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_service_order_tenant_id_opportunity_id",
        "service_order",
        ["tenant_id", "opportunity_id", "state"],
        unique=False,
        schema="app",
    )
    protect(op, "service_order")


def _create_opportunity_advice() -> None:
    op.create_table(
        "opportunity_advice",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("opportunity_id", sa.Uuid(), nullable=False),
        sa.Column("advisor", sa.Text(), nullable=False),
        sa.Column("rule_version", sa.BigInteger(), nullable=False),
        sa.Column("plugin_version", sa.Text(), nullable=False),
        sa.Column("question", postgresql.JSONB(), nullable=False),
        sa.Column("settings", postgresql.JSONB(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("lines", postgresql.JSONB(), nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "opportunity_id"],
            ["app.opportunity.tenant_id", "app.opportunity.id"],
            name=op.f("fk_opportunity_advice_tenant_id_opportunity_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_opportunity_advice")),
        schema="app",
    )
    op.create_index(
        "ix_opportunity_advice_tenant_id_opportunity_id",
        "opportunity_advice",
        ["tenant_id", "opportunity_id", "asked_at", "id"],
        unique=False,
        schema="app",
    )
    protect(op, "opportunity_advice", ("select", "insert"))


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table, schema="app")
