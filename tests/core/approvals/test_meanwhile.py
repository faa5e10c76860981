"""What happens to approvals without a decision: reminders and ends, absences, people who leave, clients that change
hands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Uuid, literal, select

from steward_core.approvals.absences import end_absence, set_absence
from steward_core.approvals.defining import set_definition
from steward_core.approvals.errors import AbsenceNotFound, AbsenceOverlaps
from steward_core.approvals.jobs import do_what_is_due, look_again
from steward_core.approvals.models import Approval, ApprovalRequest, ApprovalSeat
from steward_core.approvals.queries import replayed
from steward_core.approvals.service import resubmit, start, withdraw
from steward_core.approvals.state import Status
from steward_core.approvals.subjects import Settled
from steward_core.approvals.trail import Act
from steward_core.clients.ownership import move
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.outbox.models import OutboxJob
from steward_tenants.people.service import disable_user
from tests.core.approvals.company import THINGS, TODAY, Company, Stubborn, Thing, make_company
from tests.core.factories import make_client
from tests.factories import TESTS

NOW = datetime.now(UTC)


def with_clock(**more: Any) -> dict[str, Any]:
    """A definition of things in which the supervisor is reminded after an hour and it ends after three."""
    step = {
        "key": "supervisor",
        "title": {"zh": "主管", "en": "Supervisor"},
        "kind": "any",
        "approvers": [{"by": "supervisor"}],
        "remind_after": [60, 120],
        "expires_after": 180,
        **more,
    }
    return {"key": "things", "subject": "tests_thing", "title": {"zh": "事", "en": "Things"}, "steps": [step]}


async def define(company: Company, document: Mapping[str, Any]) -> None:
    async with company.database.write(company.tenant, await company.actor("admin")) as session:
        await set_definition(session, document=document)


async def due(company: Company, minutes: int) -> int:
    """Do what is due so many minutes from now."""
    return await do_what_is_due(company.database, company.tenant, datetime.now(UTC) + timedelta(minutes=minutes))


async def moments(company: Company) -> set[datetime]:
    """For when clocks are set."""
    async with company.database.read(company.tenant, TESTS) as session:
        return set(
            await session.scalars(
                select(OutboxJob.due).where(session.within(OutboxJob), OutboxJob.kind == "approvals.clock")
            )
        )


async def look_at(company: Company, name: str) -> None:
    """What the job about a person does."""
    async with company.database.write(company.tenant, TESTS) as session:
        asked = select(ApprovalSeat.approval_id).where(
            session.within(ApprovalSeat), ApprovalSeat.asked_id == company.id(name)
        )
        await look_again(session, Approval.id.in_(asked))


async def jobs_for(company: Company, name: str) -> int:
    """How many jobs look again at what waits for a person."""
    async with company.database.read(company.tenant, TESTS) as session:
        found = await session.scalars(
            select(OutboxJob.payload).where(session.within(OutboxJob), OutboxJob.kind == "approvals.people")
        )
    return sum(payload["user_id"] == str(company.id(name)) for payload in found)


async def in_order(company: Company, approval: UUID) -> bool:
    """Whether the trail gives what is stored."""
    async with company.database.read(company.tenant, TESTS) as session:
        return not (await replayed(session, approval, today=TODAY)).differences


async def test_reminded_and_ended_when_it_is_due_and_not_before(database: Database) -> None:
    company = await make_company(database)
    await define(company, with_clock())
    thing_id, approval = await company.ask_thing(Thing(company.id("anna"), company.team))
    stored = await company.get(approval)
    assert stored.next_at == stored.opened_at + timedelta(minutes=60)
    assert await moments(company) == {stored.next_at}
    assert await due(company, 59) == 0
    assert await due(company, 61) == 1
    assert await due(company, 61) == 0
    stored = await company.get(approval)
    assert stored.next_at == stored.opened_at + timedelta(minutes=120)
    assert stored.next_at in await moments(company)
    assert await due(company, 181) == 1
    stored = await company.get(approval)
    assert (stored.status, stored.next_at) == (Status.EXPIRED, None)
    assert THINGS[thing_id].told == [(Settled.EXPIRED, None, "")]
    assert [entry.act for entry in await company.trail(approval)] == [Act.START, Act.REMIND, Act.EXPIRE]
    assert await in_order(company, approval)
    assert await due(company, 999) == 0


async def test_a_step_without_a_clock_leaves_no_job(database: Database) -> None:
    company = await make_company(database)
    approval = await company.ask()
    assert await moments(company) == set()
    assert (await company.get(approval)).next_at is None


async def test_one_domain_that_refuses_holds_up_no_other_end(database: Database) -> None:
    company = await make_company(database)
    await define(company, with_clock(remind_after=[]))
    _, stuck = await company.ask_thing(Thing(company.id("anna"), company.team, refuses=True))
    _, free = await company.ask_thing(Thing(company.id("anna"), company.team))
    with pytest.raises(Stubborn):
        await due(company, 181)
    assert (await company.get(free)).status == Status.EXPIRED
    assert (await company.get(stuck)).status == Status.RUNNING


async def test_what_runs_keeps_its_definition(database: Database) -> None:
    company = await make_company(database)
    _, before = await company.ask_thing(Thing(company.id("anna"), company.team))
    await define(company, with_clock(approvers=[{"by": "role", "role": "finance"}]))
    await define(company, with_clock(approvers=[{"by": "user", "user": str(company.id("ella"))}]))
    _, after = await company.ask_thing(Thing(company.id("anna"), company.team))
    assert await company.seats(before) == {"bo": "bo", "chen": "chen"}
    assert await company.seats(after) == {"ella": "ella"}
    stored = await company.get(after)
    assert (stored.definition_key, stored.definition_version) == ("things", 2)
    assert (await company.get(before)).definition_key == "tests_thing"


async def test_a_substitute_decides_while_somebody_is_away(database: Database) -> None:
    company = await make_company(database)
    approval = await company.ask("bo")
    chen = await company.actor("chen")
    async with database.write(company.tenant, chen) as session:
        absence = await set_absence(
            session, substitute_id=company.id("fiona"), starts_at=NOW, ends_at=NOW + timedelta(days=3)
        )
    assert await jobs_for(company, "chen") == 2, "one when it begins, one when it ends"
    assert await company.seats(approval) == {"chen": "chen"}
    await look_at(company, "chen")
    assert await company.seats(approval) == {"chen": "chen", "fiona": "chen"}
    during = await company.ask("bo")
    assert await company.seats(during) == {"chen": "chen", "fiona": "chen"}
    await company.do("fiona", during, Act.APPROVE)
    assert (await company.get(during)).status == Status.APPROVED
    async with database.write(company.tenant, chen) as session:
        await end_absence(session, absence.id)
    await look_at(company, "chen")
    assert await company.seats(approval) == {"chen": "chen"}
    assert await in_order(company, approval)


async def test_a_step_that_opens_during_an_absence_knows_of_it(database: Database) -> None:
    company = await make_company(database)
    stands = await company.ask("bo")
    await company.do("chen", stands, Act.ADD_AFTER, person=company.id("gm"))
    async with database.write(company.tenant, await company.actor("gm")) as session:
        await set_absence(session, substitute_id=company.id("bo"), starts_at=NOW, ends_at=NOW + timedelta(days=3))
    await company.do("chen", stands, Act.APPROVE)
    assert await company.seats(stands) == {"gm": "gm"}, "whose own matter it is stands in for nobody"
    other = await company.ask("anna")
    await company.do("chen", other, Act.ADD_AFTER, person=company.id("gm"))
    await company.do("chen", other, Act.APPROVE)
    assert await company.seats(other) == {"bo": "bo", "gm": "gm"}, "who is asked stands in for nobody else"


async def test_absences_are_refused_that_make_no_sense(database: Database) -> None:
    company = await make_company(database)
    week: dict[str, Any] = {"starts_at": NOW, "ends_at": NOW + timedelta(days=7)}
    async with database.write(company.tenant, await company.actor("chen")) as session:
        with pytest.raises(InvalidInput):
            await set_absence(session, substitute_id=company.id("chen"), **week)
        with pytest.raises(InvalidInput):
            await set_absence(session, substitute_id=company.id("bo"), starts_at=NOW, ends_at=NOW)
        with pytest.raises(Forbidden):
            await set_absence(session, substitute_id=company.id("bo"), user_id=company.id("anna"), **week)
        absence = await set_absence(session, substitute_id=company.id("bo"), **week)
        with pytest.raises(AbsenceOverlaps):
            await set_absence(session, substitute_id=company.id("gm"), **week)
    async with database.write(company.tenant, await company.actor("anna")) as session:
        with pytest.raises(AbsenceNotFound):
            await end_absence(session, absence.id)
    async with database.write(company.tenant, await company.actor("admin")) as session:
        await end_absence(session, absence.id)
        await set_absence(session, substitute_id=company.id("gm"), user_id=company.id("chen"), **week)


async def test_who_leaves_is_replaced_by_their_supervisor_then_by_an_administrator(database: Database) -> None:
    company = await make_company(database)
    approval = await company.ask("bo")
    for leaver, instead in (("chen", "gm"), ("gm", "admin")):
        async with database.write(company.tenant, TESTS) as session:
            await disable_user(session, company.id(leaver), today=TODAY)
        assert await jobs_for(company, leaver) == 1
        await look_at(company, leaver)
        assert await company.seats(approval) == {instead: instead}
    assert await in_order(company, approval)


async def test_a_step_that_opens_for_somebody_who_left_goes_to_another(database: Database) -> None:
    company = await make_company(database)
    approval = await company.ask()
    await company.do("chen", approval, Act.ADD_AFTER, person=company.id("fiona"))
    async with database.write(company.tenant, TESTS) as session:
        await disable_user(session, company.id("fiona"), today=TODAY)
    await company.do("chen", approval, Act.APPROVE)
    assert await company.seats(approval) == {"bo": "bo", "gm": "gm"}


async def hand_over(company: Company, client_id: UUID, name: str) -> None:
    async with company.database.write(company.tenant, TESTS) as session:
        moves = select(
            literal(client_id, Uuid()).label("client_id"),
            literal(company.id(name), Uuid()).label("owner_id"),
            literal(company.team, Uuid()).label("unit_id"),
        )
        await move(session, moves, on=TODAY, reason="移交")


async def clients_request(company: Company) -> tuple[UUID, UUID]:
    """A client of Anna's and the approval of her request about it."""
    async with company.database.write(company.tenant, TESTS) as session:
        client = make_client(session, owner_id=company.id("anna"), unit_id=company.team)
    thing = Thing(company.id("anna"), company.team, client.id)
    return client.id, (await company.ask_thing(thing))[1]


async def test_a_clients_new_owner_takes_over_from_who_asked(database: Database) -> None:
    company = await make_company(database)
    client, approval = await clients_request(company)
    await hand_over(company, client, "ella")
    stored = await company.get(approval)
    assert (stored.requester_id, stored.successor_id, stored.owner_id) == (
        company.id("anna"),
        company.id("ella"),
        company.id("ella"),
    )
    assert await company.seats(approval) == {"bo": "bo", "chen": "chen"}
    async with database.write(company.tenant, await company.actor("ella")) as session:
        await withdraw(session, approval)
    assert (await company.get(approval)).status == Status.WITHDRAWN
    assert await in_order(company, approval)


async def test_an_approver_who_becomes_the_owner_is_asked_no_more(database: Database) -> None:
    company = await make_company(database)
    client, approval = await clients_request(company)
    await company.do("chen", approval, Act.TRANSFER, person=company.id("fiona"))
    await hand_over(company, client, "bo")
    assert await company.seats(approval) == {"gm": "gm", "fiona": "fiona"}
    assert (await company.get(approval)).successor_id == company.id("bo")
    await hand_over(company, client, "anna")
    assert (await company.get(approval)).successor_id is None
    assert await in_order(company, approval)


async def test_a_request_about_a_client_follows_it(database: Database) -> None:
    company = await make_company(database)
    async with database.write(company.tenant, TESTS) as session:
        client = make_client(session, owner_id=company.id("bo"), unit_id=company.team)
        await session.flush()
        client_id = client.id
    # Written past the command, which wants the client in the asker's reach.
    async with database.write(company.tenant, await company.actor("bo")) as session:
        request = ApprovalRequest(
            id=client_id,
            kind="general",
            title="特批",
            owner_id=company.id("bo"),
            unit_id=company.team,
            client_id=client_id,
        )
        session.add(request)
        await session.flush()
        approval = await start(session, "free_request", request.id, today=TODAY)
        await withdraw(session, approval.id)
    await hand_over(company, client_id, "chen")
    async with database.write(company.tenant, await company.actor("chen")) as session:
        taken = await session.get(ApprovalRequest, client_id)
        assert taken is not None
        assert taken.owner_id == company.id("chen")
        await resubmit(session, approval.id, today=TODAY)
    assert await company.seats(approval.id) == {"gm": "gm"}, "neither who asked nor who took over decides"
