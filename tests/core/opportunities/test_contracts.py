"""Papers, signature, orders, completion: the promises that they begin and keep; advice that can be replayed."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import inspect

from steward_core.clients.contracts import create_contract
from steward_core.clients.models import Contract
from steward_core.forms.service import save_record
from steward_core.opportunities.advice import ask_advice, replay_advice
from steward_core.opportunities.contracts import check_paper, papers_of, prepare_contract, sign_contract
from steward_core.opportunities.errors import (
    AdviceNotFound,
    ContractFiled,
    ContractNotSigned,
    ContractSigned,
    OpportunityEnded,
    OrderEnded,
    PaperNotFound,
    PapersMissing,
    RuleVersionGone,
)
from steward_core.opportunities.models import ContractFile, LostReason, OpportunityAdvice, ServiceOrder
from steward_core.opportunities.orders import accept_order, cancel_order, complete_order
from steward_core.opportunities.service import lose_opportunity
from steward_tenants.configuration.service import set_setting
from steward_tenants.database.database import Database
from steward_tenants.errors import InvalidInput
from tests.core.opportunities.office import TODAY, Office, at, make_office
from tests.factories import TESTS

PAPERS = {"contract": 4, "ip_request": 2, "commitment_letter": 2, "licence_copy": 1, "payer_slip": 1}


async def contract(office: Office, number: str = "HT-1", status: str = "draft") -> UUID:
    fields = {"number": number, "title": "专线合同", "start_on": date(2026, 12, 1), "status": status}
    return (await office.does("anna", lambda s: create_contract(s, office.client, fields=fields, today=TODAY))).id


async def prepared(office: Office, opportunity_id: UUID, contract_id: UUID, **more: Any) -> UUID:
    return (
        await office.does("anna", lambda s: prepare_contract(s, opportunity_id, contract_id, today=TODAY, **more))
    ).id


async def signed(office: Office, file_id: UUID, *, resource: bool = True) -> ContractFile:
    return await office.does(
        "anna",
        lambda s: sign_contract(s, file_id, resource_available=resource, today=TODAY, at=at("2026-11-23T10:00")),
    )


async def checked(office: Office, file_id: UUID, papers: dict[str, int], *, sealed: bool = True) -> None:
    for key, present in papers.items():
        await office.does(
            "anna",
            lambda s, key=key, present=present: check_paper(  # type: ignore[misc]
                s, file_id, key, present=present, sealed=sealed, today=TODAY
            ),
        )


async def accepted(office: Office, file_id: UUID, **more: Any) -> ServiceOrder:
    given = {"fields": {"service": "10M 专线", "planned_on": "2026-11-26"}, **more}
    return await office.does("anna", lambda s: accept_order(s, file_id, today=TODAY, **given))


async def completed(office: Office, order_id: UUID, moment: str) -> ServiceOrder:
    return await office.does("anna", lambda s: complete_order(s, order_id, today=TODAY, at=at(moment)))


async def test_from_papers_to_delivery_in_telecom(database: Database) -> None:
    office = await make_office(database, telecom=True)
    opportunity_id, contract_id = await office.opens(), await contract(office)
    file_id = await prepared(office, opportunity_id, contract_id)
    papers = await office.sees("anna", lambda s: papers_of(s, file_id))
    assert {one.key: one.copies for one in papers} == PAPERS
    assert [one.key for one in papers if one.seam_seal] == ["contract"]
    with pytest.raises(ContractNotSigned):
        await accepted(office, file_id)
    await signed(office, file_id)
    row = await office.row(Contract, contract_id)
    assert (row.status, row.signed_on) == ("active", TODAY)
    opportunity = await office.opportunity(opportunity_id)
    assert (opportunity.outcome, opportunity.probability) == ("signed", 100)
    clocks = await office.clocks(contract_id)
    assert clocks["installation"].due_at == at("2026-11-26T17:30")
    assert "installation_without_resource" not in clocks

    await checked(office, file_id, {**PAPERS, "ip_request": 1}, sealed=False)
    with pytest.raises(PapersMissing) as missing:
        await accepted(office, file_id)
    assert missing.value.text.zh == "合同资料不齐：合同未盖骑缝章；IP 地址申请表缺 1 份（应 2 份）。"
    await checked(office, file_id, PAPERS)
    order = await accepted(office, file_id)
    second = await accepted(office, file_id, fields={"service": "固定 IP"})
    await completed(office, order.id, "2026-11-25T15:00")
    assert (await office.clocks(contract_id))["installation"].state == "running"
    assert (await office.opportunity(opportunity_id)).outcome == "signed"
    await completed(office, second.id, "2026-11-26T09:00")
    assert (await office.clocks(contract_id))["installation"].state == "kept"
    assert (await office.opportunity(opportunity_id)).outcome == "delivered"
    assert (await office.clocks(order.id))["first_visit"].due_at == at("2026-12-02T17:30")
    with pytest.raises(OrderEnded):
        await completed(office, order.id, "2026-11-27T09:00")
    assert [step[1] for step in await office.steps(opportunity_id)] == ["lead", "signed", "delivered"]


async def test_without_resources_there_are_seven_days(database: Database) -> None:
    office = await make_office(database, telecom=True)
    contract_id = await contract(office)
    await signed(office, await prepared(office, await office.opens(), contract_id), resource=False)
    clocks = await office.clocks(contract_id)
    assert clocks["installation_without_resource"].due_at == at("2026-11-30T17:30")
    assert "installation" not in clocks


async def test_completion_begins_a_visit_after_a_week_where_no_industry_promises_it(office: Office) -> None:
    file_id = await prepared(office, await office.opens(), await contract(office))
    await signed(office, file_id)
    await checked(office, file_id, {"contract": 2, "licence_copy": 1})
    order = await accepted(office, file_id)
    await completed(office, order.id, "2026-11-24T15:00")
    visit = (await office.clocks(order.id))["completion_visit"]
    assert visit.due_at == at("2026-12-01T17:30")
    assert visit.definition["again"] == {"count": 1, "unit": "calendar_months"}


async def test_telecoms_form_is_the_paper_of_the_order(database: Database) -> None:
    office = await make_office(database, telecom=True)
    file_id = await prepared(office, await office.opens(), await contract(office))
    await signed(office, file_id)
    form = {
        "contract_number": "HT-1",
        "service": "10M 专线",
        "signed_on": "2026-11-23",
        "contract_copies": 4,
        "seam_seals": True,
        "ip_request_copies": 2,
        "commitment_letter_copies": 2,
        "licence_copy": True,
        "payer_slip": True,
        "planned_on": "2026-11-26",
    }
    save = (form, {**form, "payer_slip": False})
    key = "telecom.order_acceptance"
    whole, short = [
        (
            await office.does(
                "anna",
                lambda s, one=one: save_record(s, key, office.client, one, today=TODAY),  # type: ignore[misc]
            )
        ).id
        for one in save
    ]
    with pytest.raises(PapersMissing):
        await accepted(office, file_id, fields=None, record_id=short)
    order = await accepted(office, file_id, fields=None, record_id=whole)
    assert (order.service, order.planned_on) == ("10M 专线", date(2026, 11, 26))
    papers = await office.sees("anna", lambda s: papers_of(s, file_id))
    assert {one.key: one.present for one in papers} == PAPERS
    await completed(office, order.id, "2026-11-25T15:00")
    assert (await office.clocks(whole))["first_visit"].due_at == at("2026-12-02T17:30")


async def test_papers_are_the_tenants_own(database: Database) -> None:
    office = await make_office(database, telecom=True)
    paper = {"key": "licence", "title": {"zh": "执照", "en": "Licence"}, "copies": 3}
    own = [{"key": "telecom.contract", "title": {"zh": "简化", "en": "Short"}, "papers": [paper]}]
    async with database.write(office.tenant, TESTS) as session:
        await set_setting(session, "opportunities.papers", own)
    opportunity_id = await office.opens()
    file_id = await prepared(office, opportunity_id, await contract(office))
    (only,) = await office.sees("anna", lambda s: papers_of(s, file_id))
    assert (only.key, only.copies) == ("licence", 3)
    general = await prepared(office, opportunity_id, await contract(office, "HT-2"), template="general")
    assert len(await office.sees("anna", lambda s: papers_of(s, general))) == 2
    with pytest.raises(InvalidInput) as refused:
        await prepared(office, opportunity_id, await contract(office, "HT-3"), template="moon")
    assert [one.path for one in refused.value.problems] == [("template",)]


async def test_what_a_contract_refuses(office: Office) -> None:
    opportunity_id, contract_id = await office.opens(), await contract(office)
    file_id = await prepared(office, opportunity_id, contract_id)
    with pytest.raises(ContractFiled):
        await prepared(office, opportunity_id, contract_id)
    with pytest.raises(PaperNotFound):
        await checked(office, file_id, {"moon": 1})
    with pytest.raises(InvalidInput):
        await checked(office, file_id, {"contract": -1})
    with pytest.raises(InvalidInput):
        await prepared(office, opportunity_id, opportunity_id)
    await signed(office, file_id)
    with pytest.raises(ContractSigned):
        await signed(office, file_id)
    lost = await office.opens()
    other = await prepared(office, lost, await contract(office, "HT-2"))
    await office.does("anna", lambda s: lose_opportunity(s, lost, lost_reason=LostReason.PRICE, today=TODAY))
    with pytest.raises(OpportunityEnded):
        await signed(office, other)
    await checked(office, file_id, {"contract": 2, "licence_copy": 1})
    order = await accepted(office, file_id)
    gone = await office.does("anna", lambda s: cancel_order(s, order.id, reason="客户改期", today=TODAY))
    assert (gone.state, gone.note) == ("cancelled", "客户改期")


async def test_advice_is_kept_and_gives_the_same_again(database: Database) -> None:
    office = await make_office(database, telecom=True)
    opportunity_id = await office.opens()
    question = {"rate_mbit": 10, "place": "city", "trade": "finance", "spare_slots": False, "slot_use_percent": "49.5"}
    row = await office.does(
        "anna", lambda s: ask_advice(s, opportunity_id, "telecom.leased_line", question, today=TODAY)
    )
    assert (row.answer, row.rule_version) == ("mstp_expansion", 1)
    assert row.question["security"] == "low"
    assert row.settings["access"]
    assert any("扩容" in line["zh"] for line in row.lines)
    report = await office.sees("anna", lambda s: replay_advice(s, row.id, today=TODAY))
    assert report.same
    with pytest.raises(AdviceNotFound):
        await office.sees("wei", lambda s: replay_advice(s, row.id, today=TODAY))
    with pytest.raises(InvalidInput) as refused:
        await office.does(
            "anna", lambda s: ask_advice(s, opportunity_id, "telecom.leased_line", {"rate_mbit": 0}, today=TODAY)
        )
    assert {one.path[0] for one in refused.value.problems} == {"rate_mbit", "place"}


@pytest.mark.parametrize(("column", "value"), [("answer", "vpls"), ("rule_version", 9)])
async def test_a_replay_sees_what_was_changed_behind_its_back(database: Database, column: str, value: Any) -> None:
    office = await make_office(database, telecom=True)
    opportunity_id = await office.opens()
    question = {"rate_mbit": 100, "place": "city"}
    row = await office.does(
        "anna", lambda s: ask_advice(s, opportunity_id, "telecom.leased_line", question, today=TODAY)
    )
    forged = OpportunityAdvice(
        **{
            name: getattr(row, name)
            for name in map(str, inspect(OpportunityAdvice).columns.keys())
            if name not in ("id", "tenant_id")
        }
    )
    setattr(forged, column, value)
    async with database.write(office.tenant, TESTS) as session:
        session.add(forged)
        await session.flush()
        forged_id = forged.id
    if column == "rule_version":
        with pytest.raises(RuleVersionGone):
            await office.sees("anna", lambda s: replay_advice(s, forged_id, today=TODAY))
    else:
        report = await office.sees("anna", lambda s: replay_advice(s, forged_id, today=TODAY))
        assert report.differs == ("answer",)
