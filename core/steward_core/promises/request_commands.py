"""What people do about service requests, from opening one to closing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from steward_core.clients.models import Client
from steward_core.clients.service import client_in_reach
from steward_core.permissions import REQUESTS_EDIT
from steward_core.promises.clock_changes import Change, Happened, note, save
from steward_core.promises.errors import RequestChanged, RequestNotFound
from steward_core.promises.models import (
    Channel,
    ClockEvent,
    Lane,
    LegStatus,
    PromiseClock,
    RequestAct,
    RequestLeg,
    RequestStatus,
    ServiceRequest,
)
from steward_core.promises.request_rules import MILESTONES, VERBS, after, kept_by
from steward_core.promises.requests import (
    LEG,
    MOST_FACTS,
    PERSONAL,
    RECORD,
    REQUEST,
    NewLeg,
    active_person,
    add_legs,
    noted,
    open_legs,
    open_request,
    start_promises,
    told,
    written,
    written_or_none,
)
from steward_core.promises.row_kinds import REQUEST as REQUEST_ROWS
from steward_core.promises.service import cancel_all, end_all, fulfilled, open_clocks, pause, resume
from steward_tenants.access.queries import today
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.commands.service import command
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import invalid
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual

LONGEST_REASON = 1_000


@command("requests.open", "受理服务请求", "Open a service request", permission=REQUESTS_EDIT)
async def open_service_request(
    session: WriteSession,
    client_id: UUID,
    *,
    kind: str,
    title: str,
    text: str | None = None,
    owner_id: UUID | None = None,
    contact_id: UUID | None = None,
    visit_id: UUID | None = None,
    form_record_id: UUID | None = None,
    channel: Channel | None = None,
    lane: Lane | None = None,
    priority: bool = False,
    facts: Sequence[str] = (),
    legs: Sequence[NewLeg] = (),
    at: datetime | None = None,
) -> ServiceRequest:
    """A new request of a client in the actor's reach; see `requests.open_request`. Raises Forbidden, ClientNotFound,
    InvalidInput."""
    await client_in_reach(session, client_id, REQUESTS_EDIT, today=today(session.time_zone))
    return await open_request(
        session,
        client_id=client_id,
        kind=kind,
        title=title,
        text=text,
        owner_id=owner_id,
        contact_id=contact_id,
        visit_id=visit_id,
        form_record_id=form_record_id,
        channel=channel,
        lane=lane,
        priority=priority,
        facts=facts,
        legs=legs,
        at=at,
    )


@command("requests.note", "记录服务请求经过", "Note something on a request", permission=REQUESTS_EDIT)
async def note_on_request(session: WriteSession, request_id: UUID, *, note: str) -> ServiceRequest:
    """Write an entry of the timeline. Raises Forbidden, RequestNotFound, InvalidInput."""
    request = await _held(session, request_id, None)
    await _done(session, request, RequestAct.NOTED, text=written("note", note))
    return request


@command("requests.respond", "登记首次响应", "Record the first response", permission=REQUESTS_EDIT)
async def respond_to_request(
    session: WriteSession, request_id: UUID, *, note: str | None = None, at: datetime | None = None
) -> ServiceRequest:
    """The client had a first word, at `at` (now): what was promised of a response is kept.
    Raises Forbidden, RequestNotFound, RequestMoveRefused, InvalidInput."""
    request = await _held(session, request_id, None)
    moment = _moment(request, at)
    request.responded_at = request.responded_at or moment
    await _done(session, request, RequestAct.RESPONDED, at=moment, text=written_or_none("note", note))
    return request


@command("requests.milestone", "登记处理节点", "Record a milestone", permission=REQUESTS_EDIT)
async def reach_milestone(
    session: WriteSession, request_id: UUID, milestone: str, *, note: str | None = None, at: datetime | None = None
) -> ServiceRequest:
    """Something was reached on the way (`engineering_contacted`, `arrived`, `restored`, or a key that the tenant's own
    promises name), at `at` (now). Raises Forbidden, RequestNotFound, RequestMoveRefused, InvalidInput."""
    request = await _held(session, request_id, None)
    if not milestone.isidentifier() or len(milestone) > 64 or len(request.milestones) >= MOST_FACTS:
        known = ", ".join(MILESTONES)
        raise invalid("milestone", "unknown", f"请使用节点标识，如 {known}。", f"Use the key of one, such as {known}.")
    moment = _moment(request, at)
    request.milestones = {milestone: moment.isoformat(), **request.milestones}
    await _done(
        session,
        request,
        RequestAct.MILESTONE,
        at=moment,
        text=written_or_none("note", note),
        figures={"milestone": milestone},
        kept=kept_by(RequestAct.MILESTONE, milestone),
    )
    return request


@command("requests.wait", "等待客户", "Wait for the client", permission=REQUESTS_EDIT)
async def wait_for_client(
    session: WriteSession, request_id: UUID, *, reason: str, expected_version: int | None = None
) -> ServiceRequest:
    """Nothing can be done until the client answers: the clocks of the request and of its legs stand still.
    Raises Forbidden, RequestNotFound, RequestMoveRefused, RequestChanged, InvalidInput."""
    request = await _held(session, request_id, expected_version)
    why = written("reason", reason, LONGEST_REASON)
    moment = clock_now()
    request.waiting_since, request.waiting_reason = moment, why
    await _done(session, request, RequestAct.WAITING, at=moment, text=why)
    await _paused(session, request, await open_legs(session, request.id), at=moment, reason=why)
    return request


@command("requests.resume", "恢复办理", "Go on with a request", permission=REQUESTS_EDIT)
async def resume_request(
    session: WriteSession, request_id: UUID, *, note: str | None = None, expected_version: int | None = None
) -> ServiceRequest:
    """The client has answered: the clocks go on, due later by what they stood still.
    Raises Forbidden, RequestNotFound, RequestMoveRefused, RequestChanged, InvalidInput."""
    request = await _held(session, request_id, expected_version)
    moment = clock_now()
    await _done(session, request, RequestAct.RESUMED, at=moment, text=written_or_none("note", note))
    await _resumed(session, request, at=moment)
    return request


@command("requests.answer", "答复服务请求", "Answer a request", permission=REQUESTS_EDIT)
async def answer_request(
    session: WriteSession,
    request_id: UUID,
    *,
    answer: str,
    at: datetime | None = None,
    expected_version: int | None = None,
) -> ServiceRequest:
    """The client has its answer, at `at` (now); clocks that stood still for the client go on.
    Raises Forbidden, RequestNotFound, RequestMoveRefused, LegsOpen, RequestChanged, InvalidInput."""
    request = await _held(session, request_id, expected_version)
    moment = _moment(request, at)
    request.answer = written("answer", answer)
    request.answered_at, request.answered_by = moment, session.actor.id
    request.responded_at = request.responded_at or moment
    waited = request.status == RequestStatus.WAITING
    await _done(session, request, RequestAct.ANSWERED, at=moment, text=request.answer)
    if waited:  # what the answer does not keep, such as the client's confirmation, goes on
        await _resumed(session, request, at=moment)
    return request


@command("requests.confirm", "登记客户确认", "Record the client's confirmation", permission=REQUESTS_EDIT)
async def confirm_request(
    session: WriteSession,
    request_id: UUID,
    *,
    satisfaction: int | None = None,
    note: str | None = None,
    at: datetime | None = None,
    expected_version: int | None = None,
) -> ServiceRequest:
    """The client agrees with the answer, and says how satisfied it is (1 to 5).
    Raises Forbidden, RequestNotFound, RequestMoveRefused, RequestChanged, InvalidInput."""
    request = await _held(session, request_id, expected_version)
    if satisfaction is not None and not 1 <= satisfaction <= 5:
        raise invalid("satisfaction", "range", "满意度为 1 至 5。", "Satisfaction is 1 to 5.")
    moment = _moment(request, at)
    request.confirmed_at, request.satisfaction = moment, satisfaction
    await _done(session, request, RequestAct.CONFIRMED, at=moment, text=written_or_none("note", note))
    return request


@command("requests.reopen", "重新办理服务请求", "Reopen a request", permission=REQUESTS_EDIT)
async def reopen_request(
    session: WriteSession, request_id: UUID, *, reason: str, expected_version: int | None = None
) -> ServiceRequest:
    """The answer was none: what is promised of such a request starts once more.
    Raises Forbidden, RequestNotFound, RequestMoveRefused, RequestChanged, InvalidInput."""
    request = await _held(session, request_id, expected_version)
    moment = clock_now()
    await _done(session, request, RequestAct.REOPENED, at=moment, text=written("reason", reason, LONGEST_REASON))
    request.reopened += 1
    request.answer = request.answered_at = request.answered_by = request.confirmed_at = request.closed_at = None
    request.satisfaction, request.milestones = None, {}
    await session.flush()
    await start_promises(session, request, at=moment)
    return request


@command("requests.close", "办结服务请求", "Close a request", permission=REQUESTS_EDIT)
async def close_request(
    session: WriteSession, request_id: UUID, *, note: str | None = None, expected_version: int | None = None
) -> ServiceRequest:
    """The request has come to its end; whatever still ran about it ends too.
    Raises Forbidden, RequestNotFound, RequestMoveRefused, LegsOpen, RequestChanged, InvalidInput."""
    request = await _held(session, request_id, expected_version)
    moment = clock_now()
    request.closed_at = moment
    await _done(session, request, RequestAct.CLOSED, at=moment, text=written_or_none("note", note))
    await end_all(session, subject=REQUEST, subject_ids=[request.id], at=moment)
    return request


@command("requests.cancel", "取消服务请求", "Cancel a request", permission=REQUESTS_EDIT)
async def cancel_request(
    session: WriteSession, request_id: UUID, *, reason: str, expected_version: int | None = None
) -> ServiceRequest:
    """The client took it back, or it was none: its open legs and clocks are cancelled.
    Raises Forbidden, RequestNotFound, RequestMoveRefused, RequestChanged, InvalidInput."""
    request = await _held(session, request_id, expected_version)
    why, moment = written("reason", reason, LONGEST_REASON), clock_now()
    request.closed_at = moment
    await _done(session, request, RequestAct.CANCELLED, at=moment, text=why)
    legs = await open_legs(session, request.id)
    for leg in legs:
        leg.status, leg.ended_at = LegStatus.CANCELLED.value, moment
        noted(session, request, RequestAct.LEG_CANCELLED, at=moment, leg=leg, text=why)
    text = Bilingual(f"请求已取消：{why}", f"The request was cancelled: {why}")
    await cancel_all(session, subject=REQUEST, subject_ids=[request.id], at=moment, reason=text)
    await cancel_all(session, subject=LEG, subject_ids=[leg.id for leg in legs], at=moment, reason=text)
    return request


@command("requests.transfer", "转派服务请求", "Give a request to another", permission=REQUESTS_EDIT)
async def transfer_request(
    session: WriteSession,
    request_id: UUID,
    owner_id: UUID,
    *,
    reason: str | None = None,
    expected_version: int | None = None,
) -> ServiceRequest:
    """Somebody else follows it up from now on; its clocks go along. Raises Forbidden, RequestNotFound,
    RequestMoveRefused, RequestChanged, InvalidInput."""
    request = await _held(session, request_id, expected_version)
    person = await active_person(session, owner_id, "owner_id")
    before = request.owner_id
    client = await session.get(Client, request.client_id)
    request.owner_id, request.unit_id = person.id, person.unit_id
    request.follows_client = client is not None and client.owner_id == person.id
    figures = {"from": str(before), "to": str(person.id)}
    why = written_or_none("reason", reason, LONGEST_REASON)
    await _done(session, request, RequestAct.TRANSFERRED, text=why, figures=figures)
    await hand_clocks(session, REQUEST, request.id, person, follows=request.follows_client)
    return request


@command("requests.leg.add", "增加服务环节", "Add a leg to a request", permission=REQUESTS_EDIT)
async def add_leg(
    session: WriteSession,
    request_id: UUID,
    *,
    kind: str,
    title: str,
    unit_id: UUID | None = None,
    owner_id: UUID | None = None,
    limit: Mapping[str, Any] | None = None,
) -> RequestLeg:
    """Another part of a request, for a unit or a person, with a clock of its own.
    Raises Forbidden, RequestNotFound, RequestMoveRefused, InvalidInput."""
    request = await _held(session, request_id, None)
    after(_status(request), RequestAct.LEG_ADDED)
    moment = clock_now()
    rows = await add_legs(session, request, [NewLeg(kind, title, unit_id, owner_id, limit)], at=moment)
    if request.status == RequestStatus.WAITING:
        await _paused(session, request, rows, at=moment, reason=request.waiting_reason or "")
    await record(
        session,
        "requests.leg.add",
        Subject(LEG, rows[0].id),
        after={"request_id": request.id, "kind": kind, "title": rows[0].title, "owner_id": rows[0].owner_id},
        personal=PERSONAL,
    )
    return rows[0]


async def hand_clocks(session: WriteSession, subject: str, subject_id: UUID, person: User, *, follows: bool) -> None:
    """Give the open clocks of a subject to another person."""
    clocks = await open_clocks(session, PromiseClock.subject_id == subject_id, PromiseClock.subject == subject)
    moment = clock_now()
    values = {"owner_id": person.id, "unit_id": person.unit_id, "follows_client": follows}
    await save(session, [Change(row, dict(values)) for row in clocks])
    figures = {"to": str(person.id)}
    await note(
        session,
        [
            Happened(row.id, ClockEvent.HANDED_OVER, f"to:{person.id}:{moment.isoformat()}", moment, (), figures)
            for row in clocks
        ],
    )


async def _held(session: WriteSession, request_id: UUID, expected_version: int | None) -> ServiceRequest:
    """The request in the actor's reach, held. Raises RequestNotFound, RequestChanged."""
    reach = REQUEST_ROWS.within_reach(session, REQUESTS_EDIT, today(session.time_zone))
    request = await session.find(ServiceRequest, ServiceRequest.id == request_id, reach, lock=True)
    if request is None:
        raise RequestNotFound
    if expected_version is not None and request.version != expected_version:
        raise RequestChanged
    return request


async def _done(
    session: WriteSession,
    request: ServiceRequest,
    act: RequestAct,
    *,
    at: datetime | None = None,
    text: str | None = None,
    figures: dict[str, Any] | None = None,
    kept: Sequence[str] | None = None,
) -> None:
    """Move the request, write its timeline and the audit log, and keep what the act keeps."""
    moment = at or clock_now()
    legs = len(await open_legs(session, request.id)) if act in (RequestAct.ANSWERED, RequestAct.CLOSED) else 0
    before = request.status
    request.status = after(_status(request), act, open_legs=legs).value
    request.updated_at = clock_now()
    noted(session, request, act, at=moment, text=text, figures=figures)
    await session.flush()
    for name in kept_by(act) if kept is None else kept:
        await fulfilled(session, name, subject=REQUEST, subject_id=request.id, at=moment)
        if request.form_record_id is not None:
            await fulfilled(session, name, subject=RECORD, subject_id=request.form_record_id, at=moment)
    values = {**told(request), **(figures or {}), "note": text}
    await record(
        session,
        f"requests.{VERBS[act]}",
        Subject(REQUEST, request.id),
        before={"status": before},
        after=values,
        personal=PERSONAL,
    )


def _status(request: ServiceRequest) -> RequestStatus:
    return RequestStatus[request.status.upper()]


def _moment(request: ServiceRequest, at: datetime | None) -> datetime:
    """When something was done: not before the request came in, nor later than now. Raises InvalidInput."""
    now = clock_now()
    if at is None:
        return now
    if not request.opened_at <= at <= now:
        raise invalid("at", "range", "时间应在受理之后、现在之前。", "Give a moment between the opening and now.")
    return at


async def _paused(
    session: WriteSession, request: ServiceRequest, legs: Sequence[RequestLeg], *, at: datetime, reason: str
) -> None:
    await pause(session, subject=REQUEST, subject_ids=[request.id], at=at, reason=reason)
    at_work = [leg.id for leg in legs if leg.status == LegStatus.OPEN]
    await pause(session, subject=LEG, subject_ids=at_work, at=at, reason=reason)
    if request.form_record_id is not None:
        await pause(session, subject=RECORD, subject_ids=[request.form_record_id], at=at, reason=reason)


async def _resumed(session: WriteSession, request: ServiceRequest, *, at: datetime) -> None:
    request.waiting_since = request.waiting_reason = None
    await session.flush()
    await resume(session, subject=REQUEST, subject_ids=[request.id], at=at)
    # A leg that waits for the client by itself goes on waiting.
    legs = [leg.id for leg in await open_legs(session, request.id) if leg.status == LegStatus.OPEN]
    await resume(session, subject=LEG, subject_ids=legs, at=at)
    if request.form_record_id is not None:
        await resume(session, subject=RECORD, subject_ids=[request.form_record_id], at=at)
