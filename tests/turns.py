"""Two transactions that overlap for certain: the second runs while the first has done its work and not committed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession

HEAD_START = 0.4
"""Seconds in which the second, were nothing to hold it back, would be done. Too few would only prove less."""

Work = Callable[[WriteSession], Awaitable[object]]


async def meanwhile(database: Database, tenant_id: UUID, actor: Actor, first: Work, second: Work) -> Exception | None:
    """Run `second` while `first` is done but not committed; the error that `second` ends with, if any."""

    async def attempt() -> Exception | None:
        try:
            async with database.write(tenant_id, actor) as session:
                await second(session)
        except Exception as error:
            return error
        return None

    async with database.write(tenant_id, actor) as session:
        await first(session)
        task = asyncio.create_task(attempt())
        await asyncio.sleep(HEAD_START)
    return await task
