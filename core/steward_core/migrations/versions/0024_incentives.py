"""Pay schemes, their runs, statements with explained lines.

Revision ID: 0024
Revises: 0023
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from steward_tenants.database.policies import EVERY_RIGHT, protect

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

TABLES = (
    "pay_scheme",
    "pay_scheme_version",
    "pay_member",
    "pay_run",
    "pay_statement",
    "pay_line",
    "pay_dispute",
    "pay_correction",
)
APPEND_ONLY = frozenset({"pay_scheme_version", "pay_line"})


def upgrade() -> None:
    _create_pay_scheme()
    _create_pay_scheme_version()
    _create_pay_member()
    _create_pay_run()
    _create_pay_statement()
    _create_pay_line()
    _create_pay_dispute()
    _create_pay_correction()
    for table in TABLES:
        protect(op, table, ("select", "insert") if table in APPEND_ONLY else EVERY_RIGHT)


def _create_pay_scheme() -> None:
    op.create_table(
        "pay_scheme",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("status in ('active', 'closed')", name=op.f("ck_pay_scheme_status")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "unit_id"],
            ["app.org_unit.tenant_id", "app.org_unit.id"],
            name=op.f("fk_pay_scheme_tenant_id_unit_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_pay_scheme")),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("uq_pay_scheme_tenant_id_key")),
        schema="app",
    )


def _create_pay_scheme_version() -> None:
    op.create_table(
        "pay_scheme_version",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scheme_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("rule_version", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("extract(day from effective_from) = 1", name=op.f("ck_pay_scheme_version_effective_from")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_pay_scheme_version_number")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "scheme_id"],
            ["app.pay_scheme.tenant_id", "app.pay_scheme.id"],
            name=op.f("fk_pay_scheme_version_tenant_id_scheme_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_pay_scheme_version")),
        sa.UniqueConstraint(
            "tenant_id", "scheme_id", "number", name=op.f("uq_pay_scheme_version_tenant_id_scheme_id_number")
        ),
        schema="app",
    )


def _create_pay_member() -> None:
    op.create_table(
        "pay_member",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scheme_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("from_month", sa.Date(), nullable=False),
        sa.Column("until_month", sa.Date(), nullable=True),
        sa.Column("probation_from", sa.Date(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("probation_from is null or role = 'sales'", name=op.f("ck_pay_member_probation_from")),
        sa.CheckConstraint("role in ('sales', 'team_lead', 'technician')", name=op.f("ck_pay_member_role")),
        sa.CheckConstraint("until_month > from_month", name=op.f("ck_pay_member_until_month")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "person_id"],
            ["app.tenant_user.tenant_id", "app.tenant_user.id"],
            name=op.f("fk_pay_member_tenant_id_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "scheme_id"],
            ["app.pay_scheme.tenant_id", "app.pay_scheme.id"],
            name=op.f("fk_pay_member_tenant_id_scheme_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "unit_id"],
            ["app.org_unit.tenant_id", "app.org_unit.id"],
            name=op.f("fk_pay_member_tenant_id_unit_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_pay_member")),
        sa.UniqueConstraint(
            "tenant_id", "person_id", "from_month", name=op.f("uq_pay_member_tenant_id_person_id_from_month")
        ),
        schema="app",
    )
    op.create_index(
        "ix_pay_member_tenant_id_scheme_id",
        "pay_member",
        ["tenant_id", "scheme_id", "person_id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_pay_member_tenant_id_unit_id", "pay_member", ["tenant_id", "unit_id"], unique=False, schema="app"
    )


def _create_pay_run() -> None:
    op.create_table(
        "pay_run",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scheme_id", sa.Uuid(), nullable=False),
        sa.Column("scheme_version_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), server_default="computing", nullable=False),
        sa.Column("people", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("total", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("previous_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("submitted_by", sa.Uuid(), nullable=True),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("exported_by", sa.Uuid(), nullable=True),
        sa.Column("exported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "status in ('computing', 'draft', 'approving', 'approved', 'exported', 'superseded', 'discarded')",
            name=op.f("ck_pay_run_status"),
        ),
        sa.CheckConstraint("extract(day from month) = 1", name=op.f("ck_pay_run_month")),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_pay_run_revision")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "previous_id"],
            ["app.pay_run.tenant_id", "app.pay_run.id"],
            name=op.f("fk_pay_run_tenant_id_previous_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "scheme_id"],
            ["app.pay_scheme.tenant_id", "app.pay_scheme.id"],
            name=op.f("fk_pay_run_tenant_id_scheme_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "scheme_version_id"],
            ["app.pay_scheme_version.tenant_id", "app.pay_scheme_version.id"],
            name=op.f("fk_pay_run_tenant_id_scheme_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "unit_id"],
            ["app.org_unit.tenant_id", "app.org_unit.id"],
            name=op.f("fk_pay_run_tenant_id_unit_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_pay_run")),
        sa.UniqueConstraint(
            "tenant_id", "scheme_id", "month", "revision", name=op.f("uq_pay_run_tenant_id_scheme_id_month_revision")
        ),
        schema="app",
    )
    op.create_index("ix_pay_run_tenant_id_month", "pay_run", ["tenant_id", "month"], unique=False, schema="app")


def _create_pay_statement() -> None:
    op.create_table(
        "pay_statement",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("scheme_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("given", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("scheme_version", sa.BigInteger(), nullable=False),
        sa.Column("rule_version", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("role in ('sales', 'team_lead', 'technician')", name=op.f("ck_pay_statement_role")),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_pay_statement_revision")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "person_id"],
            ["app.tenant_user.tenant_id", "app.tenant_user.id"],
            name=op.f("fk_pay_statement_tenant_id_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "run_id"],
            ["app.pay_run.tenant_id", "app.pay_run.id"],
            name=op.f("fk_pay_statement_tenant_id_run_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "scheme_id"],
            ["app.pay_scheme.tenant_id", "app.pay_scheme.id"],
            name=op.f("fk_pay_statement_tenant_id_scheme_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "unit_id"],
            ["app.org_unit.tenant_id", "app.org_unit.id"],
            name=op.f("fk_pay_statement_tenant_id_unit_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_pay_statement")),
        sa.UniqueConstraint(
            "tenant_id",
            "person_id",
            "month",
            "revision",
            name=op.f("uq_pay_statement_tenant_id_person_id_month_revision"),
        ),
        sa.UniqueConstraint(
            "tenant_id", "run_id", "person_id", name=op.f("uq_pay_statement_tenant_id_run_id_person_id")
        ),
        schema="app",
    )


def _create_pay_line() -> None:
    op.create_table(
        "pay_line",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("inputs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("formula_zh", sa.Text(), nullable=False),
        sa.Column("formula_en", sa.Text(), nullable=False),
        sa.Column("fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("position >= 1", name=op.f("ck_pay_line_position")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "statement_id"],
            ["app.pay_statement.tenant_id", "app.pay_statement.id"],
            name=op.f("fk_pay_line_tenant_id_statement_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_pay_line")),
        sa.UniqueConstraint(
            "tenant_id", "statement_id", "position", name=op.f("uq_pay_line_tenant_id_statement_id_position")
        ),
        schema="app",
    )


def _create_pay_dispute() -> None:
    op.create_table(
        "pay_dispute",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("raised_by", sa.Uuid(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "status in ('open', 'accepted', 'rejected', 'withdrawn')", name=op.f("ck_pay_dispute_status")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "line_id"],
            ["app.pay_line.tenant_id", "app.pay_line.id"],
            name=op.f("fk_pay_dispute_tenant_id_line_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "statement_id"],
            ["app.pay_statement.tenant_id", "app.pay_statement.id"],
            name=op.f("fk_pay_dispute_tenant_id_statement_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_pay_dispute")),
        schema="app",
    )
    op.create_index(
        "ix_pay_dispute_tenant_id_line_id", "pay_dispute", ["tenant_id", "line_id"], unique=False, schema="app"
    )
    op.create_index(
        "ix_pay_dispute_tenant_id_statement_id",
        "pay_dispute",
        ["tenant_id", "statement_id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "uq_pay_dispute_open",
        "pay_dispute",
        ["tenant_id", "line_id"],
        unique=True,
        schema="app",
        postgresql_where=sa.text("status = 'open'"),
    )


def _create_pay_correction() -> None:
    op.create_table(
        "pay_correction",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("dispute_id", sa.Uuid(), nullable=True),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("fen", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("paid_run_id", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("extract(day from month) = 1", name=op.f("ck_pay_correction_month")),
        sa.CheckConstraint("fen <> 0", name=op.f("ck_pay_correction_fen")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "dispute_id"],
            ["app.pay_dispute.tenant_id", "app.pay_dispute.id"],
            name=op.f("fk_pay_correction_tenant_id_dispute_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "paid_run_id"],
            ["app.pay_run.tenant_id", "app.pay_run.id"],
            name=op.f("fk_pay_correction_tenant_id_paid_run_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "person_id"],
            ["app.tenant_user.tenant_id", "app.tenant_user.id"],
            name=op.f("fk_pay_correction_tenant_id_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "statement_id"],
            ["app.pay_statement.tenant_id", "app.pay_statement.id"],
            name=op.f("fk_pay_correction_tenant_id_statement_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_pay_correction")),
        schema="app",
    )
    op.create_index(
        "ix_pay_correction_tenant_id_paid_run_id",
        "pay_correction",
        ["tenant_id", "paid_run_id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_pay_correction_tenant_id_person_id",
        "pay_correction",
        ["tenant_id", "person_id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "ix_pay_correction_tenant_id_statement_id",
        "pay_correction",
        ["tenant_id", "statement_id"],
        unique=False,
        schema="app",
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table, schema="app")
