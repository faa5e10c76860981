"""Requests that are about nothing that the product keeps elsewhere: leave, a reasonable volume for a client, anything
else that needs a yes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select

from steward_core.approvals.conditions import FieldKind
from steward_core.approvals.errors import RequestChanged, RequestNotFound, RequestNotOpen
from steward_core.approvals.leave import approved
from steward_core.approvals.models import ApprovalRequest, RequestKind, RequestStatus
from steward_core.approvals.resolving import day_of
from steward_core.approvals.row_kinds import FREE_REQUEST
from steward_core.approvals.service import start
from steward_core.approvals.subjects import (
    ApprovalSubject,
    Found,
    Settled,
    by_supervisor,
    declare_subject,
)
from steward_core.clients.models import Client
from steward_core.clients.row_kinds import CLIENT
from steward_core.permissions import CLIENTS_VIEW
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.actor import ActorKind
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem, Forbidden, InvalidInput
from steward_tenants.texts import Bilingual

LONG_LEAVE_DAYS = 3
"""Leave for more days than that goes on to the general manager."""
LONGEST_TITLE = 200
LONGEST_TEXT = 4_000
LARGEST_AMOUNT = Decimal(10) ** 13
FREE = frozenset({RequestStatus.DRAFT, RequestStatus.RETURNED, RequestStatus.WITHDRAWN})
"""The states in which its owner may change and submit it."""
_FIELDS = ("title", "text", "client_id", "from_on", "until_on", "amount")
_PERSONAL = frozenset({"title", "text"})
_STATUSES = {one.value: one for one in RequestStatus}
_KINDS = {one.value: one for one in RequestKind}


@command("approvals.request.create", "新建申请", "Make a request", permission=None)
async def create_request(
    session: WriteSession,
    *,
    kind: RequestKind,
    title: str,
    text: str = "",
    client_id: UUID | None = None,
    from_on: date | None = None,
    until_on: date | None = None,
    amount: Decimal | None = None,
    submit: bool = False,
    today: date | None = None,
) -> ApprovalRequest:
    """Write down a request of the actor's own; with `submit` it goes to those who decide at once. Leave takes the days
    from `from_on` to `until_on`, both included; a reasonable volume takes a client and an amount.

    Raises Forbidden (for callers that are no person), InvalidInput, and what `submit_request` raises.
    """
    if session.actor.kind is not ActorKind.USER:
        raise Forbidden(permission=Bilingual("本人的申请", "One's own requests"))
    values = {
        "title": title.strip(),
        "text": text.strip(),
        "client_id": client_id,
        "from_on": from_on,
        "until_on": until_on,
        "amount": amount,
    }
    await _check(session, kind, values, today or day_of(session))
    request = ApprovalRequest(
        id=new_id(),
        kind=kind.value,
        owner_id=session.actor.id,
        unit_id=session.actor.unit_id,
        status=RequestStatus.DRAFT.value,
        **values,
    )
    session.add(request)
    await session.flush()
    await record(
        session,
        "approvals.request.create",
        Subject("approval_request", request.id),
        after={"kind": kind.value, **values},
        personal=_PERSONAL,
    )
    if submit:
        await _submit(session, request, "", today)
    await session.refresh(request)
    return request


@command("approvals.request.change", "修改申请", "Change a request", permission=None)
async def change_request(
    session: WriteSession, request_id: UUID, *, fields: Mapping[str, Any], version: int, today: date | None = None
) -> ApprovalRequest:
    """Change a request that lies with the actor: `title`, `text`, `client_id`, `from_on`, `until_on`, `amount`.

    Raises RequestNotFound, RequestNotOpen, RequestChanged, InvalidInput.
    """
    request = await _own(session, request_id)
    if request.version != version:
        raise RequestChanged
    if unknown := sorted(set(fields) - set(_FIELDS)):
        text = Bilingual("没有此字段。", "There is no such field.")
        raise InvalidInput(problems=[FieldProblem((name,), "unknown", text) for name in unknown])
    before = {name: getattr(request, name) for name in _FIELDS}
    changes = {name: value.strip() if isinstance(value, str) else value for name, value in fields.items()}
    if changes.get("text", "") is None:
        changes["text"] = ""
    after = {**before, **changes}
    await _check(session, _KINDS[request.kind], after, today or day_of(session))
    for name, value in changes.items():
        setattr(request, name, value)
    await session.flush()
    await record(
        session,
        "approvals.request.change",
        Subject("approval_request", request_id),
        before=before,
        after=after,
        personal=_PERSONAL,
    )
    return request


@command("approvals.request.submit", "提交申请", "Submit a request", permission=None)
async def submit_request(
    session: WriteSession, request_id: UUID, *, reason: str = "", today: date | None = None
) -> ApprovalRequest:
    """Send a request of the actor's own to those who decide, for the first time or again. Raises RequestNotFound,
    RequestNotOpen, and what `service.start` raises."""
    request = await _own(session, request_id)
    await _submit(session, request, reason, today)
    await record(
        session,
        "approvals.request.submit",
        Subject("approval_request", request_id),
        after={"status": request.status},
        reason=reason or None,
    )
    return request


async def _submit(session: WriteSession, request: ApprovalRequest, reason: str, today: date | None) -> None:
    request.status = RequestStatus.SUBMITTED.value
    await session.flush()
    await start(session, FREE_REQUEST, request.id, reason=reason, today=today)


async def _own(session: WriteSession, request_id: UUID) -> ApprovalRequest:
    request = await session.get(ApprovalRequest, request_id, lock=True)
    if request is None or request.owner_id != session.actor.id or session.actor.kind is not ActorKind.USER:
        raise RequestNotFound
    _check_free(request)
    return request


def _check_free(request: ApprovalRequest) -> None:
    status = _STATUSES[request.status]
    if status not in FREE:
        raise RequestNotOpen(status=status.title)


async def _check(session: TenantSession, kind: RequestKind, values: Mapping[str, Any], today: date) -> None:
    problems = []

    def problem(field: str, code: str, zh: str, en: str) -> None:
        problems.append(FieldProblem((field,), code, Bilingual(zh, en)))

    if not values["title"] or len(values["title"]) > LONGEST_TITLE:
        problem("title", "length", f"请填写标题，最多 {LONGEST_TITLE} 字。", f"1 to {LONGEST_TITLE} characters.")
    if len(values["text"]) > LONGEST_TEXT:
        problem("text", "length", f"最多 {LONGEST_TEXT} 字。", f"At most {LONGEST_TEXT} characters.")
    begins, ends, amount = values["from_on"], values["until_on"], values["amount"]
    if kind is RequestKind.LEAVE:
        for name, day in (("from_on", begins), ("until_on", ends)):
            if day is None:
                problem(name, "required", "请假须填写起止日期。", "Leave needs its days.")
    if begins is not None and ends is not None and ends < begins:
        problem("until_on", "order", "结束日期不能早于开始日期。", "It cannot end before it begins.")
    if kind is RequestKind.VOLUME and amount is None:
        problem("amount", "required", "请填写申请的数量。", "Say how much.")
    if kind is RequestKind.VOLUME and values["client_id"] is None:
        problem("client_id", "required", "请选择客户。", "Name the client.")
    if amount is not None and not (amount.is_finite() and 0 < amount < LARGEST_AMOUNT):
        problem("amount", "range", "数量须大于 0。", "An amount is more than 0.")
    if values["client_id"] is not None and not await _client_seen(session, values["client_id"], today):
        problem("client_id", "unknown", "找不到该客户。", "There is no such client.")
    if problems:
        raise InvalidInput(problems=problems)


async def _client_seen(session: TenantSession, client_id: UUID, today: date) -> bool:
    found = await session.scalar(
        select(Client.id).where(
            session.within(Client), Client.id == client_id, CLIENT.within_reach(session, CLIENTS_VIEW, today)
        )
    )
    return found is not None


async def _find(session: TenantSession, request_id: UUID) -> Found:
    request = await session.get(ApprovalRequest, request_id)
    if request is None:
        raise RequestNotFound
    days = 0
    if request.from_on is not None and request.until_on is not None:
        days = (request.until_on - request.from_on).days + 1
    return Found(
        title=f"{_KINDS[request.kind].title.zh}：{request.title}",
        owner_id=request.owner_id,
        unit_id=request.unit_id,
        values={
            "kind": request.kind,
            "days": days,
            "amount": request.amount or Decimal(0),
            "about_client": request.client_id is not None,
        },
        client_id=request.client_id,
    )


async def _settle(session: WriteSession, request_id: UUID, outcome: Settled, _by: UUID | None, _reason: str) -> None:
    request = await session.get(ApprovalRequest, request_id, lock=True)
    if request is None:
        raise RequestNotFound
    request.status = outcome.value
    if outcome is Settled.APPROVED and request.kind == RequestKind.LEAVE:
        assert request.from_on is not None
        assert request.until_on is not None
        await session.flush()
        await approved(session, request.owner_id, request.from_on, request.until_on)


async def _resume(session: WriteSession, request_id: UUID) -> None:
    request = await session.get(ApprovalRequest, request_id, lock=True)
    if request is None:
        raise RequestNotFound
    _check_free(request)
    request.status = RequestStatus.SUBMITTED.value


def _default() -> dict[str, Any]:
    """The supervisor; long leave goes on to the general manager, who leads the unit at the top of the tree."""
    document = by_supervisor(FREE_REQUEST, Bilingual("一般申请", "Requests"))
    document["steps"].append(
        {
            "key": "general_manager",
            "title": {"zh": "总经理审批", "en": "General manager"},
            "kind": "any",
            "approvers": [{"by": "unit_lead", "levels_up": 20}],
            "empty": "to_admin",
            "when": {
                "match": "all",
                "clauses": [
                    {"field": "kind", "operator": "eq", "value": RequestKind.LEAVE.value},
                    {"field": "days", "operator": "gt", "value": LONG_LEAVE_DAYS},
                ],
            },
        }
    )
    return document


REQUESTS = declare_subject(
    ApprovalSubject(
        FREE_REQUEST,
        Bilingual("申请（请假、合理定量、一般申请）", "Requests: leave, reasonable volume, others"),
        {
            "kind": FieldKind.TEXT,
            "days": FieldKind.NUMBER,
            "amount": FieldKind.NUMBER,
            "about_client": FieldKind.BOOLEAN,
        },
        _find,
        _settle,
        _resume,
    ),
    default=_default(),
)
