"""Runs are driven by jobs alone, as the one who asked for them, and survive whatever happens to their workers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import delete, func, select, update

from steward_core.clients.models import ClientKind
from steward_core.permissions import CLIENTS_EDIT, RECORDS_IMPORT
from steward_core.runs import driving
from steward_core.runs.errors import RunFailed
from steward_core.runs.jobs import MOST_ATTEMPTS, sweep_runs
from steward_core.runs.models import Run
from steward_core.runs.service import (
    ADVANCE,
    RUN_KINDS,
    RunTools,
    advance,
    cancel_run,
    declare_run_kind,
    drive,
    request_run,
    resume_run,
)
from steward_tenants.access.models import RoleAssignment
from steward_tenants.database.actor import Actor, ActorKind, Scope, system
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import invalid
from steward_tenants.files.store import LocalFileStore
from steward_tenants.outbox.jobs import Queue
from steward_tenants.outbox.models import JobStatus, OutboxJob
from steward_tenants.outbox.service import enqueue
from steward_tenants.people.models import User, UserStatus
from tests.cluster import Addresses
from tests.core.runs.places import hurry, perform, perform_all, run_now, somebody, waiting
from tests.factories import TESTS, make_tenant

KIND = "tests.by_jobs"
Accident = Callable[[WriteSession, int], Awaitable[None]]
ACCIDENTS: list[Accident] = []
SEEN: list[Actor] = []


async def _one_kind_a_chunk(session: WriteSession, run: Run, tools: RunTools) -> bool:
    number = run.position.get("next", 0)
    SEEN.append(session.actor)
    session.add(ClientKind(key=f"k{number}", title_zh="类", title_en="kind"))
    await session.flush()
    for accident in ACCIDENTS:
        await accident(session, number)
    run.position = {"next": number + 1}
    run.done, run.total = number + 1, run.parameters["chunks"]
    run.counts = {"made": number + 1}
    return bool(run.done == run.total)


@pytest.fixture(autouse=True)
def kind() -> Iterator[None]:
    declare_run_kind(KIND, "测试任务", "Test run", RECORDS_IMPORT, _one_kind_a_chunk, queue=Queue.BULK)
    yield
    del RUN_KINDS[KIND]
    ACCIDENTS.clear()
    SEEN.clear()


async def _asked(database: Database, chunks: int = 3, scope: Scope = Scope.ALL) -> tuple[UUID, UUID, Actor]:
    tenant = await make_tenant(database)
    _, actor = await somebody(database, tenant, RECORDS_IMPORT, scope=scope)
    async with database.write(tenant, actor) as session:
        run = await request_run(session, KIND, parameters={"chunks": chunks})
    return tenant, run.id, actor


async def _kinds(database: Database, tenant: UUID) -> int:
    async with database.read(tenant, TESTS) as session:
        number: int = await session.scalar(
            select(func.count()).select_from(ClientKind).where(session.within(ClientKind))
        )
        return number


async def _jobs(database: Database, tenant: UUID) -> list[OutboxJob]:
    async with database.read(tenant, TESTS) as session:
        return list(await session.scalars(select(OutboxJob).where(session.within(OutboxJob)).order_by(OutboxJob.id)))


def once_at(number: int, what: Callable[[WriteSession], Awaitable[Any]]) -> None:
    """Have something happen in the chunk of this number, the first time."""
    done: list[int] = []

    async def accident(session: WriteSession, at: int) -> None:
        if at == number and not done:
            done.append(at)
            await what(session)

    ACCIDENTS.append(accident)


async def _refuse(_session: WriteSession) -> None:
    raise invalid("rows.7.name", "length", "名称过长。", "The name is too long.")


async def test_a_run_is_finished_by_jobs_alone(database: Database, tmp_path: Path) -> None:
    tenant, run_id, actor = await _asked(database)
    (job,) = await _jobs(database, tenant)
    assert (job.kind, job.queue, job.payload, job.unique_key) == (
        ADVANCE,
        "bulk",
        {"run_id": str(run_id)},
        str(run_id),
    )
    assert await perform(database, tenant, tmp_path) == 1
    run = await run_now(database, tenant, run_id)
    assert (run.status, run.done, run.counts, run.attempts, run.error) == ("done", 3, {"made": 3}, 1, None)
    assert (run.held_by, run.held_until, run.expected_end) == (None, None, None)
    assert run.rate > 0
    assert {one.id for one in SEEN} == {actor.id}
    assert {one.kind for one in SEEN} == {ActorKind.USER}
    (job,) = await _jobs(database, tenant)
    assert job.status == JobStatus.DONE


async def test_others_have_their_turn_and_the_rest_comes_later(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = RUN_KINDS[KIND]
    short = type(known)(known.key, known.title, known.permission, known.advance, known.queue, 0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RUN_KINDS, KIND, short)
        tenant, run_id, _ = await _asked(database, chunks=4)
        tried = await perform(database, tenant, tmp_path)
    assert tried == 4, "each turn does at least one chunk"
    run = await run_now(database, tenant, run_id)
    assert (run.status, run.done, run.attempts) == ("done", 4, 1)


async def test_the_end_is_foretold_while_it_goes_on(database: Database) -> None:
    tenant, run_id, actor = await _asked(database, chunks=4)
    async with database.write(tenant, actor) as session:
        run = await advance(session, run_id, RunTools(None))  # type: ignore[arg-type]
        assert run.rate is not None
        assert run.expected_end is not None
        assert run.heartbeat_at is not None
        assert run.expected_end > run.heartbeat_at
        assert run.expected_end < datetime.now(UTC) + timedelta(hours=1)


async def test_a_killed_chunk_is_done_again_and_nothing_doubles(
    database: Database, tmp_path: Path, addresses: Addresses, database_name: str
) -> None:
    tenant, run_id, _ = await _asked(database)

    async def lose_connection(session: WriteSession) -> None:
        pid = await session.scalar(select(func.pg_backend_pid()))
        with psycopg.connect(addresses.superuser(database_name), autocommit=True) as superuser:
            superuser.execute("select pg_terminate_backend(%s, 5000)", [pid])
        await session.scalar(select(func.now()))

    once_at(1, lose_connection)
    await perform(database, tenant, tmp_path)
    run = await run_now(database, tenant, run_id)
    assert (run.status, run.error, run.done, run.held_by) == ("running", None, 1, None)
    (job,) = await _jobs(database, tenant)
    assert (job.status, job.attempts) == (JobStatus.WAITING, 1)
    await perform_all(database, tenant, tmp_path)
    run = await run_now(database, tenant, run_id)
    assert (run.status, run.counts, run.attempts) == ("done", {"made": 3}, 1)
    assert await _kinds(database, tenant) == 3


async def test_what_never_passes_ends_in_a_failed_run(database: Database, tmp_path: Path) -> None:
    tenant, run_id, _ = await _asked(database)

    async def always(session: WriteSession, number: int) -> None:
        raise ConnectionError

    ACCIDENTS.append(always)
    for _ in range(MOST_ATTEMPTS):
        assert (await run_now(database, tenant, run_id)).status in ("waiting", "running")
        await hurry(database, tenant)
        await perform(database, tenant, tmp_path)
    run = await run_now(database, tenant, run_id)
    assert (run.status, run.error["code"], run.error["kind"]) == ("failed", "run_fault", "ConnectionError")
    assert await waiting(database, tenant) == 0


async def test_a_typed_failure_stops_the_run_with_its_text_and_it_resumes(database: Database, tmp_path: Path) -> None:
    tenant, run_id, actor = await _asked(database)
    once_at(1, _refuse)
    await perform(database, tenant, tmp_path)
    run = await run_now(database, tenant, run_id)
    assert (run.status, run.done, run.error["code"]) == ("failed", 1, "invalid_input")
    assert "名称过长" in run.error["problems"][0]["zh-CN"]
    assert await waiting(database, tenant) == 0
    await perform(database, tenant, tmp_path)
    assert (await run_now(database, tenant, run_id)).status == "failed", "until somebody resumes it"
    async with database.write(tenant, actor) as session:
        await resume_run(session, run_id)
    await perform(database, tenant, tmp_path)
    run = await run_now(database, tenant, run_id)
    assert (run.status, run.attempts, run.error) == ("done", 2, None)
    assert await _kinds(database, tenant) == 3


async def test_a_fault_of_the_program_stops_the_run_at_once_tells_nothing_internal_and_it_resumes(
    database: Database, tmp_path: Path
) -> None:
    tenant, run_id, actor = await _asked(database)

    async def broken(_session: WriteSession) -> None:
        raise RuntimeError("secret of the machine")

    once_at(1, broken)
    await perform(database, tenant, tmp_path)
    run = await run_now(database, tenant, run_id)
    assert (run.status, run.attempts, run.done, run.position) == ("failed", 1, 1, {"next": 1})
    assert run.error["code"] == "run_fault"
    assert "已保存" in run.error["zh-CN"]
    assert "is kept" in run.error["en"]
    assert "恢复" in run.error["remedy"]["zh-CN"]
    assert run.error["remedy"]["en"].startswith("Resume it")
    assert "secret" not in str(run.error)
    assert await _kinds(database, tenant) == 1, "the chunk is undone, those before it stand"
    (job,) = await _jobs(database, tenant)
    assert (job.status, job.error) == (JobStatus.DONE, None), "a fault is not tried again until somebody resumes it"
    async with database.write(tenant, actor) as session:
        await resume_run(session, run_id)
    await perform(database, tenant, tmp_path)
    run = await run_now(database, tenant, run_id)
    assert (run.status, run.attempts, run.error, run.counts) == ("done", 2, None, {"made": 3})
    assert await _kinds(database, tenant) == 3
    assert len(SEEN) == 4, "only the broken chunk was done again"


async def test_a_cancelled_run_stops_between_chunks(database: Database, tmp_path: Path) -> None:
    tenant, run_id, actor = await _asked(database)
    waits = asyncio.Event()

    async def cancel() -> None:
        await waits.wait()
        async with database.write(tenant, actor) as session:
            await cancel_run(session, run_id)

    async def begin(_session: WriteSession) -> None:
        waits.set()
        await asyncio.sleep(0.3)

    once_at(1, begin)
    cancelling = asyncio.create_task(cancel())
    await perform(database, tenant, tmp_path)
    await cancelling
    run = await run_now(database, tenant, run_id)
    assert run.status == "cancelled"
    assert run.done == await _kinds(database, tenant) == 2
    assert await waiting(database, tenant) == 0
    await perform(database, tenant, tmp_path)
    assert await _kinds(database, tenant) == 2


@pytest.mark.parametrize("how", ["left", "right"])
async def test_who_left_or_lost_the_right_drives_no_more(database: Database, tmp_path: Path, how: str) -> None:
    tenant, run_id, actor = await _asked(database)
    async with database.write(tenant, TESTS) as session:
        if how == "left":
            gone = update(User).where(session.within(User), User.id == actor.id)
            await session.execute(gone.values(status=UserStatus.DISABLED, version=User.version + 1))
        else:
            await session.execute(delete(RoleAssignment).where(session.within(RoleAssignment)))
    await perform(database, tenant, tmp_path)
    run = await run_now(database, tenant, run_id)
    assert (run.status, run.error["code"]) == ("failed", "run_driver_gone" if how == "left" else "forbidden")
    assert await _kinds(database, tenant) == 0
    _, colleague = await somebody(database, tenant, RECORDS_IMPORT)
    async with database.write(tenant, colleague) as session:
        await resume_run(session, run_id)
    await perform(database, tenant, tmp_path)
    run = await run_now(database, tenant, run_id)
    assert (run.status, run.requested_by, {one.id for one in SEEN}) == ("done", actor.id, {colleague.id})


async def test_a_right_lost_on_the_way_stops_the_run_at_the_next_chunk(database: Database, tmp_path: Path) -> None:
    tenant, run_id, _ = await _asked(database)

    async def lose(session: WriteSession) -> None:
        await session.execute(delete(RoleAssignment).where(session.within(RoleAssignment)))

    once_at(1, lose)
    await perform(database, tenant, tmp_path)
    run = await run_now(database, tenant, run_id)
    assert (run.status, run.done, run.error["code"]) == ("failed", 2, "forbidden")


async def test_rights_and_reach_are_those_of_the_request(database: Database, tmp_path: Path) -> None:

    tenant = await make_tenant(database)
    user, both = await somebody(database, tenant, RECORDS_IMPORT, CLIENTS_EDIT, scope=Scope.OWN)
    token = type(both)(
        both.kind,
        user.id,
        user.name,
        None,
        tuple(
            type(grant)(grant.role_id, grant.role_key, frozenset({RECORDS_IMPORT.key}), grant.scope)
            for grant in both.grants
        ),
    )
    async with database.write(tenant, token) as session:
        await request_run(session, KIND, parameters={"chunks": 1})
    await perform(database, tenant, tmp_path)
    (seen,) = SEEN
    assert seen.permissions == {RECORDS_IMPORT.key}
    assert {grant.scope for grant in seen.grants} == {Scope.OWN}


async def test_the_platforms_own_runs_are_driven_by_the_platform(database: Database, tmp_path: Path) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, system("nightly")) as session:
        run = await request_run(session, KIND, parameters={"chunks": 1})
    await perform(database, tenant, tmp_path)
    assert (await run_now(database, tenant, run.id)).status == "done"
    assert {one.kind for one in SEEN} == {ActorKind.SYSTEM}


async def test_two_workers_at_once_do_each_chunk_once(database: Database, tmp_path: Path) -> None:
    tenant, run_id, _ = await _asked(database, chunks=6)
    await asyncio.gather(*(perform(database, tenant, tmp_path) for _ in range(3)))
    await perform_all(database, tenant, tmp_path)
    run = await run_now(database, tenant, run_id)
    assert (run.status, run.counts) == ("done", {"made": 6})
    assert await _kinds(database, tenant) == 6


async def test_who_drives_by_hand_meanwhile_watches(database: Database, tmp_path: Path) -> None:
    tenant, run_id, actor = await _asked(database, chunks=4)

    async def slowly(_session: WriteSession, _number: int) -> None:
        await asyncio.sleep(0.2)

    ACCIDENTS.append(slowly)
    working = asyncio.create_task(perform(database, tenant, tmp_path))
    while not SEEN:
        await asyncio.sleep(0.01)
    told: list[str] = []
    tools = RunTools(LocalFileStore(tmp_path))
    run = await drive(database, tenant, actor, run_id, tools, progress=lambda run: told.append(run.status))
    await working
    assert (run.status, run.counts) == ("done", {"made": 4})
    assert told[-1] == "done"
    assert await _kinds(database, tenant) == 4


async def test_who_watches_hears_of_a_failure(database: Database, tmp_path: Path) -> None:
    tenant, run_id, actor = await _asked(database, chunks=4)

    async def slowly(_session: WriteSession, number: int) -> None:
        await asyncio.sleep(0.3)
        if number == 1:
            await _refuse(_session)

    ACCIDENTS.append(slowly)
    working = asyncio.create_task(perform(database, tenant, tmp_path))
    while not SEEN:
        await asyncio.sleep(0.01)
    with pytest.raises(RunFailed):
        await drive(database, tenant, actor, run_id, RunTools(LocalFileStore(tmp_path)))
    await working


async def test_a_worker_leaves_alone_what_somebody_drives(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driving, "WAIT_SECONDS", 0.01)
    tenant, run_id, _ = await _asked(database)
    async with database.write(tenant, TESTS) as session:
        held = datetime.now(UTC) + timedelta(seconds=1)
        mine = update(Run).where(session.within(Run), Run.id == run_id)
        await session.execute(mine.values(held_by=new_id(), held_until=held, version=Run.version + 1))
    await perform(database, tenant, tmp_path)
    run = await run_now(database, tenant, run_id)
    assert run.status == "done"
    assert run.started_at >= held, "once the other has let go, or died"


async def test_a_hold_that_ends_as_it_is_looked_at_leaves_the_run_to_the_next_turn(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant, run_id, _ = await _asked(database)
    looks = iter([True])
    monkeypatch.setattr(driving, "WAIT_SECONDS", 0.01)
    monkeypatch.setattr(driving, "held_by_another", lambda *_: next(looks, False))
    await perform(database, tenant, tmp_path)
    assert (await run_now(database, tenant, run_id)).status == "done"


async def test_a_run_without_a_job_is_given_one(database: Database, tmp_path: Path) -> None:
    tenant, run_id, _ = await _asked(database)
    over = await _over(database, tenant)
    async with database.write(tenant, TESTS) as session:
        assert await sweep_runs(session) == 0
        lost = update(OutboxJob).where(session.within(OutboxJob))
        await session.execute(lost.values(status=JobStatus.DISCARDED, done_at=func.now()))
    async with database.write(tenant, TESTS) as session:
        assert await sweep_runs(session) == 1
        assert await sweep_runs(session) == 0
    await perform(database, tenant, tmp_path)
    assert (await run_now(database, tenant, run_id)).status == "done"
    assert (await run_now(database, tenant, over)).status == "cancelled"


async def _over(database: Database, tenant: UUID) -> UUID:
    async with database.write(tenant, TESTS) as session:
        run = await request_run(session, KIND, period="over", parameters={"chunks": 1})
        await cancel_run(session, run.id)
        return run.id


async def test_a_run_of_a_kind_that_this_version_lacks_waits_for_one_that_has_it(
    database: Database, tmp_path: Path
) -> None:
    tenant, run_id, _ = await _asked(database)
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(RUN_KINDS, KIND)
        await perform(database, tenant, tmp_path)
    assert (await run_now(database, tenant, run_id)).status == "waiting"
    await perform_all(database, tenant, tmp_path)
    assert (await run_now(database, tenant, run_id)).status == "done"


async def test_a_forged_job_finds_nothing(database: Database, tmp_path: Path) -> None:

    tenant, run_id, _ = await _asked(database)
    other = await make_tenant(database)
    async with database.write(other, TESTS) as session:
        await enqueue(session, ADVANCE, {"run_id": run_id})
    await perform(database, other, tmp_path)
    assert (await run_now(database, tenant, run_id)).status == "waiting"
    assert SEEN == []
