"""Proposals 方案 in versions: written, approved where they change one that was sent, sent, and what the client says.
Sending one keeps the promise that a visit began (the noon rule) and begins the calls for the client's view; a price
below the standard that no approved discount covers does not go out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from steward_core.approvals.conditions import FieldKind
from steward_core.approvals.service import start
from steward_core.approvals.subjects import ApprovalSubject, Found, Settled, by_supervisor, declare_subject
from steward_core.clients.checks import problem, refuse
from steward_core.clients.holdings import Cleaner, Fields, cleaned, line, text
from steward_core.opportunities.discounts import approved_items
from steward_core.opportunities.errors import (
    ChangeNotApproved,
    DiscountNotApproved,
    NoChange,
    ProposalCannotGo,
    ProposalNotDraft,
    ProposalNotFound,
    ProposalNotSent,
)
from steward_core.opportunities.models import ClientView, Opportunity, Proposal, ProposalState, title_of
from steward_core.opportunities.reach import part_to_change, require_still_open, responsible, to_change
from steward_core.opportunities.rules import QuotedItem, joined, read_items, uncovered
from steward_core.opportunities.service import advance
from steward_core.opportunities.settings import PROPOSAL_STAGE
from steward_core.permissions import OPPORTUNITIES_EDIT
from steward_core.promises.service import end_all, fulfilled, happened
from steward_core.visits.models import Visit
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.texts import Bilingual

SUBJECT = "proposal"
CHANGE = "proposal_change"
TITLE = Bilingual("方案变更审批", "Approval of a changed proposal")
FIELDS: Mapping[str, Cleaner] = {"title": line(200), "body": text, "change": text}
_REQUIRED = {"title"}
_STATES: Mapping[Settled, ProposalState] = {
    Settled.APPROVED: ProposalState.APPROVED,
    Settled.REJECTED: ProposalState.REJECTED,
    Settled.WITHDRAWN: ProposalState.DRAFT,
    Settled.EXPIRED: ProposalState.DRAFT,
    Settled.RETURNED: ProposalState.DRAFT,
}
SENT_REASON = Bilingual("方案已送达", "The proposal was sent")


@command("opportunities.proposal.draft", "新建方案", "Write a proposal", permission=OPPORTUNITIES_EDIT)
async def draft_proposal(
    session: WriteSession,
    opportunity_id: UUID,
    *,
    fields: Fields,
    items: Sequence[Any],
    today: date,
    visit_id: UUID | None = None,
) -> Proposal:
    """The next version of an opportunity's proposal. `items`: {title, quantity, standard, quoted} each, prices in fen
    for the whole quantity. `visit_id`: the visit after which it was promised; the opportunity's own when left out.

    After one was sent it is a change of that one. Raises OpportunityNotFound, OpportunityEnded, InvalidInput.
    """
    opportunity = await to_change(session, opportunity_id, today=today)
    values, problems = cleaned(fields, FIELDS, _REQUIRED, new=True)
    if visit_id is not None:
        known = await session.find(Visit, Visit.id == visit_id, Visit.client_id == opportunity.client_id)
        if known is None:
            problems.append(problem("visit_id", "unknown", "该客户没有此次走访。", "The client has no such visit."))
    refuse(problems)
    mine = Proposal.opportunity_id == opportunity.id
    number = await session.scalar(select(func.max(Proposal.number)).where(session.within(Proposal), mine))
    before = await _with_client(session, opportunity.id)
    row = Proposal(
        id=new_id(),
        opportunity_id=opportunity.id,
        number=(number or 0) + 1,
        state=ProposalState.DRAFT.value,
        visit_id=visit_id or opportunity.visit_id,
        changes_id=None if before is None else before.id,
        created_by=session.actor.id,
        **{**dict.fromkeys(FIELDS), **values},
        **_priced(items),
    )
    session.add(row)
    await session.flush()
    await record(
        session,
        "opportunities.proposal.draft",
        Subject(SUBJECT, row.id),
        after={"opportunity_id": opportunity.id, "number": row.number, **_shown(row)},
    )
    return row


@command(
    "opportunities.proposal.change", "修改方案草稿", "Change the draft of a proposal", permission=OPPORTUNITIES_EDIT
)
async def change_proposal(
    session: WriteSession,
    proposal_id: UUID,
    *,
    today: date,
    fields: Fields | None = None,
    items: Sequence[Any] | None = None,
    expected_version: int | None = None,
) -> Proposal:
    """Change a draft; items that are given replace all of them.

    Raises ProposalNotFound, OpportunityChanged, OpportunityEnded, ProposalNotDraft, InvalidInput.
    """
    row, _ = await _to_change(session, proposal_id, today, expected_version)
    if row.state != ProposalState.DRAFT:
        raise ProposalNotDraft(number=row.number, state=title_of(ProposalState, row.state))
    values, problems = cleaned(fields or {}, FIELDS, _REQUIRED, new=False)
    refuse(problems)
    before = _shown(row)
    for name, value in {**values, **({} if items is None else _priced(items))}.items():
        setattr(row, name, value)
    row.updated_at = clock_now()
    await session.flush()
    await record(session, "opportunities.proposal.change", Subject(SUBJECT, row.id), before=before, after=_shown(row))
    return row


@command("opportunities.proposal.submit", "提交方案变更审批", "Have a change approved", permission=OPPORTUNITIES_EDIT)
async def submit_change(
    session: WriteSession, proposal_id: UUID, *, today: date, expected_version: int | None = None
) -> Proposal:
    """Ask the head of department whether a changed proposal may go out.

    Raises ProposalNotFound, OpportunityChanged, OpportunityEnded, ProposalNotDraft, NoChange, and what starting an
    approval raises.
    """
    row, opportunity = await _to_change(session, proposal_id, today, expected_version)
    if row.state != ProposalState.DRAFT:
        raise ProposalNotDraft(number=row.number, state=title_of(ProposalState, row.state))
    sent = await _with_client(session, opportunity.id)
    if sent is None:
        raise NoChange(number=row.number)
    row.changes_id, row.state, row.updated_at = sent.id, ProposalState.WAITING.value, clock_now()
    row.decided_by = row.decided_at = row.decision = None
    await session.flush()
    approval = await start(session, CHANGE, row.id, reason=row.change or "", today=today)
    row.approval_id = approval.id
    await session.flush()
    await record(
        session,
        "opportunities.proposal.submit",
        Subject(SUBJECT, row.id),
        before={"state": ProposalState.DRAFT.value},
        after={"state": ProposalState.WAITING.value},
    )
    return row


@command("opportunities.proposal.send", "送达方案", "Send a proposal", permission=OPPORTUNITIES_EDIT)
async def send_proposal(
    session: WriteSession,
    proposal_id: UUID,
    *,
    today: date,
    at: datetime | None = None,
    expected_version: int | None = None,
) -> Proposal:
    """The proposal goes to the client at `at` (now): the version before it is replaced, the noon rule's clock of its
    visit is kept, and the calls for the client's view begin.

    Raises ProposalNotFound, OpportunityChanged, OpportunityEnded, ProposalCannotGo, ChangeNotApproved,
    DiscountNotApproved.
    """
    row, opportunity = await _to_change(session, proposal_id, today, expected_version)
    if row.state not in (ProposalState.DRAFT, ProposalState.APPROVED):
        raise ProposalCannotGo(number=row.number, state=title_of(ProposalState, row.state))
    sent = await _with_client(session, opportunity.id)
    if sent is not None and row.state != ProposalState.APPROVED:
        raise ChangeNotApproved(number=row.number)
    items = [QuotedItem.model_validate(one) for one in row.items]
    if lacking := uncovered(items, await approved_items(session, opportunity.id)):
        raise DiscountNotApproved(items=joined(one.why for one in lacking))
    moment = at or clock_now()
    if sent is not None:
        sent.state, sent.updated_at = ProposalState.SUPERSEDED.value, moment
        await end_all(session, subject=SUBJECT, subject_ids=[sent.id], at=moment)
    before = row.state
    row.state, row.sent_at, row.sent_by, row.updated_at = ProposalState.SENT.value, moment, session.actor.id, moment
    await session.flush()
    await advance(session, opportunity, PROPOSAL_STAGE, SENT_REASON)
    if row.visit_id is not None:
        await fulfilled(session, "proposal", subject="visit", subject_id=row.visit_id, at=moment)
    await happened(
        session,
        "proposal_sent",
        at=moment,
        subject=SUBJECT,
        subject_id=row.id,
        client_id=opportunity.client_id,
        owner_id=responsible(opportunity, session.actor.id),
        unit_id=opportunity.unit_id,
    )
    await record(
        session,
        "opportunities.proposal.send",
        Subject(SUBJECT, row.id),
        before={"state": before},
        after={"state": row.state, "sent_at": moment.isoformat(), "quoted_total": row.quoted_total},
    )
    return row


@command("opportunities.proposal.view", "登记客户意见", "Record the client's view", permission=OPPORTUNITIES_EDIT)
async def record_view(
    session: WriteSession,
    proposal_id: UUID,
    view: ClientView,
    *,
    today: date,
    note: str | None = None,
    at: datetime | None = None,
    expected_version: int | None = None,
) -> Proposal:
    """What the client says to the proposal it has. As long as it cannot answer it is called again after a week.

    Raises ProposalNotFound, OpportunityChanged, OpportunityEnded, ProposalNotSent, InvalidInput.
    """
    row, _ = await _to_change(session, proposal_id, today, expected_version)
    if row.state != ProposalState.SENT:
        raise ProposalNotSent(number=row.number, state=title_of(ProposalState, row.state))
    values, problems = cleaned({"note": note}, {"note": text}, (), new=False)
    refuse(problems)
    moment = at or clock_now()
    before = {"view": row.view}
    row.view, row.view_note = view.value, values["note"]
    row.viewed_at = row.updated_at = moment
    await session.flush()
    told = "client_view" if view is ClientView.UNDECIDED else "client_answered"
    await fulfilled(session, told, subject=SUBJECT, subject_id=row.id, at=moment)
    await record(
        session,
        "opportunities.proposal.view",
        Subject(SUBJECT, row.id),
        before=before,
        after={"view": row.view, "note": row.view_note},
    )
    return row


async def _to_change(
    session: WriteSession, proposal_id: UUID, today: date, expected_version: int | None
) -> tuple[Proposal, Opportunity]:
    return await part_to_change(
        session, Proposal, proposal_id, ProposalNotFound, today=today, expected_version=expected_version
    )


async def _with_client(session: WriteSession, opportunity_id: UUID) -> Proposal | None:
    """The version that the client has."""
    return await session.find(
        Proposal, Proposal.opportunity_id == opportunity_id, Proposal.state == ProposalState.SENT.value
    )


def _priced(items: Sequence[Any]) -> dict[str, Any]:
    quoted = read_items(QuotedItem, items)
    return {
        "items": [one.model_dump(mode="json") for one in quoted],
        "standard_total": sum(one.standard for one in quoted),
        "quoted_total": sum(one.quoted for one in quoted),
    }


def _shown(row: Proposal) -> dict[str, Any]:
    """What the audit log keeps of a proposal."""
    return {
        "title": row.title,
        "items": len(row.items),
        "standard_total": row.standard_total,
        "quoted_total": row.quoted_total,
    }


async def _find(session: TenantSession, proposal_id: UUID) -> Found:
    row = await session.find(Proposal, Proposal.id == proposal_id)
    if row is None:
        raise ProposalNotFound
    opportunity = await session.find(Opportunity, Opportunity.id == row.opportunity_id)
    assert opportunity is not None
    return Found(
        title=f"{opportunity.title} · {row.title}（{row.number}）",
        owner_id=responsible(opportunity, row.created_by),
        unit_id=opportunity.unit_id,
        values={
            "quoted_total": row.quoted_total,
            "below_standard": row.standard_total - row.quoted_total,
            "amount": opportunity.amount or 0,
        },
        client_id=opportunity.client_id,
        concerned=frozenset({row.created_by}),
    )


async def _settle(session: WriteSession, proposal_id: UUID, settled: Settled, by: UUID | None, reason: str) -> None:
    row = await session.find(Proposal, Proposal.id == proposal_id, lock=True)
    if row is None:
        raise ProposalNotFound
    before = row.state
    row.state, row.decided_by, row.decision = _STATES[settled].value, by, reason or None
    row.decided_at = row.updated_at = clock_now()
    await session.flush()
    await record(
        session,
        "opportunities.proposal.settle",
        Subject(SUBJECT, row.id),
        before={"state": before},
        after={"state": row.state},
        reason=reason or None,
    )


async def _resume(session: WriteSession, proposal_id: UUID) -> None:
    row = await session.find(Proposal, Proposal.id == proposal_id, lock=True)
    if row is None:
        raise ProposalNotFound
    await require_still_open(session, row.opportunity_id)
    if row.state == ProposalState.DRAFT:
        row.state, row.updated_at = ProposalState.WAITING.value, clock_now()
        row.decided_by = row.decided_at = row.decision = None
        await session.flush()


PROPOSAL_CHANGE = declare_subject(
    ApprovalSubject(
        CHANGE,
        TITLE,
        {"quoted_total": FieldKind.NUMBER, "below_standard": FieldKind.NUMBER, "amount": FieldKind.NUMBER},
        _find,
        _settle,
        _resume,
    ),
    default=by_supervisor(CHANGE, TITLE),
)
