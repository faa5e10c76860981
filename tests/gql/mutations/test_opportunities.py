"""An opportunity through the API: opened, proposed, approved, signed, delivered, exported; refusals by field."""

from __future__ import annotations

from typing import Any

import pytest

from steward_core import permissions as c
from steward_core.approvals.models import Approval
from steward_core.opportunities.errors import DiscountNotApproved
from steward_core.opportunities.models import DiscountRequest, Opportunity, OpportunityAdvice, Proposal
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden, InvalidInput
from tests.factories import TESTS, assign, make_role
from tests.gql.mutations.place import Place, make_place

CHEAP = {"title": "10M 专线", "standard": 200_000, "quoted": 160_000}
WORKS = (c.CLIENTS_VIEW, c.CLIENTS_EDIT, c.OPPORTUNITIES_VIEW, c.OPPORTUNITIES_EDIT, c.APPROVALS_VIEW)


async def opened(place: Place, **fields: Any) -> str:
    given = {"title": "总部专线", "amount": 1_000_000, "expectedOn": "2026-12-20", **fields}
    answer = await place.ask(
        "openOpportunity", place.as_manager_with(*WORKS), clientId=str(place.client_id), fields=given
    )
    return str(answer["opportunity"])


async def test_from_an_opened_opportunity_to_a_delivered_one(place: Place) -> None:
    manager = place.as_manager_with(*WORKS)
    async with place.database.write(place.tenant_id, TESTS) as session:
        supervisor = make_role(session, [c.APPROVALS_VIEW], key="supervisor")
        await session.flush()
        assign(session, place.boss, supervisor)
    opportunity_id = await opened(place)
    draft = await place.ask(
        "draftProposal", manager, opportunityId=opportunity_id, fields={"title": "方案"}, items=[CHEAP]
    )
    proposal = {"proposalId": str(draft["proposal"])}
    with pytest.raises(DiscountNotApproved):
        await place.ask("sendProposal", manager, **proposal)
    await place.ask(
        "requestDiscount",
        manager,
        opportunityId=opportunity_id,
        fields={"services": "10M 专线", "background": "三年老客户"},
        items=[{"title": "10M 专线", "standard": 200_000, "asked": 160_000, "reason": "友商"}],
    )
    (approval,) = await place.rows(Approval)
    await place.ask("decideApproval", approvalId=str(approval.id), act="APPROVE", turn=approval.turn)
    (discount,) = await place.rows(DiscountRequest)
    assert discount.state == "approved"
    await place.ask("sendProposal", manager, **proposal)
    await place.ask("recordClientView", manager, **proposal, view="ACCEPTED", note="同意")
    (row,) = await place.rows(Proposal)
    assert (row.state, row.view) == ("sent", "accepted")
    contract = await place.ask(
        "createContract",
        manager,
        clientId=str(place.client_id),
        fields={"number": "HT-1", "title": "专线", "startOn": "2026-12-01", "status": "DRAFT"},
    )
    file = await place.ask(
        "prepareContract", manager, opportunityId=opportunity_id, contractId=str(contract["contract"])
    )
    given = {"contractFileId": str(file["contractFile"])}
    await place.ask("checkContractPaper", manager, **given, paper="contract", present=2)
    await place.ask("checkContractPaper", manager, **given, paper="licence_copy", present=1)
    await place.ask("signContract", manager, **given, resourceAvailable=True)
    order = await place.ask("acceptOrder", manager, **given, fields={"service": "10M 专线"})
    await place.ask("completeOrder", manager, orderId=str(order["serviceOrder"]))
    (opportunity,) = await place.rows(Opportunity)
    assert (opportunity.outcome, opportunity.probability) == ("delivered", 100)
    kept = await place.ask("exportOpportunities", format="CSV", outcomes=["DELIVERED"])
    assert kept["rows"] == 1
    assert (await place.ask("exportOpportunities", format="XLSX", outcomes=["LOST"]))["rows"] == 0


async def test_bad_input_is_named_as_the_api_names_it(place: Place) -> None:
    manager = place.as_manager_with(*WORKS)
    with pytest.raises(InvalidInput) as refused:
        await opened(place, probability=101, amount=-1)
    assert {one.path for one in refused.value.problems} == {("fields", "probability"), ("fields", "amount")}
    opportunity_id = await opened(place)
    bad = {"title": "10M 专线", "standard": 1, "asked": 2, "reason": "友商"}
    with pytest.raises(InvalidInput) as items:
        await place.ask(
            "requestDiscount",
            manager,
            opportunityId=opportunity_id,
            fields={"services": "专线", "background": "无"},
            items=[bad],
        )
    assert [one.path for one in items.value.problems] == [("items", "0", "asked")]
    reader = place.as_manager_with(c.CLIENTS_VIEW, c.OPPORTUNITIES_VIEW, scope=Scope.ALL)
    with pytest.raises(Forbidden):
        await place.ask("moveOpportunity", reader, opportunityId=opportunity_id, stage="tender")


async def test_access_advice_is_asked_from_an_opportunity(database: Database, tmp_path: Any) -> None:
    place = await make_place(database, tmp_path, "telecom")
    manager = place.as_manager_with(*WORKS)
    opportunity_id = await opened(place)
    await place.ask(
        "askOpportunityAdvice",
        manager,
        opportunityId=opportunity_id,
        advisor="telecom.leased_line",
        question={"rate_mbit": 100, "place": "city"},
    )
    (row,) = await place.rows(OpportunityAdvice)
    assert (row.answer, row.question["rate_mbit"]) == ("ipran", "100")
