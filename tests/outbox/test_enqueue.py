"""The outbox's writing side: a job stands or falls with its command, and carries no personal data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.outbox.errors import UnfitJob
from steward_tenants.outbox.jobs import JobPlace, JobTools, Payload, Queue
from steward_tenants.outbox.models import JobStatus, OutboxJob
from steward_tenants.outbox.performing import perform_due
from steward_tenants.outbox.ringing import ring_with
from steward_tenants.outbox.rules import fit_payload
from steward_tenants.outbox.service import enqueue, enqueue_many, forget_done_jobs
from tests.factories import TESTS, make_tenant
from tests.outbox.conftest import KindMaker, doorbells, job_of, make_due
from tests.turns import meanwhile

SOON = timedelta(hours=1)


async def nothing(_session: WriteSession, _payload: Payload, _tools: JobTools) -> None:
    pass


async def test_a_job_and_its_doorbell_are_written_together(database: Database, kind: KindMaker) -> None:
    tenant_id, unit_id = await make_tenant(database), new_id()
    async with database.write(tenant_id, TESTS) as session:
        job_id = await enqueue(session, kind(nothing, queue=Queue.BULK), {"unit_id": unit_id, "rows": [1, 2]})
    job = await job_of(database, tenant_id, job_id)
    assert (job.queue, job.kind, job.status, job.attempts) == ("bulk", "tests.kind", "waiting", 0)
    assert (job.error, job.done_at, job.tried_at) == (None, None, None)
    assert job.payload == {"unit_id": str(unit_id), "rows": [1, 2]}
    (bell,) = await doorbells(database, tenant_id)
    assert (bell.queue, bell.job_id, bell.due) == ("bulk", job_id, job.due)


async def test_a_job_can_wait(database: Database) -> None:
    tenant_id, due = await make_tenant(database), datetime.now(UTC) + timedelta(days=1)
    async with database.write(tenant_id, TESTS) as session:
        await enqueue(session, "reminder", {}, due=due, queue=Queue.NORMAL)
    (bell,) = await doorbells(database, tenant_id)
    assert bell.due == due


async def test_a_moment_without_a_zone_is_none(database: Database) -> None:
    async with database.write(await make_tenant(database), TESTS) as session:
        with pytest.raises(UnfitJob):
            await enqueue(session, "reminder", {}, due=datetime(2026, 11, 22), queue=Queue.NORMAL)  # noqa: DTZ001


async def test_a_job_is_undone_with_its_command(database: Database) -> None:
    tenant_id = await make_tenant(database)

    async def fail() -> None:
        async with database.write(tenant_id, TESTS) as session:
            await enqueue(session, "reminder", {}, queue=Queue.NORMAL)
            await enqueue_many(session, "reminder", [{}, {}], queue=Queue.NORMAL)
            raise LookupError

    async def ring() -> None:
        raise AssertionError("nothing was committed")

    ring_with(ring)
    with pytest.raises(LookupError):
        await fail()
    ring_with(None)
    assert list(await doorbells(database, tenant_id)) == []
    async with database.read(tenant_id, TESTS) as session:
        assert await session.find(OutboxJob) is None


async def test_many_jobs_are_written_at_once_each_with_its_doorbell(database: Database, kind: KindMaker) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        ids = await enqueue_many(session, kind(nothing), [{"number": number} for number in range(1001)])
        assert await enqueue_many(session, "tests.kind", []) == []
    assert {bell.job_id for bell in await doorbells(database, tenant_id)} == set(ids)
    assert (await job_of(database, tenant_id, ids[1000])).payload == {"number": 1000}


async def test_a_command_rings_once_after_its_commit(database: Database) -> None:
    tenant_id = await make_tenant(database)
    seen: list[int] = []

    async def count() -> None:
        seen.append(len(await doorbells(database, tenant_id)))

    ring_with(count)
    try:
        async with database.write(tenant_id, TESTS) as session:
            for _ in range(3):
                await enqueue(session, "reminder", {}, queue=Queue.NORMAL)
        assert seen == [3]
    finally:
        ring_with(None)


@pytest.mark.parametrize(("first", "second"), [(None, SOON), (SOON, None), (SOON, 2 * SOON), (2 * SOON, SOON)])
async def test_asking_twice_for_the_same_keeps_one_job_and_the_earlier_moment(
    database: Database, first: timedelta | None, second: timedelta | None
) -> None:
    tenant_id, key = await make_tenant(database), str(new_id())
    start = datetime.now(UTC)
    dues = [None if wait is None else start + wait for wait in (first, second)]
    ids = []
    for due in dues:
        async with database.write(tenant_id, TESTS) as session:
            ids.append(await enqueue(session, "reminder", {"number": 1}, due=due, unique_key=key, queue=Queue.NORMAL))
    assert ids[0] == ids[1]
    job = await job_of(database, tenant_id, ids[0])
    bells = await doorbells(database, tenant_id)
    assert bells[0].due == job.due
    assert (job.due in dues) if None not in dues else (abs(job.due - start) < SOON / 2)
    assert job.due == min(bell.due for bell in bells)


async def test_asking_again_does_not_hurry_a_job_that_has_failed(
    database: Database, tools: JobTools, kind: KindMaker
) -> None:
    tenant_id = await make_tenant(database)
    tried: list[int] = []

    async def ask() -> UUID:
        async with database.write(tenant_id, TESTS) as session:
            return await enqueue(session, "tests.kind", {}, unique_key="x")

    async def fail_once(place: JobPlace, _payload: Payload) -> bool:
        tried.append(place.attempt)
        if place.attempt == 1:
            raise ConnectionResetError
        return True

    kind(beside=fail_once)
    job_id = await ask()
    await perform_due(database, tenant_id, tools)
    failed = await job_of(database, tenant_id, job_id)
    assert (failed.attempts, failed.again) == (1, None)
    bells = len(await doorbells(database, tenant_id))
    for _ in range(3):
        assert await ask() == job_id
    job = await job_of(database, tenant_id, job_id)
    assert (job.due, job.status, job.attempts) == (failed.due, "waiting", 1)
    assert job.again is not None
    assert job.again < job.due
    assert len(await doorbells(database, tenant_id)) == bells
    assert await perform_due(database, tenant_id, tools) == 0

    await make_due(database, tenant_id)
    assert await perform_due(database, tenant_id, tools) == 1
    assert (await job_of(database, tenant_id, job_id)).status == "done"
    assert tried == [1, 2]


async def test_asking_while_a_failed_job_is_tried_again_has_it_done_once_more(
    database: Database, tools: JobTools, kind: KindMaker
) -> None:
    tenant_id = await make_tenant(database)
    tried: list[int] = []

    async def ask() -> UUID:
        async with database.write(tenant_id, TESTS) as session:
            return await enqueue(session, "tests.kind", {}, unique_key="x")

    async def work(place: JobPlace, _payload: Payload) -> bool:
        tried.append(place.attempt)
        if len(tried) == 1:
            raise ConnectionResetError
        if len(tried) == 2:
            await ask()
        return True

    kind(beside=work)
    job_id = await ask()
    await perform_due(database, tenant_id, tools)
    await make_due(database, tenant_id)
    await perform_due(database, tenant_id, tools)
    assert tried == [1, 2, 1]
    assert (await job_of(database, tenant_id, job_id)).status == "done"


async def test_asking_for_something_else_makes_a_job_of_its_own(database: Database) -> None:
    one, other = await make_tenant(database), await make_tenant(database)
    ids = set()
    for tenant_id, name, key in ((one, "a", "x"), (one, "b", "x"), (one, "a", "y"), (other, "a", "x")):
        async with database.write(tenant_id, TESTS) as session:
            ids.add(await enqueue(session, name, {}, unique_key=key, queue=Queue.NORMAL))
    assert len(ids) == 4


async def test_of_two_who_ask_at_once_the_second_joins(database: Database) -> None:
    tenant_id = await make_tenant(database)

    async def ask(session: WriteSession) -> None:
        await enqueue(session, "reminder", {}, unique_key="x", queue=Queue.NORMAL)

    assert await meanwhile(database, tenant_id, TESTS, ask, ask) is None
    async with database.read(tenant_id, TESTS) as session:
        assert await session.scalar(select(func.count()).select_from(OutboxJob).where(session.within(OutboxJob))) == 1


async def test_jobs_that_are_over_are_forgotten_and_dead_ones_stay(database: Database) -> None:
    tenant_id, now = await make_tenant(database), datetime.now(UTC)
    async with database.write(tenant_id, TESTS) as session:
        for status in JobStatus:
            for age in (1, 40):
                over = status in (JobStatus.DONE, JobStatus.DISCARDED)
                moment = now - timedelta(days=age)
                session.add(
                    OutboxJob(
                        queue="normal",
                        kind="reminder",
                        status=status,
                        tried_at=moment,
                        done_at=moment if over else None,
                    )
                )
    async with database.write(tenant_id, TESTS) as session:
        assert await forget_done_jobs(session, now - timedelta(days=30)) == 2
        left = await session.scalars(select(OutboxJob.status).where(session.within(OutboxJob)))
    assert sorted(left) == ["dead", "dead", "discarded", "done", "waiting", "waiting"]


@pytest.mark.parametrize("name", ["", "Mail", "发送", "undeclared"])
async def test_kinds_are_short_keys_that_somebody_declares(database: Database, name: str) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        with pytest.raises(UnfitJob):
            await enqueue(session, name, {})
    assert list(await doorbells(database, tenant_id)) == []


@pytest.mark.parametrize("key", ["", "王芳", "Wang Fang", "a" * 201])
async def test_what_a_job_is_unique_for_is_no_text(database: Database, key: str) -> None:
    async with database.write(await make_tenant(database), TESTS) as session:
        with pytest.raises(UnfitJob) as raised:
            await enqueue(session, "reminder", {}, unique_key=key, queue=Queue.NORMAL)
    assert key == "" or key not in str(raised.value)


@pytest.mark.parametrize(
    "value",
    [
        "王芳",
        "Wang Fang",
        "wang@example.test",
        "13800138000",
        "110101199003070000",
        "",
        "a" * 65,
        "0197D3A0-0000-7000-8000-00000000ABCD",
        b"x",
        float("nan"),
        object(),
        datetime.now(UTC),
        {"名": 1},
        {"a": ["王芳"]},
        {"a": {"a": {"a": {"a": 1}}}},
    ],
)
def test_what_might_be_personal_is_refused_and_not_repeated(value: Any) -> None:
    with pytest.raises(UnfitJob) as raised:
        fit_payload({"place": value})
    assert raised.value.place.startswith("payload.place")
    assert str(value) == "" or str(value) not in str(raised.value)


KEYS = st.from_regex(r"[a-z][a-z0-9_.:-]{0,20}", fullmatch=True)


@given(st.dictionaries(KEYS, st.uuids() | st.integers() | KEYS | st.dates().map(str) | st.lists(st.uuids())))
def test_identifiers_numbers_and_keys_pass_and_pass_again(payload: dict[str, Any]) -> None:
    fitted = fit_payload(payload)
    assert set(fitted) == set(payload)
    assert fit_payload(fitted) == fitted
