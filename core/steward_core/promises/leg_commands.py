"""What people do about one leg of a request: whoever has the leg, or the request."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select

from steward_core.permissions import REQUESTS_EDIT
from steward_core.promises.errors import LegNotFound
from steward_core.promises.models import LegStatus, RequestAct, RequestLeg, RequestStatus, ServiceRequest
from steward_core.promises.request_commands import LONGEST_REASON, hand_clocks
from steward_core.promises.request_rules import VERBS, kept_by, require_open
from steward_core.promises.requests import LEG, PERSONAL, active_person, noted, written, written_or_none
from steward_core.promises.row_kinds import LEG as LEG_ROWS
from steward_core.promises.row_kinds import REQUEST as REQUEST_ROWS
from steward_core.promises.service import cancel_all, end_all, fulfilled, pause, resume
from steward_tenants.access.queries import today
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.commands.service import command
from steward_tenants.database.references import Reference
from steward_tenants.database.session import WriteSession
from steward_tenants.texts import Bilingual


@command("requests.leg.finish", "完成服务环节", "Finish a leg", permission=REQUESTS_EDIT)
async def finish_leg(session: WriteSession, leg_id: UUID, *, result: str) -> RequestLeg:
    """The unit has done its part. Raises Forbidden, LegNotFound, LegOver, InvalidInput."""
    leg, request = await _held(session, leg_id)
    moment = clock_now()
    leg.result, leg.status, leg.ended_at = written("result", result), LegStatus.DONE.value, moment
    leg.waiting_since = None
    await _noted(session, request, leg, RequestAct.LEG_DONE, at=moment, text=leg.result)
    for name in kept_by(RequestAct.LEG_DONE):
        await fulfilled(session, name, subject=LEG, subject_id=leg.id, at=moment)
    await end_all(session, subject=LEG, subject_ids=[leg.id], at=moment)
    return leg


@command("requests.leg.cancel", "取消服务环节", "Cancel a leg", permission=REQUESTS_EDIT)
async def cancel_leg(session: WriteSession, leg_id: UUID, *, reason: str) -> RequestLeg:
    """The leg is not needed; its clocks end with it. Raises Forbidden, LegNotFound, LegOver, InvalidInput."""
    leg, request = await _held(session, leg_id)
    why, moment = written("reason", reason, LONGEST_REASON), clock_now()
    leg.status, leg.ended_at, leg.waiting_since = LegStatus.CANCELLED.value, moment, None
    await _noted(session, request, leg, RequestAct.LEG_CANCELLED, at=moment, text=why)
    text = Bilingual(f"环节已取消：{why}", f"The leg was cancelled: {why}")
    await cancel_all(session, subject=LEG, subject_ids=[leg.id], at=moment, reason=text)
    return leg


@command("requests.leg.transfer", "转派服务环节", "Give a leg to another", permission=REQUESTS_EDIT)
async def transfer_leg(session: WriteSession, leg_id: UUID, owner_id: UUID, *, reason: str | None = None) -> RequestLeg:
    """Somebody else does it, in their unit; its clocks go along. Raises Forbidden, LegNotFound, LegOver,
    InvalidInput."""
    leg, request = await _held(session, leg_id)
    person = await active_person(session, owner_id, "owner_id")
    figures = {"from": str(leg.owner_id), "to": str(person.id)}
    leg.owner_id, leg.unit_id = person.id, person.unit_id
    leg.follows_client = request.follows_client and person.id == request.owner_id
    why = written_or_none("reason", reason, LONGEST_REASON)
    await _noted(session, request, leg, RequestAct.LEG_TRANSFERRED, at=clock_now(), text=why, figures=figures)
    await hand_clocks(session, LEG, leg.id, person, follows=leg.follows_client)
    return leg


@command("requests.leg.wait", "环节等待客户", "Let a leg wait for the client", permission=REQUESTS_EDIT)
async def wait_with_leg(session: WriteSession, leg_id: UUID, *, reason: str) -> RequestLeg:
    """Nothing can be done in this leg until the client answers: its clocks stand still. Raises Forbidden, LegNotFound,
    LegOver, InvalidInput."""
    leg, request = await _held(session, leg_id)
    why, moment = written("reason", reason, LONGEST_REASON), clock_now()
    leg.status, leg.waiting_since = LegStatus.WAITING.value, leg.waiting_since or moment
    await _noted(session, request, leg, RequestAct.WAITING, at=moment, text=why)
    await pause(session, subject=LEG, subject_ids=[leg.id], at=moment, reason=why)
    return leg


@command("requests.leg.resume", "恢复服务环节", "Go on with a leg", permission=REQUESTS_EDIT)
async def resume_leg(session: WriteSession, leg_id: UUID, *, note: str | None = None) -> RequestLeg:
    """The client has answered: the leg's clocks go on, unless the whole request waits. Raises Forbidden, LegNotFound,
    LegOver, InvalidInput."""
    leg, request = await _held(session, leg_id)
    moment = clock_now()
    leg.status, leg.waiting_since = LegStatus.OPEN.value, None
    await _noted(session, request, leg, RequestAct.RESUMED, at=moment, text=written_or_none("note", note))
    if request.status != RequestStatus.WAITING:
        await resume(session, subject=LEG, subject_ids=[leg.id], at=moment)
    return leg


async def _held(session: WriteSession, leg_id: UUID) -> tuple[RequestLeg, ServiceRequest]:
    """A leg that is not over, held after its request, in reach through either. Raises LegNotFound, LegOver."""
    day = today(session.time_zone)
    above: Any = Reference(ServiceRequest)
    through = (
        select(above.id)
        .where(
            session.within(above),
            above.id == RequestLeg.request_id,
            REQUEST_ROWS.reached(session, REQUESTS_EDIT, day, above),
        )
        .correlate(RequestLeg)
        .exists()
    )
    reach = or_(LEG_ROWS.within_reach(session, REQUESTS_EDIT, day), through)
    known = await session.find(RequestLeg, RequestLeg.id == leg_id, reach)
    if known is None:
        raise LegNotFound
    request = await session.get(ServiceRequest, known.request_id, lock=True)
    leg = await session.get(RequestLeg, leg_id, lock=True)
    if request is None or leg is None:
        raise LegNotFound
    require_open(LegStatus[leg.status.upper()])
    return leg, request


async def _noted(
    session: WriteSession,
    request: ServiceRequest,
    leg: RequestLeg,
    act: RequestAct,
    *,
    at: datetime,
    text: str | None,
    figures: dict[str, Any] | None = None,
) -> None:
    noted(session, request, act, at=at, leg=leg, text=text, figures=figures)
    request.updated_at = clock_now()
    await session.flush()
    after = {"status": leg.status, "owner_id": leg.owner_id, "result": leg.result, "note": text, "act": act.value}
    await record(session, f"requests.leg.{VERBS[act]}", Subject(LEG, leg.id), after=after, personal=PERSONAL)
