"""Proposals and discount requests: the noon rule's clock, calls for the client's view, approvals, prices nobody promised."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from steward_core.approvals.trail import Act
from steward_core.clients.attachments import AttachedTo, attach
from steward_core.forms.models import FormRecord
from steward_core.forms.service import save_record
from steward_core.opportunities.discounts import request_discount, resubmit_discount
from steward_core.opportunities.errors import (
    ChangeNotApproved,
    DiscountDecided,
    DiscountNotApproved,
    NoChange,
    OpportunityEnded,
    ProposalCannotGo,
    ProposalNotDraft,
    ProposalNotFound,
    ProposalNotSent,
    RecordTaken,
)
from steward_core.opportunities.models import ClientView, DiscountRequest, LostReason
from steward_core.opportunities.proposals import change_proposal, record_view, send_proposal, submit_change
from steward_core.opportunities.service import lose_opportunity
from steward_core.promises.service import happened
from steward_core.visits.models import Visit
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.errors import InvalidInput
from steward_tenants.files.models import StoredFile
from tests.core.opportunities.office import TODAY, Office, at, make_office
from tests.factories import TESTS
from tests.turns import meanwhile

CHEAP = {"title": "10M 专线", "standard": 200_000, "quoted": 160_000}
ASKED = {"title": "10M 专线", "standard": 200_000, "asked": 160_000, "reason": "友商报价 1,600 元"}
WHY = {"services": "10M 专线", "background": "三年老客户", "trade": "金融"}


async def visited(office: Office, ended: str) -> UUID:
    """A visit that ended at a moment, and what it began."""
    moment = at(ended)
    async with office.database.write(office.tenant, TESTS) as session:
        visit = Visit(
            id=new_id(),
            client_id=office.client,
            owner_id=office.id("anna"),
            unit_id=office.units["east"],
            status="done",
            day=moment.date(),
            began_at=moment,
            ended_at=moment,
            created_by=office.id("anna"),
        )
        session.add(visit)
        await session.flush()
        await happened(
            session,
            "visit_ended",
            at=moment,
            subject="visit",
            subject_id=visit.id,
            client_id=office.client,
            owner_id=office.id("anna"),
            unit_id=office.units["east"],
        )
        return visit.id


async def sent(office: Office, proposal_id: UUID, moment: str = "2026-11-23T16:00", name: str = "anna") -> None:
    await office.does(name, lambda s: send_proposal(s, proposal_id, today=TODAY, at=at(moment)))


async def viewed(office: Office, proposal_id: UUID, view: ClientView, moment: str, **more: Any) -> None:
    await office.does("anna", lambda s: record_view(s, proposal_id, view, today=TODAY, at=at(moment), **more))


async def asks(office: Office, opportunity_id: UUID, *items: dict[str, Any], **more: Any) -> UUID:
    given = {"fields": WHY, "items": items or (ASKED,), **more}
    return (await office.does("anna", lambda s: request_discount(s, opportunity_id, today=TODAY, **given))).id


async def test_a_sent_proposal_keeps_the_noon_rule_and_begins_the_calls(office: Office) -> None:
    visit_id = await visited(office, "2026-11-23T11:59")
    promised = (await office.clocks(visit_id))["proposal"]
    assert promised.due_at == at("2026-11-23T17:30")
    opportunity_id = await office.opens(visit_id=visit_id)
    proposal_id = await office.drafts(opportunity_id)
    await sent(office, proposal_id)
    assert (await office.clocks(visit_id))["proposal"].state == "kept"
    call = (await office.clocks(proposal_id))["client_view"]
    assert call.due_at == at("2026-11-25T17:30")
    assert [step[1] for step in await office.steps(opportunity_id)] == ["lead", "proposal"]

    await viewed(office, proposal_id, ClientView.UNDECIDED, "2026-11-25T10:00", note="等总部预算")
    weekly = (await office.clocks(proposal_id))["client_view"]
    assert (weekly.occurrence, weekly.due_at, weekly.state) == (2, at("2026-12-02T17:30"), "running")
    await viewed(office, proposal_id, ClientView.ACCEPTED, "2026-12-01T10:00")
    ended = (await office.clocks(proposal_id))["client_view"]
    assert (ended.occurrence, ended.state) == (2, "kept")
    assert (await office.proposal(proposal_id)).view == "accepted"


async def test_an_answer_to_one_proposal_says_nothing_of_another(office: Office) -> None:
    one, other = [await office.drafts(await office.opens()) for _ in range(2)]
    for proposal_id in (one, other):
        await sent(office, proposal_id)
    await viewed(office, one, ClientView.DECLINED, "2026-11-24T10:00")
    states = [(await office.clocks(proposal_id))["client_view"].state for proposal_id in (one, other)]
    assert states == ["kept", "running"]
    lost = (await office.proposal(other)).opportunity_id
    await office.does("anna", lambda s: lose_opportunity(s, lost, lost_reason=LostReason.PRICE, today=TODAY))
    assert (await office.clocks(other))["client_view"].state == "cancelled"


async def test_sent_too_late_is_a_broken_promise(office: Office) -> None:
    visit_id = await visited(office, "2026-11-23T11:59")
    await sent(office, await office.drafts(await office.opens(visit_id=visit_id)), "2026-11-23T18:00")
    assert (await office.clocks(visit_id))["proposal"].state == "late"


async def test_a_change_of_what_the_client_has_goes_out_only_with_a_yes(office: Office) -> None:
    opportunity_id = await office.opens()
    first = await office.drafts(opportunity_id)
    with pytest.raises(NoChange):
        await office.does("anna", lambda s: submit_change(s, first, today=TODAY))
    early = await office.drafts(opportunity_id)
    await sent(office, first)
    with pytest.raises(ChangeNotApproved):
        await sent(office, early)
    await viewed(office, first, ClientView.CHANGES, "2026-11-24T10:00", note="改为 20M")
    second = await office.drafts(opportunity_id)
    assert (await office.proposal(second)).changes_id == first
    await office.does("anna", lambda s: submit_change(s, second, today=TODAY))
    with pytest.raises(ProposalCannotGo):
        await sent(office, second)
    await office.decides("proposal_change", second, Act.REJECT)
    assert (await office.proposal(second)).state == "rejected"
    with pytest.raises(ProposalCannotGo):
        await sent(office, second)
    third = await office.drafts(opportunity_id)
    await office.does("anna", lambda s: submit_change(s, third, today=TODAY))
    await office.decides("proposal_change", third)
    approved = await office.proposal(third)
    assert (approved.state, approved.decided_by) == ("approved", office.id("bo"))
    with pytest.raises(ProposalNotDraft):
        await office.does("anna", lambda s: change_proposal(s, third, items=[CHEAP], today=TODAY))
    await sent(office, third)
    assert [(await office.proposal(one)).state for one in (first, third)] == ["superseded", "sent"]
    calls = [(await office.clocks(one))["client_view"] for one in (first, third)]
    assert [(one.occurrence, one.ended_at is None) for one in calls] == [(1, False), (1, True)]
    with pytest.raises(ProposalNotSent):
        await viewed(office, first, ClientView.ACCEPTED, "2026-11-25T10:00")
    assert {(await office.proposal(one)).number for one in (first, early, second, third)} == {1, 2, 3, 4}


async def test_nobody_promises_a_discount_on_the_spot(office: Office) -> None:
    opportunity_id = await office.opens()
    proposal_id = await office.drafts(opportunity_id, CHEAP)
    with pytest.raises(DiscountNotApproved) as refused:
        await sent(office, proposal_id)
    assert "10M 专线" in refused.value.text.zh
    discount_id = await asks(office, opportunity_id)
    row = await office.row(DiscountRequest, discount_id)
    assert (row.state, row.discount_total, float(row.percent)) == ("submitted", 40_000, 20.0)
    with pytest.raises(DiscountNotApproved):
        await sent(office, proposal_id)
    await office.decides("discount_request", discount_id)
    await sent(office, proposal_id)
    assert (await office.proposal(proposal_id)).state == "sent"
    lower = await office.opens()
    other = await office.drafts(lower, CHEAP)
    with pytest.raises(DiscountNotApproved):
        await sent(office, other)


async def test_a_discount_that_was_sent_back_is_asked_again(office: Office) -> None:
    opportunity_id = await office.opens()
    discount_id = await asks(office, opportunity_id)
    with pytest.raises(DiscountDecided):
        await office.does("anna", lambda s: resubmit_discount(s, discount_id, today=TODAY))
    await office.decides("discount_request", discount_id, Act.SEND_BACK)
    assert (await office.row(DiscountRequest, discount_id)).state == "returned"
    items = [{**ASKED, "asked": 180_000}]
    await office.does("anna", lambda s: resubmit_discount(s, discount_id, items=items, today=TODAY))
    await office.decides("discount_request", discount_id)
    row = await office.row(DiscountRequest, discount_id)
    assert (row.state, row.discount_total, row.background) == ("approved", 20_000, "三年老客户")
    with pytest.raises(DiscountDecided):
        await office.does("anna", lambda s: resubmit_discount(s, discount_id, today=TODAY))
    proposal_id = await office.drafts(opportunity_id, CHEAP)
    with pytest.raises(DiscountNotApproved) as refused:
        await sent(office, proposal_id)
    assert "超出获批优惠" in refused.value.text.zh


@pytest.mark.parametrize(
    ("more", "paths"),
    [
        ({"fields": {}}, {("services",), ("background",)}),
        ({"items": [{**ASKED, "asked": 200_001}]}, {("items", "0", "asked")}),
        ({"items": []}, {("items",)}),
        ({"record_id": new_id()}, {("record_id",)}),
    ],
)
async def test_a_bad_request_is_told_by_field(
    office: Office, more: dict[str, Any], paths: set[tuple[str, ...]]
) -> None:
    opportunity_id = await office.opens()
    with pytest.raises(InvalidInput) as refused:
        await asks(office, opportunity_id, **more)
    assert {one.path for one in refused.value.problems} == paths


async def test_telecoms_form_is_the_paper_of_the_request(database: Database) -> None:
    office = await make_office(database, telecom=True)
    form = {
        "trade": "金融",
        "services": "10M 专线",
        "background": "三年老客户",
        "competition": "友商报价 1,600 元",
        "items": [{"service": "10M 专线", "quantity": 1, "standard_price": 200_000, "asked_price": 160_000}],
        "approver_chain": ["部门负责人"],
    }

    async def saved(state: str | None = None) -> UUID:
        key, client = "telecom.discount_request", office.client
        return (await office.does("anna", lambda s: save_record(s, key, client, form, today=TODAY, state=state))).id

    opportunity_id = await office.opens()
    draft_id, record_id = await saved(), await saved("submitted")
    with pytest.raises(InvalidInput) as refused:
        await asks(office, opportunity_id, record_id=draft_id)
    assert [one.code for one in refused.value.problems] == ["draft"]
    discount_id = await asks(office, opportunity_id, fields=None, items=None, record_id=record_id)
    row = await office.row(DiscountRequest, discount_id)
    assert (row.services, row.competition, row.discount_total) == ("10M 专线", "友商报价 1,600 元", 40_000)
    assert row.items[0]["reason"] == "三年老客户"
    with pytest.raises(RecordTaken):
        await asks(office, opportunity_id, record_id=record_id)
    await office.decides("discount_request", discount_id)
    assert (await office.row(FormRecord, record_id)).state == "approved"
    await sent(office, await office.drafts(opportunity_id, CHEAP))


async def test_sending_twice_at_once_sends_once(database: Database) -> None:
    office = await make_office(database)
    proposal_id = await office.drafts(await office.opens())
    actor = await office.actor("bo")
    error = await meanwhile(
        database,
        office.tenant,
        actor,
        lambda s: send_proposal(s, proposal_id, today=TODAY),
        lambda s: send_proposal(s, proposal_id, today=TODAY),
    )
    assert isinstance(error, ProposalCannotGo)
    assert len(await office.clocks(proposal_id)) == 1


async def test_a_strangers_proposal_is_not_there_and_an_ended_ones_is_done(office: Office) -> None:
    opportunity_id = await office.opens()
    proposal_id = await office.drafts(opportunity_id)
    with pytest.raises(ProposalNotFound):
        await sent(office, proposal_id, name="wei")
    await office.does("anna", lambda s: lose_opportunity(s, opportunity_id, lost_reason=LostReason.PRICE, today=TODAY))
    with pytest.raises(OpportunityEnded):
        await sent(office, proposal_id)


async def test_files_hang_on_a_proposal(office: Office) -> None:
    opportunity_id = await office.opens()
    proposal_id = await office.drafts(opportunity_id)
    async with office.database.write(office.tenant, TESTS) as session:
        file = StoredFile(
            id=new_id(),
            purpose="upload",
            name="方案.pdf",
            media_type="application/pdf",
            size=3,
            sha256=b"1" * 32,
            owner_id=office.id("anna"),
        )
        session.add(file)
    kind = AttachedTo.PROPOSAL
    hung = await office.does(
        "anna",
        lambda s: attach(
            s,
            office.client,
            file_id=file.id,
            title="方案",
            today=TODAY,
            subject_kind=kind,
            subject_id=proposal_id,
        ),
    )
    assert hung.subject_id == proposal_id
    with pytest.raises(InvalidInput):
        await office.does(
            "anna",
            lambda s: attach(
                s,
                office.client,
                file_id=file.id,
                title="方案",
                today=TODAY,
                subject_kind=kind,
                subject_id=opportunity_id,
            ),
        )
