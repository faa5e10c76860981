"""Score schemes, and what each manager's month came to: indicators and score, revision after revision."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, Index, Numeric, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.tables import TenantTable, created, identifier, one_of, refers


class ScoreStatus(StrEnum):
    """`computing`: a run is at it, nobody sees it yet. A `final` score never changes: what is found later makes a new
    revision, with a reason."""

    COMPUTING = "computing"
    PREVIEW = "preview"
    FINAL = "final"


class ScoreScheme(TenantTable):
    """One version of how a month is scored: `items` is its document. Never changed; the latest that has taken effect is
    in force, of two of one month the higher number. `template`: as the product ships it, kept when it was first used.
    """

    __tablename__ = "score_scheme"
    __table_args__ = (
        UniqueConstraint("tenant_id", "number"),
        CheckConstraint("number >= 1", name="number"),
        CheckConstraint("extract(day from effective_from) = 1", name="effective_from"),
    )

    id: Mapped[UUID] = identifier()
    number: Mapped[int]
    effective_from: Mapped[date] = mapped_column(Date)
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    template: Mapped[bool] = mapped_column(server_default=text("false"))
    reason: Mapped[str | None]
    created_by: Mapped[UUID]
    created_at: Mapped[datetime] = created()


class MonthScore(TenantTable):
    """What one manager's month (`month`: its first day) came to, by a scheme and the rules of a version.

    `unit_id` is the manager's unit when it was worked out. `score` is of 100 (None: nothing could be scored), `lines`
    explain it. `revision` counts the workings-out of the month; `current` is the one that counts: the final one, or the
    preview while there is none. `reason` says why a final score got a further revision.
    """

    __tablename__ = "month_score"
    __table_args__ = (
        refers("scheme_id", "score_scheme"),
        UniqueConstraint("tenant_id", "owner_id", "month", "revision"),
        one_of("status", ScoreStatus),
        CheckConstraint("extract(day from month) = 1", name="month"),
        CheckConstraint("revision >= 1 and rule_version >= 1", name="counts"),
        CheckConstraint("score >= 0", name="score"),
        CheckConstraint("(status = 'final') = (finalised_at is not null)", name="finalised_at"),
        Index(
            "uq_month_score_current",
            "tenant_id",
            "month",
            "owner_id",
            unique=True,
            postgresql_where=text("current"),
        ),
        Index("ix_month_score_tenant_id_unit_id", "tenant_id", "unit_id", "month", "id"),
        Index("ix_month_score_tenant_id_run_id", "tenant_id", "run_id", "id"),
    )

    id: Mapped[UUID] = identifier()
    owner_id: Mapped[UUID]
    unit_id: Mapped[UUID | None]
    month: Mapped[date] = mapped_column(Date)
    revision: Mapped[int]
    status: Mapped[str] = mapped_column(server_default=ScoreStatus.COMPUTING)
    current: Mapped[bool] = mapped_column(server_default=text("false"))
    scheme_id: Mapped[UUID]
    rule_version: Mapped[int]
    score: Mapped[Decimal | None] = mapped_column(Numeric(7, 2))
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    reason: Mapped[str | None]
    run_id: Mapped[UUID]
    worked_out_at: Mapped[datetime] = created()
    finalised_at: Mapped[datetime | None]
    finalised_by: Mapped[UUID | None]


class MonthIndicator(TenantTable):
    """One indicator of a manager's month, as it was when its score was worked out: the score's inputs, kept with it.

    `indicator` is its full key, `measure` its unit. `numerator` and `denominator` are of rates.
    """

    __tablename__ = "month_indicator"
    __table_args__ = (
        refers("score_id", "month_score", on_delete="CASCADE"),
        UniqueConstraint("tenant_id", "score_id", "indicator"),
        Index("ix_month_indicator_tenant_id_month", "tenant_id", "month", "indicator", "owner_id"),
        Index("ix_month_indicator_tenant_id_owner_id", "tenant_id", "owner_id", "month"),
    )

    id: Mapped[UUID] = identifier()
    score_id: Mapped[UUID]
    owner_id: Mapped[UUID]
    unit_id: Mapped[UUID | None]
    month: Mapped[date] = mapped_column(Date)
    indicator: Mapped[str]
    measure: Mapped[str]
    value: Mapped[Decimal | None] = mapped_column(Numeric)
    numerator: Mapped[Decimal | None] = mapped_column(Numeric)
    denominator: Mapped[Decimal | None] = mapped_column(Numeric)
