"""Kinds of jobs for the tests of workers; declared in the test process and in the processes that it starts.

What a job does it leaves in rows of the tenant: one unit for each time, so that twice shows.
"""

from __future__ import annotations

import asyncio
import os
import time
from uuid import uuid4

from steward_tenants.database.session import WriteSession
from steward_tenants.outbox.jobs import JobPlace, JobTools, Payload, Queue, declare_job
from tests.factories import TESTS, make_unit


async def leave_mark(session: WriteSession, payload: Payload, _tools: JobTools) -> None:
    """One unit, whose name is the job's number."""
    make_unit(session, code=uuid4().hex, name=str(payload["number"]))
    await session.flush()


async def leave_mark_slowly(session: WriteSession, payload: Payload, tools: JobTools) -> None:
    """As above, after a while."""
    await leave_mark(session, payload, tools)
    await asyncio.sleep(float(payload["seconds"]))


async def leave_mark_beside(place: JobPlace, payload: Payload) -> bool:
    """As above, in a session of its own; twice would be two marks."""
    async with place.database.write(place.tenant_id, TESTS) as session:
        await leave_mark(session, payload, place.tools)
    return True


async def kill_itself(_session: WriteSession, _payload: Payload, _tools: JobTools) -> None:
    """A job that takes its process with it."""
    os.abort()


async def eat(_session: WriteSession, _payload: Payload, _tools: JobTools) -> None:
    """A job that needs more memory than it may have."""
    eaten = [bytearray(8 * 1024 * 1024) for _ in range(64)]
    raise AssertionError(len(eaten))


async def sleep_long(_session: WriteSession, _payload: Payload, _tools: JobTools) -> None:
    """A job that goes on for longer than it may."""
    await asyncio.sleep(30)


async def never_yield(_session: WriteSession, _payload: Payload, _tools: JobTools) -> None:
    """A job that does not let the loop run."""
    time.sleep(0.8)  # noqa: ASYNC251 - that is what it is for


def declare() -> None:
    """Declare them all."""
    for queue in Queue:
        declare_job(f"test.mark_{queue}", "记号", "Mark", queue, in_session=leave_mark)
    declare_job("test.slow", "慢", "Slow", in_session=leave_mark_slowly)
    declare_job("test.beside", "旁", "Beside", beside=leave_mark_beside)
    declare_job("test.abort", "崩", "Abort", in_session=kill_itself, most_attempts=2)
    declare_job("test.eat", "吃", "Eat", in_session=eat, megabytes=100)
    declare_job("test.long", "长", "Long", in_session=sleep_long, seconds=0.5)
    declare_job("test.blocking", "堵", "Blocking", in_session=never_yield)


declare()
