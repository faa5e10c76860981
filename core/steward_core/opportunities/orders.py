"""Order acceptance 业务受理: on a signed contract whose papers are complete; completion begins the follow-up visits.

An industry's form (telecom's `order_acceptance`) is linked as the order's paper: what it says is taken over, and where
it counts the papers itself they are not counted twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select, update

from steward_core.clients.checks import refuse
from steward_core.clients.holdings import Cleaner, Fields, cleaned, line, text
from steward_core.clients.models import Contract
from steward_core.clients.rules import clean_day
from steward_core.opportunities.contracts import papers_of
from steward_core.opportunities.errors import (
    ContractFileNotFound,
    ContractNotSigned,
    OrderEnded,
    OrderNotFound,
    PapersMissing,
)
from steward_core.opportunities.models import (
    ContractFile,
    ContractPaper,
    Opportunity,
    OrderState,
    Outcome,
    ServiceOrder,
    title_of,
)
from steward_core.opportunities.papers import ORDER_FIELDS, contents, paper_of
from steward_core.opportunities.reach import part_to_change, responsible
from steward_core.opportunities.rules import joined, missing_papers
from steward_core.opportunities.service import end
from steward_core.permissions import OPPORTUNITIES_EDIT
from steward_core.promises.service import Happening, fulfilled, happened_many
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.texts import Bilingual

SUBJECT = "service_order"
FIELDS: Mapping[str, Cleaner] = {"service": line(500), "engineering_contact": line(200), "planned_on": clean_day}
_REQUIRED = {"service"}
COMPLETED = "order_completed"
FORM, FORM_DONE = "form:order_acceptance", "done"
"""What an industry's form of order acceptance calls the same; its promises start too where an order has no form."""
DELIVERED_REASON = Bilingual("业务全部完工", "All orders are completed")


@command("opportunities.order.accept", "业务受理", "Accept an order", permission=OPPORTUNITIES_EDIT)
async def accept_order(
    session: WriteSession,
    contract_file_id: UUID,
    *,
    today: date,
    fields: Fields | None = None,
    record_id: UUID | None = None,
) -> ServiceOrder:
    """Accept an order on a signed contract. `fields`: those of `FIELDS`; what is not given is taken over from the form
    `record_id`, and where that says that its papers are complete they count as checked.

    Raises ContractFileNotFound, ContractNotSigned, PapersMissing, RecordTaken, InvalidInput.
    """
    file, opportunity = await part_to_change(
        session, ContractFile, contract_file_id, ContractFileNotFound, today=today, ended=True
    )
    if file.signed_at is None:
        number = await session.scalar(
            select(Contract.number).where(session.within(Contract), Contract.id == file.contract_id)
        )
        raise ContractNotSigned(number=number)
    paper = None if record_id is None else await paper_of(session, opportunity, record_id, ServiceOrder)
    values, problems = cleaned(contents(paper, ORDER_FIELDS, fields or {}), FIELDS, _REQUIRED, new=True)
    refuse(problems)
    if paper is not None and paper.computed.get("documents_complete") is True:
        await _all_present(session, file)
    elif missing := missing_papers(await papers_of(session, file.id)):
        raise PapersMissing(papers=joined(missing))
    row = ServiceOrder(
        id=new_id(),
        opportunity_id=opportunity.id,
        contract_id=file.contract_id,
        record_id=record_id,
        state=OrderState.ACCEPTED.value,
        accepted_by=session.actor.id,
        **{**dict.fromkeys(FIELDS), **values},
    )
    session.add(row)
    await session.flush()
    await record(
        session,
        "opportunities.order.accept",
        Subject(SUBJECT, row.id),
        after={"contract_id": file.contract_id, "record_id": record_id, "service": row.service},
    )
    return row


@command("opportunities.order.complete", "登记完工", "Complete an order", permission=OPPORTUNITIES_EDIT)
async def complete_order(
    session: WriteSession,
    order_id: UUID,
    *,
    today: date,
    at: datetime | None = None,
    expected_version: int | None = None,
) -> ServiceOrder:
    """The order was carried out at `at` (now): the visit one week after it and the monthly ones begin. With the last
    order of its contract the promises of installation are kept, with the last of all the opportunity is delivered.

    Raises OrderNotFound, OpportunityChanged, OrderEnded.
    """
    row, opportunity = await _to_change(session, order_id, today, expected_version)
    moment = at or clock_now()
    await _ended(session, row, OrderState.COMPLETED, moment, None)
    if not await _others(session, row, of_contract=True):
        await fulfilled(session, COMPLETED, subject="contract", subject_id=row.contract_id, at=moment)
    event = Happening(
        COMPLETED,
        moment,
        SUBJECT,
        row.id,
        opportunity.client_id,
        responsible(opportunity, session.actor.id),
        opportunity.unit_id,
    )
    of_form = replace(event, trigger=FORM, facts={FORM_DONE: moment})
    if row.record_id is not None:
        of_form = replace(of_form, subject="form_record", subject_id=row.record_id)
    await happened_many(session, [event, of_form])
    if opportunity.outcome == Outcome.SIGNED and not await _others(session, row, of_contract=False):
        await end(session, opportunity, Outcome.DELIVERED, DELIVERED_REASON)
    await record(
        session,
        "opportunities.order.complete",
        Subject(SUBJECT, row.id),
        before={"state": OrderState.ACCEPTED.value},
        after={"state": row.state, "ended_at": moment.isoformat()},
    )
    return row


@command("opportunities.order.cancel", "取消业务受理", "Cancel an order", permission=OPPORTUNITIES_EDIT)
async def cancel_order(
    session: WriteSession, order_id: UUID, *, reason: str, today: date, expected_version: int | None = None
) -> ServiceOrder:
    """The order will not be carried out. Raises OrderNotFound, OpportunityChanged, OrderEnded, InvalidInput."""
    row, _ = await _to_change(session, order_id, today, expected_version)
    values, problems = cleaned({"reason": reason}, {"reason": text}, {"reason"}, new=True)
    refuse(problems)
    await _ended(session, row, OrderState.CANCELLED, clock_now(), values["reason"])
    await record(
        session,
        "opportunities.order.cancel",
        Subject(SUBJECT, row.id),
        before={"state": OrderState.ACCEPTED.value},
        after={"state": row.state},
        reason=values["reason"],
    )
    return row


async def _to_change(
    session: WriteSession, order_id: UUID, today: date, expected_version: int | None
) -> tuple[ServiceOrder, Opportunity]:
    row, opportunity = await part_to_change(
        session, ServiceOrder, order_id, OrderNotFound, today=today, expected_version=expected_version, ended=True
    )
    if row.state != OrderState.ACCEPTED:
        raise OrderEnded(state=title_of(OrderState, row.state))
    return row, opportunity


async def _ended(
    session: WriteSession, row: ServiceOrder, state: OrderState, moment: datetime, note: str | None
) -> None:
    row.state, row.ended_at, row.ended_by, row.note = state.value, moment, session.actor.id, note
    await session.flush()


async def _others(session: WriteSession, row: ServiceOrder, *, of_contract: bool) -> int:
    """How many orders of the same contract, or opportunity, are still to be carried out."""
    same = (
        ServiceOrder.contract_id == row.contract_id
        if of_contract
        else ServiceOrder.opportunity_id == row.opportunity_id
    )
    statement = (
        select(func.count())
        .select_from(ServiceOrder)
        .where(session.within(ServiceOrder), same, ServiceOrder.state == OrderState.ACCEPTED.value)
    )
    return int(await session.scalar(statement) or 0)


async def _all_present(session: WriteSession, file: ContractFile) -> None:
    """What the linked form has checked counts as checked here."""
    await session.execute(
        update(ContractPaper)
        .where(session.within(ContractPaper), ContractPaper.contract_file_id == file.id)
        .values(
            present=func.greatest(ContractPaper.present, ContractPaper.copies),
            sealed=ContractPaper.seam_seal,
            checked_by=session.actor.id,
            checked_at=func.now(),
        )
        .execution_options(synchronize_session=False)
    )
