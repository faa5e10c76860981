"""Visits: check-in, checklists, what came of them, the day sheet.

Revision ID: 0020
Revises: 0019
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from steward_tenants.database.policies import protect

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def _id(name: str, *, nullable: bool = False) -> sa.Column[UUID]:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _text(name: str, default: str | None = None) -> sa.Column[str]:
    server_default = None if default is None else sa.text(f"'{default}'")
    return sa.Column(name, sa.Text(), server_default=server_default, nullable=default is None)


def _texts(name: str) -> sa.Column[Any]:
    return sa.Column(name, postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False)


def _ids(name: str) -> sa.Column[Any]:
    return sa.Column(name, postgresql.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False)


def _day(name: str, *, nullable: bool = True) -> sa.Column[date]:
    return sa.Column(name, sa.Date(), nullable=nullable)


def _moment(name: str, *, nullable: bool = True) -> sa.Column[datetime]:
    default = None if nullable else sa.text("now()")
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=True)


def _document(name: str) -> sa.Column[Any]:
    return sa.Column(name, postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "visit",
        _id("tenant_id"),
        _id("id"),
        _id("client_id"),
        _id("owner_id"),
        _id("unit_id", nullable=True),
        _id("action_id", nullable=True),
        _text("kind", "on_site"),
        _text("origin", "appointment"),
        _text("status", "prepared"),
        _day("day", nullable=False),
        _text("aim"),
        *(_moment(name) for name in ("began_at", "ended_at", "device_began_at", "device_ended_at")),
        sa.Column("latitude", sa.Numeric(9, 6), nullable=True),
        sa.Column("longitude", sa.Numeric(9, 6), nullable=True),
        *(_number(name) for name in ("accuracy_metres", "metres", "verdict")),
        _document("check_in"),
        _ids("contact_ids"),
        _ids("photo_ids"),
        _text("topics"),
        _texts("needs"),
        _text("needs_text"),
        _texts("wishes"),
        _texts("complaints"),
        _text("summary"),
        _text("competitor_signs"),
        _text("next_step"),
        _day("next_due_on"),
        _number("intention"),
        _text("improvement"),
        *(_document(name) for name in ("before", "during", "after")),
        _text("reason"),
        _id("created_by"),
        _moment("created_at", nullable=False),
        _moment("updated_at", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        *_checks(),
        sa.ForeignKeyConstraint(
            ["tenant_id", "client_id"],
            ["app.client.tenant_id", "app.client.id"],
            name=op.f("fk_visit_tenant_id_client_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_visit")),
        schema="app",
    )
    for column in ("owner_id", "client_id"):
        op.create_index(f"ix_visit_tenant_id_{column}", "visit", ["tenant_id", column, "day", "id"], schema="app")
    op.create_index("ix_visit_tenant_id_day", "visit", ["tenant_id", "day", "status"], schema="app")
    op.create_index(
        "ix_visit_tenant_id_action_id",
        "visit",
        ["tenant_id", "action_id"],
        schema="app",
        postgresql_where=sa.text("action_id is not null"),
    )
    protect(op, "visit")


def _checks() -> tuple[sa.CheckConstraint, ...]:
    areas = "'basic_communication', 'mobile_office', 'production_control', 'service_marketing'"
    checks = {
        "kind": "kind in ('on_site', 'phone', 'meeting')",
        "origin": "origin in ('appointment', 'unannounced', 'referral')",
        "status": "status in ('prepared', 'under_way', 'done', 'cancelled')",
        "times": "ended_at is null or ended_at >= began_at",
        "intention": "intention between 1 and 5",
        "verdict": "verdict between 0 and 2",
        "ended": "status <> 'done' or ended_at is not null",
        "needs": f"needs <@ array[{areas}]::text[]",
    }
    return tuple(sa.CheckConstraint(check, name=op.f(f"ck_visit_{name}")) for name, check in checks.items())


def downgrade() -> None:
    op.drop_table("visit", schema="app")
