"""Clocks in the database: started once, kept, paused, near their limit, broken, escalated, reckoned anew."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from steward_core.calendars.service import set_day
from steward_core.calendars.settings import BUSINESS_HOURS, UNIT_HOURS
from steward_core.notifications.models import Notice
from steward_core.promises.definitions import definitions_here
from steward_core.promises.errors import ClockOver, DefinitionChanged, DefinitionNotFound
from steward_core.promises.models import ClockState, DefinitionKind, PromiseClock
from steward_core.promises.recomputing import recompute_some
from steward_core.promises.service import fulfilled, happened, pause, resume
from steward_core.promises.setting import cancel_clock, finish_clock, restore_promise, set_promise
from steward_core.promises.waking import RECOMPUTE, WATCH
from steward_core.promises.watching import advance
from steward_tenants.configuration.service import set_setting
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.files.store import LocalFileStore
from steward_tenants.outbox.jobs import JobTools, Queue
from steward_tenants.outbox.models import OutboxJob
from steward_tenants.outbox.performing import perform_due
from steward_tenants.plugins.service import set_plugin
from steward_tenants.signin.mail import FolderMailer
from tests.core.promises.company import Company, clocks_of, events_of, look, make_company
from tests.core.promises.office import at
from tests.factories import TESTS

START = at("2026-11-05 10:00")


async def report(session: WriteSession, company: Company, subject_id: UUID | None = None, **given: Any) -> UUID:
    """A fault is reported; gives what it is about."""
    found = subject_id or new_id()
    values: dict[str, Any] = {"at": START, "client_id": company.client, "owner_id": company.anna.id, **given}
    await happened(session, "fault_reported", subject="thing", subject_id=found, unit_id=company.branch, **values)
    return found


async def clock_of(database: Database, company: Company, subject_id: UUID, key: str) -> PromiseClock:
    async with database.read(company.tenant_id, TESTS) as session:
        return (await clocks_of(session, subject_id))[key]


async def told(session: TenantSession, kind: str) -> set[UUID]:
    return set(await session.scalars(select(Notice.user_id).where(session.within(Notice), Notice.kind == kind)))


@pytest.fixture
async def company(database: Database) -> Company:
    return await make_company(database, ["telecom"])


async def test_the_same_event_starts_a_promise_once(database: Database, company: Company) -> None:
    async with database.write(company.tenant_id, TESTS) as session:
        subject_id = await report(session, company)
        again = await happened(
            session,
            "fault_reported",
            at=START,
            subject="thing",
            subject_id=subject_id,
            client_id=company.client,
            owner_id=company.anna.id,
            unit_id=company.branch,
        )
        assert again == []
        assert set(await clocks_of(session, subject_id)) == {
            "telecom.fault_response",
            "telecom.fault_solved",
            "telecom.fault_engineering",
        }


async def test_a_narrower_promise_stands_instead_of_the_general_one(database: Database, company: Company) -> None:
    async with database.write(company.tenant_id, TESTS) as session:
        found = await clocks_of(session, await report(session, company, facts=("internet_cafe",)))
        assert "telecom.fault_solved" not in found
        assert found["telecom.fault_solved_internet_cafe"].due_at == START + timedelta(hours=4)


async def test_a_promise_kept_late_has_its_evidence(database: Database, company: Company) -> None:
    async with database.write(company.tenant_id, TESTS) as session:
        subject_id = await report(session, company)
        moment = START + timedelta(minutes=45)
        assert await fulfilled(session, "responded", subject="thing", subject_id=subject_id, at=moment) == 1
        assert await fulfilled(session, "responded", subject="thing", subject_id=subject_id, at=moment) == 0
        clock = (await clocks_of(session, subject_id))["telecom.fault_response"]
        assert (clock.state, clock.ended_at) == (ClockState.LATE, moment)
        assert clock.breach is not None
        assert clock.breach["over_seconds"] == 15 * 60
        # By its own key, too, and only of that subject.
        assert await fulfilled(session, "telecom.fault_solved", subject="thing", subject_id=new_id(), at=moment) == 0
        assert await fulfilled(session, "telecom.fault_solved", subject="thing", subject_id=subject_id, at=moment) == 1


async def test_a_pause_prolongs_by_what_it_took(database: Database, company: Company) -> None:
    async with database.write(company.tenant_id, TESTS) as session:
        subject_id = await report(session, company)
        since, until = START + timedelta(minutes=15), START + timedelta(hours=1, minutes=15)
        # Engineering's ten minutes are over by then: that clock goes on.
        assert await pause(session, subject="thing", subject_ids=[subject_id], at=since, reason="等客户") == 2
        clock = (await clocks_of(session, subject_id))["telecom.fault_response"]
        assert (clock.state, clock.changes_at, clock.pauses[0]["reason"]) == (ClockState.PAUSED, None, "等客户")
    await look(database, company, START + timedelta(hours=1))
    async with database.write(company.tenant_id, TESTS) as session:
        assert await resume(session, subject="thing", subject_ids=[subject_id], at=until) == 2
        found = await clocks_of(session, subject_id)
        assert found["telecom.fault_response"].due_at == START + timedelta(minutes=90)
        assert found["telecom.fault_solved"].due_at == START + timedelta(hours=3)
        assert found["telecom.fault_engineering"].state == ClockState.BREACHED
        assert await events_of(session, found["telecom.fault_solved"].id) == ["started", "paused:1", "resumed:1"]


async def test_near_its_limit_the_owner_is_told_and_over_it_the_supervisor_too(
    database: Database, company: Company
) -> None:
    async with database.write(company.tenant_id, TESTS) as session:
        subject_id = await report(session, company)
    assert await look(database, company, START + timedelta(minutes=5, seconds=1)) == 1
    async with database.read(company.tenant_id, TESTS) as session:
        assert await told(session, "promises.near") == {company.anna.id}
        assert await told(session, "promises.broken") == set()
    await look(database, company, START + timedelta(minutes=10, seconds=1))
    assert await look(database, company, START + timedelta(minutes=10, seconds=2)) == 0
    async with database.read(company.tenant_id, TESTS) as session:
        assert await told(session, "promises.broken") == {company.anna.id, company.lead}
        clock = (await clocks_of(session, subject_id))["telecom.fault_engineering"]
        assert clock.steps == ["breached"]
        assert await events_of(session, clock.id) == ["started", "warned", "breached", "step:breached"]
        # The next step: the fourth day, with the end of work of the third.
        assert clock.changes_at == at("2026-11-09 17:30")
    await look(database, company, at("2026-11-09 17:31"))
    async with database.read(company.tenant_id, TESTS) as session:
        assert await told(session, "promises.warning") == {company.anna.id, company.lead}
        clock = (await clocks_of(session, subject_id))["telecom.fault_engineering"]
        # Without the tenant's days and rate it stays at the warning [000#4].
        assert (clock.steps, clock.changes_at, clock.penalty_fen) == (["breached", "warned"], None, None)


async def test_a_penalty_is_proposed_where_the_tenant_set_days_and_rate(database: Database, company: Company) -> None:
    async with database.write(company.tenant_id, company.admin) as session:
        known = (await definitions_here(session)).find(DefinitionKind.PROMISE, "telecom.contract_flow")
        assert known is not None
        document = known.what.model_dump(mode="json")
        document["escalation"]["penalty"] = {"after_days": 7, "percent": "1.5"}
        await set_promise(session, DefinitionKind.PROMISE, known.key, document=document)
        subject_id = new_id()
        await happened(
            session,
            "contract_signed",
            at=START,
            subject="contract",
            subject_id=subject_id,
            client_id=company.client,
            owner_id=company.anna.id,
            unit_id=company.branch,
            contract_fen=1_000_000,
        )
    due = at("2026-11-12 17:30")
    await look(database, company, due + timedelta(days=7, seconds=1))
    clock = await clock_of(database, company, subject_id, "telecom.contract_flow")
    assert (clock.definition_version, clock.penalty_fen) == (1, 15_000)
    assert clock.steps == ["breached", "warned", "penalty"]


async def test_what_runs_keeps_the_definition_that_it_started_with(database: Database, company: Company) -> None:
    key = "telecom.fault_response"
    async with database.write(company.tenant_id, company.admin) as session:
        before = await report(session, company)
        known = (await definitions_here(session)).find(DefinitionKind.PROMISE, key)
        assert known is not None
        document = {**known.what.model_dump(mode="json"), "clock": {"limit": {"count": 20, "unit": "calendar_minutes"}}}
        row = await set_promise(session, DefinitionKind.PROMISE, key, document=document, expected_number=0)
        assert row.number == 1
        with pytest.raises(DefinitionChanged):
            await set_promise(session, DefinitionKind.PROMISE, key, document=document, expected_number=0)
        after = await report(session, company)
        found = (await clocks_of(session, before))[key], (await clocks_of(session, after))[key]
        assert [one.due_at - START for one in found] == [timedelta(minutes=30), timedelta(minutes=20)]
        await set_promise(session, DefinitionKind.PROMISE, key, active=False)
        assert key not in await clocks_of(session, await report(session, company))
        await restore_promise(session, DefinitionKind.PROMISE, key)
        restored = (await clocks_of(session, await report(session, company)))[key]
        assert (restored.due_at - START, restored.definition_version) == (timedelta(minutes=30), 3)


async def test_definitions_are_refused_with_the_field_that_is_wrong(database: Database, company: Company) -> None:
    async with database.write(company.tenant_id, company.admin) as session:
        good = (await definitions_here(session)).find(DefinitionKind.PROMISE, "telecom.fault_response")
        assert good is not None
        document = good.what.model_dump(mode="json")
        bad: list[tuple[str, dict[str, Any]]] = [
            ("clock", {"clock": {"limit": {"count": 10, "unit": "calendar_minutes"}, "warning": {"after": 20}}}),
            ("clock.limit.count", {"clock": {"limit": {"count": 0, "unit": "calendar_minutes"}}}),
            ("clock.calendar", {"clock": {"limit": {"count": 1, "unit": "working_days"}, "calendar": "moon"}}),
            ("kept_by.0", {"kept_by": ["Not a name"]}),
            ("speed", {"speed": 3}),
        ]
        for path, change in bad:
            with pytest.raises(InvalidInput) as refused:
                await set_promise(session, DefinitionKind.PROMISE, good.key, document=document | change)
            assert path in {".".join(one.path) for one in refused.value.problems}
        with pytest.raises(InvalidInput):
            await set_promise(session, DefinitionKind.PROMISE, "tobacco.answer", document=document | {"key": None})
        with pytest.raises(DefinitionNotFound):
            await restore_promise(session, DefinitionKind.PROMISE, "own.none")
    async with database.write(company.tenant_id, company.anna) as session:
        with pytest.raises(Forbidden):
            await set_promise(session, DefinitionKind.PROMISE, "telecom.fault_response", document=document)


async def test_a_promise_of_the_tenants_own(database: Database, company: Company) -> None:
    async with database.write(company.tenant_id, company.admin) as session:
        document = {
            "title": {"zh": "欠费提醒", "en": "Arrears told"},
            "trigger": "bill_overdue",
            "clock": {"limit": {"count": 60, "unit": "business_minutes"}, "warning": {"share_percent": 50}},
            "kept_by": ["client:visit_ended"],
        }
        await set_promise(session, DefinitionKind.PROMISE, "own.arrears", document=document)
        subject_id = new_id()
        values: dict[str, Any] = {"client_id": company.client, "owner_id": company.anna.id, "unit_id": None}
        await happened(session, "bill_overdue", at=START, subject="bill", subject_id=subject_id, **values)
        clock = (await clocks_of(session, subject_id))["own.arrears"]
        assert (clock.warn_at, clock.due_at) == (START + timedelta(minutes=30), START + timedelta(minutes=60))
        # Another client's visit keeps nothing, nor does one from before.
        elsewhere = values | {"client_id": company.other}
        for moment, given in ((START, elsewhere), (START - timedelta(hours=1), values)):
            await happened(session, "visit_ended", at=moment, subject="visit", subject_id=new_id(), **given)
        assert (await clocks_of(session, subject_id))["own.arrears"].ended_at is None
        await happened(
            session, "visit_ended", at=START + timedelta(minutes=1), subject="visit", subject_id=new_id(), **values
        )
        assert (await clocks_of(session, subject_id))["own.arrears"].state == ClockState.KEPT
        await restore_promise(session, DefinitionKind.PROMISE, "own.arrears")
        assert (await definitions_here(session)).find(DefinitionKind.PROMISE, "own.arrears") is None


async def test_business_hours_are_the_units_own(database: Database, company: Company) -> None:
    async with database.write(company.tenant_id, company.admin) as session:
        document = {
            "title": {"zh": "一小时", "en": "One hour"},
            "trigger": "asked",
            "clock": {"limit": {"count": 60, "unit": "business_minutes"}},
        }
        await set_promise(session, DefinitionKind.PROMISE, "own.hour", document=document)
        await set_setting(session, UNIT_HOURS.key, {str(company.works): {"begins": "13:00", "ends": "21:00"}})
        due = {}
        for unit in (company.branch, company.works):
            subject_id = new_id()
            await happened(
                session, "asked", at=START, subject="thing", subject_id=subject_id, client_id=None,
                owner_id=company.anna.id, unit_id=unit,
            )  # fmt: skip
            due[unit] = (await clocks_of(session, subject_id))["own.hour"].due_at
        assert due == {company.branch: at("2026-11-05 11:00"), company.works: at("2026-11-05 14:00")}


async def test_a_follow_up_comes_again_until_what_ends_it(database: Database) -> None:
    company = await make_company(database)
    async with database.write(company.tenant_id, TESTS) as session:
        proposal, visit = new_id(), new_id()
        values: dict[str, Any] = {"client_id": company.client, "owner_id": company.anna.id, "unit_id": None}
        await happened(session, "visit_ended", at=START, subject="visit", subject_id=visit, **values)
        first = (await clocks_of(session, visit))["proposal"]
        assert (first.due_at, first.kind) == (at("2026-11-05 17:30"), DefinitionKind.FOLLOW_UP)
        moment = START + timedelta(hours=2)
        await happened(session, "proposal_sent", at=moment, subject="proposal", subject_id=proposal, **values)
        assert (await clocks_of(session, visit))["proposal"].state == ClockState.KEPT
        # Two days later is a Saturday: Monday, by the end of work; then after a week, and again.
        due = []
        for asked in (at("2026-11-06 09:00"), at("2026-11-13 09:00")):
            due.append((await clocks_of(session, proposal))["client_view"].due_at)
            await fulfilled(session, "client_view", subject="proposal", subject_id=proposal, at=asked)
        clock = (await clocks_of(session, proposal))["client_view"]
        assert [*due, clock.due_at] == [at(f"2026-11-{day} 17:30") for day in ("09", "13", "20")]
        assert clock.occurrence == 3
        ended = at("2026-11-16 09:00")
        await happened(session, "client_answered", at=ended, subject="proposal", subject_id=proposal, **values)
        last = (await clocks_of(session, proposal))["client_view"]
        assert (last.occurrence, last.state) == (3, ClockState.KEPT)


async def test_a_changed_calendar_moves_what_is_still_open(database: Database, company: Company) -> None:
    async with database.write(company.tenant_id, company.admin) as session:
        values: dict[str, Any] = {
            "client_id": company.client,
            "owner_id": company.anna.id,
            "unit_id": company.branch,
        }
        opened, ended, visit = new_id(), new_id(), new_id()
        for contract in (opened, ended):
            await happened(session, "contract_signed", at=START, subject="contract", subject_id=contract, **values)
        fault = await report(session, company)
        await happened(session, "visit_ended", at=START, subject="visit", subject_id=visit, **values)
        await fulfilled(session, "installed", subject="contract", subject_id=ended, at=START + timedelta(days=1))
        await set_day(session, date(2026, 11, 12), working=False, title="停业")
        await set_setting(session, BUSINESS_HOURS.key, {"begins": "09:00", "ends": "18:00"})
        jobs = await session.scalar(select(func.count()).where(session.within(OutboxJob), OutboxJob.kind == RECOMPUTE))
        assert jobs == 1
    now, after = START + timedelta(hours=1), None
    async with database.write(company.tenant_id, TESTS) as session:
        for _ in range(10):
            after = await recompute_some(session, now, after, most=2)
            if after is None:
                break
        moved = (await clocks_of(session, opened))["telecom.contract_flow"]
        assert moved.due_at == at("2026-11-13 18:00")
        assert len([key for key in await events_of(session, moved.id) if key.startswith("recomputed")]) == 1
        assert (await clocks_of(session, ended))["telecom.contract_flow"].due_at == at("2026-11-12 17:30")
        assert (await clocks_of(session, fault))["telecom.fault_solved"].due_at == START + timedelta(hours=2)
        assert (await clocks_of(session, visit))["proposal"].due_at == at("2026-11-05 18:00")
        assert await recompute_some(session, now, None, most=100) is not None
        again = await events_of(session, moved.id)
        assert len([key for key in again if key.startswith("recomputed")]) == 1


async def test_one_job_waits_for_the_earliest_moment(database: Database, company: Company) -> None:
    """However many clocks start, one job waits, and it comes in time for the first of them."""
    now = datetime.now(UTC)
    async with database.write(company.tenant_id, TESTS) as session:
        await report(session, company, at=now)
    async with database.write(company.tenant_id, TESTS) as session:
        await report(session, company, at=now + timedelta(minutes=30))
    async with database.write(company.tenant_id, TESTS) as session:
        await report(session, company, at=now - timedelta(minutes=2))
    async with database.read(company.tenant_id, TESTS) as session:
        due = list(
            await session.scalars(select(OutboxJob.due).where(session.within(OutboxJob), OutboxJob.kind == WATCH))
        )
        assert due == [now + timedelta(minutes=3)]


async def test_a_clock_that_cannot_be_reckoned_keeps_no_other_back(database: Database, company: Company) -> None:
    async with database.write(company.tenant_id, TESTS) as session:
        broken, fine = await report(session, company), await report(session, company)
        clock = (await clocks_of(session, broken))["telecom.fault_engineering"]
        clock.definition = {**clock.definition, "clock": {"limit": {"count": 1, "unit": "fortnights"}}}
    now = START + timedelta(minutes=11)
    async with database.write(company.tenant_id, TESTS) as session:
        await advance(session, now)
        assert (await clocks_of(session, fine))["telecom.fault_engineering"].state == ClockState.BREACHED
        stuck = (await clocks_of(session, broken))["telecom.fault_engineering"]
        assert stuck.changes_at is not None
        assert stuck.changes_at > now
        assert [key for key in await events_of(session, stuck.id) if key.startswith("stuck")]
        assert await advance(session, now) == 0


async def test_people_end_and_cancel_clocks_within_their_reach(database: Database, company: Company) -> None:
    async with database.write(company.tenant_id, TESTS) as session:
        found = await clocks_of(session, await report(session, company))
        response, solved = found["telecom.fault_response"], found["telecom.fault_solved"]
    async with database.write(company.tenant_id, company.anna) as session:
        with pytest.raises(InvalidInput):
            await finish_clock(session, response.id, reason=" ")
        done = await finish_clock(session, response.id, reason="电话已回", at=START + timedelta(minutes=3))
        assert done.state == ClockState.KEPT
        with pytest.raises(ClockOver):
            await finish_clock(session, response.id, reason="再次")
        with pytest.raises(Forbidden):
            await cancel_clock(session, solved.id, reason="误报")
    async with database.write(company.tenant_id, company.admin) as session:
        assert (await cancel_clock(session, solved.id, reason="误报")).state == ClockState.CANCELLED


async def test_a_plugin_that_is_off_promises_nothing(database: Database, company: Company) -> None:
    async with database.write(company.tenant_id, TESTS) as session:
        await set_plugin(session, "telecom", enabled=False)
    async with database.write(company.tenant_id, TESTS) as session:
        # The core's own follow-up takes the place of the plugin's promise.
        assert set(await clocks_of(session, await report(session, company))) == {"engineering"}


async def test_the_job_does_what_is_due_and_waits_for_what_comes_next(
    database: Database, company: Company, tmp_path: Path
) -> None:
    """The whole way: a clock starts, the worker comes when it is over its limit, and again with the next step."""
    now = datetime.now(UTC)
    async with database.write(company.tenant_id, TESTS) as session:
        subject_id = await report(session, company, at=now - timedelta(minutes=11))
    tools = JobTools(LocalFileStore(tmp_path), FolderMailer(tmp_path, sender="s@example.test"), "https://example.test")
    await perform_due(database, company.tenant_id, tools, queues=[Queue.URGENT])
    async with database.read(company.tenant_id, TESTS) as session:
        found = await clocks_of(session, subject_id)
        assert found["telecom.fault_engineering"].state == ClockState.BREACHED
        assert found["telecom.fault_response"].state == ClockState.RUNNING
        due = list(
            await session.scalars(
                select(OutboxJob.due).where(
                    session.within(OutboxJob), OutboxJob.kind == WATCH, OutboxJob.status == "waiting"
                )
            )
        )
        assert due == [found["telecom.fault_response"].warn_at]


async def test_a_clock_that_starts_while_the_job_runs_is_not_forgotten(database: Database, company: Company) -> None:
    """Whoever starts a clock holds the job that waits; a job that is under way is asked for once more."""
    now = datetime.now(UTC)
    async with database.write(company.tenant_id, TESTS) as session:
        await report(session, company, at=now - timedelta(minutes=4))
    async with database.write(company.tenant_id, TESTS) as starting, database.write(company.tenant_id, TESTS) as other:
        await report(starting, company, at=now)
        # Another one may start clocks at the same time: neither waits for the other.
        await asyncio.wait_for(report(other, company, at=now), 10)
        async with database.write(company.tenant_id, TESTS) as worker:
            held = await worker.scalars(
                select(OutboxJob.id)
                .where(worker.within(OutboxJob), OutboxJob.kind == WATCH)
                .with_for_update(skip_locked=True)
            )
            assert list(held) == []
