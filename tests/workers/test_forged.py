"""Who can write to the queue server can write anything: none of it is called, and no tenant is touched by it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from redis import Redis
from rq import Queue as RqQueue
from rq.serializers import JSONSerializer
from sqlalchemy import select, text, update

from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.directory.models import Bell, Tenant, TenantStatus
from steward_tenants.files.store import LocalFileStore
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.outbox.jobs import JOB_KINDS, JobTools, Payload, Queue, declare_job
from steward_tenants.outbox.performing import Outcome, perform_next
from steward_tenants.outbox.service import enqueue
from steward_tenants.signin.mail import FolderMailer
from steward_workers import bells
from steward_workers.messages import (
    ANSWER,
    NO_LIMIT,
    Ring,
    RingMessage,
    RingQueue,
    on_their_way,
    queue_at,
    queue_name,
    send,
    waiting,
)
from steward_workers.ring import WAKE
from tests.factories import TESTS, make_tenant, make_unit
from tests.workers.place import Place

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
NORMAL = f"rq:queue:{queue_name(Queue.NORMAL)}"


class Trap:
    """Whoever unpickles it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def ring_of(tenant_id: UUID | None = None) -> Ring:
    """A bell that nobody rang."""
    return Ring(Queue.NORMAL, tenant_id or new_id(), 0, MOMENT)


def put_pickled(connection: Redis, path: Path) -> None:
    """RQ's own kind of job, under a name of its own and under that of a bell."""
    queue = RqQueue(queue_name(Queue.NORMAL), connection=connection)
    queue.enqueue("os.mkdir", str(path))
    queue.enqueue("os.mkdir", Trap(path), job_id=ring_of().message_id)
    queue.enqueue(ANSWER, Trap(path), job_id=ring_of().message_id)


def put_function(name: str) -> Callable[[Redis, Path], None]:
    """A message of the right form that names another function."""

    def put(connection: Redis, path: Path) -> None:
        queue = RqQueue(queue_name(Queue.NORMAL), connection=connection, serializer=JSONSerializer)
        queue.enqueue(name, str(path), job_id=ring_of().message_id)

    return put


def put_nameless(connection: Redis, path: Path) -> None:
    """The right function under names that are no bell's."""
    queue = RqQueue(queue_name(Queue.NORMAL), connection=connection, serializer=JSONSerializer)
    for name in ("x", "normal_1_2_3", f"audit_{new_id()}_0_1", f"normal_{new_id()}_0_{'9' * 18}"):
        queue.enqueue(ANSWER, str(path), job_id=name)


def put_garbage(connection: Redis, _path: Path) -> None:
    """What is not even a message."""
    name = ring_of().message_id
    connection.set(f"rq:job:{name}", b"\xff not a hash")
    odd = ring_of().message_id
    connection.hset(f"rq:job:{odd}", mapping={"data": b"\xff\xfe", "created_at": "yesterday", "status": b"\x00"})
    connection.rpush(NORMAL, b"\xff\xfe\x00", b"", b"x" * 100_000, ring_of().message_id, name, odd)


FORGERIES = {
    "pickled": put_pickled,
    "another function": put_function("os.mkdir"),
    "no such function": put_function("steward_workers.nothing.at_all"),
    "no bell's name": put_nameless,
    "garbage": put_garbage,
}


def fetch(connection: Redis) -> list[RingMessage]:
    """What a worker would take from the queues, as it does."""
    queues = [queue_at(connection, queue) for queue in Queue]
    found = []
    while fetched := RingQueue.dequeue_any(
        queues, None, connection=connection, job_class=RingMessage, serializer=JSONSerializer
    ):
        assert isinstance(fetched[0], RingMessage)
        found.append(fetched[0])
    return found


@pytest.mark.parametrize("name", FORGERIES)
def test_what_is_no_message_of_a_bell_is_dropped(place: Place, name: str) -> None:
    connection, path = place.redis, place.folder / "made"
    FORGERIES[name](connection, path)
    real = ring_of()
    send(connection, [real])
    assert real.message_id in on_their_way(connection, Queue.NORMAL)
    assert [message.ring for message in fetch(connection)] == [real], "and what stands behind it is fetched"
    assert not path.exists()
    assert waiting(connection, list(Queue)) == 0
    connection.close()


def test_a_message_brings_nothing_along_but_its_name(place: Place) -> None:
    connection, ring = place.redis, ring_of()
    send(connection, [ring])
    connection.hset(
        f"rq:job:{ring.message_id}",
        mapping={
            "success_callback_name": "os.abort",
            "failure_callback_name": "os.abort",
            "stopped_callback_name": "os.abort",
            "timeout": 1,
            "retries_left": 5,
            "dependency_ids": '["another"]',
            "worker_name": "another",
            "meta": "{}",
        },
    )
    (message,) = fetch(connection)
    assert message.ring == ring
    assert message.timeout == NO_LIMIT
    assert (message.success_callback, message.failure_callback, message.stopped_callback) == (None, None, None)
    assert (message.retries_left, message.dependency_ids) == (None, [])
    with pytest.raises(Exception, match="not called"):
        _ = message.func
    connection.close()


async def test_a_relay_removes_what_stands_for_its_reminders(place: Place) -> None:
    tenant_id = await make_tenant(place.database)
    place.redis.hset(WAKE, "not", "a list")
    place.start("relay")
    place.start("worker")
    await place.put(tenant_id, "test.mark_normal", range(3))
    await place.done(tenant_id, 3)


async def test_a_worker_passes_over_forged_messages_and_goes_on(place: Place) -> None:
    """A real worker, without a relay at first: who forges knows tenants, bells and the form of messages."""
    database, folder = place.database, place.folder / "made"
    mine, suspended, honest = [await make_tenant(database) for _ in range(3)]
    for tenant_id in (mine, suspended, honest):
        await place.put(tenant_id, "test.mark_normal", range(2))
    rings = {ring.tenant_id: ring for ring in await ring_all(database)}
    async with database.directory() as directory:
        await directory.execute(
            update(Tenant).where(Tenant.id == suspended).values(status=TenantStatus.SUSPENDED.value)
        )
    database.forget_status(suspended)

    connection = place.redis
    for put in FORGERIES.values():
        put(connection, folder)
    others = rings[mine]
    send(
        connection,
        [
            replace(others, rung_at=others.rung_at + timedelta(microseconds=1)),
            replace(others, slot=1),
            replace(others, queue=Queue.BULK),
            replace(others, tenant_id=new_id()),
            rings[suspended],
        ],
    )
    pool = place.start("worker")

    async def read() -> bool:
        return bool(place.workers(pool)) and not waiting(connection, list(Queue))

    await place.until(read)
    (worker,) = place.workers(pool)
    for put in FORGERIES.values():
        put(connection, folder)
    send(connection, [rings[honest]])
    await place.done(honest, 2)

    assert not folder.exists()
    assert [one.pid for one in place.workers(pool)] == [worker.pid], "the worker went on"
    for tenant_id in (mine, suspended):
        assert [(job.status, job.attempts) for job in await place.jobs(tenant_id)] == [("waiting", 0)] * 2
        assert await place.marks(tenant_id) == []
    async with database.directory() as directory:
        moments = await directory.scalars(select(Bell.rung_at).where(Bell.tenant_id == mine))
        assert list(moments) == [others.rung_at], "a wrong moment takes nobody's bell"
    send(connection, [others])
    connection.rpush(NORMAL, others.message_id)
    await place.done(mine, 2)
    connection.close()


async def ring_all(database: Database) -> list[Ring]:
    """What a relay would send."""
    async with database.directory() as directory:
        return list(await bells.ring_due(directory, Queue.NORMAL, 1))


@pytest.mark.unwatched("asks without wall 2 on purpose")
async def test_a_payload_that_names_another_tenant_finds_nothing(database: Database, tmp_path: Path) -> None:
    """Whatever a job is told, its session is its own tenant's: by either wall, to read and to write."""
    mine, other = await make_tenant(database), await make_tenant(database)
    async with database.write(other, TESTS) as session:
        unit = make_unit(session, name="别人的部门")
    seen: list[object] = []

    async def look(session: WriteSession, payload: Payload, _tools: JobTools) -> None:
        unit_id = UUID(payload["unit_id"])
        assert session.tenant_id == mine
        seen.append(await session.scalar(select(OrgUnit.name).where(session.within(OrgUnit), OrgUnit.id == unit_id)))
        named = {"id": unit_id, "tenant": UUID(payload["tenant_id"])}
        seen.append(await session.scalar(text("select name from app.org_unit where id = :id"), named))
        changed = "update app.org_unit set name = 'x' where id = :id and tenant_id = :tenant returning name"
        seen.append(await session.scalar(text(changed), named))

    kind = declare_job("test.look", "看", "Look", in_session=look)
    try:
        async with database.write(mine, TESTS) as session:
            await enqueue(session, kind.key, {"tenant_id": str(other), "unit_id": str(unit.id)})
        tools = JobTools(LocalFileStore(tmp_path), FolderMailer(tmp_path), "http://127.0.0.1")
        performed = await perform_next(database, mine, Queue.NORMAL, tools)
    finally:
        with suppress(KeyError):
            del JOB_KINDS["test.look"]
    assert performed is not None
    assert performed.outcome is Outcome.DONE
    assert seen == [None, None, None]
    async with database.read(other, TESTS) as reading:
        named = select(OrgUnit.name).where(reading.within(OrgUnit), OrgUnit.id == unit.id)
        assert await reading.scalar(named) == "别人的部门"
