"""Promises under way and what happened to them, what tenants set about them; service requests, legs, timelines."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, case, false, func, or_

from steward_core.permissions import REQUESTS_VIEW
from steward_core.promises.models import (
    Channel,
    ClockEvent,
    ClockState,
    DefinitionKind,
    Lane,
    LegStatus,
    PromiseClock,
    PromiseEvent,
    PromiseVersion,
    RequestAct,
    RequestEvent,
    RequestLeg,
    RequestStatus,
    ServiceRequest,
)
from steward_core.promises.row_kinds import CLOCK as CLOCK_ROWS
from steward_core.promises.row_kinds import CLOCK_EVENT as CLOCK_EVENT_ROWS
from steward_core.promises.row_kinds import LEG as LEG_ROWS
from steward_core.promises.row_kinds import REQUEST as REQUEST_ROWS
from steward_core.promises.row_kinds import REQUEST_EVENT as REQUEST_EVENT_ROWS
from steward_graphql.catalogue.client_names import unit_name
from steward_graphql.catalogue.people import name_of
from steward_graphql.declared.entities import (
    Catalogue,
    Entity,
    ListRoot,
    Many,
    OneRoot,
    Row,
    column,
    computed,
    many,
    one,
)
from steward_graphql.declared.scalars import BOOLEAN, FEN, STRING, enum_of
from steward_tenants.texts import Bilingual

DEFINITION_KIND = enum_of(DefinitionKind, "PromiseKind", "承诺或跟进", "A promise, or a follow-up")
CLOCK_STATE = enum_of(ClockState, "PromiseState", "承诺的状态", "Where a promise stands")
CLOCK_EVENT = enum_of(ClockEvent, "PromiseEventKind", "承诺发生了什么", "What happened to a promise")
REQUEST_STATUS = enum_of(RequestStatus, "ServiceRequestStatus", "服务请求的状态", "Where a service request stands")
LEG_STATUS = enum_of(LegStatus, "RequestLegStatus", "服务环节的状态", "Where a leg of a request stands")
CHANNEL = enum_of(Channel, "RequestChannel", "请求的渠道", "How a request came in")
LANE = enum_of(Lane, "RequestLane", "绿色通道", "A lane of the green channel")
ACT = enum_of(RequestAct, "RequestAct", "对请求做了什么", "What was done about a request")
VERSION = ("版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw")


def _state_now(row: Row) -> ColumnElement[Any]:
    """The stored state, moved on by what of the clock's time has passed since somebody looked."""
    clock = row.table
    runs = clock.state.in_([ClockState.RUNNING.value, ClockState.WARNED.value, ClockState.NOT_STARTED.value])
    return case(
        (and_(runs, clock.due_at < func.now()), ClockState.BREACHED.value),
        (and_(runs, clock.warn_at <= func.now()), ClockState.WARNED.value),
        else_=clock.state,
    )


def _open(row: Row) -> ColumnElement[Any]:
    found: ColumnElement[Any] = row.table.ended_at.is_(None)
    return found


def _broken(row: Row) -> ColumnElement[Any]:
    over = and_(row.table.ended_at.is_(None), row.table.paused_at.is_(None), row.table.due_at < func.now())
    return or_(over, row.table.state.in_([ClockState.LATE.value, ClockState.BREACHED.value]))


def _about(subject: str, row: Row, target: Row) -> ColumnElement[bool]:
    return and_(target.table.subject_id == row.table.id, target.table.subject == subject)


def _clocks(subject: str) -> Many:
    return Many(
        "promises",
        "PromiseClock",
        Bilingual("相关的承诺计时", "The promises that run about it"),
        lambda row, target: _about(subject, row, target),
        filter=True,
    )


CLOCK = Entity(
    "PromiseClock",
    PromiseClock,
    Bilingual("一项承诺或跟进的计时", "A promise or follow-up under way, or ended"),
    kind=CLOCK_ROWS,
    order=(("dueAt", False),),
    fields=(
        column(PromiseClock.id, "编号", "Identifier", filter=True),
        column(
            PromiseClock.kind, "承诺或跟进", "A promise or follow-up", kind=DEFINITION_KIND, filter=True, group=True
        ),
        column(PromiseClock.promise, "承诺标识", "Key of the promise", filter=True, order=True, group=True),
        column(PromiseClock.title_zh, "名称（中文）", "Its title in Chinese", filter=True),
        column(PromiseClock.title_en, "名称（英文）", "Its title in English", filter=True),
        column(PromiseClock.trigger, "触发", "What started it", filter=True, group=True),
        column(PromiseClock.subject, "所关于的对象类别", "The sort of what it is about", filter=True, group=True),
        column(PromiseClock.subject_id, "所关于的对象编号", "Identifier of what it is about", filter=True),
        column(PromiseClock.occurrence, "第几次", "Which repetition", filter=True),
        column(PromiseClock.client_id, "客户编号", "Identifier of the client", filter=True),
        column(PromiseClock.owner_id, "责任人编号", "Identifier of its owner", filter=True, group=True),
        computed("ownerName", STRING, name_of("owner_id"), "责任人姓名", "Name of its owner"),
        column(PromiseClock.unit_id, "机构编号", "Identifier of the owner's unit", filter=True, group=True),
        computed("unitName", STRING, unit_name("unit_id"), "机构名称", "Name of the unit"),
        computed(
            "state",
            CLOCK_STATE,
            _state_now,
            "此刻的状态",
            "Where it stands at this moment",
            nullable=False,
            filter=True,
            group=True,
        ),
        computed(
            "open", BOOLEAN, _open, "尚未结束", "Whether it has not ended", nullable=False, filter=True, group=True
        ),
        computed(
            "broken",
            BOOLEAN,
            _broken,
            "是否超过时限（含超时完成）",
            "Whether it is over its limit, or was when it ended",
            nullable=False,
            filter=True,
            group=True,
        ),
        column(PromiseClock.started_at, "开始时间", "When it started", filter=True, order=True),
        column(PromiseClock.due_at, "到期时间", "When it is due", filter=True, order=True),
        column(PromiseClock.warn_at, "预警时间", "From when on it is near its limit", filter=True, order=True),
        column(PromiseClock.paused_at, "暂停自", "Since when it stands still", filter=True),
        column(PromiseClock.ended_at, "结束时间", "When it ended", filter=True, order=True),
        column(
            PromiseClock.provisional,
            "到期时间可能因放假安排公布而调整",
            "Whether holidays not announced yet may move it",
            filter=True,
        ),
        column(PromiseClock.pauses, "暂停记录 {since, until, reason}", "Its pauses: {since, until, reason}"),
        column(PromiseClock.definition, "开始时的规定", "Its definition as it was when it started"),
        column(PromiseClock.definition_version, "规定的版本，0 为原有规定", "The definition's version; 0 as declared"),
        column(PromiseClock.breach, "超时的证据", "The evidence of having been broken"),
        column(PromiseClock.steps, "已到达的升级步骤", "Steps of the escalation that were reached"),
        column(PromiseClock.contract_fen, "合同金额（分）", "Amount of the contract", name="contractAmount", kind=FEN),
        column(PromiseClock.penalty_fen, "建议扣款（分）", "The penalty proposed", name="proposedPenalty", kind=FEN),
        column(PromiseClock.version, *VERSION),
        one("client", "Client", PromiseClock.client_id, "客户", "The client"),
        one("owner", "Person", PromiseClock.owner_id, "责任人", "Its owner"),
        one("unit", "OrgUnit", PromiseClock.unit_id, "机构", "The owner's unit"),
        many("events", "PromiseEvent", "clock_id", "经过", "What happened to it", filter=True, granted=True),
    ),
)
EVENT = Entity(
    "PromiseEvent",
    PromiseEvent,
    Bilingual("一项承诺的经过", "Something that happened to a promise"),
    kind=CLOCK_EVENT_ROWS,
    order=(("at", False),),
    fields=(
        column(PromiseEvent.id, "编号", "Identifier", filter=True),
        column(PromiseEvent.clock_id, "承诺计时编号", "Identifier of the promise under way", filter=True),
        column(PromiseEvent.event, "发生了什么", "What happened", kind=CLOCK_EVENT, filter=True, group=True),
        column(PromiseEvent.key, "标识", "Its key", filter=True),
        column(PromiseEvent.at, "时间", "When", filter=True, order=True),
        column(PromiseEvent.by, "操作人编号", "Identifier of who did it", name="byId", filter=True),
        column(PromiseEvent.lines, "说明 [{zh, en}]", "Why, in both languages: [{zh, en}]"),
        column(PromiseEvent.figures, "依据的数值", "The figures that it rests on"),
        one("promise", "PromiseClock", PromiseEvent.clock_id, "承诺计时", "The promise under way"),
        one("by", "Person", PromiseEvent.by, "操作人", "Who did it"),
    ),
)
DEFINITION_VERSION = Entity(
    "PromiseVersion",
    PromiseVersion,
    Bilingual("租户对一项承诺的规定，按版本", "What the tenant set about a promise, version by version"),
    view=REQUESTS_VIEW,
    order=(("setAt", True),),
    fields=(
        column(PromiseVersion.id, "编号", "Identifier", filter=True),
        column(PromiseVersion.kind, "承诺或跟进", "A promise or follow-up", kind=DEFINITION_KIND, filter=True),
        column(PromiseVersion.key, "标识", "Its key", filter=True, order=True, group=True),
        column(PromiseVersion.number, "版本号", "The version's number", filter=True, order=True),
        column(PromiseVersion.active, "是否启用", "Whether it starts clocks", filter=True),
        column(PromiseVersion.document, "规定；空为恢复原有规定", "What was set; none: as declared again"),
        column(PromiseVersion.set_by, "设置人编号", "Identifier of who set it", name="setById", filter=True),
        computed("setByName", STRING, name_of("set_by"), "设置人姓名", "Name of who set it"),
        column(PromiseVersion.set_at, "设置时间", "When it was set", filter=True, order=True),
        one("setBy", "Person", PromiseVersion.set_by, "设置人", "Who set it"),
    ),
)


def _going_on(row: Row) -> ColumnElement[Any]:
    found: ColumnElement[Any] = row.table.status.in_(
        [RequestStatus.OPEN.value, RequestStatus.WAITING.value, RequestStatus.ANSWERED.value]
    )
    return func.coalesce(found, false())


REQUEST = Entity(
    "ServiceRequest",
    ServiceRequest,
    Bilingual("客户的服务请求", "What a client wants or complains of"),
    kind=REQUEST_ROWS,
    order=(("openedAt", True),),
    fields=(
        column(ServiceRequest.id, "编号", "Identifier", filter=True),
        column(ServiceRequest.client_id, "客户编号", "Identifier of the client", filter=True),
        column(ServiceRequest.kind, "类别标识", "Key of its kind", filter=True, order=True, group=True),
        column(ServiceRequest.title, "标题", "Its title", filter=True),
        column(ServiceRequest.text, "内容", "What it says"),
        column(ServiceRequest.owner_id, "责任人编号", "Identifier of its owner", filter=True, group=True),
        computed("ownerName", STRING, name_of("owner_id"), "责任人姓名", "Name of its owner"),
        column(ServiceRequest.unit_id, "机构编号", "Identifier of the owner's unit", filter=True, group=True),
        computed("unitName", STRING, unit_name("unit_id"), "机构名称", "Name of the unit"),
        column(ServiceRequest.contact_id, "反映人编号", "Identifier of the contact who told of it", filter=True),
        column(ServiceRequest.visit_id, "来自的走访编号", "Identifier of the visit on which it was told", filter=True),
        column(ServiceRequest.form_record_id, "表单记录编号", "Identifier of its form record", filter=True),
        column(
            ServiceRequest.status, "状态", "Where it stands", kind=REQUEST_STATUS, filter=True, order=True, group=True
        ),
        computed(
            "goingOn",
            BOOLEAN,
            _going_on,
            "尚待办结或确认",
            "Whether it is still to be worked on or confirmed",
            nullable=False,
            filter=True,
            group=True,
        ),
        column(ServiceRequest.channel, "渠道", "How it came in", kind=CHANNEL, filter=True, group=True),
        column(ServiceRequest.lane, "绿色通道", "Its lane of the green channel", kind=LANE, filter=True, group=True),
        column(ServiceRequest.priority, "优先", "Whether it goes first", filter=True, order=True, group=True),
        column(ServiceRequest.facts, "影响承诺的情况", "What narrows its promises down"),
        column(ServiceRequest.milestones, "已到达的节点 {节点: 时间}", "Milestones reached: {key: moment}"),
        column(ServiceRequest.opened_at, "受理时间", "When it was opened", filter=True, order=True),
        column(
            ServiceRequest.responded_at, "首次响应时间", "When the client had a first word", filter=True, order=True
        ),
        column(ServiceRequest.waiting_since, "等待客户自", "Since when the client is awaited", filter=True),
        column(ServiceRequest.waiting_reason, "等待原因", "Why the client is awaited"),
        column(ServiceRequest.answer, "答复", "The answer"),
        column(ServiceRequest.answered_at, "答复时间", "When it was answered", filter=True, order=True),
        column(
            ServiceRequest.answered_by, "答复人编号", "Identifier of who answered", name="answeredById", filter=True
        ),
        column(ServiceRequest.confirmed_at, "客户确认时间", "When the client confirmed", filter=True, order=True),
        column(
            ServiceRequest.satisfaction,
            "满意度 1–5",
            "The client's satisfaction, 1 to 5",
            filter=True,
            group=True,
            aggregate=True,
        ),
        column(ServiceRequest.closed_at, "办结时间", "When it was closed", filter=True, order=True),
        column(ServiceRequest.reopened, "重新办理次数", "How often it was reopened", filter=True, aggregate=True),
        column(ServiceRequest.updated_at, "最近变动时间", "When something was last done", filter=True, order=True),
        column(ServiceRequest.version, *VERSION),
        one("client", "Client", ServiceRequest.client_id, "客户", "The client"),
        one("owner", "Person", ServiceRequest.owner_id, "责任人", "Its owner"),
        one("unit", "OrgUnit", ServiceRequest.unit_id, "机构", "The owner's unit"),
        one("contact", "Contact", ServiceRequest.contact_id, "反映人", "The contact who told of it"),
        one("visit", "Visit", ServiceRequest.visit_id, "来自的走访", "The visit on which it was told"),
        one("answeredBy", "Person", ServiceRequest.answered_by, "答复人", "Who answered"),
        many("legs", "RequestLeg", "request_id", "服务环节", "Its legs", filter=True, granted=True),
        many("events", "RequestEvent", "request_id", "经过", "Its timeline", filter=True, granted=True),
        _clocks("service_request"),
    ),
)
LEG = Entity(
    "RequestLeg",
    RequestLeg,
    Bilingual("服务请求的一个环节 一站通", "A part of a request that one unit does"),
    kind=LEG_ROWS,
    order=(("openedAt", True),),
    fields=(
        column(RequestLeg.id, "编号", "Identifier", filter=True),
        column(RequestLeg.request_id, "服务请求编号", "Identifier of the request", filter=True),
        column(RequestLeg.client_id, "客户编号", "Identifier of the client", filter=True),
        column(RequestLeg.number, "序号", "Its number within the request", filter=True, order=True),
        column(RequestLeg.kind, "类别标识", "Key of its kind", filter=True, group=True),
        column(RequestLeg.title, "标题", "Its title", filter=True),
        column(RequestLeg.owner_id, "责任人编号", "Identifier of its owner", filter=True, group=True),
        computed("ownerName", STRING, name_of("owner_id"), "责任人姓名", "Name of its owner"),
        column(RequestLeg.unit_id, "机构编号", "Identifier of its unit", filter=True, group=True),
        computed("unitName", STRING, unit_name("unit_id"), "机构名称", "Name of its unit"),
        column(RequestLeg.status, "状态", "Where it stands", kind=LEG_STATUS, filter=True, order=True, group=True),
        column(RequestLeg.opened_at, "开始时间", "When it was opened", filter=True, order=True),
        column(RequestLeg.waiting_since, "等待客户自", "Since when the client is awaited", filter=True),
        column(RequestLeg.result, "结果", "What came of it"),
        column(RequestLeg.ended_at, "结束时间", "When it ended", filter=True, order=True),
        column(RequestLeg.version, *VERSION),
        one("request", "ServiceRequest", RequestLeg.request_id, "服务请求", "The request"),
        one("client", "Client", RequestLeg.client_id, "客户", "The client"),
        one("owner", "Person", RequestLeg.owner_id, "责任人", "Its owner"),
        one("unit", "OrgUnit", RequestLeg.unit_id, "机构", "Its unit"),
        _clocks("request_leg"),
    ),
)
REQUEST_EVENT = Entity(
    "RequestEvent",
    RequestEvent,
    Bilingual("服务请求的经过", "An entry of a request's timeline"),
    kind=REQUEST_EVENT_ROWS,
    order=(("at", False),),
    fields=(
        column(RequestEvent.id, "编号", "Identifier", filter=True),
        column(RequestEvent.request_id, "服务请求编号", "Identifier of the request", filter=True),
        column(RequestEvent.leg_id, "环节编号", "Identifier of the leg", filter=True),
        column(RequestEvent.act, "做了什么", "What was done", kind=ACT, filter=True, group=True),
        column(RequestEvent.at, "时间", "When", filter=True, order=True),
        column(RequestEvent.by, "操作人编号", "Identifier of who did it", name="byId", filter=True),
        computed("byName", STRING, name_of("by"), "操作人姓名", "Name of who did it"),
        column(RequestEvent.text, "说明", "What was written about it"),
        column(RequestEvent.figures, "数值", "Its figures"),
        one("request", "ServiceRequest", RequestEvent.request_id, "服务请求", "The request"),
        one("by", "Person", RequestEvent.by, "操作人", "Who did it"),
    ),
)

CATALOGUE = Catalogue(
    entities=(CLOCK, EVENT, DEFINITION_VERSION, REQUEST, LEG, REQUEST_EVENT),
    roots=(
        ListRoot("promiseClocks", "PromiseClock", Bilingual("承诺计时，先到期在前", "Promises under way, by due date")),
        OneRoot("promiseClock", "PromiseClock", Bilingual("一项承诺计时", "One promise under way")),
        ListRoot("promiseVersions", "PromiseVersion", Bilingual("租户设置过的承诺规定", "What was set about promises")),
        ListRoot("serviceRequests", "ServiceRequest", Bilingual("服务请求，最近在前", "Requests, the latest first")),
        OneRoot("serviceRequest", "ServiceRequest", Bilingual("一项服务请求", "One service request")),
        ListRoot("requestLegs", "RequestLeg", Bilingual("服务环节，最近在前", "Legs of requests, the latest first")),
        OneRoot("requestLeg", "RequestLeg", Bilingual("一个服务环节", "One leg of a request")),
    ),
)
