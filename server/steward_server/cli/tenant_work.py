"""One transaction in one tenant as a signed-in person: what most commands of this command line are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from steward_server.cli.acting import Acting, acting
from steward_server.cli.workplace import work
from steward_server.settings import Settings
from steward_tenants.database.database import Database
from steward_tenants.database.session import ReadSession, WriteSession

T = TypeVar("T")


def reading(tenant: str, login: str, task: Callable[[ReadSession, Acting], Awaitable[T]]) -> T:
    """Run a query as the person of this login. Raises what signing in and the query raise."""

    async def run(database: Database, settings: Settings) -> T:
        who = await acting(database, settings, tenant, login)
        async with database.read(who.tenant.id, who.actor) as session:
            return await task(session, who)

    return work(run)


def writing(tenant: str, login: str, task: Callable[[WriteSession, Acting], Awaitable[T]]) -> T:
    """Run commands or sensitive reads as the person of this login; answers after the commit."""

    async def run(database: Database, settings: Settings) -> T:
        who = await acting(database, settings, tenant, login)
        async with database.write(who.tenant.id, who.actor) as session:
            return await task(session, who)

    return work(run)
