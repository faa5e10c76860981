"""What monitoring and the doctor are told of the queues, in a database of its own: it is about all tenants."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest_asyncio
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import func, update

from steward_server.diagnosis import DONE_WITHIN_SECONDS, Finding, job_queues
from steward_server.settings import Settings
from steward_tenants.database.database import Database
from steward_tenants.directory.models import Doorbell
from steward_tenants.outbox.jobs import Queue
from steward_tenants.outbox.service import enqueue, enqueue_many
from steward_tenants.valkey import Valkey
from steward_workers import bells, presence
from steward_workers.metrics import PRESENT_SECONDS, TALLY, WORKERS, QueueMetrics, read_figures, read_queues
from tests.cluster import SECRET_KEYS, TENANT_KEYS, Addresses
from tests.factories import TESTS, make_tenant
from tests.server.api.live import as_text
from tests.workers import kinds  # noqa: F401 - declares them
from tests.workers.place import Place

AGE = 900


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def own_name(addresses: Addresses, worker_id: str) -> AsyncIterator[str]:
    """A database without anybody else's work."""
    name = f"steward_metrics_{worker_id}"
    addresses.clone(name)
    yield name
    addresses.drop(name)


@pytest_asyncio.fixture(loop_scope="session")
async def own_database(addresses: Addresses, own_name: str) -> AsyncIterator[Database]:
    """Two tenants: three and one due jobs in `normal`, one of them 15 minutes old, and some that are not due yet."""
    database = Database(addresses.settings(own_name))
    async with database.directory() as directory:
        await directory.execute(update(Doorbell).values(due=func.now() + timedelta(days=1)))
    first, second = await make_tenant(database), await make_tenant(database)
    later = datetime.now(UTC) + timedelta(hours=1)
    async with database.write(first, TESTS) as session:
        await enqueue_many(session, "test.mark_normal", [{"number": 1}, {"number": 2}])
        await enqueue(session, "test.mark_normal", {"number": 3}, due=datetime.now(UTC) - timedelta(seconds=AGE))
        await enqueue(session, "test.mark_bulk", {"number": 4}, due=later)
    async with database.write(second, TESTS) as session:
        await enqueue(session, "test.mark_normal", {"number": 5})
        await enqueue(session, "test.mark_normal", {"number": 6}, due=later)
    yield database
    async with database.directory() as directory:
        await directory.execute(update(Doorbell).values(due=func.now() + timedelta(days=1)))
    await database.dispose()


async def test_age_tenants_and_bells_of_each_queue(own_database: Database) -> None:
    figures = await read_queues(own_database)
    assert list(figures) == list(Queue)
    normal = figures[Queue.NORMAL]
    assert AGE <= normal.oldest < AGE + 600
    assert (normal.tenants, normal.bells) == (2, 0)
    for queue in (Queue.URGENT, Queue.BULK):
        assert (figures[queue].oldest, figures[queue].tenants, figures[queue].bells) == (0, 0, 0), "not due is not late"
    async with own_database.directory() as directory:
        rings = await bells.ring_due(directory, Queue.NORMAL, 2)
    assert (await read_queues(own_database))[Queue.NORMAL].bells == len(rings) == 3
    async with own_database.directory() as directory:
        await bells.hang_up(directory, rings[0])
        await bells.renew(directory, rings[1], -1)
    assert (await read_queues(own_database))[Queue.NORMAL].bells == 1, "given back, and run out"
    async with own_database.directory() as directory:
        await bells.take_back(directory, rings)


async def test_workers_and_outcomes_are_counted_and_shown(own_database: Database, place: Place) -> None:
    connection, valkey = place.redis, Valkey(place.valkey.url)
    presence.note(connection, "one")
    presence.note(connection, "two")
    presence.note(connection, "three")
    presence.leave(connection, "three")
    connection.zadd(WORKERS, {"two": time.time() - PRESENT_SECONDS - 1})
    presence.count(connection, Queue.BULK, {"done": 3, "dead": 1})
    presence.count(connection, Queue.BULK, {"done": 4})
    presence.count(connection, Queue.URGENT, {})
    connection.hincrby(TALLY, 'no-queue:done{x="y"}', 9)
    figures = await read_figures(own_database, valkey)
    assert figures.workers == presence.present(connection) == 1
    assert figures.jobs == {"bulk:done": 7, "bulk:dead": 1, 'no-queue:done{x="y"}': 9}

    registry = CollectorRegistry()
    metrics = QueueMetrics(own_database, valkey, registry)
    assert b"steward_" not in generate_latest(registry), "not read yet"
    await metrics.refresh()
    shown = generate_latest(registry).decode()
    for line in (
        'steward_queue_tenants_due{queue="normal"} 2.0',
        'steward_queue_bells{queue="normal"} 0.0',
        'steward_queue_oldest_due_seconds{queue="urgent"} 0.0',
        'steward_jobs_total{outcome="done",queue="bulk"} 7.0',
        'steward_jobs_total{outcome="dead",queue="bulk"} 1.0',
        "steward_workers 1.0",
    ):
        assert line in shown.splitlines()
    assert "no-queue" not in shown, "labels are bounded, whatever stands at the queue server"

    connection.close()
    place.valkey.stop()
    await metrics.refresh()
    assert b"steward_" not in generate_latest(registry), "no old figures pass for new ones"
    await valkey.close()


def settings(addresses: Addresses, name: str, place: Place) -> Settings:
    """Settings over the test's servers."""
    return Settings(
        database_url=addresses.url("steward_app", name),
        directory_url=addresses.url("steward_directory", name),
        redis_url=place.valkey.url,
        tenant_keys=as_text(TENANT_KEYS),
        secret_keys=as_text(SECRET_KEYS),
        public_url="http://127.0.0.1:8000",
        files_path=place.folder / "files",
    )


async def test_the_doctor_tells_of_work_that_waits_too_long(
    own_database: Database, addresses: Addresses, own_name: str, place: Place
) -> None:
    given = settings(addresses, own_name, place)
    presence.note(place.redis, "one")

    def seen(finding: Finding) -> tuple[bool, str, bool]:
        remedy = finding.remedy
        bilingual = remedy is not None and "steward worker" in remedy.zh and "steward worker" in remedy.en
        return finding.ok, finding.seen.partition(":")[0], bilingual

    assert AGE > DONE_WITHIN_SECONDS
    assert seen(await job_queues(given)) == (False, "1 workers, oldest due work", True)
    async with own_database.directory() as directory:
        await directory.execute(update(Doorbell).where(Doorbell.due < func.now()).values(due=func.now()))
    assert seen(await job_queues(given)) == (True, "1 workers, oldest due work", False)
    place.redis.hset(TALLY, "normal:done", "many")
    odd = await job_queues(given)
    assert (odd.ok, odd.seen) == (False, "ValkeyError")
    place.valkey.stop()
    silent = await job_queues(given)
    assert (silent.ok, silent.seen) == (False, "ValkeyError")
    assert silent.remedy is not None
