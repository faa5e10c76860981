"""Notices, what has still to be sent of them, and how each person wants them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.tables import TenantTable, created, identifier, one_of, refers

DAY_MINUTES = 24 * 60


class Notice(TenantTable):
    """One thing told to one person. `subject_kind` and `subject_id` name what it is about (`client`, `run`, …).

    `key`: the same key of a kind reaches a person once. `read_at` None: not read yet.
    """

    __tablename__ = "notice"
    __table_args__ = (
        refers("user_id", "tenant_user"),
        UniqueConstraint("tenant_id", "user_id", "kind", "key"),
        Index("ix_notice_tenant_id_user_id_created_at", "tenant_id", "user_id", "created_at", "id"),
        Index("ix_notice_unread", "tenant_id", "user_id", postgresql_where=text("read_at is null")),
        Index("ix_notice_tenant_id_created_at", "tenant_id", "created_at"),
    )

    id: Mapped[UUID] = identifier()
    user_id: Mapped[UUID]
    kind: Mapped[str]
    title_zh: Mapped[str]
    title_en: Mapped[str]
    body_zh: Mapped[str | None]
    body_en: Mapped[str | None]
    subject_kind: Mapped[str | None]
    subject_id: Mapped[UUID | None]
    key: Mapped[str | None]
    created_at: Mapped[datetime] = created()
    read_at: Mapped[datetime | None]


class DeliveryStatus(StrEnum):
    """`dropped`: the person left or no longer wants it. `failed`: the address was refused for good."""

    WAITING = "waiting"
    SENT = "sent"
    DROPPED = "dropped"
    FAILED = "failed"


class NoticeDelivery(TenantTable):
    """That a notice goes out by a channel, and what became of it. `due` is the earliest moment."""

    __tablename__ = "notice_delivery"
    __table_args__ = (
        refers("notice_id", "notice", on_delete="CASCADE"),
        one_of("status", DeliveryStatus),
        Index("ix_notice_delivery_waiting", "tenant_id", "due", postgresql_where=text("status = 'waiting'")),
        Index("ix_notice_delivery_tenant_id_user_id", "tenant_id", "user_id"),
    )

    notice_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-10)
    channel: Mapped[str] = mapped_column(primary_key=True, sort_order=-9)
    user_id: Mapped[UUID]
    status: Mapped[str] = mapped_column(server_default=DeliveryStatus.WAITING)
    due: Mapped[datetime] = mapped_column(server_default=text("now()"))
    ended_at: Mapped[datetime | None]


class NoticePreference(TenantTable):
    """A person's own wish for a kind of notice and a channel; without a row the kind's default holds."""

    __tablename__ = "notice_preference"
    __table_args__ = (refers("user_id", "tenant_user"),)

    user_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-10)
    kind: Mapped[str] = mapped_column(primary_key=True, sort_order=-9)
    channel: Mapped[str] = mapped_column(primary_key=True, sort_order=-8)
    wanted: Mapped[bool]
    changed_at: Mapped[datetime] = created()


class QuietHours(TenantTable):
    """When a person wants nothing sent: minutes after midnight, `starts` included and `ends` not; past midnight when
    `ends` is the smaller. `zone` None: the tenant's time zone."""

    __tablename__ = "notice_quiet_hours"
    __table_args__ = (
        refers("user_id", "tenant_user"),
        CheckConstraint(f"starts >= 0 and starts < {DAY_MINUTES}", name="starts"),
        CheckConstraint(f"ends >= 0 and ends < {DAY_MINUTES} and ends <> starts", name="ends"),
    )

    user_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-10)
    starts: Mapped[int]
    ends: Mapped[int]
    zone: Mapped[str | None]
    changed_at: Mapped[datetime] = created()
