"""`steward jobs`: a tenant's background jobs, seen, retried, given up, and done by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from uuid import UUID

import pytest

from steward_tenants.database.database import Database
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import NotFound
from steward_tenants.outbox.jobs import JOB_KINDS, JobTools, Payload, Queue, declare_job
from steward_tenants.outbox.service import enqueue
from tests.factories import TESTS
from tests.server.cli.console import ADMIN, MANAGER, TENANT, Console, in_thread

KIND = "tests.of_the_command_line"
NO_SUCH = "01900000-0000-7000-8000-000000000000"


@pytest.fixture(autouse=True)
def broken() -> Iterator[list[bool]]:
    """A kind of job that fails as long as the list is not empty."""
    state = [True]

    async def maybe(_session: WriteSession, _payload: Payload, _tools: JobTools) -> None:
        if state:
            raise NotFound(kind="客户")

    declare_job(KIND, "测试任务", "Test job", Queue.BULK, in_session=maybe)
    yield state
    del JOB_KINDS[KIND]


async def tenant_of(session: TenantSession) -> UUID:
    return session.tenant_id


def ask_for(console: Console) -> str:
    tenant_id = console.look(tenant_of)

    async def write() -> UUID:
        database = Database(console.settings)
        try:
            async with database.write(tenant_id, TESTS) as session:
                return await enqueue(session, KIND, {"number": 7})
        finally:
            await database.dispose()

    return str(in_thread(lambda: asyncio.run(write())))


def test_a_job_that_fails_is_read_retried_and_done(console: Console, broken: list[bool]) -> None:
    who = ["--login", ADMIN]
    job_id = ask_for(console)
    drain = ["jobs", "drain", TENANT, "--queue", "bulk", *who]
    assert "1" in console(*drain).err
    (listed,) = console("jobs", "list", TENANT, "--status", "dead", "--kind", KIND, *who, "--json").rows
    assert (listed["id"], listed["title"], listed["error"]) == (job_id, "测试任务 Test job", "not_found")
    assert console("jobs", "list", TENANT, "--after", job_id, "--kind", KIND, *who, "--json").rows == []
    shown = console("jobs", "show", TENANT, job_id, *who, "--json").row
    assert shown["error_text"].startswith("找不到客户。")
    assert (shown["error_class"], shown["payload"], shown["queue"]) == ("refused", {"number": 7}, "bulk")
    broken.clear()
    assert console("jobs", "retry", TENANT, job_id, *who, "--json").row["status"] == "waiting"
    assert "1" in console(*drain).err
    shown = console("jobs", "show", TENANT, job_id, *who, "--json").row
    assert (shown["status"], shown["error"], shown["error_text"]) == ("done", None, None)
    assert console("jobs", "retry", TENANT, job_id, *who, "--json").error["code"] == "job_not_dead"


def test_a_job_is_given_up(console: Console) -> None:
    job_id = ask_for(console)
    words = ["jobs", "discard", TENANT, job_id, "--reason", "不再需要", "--login", ADMIN, "--json"]
    assert console(*words).row["status"] == "discarded"
    assert console(*words).error["code"] == "job_over"
    assert "0" in console("jobs", "drain", TENANT, "--queue", "bulk", "--login", ADMIN).err


def test_others_may_not(console: Console) -> None:
    for words in (["list"], ["show", NO_SUCH], ["retry", NO_SUCH], ["discard", NO_SUCH]):
        command, *rest = words
        assert console("jobs", command, TENANT, *rest, "--login", MANAGER, "--json").error["code"] == "forbidden"
    drained = console("jobs", "drain", TENANT, "--login", MANAGER)
    assert drained.code == 1
    assert "jobs" not in drained.out
    assert console("jobs", "show", TENANT, NO_SUCH, "--login", ADMIN, "--json").error["code"] == "not_found"
