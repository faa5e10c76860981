"""Tables of promises and service requests: what a tenant set, clocks that run, what happened to them; requests."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from steward_core.forms.fields import Choice
from steward_tenants.database.tables import TenantTable, created, identifier, one_of, refers, version


class DefinitionKind(Choice):
    """What a definition, or a clock, is of."""

    PROMISE = "promise", "承诺", "Promise"
    FOLLOW_UP = "follow_up", "跟进", "Follow-up"


class ClockState(Choice):
    """Where a clock stands, as `rules.State` says; `cancelled`: what it was about came to nothing."""

    NOT_STARTED = "not_started", "未开始", "Not started"
    RUNNING = "running", "计时中", "Running"
    WARNED = "warned", "临近到期", "Near its limit"
    PAUSED = "paused", "已暂停", "Paused"
    BREACHED = "breached", "已超时", "Over its limit"
    KEPT = "kept", "按时完成", "Kept"
    LATE = "late", "超时完成", "Done late"
    CANCELLED = "cancelled", "已取消", "Cancelled"


class ClockEvent(Choice):
    """What happened to a clock."""

    STARTED = "started", "开始计时", "Started"
    WARNED = "warned", "临近到期", "Near its limit"
    BREACHED = "breached", "已超时", "Over its limit"
    ESCALATED = "escalated", "升级", "Escalated"
    PAUSED = "paused", "暂停", "Paused"
    RESUMED = "resumed", "恢复", "Resumed"
    KEPT = "kept", "按时完成", "Kept"
    LATE = "late", "超时完成", "Done late"
    CANCELLED = "cancelled", "已取消", "Cancelled"
    RECOMPUTED = "recomputed", "按日历重算", "Reckoned anew"
    HANDED_OVER = "handed_over", "移交", "Handed over"
    STUCK = "stuck", "无法计算", "Cannot be reckoned"


class PromiseVersion(TenantTable):
    """What a tenant set about a promise or follow-up, version by version; the highest one holds. `document` None: back
    to what the plugin declares, or gone where nothing declares it. `active` False: it starts no more clocks."""

    __tablename__ = "promise_version"
    __table_args__ = (UniqueConstraint("tenant_id", "kind", "key", "number"), one_of("kind", DefinitionKind))

    id: Mapped[UUID] = identifier()
    kind: Mapped[str]
    key: Mapped[str]
    number: Mapped[int]
    active: Mapped[bool] = mapped_column(server_default=sql("true"))
    document: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    set_by: Mapped[UUID]
    set_at: Mapped[datetime] = created()


class PromiseClock(TenantTable):
    """One promise or follow-up under way, or ended.

    `subject` and `subject_id` say what it is about (`service_request`, `request_leg`, `visit`, `form_record`, …);
    `occurrence` counts the repetitions of a follow-up. `definition` is the whole definition as it was when the clock
    started, `definition_version` its number among the tenant's own (0: as declared). `changes_at` is when somebody has
    to look at it next: its state changes by itself, or a step of its escalation is reached; None: never.
    `pauses` is a list of {since, until, reason}; `paused_at` is since when it is paused. `breach` is the evidence of
    having been broken. `follows_client`: its owner is the client's, whoever that becomes. `steps` are the keys of the
    escalation's steps that were reached; `penalty_fen` is what is proposed of a contract worth `contract_fen`.
    """

    __tablename__ = "promise_clock"
    __table_args__ = (
        refers("client_id", "client"),
        UniqueConstraint("tenant_id", "promise", "subject", "subject_id", "occurrence"),
        one_of("kind", DefinitionKind),
        one_of("state", ClockState),
        CheckConstraint("due_at >= started_at", name="due_at"),
        Index(
            "ix_promise_clock_changes",
            "tenant_id",
            "changes_at",
            "id",
            postgresql_where=sql("changes_at is not null"),
        ),
        Index("ix_promise_clock_open", "tenant_id", "due_at", "id", postgresql_where=sql("ended_at is null")),
        Index(
            "ix_promise_clock_owner", "tenant_id", "owner_id", "due_at", "id", postgresql_where=sql("ended_at is null")
        ),
        Index("ix_promise_clock_subject", "tenant_id", "subject_id"),
        Index("ix_promise_clock_client", "tenant_id", "client_id", "started_at", "id"),
        Index("ix_promise_clock_ended", "tenant_id", "ended_at", "id", postgresql_where=sql("ended_at is not null")),
    )

    id: Mapped[UUID] = identifier()
    kind: Mapped[str]
    promise: Mapped[str]
    trigger: Mapped[str]
    subject: Mapped[str]
    subject_id: Mapped[UUID]
    occurrence: Mapped[int] = mapped_column(server_default=sql("1"))
    client_id: Mapped[UUID | None]
    owner_id: Mapped[UUID]
    unit_id: Mapped[UUID | None]
    follows_client: Mapped[bool] = mapped_column(server_default=sql("false"))
    title_zh: Mapped[str]
    title_en: Mapped[str]
    definition: Mapped[dict[str, Any]]
    definition_version: Mapped[int] = mapped_column(server_default=sql("0"))
    state: Mapped[str] = mapped_column(server_default=ClockState.RUNNING)
    started_at: Mapped[datetime]
    due_at: Mapped[datetime]
    warn_at: Mapped[datetime | None]
    changes_at: Mapped[datetime | None]
    warned_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    provisional: Mapped[bool] = mapped_column(server_default=sql("false"))
    pauses: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=sql("'[]'"))
    breach: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    steps: Mapped[list[str]] = mapped_column(server_default=sql("'{}'"))
    contract_fen: Mapped[int | None]
    penalty_fen: Mapped[int | None]
    created_at: Mapped[datetime] = created()
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class PromiseEvent(TenantTable):
    """Something that happened to a clock: never changed. `key` keeps the same from being noted twice; `lines` say why,
    each in both languages, `figures` what it rests on."""

    __tablename__ = "promise_event"
    __table_args__ = (
        refers("clock_id", "promise_clock"),
        UniqueConstraint("tenant_id", "clock_id", "key"),
        one_of("event", ClockEvent),
    )

    id: Mapped[UUID] = identifier()
    clock_id: Mapped[UUID]
    event: Mapped[str]
    key: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[UUID | None]
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=sql("'[]'"))
    figures: Mapped[dict[str, Any]] = mapped_column(server_default=sql("'{}'"))
    noted_at: Mapped[datetime] = created()


class RequestStatus(Choice):
    """Where a service request stands. `answered`: the client has an answer; `confirmed`: the client agrees."""

    OPEN = "open", "办理中", "Open"
    WAITING = "waiting", "等待客户", "Waiting for the client"
    ANSWERED = "answered", "已答复", "Answered"
    CONFIRMED = "confirmed", "客户已确认", "Confirmed"
    CLOSED = "closed", "已办结", "Closed"
    CANCELLED = "cancelled", "已取消", "Cancelled"


class LegStatus(Choice):
    """Where a leg of a request stands."""

    OPEN = "open", "办理中", "Open"
    WAITING = "waiting", "等待客户", "Waiting for the client"
    DONE = "done", "已完成", "Done"
    CANCELLED = "cancelled", "已取消", "Cancelled"


class Channel(Choice):
    """How a request came in."""

    VISIT = "visit", "走访", "On a visit"
    PHONE = "phone", "电话", "By phone"
    COUNTER = "counter", "营业厅", "At the counter"
    ONLINE = "online", "线上", "Online"
    WRITING = "writing", "来信来函", "In writing"
    OTHER = "other", "其他", "Otherwise"


class Lane(Choice):
    """The green channel's lanes 绿色通道 [004]."""

    BUSINESS = "business", "业务受理", "Business"
    PROJECT = "project", "工程建设", "Project"
    FAULT = "fault", "故障处理", "Fault"


class ServiceRequest(TenantTable):
    """What a client wants or complains of. `owner_id` follows it up to its end: on a visit the visitor 谁走访谁督办.

    `kind` is one of the tenant's kinds. `lane` None: no green channel. `form_record_id` names the form that says more.
    `follows_client`: its owner is the client's, whoever that becomes. `responded_at` is the first word to the client;
    `milestones` {key: moment} what else was reached. `reopened` counts.
    """

    __tablename__ = "service_request"
    __table_args__ = (
        refers("client_id", "client"),
        one_of("status", RequestStatus),
        one_of("channel", Channel),
        one_of("lane", Lane),
        CheckConstraint("satisfaction between 1 and 5", name="satisfaction"),
        Index("ix_service_request_client", "tenant_id", "client_id", "opened_at", "id"),
        Index("ix_service_request_owner", "tenant_id", "owner_id", "status", "opened_at", "id"),
        Index("ix_service_request_unit", "tenant_id", "unit_id", "opened_at", "id"),
        Index("ix_service_request_status", "tenant_id", "status", "opened_at", "id"),
        Index("ix_service_request_visit", "tenant_id", "visit_id", postgresql_where=sql("visit_id is not null")),
        Index(
            "uq_service_request_form_record",
            "tenant_id",
            "form_record_id",
            unique=True,
            postgresql_where=sql("form_record_id is not null"),
        ),
    )

    id: Mapped[UUID] = identifier()
    client_id: Mapped[UUID]
    kind: Mapped[str]
    title: Mapped[str]
    text: Mapped[str | None]
    owner_id: Mapped[UUID]
    unit_id: Mapped[UUID | None]
    follows_client: Mapped[bool] = mapped_column(server_default=sql("false"))
    contact_id: Mapped[UUID | None]
    visit_id: Mapped[UUID | None]
    form_record_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(server_default=RequestStatus.OPEN)
    channel: Mapped[str] = mapped_column(server_default=Channel.OTHER)
    lane: Mapped[str | None]
    priority: Mapped[bool] = mapped_column(server_default=sql("false"))
    facts: Mapped[list[str]] = mapped_column(server_default=sql("'{}'"))
    milestones: Mapped[dict[str, Any]] = mapped_column(server_default=sql("'{}'"))
    opened_at: Mapped[datetime]
    opened_by: Mapped[UUID]
    responded_at: Mapped[datetime | None]
    waiting_since: Mapped[datetime | None]
    waiting_reason: Mapped[str | None]
    answer: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[UUID | None]
    confirmed_at: Mapped[datetime | None]
    satisfaction: Mapped[int | None]
    closed_at: Mapped[datetime | None]
    reopened: Mapped[int] = mapped_column(server_default=sql("0"))
    updated_at: Mapped[datetime] = mapped_column(server_default=sql("now()"))
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class RequestLeg(TenantTable):
    """A part of a request that one unit does 一站通: with an owner, and clocks of its own (subject `request_leg`).

    `kind` is what starts its clocks, like a request's; `number` counts within the request.
    """

    __tablename__ = "request_leg"
    __table_args__ = (
        refers("request_id", "service_request"),
        refers("client_id", "client"),
        refers("unit_id", "org_unit"),
        UniqueConstraint("tenant_id", "request_id", "number"),
        one_of("status", LegStatus),
        Index("ix_request_leg_owner", "tenant_id", "owner_id", "status", "opened_at", "id"),
        Index("ix_request_leg_unit", "tenant_id", "unit_id", "status", "opened_at", "id"),
        Index("ix_request_leg_client", "tenant_id", "client_id"),
    )

    id: Mapped[UUID] = identifier()
    request_id: Mapped[UUID]
    client_id: Mapped[UUID]
    number: Mapped[int]
    kind: Mapped[str]
    title: Mapped[str]
    unit_id: Mapped[UUID | None]
    owner_id: Mapped[UUID]
    follows_client: Mapped[bool] = mapped_column(server_default=sql("false"))
    status: Mapped[str] = mapped_column(server_default=LegStatus.OPEN)
    opened_at: Mapped[datetime]
    waiting_since: Mapped[datetime | None]
    result: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class RequestAct(Choice):
    """What was done about a request."""

    OPENED = "opened", "受理", "Opened"
    LEG_ADDED = "leg_added", "增加环节", "Leg added"
    LEG_TRANSFERRED = "leg_transferred", "环节转派", "Leg given to another"
    LEG_DONE = "leg_done", "环节完成", "Leg done"
    LEG_CANCELLED = "leg_cancelled", "环节取消", "Leg cancelled"
    NOTED = "noted", "记录", "Noted"
    RESPONDED = "responded", "首次响应", "First response"
    MILESTONE = "milestone", "节点完成", "Milestone reached"
    WAITING = "waiting", "等待客户", "Waiting for the client"
    RESUMED = "resumed", "恢复办理", "Resumed"
    TRANSFERRED = "transferred", "转派", "Given to another"
    ANSWERED = "answered", "答复", "Answered"
    CONFIRMED = "confirmed", "客户确认", "Confirmed by the client"
    REOPENED = "reopened", "重新办理", "Reopened"
    CLOSED = "closed", "办结", "Closed"
    CANCELLED = "cancelled", "取消", "Cancelled"
    HANDED_OVER = "handed_over", "随客户移交", "Handed over with the client"


class RequestEvent(TenantTable):
    """An entry of a request's timeline: never changed. `by` None: it happened by itself."""

    __tablename__ = "request_event"
    __table_args__ = (
        refers("request_id", "service_request"),
        one_of("act", RequestAct),
        Index("ix_request_event_request", "tenant_id", "request_id", "at", "id"),
    )

    id: Mapped[UUID] = identifier()
    request_id: Mapped[UUID]
    leg_id: Mapped[UUID | None]
    act: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[UUID | None]
    text: Mapped[str | None]
    figures: Mapped[dict[str, Any]] = mapped_column(server_default=sql("'{}'"))
    noted_at: Mapped[datetime] = created()
