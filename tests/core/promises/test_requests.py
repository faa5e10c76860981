"""Service requests: from the visitor who takes one to the client's confirmation, with legs in other units."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from steward_core.clients.merge import merge_clients
from steward_core.clients.ownership import move, moves_to
from steward_core.inbox.items import InboxKind
from steward_core.inbox.queries import inbox_of
from steward_core.promises.errors import LegNotFound, LegsOpen, RequestChanged, RequestMoveRefused, RequestNotFound
from steward_core.promises.leg_commands import cancel_leg, finish_leg, resume_leg, transfer_leg, wait_with_leg
from steward_core.promises.models import (
    Channel,
    ClockState,
    DefinitionKind,
    LegStatus,
    PromiseClock,
    RequestAct,
    RequestEvent,
    RequestLeg,
    RequestStatus,
    ServiceRequest,
)
from steward_core.promises.queries import near_limit, standing_now, would_be
from steward_core.promises.request_commands import (
    add_leg,
    answer_request,
    cancel_request,
    close_request,
    confirm_request,
    open_service_request,
    reach_milestone,
    reopen_request,
    respond_to_request,
    resume_request,
    transfer_request,
    wait_for_client,
)
from steward_core.promises.request_rules import after, possible
from steward_core.promises.requests import NewLeg, open_request
from steward_core.promises.setting import set_promise
from steward_tenants.database.database import Database
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import InvalidInput
from tests.core.promises.company import Company, clocks_of, make_company
from tests.core.promises.office import at
from tests.factories import TESTS

DAY = date(2026, 11, 23)
LEG_CLOCK = "core.request_leg"


async def timeline(session: TenantSession, request_id: UUID) -> list[str]:
    rows = await session.scalars(
        select(RequestEvent.act)
        .where(session.within(RequestEvent), RequestEvent.request_id == request_id)
        .order_by(RequestEvent.noted_at, RequestEvent.id)
    )
    return list(rows)


@pytest.fixture
async def company(database: Database) -> Company:
    return await make_company(database, ["telecom"])


async def test_what_a_visitor_takes_stays_the_visitors_up_to_its_end(database: Database, company: Company) -> None:
    """谁走访谁督办 [001#6]: ben visits anna's client; the request is ben's, whoever owns the client."""
    async with database.write(company.tenant_id, company.ben) as session:
        request = await open_request(session, client_id=company.client, kind="wish", title="想要发票")
        assert (request.owner_id, request.unit_id, request.follows_client) == (company.ben.id, company.branch, False)
    async with database.write(company.tenant_id, TESTS) as session:
        await move(session, moves_to(session, [company.client], company.engineer.id, None), on=DAY, reason="换人")
    async with database.write(company.tenant_id, company.ben) as session:
        await answer_request(session, request.id, answer="已寄出")
        await confirm_request(session, request.id, satisfaction=5)
        ended = await close_request(session, request.id)
        assert (ended.status, ended.satisfaction, ended.owner_id) == (RequestStatus.CLOSED, 5, company.ben.id)
        assert await timeline(session, request.id) == ["opened", "answered", "confirmed", "closed"]


async def test_a_clients_requests_legs_and_clocks_follow_its_owner(database: Database, company: Company) -> None:
    async with database.write(company.tenant_id, company.anna) as session:
        legs = [NewLeg("support", "查线", owner_id=company.engineer.id), NewLeg("billing", "退费")]
        request = await open_request(session, client_id=company.client, kind="fault", title="断网", legs=legs)
        done = await open_request(session, client_id=company.client, kind="wish", title="已办")
        await cancel_request(session, done.id, reason="撤回")
    async with database.write(company.tenant_id, TESTS) as session:
        await move(session, moves_to(session, [company.client], company.ben.id, None), on=DAY, reason="换人")
    async with database.read(company.tenant_id, TESTS) as session:
        rows = {
            row.id: row for row in await session.scalars(select(ServiceRequest).where(session.within(ServiceRequest)))
        }
        assert (rows[request.id].owner_id, rows[done.id].owner_id) == (company.ben.id, company.anna.id)
        owners = await session.scalars(
            select(RequestLeg.owner_id).where(session.within(RequestLeg)).order_by(RequestLeg.number)
        )
        assert list(owners) == [company.engineer.id, company.ben.id]
        assert {one.owner_id for one in (await clocks_of(session, request.id)).values()} == {company.ben.id}
        assert "handed_over" in await timeline(session, request.id)


async def test_legs_in_several_units_each_with_a_clock(database: Database, company: Company) -> None:
    async with database.write(company.tenant_id, company.anna) as session:
        legs = [
            NewLeg("support", "查线", unit_id=company.works, limit={"count": 4, "unit": "calendar_minutes"}),
            NewLeg("billing", "退费", unit_id=company.branch),
        ]
        request = await open_request(
            session, client_id=company.client, kind="complaint", title="又断又贵", legs=legs, at=at("2026-11-05 10:00")
        )
        rows = {row.kind: row for row in await session.scalars(select(RequestLeg).where(session.within(RequestLeg)))}
        # The branch's lead has its leg; nobody leads engineering, so whoever has the request has that one.
        assert (rows["billing"].owner_id, rows["support"].owner_id) == (company.lead, company.anna.id)
        due = {kind: (await clocks_of(session, row.id))[LEG_CLOCK].due_at for kind, row in rows.items()}
        assert due == {"support": at("2026-11-05 10:04"), "billing": at("2026-11-09 17:30")}
        with pytest.raises(LegsOpen):
            await answer_request(session, request.id, answer="太早")
        support = await transfer_leg(session, rows["support"].id, company.engineer.id)
        assert support.unit_id == company.works
        await cancel_leg(session, rows["billing"].id, reason="无需退费")
        with pytest.raises(InvalidInput):
            await add_leg(session, request.id, kind="tennis", title="无此类")
        with pytest.raises(InvalidInput):
            await add_leg(session, request.id, kind="billing", title="退费", limit={"count": 0, "unit": "days"})
    async with database.write(company.tenant_id, company.ben) as session:
        with pytest.raises(LegNotFound):
            await finish_leg(session, support.id, result="不是我的")
    async with database.write(company.tenant_id, company.engineer) as session:
        with pytest.raises(RequestNotFound):
            await answer_request(session, request.id, answer="不是我的")
        items = await inbox_of(session, today=DAY, kinds=[InboxKind.REQUEST_LEG])
        assert [item.id for item in items] == [support.id]
        finished = await finish_leg(session, support.id, result="已换线")
        clock = (await clocks_of(session, support.id))[LEG_CLOCK]
        assert (finished.status, clock.state, clock.owner_id) == (LegStatus.DONE, ClockState.LATE, company.engineer.id)
    async with database.write(company.tenant_id, company.anna) as session:
        assert (await answer_request(session, request.id, answer="已修好")).status == RequestStatus.ANSWERED


async def test_waiting_for_the_client_stops_the_clocks(database: Database, company: Company) -> None:
    async with database.write(company.tenant_id, company.anna) as session:
        request = await open_service_request(
            session, company.client, kind="fault", title="断网", legs=[NewLeg("support", "查线")], channel=Channel.PHONE
        )
        leg = (await session.scalars(select(RequestLeg).where(session.within(RequestLeg))))[0]
        await wait_with_leg(session, leg.id, reason="客户不在")
        await wait_for_client(session, request.id, reason="等钥匙")
        for subject in (request.id, leg.id):
            assert {one.state for one in (await clocks_of(session, subject)).values()} == {ClockState.PAUSED}
        await resume_request(session, request.id)
        assert {one.state for one in (await clocks_of(session, request.id)).values()} == {ClockState.RUNNING}
        # The leg waits by itself.
        assert (await clocks_of(session, leg.id))[LEG_CLOCK].state == ClockState.PAUSED
        await resume_leg(session, leg.id)
        assert (await clocks_of(session, leg.id))[LEG_CLOCK].paused_at is None


async def test_an_answer_ends_the_waiting(database: Database, company: Company) -> None:
    """What the answer does not keep, such as the client's confirmation, runs on from it."""
    document = {
        "title": {"zh": "回访", "en": "Confirmed"},
        "trigger": "request_opened",
        "clock": {"limit": {"count": 600, "unit": "calendar_minutes"}},
        "kept_by": ["confirmed"],
    }
    async with database.write(company.tenant_id, company.admin) as session:
        await set_promise(session, DefinitionKind.PROMISE, "own.confirmed", document=document)
        request = await open_service_request(session, company.client, kind="wish", title="想要发票")
        await wait_for_client(session, request.id, reason="等回电")
        await answer_request(session, request.id, answer="已寄出")
        clock = (await clocks_of(session, request.id))["own.confirmed"]
        assert (clock.state, clock.paused_at, request.waiting_since) == (ClockState.RUNNING, None, None)


async def test_reopening_starts_the_promises_once_more(database: Database, company: Company) -> None:
    async with database.write(company.tenant_id, company.anna) as session:
        request = await open_service_request(session, company.client, kind="fault", title="断网")
        await reach_milestone(session, request.id, "restored")
        await answer_request(session, request.id, answer="好了")
        first = (await clocks_of(session, request.id))["telecom.fault_solved"]
        assert first.state == ClockState.KEPT
        with pytest.raises(RequestMoveRefused):
            await reach_milestone(session, request.id, "restored")
        request = await reopen_request(session, request.id, reason="又断了")
        assert (request.status, request.answer, request.milestones) == (RequestStatus.OPEN, None, {})
        second = (await clocks_of(session, request.id))["telecom.fault_solved"]
        assert (second.occurrence, second.state) == (2, ClockState.RUNNING)
        with pytest.raises(RequestChanged):
            await cancel_request(session, request.id, reason="误报", expected_version=1)
        await cancel_request(session, request.id, reason="误报")
        assert (await clocks_of(session, request.id))["telecom.fault_solved"].state == ClockState.CANCELLED


async def test_what_cannot_be_is_refused(database: Database, company: Company) -> None:
    async with database.write(company.tenant_id, company.anna) as session:
        wrong: list[tuple[str, dict[str, object]]] = [
            ("kind", {"kind": "tennis"}),
            ("title", {"title": " "}),
            ("title", {"title": "长" * 201}),
            ("at", {"at": datetime.now(UTC) + timedelta(hours=1)}),
            ("owner_id", {"owner_id": company.branch}),
            ("form_record_id", {"form_record_id": company.branch}),
            ("facts", {"facts": ["not a key"]}),
        ]
        for path, given in wrong:
            values = {"kind": "wish", "title": "标题", **given}
            with pytest.raises(InvalidInput) as refused:
                await open_service_request(session, company.client, **values)  # type: ignore[arg-type]  # bad on purpose
            assert refused.value.problems[0].path == (path,)
        request = await open_service_request(session, company.client, kind="wish", title="标题")
        with pytest.raises(InvalidInput):
            await transfer_request(session, request.id, company.branch)
        with pytest.raises(InvalidInput):
            await answer_request(session, request.id, answer="早", at=request.opened_at - timedelta(minutes=1))


async def test_clocks_go_with_a_merged_client(database: Database, company: Company) -> None:
    async with database.write(company.tenant_id, company.anna) as session:
        request = await open_service_request(session, company.client, kind="fault", title="断网")
    async with database.write(company.tenant_id, TESTS) as session:
        await merge_clients(session, company.other, company.client, today=DAY, reason="重复")
    async with database.read(company.tenant_id, TESTS) as session:
        found = await session.scalars(
            select(PromiseClock.client_id).where(session.within(PromiseClock), PromiseClock.subject_id == request.id)
        )
        assert set(found) == {company.other}


async def test_reading_by_when_and_where_a_clock_stands(database: Database, company: Company) -> None:
    async with database.write(company.tenant_id, company.anna) as session:
        request = await open_service_request(session, company.client, kind="fault", title="断网")
        clock = (await clocks_of(session, request.id))["telecom.fault_response"]
    async with database.read(company.tenant_id, company.anna) as session:
        found = await would_be(
            session, DefinitionKind.PROMISE, "telecom.installation", at("2026-11-05 10:00"), unit_id=company.branch
        )
        assert (found.standing.due, found.standing.warning) == (at("2026-11-09 17:30"), at("2026-11-09 08:45"))
        now = clock.started_at + timedelta(minutes=25)
        standing = (await standing_now(session, clock.id, now)).standing
        assert standing is not None
        assert (standing.state.value, standing.remaining) == ("warned", timedelta(minutes=5))
        assert standing.lines[-1].en.endswith("5 min left")
        near = [one[0] for one in await near_limit(session, within=timedelta(minutes=30))]
        assert near[-1] == clock.id
        assert len(near) == 2
    async with database.read(company.tenant_id, company.ben) as session:
        assert await near_limit(session, within=timedelta(minutes=30)) == []


ACTS: dict[RequestAct, Callable[[WriteSession, UUID], Awaitable[object]]] = {
    RequestAct.RESPONDED: respond_to_request,
    RequestAct.MILESTONE: lambda session, one: reach_milestone(session, one, "arrived"),
    RequestAct.WAITING: lambda session, one: wait_for_client(session, one, reason="等"),
    RequestAct.RESUMED: resume_request,
    RequestAct.ANSWERED: lambda session, one: answer_request(session, one, answer="好"),
    RequestAct.CONFIRMED: confirm_request,
    RequestAct.CLOSED: close_request,
    RequestAct.REOPENED: lambda session, one: reopen_request(session, one, reason="又"),
}


@pytest.mark.parametrize("seed", [1, 2])
async def test_random_walks_keep_request_and_clocks_together(database: Database, company: Company, seed: int) -> None:
    """Whatever people do in whatever order: the status is what the rules say, clocks stand still exactly while the
    client is awaited, and nothing runs about a request that is closed."""
    chance = random.Random(seed)
    async with database.write(company.tenant_id, company.anna) as session:
        request = await open_service_request(session, company.client, kind="fault", title="断网")
        for _ in range(40):
            act = chance.choice(sorted(ACTS, key=str))
            before = RequestStatus[request.status.upper()]
            if act in possible(before):
                await ACTS[act](session, request.id)
                assert request.status == after(before, act).value
            else:
                with pytest.raises(RequestMoveRefused):
                    await ACTS[act](session, request.id)
                assert request.status == before.value
            rows = await session.scalars(
                select(PromiseClock)
                .where(session.within(PromiseClock), PromiseClock.subject_id == request.id)
                .execution_options(populate_existing=True)
            )
            running = [row for row in rows if row.ended_at is None]
            waits = request.status == RequestStatus.WAITING
            assert all((row.state == ClockState.PAUSED) is waits for row in running)
            assert not (running and request.status in (RequestStatus.ANSWERED, RequestStatus.CLOSED))
