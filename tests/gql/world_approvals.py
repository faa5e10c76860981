"""Rows of approvals in the world."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from steward_core.approvals.definitions import read_definition
from steward_core.approvals.documents import resolution_document
from steward_core.approvals.ledger import seats_of
from steward_core.approvals.models import (
    Approval,
    ApprovalAbsence,
    ApprovalDefinition,
    ApprovalEntry,
    ApprovalRequest,
    ApprovalSeat,
)
from steward_core.approvals.requests import REQUESTS
from steward_core.approvals.rules import follow, replay
from steward_core.approvals.subjects import by_supervisor
from steward_core.approvals.trail import Act, Entry, Resolution
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.texts import Bilingual
from tests.gql.world import Tenant
from tests.gql.world_forms import MOMENT, added

# owner, unit, what it is about, kind, who is asked, and what they did
ASKED = (
    ("am1", "east1", None, "general", "lead", None),
    ("am2", "west", None, "leave", "boss", Act.APPROVE),
    ("odd", None, None, "volume", "team", Act.REJECT),
    ("lead", "east", "am1", "general", "boss", None),
    ("am2", "west", None, "general", "payroll", Act.SEND_BACK),
)


async def fill(session: WriteSession, tenant: Tenant) -> None:
    """All rows of approvals of a tenant; clients and people are there."""
    document = by_supervisor("free_request", Bilingual("申请", "Requests")) | {"key": "own"}
    for version in (1, 2):
        definition_id = new_id()
        mark = tenant.mark("approval_definition", definition_id)
        added(
            session,
            tenant,
            ApprovalDefinition(
                id=definition_id,
                key="own",
                version=version,
                subject="free_request",
                title_zh=f"流程{mark}",
                title_en=f"Definition {mark}",
                document={**document, "title": {"zh": mark, "en": mark}},
                active=version == 2,
                made_by=tenant.people["admin"].id,
                made_at=MOMENT + timedelta(minutes=version),
            ),
        )
    clients = tenant.rows["client"]
    for place, (owner, unit, successor, kind, asked, act) in enumerate(ASKED):
        request = _request(session, tenant, place, owner, unit, kind, clients[place].id if place % 2 == 0 else None)
        await session.flush()
        _approval(session, tenant, request, successor, asked, act)
        await session.flush()
    for place, (away, substitute) in enumerate((("am1", "lead"), ("boss", "am2"), ("odd", "team"))):
        absence_id = new_id()
        added(
            session,
            tenant,
            ApprovalAbsence(
                id=absence_id,
                user_id=tenant.people[away].id,
                substitute_id=tenant.people[substitute].id,
                starts_at=MOMENT + timedelta(days=place),
                ends_at=MOMENT + timedelta(days=place + 3),
                set_by=tenant.people[away].id,
                set_at=MOMENT,
                cancelled_at=MOMENT if place == 1 else None,
            ),
        )


def _request(
    session: WriteSession, tenant: Tenant, place: int, owner: str, unit: str | None, kind: str, client_id: UUID | None
) -> ApprovalRequest:
    request_id = new_id()
    mark = tenant.mark("approval_request", request_id)
    row: ApprovalRequest = added(
        session,
        tenant,
        ApprovalRequest(
            id=request_id,
            kind=kind,
            title=f"申请{mark}",
            text=f"因为“{mark}”",
            owner_id=tenant.people[owner].id,
            unit_id=tenant.units[unit].id if unit else None,
            client_id=client_id,
            from_on=tenant.day if kind == "leave" else None,
            until_on=tenant.day if kind == "leave" else None,
            amount=Decimal(place) + 1 if kind == "volume" else None,
            created_at=MOMENT + timedelta(minutes=place),
        ),
    )
    return row


def _approval(
    session: WriteSession, tenant: Tenant, request: ApprovalRequest, successor: str | None, asked: str, act: Act | None
) -> None:
    approval_id, person = new_id(), tenant.people[asked].id
    mark = tenant.mark("approval", approval_id)
    document = {**by_supervisor("free_request", Bilingual(mark, mark)), "key": "own"}
    definition = read_definition(document, REQUESTS.fields)
    found = Resolution({"supervisor": ((person,),)}, {"days": 1}, concerned=frozenset({request.owner_id}))
    trail = [Entry(new_id(), Act.START, MOMENT, request.owner_id, resolution=found)]
    if successor is not None:
        trail.append(Entry(new_id(), Act.SUCCEED, MOMENT, None, person=tenant.people[successor].id))
    if act is not None:
        trail.append(Entry(new_id(), act, MOMENT, person, 1, reason="理由"))
    state = follow(definition, None, trail[0]) if len(trail) == 1 else replay(definition, trail)
    request.status = "submitted" if act is None else state.status.value
    ended = state.status.value in {"approved", "rejected"}
    added(
        session,
        tenant,
        Approval(
            id=approval_id,
            subject="free_request",
            subject_id=request.id,
            title=f"审批{mark}",
            requester_id=request.owner_id,
            successor_id=state.successor,
            owner_id=request.owner_id,
            unit_id=request.unit_id,
            client_id=request.client_id,
            definition_key="own",
            definition_version=1,
            definition=document,
            status=state.status.value,
            step=state.step.key,
            step_zh=state.step.title.zh,
            step_en=state.step.title.en,
            turn=state.turn,
            started_at=MOMENT,
            opened_at=state.opened_at,
            next_at=None,
            ended_at=MOMENT if ended else None,
        ),
    )
    for number, entry in enumerate(trail, 1):
        mark = tenant.mark("approval_entry", entry.id)
        added(
            session,
            tenant,
            ApprovalEntry(
                id=entry.id,
                approval_id=approval_id,
                number=number,
                act=entry.act.value,
                at=entry.at,
                actor_id=entry.actor,
                turn=entry.turn,
                person_id=entry.person,
                reason=f"{entry.reason}{mark}",
                resolution=None if entry.resolution is None else resolution_document(entry.resolution),
            ),
        )
    for user_id, asked_id in seats_of(state).items():
        added(
            session,
            tenant,
            ApprovalSeat(
                id=new_id(),
                approval_id=approval_id,
                user_id=user_id,
                asked_id=asked_id,
                step=state.step.key,
                turn=state.turn,
                since=MOMENT,
            ),
        )
