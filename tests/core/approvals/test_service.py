"""Approvals in the database: who is asked, what each act does, one result of two at once, and a domain that refuses."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from steward_core.approvals.errors import (
    ApprovalNotFound,
    ApprovalOver,
    ApprovalUnderWay,
    EntryReused,
    NobodyToApprove,
    NotYourTurn,
    OnlyTheRequester,
    OwnMatter,
    SubmittedElsewhere,
    TurnOver,
)
from steward_core.approvals.models import Approval, ApprovalEntry, ApprovalRequest, RequestKind
from steward_core.approvals.people import supervises, supervisors_of
from steward_core.approvals.queries import my_acts, preview, replayed
from steward_core.approvals.requests import change_request, submit_request
from steward_core.approvals.service import decide, of_subject, replace_approver, resubmit, start, withdraw
from steward_core.approvals.state import Status
from steward_core.approvals.subjects import Settled
from steward_core.approvals.trail import Act
from steward_core.notifications.models import Notice
from steward_tenants.access.models import Role
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.session import TenantSession
from steward_tenants.people.models import User
from tests.core.approvals.company import THINGS, TODAY, Company, Stubborn, Thing, count, make_company
from tests.factories import TESTS, assign, make_user


async def told(company: Company, kind: str) -> dict[str, str]:
    names = {user.id: name for name, user in company.people.items()}
    async with company.database.read(company.tenant, TESTS) as session:
        rows = await notices(session, kind)
    return {names[row.user_id]: row.title_zh for row in rows}


async def notices(session: TenantSession, kind: str) -> list[Notice]:
    return list(await session.scalars(select(Notice).where(session.within(Notice), Notice.kind == kind)))


async def test_either_supervisor_of_the_owners_team_decides(database: Database) -> None:
    company = await make_company(database)
    approval = await company.ask()
    assert await company.seats(approval) == {"bo": "bo", "chen": "chen"}
    assert set(await told(company, "approvals.asked")) == {"bo", "chen"}
    await company.do("chen", approval, Act.APPROVE, reason="可以")
    stored = await company.get(approval)
    assert stored.status == Status.APPROVED
    assert stored.ended_at is not None
    assert await company.seats(approval) == {}
    assert [entry.act for entry in await company.trail(approval)] == [Act.START, Act.APPROVE]
    assert set(await told(company, "approvals.settled")) == {"anna"}
    with pytest.raises(ApprovalOver):
        await company.do("bo", approval, Act.APPROVE)


async def test_supervisors_are_the_nearest_above_and_never_oneself(database: Database) -> None:
    company = await make_company(database)
    async with database.write(company.tenant, TESTS) as session:
        outsider, lonely = make_user(session), make_user(session, unit_id=company.root)
        disabled = make_user(session, unit_id=company.team, status="disabled")
        afar = make_user(session)
        await session.flush()
        role = await role_of(session)
        assign(session, disabled, role, Scope.SUBTREE)
        assign(session, afar, role, Scope.ALL)
        assign(session, company.people["fiona"], role, Scope.TEAM)
        assign(session, company.people["ella"], role, Scope.OWN)
    names = {user.id: name for name, user in company.people.items()} | {afar.id: "afar"}
    asked = [company.id(name) for name in ("anna", "bo", "gm")] + [outsider.id, lonely.id]
    async with database.read(company.tenant, TESTS) as session:
        found = await supervisors_of(session, asked, TODAY)
        assert await supervises(session, company.id("bo"), company.id("anna"), TODAY)
        assert not await supervises(session, company.id("gm"), company.id("anna"), TODAY)
    by_name = {person: {names[one] for one in found[person]} for person in asked}
    assert by_name == {
        company.id("anna"): {"bo", "chen"},
        company.id("bo"): {"chen"},
        company.id("gm"): {"fiona"},
        outsider.id: {"afar"},
        lonely.id: {"gm", "fiona"},
    }


async def role_of(session: TenantSession, key: str = "supervisor") -> Role:
    found = await session.find(Role, Role.key == key)
    assert found is not None
    return found


async def test_two_supervisors_at_once_give_one_result(database: Database) -> None:
    company = await make_company(database)
    approval = await company.ask()
    bo, chen = await company.actor("bo"), await company.actor("chen")
    first_in, second_waits = asyncio.Event(), asyncio.Event()

    async def agree() -> None:
        async with database.write(company.tenant, bo) as session:
            await decide(session, approval, act=Act.APPROVE, turn=1)
            first_in.set()
            await asyncio.wait_for(second_waits.wait(), 30)
            # Long enough for the other to have read what stands before this commits, if nothing held it back.
            await asyncio.sleep(0.5)

    async def refuse() -> None:
        await asyncio.wait_for(first_in.wait(), 30)
        async with database.write(company.tenant, chen) as session:
            second_waits.set()
            await decide(session, approval, act=Act.REJECT, turn=1, reason="不行")

    results = await asyncio.gather(agree(), refuse(), return_exceptions=True)
    assert results[0] is None
    assert isinstance(results[1], ApprovalOver)
    assert (await company.get(approval)).status == Status.APPROVED
    assert len(await company.trail(approval)) == 2


async def test_nobody_decides_on_what_is_theirs(database: Database) -> None:
    company = await make_company(database)
    approval = await company.ask("bo")
    assert await company.seats(approval) == {"chen": "chen"}
    with pytest.raises(OwnMatter):
        await company.do("bo", approval, Act.APPROVE)
    with pytest.raises(OwnMatter):
        await company.do("chen", approval, Act.TRANSFER, person=company.id("bo"))
    async with database.write(company.tenant, await company.actor("admin")) as session:
        with pytest.raises(OwnMatter):
            await replace_approver(session, approval, instead_of=company.id("chen"), person=company.id("bo"))
    _, thing = await company.ask_thing(Thing(company.id("bo")), "anna")
    assert await company.seats(thing) == {"chen": "chen"}, "the owner is barred as well as who asked"


async def test_a_domain_that_refuses_undoes_the_decision(database: Database) -> None:
    company = await make_company(database)
    thing_id, approval = await company.ask_thing(Thing(company.id("anna"), company.team, refuses=True))
    with pytest.raises(Stubborn):
        await company.do("bo", approval, Act.APPROVE)
    assert (await company.get(approval)).status == Status.RUNNING
    assert await company.seats(approval) == {"bo": "bo", "chen": "chen"}
    assert len(await company.trail(approval)) == 1
    THINGS[thing_id].refuses = False
    await company.do("bo", approval, Act.REJECT, reason="不行")
    assert THINGS[thing_id].told == [(Settled.REJECTED, company.id("bo"), "不行")]


async def test_the_same_command_twice_counts_once(database: Database) -> None:
    company = await make_company(database)
    approval, key = await company.ask(), uuid4()
    for _ in range(2):
        await company.do("bo", approval, Act.ADD_BEFORE, person=company.id("gm"), key=key)
    assert len(await company.trail(approval)) == 2
    other = await company.ask("ella")
    with pytest.raises(EntryReused):
        await company.do("bo", other, Act.APPROVE, key=key)
    with pytest.raises(EntryReused):
        await company.do("bo", approval, Act.APPROVE, key=key)


async def test_asked_before_then_back_to_the_approver(database: Database) -> None:
    company = await make_company(database)
    approval = await company.ask()
    await company.do("bo", approval, Act.ADD_BEFORE, person=company.id("fiona"))
    assert await company.seats(approval) == {"fiona": "fiona", "chen": "chen"}
    await company.do("fiona", approval, Act.APPROVE)
    assert await company.seats(approval) == {"bo": "bo", "chen": "chen"}
    await company.do("bo", approval, Act.DELEGATE, person=company.id("gm"))
    assert await company.seats(approval) == {"bo": "bo", "gm": "bo", "chen": "chen"}
    await company.do("gm", approval, Act.APPROVE)
    assert (await company.get(approval)).status == Status.APPROVED


async def test_sent_back_changed_and_submitted_again(database: Database) -> None:
    company = await make_company(database)
    approval = await company.ask()
    await company.do("bo", approval, Act.SEND_BACK, reason="请补充")
    stored = await company.get(approval)
    assert stored.status == Status.RETURNED
    anna = await company.actor("anna")
    async with database.write(company.tenant, anna) as session:
        request = await session.get(ApprovalRequest, stored.subject_id)
        assert request is not None
        assert request.status == "returned"
        version = request.version
        await change_request(session, request.id, fields={"text": "补充说明"}, version=version)
    async with database.write(company.tenant, anna) as session:
        await submit_request(session, stored.subject_id)
    again = await company.get(approval)
    assert (again.status, again.turn) == (Status.RUNNING, 2)
    with pytest.raises(TurnOver):
        await company.do("bo", approval, Act.APPROVE, turn=1)
    async with database.write(company.tenant, anna) as session:
        await withdraw(session, approval, reason="不需要了")
    async with database.write(company.tenant, anna) as session:
        await resubmit(session, approval, today=TODAY)
        request = await session.get(ApprovalRequest, stored.subject_id)
        assert request is not None
        assert request.status == "submitted"
    assert await company.seats(approval) == {"bo": "bo", "chen": "chen"}
    assert len(await company.trail(approval)) == 5


async def test_only_the_requester_withdraws_and_others_do_not_know_of_it(database: Database) -> None:
    company = await make_company(database)
    approval = await company.ask()
    async with database.write(company.tenant, await company.actor("bo")) as session:
        with pytest.raises(OnlyTheRequester):
            await withdraw(session, approval)
    async with database.write(company.tenant, await company.actor("ella")) as session:
        with pytest.raises(ApprovalNotFound):
            await withdraw(session, approval)
    with pytest.raises(NotYourTurn):
        await company.do("gm", approval, Act.APPROVE)


async def test_one_running_approval_for_a_subject(database: Database) -> None:
    company = await make_company(database)
    thing_id, approval = await company.ask_thing(Thing(company.id("anna"), company.team))
    async with database.write(company.tenant, await company.actor("anna")) as session:
        with pytest.raises(ApprovalUnderWay):
            await start(session, "tests_thing", thing_id)
        await withdraw(session, approval)
        with pytest.raises(SubmittedElsewhere):
            await resubmit(session, approval)
        again = await start(session, "tests_thing", thing_id)
        assert again.id == approval
    await company.do("bo", approval, Act.APPROVE)
    async with database.write(company.tenant, await company.actor("anna")) as session:
        fresh = await start(session, "tests_thing", thing_id)
        assert fresh.id != approval
        latest = await of_subject(session, "tests_thing", thing_id)
        assert latest is not None
        assert latest.id == fresh.id


async def test_long_leave_goes_on_to_the_general_manager(database: Database) -> None:
    company = await make_company(database)
    short = await company.ask(kind=RequestKind.LEAVE, from_on=TODAY, until_on=TODAY.replace(day=25))
    await company.do("bo", short, Act.APPROVE)
    assert (await company.get(short)).status == Status.APPROVED
    long = await company.ask(kind=RequestKind.LEAVE, from_on=TODAY, until_on=TODAY.replace(day=26))
    await company.do("bo", long, Act.APPROVE)
    stored = await company.get(long)
    assert (stored.status, stored.step, stored.turn) == (Status.RUNNING, "general_manager", 2)
    assert await company.seats(long) == {"gm": "gm"}
    await company.do("gm", long, Act.SEND_BACK, step="supervisor", reason="再看看")
    assert await company.seats(long) == {"bo": "bo", "chen": "chen"}


async def test_an_administrator_replaces_and_one_appointed_since_does_too(database: Database) -> None:
    company = await make_company(database)
    approval = await company.ask()
    async with database.write(company.tenant, TESTS) as session:
        newcomer = make_user(session, unit_id=company.root)
        await session.flush()
        assign(session, newcomer, await role_of(session, "tenant_admin"))
    company.people["newcomer"] = newcomer
    async with database.write(company.tenant, await company.actor("newcomer")) as session:
        await replace_approver(session, approval, instead_of=company.id("bo"), person=company.id("fiona"))
    assert await company.seats(approval) == {"fiona": "fiona", "chen": "chen"}
    await company.do("fiona", approval, Act.APPROVE)
    assert (await company.get(approval)).status == Status.APPROVED


async def test_what_each_may_do_and_who_would_be_asked(database: Database) -> None:
    company = await make_company(database)
    approval = await company.ask()
    stored = await company.get(approval)
    async with database.read(company.tenant, await company.actor("anna")) as session:
        assert (await my_acts(session, approval, today=TODAY)).acts == (Act.WITHDRAW,)
        seen = await preview(session, "free_request", stored.subject_id, today=TODAY)
        assert [(step.key, set(step.people)) for step in seen.steps] == [
            ("supervisor", {company.id("bo"), company.id("chen")}),
            ("general_manager", set()),
        ]
    async with database.read(company.tenant, await company.actor("admin")) as session:
        assert (await my_acts(session, approval, today=TODAY)).acts == (Act.REPLACE,)
    async with database.read(company.tenant, await company.actor("bo")) as session:
        found = await my_acts(session, approval, today=TODAY)
        assert Act.APPROVE in found.acts
        assert found.turn == 1
        again = await replayed(session, approval, today=TODAY)
        assert (again.status, again.differences) == (Status.RUNNING, ())


async def test_a_stored_state_that_its_trail_does_not_give_is_told(database: Database) -> None:
    company = await make_company(database)
    approval = await company.ask()
    async with database.write(company.tenant, TESTS) as session:
        stored = await session.get(Approval, approval)
        assert stored is not None
        stored.turn = 7
    async with database.read(company.tenant, TESTS) as session:
        assert (await replayed(session, approval, today=TODAY)).differences == ("turn",)


async def test_nothing_starts_where_nobody_may_decide(database: Database) -> None:
    company = await make_company(database)
    async with database.write(company.tenant, TESTS) as session:
        away = [company.id(name) for name in ("admin", "bo", "chen", "gm")]
        await session.execute(update(User).where(session.within(User), User.id.in_(away)).values(status="disabled"))
    with pytest.raises(NobodyToApprove):
        await company.ask()
    async with database.read(company.tenant, TESTS) as session:
        assert await count(session, Approval) == 0
        assert await count(session, ApprovalEntry) == 0
