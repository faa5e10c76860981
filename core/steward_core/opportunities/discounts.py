"""Discount requests 优惠审批单: nobody promises a price below the standard on the spot, an approval decides [000#5].

The request is a row of its own, for every industry: approvals decide about it, and sending a proposal asks it which
prices may go out. An industry's form (telecom's `discount_request`) is linked as its paper rather than doubled: the
record's contents are taken over, and once the request is decided the record is approved or rejected with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from steward_core.approvals.conditions import FieldKind
from steward_core.approvals.service import start
from steward_core.approvals.subjects import ApprovalSubject, Found, Settled, by_supervisor, declare_subject
from steward_core.clients.checks import refuse
from steward_core.clients.holdings import Cleaner, Fields, cleaned, line, text
from steward_core.forms.models import FormRecord
from steward_core.forms.settling import settle_record
from steward_core.opportunities.errors import DiscountDecided, DiscountNotFound
from steward_core.opportunities.models import DiscountRequest, DiscountState, Opportunity, title_of
from steward_core.opportunities.papers import REQUEST_FIELDS, contents, items_of, paper_of
from steward_core.opportunities.reach import part_to_change, require_still_open, responsible, to_change
from steward_core.opportunities.rules import AskedItem, discount_of, read_items
from steward_core.permissions import OPPORTUNITIES_EDIT
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.texts import Bilingual

SUBJECT = "discount_request"
TITLE = Bilingual("优惠审批单", "Discount request")
FIELDS: Mapping[str, Cleaner] = {
    "trade": line(200),
    "services": line(500),
    "background": text,
    "competition": text,
}
_REQUIRED = {"services", "background"}
_AGAIN = (DiscountState.RETURNED, DiscountState.WITHDRAWN, DiscountState.EXPIRED)
_STATES: Mapping[Settled, DiscountState] = {
    Settled.APPROVED: DiscountState.APPROVED,
    Settled.REJECTED: DiscountState.REJECTED,
    Settled.WITHDRAWN: DiscountState.WITHDRAWN,
    Settled.EXPIRED: DiscountState.EXPIRED,
    Settled.RETURNED: DiscountState.RETURNED,
}
_MOVES: Mapping[Settled, str] = {Settled.APPROVED: "approve", Settled.REJECTED: "reject"}


@command("opportunities.discount.request", "提交优惠审批单", "Ask for a discount", permission=OPPORTUNITIES_EDIT)
async def request_discount(
    session: WriteSession,
    opportunity_id: UUID,
    *,
    today: date,
    fields: Fields | None = None,
    items: Sequence[Any] | None = None,
    record_id: UUID | None = None,
) -> DiscountRequest:
    """Ask for prices below the standard; the approval starts at once. `items`: {title, quantity, standard, asked,
    reason} each, prices in fen for the whole quantity. What is not given is taken over from the form `record_id`.

    Raises OpportunityNotFound, OpportunityEnded, RecordTaken, InvalidInput naming every bad field, and what starting
    an approval raises.
    """
    opportunity = await to_change(session, opportunity_id, today=today)
    paper = None if record_id is None else await paper_of(session, opportunity, record_id, DiscountRequest)
    values = _values(paper, fields or {}, items)
    row = DiscountRequest(
        id=new_id(),
        opportunity_id=opportunity.id,
        record_id=record_id,
        state=DiscountState.SUBMITTED.value,
        created_by=session.actor.id,
        **values,
    )
    session.add(row)
    await session.flush()
    await _submit(session, row, today)
    await record(
        session,
        "opportunities.discount.request",
        Subject(SUBJECT, row.id),
        after={"opportunity_id": opportunity.id, "record_id": record_id, **_shown(row)},
    )
    return row


@command("opportunities.discount.resubmit", "重新提交优惠审批单", "Ask again", permission=OPPORTUNITIES_EDIT)
async def resubmit_discount(
    session: WriteSession,
    discount_id: UUID,
    *,
    today: date,
    fields: Fields | None = None,
    items: Sequence[Any] | None = None,
    expected_version: int | None = None,
) -> DiscountRequest:
    """Ask again for what was sent back, withdrawn or has expired, changed or not.

    Raises DiscountNotFound, OpportunityEnded, OpportunityChanged, DiscountDecided, InvalidInput.
    """
    row, _ = await part_to_change(
        session, DiscountRequest, discount_id, DiscountNotFound, today=today, expected_version=expected_version
    )
    if row.state not in _AGAIN:
        raise DiscountDecided(state=title_of(DiscountState, row.state))
    kept = {name: getattr(row, name) for name in FIELDS}
    before = _shown(row)
    for name, value in _values(None, {**kept, **(fields or {})}, row.items if items is None else items).items():
        setattr(row, name, value)
    row.state, row.updated_at = DiscountState.SUBMITTED.value, clock_now()
    row.decided_by = row.decided_at = row.decision = None
    await session.flush()
    await _submit(session, row, today)
    await record(session, "opportunities.discount.resubmit", Subject(SUBJECT, row.id), before=before, after=_shown(row))
    return row


async def approved_items(session: TenantSession, opportunity_id: UUID) -> list[AskedItem]:
    """All items of an opportunity's approved discount requests."""
    lists = await session.scalars(
        select(DiscountRequest.items).where(
            session.within(DiscountRequest),
            DiscountRequest.opportunity_id == opportunity_id,
            DiscountRequest.state == DiscountState.APPROVED.value,
        )
    )
    return [AskedItem.model_validate(one) for items in lists for one in items]


def _values(paper: FormRecord | None, fields: Fields, items: Sequence[Any] | None) -> dict[str, Any]:
    values, problems = cleaned(contents(paper, REQUEST_FIELDS, fields), FIELDS, _REQUIRED, new=True)
    refuse(problems)
    asked = read_items(AskedItem, items_of(paper, values["background"]) if items is None else items)
    discount = discount_of(asked)
    return {
        **dict.fromkeys(FIELDS),
        **values,
        "items": [one.model_dump(mode="json") for one in asked],
        "standard_total": discount.standard,
        "asked_total": discount.asked,
        "discount_total": discount.total,
        "percent": discount.percent,
    }


def _shown(row: DiscountRequest) -> dict[str, Any]:
    """What the audit log keeps of a request."""
    return {
        "services": row.services,
        "standard_total": row.standard_total,
        "discount_total": row.discount_total,
        "percent": str(row.percent),
        "items": len(row.items),
    }


async def _submit(session: WriteSession, row: DiscountRequest, today: date) -> None:
    approval = await start(session, SUBJECT, row.id, today=today)
    # An approval without anybody to ask is settled at once.
    row.approval_id = approval.id
    await session.flush()


async def _find(session: TenantSession, discount_id: UUID) -> Found:
    row = await session.find(DiscountRequest, DiscountRequest.id == discount_id)
    if row is None:
        raise DiscountNotFound
    opportunity = await session.find(Opportunity, Opportunity.id == row.opportunity_id)
    assert opportunity is not None
    return Found(
        title=f"{opportunity.title} · {row.services}",
        owner_id=responsible(opportunity, row.created_by),
        unit_id=opportunity.unit_id,
        values={
            "discount_total": row.discount_total,
            "discount_percent": row.percent,
            "standard_total": row.standard_total,
            "amount": opportunity.amount or 0,
            "trade": row.trade or "",
        },
        client_id=opportunity.client_id,
        concerned=frozenset({row.created_by}),
    )


async def _settle(session: WriteSession, discount_id: UUID, settled: Settled, by: UUID | None, reason: str) -> None:
    row = await session.find(DiscountRequest, DiscountRequest.id == discount_id, lock=True)
    if row is None:
        raise DiscountNotFound
    before = row.state
    row.state, row.decided_by, row.decision = _STATES[settled].value, by, reason or None
    row.decided_at = row.updated_at = clock_now()
    await session.flush()
    if row.record_id is not None and settled in _MOVES:
        await settle_record(session, row.record_id, _MOVES[settled], reason=reason)
    await record(
        session,
        "opportunities.discount.settle",
        Subject(SUBJECT, row.id),
        before={"state": before},
        after={"state": row.state},
        reason=reason or None,
    )


async def _resume(session: WriteSession, discount_id: UUID) -> None:
    row = await session.find(DiscountRequest, DiscountRequest.id == discount_id, lock=True)
    if row is None:
        raise DiscountNotFound
    await require_still_open(session, row.opportunity_id)
    if row.state in _AGAIN:
        row.state, row.updated_at = DiscountState.SUBMITTED.value, clock_now()
        row.decided_by = row.decided_at = row.decision = None
        await session.flush()


DISCOUNT = declare_subject(
    ApprovalSubject(
        SUBJECT,
        TITLE,
        {
            "discount_total": FieldKind.NUMBER,
            "discount_percent": FieldKind.NUMBER,
            "standard_total": FieldKind.NUMBER,
            "amount": FieldKind.NUMBER,
            "trade": FieldKind.TEXT,
        },
        _find,
        _settle,
        _resume,
    ),
    default=by_supervisor(SUBJECT, TITLE),
)
