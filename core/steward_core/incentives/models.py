"""Tables of incentives: schemes and their versions, who is paid by them, runs, statements, disputes, corrections."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from steward_core.incentives.statements import Role
from steward_tenants.database.tables import TenantTable, created, identifier, one_of, refers, version


class SchemeStatus(StrEnum):
    """A closed scheme keeps its history and is run no more."""

    ACTIVE = "active"
    CLOSED = "closed"


class PayScheme(TenantTable):
    """A way of being paid by results. `unit_id`: the unit whose people it is for (None: the whole company)."""

    __tablename__ = "pay_scheme"
    __table_args__ = (
        refers("unit_id", "org_unit"),
        UniqueConstraint("tenant_id", "key"),
        one_of("status", SchemeStatus),
    )

    id: Mapped[UUID] = identifier()
    key: Mapped[str]
    title_zh: Mapped[str]
    title_en: Mapped[str]
    unit_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(server_default=SchemeStatus.ACTIVE)
    created_at: Mapped[datetime] = created()
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class PaySchemeVersion(TenantTable):
    """The figures of a scheme from a month on; never changed. `document` is a `TeamScheme`, `rule_version` the code
    that works it out."""

    __tablename__ = "pay_scheme_version"
    __table_args__ = (
        refers("scheme_id", "pay_scheme"),
        UniqueConstraint("tenant_id", "scheme_id", "number"),
        CheckConstraint("number >= 1", name="number"),
        CheckConstraint("extract(day from effective_from) = 1", name="effective_from"),
    )

    id: Mapped[UUID] = identifier()
    scheme_id: Mapped[UUID]
    number: Mapped[int]
    effective_from: Mapped[date] = mapped_column(Date)
    document: Mapped[dict[str, Any]]
    rule_version: Mapped[int]
    reason: Mapped[str | None]
    made_by: Mapped[UUID]
    made_at: Mapped[datetime] = created()


class PayMember(TenantTable):
    """A person who is paid by a scheme from a month until a month (exclusive; None: still); both are first days.

    `unit_id` is the person's team, of a lead the unit led, of a technician the department. `probation_from` is the
    first month of probation (None: there is none). The months of one person never overlap, whatever the scheme.
    """

    __tablename__ = "pay_member"
    __table_args__ = (
        refers("scheme_id", "pay_scheme"),
        refers("person_id", "tenant_user"),
        refers("unit_id", "org_unit"),
        UniqueConstraint("tenant_id", "person_id", "from_month"),
        one_of("role", Role),
        CheckConstraint("until_month > from_month", name="until_month"),
        CheckConstraint("probation_from is null or role = 'sales'", name="probation_from"),
        Index("ix_pay_member_tenant_id_scheme_id", "tenant_id", "scheme_id", "person_id"),
        Index("ix_pay_member_tenant_id_unit_id", "tenant_id", "unit_id"),
    )

    id: Mapped[UUID] = identifier()
    scheme_id: Mapped[UUID]
    person_id: Mapped[UUID]
    role: Mapped[str]
    unit_id: Mapped[UUID]
    from_month: Mapped[date] = mapped_column(Date)
    until_month: Mapped[date | None] = mapped_column(Date)
    probation_from: Mapped[date | None] = mapped_column(Date)
    created_by: Mapped[UUID]
    created_at: Mapped[datetime] = created()
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class PayRunStatus(StrEnum):
    """A draft binds nobody and only payroll sees it; what was approved is never changed again, a later revision takes
    its place (superseded)."""

    COMPUTING = "computing"
    DRAFT = "draft"
    APPROVING = "approving"
    APPROVED = "approved"
    EXPORTED = "exported"
    SUPERSEDED = "superseded"
    DISCARDED = "discarded"


PUBLISHED = (PayRunStatus.APPROVED.value, PayRunStatus.EXPORTED.value, PayRunStatus.SUPERSEDED.value)
"""States in which people see their own statements."""
IN_FORCE = (PayRunStatus.APPROVED.value, PayRunStatus.EXPORTED.value)
IN_WORK = (PayRunStatus.COMPUTING.value, PayRunStatus.DRAFT.value, PayRunStatus.APPROVING.value)


class PayRun(TenantTable):
    """The statements of a scheme's people for a month; a change of what was approved is the next revision."""

    __tablename__ = "pay_run"
    __table_args__ = (
        refers("scheme_id", "pay_scheme"),
        refers("scheme_version_id", "pay_scheme_version"),
        refers("previous_id", "pay_run"),
        refers("unit_id", "org_unit"),
        UniqueConstraint("tenant_id", "scheme_id", "month", "revision"),
        one_of("status", PayRunStatus),
        CheckConstraint("revision >= 1", name="revision"),
        CheckConstraint("extract(day from month) = 1", name="month"),
        Index("ix_pay_run_tenant_id_month", "tenant_id", "month"),
    )

    id: Mapped[UUID] = identifier()
    scheme_id: Mapped[UUID]
    scheme_version_id: Mapped[UUID]
    unit_id: Mapped[UUID | None]
    month: Mapped[date] = mapped_column(Date)
    revision: Mapped[int]
    status: Mapped[str] = mapped_column(server_default=PayRunStatus.COMPUTING)
    people: Mapped[int] = mapped_column(server_default=text("0"))
    total: Mapped[int] = mapped_column(server_default=text("0"))
    previous_id: Mapped[UUID | None]
    reason: Mapped[str | None]
    requested_by: Mapped[UUID]
    requested_at: Mapped[datetime] = created()
    submitted_by: Mapped[UUID | None]
    approved_by: Mapped[UUID | None]
    approved_at: Mapped[datetime | None]
    exported_by: Mapped[UUID | None]
    exported_at: Mapped[datetime | None]
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class PayStatement(TenantTable):
    """A person's pay of a month in a run. `given` is all that it was worked out from: with the scheme's version and the
    rules' version it gives the same lines again. `total` None: taken in, not worked out yet. `revision` counts the
    person's statements of the month, whatever the run."""

    __tablename__ = "pay_statement"
    __table_args__ = (
        refers("run_id", "pay_run"),
        refers("scheme_id", "pay_scheme"),
        refers("person_id", "tenant_user"),
        refers("unit_id", "org_unit"),
        UniqueConstraint("tenant_id", "run_id", "person_id"),
        UniqueConstraint("tenant_id", "person_id", "month", "revision"),
        one_of("role", Role),
        CheckConstraint("revision >= 1", name="revision"),
    )

    id: Mapped[UUID] = identifier()
    run_id: Mapped[UUID]
    scheme_id: Mapped[UUID]
    person_id: Mapped[UUID]
    unit_id: Mapped[UUID]
    role: Mapped[str]
    month: Mapped[date] = mapped_column(Date)
    revision: Mapped[int]
    given: Mapped[dict[str, Any]]
    scheme_version: Mapped[int]
    rule_version: Mapped[int]
    total: Mapped[int | None]
    created_at: Mapped[datetime] = created()


class PayLine(TenantTable):
    """One rule's part of a statement: what went in, the formula with its figures, what came out in fen."""

    __tablename__ = "pay_line"
    __table_args__ = (
        refers("statement_id", "pay_statement"),
        UniqueConstraint("tenant_id", "statement_id", "position"),
        CheckConstraint("position >= 1", name="position"),
    )

    id: Mapped[UUID] = identifier()
    statement_id: Mapped[UUID]
    position: Mapped[int]
    rule: Mapped[str]
    title_zh: Mapped[str]
    title_en: Mapped[str]
    inputs: Mapped[dict[str, Any]]
    formula_zh: Mapped[str]
    formula_en: Mapped[str]
    fen: Mapped[int]


class DisputeStatus(StrEnum):
    """An accepted dispute is mended by a correction in a later month or by a new revision."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class PayDispute(TenantTable):
    """What a person says against a line of the own statement, and what payroll answered."""

    __tablename__ = "pay_dispute"
    __table_args__ = (
        refers("line_id", "pay_line"),
        refers("statement_id", "pay_statement"),
        one_of("status", DisputeStatus),
        Index("uq_pay_dispute_open", "tenant_id", "line_id", unique=True, postgresql_where=text("status = 'open'")),
        Index("ix_pay_dispute_tenant_id_statement_id", "tenant_id", "statement_id"),
        Index("ix_pay_dispute_tenant_id_line_id", "tenant_id", "line_id"),
    )

    id: Mapped[UUID] = identifier()
    line_id: Mapped[UUID]
    statement_id: Mapped[UUID]
    text: Mapped[str]
    status: Mapped[str] = mapped_column(server_default=DisputeStatus.OPEN)
    answer: Mapped[str | None]
    raised_by: Mapped[UUID]
    raised_at: Mapped[datetime] = created()
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class PayCorrection(TenantTable):
    """An amount that a published statement paid too little (or, below zero, too much): a line of the person's first
    statement of `month` or later. `paid_run_id`: the approved run whose statement has it."""

    __tablename__ = "pay_correction"
    __table_args__ = (
        refers("person_id", "tenant_user"),
        refers("statement_id", "pay_statement"),
        refers("dispute_id", "pay_dispute"),
        refers("paid_run_id", "pay_run"),
        CheckConstraint("fen <> 0", name="fen"),
        CheckConstraint("extract(day from month) = 1", name="month"),
        Index("ix_pay_correction_tenant_id_person_id", "tenant_id", "person_id"),
        Index("ix_pay_correction_tenant_id_statement_id", "tenant_id", "statement_id"),
        Index("ix_pay_correction_tenant_id_paid_run_id", "tenant_id", "paid_run_id"),
    )

    id: Mapped[UUID] = identifier()
    person_id: Mapped[UUID]
    statement_id: Mapped[UUID]
    dispute_id: Mapped[UUID | None]
    month: Mapped[date] = mapped_column(Date)
    fen: Mapped[int]
    reason: Mapped[str]
    paid_run_id: Mapped[UUID | None]
    withdrawn_at: Mapped[datetime | None]
    made_by: Mapped[UUID]
    made_at: Mapped[datetime] = created()
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}
