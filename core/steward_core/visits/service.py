"""Carrying out visits: planned, begun with a check-in, ended with what came of them, changed, cancelled.

Every command takes what the device knew: its clock, when it sent the command, and the version that it had read. The
server's reckoning of a moment is the device's, put right by the difference of the clocks at the sending.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from steward_core.clients.checks import problem, refuse, write_custom_index
from steward_core.clients.models import Client
from steward_core.clients.row_kinds import CLIENT
from steward_core.clients.rules import reason_problem
from steward_core.permissions import VISITS_EDIT
from steward_core.plans.models import PlanAction
from steward_core.visits.afterwards import after_visit
from steward_core.visits.changing import changed, held, kept, must_be, visit_to_change
from steward_core.visits.check_in import CheckInDecision
from steward_core.visits.checking_in import Sent, decided, ended_at
from steward_core.visits.checklists import CHECKLISTS, Stage, blank, ticked
from steward_core.visits.fields import CUSTOM, PLANNED, REPORT, TARGET, Fields, checked
from steward_core.visits.models import Visit, VisitKind, VisitStatus, kind_of, status_of
from steward_core.visits.visit_errors import CorrectionNeedsReason, NothingToTick, VisitOfAnother, VisitThere
from steward_tenants.access.row_kinds import PERSON
from steward_tenants.clock import clock_now
from steward_tenants.commands.service import command
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.people.models import User
from steward_tenants.people.rules import line_of_text
from steward_tenants.texts import Bilingual

BEGIN = Bilingual("签到", "check in")
END = Bilingual("结束走访", "end the visit")
CANCEL = Bilingual("取消走访", "cancel the visit")
CHANGE = Bilingual("修改走访", "change the visit")
TICK = Bilingual("勾选清单", "tick the checklist")
RECORD = Bilingual("登记整次走访", "record the whole visit")
LONGEST_NOTE = 500


@command("visits.plan", "安排走访", "Plan a visit", permission=VISITS_EDIT)
async def plan_visit(
    session: WriteSession,
    client_id: UUID,
    *,
    day: date,
    today: date,
    fields: Fields | None = None,
    owner_id: UUID | None = None,
    action_id: UUID | None = None,
    visit_id: UUID | None = None,
) -> Visit:
    """A visit to come, with its checklists. `owner_id`: the visitor, oneself when left out; `visit_id`: the id that a
    device gave it. Raises ClientNotFound, ClientIsMerged, InvalidInput, VisitThere."""
    client = await _client(session, client_id, today)
    visit = await _new(session, client, day, today=today, given=(owner_id, action_id, visit_id))
    values = await checked(session, visit, fields or {}, set(PLANNED) - {"day"})
    _laid(visit, values)
    session.add(visit)
    await changed(session, "visits.plan", visit, None)
    await _indexed(session, visit, values)
    return visit


@command("visits.check_in", "走访签到", "Check in at a visit", permission=VISITS_EDIT)
async def check_in(
    session: WriteSession,
    visit_id: UUID,
    *,
    device_time: datetime,
    device_sent_at: datetime,
    today: date,
    zone: str,
    latitude: Decimal | None = None,
    longitude: Decimal | None = None,
    accuracy_metres: int = 0,
    expected_version: int | None = None,
    received_at: datetime | None = None,
) -> Visit:
    """Begin one's own visit. A check-in that is flagged is kept for the supervisor with its lines.

    Raises VisitNotFound, VisitChanged, VisitStateForbids, VisitOfAnother, CheckInRefused, InvalidInput.
    """
    visit, client = await visit_to_change(session, visit_id, today=today, expected_version=expected_version)
    must_be(visit, BEGIN, VisitStatus.PREPARED)
    if visit.owner_id != session.actor.id:
        raise VisitOfAnother
    before = kept(visit)
    sent = Sent(device_time, device_sent_at, latitude, longitude, accuracy_metres, received_at or clock_now())
    _begun(visit, sent, await decided(session, client, sent, kind_of(visit.kind)), zone)
    visit.status = VisitStatus.UNDER_WAY
    await changed(session, "visits.check_in", visit, before)
    return visit


@command("visits.end", "结束走访", "End a visit", permission=VISITS_EDIT)
async def end_visit(
    session: WriteSession,
    visit_id: UUID,
    *,
    device_time: datetime,
    device_sent_at: datetime,
    today: date,
    fields: Fields | None = None,
    expected_version: int | None = None,
    received_at: datetime | None = None,
) -> Visit:
    """End a visit that is under way, with what came of it. Wishes and complaints become service requests of the
    visitor, the plan's action is ticked, the follow-up clocks start.

    Raises VisitNotFound, VisitChanged, VisitStateForbids, InvalidInput.
    """
    visit, _ = await visit_to_change(session, visit_id, today=today, expected_version=expected_version)
    must_be(visit, END, VisitStatus.UNDER_WAY)
    before = kept(visit)
    values = await checked(session, visit, fields or {}, {*REPORT, "aim", "origin"}, ends=True)
    _laid(visit, values)
    visit.ended_at = ended_at(
        (visit.began_at, visit.device_began_at), device_time, device_sent_at, received_at or clock_now()
    )
    visit.device_ended_at = device_time
    visit.status = VisitStatus.DONE
    await changed(session, "visits.end", visit, before)
    await _indexed(session, visit, values)
    await after_visit(session, visit)
    return visit


@command("visits.record", "登记整次走访", "Record a whole visit", permission=VISITS_EDIT)
async def record_visit(
    session: WriteSession,
    client_id: UUID,
    *,
    device_began_at: datetime,
    device_ended_at: datetime,
    device_sent_at: datetime,
    today: date,
    zone: str,
    fields: Fields | None = None,
    latitude: Decimal | None = None,
    longitude: Decimal | None = None,
    accuracy_metres: int = 0,
    owner_id: UUID | None = None,
    action_id: UUID | None = None,
    visit_id: UUID | None = None,
    expected_version: int | None = None,
    received_at: datetime | None = None,
) -> Visit:
    """A whole visit at once: begun, ended, with what came of it. `visit_id` names a prepared visit that it was, or is
    the id that a device gave a new one. A supervisor may record another's; where no position is given the visit is
    flagged. Raises as `plan_visit`, `check_in` and `end_visit` do, but for VisitOfAnother."""
    known = None
    if visit_id is not None:
        known = await session.scalar(select(Visit.id).where(session.within(Visit), Visit.id == visit_id))
    if known is not None:
        visit, client = await visit_to_change(session, known, today=today, expected_version=expected_version)
        if visit.client_id != client_id or visit.status != VisitStatus.PREPARED:
            raise VisitThere(state=status_of(visit.status).title)
        before = kept(visit)
    else:
        client = await _client(session, client_id, today)
        visit = await _new(session, client, today, today=today, given=(owner_id, action_id, visit_id))
        before = None
    received = received_at or clock_now()
    sent = Sent(device_began_at, device_sent_at, latitude, longitude, accuracy_metres, received)
    kind = kind_of((fields or {}).get("kind")) or kind_of(visit.kind)
    decision = await decided(session, client, sent, kind)
    _begun(visit, sent, decision, zone)
    values = await checked(session, visit, fields or {}, {*REPORT, *PLANNED} - {"day"}, ends=True)
    _laid(visit, values)
    visit.ended_at = ended_at((visit.began_at, visit.device_began_at), device_ended_at, device_sent_at, received)
    visit.device_ended_at = device_ended_at
    visit.status = VisitStatus.DONE
    session.add(visit)
    await changed(session, "visits.record", visit, before)
    await _indexed(session, visit, values)
    await after_visit(session, visit)
    return visit


@command("visits.change", "修改走访", "Change a visit", permission=VISITS_EDIT)
async def change_visit(
    session: WriteSession,
    visit_id: UUID,
    *,
    fields: Fields,
    today: date,
    reason: str | None = None,
    expected_version: int | None = None,
) -> Visit:
    """Change what is written about a visit. One that is done changes on its own day, and later by a correction with
    its reason only; what it was stays in the audit log. New wishes and complaints become service requests.

    Raises VisitNotFound, VisitChanged, VisitStateForbids, CorrectionNeedsReason, InvalidInput.
    """
    visit, _ = await visit_to_change(session, visit_id, today=today, expected_version=expected_version)
    must_be(visit, CHANGE, VisitStatus.PREPARED, VisitStatus.UNDER_WAY, VisitStatus.DONE)
    done = visit.status == VisitStatus.DONE
    if done and visit.day != today and not (reason or "").strip():
        raise CorrectionNeedsReason
    clean_reason = _reason(reason) if reason is not None and reason.strip() else None
    allowed = {
        VisitStatus.PREPARED: set(PLANNED),
        VisitStatus.UNDER_WAY: {*REPORT, "aim", "origin"},
        VisitStatus.DONE: {*REPORT, "aim", "origin"},
    }[status_of(visit.status)]
    before = kept(visit)
    values = await checked(session, visit, fields, allowed)
    _laid(visit, values)
    await changed(session, "visits.change", visit, before, reason=clean_reason)
    await _indexed(session, visit, values)
    if done:
        await after_visit(session, visit, before=before)
    return visit


@command("visits.cancel", "取消走访", "Cancel a visit", permission=VISITS_EDIT)
async def cancel_visit(
    session: WriteSession, visit_id: UUID, *, reason: str, today: date, expected_version: int | None = None
) -> Visit:
    """Call off a visit that is not done; it is kept with the reason. Raises VisitNotFound, VisitChanged,
    VisitStateForbids, InvalidInput."""
    visit, _ = await visit_to_change(session, visit_id, today=today, expected_version=expected_version)
    must_be(visit, CANCEL, VisitStatus.PREPARED, VisitStatus.UNDER_WAY)
    before = kept(visit)
    visit.reason, visit.status = _reason(reason), VisitStatus.CANCELLED
    await changed(session, "visits.cancel", visit, before, reason=visit.reason)
    return visit


@command("visits.tick", "勾选走访清单", "Tick an item of a visit's checklist", permission=VISITS_EDIT)
async def tick_item(
    session: WriteSession,
    visit_id: UUID,
    *,
    stage: Stage,
    item: str,
    today: date,
    done: bool = True,
    note: str | None = None,
    expected_version: int | None = None,
) -> Visit:
    """Tick or untick an item, with a note if there is something to say. Raises VisitNotFound, VisitChanged,
    VisitStateForbids, NothingToTick, InvalidInput."""
    visit, _ = await visit_to_change(session, visit_id, today=today, expected_version=expected_version)
    must_be(visit, TICK, VisitStatus.PREPARED, VisitStatus.UNDER_WAY, VisitStatus.DONE)
    clean_note = line_of_text(note, LONGEST_NOTE) if note and note.strip() else None
    found = ticked(getattr(visit, stage.value), item, done=done, note=clean_note)
    if found is None:
        raise NothingToTick(item=item[:40])
    before = kept(visit)
    setattr(visit, stage.value, found)
    await changed(session, "visits.tick", visit, before)
    return visit


async def _client(session: WriteSession, client_id: UUID, today: date) -> Client:
    return await held(session, client_id, CLIENT.within_reach(session, VISITS_EDIT, today))


async def _new(
    session: WriteSession,
    client: Client,
    day: date,
    *,
    today: date,
    given: tuple[UUID | None, UUID | None, UUID | None],
) -> Visit:
    """A prepared visit, not yet added. `given`: the visitor, the planned action, the id from the device."""
    owner_id, action_id, visit_id = given
    owner = owner_id or session.actor.id
    unit_id = await _visitor(session, owner, today)
    if action_id is not None:
        await _check_action(session, client.id, action_id)
    if visit_id is not None:
        status = await session.scalar(select(Visit.status).where(session.within(Visit), Visit.id == visit_id))
        if status is not None:
            raise VisitThere(state=status_of(status).title)
    lists = await get_setting(session, CHECKLISTS)
    return Visit(
        id=visit_id or new_id(),
        client_id=client.id,
        owner_id=owner,
        unit_id=unit_id,
        action_id=action_id,
        kind=VisitKind.ON_SITE.value,
        status=VisitStatus.PREPARED.value,
        day=day,
        before=blank(lists, Stage.BEFORE),
        during=blank(lists, Stage.DURING),
        after=blank(lists, Stage.AFTER),
        custom={},
        created_by=session.actor.id,
    )


async def _visitor(session: WriteSession, owner_id: UUID, today: date) -> UUID | None:
    """The visitor's unit. Somebody else than the actor must be a person in reach."""
    reach = () if owner_id == session.actor.id else (PERSON.within_reach(session, VISITS_EDIT, today),)
    owner = await session.find(User, User.id == owner_id, *reach)
    if owner is None:
        refuse([problem("owner_id", "unknown", "没有此人员，或不在您的范围内。", "No such person in your scope.")])
    return None if owner is None else owner.unit_id


async def _check_action(session: WriteSession, client_id: UUID, action_id: UUID) -> None:
    known = await session.scalar(
        select(PlanAction.id).where(
            session.within(PlanAction), PlanAction.id == action_id, PlanAction.client_id == client_id
        )
    )
    if known is None:
        refuse([problem("action_id", "unknown", "该客户没有此计划事项。", "The client has no such planned action.")])


def _begun(visit: Visit, sent: Sent, decision: CheckInDecision, zone: str) -> None:
    visit.began_at, visit.device_began_at = decision.began_at, sent.device_time
    visit.day = decision.began_at.astimezone(ZoneInfo(zone)).date()
    visit.latitude, visit.longitude = sent.latitude, sent.longitude
    visit.accuracy_metres = sent.accuracy_metres if sent.latitude is not None else None
    visit.metres, visit.verdict = decision.metres, int(decision.verdict)
    visit.check_in = {
        "lines": [{"zh": one.zh, "en": one.en} for one in decision.lines],
        "clock_seconds": decision.clock_seconds,
        "device_sent_at": sent.device_sent_at.isoformat(),
        "received_at": sent.received_at.isoformat(),
    }


def _laid(visit: Visit, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(visit, name, value)


async def _indexed(session: WriteSession, visit: Visit, values: Fields) -> None:
    """Bring the index of custom fields in line with a visit whose own fields were among the `values` just written."""
    if CUSTOM in values:
        await write_custom_index(session, TARGET, visit.id, visit.custom, clear=True)


def _reason(reason: str) -> str:
    wrong = reason_problem(reason)
    refuse([wrong] if wrong else [])
    return reason.strip()
