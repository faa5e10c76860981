"""Rows of promises and service requests in the world."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from steward_core.promises.models import (
    PromiseClock,
    PromiseEvent,
    PromiseVersion,
    RequestEvent,
    RequestLeg,
    ServiceRequest,
)
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from tests.gql.world import Tenant
from tests.gql.world_forms import MOMENT, added

PLACES = (
    ("am1", "east1", "open", "running"),
    ("am2", "west", "waiting", "paused"),
    ("odd", "east", "answered", "late"),
    ("lead", "east", "confirmed", "kept"),
    ("boss", None, "cancelled", "cancelled"),
)


async def fill(session: WriteSession, tenant: Tenant) -> None:
    """All rows of promises of a tenant; clients and people are there."""
    for number, kind in enumerate(("promise", "follow_up")):
        version_id = new_id()
        document = {"title": {"zh": tenant.mark("promise_version", version_id), "en": "x"}} if number == 0 else None
        added(
            session,
            tenant,
            PromiseVersion(
                id=version_id,
                kind=kind,
                key="own.marked" if number == 0 else "proposal",
                number=1,
                active=number == 0,
                document=document,
                set_by=tenant.people["admin"].id,
                set_at=MOMENT,
            ),
        )
    clients = tenant.rows["client"]
    for place, (name, unit, status, state) in enumerate(PLACES):
        client_id = clients[place % len(clients)].id
        at = MOMENT + timedelta(hours=place)
        request = await _request(session, tenant, name, unit, status, client_id, at)
        leg = await _leg(session, tenant, request, PLACES[place - 1][0], PLACES[place - 1][1], place)
        await _clock(session, tenant, name, unit, state, "service_request", request.id, client_id, at)
        await _clock(session, tenant, leg_owner(place), unit, "breached", "request_leg", leg.id, client_id, at)
    await _clock(session, tenant, "lead", "east", "warned", "form_record", new_id(), None, MOMENT)
    await session.flush()


def leg_owner(place: int) -> str:
    """Who has the clock of the leg of a request."""
    return PLACES[place - 1][0]


async def _request(
    session: WriteSession, tenant: Tenant, name: str, unit: str | None, status: str, client_id: UUID, at: datetime
) -> ServiceRequest:
    request_id = new_id()
    mark = tenant.mark("service_request", request_id)
    done = status in ("answered", "confirmed")
    contact = next((one for one in tenant.rows["contact"] if one.client_id == client_id), None)
    request: ServiceRequest = added(
        session,
        tenant,
        ServiceRequest(
            id=request_id,
            client_id=client_id,
            kind="fault" if status == "open" else "complaint",
            title=f"请求{mark}",
            text=f"内容{mark}",
            owner_id=tenant.people[name].id,
            unit_id=tenant.units[unit].id if unit else None,
            contact_id=None if contact is None else contact.id,
            status=status,
            channel="phone",
            lane="fault" if status == "open" else None,
            priority=status == "open",
            facts=["dedicated"] if done else [],
            milestones={"restored": at.isoformat()} if done else {},
            opened_at=at,
            opened_by=tenant.people["boss"].id,
            responded_at=at + timedelta(minutes=9) if done else None,
            waiting_since=at if status == "waiting" else None,
            waiting_reason=f"等{mark}" if status == "waiting" else None,
            answer=f"答复{mark}" if done else None,
            answered_at=at + timedelta(hours=1) if done else None,
            answered_by=tenant.people[name].id if done else None,
            satisfaction=4 if status == "confirmed" else None,
            closed_at=at if status == "cancelled" else None,
            updated_at=at,
        ),
    )
    await session.flush()
    for act in ("opened", "noted"):
        event_id = new_id()
        text = f"经过{tenant.mark('request_event', event_id)}"
        by = tenant.people[name].id if act == "noted" else None
        event = RequestEvent(id=event_id, request_id=request_id, act=act, at=at, by=by, text=text, figures={})
        added(session, tenant, event)
    return request


async def _leg(
    session: WriteSession, tenant: Tenant, request: ServiceRequest, name: str, unit: str | None, place: int
) -> RequestLeg:
    leg_id = new_id()
    mark = tenant.mark("request_leg", leg_id)
    leg: RequestLeg = added(
        session,
        tenant,
        RequestLeg(
            id=leg_id,
            request_id=request.id,
            client_id=request.client_id,
            number=1,
            kind="billing",
            title=f"环节{mark}",
            unit_id=tenant.units[unit].id if unit else None,
            owner_id=tenant.people[name].id,
            status=("open", "waiting", "done", "cancelled")[place % 4],
            opened_at=request.opened_at,
            result=f"结果{mark}" if place % 4 == 2 else None,
            ended_at=request.opened_at + timedelta(days=1) if place % 4 > 1 else None,
        ),
    )
    await session.flush()
    return leg


async def _clock(
    session: WriteSession,
    tenant: Tenant,
    name: str,
    unit: str | None,
    state: str,
    subject: str,
    subject_id: UUID,
    client_id: UUID | None,
    at: datetime,
) -> None:
    clock_id = new_id()
    mark = tenant.mark("promise_clock", clock_id)
    ended = state in ("kept", "late", "cancelled")
    added(
        session,
        tenant,
        PromiseClock(
            id=clock_id,
            kind="promise",
            promise="core.request_leg",
            trigger="leg_opened",
            subject=subject,
            subject_id=subject_id,
            client_id=client_id,
            owner_id=tenant.people[name].id,
            unit_id=tenant.units[unit].id if unit else None,
            title_zh=f"承诺{mark}",
            title_en=f"Promise {mark}",
            definition={"mark": mark},
            state=state,
            started_at=at,
            due_at=at + timedelta(days=2 if state != "warned" else 40_000),
            warn_at=at + timedelta(days=1),
            paused_at=at if state == "paused" else None,
            pauses=[{"since": at.isoformat(), "until": None, "reason": mark}] if state == "paused" else [],
            ended_at=at + timedelta(days=3) if ended else None,
            breach={"mark": mark} if state in ("late", "breached") else None,
            steps=["breached"] if state == "breached" else [],
            contract_fen=100_000 if state == "breached" else None,
            penalty_fen=1_500 if state == "breached" else None,
        ),
    )
    await session.flush()
    event_id = new_id()
    line = {"zh": f"行{tenant.mark('promise_event', event_id)}", "en": "line"}
    event = PromiseEvent(
        id=event_id, clock_id=clock_id, event="started", key="started", at=at, lines=[line], figures={}
    )
    added(session, tenant, event)
