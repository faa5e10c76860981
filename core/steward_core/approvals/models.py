"""Definitions of approvals, approvals with their trail, who is asked at present, who stands in while absent, and the
requests that are about nothing else."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, Index, Numeric, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from steward_core.approvals.state import Status
from steward_core.approvals.trail import Act
from steward_core.forms.fields import Choice
from steward_tenants.database.tables import TenantTable, created, identifier, one_of, refers, version


class ApprovalDefinition(TenantTable):
    """One version of a tenant's definition; `document` is the whole of it. At most one version of a key is `active`;
    what began under an earlier one ends under it. `place` orders the definitions of a subject: the first that is for
    it counts.
    """

    __tablename__ = "approval_definition"
    __table_args__ = (
        UniqueConstraint("tenant_id", "key", "version"),
        CheckConstraint("version >= 1", name="version"),
        Index("uq_approval_definition_active", "tenant_id", "key", unique=True, postgresql_where=text("active")),
        Index("ix_approval_definition_subject", "tenant_id", "subject", "place", postgresql_where=text("active")),
    )

    id: Mapped[UUID] = identifier()
    key: Mapped[str]
    version: Mapped[int]
    subject: Mapped[str]
    title_zh: Mapped[str]
    title_en: Mapped[str]
    place: Mapped[int] = mapped_column(server_default=text("0"))
    document: Mapped[dict[str, Any]]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    made_by: Mapped[UUID]
    made_at: Mapped[datetime] = created()


class Approval(TenantTable):
    """One subject that needs a yes. `definition` is the document under which it began, with its key and version.

    `owner_id` and `unit_id` are those of the subject; `successor_id` is who took the subject over from the requester,
    and may withdraw it and submit it again as well. `status`, `step` (with its titles), `turn` and `opened_at` are
    what the trail leads to; `next_at` is when the clock has to look at it. A subject has one running approval at most.
    """

    __tablename__ = "approval"
    __table_args__ = (
        refers("client_id", "client"),
        one_of("status", Status),
        Index(
            "uq_approval_running",
            "tenant_id",
            "subject",
            "subject_id",
            unique=True,
            postgresql_where=text("status = 'running'"),
        ),
        Index("ix_approval_tenant_id_subject", "tenant_id", "subject", "subject_id", "id"),
        Index("ix_approval_tenant_id_requester_id", "tenant_id", "requester_id", "id"),
        Index("ix_approval_tenant_id_successor_id", "tenant_id", "successor_id", "id"),
        Index("ix_approval_tenant_id_owner_id", "tenant_id", "owner_id", "id"),
        Index("ix_approval_tenant_id_unit_id", "tenant_id", "unit_id", "id"),
        Index("ix_approval_tenant_id_client_id", "tenant_id", "client_id", "id"),
        Index("ix_approval_next_at", "tenant_id", "next_at", postgresql_where=text("next_at is not null")),
    )

    id: Mapped[UUID] = identifier()
    subject: Mapped[str]
    subject_id: Mapped[UUID]
    title: Mapped[str]
    requester_id: Mapped[UUID]
    successor_id: Mapped[UUID | None]
    owner_id: Mapped[UUID]
    unit_id: Mapped[UUID | None]
    client_id: Mapped[UUID | None]
    definition_key: Mapped[str]
    definition_version: Mapped[int]
    definition: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(server_default=Status.RUNNING)
    step: Mapped[str]
    step_zh: Mapped[str]
    step_en: Mapped[str]
    turn: Mapped[int]
    started_at: Mapped[datetime]
    opened_at: Mapped[datetime]
    next_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class ApprovalEntry(TenantTable):
    """One entry of an approval's trail, the `number`th. Its id is the command's own key. Append-only.

    `actor_id` None: the product itself. `person_id`, `instead_of_id` and `step` are what the act needs;
    `resolution` is what a submission found out, so that the trail alone replays to the state.
    """

    __tablename__ = "approval_entry"
    __table_args__ = (
        refers("approval_id", "approval"),
        one_of("act", Act),
        UniqueConstraint("tenant_id", "approval_id", "number"),
        Index("ix_approval_entry_tenant_id_actor_id", "tenant_id", "actor_id", "approval_id"),
        Index("ix_approval_entry_tenant_id_person_id", "tenant_id", "person_id", "approval_id"),
    )

    id: Mapped[UUID] = identifier()
    approval_id: Mapped[UUID]
    number: Mapped[int]
    act: Mapped[str]
    at: Mapped[datetime]
    actor_id: Mapped[UUID | None]
    turn: Mapped[int | None]
    person_id: Mapped[UUID | None]
    instead_of_id: Mapped[UUID | None]
    step: Mapped[str | None]
    reason: Mapped[str] = mapped_column(server_default="")
    resolution: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class ApprovalSeat(TenantTable):
    """Somebody who may decide at present: `asked_id` is the approver, who is `user_id`, or in whose place `user_id` may
    decide. Follows from the trail; rewritten with each entry."""

    __tablename__ = "approval_seat"
    __table_args__ = (
        refers("approval_id", "approval", on_delete="CASCADE"),
        UniqueConstraint("tenant_id", "approval_id", "user_id"),
        Index("ix_approval_seat_tenant_id_user_id", "tenant_id", "user_id", "since"),
        Index("ix_approval_seat_tenant_id_asked_id", "tenant_id", "asked_id"),
    )

    id: Mapped[UUID] = identifier()
    approval_id: Mapped[UUID]
    user_id: Mapped[UUID]
    asked_id: Mapped[UUID]
    step: Mapped[str]
    turn: Mapped[int]
    since: Mapped[datetime]


class ApprovalAbsence(TenantTable):
    """Who decides in somebody's place from a moment until a moment (exclusive). `cancelled_at`: it was called off or
    cut short."""

    __tablename__ = "approval_absence"
    __table_args__ = (
        refers("user_id", "tenant_user", on_delete="CASCADE"),
        refers("substitute_id", "tenant_user", on_delete="CASCADE"),
        CheckConstraint("ends_at > starts_at", name="moments"),
        CheckConstraint("substitute_id <> user_id", name="another"),
        Index("ix_approval_absence_tenant_id_user_id", "tenant_id", "user_id", "ends_at"),
        Index("ix_approval_absence_tenant_id_substitute_id", "tenant_id", "substitute_id"),
    )

    id: Mapped[UUID] = identifier()
    user_id: Mapped[UUID]
    substitute_id: Mapped[UUID]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    set_by: Mapped[UUID]
    set_at: Mapped[datetime] = created()
    cancelled_at: Mapped[datetime | None]


class RequestKind(Choice):
    """What is asked for."""

    LEAVE = "leave", "请假", "Leave"
    VOLUME = "volume", "合理定量", "Reasonable volume"
    GENERAL = "general", "一般申请", "General request"


class RequestStatus(Choice):
    """Where a request stands. A draft, one sent back and one withdrawn may be changed and submitted."""

    DRAFT = "draft", "草稿", "draft"
    SUBMITTED = "submitted", "审批中", "submitted"
    RETURNED = "returned", "已退回", "sent back"
    WITHDRAWN = "withdrawn", "已撤回", "withdrawn"
    APPROVED = "approved", "已同意", "approved"
    REJECTED = "rejected", "已拒绝", "rejected"
    EXPIRED = "expired", "已到期", "expired"


class ApprovalRequest(TenantTable):
    """A request that is about nothing that the product keeps elsewhere: leave, a reasonable volume for a client,
    anything else. `from_on` and `until_on` are days, both included; `amount` is a quantity (of cartons, of fen)."""

    __tablename__ = "approval_request"
    __table_args__ = (
        refers("client_id", "client"),
        one_of("kind", RequestKind),
        one_of("status", RequestStatus),
        CheckConstraint("until_on >= from_on", name="days"),
        CheckConstraint("kind <> 'leave' or (from_on is not null and until_on is not null)", name="leave"),
        CheckConstraint("kind <> 'volume' or amount is not null", name="volume"),
        Index("ix_approval_request_tenant_id_owner_id", "tenant_id", "owner_id", "id"),
        Index("ix_approval_request_tenant_id_unit_id", "tenant_id", "unit_id", "id"),
        Index("ix_approval_request_tenant_id_client_id", "tenant_id", "client_id", "id"),
    )

    id: Mapped[UUID] = identifier()
    kind: Mapped[str]
    title: Mapped[str]
    text: Mapped[str] = mapped_column(server_default="")
    owner_id: Mapped[UUID]
    unit_id: Mapped[UUID | None]
    client_id: Mapped[UUID | None]
    from_on: Mapped[date | None] = mapped_column(Date)
    until_on: Mapped[date | None] = mapped_column(Date)
    amount: Mapped[Decimal | None] = mapped_column(Numeric(18, 4))
    status: Mapped[str] = mapped_column(server_default=RequestStatus.DRAFT)
    created_at: Mapped[datetime] = created()
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}
