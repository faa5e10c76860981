"""Approvals through the API: asked for, seen, decided on, explained; definitions and absences."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest_asyncio

from steward_graphql.execution.engine import Engine, Request
from steward_tenants.database.database import Database
from steward_tenants.signin.caller import Caller
from tests.core.approvals.company import Company, make_company

CREATE = """mutation($input: CreateApprovalRequestInput!) { createApprovalRequest(input: $input) {
  userErrors { code path } approvalRequest { id status kind ownerName approvals { nodes { id turn status } } } } }"""
DECIDE = """mutation($input: DecideApprovalInput!) { decideApproval(input: $input) {
  userErrors { code path } approval { status step turn entries { nodes { number act actorName reason } } } } }"""
SEEN = """query($id: ID!) { approval(id: $id) { title requesterName status seats { nodes { personName askedName } } }
  approvalActs(id: $id) { turn acts backTo { key } } approvalReplay(id: $id) { status entries differences } }"""
WAITS = """query($me: ID!) { approvalSeats(filter: {personId: {eq: $me}}) { totalCount nodes { turn approval { title } } } }"""


class Desk:
    """The company's people and what each asks."""

    def __init__(self, company: Company) -> None:
        self.company, self.engine = company, Engine(company.database, connections=2)

    async def ask(self, name: str, text: str, /, **variables: Any) -> dict[str, Any]:
        person = self.company.people[name]
        actor = await self.company.actor(name)
        caller = Caller(self.company.tenant, actor, person.account_id, datetime.now(UTC) + timedelta(hours=1))
        answer = await self.engine.execute(Request(text, None, variables), caller, locale="en", request_id="r")
        body: dict[str, Any] = json.loads(answer.body)
        assert "errors" not in body, body["errors"]
        data: dict[str, Any] = body["data"]
        return data


@pytest_asyncio.fixture(loop_scope="session")
async def desk(database: Database) -> AsyncIterator[Desk]:
    desk = Desk(await make_company(database))
    yield desk
    await desk.engine.close()


async def request_of(desk: Desk, name: str = "anna") -> str:
    """A submitted request's approval."""
    given = {"kind": "GENERAL", "title": "采购", "submit": True}
    made = (await desk.ask(name, CREATE, input=given))["createApprovalRequest"]
    assert made["userErrors"] == []
    (approval,) = made["approvalRequest"]["approvals"]["nodes"]
    assert (made["approvalRequest"]["status"], approval["status"]) == ("SUBMITTED", "RUNNING")
    return str(approval["id"])


async def test_asked_for_seen_and_decided(desk: Desk) -> None:
    approval = await request_of(desk)
    seen = await desk.ask("bo", SEEN, id=approval)
    assert seen["approval"]["title"] == "一般申请：采购"
    assert len(seen["approval"]["seats"]["nodes"]) == 2
    assert seen["approvalActs"]["turn"] == 1
    assert "APPROVE" in seen["approvalActs"]["acts"]
    assert seen["approvalReplay"] == {"status": "RUNNING", "entries": 1, "differences": []}
    waits = await desk.ask("bo", WAITS, me=str(desk.company.id("bo")))
    assert waits["approvalSeats"]["totalCount"] == 1
    given = {"approvalId": approval, "turn": 1, "reason": "太贵"}
    decided = (await desk.ask("bo", DECIDE, input={**given, "act": "REJECT"}))["decideApproval"]
    assert decided["userErrors"] == []
    assert [(entry["number"], entry["act"], entry["reason"]) for entry in decided["approval"]["entries"]["nodes"]] == [
        (1, "START", ""),
        (2, "REJECT", "太贵"),
    ]
    late = (await desk.ask("chen", DECIDE, input={**given, "act": "APPROVE"}))["decideApproval"]
    assert [one["code"] for one in late["userErrors"]] == ["approval_over"]


async def test_each_sees_only_what_they_have_a_part_in_or_reach(desk: Desk) -> None:
    approval = await request_of(desk)
    listed = "{ approvals { totalCount } approvalRequests { totalCount } approvalSeats { totalCount } }"
    counts = {name: await desk.ask(name, listed) for name in ("anna", "bo", "ella", "gm", "admin")}
    told = {name: tuple(one["totalCount"] for one in found.values()) for name, found in counts.items()}
    assert told == {"anna": (1, 1, 2), "bo": (1, 1, 2), "ella": (0, 0, 0), "gm": (1, 1, 2), "admin": (1, 1, 2)}
    assert (await desk.ask("ella", "query($id: ID!) { approval(id: $id) { id } }", id=approval))["approval"] is None
    add = {"approvalId": approval, "turn": 1, "act": "ADD_BEFORE", "person": str(desk.company.id("ella"))}
    assert (await desk.ask("bo", DECIDE, input=add))["decideApproval"]["userErrors"] == []
    found = await desk.ask("ella", listed)
    assert found["approvals"]["totalCount"] == found["approvalRequests"]["totalCount"] == 1


async def test_a_definition_is_tried_set_and_retired(desk: Desk) -> None:
    approval = await request_of(desk)
    document: dict[str, Any] = {
        "key": "own",
        "subject": "free_request",
        "title": {"zh": "申请", "en": "Requests"},
        "steps": [
            {
                "key": "finance",
                "title": {"zh": "财务", "en": "Finance"},
                "kind": "any",
                "approvers": [{"by": "role", "role": "finance"}],
            }
        ],
    }
    subject = await desk.ask("anna", "query($id: ID!) { approval(id: $id) { subjectId } }", id=approval)
    tried = await desk.ask(
        "admin",
        """query($id: ID!, $document: JSON) {
          approvalPreview(subject: "free_request", subjectId: $id, document: $document) {
            steps { key need personIds people { id } problem { en } } } }""",
        id=subject["approval"]["subjectId"],
        document=document,
    )
    (step,) = tried["approvalPreview"]["steps"]
    assert (step["need"], step["personIds"]) == (1, [str(desk.company.id("fiona"))])
    define = """mutation($input: SetApprovalDefinitionInput!) { setApprovalDefinition(input: $input) {
      userErrors { code path } approvalDefinition { id key version active } } }"""
    made = (await desk.ask("admin", define, input={"document": document}))["setApprovalDefinition"]
    assert made["userErrors"] == []
    assert (made["approvalDefinition"]["version"], made["approvalDefinition"]["active"]) == (1, True)
    wrong = {**document, "steps": [{**document["steps"][0], "approvers": [{"by": "role", "role": "no"}]}]}
    refused = (await desk.ask("admin", define, input={"document": wrong}))["setApprovalDefinition"]["userErrors"]
    assert [(one["code"], one["path"]) for one in refused] == [
        ("unknown", ["document", "steps", "0", "approvers", "0", "role"])
    ]
    retire = """mutation { retireApprovalDefinition(input: {key: "own"}) {
      userErrors { code } approvalDefinition { active } } }"""
    retired = (await desk.ask("admin", retire))["retireApprovalDefinition"]
    assert retired == {"userErrors": [], "approvalDefinition": {"active": False}}
    listed = (await desk.ask("admin", "{ approvalSubjects { key builtIn fields } }"))["approvalSubjects"]
    assert "free_request" in {one["key"] for one in listed}


async def test_a_substitute_is_named_and_the_absence_ended(desk: Desk) -> None:
    now = datetime.now(UTC)
    given = {
        "substituteId": str(desk.company.id("gm")),
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(days=2)).isoformat(),
    }
    made = await desk.ask(
        "bo",
        """mutation($input: SetApprovalAbsenceInput!) { setApprovalAbsence(input: $input) {
          userErrors { code path } approvalAbsence { id personId substituteId cancelledAt } } }""",
        input=given,
    )
    absence = made["setApprovalAbsence"]["approvalAbsence"]
    assert (absence["personId"], absence["cancelledAt"]) == (str(desk.company.id("bo")), None)
    approval = await request_of(desk)
    assert await desk.company.seats(UUID(approval)) == {"bo": "bo", "chen": "chen", "gm": "bo"}
    ended = await desk.ask(
        "bo",
        """mutation($input: EndApprovalAbsenceInput!) { endApprovalAbsence(input: $input) {
          userErrors { code } approvalAbsence { cancelledAt } } }""",
        input={"absenceId": absence["id"]},
    )
    assert ended["endApprovalAbsence"]["approvalAbsence"]["cancelledAt"] is not None
