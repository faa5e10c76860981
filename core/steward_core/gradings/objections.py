"""Objections to results: raised, decided, withdrawn. What is upheld corrects inputs; `service.regrade` uses them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import select

from steward_core.clients.models import Client
from steward_core.clients.row_kinds import CLIENT
from steward_core.forms.description import problems_of
from steward_core.forms.models import FormRecord
from steward_core.gradings.binding import clean_reason
from steward_core.gradings.errors import (
    GradingNotOpen,
    GradingOutdated,
    ObjectionDecided,
    ObjectionExists,
    ObjectionNotFound,
    ObjectionTooLate,
    OwnObjection,
    ResultNotFound,
)
from steward_core.gradings.models import Grading, GradingObjection, GradingStatus, ObjectionStatus
from steward_core.gradings.reach import grading_seen, turn_of
from steward_core.gradings.service import LIVE, revisions
from steward_core.gradings.settings import OBJECTION_DAYS
from steward_core.industry.registry import scheme_of
from steward_core.permissions import GRADINGS_DECIDE, GRADINGS_OBJECT, GRADINGS_VIEW
from steward_tenants.access.permissions import Permission
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.texts import Bilingual


@command("gradings.object", "提出评级异议", "Object to a result", permission=GRADINGS_OBJECT)
async def raise_objection(
    session: WriteSession,
    grading_id: UUID,
    client_id: UUID,
    reason: str,
    *,
    today: date,
    claimed: Mapping[str, Any] | None = None,
) -> GradingObjection:
    """Object to one client's result, while it is a preview or within the days that the tenant allows after binding.

    `claimed` are the inputs as they should be, by name. Raises GradingNotFound, ResultNotFound, GradingNotOpen,
    GradingOutdated (it would be lost: object to the later revision), ObjectionTooLate, ObjectionExists, InvalidInput.
    """
    grading = await grading_seen(session, grading_id, GRADINGS_OBJECT, today)
    await _take_turn(session, grading)
    result = await _result(session, grading, client_id, GRADINGS_OBJECT, today)
    reason = clean_reason(reason)
    await _keep_in_time(session, grading)
    known = await revisions(session, grading.scheme, grading.unit_id, grading.period)
    if later := [one for one in known if one.revision > grading.revision and one.status in LIVE]:
        raise GradingOutdated(revision=later[0].revision)
    corrections = _checked(grading, result, claimed or {}, "claimed")
    if await session.find(
        GradingObjection,
        GradingObjection.record_id == result.id,
        GradingObjection.status == ObjectionStatus.OPEN,
    ):
        raise ObjectionExists
    objection = GradingObjection(
        id=new_id(),
        grading_id=grading.id,
        client_id=client_id,
        record_id=result.id,
        status=ObjectionStatus.OPEN,
        reason=reason,
        claimed=corrections,
        corrections={},
        raised_by=session.actor.id,
    )
    session.add(objection)
    await record(
        session,
        "gradings.object",
        Subject("grading_objection", objection.id),
        after={"grading_id": grading.id, "client_id": client_id, "claimed": corrections},
        reason=reason,
    )
    return objection


@command("gradings.objection.decide", "裁定评级异议", "Decide on an objection", permission=GRADINGS_DECIDE)
async def decide_objection(
    session: WriteSession,
    objection_id: UUID,
    *,
    upheld: bool,
    reason: str,
    today: date,
    corrections: Mapping[str, Any] | None = None,
) -> GradingObjection:
    """Uphold an objection with the corrected inputs, or reject it. Somebody else than who raised it decides.

    Raises ObjectionNotFound, ObjectionDecided, OwnObjection, GradingNotOpen, InvalidInput.
    """
    objection, grading = await _objection(session, objection_id, GRADINGS_DECIDE, today)
    if objection.raised_by == session.actor.id and not session.actor.unrestricted:
        raise OwnObjection
    reason = clean_reason(reason)
    if grading.status not in (GradingStatus.PREVIEW, GradingStatus.BOUND):
        raise GradingNotOpen(status=grading.status)
    corrected = await _corrections(session, grading, objection, corrections or {}, upheld=upheld, today=today)
    objection.status = ObjectionStatus.UPHELD if upheld else ObjectionStatus.REJECTED
    objection.corrections = corrected
    objection.decided_by, objection.decided_at = session.actor.id, datetime.now(UTC)
    objection.decision_reason = reason
    await record(
        session,
        "gradings.objection.decide",
        Subject("grading_objection", objection.id),
        before={"status": ObjectionStatus.OPEN.value},
        after={"status": objection.status, "corrections": corrected},
        reason=reason,
    )
    return objection


@command("gradings.objection.withdraw", "撤回评级异议", "Withdraw an objection", permission=GRADINGS_OBJECT)
async def withdraw_objection(session: WriteSession, objection_id: UUID, *, today: date) -> GradingObjection:
    """Take an open objection back; only who raised it can. Raises ObjectionNotFound, ObjectionDecided, OwnObjection."""
    objection, _ = await _objection(session, objection_id, GRADINGS_OBJECT, today)
    if objection.raised_by != session.actor.id:
        raise OwnObjection
    objection.status = ObjectionStatus.WITHDRAWN
    await record(
        session,
        "gradings.objection.withdraw",
        Subject("grading_objection", objection.id),
        before={"status": ObjectionStatus.OPEN.value},
        after={"status": ObjectionStatus.WITHDRAWN.value},
    )
    return objection


async def objections(
    session: TenantSession, grading_id: UUID, *, today: date, status: ObjectionStatus | None = None
) -> list[GradingObjection]:
    """The objections to a grading's results that the actor reaches, the oldest first. Raises Forbidden,
    GradingNotFound."""
    grading = await grading_seen(session, grading_id, GRADINGS_VIEW, today)
    statement = (
        select(GradingObjection)
        .join(Client, (Client.id == GradingObjection.client_id) & session.within(Client))
        .where(
            session.within(GradingObjection),
            GradingObjection.grading_id == grading.id,
            CLIENT.within_reach(session, GRADINGS_VIEW, today),
        )
        .order_by(GradingObjection.id)
    )
    if status is not None:
        statement = statement.where(GradingObjection.status == status)
    return list(await session.scalars(statement))


async def _take_turn(session: WriteSession, grading: Grading) -> None:
    """Wait for whoever regrades or binds the same unit and period."""
    await take_turn(session, turn_of(grading.scheme, grading.unit_id, grading.period))
    await session.refresh(grading)


async def _result(
    session: WriteSession, grading: Grading, client_id: UUID, permission: Permission, today: date
) -> FormRecord:
    found: FormRecord | None = await session.scalar(
        select(FormRecord)
        .join(Client, (Client.id == FormRecord.client_id) & session.within(Client))
        .where(
            session.within(FormRecord),
            FormRecord.batch_id == grading.id,
            FormRecord.client_id == client_id,
            CLIENT.within_reach(session, permission, today),
        )
    )
    if found is None:
        raise ResultNotFound
    return found


async def _objection(
    session: WriteSession, objection_id: UUID, permission: Permission, today: date
) -> tuple[GradingObjection, Grading]:
    """An open objection in the actor's reach, locked, and its grading."""
    require(session.actor, permission)
    known = await session.get(GradingObjection, objection_id)
    grading = None if known is None else await session.get(Grading, known.grading_id)
    if known is None or grading is None:
        raise ObjectionNotFound
    await _take_turn(session, grading)
    try:
        await _result(session, grading, known.client_id, permission, today)
    except ResultNotFound:
        raise ObjectionNotFound from None
    objection = await session.get(GradingObjection, objection_id, lock=True)
    if objection is None:
        raise ObjectionNotFound
    if objection.status != ObjectionStatus.OPEN:
        raise ObjectionDecided(status=objection.status)
    return objection, grading


async def _keep_in_time(session: WriteSession, grading: Grading) -> None:
    if grading.status == GradingStatus.PREVIEW:
        return
    if grading.status != GradingStatus.BOUND or grading.bound_at is None:
        raise GradingNotOpen(status=grading.status)
    days = await get_setting(session, OBJECTION_DAYS)
    if datetime.now(UTC) > grading.bound_at + timedelta(days=days):
        raise ObjectionTooLate(days=days)


async def _corrections(
    session: WriteSession,
    grading: Grading,
    objection: GradingObjection,
    corrections: Mapping[str, Any],
    *,
    upheld: bool,
    today: date,
) -> dict[str, Any]:
    if upheld is not bool(corrections):
        message = (
            Bilingual("支持异议时须给出更正后的数据。", "Give the corrected inputs when an objection is upheld.")
            if upheld
            else Bilingual("驳回异议时不得更正数据。", "A rejected objection corrects nothing.")
        )
        raise InvalidInput(problems=[FieldProblem(("corrections",), "required" if upheld else "unexpected", message)])
    result = await _result(session, grading, objection.client_id, GRADINGS_DECIDE, today)
    return _checked(grading, result, corrections, "corrections")


def _checked(grading: Grading, result: FormRecord, given: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Inputs by name, held against the form. Raises InvalidInput naming every bad one."""
    unknown = Bilingual("不是本次评级的数据项。", "It is not an input of this grading.")
    problems = [
        FieldProblem((path, str(name)), "unknown", unknown) for name in given if name not in grading.input_names
    ]
    form = scheme_of(grading.scheme).form
    known = {name: value for name, value in given.items() if name in grading.input_names}
    try:
        clean = form.model_validate({**result.document, **known}).model_dump(mode="json", include=set(known))
    except ValidationError as error:
        clean = {}
        problems += [
            FieldProblem((path, *problem.path), problem.code, problem.message) for problem in problems_of(error, form)
        ]
    if problems:
        raise InvalidInput(problems=problems)
    return dict(clean)
