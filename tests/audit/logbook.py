"""A tenant's log for one test: writing events, the sealer's steps one by one, and the hand of a superuser."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import select

from steward_tenants.audit.models import AuditEvent, AuditSeal
from steward_tenants.audit.sealer import Outcome, Waiting, finish, seal_tenant, waiting_tenants
from steward_tenants.audit.service import AUDIT_QUEUE, Subject, record
from steward_tenants.database.database import Database
from steward_tenants.directory.models import AuditAnchor, Doorbell
from tests.factories import TESTS, make_tenant


class Logbook:
    """One tenant's log."""

    def __init__(self, database: Database, tenant_id: UUID, superuser: str) -> None:
        self.database = database
        self.tenant_id = tenant_id
        self._superuser = superuser

    async def write(self, events: int = 1, **after: object) -> None:
        """Record events, each in a transaction of its own."""
        for number in range(events):
            async with self.database.write(self.tenant_id, TESTS, even_suspended=True) as session:
                await record(session, "test.write", Subject("thing"), after={"number": number, **after})

    async def waiting(self, events: int = 2000) -> Waiting:
        """The sealer's first step."""
        async with self.database.directory() as directory:
            found = await waiting_tenants(directory, UUID(int=self.tenant_id.int - 1), 1, events, 0)
        if found and found[0].tenant_id == self.tenant_id:
            return found[0]
        raise LookupError("nothing waits")

    async def seal_without_anchor(self, events: int = 2000) -> Outcome:
        """The first two steps: what a sealer has done that is killed before the third."""
        return await seal_tenant(self.database, await self.waiting(events), events)

    async def finish(self, outcome: Outcome) -> None:
        """The third step."""
        async with self.database.directory() as directory:
            await finish(directory, [outcome])

    async def seal(self, events: int = 2000) -> Outcome:
        """All three."""
        outcome = await self.seal_without_anchor(events)
        await self.finish(outcome)
        return outcome

    async def batches(self, count: int, events: int = 3) -> None:
        """Write and seal."""
        for _ in range(count):
            await self.write(events)
            await self.seal()

    async def seals(self) -> list[AuditSeal]:
        """All seals in order."""
        async with self.database.read(self.tenant_id, TESTS, even_suspended=True) as session:
            return list(
                await session.scalars(select(AuditSeal).where(session.within(AuditSeal)).order_by(AuditSeal.batch))
            )

    async def events(self) -> list[UUID]:
        """Ids of all events in order."""
        async with self.database.read(self.tenant_id, TESTS, even_suspended=True) as session:
            return list(
                await session.scalars(
                    select(AuditEvent.id).where(session.within(AuditEvent)).order_by(AuditEvent.at, AuditEvent.id)
                )
            )

    async def anchors(self) -> list[int]:
        """Anchored batches in order."""
        async with self.database.directory() as directory:
            return list(
                await directory.scalars(
                    select(AuditAnchor.batch).where(AuditAnchor.tenant_id == self.tenant_id).order_by(AuditAnchor.batch)
                )
            )

    async def doorbells(self) -> set[UUID]:
        """Events that the sealer still has to look at."""
        async with self.database.directory() as directory:
            return set(
                await directory.scalars(
                    select(Doorbell.job_id).where(Doorbell.queue == AUDIT_QUEUE, Doorbell.tenant_id == self.tenant_id)
                )
            )

    def tamper(self, statement: str, *values: Any) -> int:
        """Run a statement as superuser with `%(tenant)s` and `%(v0)s` …; gives the rows it touched."""
        parameters = {"tenant": self.tenant_id, **{f"v{number}": value for number, value in enumerate(values)}}
        with psycopg.connect(self._superuser, autocommit=True) as connection:
            return connection.execute(statement, parameters).rowcount


async def new_logbook(database: Database, superuser: str) -> Logbook:
    """The log of a new tenant."""
    return Logbook(database, await make_tenant(database), superuser)
