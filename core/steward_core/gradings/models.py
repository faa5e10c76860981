"""Gradings of all clients of a unit for a period, and objections to them."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.tables import TenantTable, identifier, one_of, refers, version


class GradingStatus(StrEnum):
    """`preview` binds nobody; `bound` has set the tiers; `superseded` was replaced by a later revision."""

    COMPUTING = "computing"
    PREVIEW = "preview"
    BOUND = "bound"
    SUPERSEDED = "superseded"
    DISCARDED = "discarded"


class Grading(TenantTable):
    """A grading of every client of a kind in a unit (a county) for a period; its results are form records.

    `scheme` is `<plugin>.<scheme key>`, `rule_version` the version of the scoring functions, `policy` the figures in
    force: with the records' inputs (`input_names` among the document's fields) they give the same result again. The
    period runs from `period_start` until `period_end` (exclusive). A re-grading is the next `revision`; `previous_id`
    is the revision whose inputs it takes.
    """

    __tablename__ = "grading"
    __table_args__ = (
        refers("unit_id", "org_unit"),
        refers("previous_id", "grading"),
        UniqueConstraint("tenant_id", "scheme", "unit_id", "period", "revision"),
        one_of("status", GradingStatus),
        CheckConstraint("revision >= 1", name="revision"),
    )

    id: Mapped[UUID] = identifier()
    scheme: Mapped[str]
    unit_id: Mapped[UUID]
    period: Mapped[str]
    period_start: Mapped[date] = mapped_column(Date)
    period_end: Mapped[date] = mapped_column(Date)
    revision: Mapped[int] = mapped_column(server_default=text("1"))
    status: Mapped[str] = mapped_column(server_default=GradingStatus.COMPUTING)
    rule_version: Mapped[int]
    policy: Mapped[dict[str, Any]]
    input_names: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    counts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    previous_id: Mapped[UUID | None]
    requested_by: Mapped[UUID]
    requested_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    bound_by: Mapped[UUID | None]
    bound_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class ObjectionStatus(StrEnum):
    """An upheld objection corrects inputs; the next re-grading uses them."""

    OPEN = "open"
    UPHELD = "upheld"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class GradingObjection(TenantTable):
    """An objection to one client's result, and what was decided. `corrections` are the corrected inputs."""

    __tablename__ = "grading_objection"
    __table_args__ = (
        refers("grading_id", "grading"),
        refers("client_id", "client"),
        refers("record_id", "form_record"),
        one_of("status", ObjectionStatus),
        Index("ix_grading_objection_tenant_id_grading_id", "tenant_id", "grading_id", "status"),
        Index("ix_grading_objection_tenant_id_client_id", "tenant_id", "client_id"),
        Index("ix_grading_objection_tenant_id_record_id", "tenant_id", "record_id"),
    )

    id: Mapped[UUID] = identifier()
    grading_id: Mapped[UUID]
    client_id: Mapped[UUID]
    record_id: Mapped[UUID]
    status: Mapped[str] = mapped_column(server_default=ObjectionStatus.OPEN)
    reason: Mapped[str]
    claimed: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    corrections: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    raised_by: Mapped[UUID]
    raised_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None]
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}
