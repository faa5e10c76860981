"""Endpoints that a tenant has told of, and the log of what was delivered to them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.tables import TenantTable, created, identifier, one_of, refers, version

LONGEST_NAME = 200
LONGEST_URL = 2_000


class PauseReason(StrEnum):
    """Why an endpoint is paused. `failing`: nothing got through for long. `restored`: it came with a copy of a tenant,
    whose receiver must not hear of two tenants as if they were one."""

    PERSON = "person"
    FAILING = "failing"
    RESTORED = "restored"


class DeliveryStatus(StrEnum):
    """`waiting`: for its next attempt. `dead`: given up, until somebody replays it."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


class WebhookEndpoint(TenantTable):
    """Where events of a tenant are sent. It is active unless `paused` says why not.

    `events`: keys of commands, prefixes such as `clients.*`, or `*`. `secret` and, until `previous_until`,
    `previous_secret` sign; both are encrypted. `cursor` is the last sealed batch that was looked at. `failures` counts
    attempts that failed since the last success, `failing_since` is the first of them. `rest_until`: no attempt before
    it. `lease_until` and `lease_by`: the job that delivers to it now; there is one at a time, for the order's sake.
    """

    __tablename__ = "webhook_endpoint"
    __table_args__ = (
        one_of("paused", PauseReason),
        CheckConstraint(f"char_length(url) <= {LONGEST_URL}", name="url"),
    )

    id: Mapped[UUID] = identifier()
    name: Mapped[str]
    url: Mapped[str]
    events: Mapped[list[str]]
    secret: Mapped[str]
    previous_secret: Mapped[str | None]
    previous_until: Mapped[datetime | None]
    paused: Mapped[str | None]
    cursor: Mapped[int] = mapped_column(server_default=text("0"))
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    failing_since: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    rest_until: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    lease_by: Mapped[UUID | None]
    created_by: Mapped[UUID]
    created_at: Mapped[datetime] = created()
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class WebhookDelivery(TenantTable):
    """One event for one endpoint, or a ping (then without an event). (`batch`, `place`) is the event's place in the
    order of the sealed log; what is sent is made from the event again at every attempt.

    `attempts` counts since the last replay. `response_code`, `duration_ms` and `error` (a code of `FAILURES`) are of
    the last attempt, as `tried_at` is.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        one_of("status", DeliveryStatus),
        UniqueConstraint("tenant_id", "endpoint_id", "event_id"),
        refers("endpoint_id", "webhook_endpoint", on_delete="CASCADE"),
        Index(
            "ix_webhook_delivery_waiting",
            "tenant_id",
            "endpoint_id",
            "batch",
            "place",
            postgresql_where=text("status = 'waiting'"),
        ),
        Index("ix_webhook_delivery_tenant_id_created_at", "tenant_id", "created_at"),
    )

    id: Mapped[UUID] = identifier()
    endpoint_id: Mapped[UUID]
    event_id: Mapped[UUID | None]
    event_at: Mapped[datetime | None]
    action: Mapped[str]
    batch: Mapped[int]
    place: Mapped[int]
    status: Mapped[str] = mapped_column(server_default=DeliveryStatus.WAITING)
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    replays: Mapped[int] = mapped_column(server_default=text("0"))
    next_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    tried_at: Mapped[datetime | None]
    response_code: Mapped[int | None]
    duration_ms: Mapped[int | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime] = created()
