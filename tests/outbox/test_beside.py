"""Doing jobs that open sessions of their own: one performer at a time, parts, and being asked for again meanwhile."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text, update

from steward_tenants.database import locks
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import NotFound, TenantSuspended
from steward_tenants.outbox.jobs import JobPlace, JobTools, Payload, Queue
from steward_tenants.outbox.models import OutboxJob
from steward_tenants.outbox.performing import Outcome, perform_due, perform_next
from steward_tenants.outbox.service import enqueue
from tests.cluster import Addresses
from tests.factories import TESTS, make_tenant, make_unit
from tests.outbox.conftest import KindMaker, job_of, make_due, unit_codes


class Held:
    """A body that stops in the middle until the test lets it go on."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.times = 0

    async def __call__(self, place: JobPlace, _payload: Payload) -> bool:
        self.times += 1
        self.begun.set()
        await self.go_on.wait()
        async with place.database.write(place.tenant_id, TESTS) as session:
            make_unit(session)
        return True


async def ask(database: Database, tenant_id: UUID, unique_key: str | None = "x", due: datetime | None = None) -> UUID:
    async with database.write(tenant_id, TESTS) as session:
        return await enqueue(session, "tests.kind", {}, unique_key=unique_key, due=due)


async def test_a_part_at_a_time_until_it_is_done(database: Database, tools: JobTools, kind: KindMaker) -> None:
    tenant_id, places = await make_tenant(database), []

    async def in_parts(place: JobPlace, _payload: Payload) -> bool:
        places.append(place)
        return len(places) == 3

    kind(beside=in_parts)
    job_id = await ask(database, tenant_id)
    first = await perform_next(database, tenant_id, Queue.NORMAL, tools)
    assert first is not None
    assert (first.outcome, first.job_id) == (Outcome.MORE, job_id)
    assert (await job_of(database, tenant_id, job_id)).status == "waiting"
    assert await perform_due(database, tenant_id, tools) == 2
    job = await job_of(database, tenant_id, job_id)
    assert (job.status, job.attempts) == ("done", 0)
    assert {(place.tenant_id, place.job_id, place.attempt) for place in places} == {(tenant_id, job_id, 1)}


async def test_what_is_left_of_a_job_lets_others_go_first(database: Database, tools: JobTools, kind: KindMaker) -> None:
    tenant_id, seen = await make_tenant(database), []

    async def in_parts(place: JobPlace, _payload: Payload) -> bool:
        seen.append(place.job_id)
        return seen.count(place.job_id) == 2

    kind(beside=in_parts)
    one, other = await ask(database, tenant_id, "one"), await ask(database, tenant_id, "other")
    assert await perform_due(database, tenant_id, tools) == 4
    assert seen == [one, other, one, other]


async def test_two_performers_do_not_do_it_together(database: Database, tools: JobTools, kind: KindMaker) -> None:
    tenant_id, held = await make_tenant(database), Held()
    kind(beside=held)
    job_id = await ask(database, tenant_id)
    task = asyncio.create_task(perform_next(database, tenant_id, Queue.NORMAL, tools))
    await held.begun.wait()
    assert await perform_next(database, tenant_id, Queue.NORMAL, tools) is None
    held.go_on.set()
    later = await ask(database, tenant_id, "later")
    passing = await perform_next(database, tenant_id, Queue.NORMAL, tools)
    performed = await task
    assert passing is not None
    assert performed is not None
    assert {passing.job_id, performed.job_id} == {job_id, later}
    assert held.times == 2


@pytest.mark.parametrize("wait", [timedelta(0), timedelta(hours=1)])
async def test_who_asks_while_it_is_done_has_it_done_again(
    database: Database, tools: JobTools, kind: KindMaker, wait: timedelta
) -> None:
    tenant_id, held = await make_tenant(database), Held()
    kind(beside=held)
    job_id = await ask(database, tenant_id)
    task = asyncio.create_task(perform_next(database, tenant_id, Queue.NORMAL, tools))
    await held.begun.wait()
    again = None if not wait else datetime.now(UTC) + wait
    assert await ask(database, tenant_id, due=again) == job_id
    # Another performer that looks and passes by does not forget that it was asked for.
    assert await perform_next(database, tenant_id, Queue.NORMAL, tools) is None
    held.go_on.set()
    performed = await task
    assert performed is not None
    assert performed.outcome is Outcome.MORE
    job = await job_of(database, tenant_id, job_id)
    assert (job.status, job.due) == ("waiting", performed.due)
    assert again is None or job.due == again
    assert await perform_due(database, tenant_id, tools) == (0 if wait else 1)
    assert (await job_of(database, tenant_id, job_id)).status == ("waiting" if wait else "done")


async def test_asking_before_it_is_begun_means_once(database: Database, tools: JobTools, kind: KindMaker) -> None:
    tenant_id, held = await make_tenant(database), Held()
    held.go_on.set()
    kind(beside=held)
    for _ in range(3):
        await ask(database, tenant_id)
    assert await perform_due(database, tenant_id, tools) == 1
    assert held.times == 1


async def test_a_job_that_asks_for_itself_later_waits_until_then(
    database: Database, tools: JobTools, kind: KindMaker
) -> None:
    tenant_id, due = await make_tenant(database), datetime.now(UTC) + timedelta(minutes=5)

    async def later(_place: JobPlace, _payload: Payload) -> bool:
        await ask(database, tenant_id, due=due)
        return True

    kind(beside=later)
    job_id = await ask(database, tenant_id)
    assert await perform_due(database, tenant_id, tools) == 1
    job = await job_of(database, tenant_id, job_id)
    assert (job.status, job.due) == ("waiting", due)


async def test_failures_are_counted_and_progress_forgets_them(
    database: Database, tools: JobTools, kind: KindMaker
) -> None:
    tenant_id, attempts = await make_tenant(database), []

    async def now_and_then(place: JobPlace, _payload: Payload) -> bool:
        attempts.append(place.attempt)
        if len(attempts) in (1, 2):
            raise ConnectionRefusedError
        if len(attempts) == 3:
            return False
        raise NotFound(kind="客户")

    kind(beside=now_and_then)
    job_id = await ask(database, tenant_id)
    for _ in range(4):
        await perform_due(database, tenant_id, tools, most=1)
        await make_due(database, tenant_id)
    assert attempts == [1, 2, 3, 1]
    job = await job_of(database, tenant_id, job_id)
    assert job.error is not None
    assert (job.status, job.attempts, job.error["code"]) == ("dead", 1, "not_found")


async def test_a_lost_keeper_stops_the_work(
    database: Database,
    tools: JobTools,
    kind: KindMaker,
    addresses: Addresses,
    database_name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenant_id, held = await make_tenant(database), Held()
    monkeypatch.setattr(locks, "SPEAKS_SECONDS", 0.1)
    kind(beside=held)
    job_id = await ask(database, tenant_id)
    task = asyncio.create_task(perform_next(database, tenant_id, Queue.NORMAL, tools))
    await held.begun.wait()
    superuser = await psycopg.AsyncConnection.connect(addresses.superuser(database_name), autocommit=True)
    async with superuser:
        await superuser.execute(
            "select pg_terminate_backend(pid, 5000) from pg_locks where locktype = 'advisory' and granted"
            " and database = (select oid from pg_database where datname = current_database())"
        )
    performed = await task
    assert performed is not None
    assert performed.outcome is Outcome.POSTPONED
    assert list(await unit_codes(database, tenant_id)) == []
    job = await job_of(database, tenant_id, job_id)
    assert job.error is not None
    assert (job.status, job.error["class"]) == ("waiting", "transient")


async def test_a_performer_that_is_told_to_stop_leaves_the_job(
    database: Database, tools: JobTools, kind: KindMaker
) -> None:
    tenant_id, held = await make_tenant(database), Held()
    kind(beside=held)
    job_id = await ask(database, tenant_id)
    task = asyncio.create_task(perform_next(database, tenant_id, Queue.NORMAL, tools))
    await held.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    job = await job_of(database, tenant_id, job_id)
    assert (job.status, job.attempts) == ("waiting", 0)
    held.go_on.set()
    assert await perform_due(database, tenant_id, tools) == 1
    assert held.times == 2


async def test_a_tenant_that_is_suspended_meanwhile_is_no_failure(
    database: Database, tools: JobTools, kind: KindMaker
) -> None:
    tenant_id = await make_tenant(database)

    async def find_it_suspended(_place: JobPlace, _payload: Payload) -> bool:
        raise TenantSuspended

    kind(beside=find_it_suspended)
    job_id = await ask(database, tenant_id)
    with pytest.raises(TenantSuspended):
        await perform_next(database, tenant_id, Queue.NORMAL, tools)
    job = await job_of(database, tenant_id, job_id)
    assert (job.status, job.attempts, job.error) == ("waiting", 0, None)


async def test_a_body_that_takes_too_long_is_stopped(database: Database, tools: JobTools, kind: KindMaker) -> None:
    tenant_id = await make_tenant(database)

    async def hang(place: JobPlace, _payload: Payload) -> bool:
        async with place.database.write(place.tenant_id, TESTS) as session:
            await session.execute(text("select pg_sleep(60)"))
        return True

    kind(beside=hang, seconds=0.1)
    job_id = await ask(database, tenant_id)
    assert await perform_due(database, tenant_id, tools) == 1
    job = await job_of(database, tenant_id, job_id)
    assert job.error is not None
    assert job.error["code"] == "too_slow"


async def test_a_job_that_is_discarded_meanwhile_stays_so(database: Database, tools: JobTools, kind: KindMaker) -> None:
    tenant_id = await make_tenant(database)

    async def discard(place: JobPlace, _payload: Payload) -> bool:
        async with place.database.write(place.tenant_id, TESTS) as session:
            await change(session, place.job_id, status="discarded")
        return False

    kind(beside=discard)
    job_id = await ask(database, tenant_id)
    assert await perform_due(database, tenant_id, tools) == 1
    assert (await job_of(database, tenant_id, job_id)).status == "discarded"


async def change(session: WriteSession, job_id: UUID, **values: object) -> None:
    await session.execute(update(OutboxJob).where(session.within(OutboxJob), OutboxJob.id == job_id).values(**values))
