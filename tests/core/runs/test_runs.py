"""Runs: a chunk and its progress commit together; what failed is resumed where its last whole chunk ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from steward_core.clients.models import ClientKind
from steward_core.permissions import CUSTOM_FIELDS_MANAGE, RECORDS_IMPORT
from steward_core.runs.errors import RunEnded, RunExists, RunKindUnknown, RunNotFound
from steward_core.runs.models import Run, RunStatus
from steward_core.runs.queries import run_of, runs
from steward_core.runs.service import (
    RUN_KINDS,
    RunTools,
    advance,
    cancel_run,
    declare_run_kind,
    drive,
    request_run,
    resume_run,
)
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import Forbidden, invalid
from steward_tenants.files.store import LocalFileStore
from tests.factories import actor_with, make_tenant
from tests.turns import meanwhile

KIND = "tests.kinds"
BREAK_AT: list[int] = []


async def _one_kind_a_chunk(session: WriteSession, run: Run, tools: RunTools) -> bool:
    number = run.position.get("next", 0)
    session.add(ClientKind(key=f"k{number}", title_zh="类", title_en="kind"))
    await session.flush()
    if number in BREAK_AT:
        BREAK_AT.remove(number)
        raise invalid("rows.7.name", "length", "名称过长。", "The name is too long.")
    run.position = {"next": number + 1}
    run.done, run.total = number + 1, run.parameters["chunks"]
    run.counts = {"made": number + 1}
    return bool(run.done == run.total)


@pytest.fixture(autouse=True)
def kind() -> Iterator[None]:
    declare_run_kind(KIND, "测试任务", "Test run", RECORDS_IMPORT, _one_kind_a_chunk)
    yield
    del RUN_KINDS[KIND]
    BREAK_AT.clear()


@pytest.fixture
def tools(tmp_path: Path) -> RunTools:
    return RunTools(LocalFileStore(tmp_path))


IMPORTER = actor_with(RECORDS_IMPORT)


async def _asked(database: Database, chunks: int = 3, actor: Actor = IMPORTER) -> tuple[UUID, UUID]:
    tenant = await make_tenant(database)
    async with database.write(tenant, actor) as session:
        run = await request_run(session, KIND, subject="a", parameters={"chunks": chunks})
    return tenant, run.id


async def _kinds(database: Database, tenant: UUID) -> int:
    async with database.read(tenant, IMPORTER) as session:
        number: int = await session.scalar(
            select(func.count()).select_from(ClientKind).where(session.within(ClientKind))
        )
        return number


async def test_a_run_is_driven_to_its_end_and_tells_of_every_chunk(database: Database, tools: RunTools) -> None:
    tenant, run_id = await _asked(database)
    told: list[tuple[int, int, str]] = []
    run = await drive(
        database, tenant, IMPORTER, run_id, tools, progress=lambda run: told.append((run.done, run.total, run.status))
    )
    assert told == [(1, 3, "running"), (2, 3, "running"), (3, 3, "done")]
    assert (run.status, run.counts, run.attempts) == (RunStatus.DONE, {"made": 3}, 1)
    assert run.finished_at is not None
    assert await _kinds(database, tenant) == 3
    again = await drive(database, tenant, IMPORTER, run_id, tools)
    assert again.status == RunStatus.DONE
    assert await _kinds(database, tenant) == 3


async def test_a_failed_chunk_is_undone_and_the_run_resumes_there(database: Database, tools: RunTools) -> None:
    tenant, run_id = await _asked(database)
    BREAK_AT.append(1)
    with pytest.raises(Exception, match="invalid_input"):
        await drive(database, tenant, IMPORTER, run_id, tools)
    assert await _kinds(database, tenant) == 1
    async with database.read(tenant, IMPORTER) as session:
        failed = await run_of(session, run_id)
        assert (failed.status, failed.done, failed.position) == ("failed", 1, {"next": 1})
        assert failed.error is not None
        assert failed.error["problems"][0]["path"] == ["rows", "7", "name"]
        assert "名称过长" in failed.error["problems"][0]["zh-CN"]
    async with database.write(tenant, IMPORTER) as session:
        await resume_run(session, run_id)
    run = await drive(database, tenant, IMPORTER, run_id, tools)
    assert (run.status, run.attempts, run.error) == ("done", 2, None)
    assert await _kinds(database, tenant) == 3


async def test_an_unknown_failure_says_nothing_internal(
    database: Database, tools: RunTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant, run_id = await _asked(database)

    async def broken(session: WriteSession, run: Run, tools: RunTools) -> bool:
        raise RuntimeError("secret of the machine")

    known = RUN_KINDS[KIND]
    monkeypatch.setitem(RUN_KINDS, KIND, type(known)(known.key, known.title, known.permission, broken))
    with pytest.raises(RuntimeError):
        await drive(database, tenant, IMPORTER, run_id, tools)
    async with database.read(tenant, IMPORTER) as session:
        error: Any = (await run_of(session, run_id)).error
    assert error["code"] == "run_fault"
    assert error["kind"] == "RuntimeError"
    assert "secret" not in str(error)


async def test_a_cancelled_run_keeps_what_its_chunks_did_and_does_no_more(database: Database, tools: RunTools) -> None:
    tenant, run_id = await _asked(database)
    async with database.write(tenant, IMPORTER) as session:
        await advance(session, run_id, tools)
    async with database.write(tenant, IMPORTER) as session:
        await cancel_run(session, run_id, reason="不再需要")
    run = await drive(database, tenant, IMPORTER, run_id, tools)
    assert (run.status, run.done) == ("cancelled", 1)
    assert await _kinds(database, tenant) == 1
    async with database.write(tenant, IMPORTER) as session:
        with pytest.raises(RunEnded):
            await resume_run(session, run_id)
        with pytest.raises(RunEnded):
            await cancel_run(session, run_id)
    async with database.read(tenant, IMPORTER) as session:
        actions = await session.scalars(
            select(AuditEvent.action).where(session.within(AuditEvent)).order_by(AuditEvent.at)
        )
    assert list(actions) == ["runs.request", "runs.cancel"]


async def test_the_same_work_is_asked_for_once(database: Database) -> None:
    tenant, run_id = await _asked(database)
    async with database.write(tenant, IMPORTER) as session:
        with pytest.raises(RunExists) as refused:
            await request_run(session, KIND, subject="a")
        assert refused.value.values["id"] == run_id
        other = await request_run(session, KIND, subject="a", period="2026-11", parameters={"chunks": 1})
    async with database.read(tenant, IMPORTER) as session:
        assert [run.id for run in await runs(session)] == [other.id, run_id]
        assert [run.id for run in await runs(session, after=other.id)] == [run_id]
        assert await runs(session, status=RunStatus.DONE) == []
        assert await runs(session, kind="other") == []


async def test_runs_are_seen_and_steered_by_those_who_may_start_them(database: Database, tools: RunTools) -> None:
    tenant, run_id = await _asked(database)
    stranger = actor_with()
    async with database.write(tenant, stranger) as session:
        with pytest.raises(Forbidden):
            await request_run(session, KIND, subject="b")
        with pytest.raises(Forbidden):
            await cancel_run(session, run_id)
        with pytest.raises(Forbidden):
            await advance(session, run_id, tools)
        assert await runs(session) == []
        with pytest.raises(RunNotFound):
            await run_of(session, run_id)
    async with database.write(tenant, IMPORTER) as session:
        with pytest.raises(RunKindUnknown):
            await request_run(session, "no.such")
        with pytest.raises(RunNotFound):
            await advance(session, new_id(), tools)
    other = await make_tenant(database)
    async with database.write(other, IMPORTER) as session:
        with pytest.raises(RunNotFound):
            await advance(session, run_id, tools)


async def test_who_may_not_steer_a_run_does_not_mark_it_failed(database: Database, tools: RunTools) -> None:
    tenant, run_id = await _asked(database)
    for stranger in (actor_with(), actor_with(RECORDS_IMPORT, scope=Scope.OWN)):
        with pytest.raises((Forbidden, RunNotFound)):
            await drive(database, tenant, stranger, run_id, tools)
    async with database.read(tenant, IMPORTER) as session:
        assert (await run_of(session, run_id)).status == RunStatus.WAITING


async def test_somebody_elses_run_is_for_those_who_reach_everything(database: Database, tools: RunTools) -> None:
    """A run works on what its driver reaches, and its parameters and errors tell of rows."""
    colleague, other = (actor_with(RECORDS_IMPORT, scope=Scope.OWN) for _ in range(2))
    tenant, run_id = await _asked(database, actor=colleague)
    async with database.write(tenant, other) as session:
        assert await runs(session) == []
        with pytest.raises(RunNotFound):
            await runs(session, after=run_id)
        for steer in (run_of, cancel_run, resume_run):
            with pytest.raises(RunNotFound):
                await steer(session, run_id)
        with pytest.raises(RunNotFound):
            await advance(session, run_id, tools)
    async with database.read(tenant, IMPORTER) as session:
        assert [run.id for run in await runs(session)] == [run_id]
    async with database.write(tenant, colleague) as session:
        assert [run.id for run in await runs(session)] == [run_id]
        await advance(session, run_id, tools)
    assert (await drive(database, tenant, IMPORTER, run_id, tools)).status == RunStatus.DONE


async def test_runs_of_the_tenants_administration_are_common_to_its_administrators(
    database: Database, tools: RunTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = RUN_KINDS[KIND]
    common = type(known)(known.key, known.title, CUSTOM_FIELDS_MANAGE, known.advance)
    monkeypatch.setitem(RUN_KINDS, KIND, common)
    one, other = (actor_with(CUSTOM_FIELDS_MANAGE, scope=Scope.OWN) for _ in range(2))
    tenant, run_id = await _asked(database, chunks=1, actor=one)
    assert (await drive(database, tenant, other, run_id, tools)).status == RunStatus.DONE


async def test_two_who_ask_for_the_same_run_at_once(database: Database) -> None:
    tenant = await make_tenant(database)

    async def ask(session: WriteSession) -> None:
        await request_run(session, KIND, subject="a", parameters={"chunks": 1})

    assert isinstance(await meanwhile(database, tenant, IMPORTER, ask, ask), RunExists)
