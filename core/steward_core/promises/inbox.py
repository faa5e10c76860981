"""What of promises and requests waits for a person: clocks near and over their limit, requests and legs to work on."""

from __future__ import annotations

from sqlalchemy import func, select

from steward_core.inbox.items import InboxKind
from steward_core.inbox.lines import Rows, line
from steward_core.promises.models import LegStatus, PromiseClock, RequestLeg, RequestStatus, ServiceRequest
from steward_tenants.database.actor import ActorKind
from steward_tenants.database.session import TenantSession


def clocks_near(session: TenantSession) -> Rows | None:
    """The actor's clocks that are near their limit."""
    return _clocks(session, InboxKind.PROMISE_NEAR)


def clocks_broken(session: TenantSession) -> Rows | None:
    """The actor's clocks that are over their limit and not ended."""
    return _clocks(session, InboxKind.PROMISE_BROKEN)


def _clocks(session: TenantSession, kind: InboxKind) -> Rows | None:
    if session.actor.kind is not ActorKind.USER:
        return None
    broken = kind is InboxKind.PROMISE_BROKEN
    over = PromiseClock.due_at < func.now()
    warned = PromiseClock.warn_at <= func.now()
    conditions = [over] if broken else [warned, PromiseClock.due_at >= func.now()]
    return select(
        *line(
            kind,
            row_id=PromiseClock.id,
            client_id=PromiseClock.client_id,
            at=PromiseClock.due_at if broken else PromiseClock.warn_at,
            name=PromiseClock.title_zh,
            note=PromiseClock.title_en,
        )
    ).where(
        session.within(PromiseClock),
        PromiseClock.owner_id == session.actor.id,
        PromiseClock.ended_at.is_(None),
        PromiseClock.paused_at.is_(None),
        *conditions,
    )


def requests_to_work_on(session: TenantSession) -> Rows | None:
    """The actor's requests that are open."""
    if session.actor.kind is not ActorKind.USER:
        return None
    return select(
        *line(
            InboxKind.REQUEST_OPEN,
            row_id=ServiceRequest.id,
            client_id=ServiceRequest.client_id,
            at=ServiceRequest.opened_at,
            name=ServiceRequest.title,
        )
    ).where(
        session.within(ServiceRequest),
        ServiceRequest.owner_id == session.actor.id,
        ServiceRequest.status == RequestStatus.OPEN.value,
    )


def legs_to_work_on(session: TenantSession) -> Rows | None:
    """The actor's legs of requests that are open."""
    if session.actor.kind is not ActorKind.USER:
        return None
    return select(
        *line(
            InboxKind.REQUEST_LEG,
            row_id=RequestLeg.id,
            client_id=RequestLeg.client_id,
            at=RequestLeg.opened_at,
            name=RequestLeg.title,
        )
    ).where(
        session.within(RequestLeg),
        RequestLeg.owner_id == session.actor.id,
        RequestLeg.status == LegStatus.OPEN.value,
    )
