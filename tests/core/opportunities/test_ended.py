"""What waited for a decision when its opportunity ended: withdrawn with the reason on its trail, and nobody is asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import select

from steward_core.approvals.models import Approval, ApprovalEntry, ApprovalSeat
from steward_core.approvals.queries import replayed
from steward_core.approvals.service import of_subject, resubmit
from steward_core.approvals.trail import Act
from steward_core.clients.contracts import create_contract
from steward_core.clients.merge import merge_clients
from steward_core.notifications.models import Notice
from steward_core.opportunities.contracts import prepare_contract, sign_contract
from steward_core.opportunities.discounts import request_discount, resubmit_discount
from steward_core.opportunities.errors import OpportunityEnded
from steward_core.opportunities.models import DiscountRequest, LostReason
from steward_core.opportunities.proposals import send_proposal, submit_change
from steward_core.opportunities.service import lose_opportunity, reopen_opportunity
from steward_core.permissions import CLIENTS_EDIT, CLIENTS_MERGE, CLIENTS_VIEW
from steward_tenants.database.session import TenantSession, WriteSession
from tests.core.factories import make_client
from tests.core.opportunities.office import TODAY, Office, at
from tests.factories import TESTS, actor_with
from tests.turns import meanwhile

ASKED = {"title": "10M 专线", "standard": 200_000, "asked": 160_000, "reason": "友商报价 1,600 元"}
WHY = {"services": "10M 专线", "background": "三年老客户", "trade": "金融"}


async def asked(office: Office, opportunity_id: UUID) -> UUID:
    """A discount that waits for Bo."""
    return (
        await office.does(
            "anna", lambda s: request_discount(s, opportunity_id, fields=WHY, items=(ASKED,), today=TODAY)
        )
    ).id


async def changed(office: Office, opportunity_id: UUID) -> UUID:
    """A change of a proposal that the client has; it waits for Bo."""
    first = await office.drafts(opportunity_id)
    await office.does("anna", lambda s: send_proposal(s, first, today=TODAY, at=at("2026-11-23T10:00")))
    second = await office.drafts(opportunity_id)
    await office.does("anna", lambda s: submit_change(s, second, today=TODAY))
    return second


async def lose(office: Office, opportunity_id: UUID, name: str = "anna") -> None:
    await office.does(
        name, lambda s: lose_opportunity(s, opportunity_id, lost_reason=LostReason.PRICE, today=TODAY, note="报价高")
    )


async def approval(office: Office, subject: str, subject_id: UUID) -> Approval:
    async with office.database.read(office.tenant, TESTS) as session:
        found = await of_subject(session, subject, subject_id)
    assert found is not None
    return found


async def waiting(office: Office, name: str = "bo") -> set[UUID]:
    """The approvals that somebody is asked to decide."""
    async with office.database.read(office.tenant, TESTS) as session:
        rows = select(ApprovalSeat.approval_id).where(
            session.within(ApprovalSeat), ApprovalSeat.user_id == office.id(name)
        )
        return set(await session.scalars(rows))


async def unread(office: Office, name: str = "bo") -> set[UUID | None]:
    """The approvals of which somebody's notices still say that they wait."""
    async with office.database.read(office.tenant, TESTS) as session:
        rows = select(Notice.subject_id).where(
            session.within(Notice),
            Notice.user_id == office.id(name),
            Notice.kind.in_(("approvals.asked", "approvals.reminded")),
            Notice.read_at.is_(None),
        )
        return set(await session.scalars(rows))


async def last_entry(office: Office, approval_id: UUID) -> ApprovalEntry:
    async with office.database.read(office.tenant, TESTS) as session:
        rows: Sequence[ApprovalEntry] = await session.scalars(
            select(ApprovalEntry)
            .where(session.within(ApprovalEntry), ApprovalEntry.approval_id == approval_id)
            .order_by(ApprovalEntry.number)
        )
    return rows[-1]


async def test_losing_takes_back_whatever_waited(office: Office) -> None:
    lost, other = await office.opens(), await office.opens()
    change, running, returned, decided = (
        await changed(office, lost),
        await asked(office, lost),
        await asked(office, lost),
        await asked(office, lost),
    )
    elsewhere = await asked(office, other)
    await office.decides("discount_request", returned, Act.SEND_BACK)
    await office.decides("discount_request", decided)
    kept = (await approval(office, "discount_request", elsewhere)).id
    assert len(await waiting(office)) == 3
    assert await unread(office) == await waiting(office)
    await lose(office, lost)
    assert await waiting(office) == {kept}
    assert await unread(office) == {kept}
    for subject, subject_id in (
        ("proposal_change", change),
        ("discount_request", running),
        ("discount_request", returned),
    ):
        found = await approval(office, subject, subject_id)
        entry = await last_entry(office, found.id)
        assert (found.status, entry.act, entry.actor_id) == ("withdrawn", "withdraw", None)
        assert entry.reason == "商机已丢单 / The opportunity was lost"

        async def same(session: TenantSession, approval_id: UUID = found.id) -> bool:
            return not (await replayed(session, approval_id, today=TODAY)).differences

        assert await office.sees("bo", same)
    assert (await approval(office, "discount_request", decided)).status == "approved"
    states = [(await office.row(DiscountRequest, one)).state for one in (running, returned, decided, elsewhere)]
    assert states == ["withdrawn", "withdrawn", "approved", "submitted"]
    assert (await office.proposal(change)).state == "draft"
    async with office.database.read(office.tenant, TESTS) as session:
        told = await session.scalars(
            select(Notice.body_zh).where(
                session.within(Notice), Notice.user_id == office.id("anna"), Notice.body_zh.like("%丢单%")
            )
        )
    assert len(told) == 3


async def test_what_was_taken_back_goes_on_with_its_opportunity_only(office: Office) -> None:
    opportunity_id = await office.opens()
    discount_id = await asked(office, opportunity_id)
    await lose(office, opportunity_id, "bo")
    found = await approval(office, "discount_request", discount_id)
    for again in (
        lambda s: resubmit(s, found.id, today=TODAY),
        lambda s: resubmit_discount(s, discount_id, today=TODAY),
    ):
        with pytest.raises(OpportunityEnded):
            await office.does("anna", again)
    assert (await approval(office, "discount_request", discount_id)).status == "withdrawn"
    await office.does("anna", lambda s: reopen_opportunity(s, opportunity_id, reason="客户回头", today=TODAY))
    await office.does("anna", lambda s: resubmit(s, found.id, today=TODAY))
    assert await waiting(office) == {found.id}
    await office.decides("discount_request", discount_id)
    assert (await office.row(DiscountRequest, discount_id)).state == "approved"


@pytest.mark.parametrize("first_loses", [True, False])
async def test_losing_and_submitting_again_at_once_leaves_nothing_waiting(office: Office, *, first_loses: bool) -> None:
    """Whoever comes second sees what the first did, in both orders."""
    opportunity_id = await office.opens()
    discount_id = await asked(office, opportunity_id)
    await office.decides("discount_request", discount_id, Act.SEND_BACK)
    approval_id = (await approval(office, "discount_request", discount_id)).id

    async def losing(session: WriteSession) -> None:
        await lose_opportunity(session, opportunity_id, lost_reason=LostReason.PRICE, today=TODAY)

    async def submitting(session: WriteSession) -> None:
        await resubmit(session, approval_id, today=TODAY)

    first, second = (losing, submitting) if first_loses else (submitting, losing)
    error = await meanwhile(office.database, office.tenant, await office.actor("anna"), first, second)
    assert isinstance(error, OpportunityEnded) is first_loses
    assert error is None or first_loses
    assert (await approval(office, "discount_request", discount_id)).status == "withdrawn"
    assert await waiting(office) == set()


async def test_signing_takes_back_what_waited(office: Office) -> None:
    opportunity_id = await office.opens()
    discount_id = await asked(office, opportunity_id)
    fields = {"number": "HT-9", "title": "专线合同", "start_on": date(2026, 12, 1), "status": "draft"}
    contract = await office.does("anna", lambda s: create_contract(s, office.client, fields=fields, today=TODAY))
    file = await office.does("anna", lambda s: prepare_contract(s, opportunity_id, contract.id, today=TODAY))
    moment = at("2026-11-23T10:00")
    await office.does("anna", lambda s: sign_contract(s, file.id, resource_available=True, today=TODAY, at=moment))
    found = await approval(office, "discount_request", discount_id)
    assert (found.status, await waiting(office)) == ("withdrawn", set())
    assert (await last_entry(office, found.id)).reason == "商机已签约 / The opportunity was signed"


async def test_what_waits_goes_with_a_merged_client(office: Office) -> None:
    """The client kept is Ella's: who was asked stays, Ella may take the request back, and the answer still arrives."""
    opportunity_id = await office.opens()
    discount_id = await asked(office, opportunity_id)
    change = await changed(office, opportunity_id)
    merger = actor_with(CLIENTS_VIEW, CLIENTS_EDIT, CLIENTS_MERGE)
    async with office.database.write(office.tenant, TESTS) as session:
        kept = make_client(session, owner_id=office.id("ella"), unit_id=office.units["east"])
    async with office.database.write(office.tenant, merger) as session:
        await merge_clients(session, kept.id, office.client, reason="重复", today=TODAY)
    row = await office.opportunity(opportunity_id)
    assert (row.client_id, row.owner_id) == (kept.id, office.id("ella"))
    for subject, subject_id in (("discount_request", discount_id), ("proposal_change", change)):
        found = await approval(office, subject, subject_id)
        assert (found.client_id, found.owner_id, found.successor_id) == (kept.id, office.id("ella"), office.id("ella"))
        assert (found.status, found.id in await waiting(office)) == ("running", True)
    await office.decides("discount_request", discount_id)
    assert (await office.row(DiscountRequest, discount_id)).state == "approved"
    await lose(office, opportunity_id, "ella")
    assert await waiting(office) == set()
