"""Doing jobs of in-session kinds: effect and completion are one, whatever ends the performer."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from steward_tenants.database.actor import ActorKind
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.directory.models import Tenant, TenantStatus
from steward_tenants.errors import NotFound, TenantNotFound, TenantSuspended
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.outbox.jobs import JobKind, JobTools, Payload, Queue
from steward_tenants.outbox.models import OutboxJob
from steward_tenants.outbox.performing import Outcome, note_failure, perform_due, perform_next
from steward_tenants.outbox.service import enqueue, enqueue_many
from tests.cluster import Addresses
from tests.factories import TESTS, make_tenant, make_unit
from tests.outbox.conftest import KindMaker, job_of, make_due, unit_codes


async def make_a_unit(session: WriteSession, payload: Payload, _tools: JobTools) -> None:
    make_unit(session, code=f"job-{payload['number']}")


async def ask(database: Database, tenant_id: UUID, *numbers: int, key: str = "tests.kind") -> list[UUID]:
    async with database.write(tenant_id, TESTS) as session:
        return await enqueue_many(session, key, [{"number": number} for number in numbers])


async def test_a_job_is_done_with_its_effect(database: Database, tools: JobTools, kind: KindMaker) -> None:
    tenant_id = await make_tenant(database)
    kind(make_a_unit)
    (job_id,) = await ask(database, tenant_id, 1)
    told: list[tuple[UUID, str]] = []

    def begun(begun_id: UUID, begun_kind: JobKind) -> None:
        told.append((begun_id, begun_kind.key))

    performed = await perform_next(database, tenant_id, Queue.NORMAL, tools, begun=begun)
    assert performed is not None
    assert (performed.job_id, performed.kind, performed.outcome, performed.due) == (
        job_id,
        "tests.kind",
        Outcome.DONE,
        None,
    )
    assert told == [(job_id, "tests.kind")]
    assert performed.waited >= 0
    assert performed.took >= 0
    job = await job_of(database, tenant_id, job_id)
    assert (job.status, job.attempts, job.error) == ("done", 0, None)
    assert job.done_at is not None
    assert list(await unit_codes(database, tenant_id)) == ["job-1"]
    assert await perform_next(database, tenant_id, Queue.NORMAL, tools) is None


async def test_jobs_are_done_in_order_of_due_and_only_those_of_the_queue(
    database: Database, tools: JobTools, kind: KindMaker
) -> None:
    tenant_id, now, seen = await make_tenant(database), datetime.now(UTC), []

    async def see(session: WriteSession, payload: Payload, _tools: JobTools) -> None:
        assert session.actor.kind is ActorKind.SYSTEM
        assert session.tenant_id == tenant_id
        seen.append(payload["number"])

    kind(see)
    async with database.write(tenant_id, TESTS) as session:
        for number, minutes in ((1, -5), (2, -9), (3, -7), (4, 5)):
            await enqueue(session, "tests.kind", {"number": number}, due=now + timedelta(minutes=minutes))
        await enqueue(session, "tests.kind", {"number": 5}, queue=Queue.URGENT)
    assert await perform_due(database, tenant_id, tools, most=2) == 2
    assert seen == [5, 2]
    assert await perform_due(database, tenant_id, tools, queues=[Queue.BULK]) == 0
    assert await perform_due(database, tenant_id, tools) == 2
    assert seen == [5, 2, 3, 1]


async def test_a_failure_undoes_the_effect_and_is_noted(database: Database, tools: JobTools, kind: KindMaker) -> None:
    tenant_id = await make_tenant(database)

    async def fail(session: WriteSession, payload: Payload, tools: JobTools) -> None:
        await make_a_unit(session, payload, tools)
        await session.flush()
        raise RuntimeError("王芳 13800138000")

    kind(fail, most_attempts=2)
    (job_id,) = await ask(database, tenant_id, 1)
    performed = await perform_next(database, tenant_id, Queue.NORMAL, tools)
    assert performed is not None
    assert performed.outcome is Outcome.POSTPONED
    job = await job_of(database, tenant_id, job_id)
    assert (job.status, job.attempts, job.due, job.done_at) == ("waiting", 1, performed.due, None)
    assert job.error is not None
    assert (job.error["code"], job.error["class"]) == ("internal_error", "fault")
    assert "王芳" not in str(job.error)
    assert "RuntimeError" not in str(job.error)
    assert list(await unit_codes(database, tenant_id)) == []
    assert await perform_next(database, tenant_id, Queue.NORMAL, tools) is None

    await make_due(database, tenant_id)
    performed = await perform_next(database, tenant_id, Queue.NORMAL, tools)
    assert performed is not None
    assert (performed.outcome, performed.due) == (Outcome.DEAD, None)
    job = await job_of(database, tenant_id, job_id)
    assert (job.status, job.attempts) == ("dead", 2)


async def test_a_typed_refusal_is_dead_at_once_and_says_why(
    database: Database, tools: JobTools, kind: KindMaker
) -> None:
    tenant_id = await make_tenant(database)

    async def refuse(_session: WriteSession, _payload: Payload, _tools: JobTools) -> None:
        raise NotFound(kind="客户")

    kind(refuse)
    (job_id,) = await ask(database, tenant_id, 1)
    assert await perform_due(database, tenant_id, tools) == 1
    job = await job_of(database, tenant_id, job_id)
    assert (job.status, job.attempts) == ("dead", 1)
    assert job.error is not None
    assert (job.error["code"], job.error["class"]) == ("not_found", "refused")
    assert job.error["message"]["zh-CN"].startswith("找不到客户。")


async def test_a_job_that_succeeds_later_keeps_no_error(database: Database, tools: JobTools, kind: KindMaker) -> None:
    tenant_id, failures = await make_tenant(database), [ConnectionResetError("once")]

    async def fail_once(session: WriteSession, payload: Payload, tools: JobTools) -> None:
        if failures:
            raise failures.pop()
        await make_a_unit(session, payload, tools)

    kind(fail_once)
    (job_id,) = await ask(database, tenant_id, 1)
    await perform_due(database, tenant_id, tools)
    job = await job_of(database, tenant_id, job_id)
    assert job.error is not None
    assert job.error["class"] == "transient"
    await make_due(database, tenant_id)
    await perform_due(database, tenant_id, tools)
    job = await job_of(database, tenant_id, job_id)
    assert (job.status, job.error, job.attempts) == ("done", None, 1)


async def test_many_performers_do_each_job_once(database: Database, tools: JobTools, kind: KindMaker) -> None:
    tenant_id = await make_tenant(database)
    kind(make_a_unit)
    await ask(database, tenant_id, *range(40))
    counts = await asyncio.gather(*(perform_due(database, tenant_id, tools) for _ in range(6)))
    assert sum(counts) == 40
    assert len(await unit_codes(database, tenant_id)) == 40


async def test_what_one_performer_holds_another_passes_over(
    database: Database, tools: JobTools, kind: KindMaker
) -> None:
    tenant_id, held, go_on = await make_tenant(database), asyncio.Event(), asyncio.Event()

    async def hold(session: WriteSession, payload: Payload, tools: JobTools) -> None:
        await make_a_unit(session, payload, tools)
        if payload["number"] == 1:
            held.set()
            await go_on.wait()

    kind(hold)
    first, second = await ask(database, tenant_id, 1, 2)
    task = asyncio.create_task(perform_next(database, tenant_id, Queue.NORMAL, tools))
    await held.wait()
    passing = await perform_next(database, tenant_id, Queue.NORMAL, tools)
    assert passing is not None
    assert passing.job_id == second
    assert await perform_next(database, tenant_id, Queue.NORMAL, tools) is None
    go_on.set()
    done = await task
    assert done is not None
    assert done.job_id == first


async def test_a_performer_whose_connection_ends_leaves_the_job(
    database: Database, tools: JobTools, kind: KindMaker, addresses: Addresses, database_name: str
) -> None:
    tenant_id = await make_tenant(database)
    killed: list[int] = []

    async def die_once(session: WriteSession, payload: Payload, tools: JobTools) -> None:
        await make_a_unit(session, payload, tools)
        await session.flush()
        if not killed:
            killed.append(await session.scalar(text("select pg_backend_pid()")))
            superuser = await psycopg.AsyncConnection.connect(addresses.superuser(database_name), autocommit=True)
            async with superuser:
                await superuser.execute("select pg_terminate_backend(%s, 5000)", [killed[0]])

    kind(die_once)
    (job_id,) = await ask(database, tenant_id, 1)
    performed = await perform_next(database, tenant_id, Queue.NORMAL, tools)
    assert performed is not None
    assert performed.outcome is Outcome.POSTPONED
    job = await job_of(database, tenant_id, job_id)
    assert job.status == "waiting"
    assert job.error is not None
    assert (job.error["code"], job.error["class"]) == ("unreachable", "transient")
    assert list(await unit_codes(database, tenant_id)) == []
    await make_due(database, tenant_id)
    await perform_due(database, tenant_id, tools)
    assert list(await unit_codes(database, tenant_id)) == ["job-1"]


async def test_a_performer_that_is_told_to_stop_leaves_the_job(
    database: Database, tools: JobTools, kind: KindMaker
) -> None:
    tenant_id, held = await make_tenant(database), asyncio.Event()

    async def hang(session: WriteSession, payload: Payload, tools: JobTools) -> None:
        if not held.is_set():
            held.set()
            await session.execute(text("select pg_sleep(60)"))
        await make_a_unit(session, payload, tools)

    kind(hang)
    (job_id,) = await ask(database, tenant_id, 1)
    task = asyncio.create_task(perform_next(database, tenant_id, Queue.NORMAL, tools))
    await held.wait()
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    job = await job_of(database, tenant_id, job_id)
    assert (job.status, job.attempts) == ("waiting", 0)


async def test_a_job_that_takes_too_long_is_stopped(database: Database, tools: JobTools, kind: KindMaker) -> None:
    tenant_id = await make_tenant(database)

    async def hang(session: WriteSession, _payload: Payload, _tools: JobTools) -> None:
        await session.execute(text("select pg_sleep(60)"))

    kind(hang, seconds=0.1)
    (job_id,) = await ask(database, tenant_id, 1)
    await perform_due(database, tenant_id, tools)
    job = await job_of(database, tenant_id, job_id)
    assert job.error is not None
    assert (job.status, job.error["code"], job.error["class"]) == ("waiting", "too_slow", "fault")


async def test_a_job_that_ends_its_process_is_counted_too(database: Database, tools: JobTools, kind: KindMaker) -> None:
    tenant_id = await make_tenant(database)
    kind(make_a_unit, most_attempts=2)
    (job_id,) = await ask(database, tenant_id, 1)
    noted = await note_failure(database, tenant_id, job_id, MemoryError())
    assert noted is not None
    assert noted.outcome is Outcome.POSTPONED
    await make_due(database, tenant_id)
    noted = await note_failure(database, tenant_id, job_id, MemoryError())
    assert noted is not None
    assert noted.outcome is Outcome.DEAD
    job = await job_of(database, tenant_id, job_id)
    assert job.error is not None
    assert job.error["code"] == "too_large"
    assert await note_failure(database, tenant_id, job_id, MemoryError()) is None
    assert await note_failure(database, tenant_id, new_id(), MemoryError()) is None


async def test_a_kind_that_only_newer_programs_know_waits(database: Database, tools: JobTools) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        job_id = await enqueue(session, "from.the.future", {}, queue=Queue.NORMAL)
    performed = await perform_next(database, tenant_id, Queue.NORMAL, tools)
    assert performed is not None
    assert performed.outcome is Outcome.UNKNOWN
    job = await job_of(database, tenant_id, job_id)
    assert (job.status, job.attempts, job.due) == ("waiting", 0, performed.due)
    assert job.due > datetime.now(UTC) + timedelta(seconds=30)


async def test_a_job_that_asks_for_itself_is_done_again(database: Database, tools: JobTools, kind: KindMaker) -> None:
    tenant_id = await make_tenant(database)

    async def count_down(session: WriteSession, payload: Payload, tools: JobTools) -> None:
        await make_a_unit(session, payload, tools)
        if payload["number"]:
            await enqueue(session, "tests.kind", {"number": payload["number"] - 1}, unique_key="x")

    kind(count_down)
    async with database.write(tenant_id, TESTS) as session:
        await enqueue(session, "tests.kind", {"number": 2}, unique_key="x")
    assert await perform_due(database, tenant_id, tools) == 3
    assert list(await unit_codes(database, tenant_id)) == ["job-0", "job-1", "job-2"]


async def test_who_asks_while_it_is_done_gets_a_job_of_their_own(
    database: Database, tools: JobTools, kind: KindMaker
) -> None:
    """What is done may have read the state from before: only a later job is sure to see what the asker did."""
    tenant_id, held, go_on = await make_tenant(database), asyncio.Event(), asyncio.Event()

    async def hold(_session: WriteSession, _payload: Payload, _tools: JobTools) -> None:
        held.set()
        await go_on.wait()

    async def ask_once() -> UUID:
        async with database.write(tenant_id, TESTS) as session:
            return await enqueue(session, "tests.kind", {}, unique_key="x")

    kind(hold)
    first = await ask_once()
    task = asyncio.create_task(perform_next(database, tenant_id, Queue.NORMAL, tools))
    await held.wait()
    asking = asyncio.create_task(ask_once())
    await asyncio.sleep(0.2)
    go_on.set()
    await task
    assert await asking != first
    assert await perform_due(database, tenant_id, tools) == 1


@pytest.mark.parametrize("status", [TenantStatus.SUSPENDED, TenantStatus.DELETING])
async def test_nothing_is_done_in_a_tenant_that_is_suspended(
    database: Database, tools: JobTools, kind: KindMaker, status: TenantStatus
) -> None:
    tenant_id = await make_tenant(database)
    kind(make_a_unit)
    (job_id,) = await ask(database, tenant_id, 1)
    await set_status(database, tenant_id, status)
    with pytest.raises(TenantSuspended):
        await perform_next(database, tenant_id, Queue.NORMAL, tools)
    await set_status(database, tenant_id, TenantStatus.ACTIVE)
    assert (await job_of(database, tenant_id, job_id)).attempts == 0
    assert await perform_due(database, tenant_id, tools) == 1


async def set_status(database: Database, tenant_id: UUID, status: TenantStatus) -> None:
    async with database.directory() as directory:
        tenant = await directory.find(Tenant, Tenant.id == tenant_id)
        assert tenant is not None
        tenant.status = status
    database.forget_status(tenant_id)


async def test_a_tenant_that_is_gone_has_no_jobs(database: Database, tools: JobTools) -> None:
    with pytest.raises(TenantNotFound):
        await perform_next(database, new_id(), Queue.NORMAL, tools)


async def test_a_forged_payload_finds_nothing_of_another_tenant(
    database: Database, tools: JobTools, kind: KindMaker
) -> None:
    victim, attacker = await make_tenant(database), await make_tenant(database)
    async with database.write(victim, TESTS) as session:
        unit = make_unit(session, code="theirs")
    found: list[object] = []

    async def look(session: WriteSession, payload: Payload, _tools: JobTools) -> None:
        found.append(await session.get(OrgUnit, UUID(payload["unit_id"])))
        found.append(await session.get(OutboxJob, UUID(payload["job_id"])))
        # Not even without the condition of the second wall.
        count = "select count(*) from app.org_unit where tenant_id = cast(:tenant as uuid)"
        found.append(await session.scalar(text(count), {"tenant": payload["tenant_id"]}))

    kind(look)
    async with database.write(victim, TESTS) as session:
        theirs = await enqueue(session, "tests.kind", {})
    async with database.write(attacker, TESTS) as session:
        forged = {"unit_id": unit.id, "job_id": theirs, "tenant_id": victim}
        await enqueue(session, "tests.kind", forged)
    assert await perform_due(database, attacker, tools) == 1
    assert found == [None, None, 0]
    assert (await job_of(database, victim, theirs)).status == "waiting"
