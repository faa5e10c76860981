"""Contracts on their way to signature, with the papers that belong to them; signing begins promises of installation."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from steward_core.clients.checks import problem, refuse
from steward_core.clients.models import Client, ClientKind, Contract, ContractStatus
from steward_core.industry.enabled import enabled
from steward_core.industry.registry import full_key
from steward_core.opportunities.errors import (
    ContractFiled,
    ContractFileNotFound,
    ContractSigned,
    OpportunityEnded,
    PaperNotFound,
)
from steward_core.opportunities.models import ContractFile, ContractPaper, Opportunity, Outcome, title_of
from steward_core.opportunities.reach import part_to_change, responsible, to_change
from steward_core.opportunities.service import end
from steward_core.opportunities.settings import GENERAL, PAPERS, PaperList
from steward_core.permissions import OPPORTUNITIES_EDIT
from steward_core.promises.service import happened
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.commands.service import command
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.texts import Bilingual

SUBJECT = "contract_file"
CONTRACT = "contract"
TEMPLATE = "contract_papers"
"""The kind of a plugin's template whose content is a list of papers: {papers: [{key, title, copies, seam_seal}]}."""
MOST_COPIES = 1_000
RESOURCE_AVAILABLE, RESOURCE_MISSING = "resource_available", "resource_missing"
"""What is known of a signature: promises of installation differ by it (≤ 3 and ≤ 7 days in the green channel)."""
SIGNED_REASON = Bilingual("合同已签订", "The contract was signed")


async def paper_lists(session: TenantSession) -> dict[str, PaperList]:
    """The lists of papers in force by key: the general one, the enabled plugins', and the tenant's own over them."""
    found = {GENERAL.key: GENERAL}
    for one in await enabled(session):
        for template in one.industry.templates:
            if template.kind == TEMPLATE:
                key = full_key(one.key, template.key)
                title = template.title._asdict()
                found[key] = PaperList.model_validate({"key": key, "title": title, **template.content})
    found |= {one.key: one for one in await get_setting(session, PAPERS)}
    return found


@command("opportunities.contract.prepare", "准备签约资料", "Prepare a contract", permission=OPPORTUNITIES_EDIT)
async def prepare_contract(
    session: WriteSession, opportunity_id: UUID, contract_id: UUID, *, today: date, template: str | None = None
) -> ContractFile:
    """Begin the list of papers of a contract of the opportunity's client.

    `template` names the list; without it that of the client's industry, else the general one. Raises
    OpportunityNotFound, OpportunityEnded (lost), InvalidInput, ContractFiled.
    """
    opportunity = await _not_lost(session, opportunity_id, today)
    contract = await session.find(Contract, Contract.id == contract_id, Contract.client_id == opportunity.client_id)
    if contract is None or contract.status not in (ContractStatus.DRAFT, ContractStatus.ACTIVE):
        text = ("该客户没有此草稿或生效的合同。", "The client has no such contract, draft or active.")
        refuse([problem("contract_id", "unknown", *text)])
    papers = await _papers(session, opportunity, template)
    row = ContractFile(
        id=new_id(),
        opportunity_id=opportunity.id,
        contract_id=contract_id,
        template=papers.key,
        created_by=session.actor.id,
    )
    try:
        async with session.savepoint():
            session.add(row)
            await session.flush()
    except IntegrityError as error:
        if (
            getattr(getattr(error.orig, "diag", None), "constraint_name", "")
            == "uq_contract_file_tenant_id_contract_id"
        ):
            raise ContractFiled from error
        raise
    session.add(
        *(
            ContractPaper(
                contract_file_id=row.id,
                key=one.key,
                place=place,
                title_zh=one.title.zh,
                title_en=one.title.en,
                copies=one.copies,
                seam_seal=one.seam_seal,
                present=0,
                sealed=False,
            )
            for place, one in enumerate(papers.papers)
        )
    )
    await session.flush()
    await record(
        session,
        "opportunities.contract.prepare",
        Subject(SUBJECT, row.id),
        after={"opportunity_id": opportunity.id, "contract_id": contract_id, "template": papers.key},
    )
    return row


@command(
    "opportunities.contract.check_paper", "核对合同资料", "Check a contract's paper", permission=OPPORTUNITIES_EDIT
)
async def check_paper(
    session: WriteSession,
    contract_file_id: UUID,
    paper: str,
    *,
    present: int,
    today: date,
    sealed: bool = False,
) -> ContractFile:
    """How many copies of a paper there are, and whether they bear seals on the seam. Also after the signature: orders
    are accepted once nothing is missing. Raises ContractFileNotFound, PaperNotFound, InvalidInput."""
    row, _ = await part_to_change(
        session, ContractFile, contract_file_id, ContractFileNotFound, today=today, ended=True
    )
    if not 0 <= present <= MOST_COPIES:
        said = (f"份数为 0 到 {MOST_COPIES}。", f"Give a number of copies from 0 to {MOST_COPIES}.")
        refuse([problem("present", "range", *said)])
    found = await session.find(ContractPaper, ContractPaper.contract_file_id == row.id, ContractPaper.key == paper)
    if found is None:
        raise PaperNotFound(paper=paper[:64])
    before = {"present": found.present, "sealed": found.sealed}
    found.present, found.sealed = present, sealed
    found.checked_by, found.checked_at = session.actor.id, clock_now()
    await session.flush()
    await record(
        session,
        "opportunities.contract.check_paper",
        Subject(SUBJECT, row.id),
        before=before,
        after={"paper": paper, "present": present, "sealed": sealed},
    )
    return row


@command("opportunities.contract.sign", "登记合同签订", "Record a contract's signature", permission=OPPORTUNITIES_EDIT)
async def sign_contract(
    session: WriteSession,
    contract_file_id: UUID,
    *,
    resource_available: bool,
    today: date,
    at: datetime | None = None,
    expected_version: int | None = None,
) -> ContractFile:
    """The contract was signed at `at` (now): a draft becomes active, the opportunity is signed, and the promises of
    installation begin, by whether there are resources for the line.

    Raises ContractFileNotFound, OpportunityChanged, OpportunityEnded (lost), ContractSigned.
    """
    row, opportunity = await part_to_change(
        session,
        ContractFile,
        contract_file_id,
        ContractFileNotFound,
        today=today,
        expected_version=expected_version,
        ended=True,
    )
    if opportunity.outcome == Outcome.LOST:
        raise OpportunityEnded(title=opportunity.title, outcome=title_of(Outcome, opportunity.outcome))
    contract = await session.find(Contract, Contract.id == row.contract_id, lock=True)
    assert contract is not None
    if row.signed_at is not None:
        raise ContractSigned(number=contract.number)
    moment = at or clock_now()
    before = {"status": contract.status, "signed_on": contract.signed_on}
    if contract.status == ContractStatus.DRAFT:
        contract.status = ContractStatus.ACTIVE.value
    contract.signed_on = contract.signed_on or today
    contract.updated_at = clock_now()
    row.signed_at, row.signed_by, row.resource_available = moment, session.actor.id, resource_available
    await session.flush()
    await end(session, opportunity, Outcome.SIGNED, SIGNED_REASON)
    await happened(
        session,
        "contract_signed",
        at=moment,
        subject=CONTRACT,
        subject_id=contract.id,
        client_id=opportunity.client_id,
        owner_id=responsible(opportunity, session.actor.id),
        unit_id=opportunity.unit_id,
        facts=(RESOURCE_AVAILABLE if resource_available else RESOURCE_MISSING,),
        contract_fen=contract.amount,
    )
    await record(
        session,
        "opportunities.contract.sign",
        Subject(CONTRACT, contract.id),
        before=before,
        after={
            "status": contract.status,
            "signed_on": contract.signed_on,
            "resource_available": resource_available,
            "opportunity_id": opportunity.id,
        },
    )
    return row


async def papers_of(session: TenantSession, contract_file_id: UUID) -> list[ContractPaper]:
    """The papers of a contract, in their order."""
    return list(
        await session.scalars(
            select(ContractPaper)
            .where(session.within(ContractPaper), ContractPaper.contract_file_id == contract_file_id)
            .order_by(ContractPaper.place, ContractPaper.key)
        )
    )


async def _not_lost(session: WriteSession, opportunity_id: UUID, today: date) -> Opportunity:
    opportunity = await to_change(session, opportunity_id, today=today, ended=True)
    if opportunity.outcome == Outcome.LOST:
        raise OpportunityEnded(title=opportunity.title, outcome=title_of(Outcome, opportunity.outcome))
    return opportunity


async def _papers(session: WriteSession, opportunity: Opportunity, template: str | None) -> PaperList:
    lists = await paper_lists(session)
    if template is not None:
        if template not in lists:
            named = "、".join(sorted(lists))
            refuse(
                [
                    problem(
                        "template",
                        "unknown",
                        f"没有此清单，可选：{named}。",
                        f"There is no such list; choose of {named}.",
                    )
                ]
            )
        return lists[template]
    plugin: Any = await session.scalar(
        select(func.coalesce(ClientKind.plugin, ""))
        .select_from(Client)
        .join(ClientKind, (ClientKind.key == Client.kind) & session.within(ClientKind))
        .where(session.within(Client), Client.id == opportunity.client_id)
    )
    own = sorted(key for key in lists if plugin and key.startswith(f"{plugin}."))
    return lists[own[0] if own else GENERAL.key]
