"""Jobs know their state: attempts, errors, what is dead; bells say which tenants have work.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from steward_tenants.database.policies import DIRECTORY_ROLE

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _widen_jobs()
    op.create_index("ix_doorbell_queue_tenant_id_due", "doorbell", ["queue", "tenant_id", "due"], schema="directory")
    op.create_table(
        "bell",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=False),
        sa.Column("rung_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("queue", "tenant_id", "slot", name=op.f("pk_bell")),
        schema="directory",
    )
    op.execute(f"grant select, insert, update, delete on directory.bell to {DIRECTORY_ROLE}")


def _widen_jobs() -> None:
    # With its check, so that the table is locked once, before anybody else looks at it in this version.
    op.execute(
        "alter table app.outbox_job add column status text default 'waiting' not null"
        " constraint ck_outbox_job_status check (status in ('waiting', 'done', 'dead', 'discarded'))"
    )
    for column in (
        sa.Column("attempts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("unique_key", sa.Text(), nullable=True),
        sa.Column("again", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
    ):
        op.add_column("outbox_job", column, schema="app")
    op.drop_index("ix_outbox_job_tenant_id_done_at", table_name="outbox_job", schema="app")
    for name, columns, condition, unique in (
        ("ix_outbox_job_waiting", ["tenant_id", "queue", "due", "id"], "status = 'waiting'", False),
        (
            "uq_outbox_job_waiting",
            ["tenant_id", "kind", "unique_key"],
            "status = 'waiting' and unique_key is not null",
            True,
        ),
        ("ix_outbox_job_dead", ["tenant_id", "id"], "status = 'dead'", False),
        ("ix_outbox_job_finished", ["tenant_id", "done_at"], "done_at is not null", False),
    ):
        op.create_index(name, "outbox_job", columns, unique=unique, schema="app", postgresql_where=sa.text(condition))


def downgrade() -> None:
    op.drop_table("bell", schema="directory")
    op.drop_index("ix_doorbell_queue_tenant_id_due", table_name="doorbell", schema="directory")
    for name in ("ix_outbox_job_waiting", "uq_outbox_job_waiting", "ix_outbox_job_dead", "ix_outbox_job_finished"):
        op.drop_index(name, table_name="outbox_job", schema="app")
    op.create_index("ix_outbox_job_tenant_id_done_at", "outbox_job", ["tenant_id", "done_at", "due"], schema="app")
    op.drop_constraint(op.f("ck_outbox_job_status"), "outbox_job", schema="app", type_="check")
    for column in ("tried_at", "again", "unique_key", "error", "attempts", "status"):
        op.drop_column("outbox_job", column, schema="app")
