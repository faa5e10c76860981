"""Requests, legs and clocks as kinds of rows: each is its owner's and its unit's; what happened to one goes with it."""

from __future__ import annotations

from steward_core.permissions import REQUESTS_VIEW
from steward_core.promises.models import PromiseClock, PromiseEvent, RequestEvent, RequestLeg, ServiceRequest
from steward_tenants.access.row_kinds import RowKind, row_kinds
from steward_tenants.texts import Bilingual

REQUEST = row_kinds.declare(
    RowKind(
        "service_request",
        Bilingual("服务请求", "service request"),
        ServiceRequest,
        REQUESTS_VIEW,
        owner=ServiceRequest.owner_id,
        unit=ServiceRequest.unit_id,
    )
)
LEG = row_kinds.declare(
    RowKind(
        "request_leg",
        Bilingual("服务环节", "leg of a service request"),
        RequestLeg,
        REQUESTS_VIEW,
        owner=RequestLeg.owner_id,
        unit=RequestLeg.unit_id,
    )
)
CLOCK = row_kinds.declare(
    RowKind(
        "promise_clock",
        Bilingual("承诺计时", "promise under way"),
        PromiseClock,
        REQUESTS_VIEW,
        owner=PromiseClock.owner_id,
        unit=PromiseClock.unit_id,
    )
)
REQUEST_EVENT = row_kinds.declare(
    RowKind(
        "request_event",
        Bilingual("服务请求经过", "entry of a request's timeline"),
        RequestEvent,
        REQUESTS_VIEW,
        parent=REQUEST,
        parent_id=RequestEvent.request_id,
    )
)
CLOCK_EVENT = row_kinds.declare(
    RowKind(
        "promise_event",
        Bilingual("承诺经过", "what happened to a promise"),
        PromiseEvent,
        REQUESTS_VIEW,
        parent=CLOCK,
        parent_id=PromiseEvent.clock_id,
    )
)
