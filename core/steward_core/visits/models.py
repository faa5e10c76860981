"""Visits of managers to clients."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, Index, Numeric, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import Mapped, mapped_column

from steward_core.forms.fields import Choice
from steward_tenants.database.tables import TenantTable, created, identifier, one_of, refers, version


class VisitKind(Choice):
    """How client and manager met [003]."""

    ON_SITE = "on_site", "上门", "On site"
    PHONE = "phone", "电话", "Phone call"
    MEETING = "meeting", "小型座谈会", "Small client meeting"


class VisitOrigin(Choice):
    """How a visit came about [000#4]."""

    APPOINTMENT = "appointment", "电话预约", "By appointment"
    UNANNOUNCED = "unannounced", "直接上门", "Unannounced"
    REFERRAL = "referral", "他人引荐", "By referral"


class VisitStatus(Choice):
    """`done` counts; `cancelled` is kept with its reason."""

    PREPARED = "prepared", "准备中", "Prepared"
    UNDER_WAY = "under_way", "进行中", "Under way"
    DONE = "done", "已完成", "Done"
    CANCELLED = "cancelled", "已取消", "Cancelled"


class NeedArea(Choice):
    """The four areas in which a client's needs are looked for [003]."""

    BASIC_COMMUNICATION = "basic_communication", "基础通信", "Basic communication"
    MOBILE_OFFICE = "mobile_office", "移动办公", "Mobile office"
    PRODUCTION_CONTROL = "production_control", "生产控制", "Production control"
    SERVICE_MARKETING = "service_marketing", "服务与营销", "Service and marketing"


def status_of(value: str) -> VisitStatus:
    """The status that a visit's column says."""
    return next(one for one in VisitStatus if one.value == value)


def kind_of(value: object) -> VisitKind | None:
    """The kind of this key, if there is one."""
    return next((one for one in VisitKind if one.value == value), None)


class Visit(TenantTable):
    """One visit. `owner_id` is who visits (with the unit at that time), `action_id` the planned action it serves.

    `day` is the visit's day in the tenant's zone: the day planned until it begins, then the day on which it began.
    `began_at` is the server's reckoning of the beginning, `device_*` what the device said; `verdict` (0 accepted, 1
    flagged, 2 refused) and `check_in` (its lines and figures) what became of the check-in. `before`, `during`, `after`
    are the checklists as the tenant had them when the visit was made: `{"items": [{key, zh, en, done, note}]}`. Photos
    are stored files. `needs` are areas, `needs_text` says what. `intention` is the client's grade, 1 to 5. `wishes` and
    `complaints` become service requests of the visitor when the visit is done. `custom` holds the tenant's own fields.
    """

    __tablename__ = "visit"
    __table_args__ = (
        refers("client_id", "client"),
        one_of("kind", VisitKind),
        one_of("origin", VisitOrigin),
        one_of("status", VisitStatus),
        CheckConstraint("ended_at is null or ended_at >= began_at", name="times"),
        CheckConstraint("intention between 1 and 5", name="intention"),
        CheckConstraint("verdict between 0 and 2", name="verdict"),
        CheckConstraint("status <> 'done' or ended_at is not null", name="ended"),
        CheckConstraint(
            "needs <@ array['basic_communication', 'mobile_office', 'production_control', 'service_marketing']::text[]",
            name="needs",
        ),
        Index("ix_visit_tenant_id_owner_id", "tenant_id", "owner_id", "day", "id"),
        Index("ix_visit_tenant_id_client_id", "tenant_id", "client_id", "day", "id"),
        Index("ix_visit_tenant_id_day", "tenant_id", "day", "status"),
        Index("ix_visit_tenant_id_action_id", "tenant_id", "action_id", postgresql_where=text("action_id is not null")),
    )

    id: Mapped[UUID] = identifier()
    client_id: Mapped[UUID]
    owner_id: Mapped[UUID]
    unit_id: Mapped[UUID | None]
    action_id: Mapped[UUID | None]
    kind: Mapped[str] = mapped_column(server_default=VisitKind.ON_SITE)
    origin: Mapped[str] = mapped_column(server_default=VisitOrigin.APPOINTMENT)
    status: Mapped[str] = mapped_column(server_default=VisitStatus.PREPARED)
    day: Mapped[date] = mapped_column(Date)
    aim: Mapped[str | None]
    began_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    device_began_at: Mapped[datetime | None]
    device_ended_at: Mapped[datetime | None]
    latitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    longitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    accuracy_metres: Mapped[int | None]
    metres: Mapped[int | None]
    verdict: Mapped[int | None]
    check_in: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    contact_ids: Mapped[list[UUID]] = mapped_column(ARRAY(PG_UUID(as_uuid=True)), server_default=text("'{}'"))
    photo_ids: Mapped[list[UUID]] = mapped_column(ARRAY(PG_UUID(as_uuid=True)), server_default=text("'{}'"))
    topics: Mapped[str | None]
    needs: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    needs_text: Mapped[str | None]
    wishes: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    complaints: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    summary: Mapped[str | None]
    competitor_signs: Mapped[str | None]
    next_step: Mapped[str | None]
    next_due_on: Mapped[date | None] = mapped_column(Date)
    intention: Mapped[int | None]
    improvement: Mapped[str | None]
    before: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    during: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    after: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    custom: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    reason: Mapped[str | None]
    created_by: Mapped[UUID]
    created_at: Mapped[datetime] = created()
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}
