"""An import checked, applied and undone by jobs alone, each turn in a process that remembers nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg
import pytest
from sqlalchemy import func, select

import steward_core.runs.jobs  # noqa: F401 - declares the job that steps through runs
from steward_core.clients.models import Client, ClientFact
from steward_core.imports import applying, opened
from steward_core.imports.edge import Request, begin, look, store_file
from steward_core.imports.effects import write_effects
from steward_core.imports.service import APPLY, apply_import, undo_import
from steward_core.runs.models import Run
from steward_core.runs.service import RUN_KINDS
from steward_tenants.database.session import WriteSession
from steward_tenants.outbox.jobs import JobTools, Queue
from steward_tenants.outbox.performing import perform_next
from steward_tenants.signin.mail import FolderMailer
from tests.cluster import Addresses
from tests.core.imports.conftest import World, csv_of
from tests.core.runs.places import hurry, run_now, waiting

HEADER = ["客户编码", "客户名称", "客户类型", "上级客户", "月收入"]
OPTIONS = {"fact_period": "2026-10"}
ROWS = 23


def lines() -> list[list[object]]:
    return [[f"C{n}", f"测试{n}公司", "company", f"C{n + 1}" if n == 3 else "", n] for n in range(1, ROWS + 1)]


async def by_jobs(world: World, run: Run) -> Any:
    """The run when no job waits any more; whoever does a turn knows nothing of the turns before."""
    place = world.place
    mailer = FolderMailer(place.tools.spool / "mail")
    tools = JobTools(place.tools.files, mailer, "https://steward.example", place.tools.spool)
    for _ in range(40):
        if not await waiting(place.database, place.tenant_id):
            return await run_now(place.database, place.tenant_id, run.id)
        await hurry(place.database, place.tenant_id)
        for queue in Queue:
            await perform_next(place.database, place.tenant_id, queue, tools)
        opened.close(run.id)
    raise AssertionError("the run does not end")


@pytest.fixture(autouse=True)
def short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RUN_KINDS, APPLY.key, replace(APPLY, turn_seconds=0.0))


async def test_an_import_by_jobs(
    world: World, monkeypatch: pytest.MonkeyPatch, addresses: Addresses, database_name: str
) -> None:
    place = world.place
    killed: list[int] = []

    async def dying(session: WriteSession, *rest: Any) -> None:
        await write_effects(session, *rest)
        pid = await session.scalar(select(func.pg_backend_pid()))
        killed.append(pid)
        if len(killed) == 3:
            with psycopg.connect(addresses.superuser(database_name), autocommit=True) as superuser:
                superuser.execute("select pg_terminate_backend(%s, 5000)", [pid])

    monkeypatch.setattr(applying, "write_effects", dying)
    file = await store_file(place, csv_of(HEADER, lines()), "客户.csv")
    batch, check = await begin(place, file.id, Request("client", options=OPTIONS))
    checked = await by_jobs(world, check)
    assert (checked.status, checked.done, checked.attempts) == ("done", ROWS, 1)
    async with place.database.write(place.tenant_id, place.actor) as session:
        apply = await apply_import(session, batch.id, today=place.today)
    applied = await by_jobs(world, apply)
    assert (applied.status, applied.done, applied.total, applied.attempts) == ("done", ROWS, ROWS, 1)
    assert applied.counts["created"] == ROWS
    assert len(killed) > 3, "a chunk was lost and done again"
    clients = await world.clients()
    assert len(clients) == await world.count(Client) == await world.count(ClientFact) == ROWS
    assert clients["C4"] is not None
    assert clients["C3"].parent_id == clients["C4"].id
    assert (await look(place, batch.id)).status == "applied"
    async with place.database.write(place.tenant_id, place.actor) as session:
        undo = await undo_import(session, batch.id, today=place.today)
    assert (await by_jobs(world, undo)).status == "done"
    assert (await look(place, batch.id)).status == "undone"
