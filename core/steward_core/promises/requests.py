"""Service requests: opened with their legs, followed up to the client's confirmation. What is done about one keeps or
stops the clocks that run about it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from steward_core.approvals.people import SUPERVISOR, role_holders
from steward_core.clients.errors import ClientNotFound
from steward_core.clients.models import Client
from steward_core.forms.models import FormRecord
from steward_core.promises.clocks import Clock, Span
from steward_core.promises.definitions import Definition, definitions_here
from steward_core.promises.models import (
    Channel,
    DefinitionKind,
    Lane,
    LegStatus,
    RequestAct,
    RequestEvent,
    RequestLeg,
    RequestStatus,
    ServiceRequest,
)
from steward_core.promises.request_rules import LEG_OVER, triggers_of
from steward_core.promises.request_settings import REQUEST_KINDS
from steward_core.promises.service import Happening, happened_many, start_own
from steward_core.promises.templates import LEG_PROMISE, Promise, read
from steward_tenants.access.queries import today
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.actor import ActorKind
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import invalid
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User, UserStatus

REQUEST, LEG, RECORD = "service_request", "request_leg", "form_record"
"""What clocks are about."""
LONGEST_TITLE, LONGEST_TEXT = 200, 8_000
MOST_LEGS, MOST_FACTS = 20, 20
PERSONAL = ("title", "text", "answer", "result", "reason", "note")
"""What people write about clients may be about persons: the audit log keeps digests."""


@dataclass(frozen=True)
class NewLeg:
    """A leg as it is asked for. Without an owner the unit's lead has it, else whoever has the request. `limit` is what
    its clock runs for, where that is not what the tenant promises of every leg."""

    kind: str
    title: str
    unit_id: UUID | None = None
    owner_id: UUID | None = None
    limit: Span | Mapping[str, Any] | None = None


async def open_request(
    session: WriteSession,
    *,
    client_id: UUID,
    kind: str,
    title: str,
    text: str | None = None,
    owner_id: UUID | None = None,
    visit_id: UUID | None = None,
    legs: Sequence[NewLeg] = (),
    contact_id: UUID | None = None,
    form_record_id: UUID | None = None,
    channel: Channel | None = None,
    lane: Lane | None = None,
    priority: bool = False,
    facts: Collection[str] = (),
    at: datetime | None = None,
) -> ServiceRequest:
    """A new request of a client; its promises start at `at` (now). Its owner is `owner_id`, else whoever acts, else the
    client's owner. Of a form record the promises have started already. Raises ClientNotFound, InvalidInput."""
    client = await session.get(Client, client_id)
    if client is None:
        raise ClientNotFound
    await checked_kind(session, kind)
    now = clock_now()
    if at is not None and at > now:
        raise invalid("at", "future", "受理时间不能晚于现在。", "A request cannot have come in later than now.")
    owner = await _owner(session, owner_id, client)
    request = ServiceRequest(
        id=new_id(),
        client_id=client.id,
        kind=kind,
        title=written("title", title, LONGEST_TITLE),
        text=written_or_none("text", text),
        owner_id=owner.id,
        unit_id=owner.unit_id,
        follows_client=owner.id == client.owner_id,
        contact_id=contact_id,
        visit_id=visit_id,
        form_record_id=await _record(session, form_record_id, client.id),
        channel=(channel or (Channel.OTHER if visit_id is None else Channel.VISIT)).value,
        lane=None if lane is None else lane.value,
        priority=priority or lane is not None,
        facts=_facts(facts),
        opened_at=at or now,
        opened_by=session.actor.id,
        status=RequestStatus.OPEN.value,
        milestones={},
        reopened=0,
    )
    session.add(request)
    await session.flush()
    noted(session, request, RequestAct.OPENED, at=request.opened_at, text=request.text)
    await start_promises(session, request, at=request.opened_at)
    await add_legs(session, request, legs, at=request.opened_at)
    await record(session, "requests.open", Subject(REQUEST, request.id), after=told(request), personal=PERSONAL)
    return request


async def start_promises(session: WriteSession, request: ServiceRequest, *, at: datetime) -> None:
    """Start what is promised of such a request; once more each time that it is reopened."""
    event = Happening(
        "",
        at,
        REQUEST,
        request.id,
        request.client_id,
        request.owner_id,
        request.unit_id,
        dict.fromkeys([*request.facts, *_traits(request)]),
        occurrence=request.reopened + 1,
    )
    triggers = triggers_of(request.kind) if request.form_record_id is None else triggers_of(request.kind)[:1]
    await happened_many(session, [_of(event, trigger) for trigger in triggers])


async def add_legs(
    session: WriteSession, request: ServiceRequest, legs: Sequence[NewLeg], *, at: datetime
) -> list[RequestLeg]:
    """Add legs to a held request; each starts the clock of its own, and what is promised of its kind where the request
    is not of that kind itself. Raises InvalidInput."""
    if not legs:
        return []
    known: int = await session.scalar(
        select(func.count()).where(session.within(RequestLeg), RequestLeg.request_id == request.id)
    )
    if known + len(legs) > MOST_LEGS:
        raise invalid("legs", "length", f"最多 {MOST_LEGS} 个环节。", f"A request has at most {MOST_LEGS} legs.")
    for place, leg in enumerate(legs):
        await checked_kind(session, leg.kind, f"legs.{place}.kind")
    legs = [replace(leg, limit=_span(leg.limit)) for leg in legs]
    owners = await _leg_owners(session, request, legs)
    rows = []
    for place, leg in enumerate(legs):
        unit_id, person = owners[place]
        row = RequestLeg(
            id=new_id(),
            request_id=request.id,
            client_id=request.client_id,
            number=known + place + 1,
            kind=leg.kind,
            title=written(f"legs.{place}.title", leg.title, LONGEST_TITLE),
            unit_id=unit_id,
            owner_id=person,
            follows_client=request.follows_client and person == request.owner_id,
            status=LegStatus.OPEN.value,
            opened_at=at,
        )
        rows.append(row)
        session.add(row)
    await session.flush()
    for row in rows:
        noted(session, request, RequestAct.LEG_ADDED, at=at, leg=row, text=row.title)
    await _start_legs(session, request, rows, legs, at=at)
    return rows


async def _start_legs(
    session: WriteSession,
    request: ServiceRequest,
    rows: Sequence[RequestLeg],
    legs: Sequence[NewLeg],
    *,
    at: datetime,
) -> None:
    events, own = [], []
    for row, leg in zip(rows, legs, strict=True):
        facts = dict.fromkeys([row.kind, *request.facts])
        event = Happening("leg_opened", at, LEG, row.id, row.client_id, row.owner_id, row.unit_id, facts)
        events.append(event)
        if row.kind != request.kind:
            events += [_of(event, trigger) for trigger in triggers_of(row.kind)[1:]]
        if leg.limit is not None:
            own.append((event, await _own_promise(session, leg.limit)))
    await start_own(session, own)
    await happened_many(session, events)


async def _own_promise(session: WriteSession, limit: Span | Mapping[str, Any]) -> Definition:
    """The promise of every leg, with a limit of one leg's own."""
    basis = (await definitions_here(session)).find(DefinitionKind.PROMISE, LEG_PROMISE.key)
    what = LEG_PROMISE if basis is None or not isinstance(basis.what, Promise) else basis.what
    made = what.model_copy(update={"clock": Clock(limit=read(Span, limit), calendar=what.clock.calendar)})
    return Definition(DefinitionKind.PROMISE, made.key, made, "", 0 if basis is None else basis.number)


def _span(limit: Span | Mapping[str, Any] | None) -> Span | None:
    """Raises InvalidInput."""
    return None if limit is None else read(Span, limit)


async def open_legs(session: TenantSession, request_id: UUID) -> list[RequestLeg]:
    """The legs of a request that are not over, in their order."""
    return list(
        await session.scalars(
            select(RequestLeg)
            .where(
                session.within(RequestLeg),
                RequestLeg.request_id == request_id,
                RequestLeg.status.not_in([status.value for status in LEG_OVER]),
            )
            .order_by(RequestLeg.number)
        )
    )


def noted(
    session: WriteSession,
    request: ServiceRequest,
    act: RequestAct,
    *,
    at: datetime,
    leg: RequestLeg | None = None,
    text: str | None = None,
    figures: Mapping[str, Any] | None = None,
) -> None:
    """Write an entry of a request's timeline."""
    session.add(
        RequestEvent(
            id=new_id(),
            request_id=request.id,
            leg_id=None if leg is None else leg.id,
            act=act.value,
            at=at,
            by=session.actor.id if session.actor.kind is ActorKind.USER else None,
            text=text,
            figures=dict(figures or {}),
        )
    )


def told(request: ServiceRequest) -> dict[str, Any]:
    """A request for the audit log."""
    names = (
        "client_id", "kind", "title", "text", "owner_id", "unit_id", "visit_id", "form_record_id", "status", "channel",
        "lane", "priority", "answer", "satisfaction",
    )  # fmt: skip
    return {name: getattr(request, name) for name in names}


async def checked_kind(session: TenantSession, kind: str, path: str = "kind") -> str:
    """A kind that the tenant knows. Raises InvalidInput."""
    kinds = await get_setting(session, REQUEST_KINDS)
    if kind not in {one.key for one in kinds}:
        zh, en = ("、".join(f"{one.zh}（{one.key}）" for one in kinds), ", ".join(one.key for one in kinds))
        raise invalid(path, "unknown", f"没有这一类别，请使用：{zh}。", f"There is no such kind; use one of: {en}.")
    return kind


async def active_person(session: TenantSession, user_id: UUID, path: str) -> User:
    """An active user. Raises InvalidInput."""
    user = await session.get(User, user_id)
    if user is None or user.status != UserStatus.ACTIVE:
        raise invalid(path, "unknown", "该人员不存在或已停用。", "There is no such active person.")
    return user


def written(path: str, value: str | None, most: int = LONGEST_TEXT) -> str:
    """A text that must be there. Raises InvalidInput."""
    text = (value or "").strip()
    if not text:
        raise invalid(path, "required", "请填写。", "Fill this in.")
    if len(text) > most:
        raise invalid(path, "length", f"最多 {most} 个字符。", f"Use at most {most} characters.")
    return text


def written_or_none(path: str, value: str | None, most: int = LONGEST_TEXT) -> str | None:
    """A text that may be missing. Raises InvalidInput."""
    return written(path, value, most) if (value or "").strip() else None


def _of(event: Happening, trigger: str) -> Happening:
    return Happening(
        trigger,
        event.at,
        event.subject,
        event.subject_id,
        event.client_id,
        event.owner_id,
        event.unit_id,
        event.facts,
        event.contract_fen,
        event.occurrence,
    )


def _traits(request: ServiceRequest) -> list[str]:
    return [one for one in (request.kind, request.lane, "priority" if request.priority else None) if one]


def _facts(facts: Collection[str]) -> list[str]:
    found = sorted(set(facts))
    if len(found) > MOST_FACTS or any(not one.isidentifier() or len(one) > 64 for one in found):
        raise invalid("facts", "format", "请使用字母、数字和下划线组成的标识。", "Use keys of letters, digits and _.")
    return found


async def _owner(session: WriteSession, owner_id: UUID | None, client: Client) -> User:
    acting = session.actor.id if session.actor.kind is ActorKind.USER else client.owner_id
    chosen = owner_id or acting
    if chosen is None:
        raise invalid("owner_id", "required", "请指定责任人。", "Say who is responsible.")
    return await active_person(session, chosen, "owner_id")


async def _record(session: WriteSession, record_id: UUID | None, client_id: UUID) -> UUID | None:
    if record_id is None:
        return None
    found = await session.get(FormRecord, record_id)
    if found is None or found.client_id != client_id:
        raise invalid("form_record_id", "unknown", "该客户没有这份表单。", "The client has no such form.")
    return found.id


async def _leg_owners(
    session: WriteSession, request: ServiceRequest, legs: Sequence[NewLeg]
) -> list[tuple[UUID | None, UUID]]:
    """The unit and the owner of each leg. Raises InvalidInput."""
    units = {leg.unit_id for leg in legs if leg.unit_id is not None}
    if units:
        known = set(
            await session.scalars(select(OrgUnit.id).where(session.within(OrgUnit), OrgUnit.id.in_(sorted(units))))
        )
        for place, leg in enumerate(legs):
            if leg.unit_id is not None and leg.unit_id not in known:
                raise invalid(f"legs.{place}.unit_id", "unknown", "没有这个机构。", "There is no such unit.")
    leads = await role_holders(session, SUPERVISOR, units, today(session.time_zone)) if units else {}
    found: list[tuple[UUID | None, UUID]] = []
    for place, leg in enumerate(legs):
        if leg.owner_id is not None:
            person = await active_person(session, leg.owner_id, f"legs.{place}.owner_id")
            found.append((leg.unit_id or person.unit_id, person.id))
        elif leg.unit_id is not None:
            found.append((leg.unit_id, next(iter(leads.get(leg.unit_id, ())), request.owner_id)))
        else:
            found.append((request.unit_id, request.owner_id))
    return found
