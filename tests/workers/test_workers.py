"""Jobs reach workers, are done once each, and survive whoever does them."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from sqlalchemy import update

from steward_tenants.directory.models import Tenant, TenantStatus
from steward_tenants.outbox.jobs import Queue
from steward_tenants.outbox.models import OutboxJob
from steward_tenants.outbox.service import enqueue
from tests.factories import TESTS, make_tenant
from tests.workers.place import Place, kill


async def test_jobs_of_all_queues_and_forms_are_done_once_by_two_relays_and_three_workers(place: Place) -> None:
    tenant_id = await make_tenant(place.database)
    place.start("relay")
    place.start("relay")
    place.start("worker", count=3)
    for start, queue in enumerate(Queue):
        await place.put(tenant_id, f"test.mark_{queue}", range(100 * start, 100 * start + 20))
    await place.put(tenant_id, "test.beside", range(1000, 1005))
    await place.done(tenant_id, 65)


async def test_a_job_waits_for_its_time(place: Place) -> None:
    tenant_id = await make_tenant(place.database)
    place.start("relay")
    place.start("worker")
    due = datetime.now(UTC) + timedelta(seconds=4)
    async with place.database.write(tenant_id, TESTS) as session:
        await enqueue(session, "test.mark_normal", {"number": 1}, due=due)
    await place.put(tenant_id, "test.mark_normal", range(2, 3))
    await place.done(tenant_id, 2)
    first, second = await place.jobs(tenant_id)
    assert first.due < due == second.due, "who is due goes first"
    assert second.done_at is not None
    assert second.done_at >= due


@pytest.mark.full
async def test_a_killed_work_horse_loses_nothing(place: Place) -> None:
    tenant_id = await make_tenant(place.database)
    place.start("relay")
    pool = place.start("worker")
    await place.put(tenant_id, "test.slow", range(6), seconds=0.3)
    for _ in range(3):
        horse = await place.horse(pool)
        kill(horse)
        psutil.wait_procs([horse], timeout=10)
    await place.done(tenant_id, 6)


@pytest.mark.full
async def test_a_killed_worker_takes_its_work_horse_along_and_loses_nothing(place: Place) -> None:
    tenant_id = await make_tenant(place.database)
    place.start("relay")
    pool = place.start("worker")
    await place.put(tenant_id, "test.slow", range(4), seconds=1)
    horse = await place.horse(pool)
    kill(place.workers(pool)[0])
    assert not psutil.wait_procs([horse], timeout=5)[1]
    await place.done(tenant_id, 4)


@pytest.mark.full
async def test_a_killed_pool_takes_all_along(place: Place) -> None:
    tenant_id = await make_tenant(place.database)
    place.start("relay")
    pool = place.start("worker", count=2)
    await place.put(tenant_id, "test.slow", range(2), seconds=5)
    family = [*place.workers(pool), await place.horse(pool)]
    kill(pool)
    assert not psutil.wait_procs(family, timeout=5)[1]
    place.start("worker", count=2)
    await place.done(tenant_id, 2)


async def test_sigterm_lets_the_job_at_hand_finish_and_leaves_the_others(place: Place) -> None:
    tenant_id = await make_tenant(place.database)
    place.start("relay")
    pool = place.start("worker")
    await place.put(tenant_id, "test.slow", range(20), seconds=1)
    await place.horse(pool)
    pool.send_signal(signal.SIGTERM)
    assert pool.wait(15) == 0
    jobs = await place.jobs(tenant_id)
    assert [job.attempts for job in jobs] == [0] * 20, "nothing was interrupted"
    done = sum(job.status == "done" for job in jobs)
    assert done == len(await place.marks(tenant_id)) < 20
    async with place.database.write(tenant_id, TESTS) as session:
        await session.execute(
            update(OutboxJob)
            .where(session.within(OutboxJob), OutboxJob.status == "waiting")
            .values(kind="test.mark_normal")
        )
    place.start("worker")
    await place.done(tenant_id, 20)


@pytest.mark.full
async def test_sigterm_does_not_wait_for_ever(place: Place) -> None:
    tenant_id = await make_tenant(place.database)
    place.start("relay")
    pool = place.start("worker")
    await place.put(tenant_id, "test.slow", range(1), seconds=50)
    await place.horse(pool)
    pool.send_signal(signal.SIGTERM)
    assert pool.wait(20) == 0
    (job,) = await place.jobs(tenant_id)
    assert job.status == "waiting"
    assert await place.marks(tenant_id) == []


async def test_what_breaks_its_process_needs_too_much_or_takes_too_long_is_noted(place: Place) -> None:
    tenant_id = await make_tenant(place.database)
    place.start("relay")
    place.start("worker")
    codes = {"test.abort": "internal_error", "test.eat": "too_large", "test.long": "too_slow"}
    for kind in codes:
        await place.put(tenant_id, kind, range(1))

    async def noted() -> bool:
        return all(job.attempts for job in await place.jobs(tenant_id))

    await place.until(noted)
    jobs = await place.jobs(tenant_id)
    assert {job.kind: (job.error or {}).get("code") for job in jobs} == codes
    await place.put(tenant_id, "test.mark_normal", range(1))

    async def marked() -> list[str]:
        return await place.marks(tenant_id)

    assert await place.until(marked) == ["0"], "the others go on"


async def test_nobody_works_in_a_suspended_tenant(place: Place) -> None:
    tenant_id, other_id = await make_tenant(place.database), await make_tenant(place.database)
    await place.put(tenant_id, "test.mark_normal", range(3))
    await suspend(place, tenant_id, TenantStatus.SUSPENDED)
    place.start("relay")
    place.start("worker")
    await place.put(other_id, "test.mark_normal", range(3))
    await place.done(other_id, 3)
    assert await place.marks(tenant_id) == []
    assert [job.attempts for job in await place.jobs(tenant_id)] == [0, 0, 0]
    await suspend(place, tenant_id, TenantStatus.ACTIVE)
    await place.done(tenant_id, 3)


async def suspend(place: Place, tenant_id: object, status: TenantStatus) -> None:
    async with place.database.directory() as directory:
        await directory.execute(update(Tenant).where(Tenant.id == tenant_id).values(status=status.value))
    place.database.forget_status(tenant_id)  # type: ignore[arg-type]


async def test_one_tenants_hundreds_do_not_keep_another_waiting(place: Place) -> None:
    large, small = await make_tenant(place.database), await make_tenant(place.database)
    await place.put(large, "test.mark_normal", range(400))
    await place.put(small, "test.mark_normal", range(10))
    place.start("relay")
    place.start("worker")
    await place.done(small, 10)
    await place.done(large, 400)
    last = max(job.done_at for job in await place.jobs(small) if job.done_at)
    before = sum(1 for job in await place.jobs(large) if job.done_at and job.done_at < last)
    assert before < 300, "it took turns"


async def test_what_is_urgent_comes_first(place: Place) -> None:
    tenant_id = await make_tenant(place.database)
    for queue in reversed(Queue):
        await place.put(tenant_id, f"test.mark_{queue}", range(3))
    relay = place.start("relay")

    async def rung() -> bool:
        return len(place.redis.keys("rq:queue:steward-*")) == 3

    await place.until(rung)
    assert relay.poll() is None
    place.start("worker")
    await place.until(lambda: place.finished(tenant_id))
    assert [job.queue for job in await place.jobs(tenant_id)] == ["urgent"] * 3 + ["normal"] * 3 + ["bulk"] * 3
