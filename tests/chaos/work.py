"""The work that goes on while things are killed: imports, nightly looks at clients, gradings, months, calls of the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import update

from steward_core.clients.models import Contract, ContractStatus
from steward_core.gradings.service import request_grading
from steward_core.imports.edge import Place as ImportPlace
from steward_core.imports.edge import Request, begin, store_file
from steward_core.imports.service import apply_import
from steward_core.permissions import CLIENTS_EDIT, CLIENTS_VIEW
from steward_core.runs.models import Run, RunStatus
from steward_core.schedules.models import SYSTEM_SOURCE, Schedule
from steward_core.schedules.planning import wake
from steward_tenants.access.queries import today
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.plugins.service import set_plugin
from steward_tenants.signin.accounts import set_password
from tests.chaos.caller import Caller
from tests.chaos.months import Month, begun
from tests.chaos.place import Place
from tests.core.factories import make_client, make_kinds, make_tiers
from tests.core.gradings.county import (
    SCHEME,
    TODAY,
    County,
    add_county,
    documents,
    fill_county,
    graded,
    grading_of,
    make_county,
)
from tests.core.imports.conftest import csv_of
from tests.core.runs.places import somebody
from tests.factories import TESTS, make_tenant, make_user

ZONE = "Asia/Shanghai"
ROWS = 240
FIRST_CHUNK = 100
"""Rows of an import's first transaction, so that it has several."""
RETAILERS = 30
AT_LEAST, MOST_WAITING = 5, 6
MONTH_EACH = 8
"""With the first step a company's month begins, and then with each so manieth."""
BREATH_SECONDS = 4.0
STALE, ENDING = 3, 2
PASSWORD = "Quiet-Lantern-Meadow-2291"
HEADER = ("客户编码", "客户名称", "客户类型")
Results = list[dict[str, object]]


@dataclass
class Import:
    """An import, of which nobody has asked yet that it be applied, or somebody has."""

    tenant_id: UUID
    batch_id: UUID
    check_id: UUID
    prefix: str
    applied: bool = False


@dataclass
class Graded:
    """A grading that was asked for."""

    county: County
    grading_id: UUID


@dataclass
class Work:
    """What was asked for. Everything is asked for while all servers are there, and done while they come and go."""

    place: Place
    tobacco: UUID
    other: UUID
    caller: Caller
    imports: list[Import] = field(default_factory=list)
    gradings: list[Graded] = field(default_factory=list)
    months: list[Month] = field(default_factory=list)
    owners: list[UUID] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: count(1))

    @property
    def database(self) -> Database:
        return self.place.database

    async def step(self) -> None:
        """Ask for a little more, unless much is left to do: how soon all is done after the last kill shall tell how
        soon things recover, not how fast this machine is."""
        await self.go_on()
        if len(self.owners) >= AT_LEAST and self.waiting() >= MOST_WAITING:
            return
        number = next(self._numbers)
        tenant_id = (self.tobacco, self.other)[number % 2]
        await self.look(tenant_id, number)
        if number % MONTH_EACH == 1:
            self.months.append((await begun(self.database))[0])
        if number % 3 == 0:
            await self.grade()
        else:
            await self.send(tenant_id, number)

    def waiting(self) -> int:
        """How many jobs are due that nobody has done yet."""
        due = "select count(*) as jobs from app.outbox_job where status = 'waiting' and due <= now()"
        return int(self.place.rows(due)[0]["jobs"])

    async def breath(self) -> None:
        """Let those who do the work catch up a little: kills that come faster than anything can recover would show
        nothing but that."""
        await self.place.until(lambda: self.waiting() < MOST_WAITING, BREATH_SECONDS)

    async def send(self, tenant_id: UUID, number: int) -> None:
        """A file of clients, to be checked."""
        place = self._import_place(tenant_id)
        prefix = f"I{number:04}"
        rows = [(f"{prefix}-{row}", f"远山{prefix}第{row}公司", "company") for row in range(ROWS)]
        file = await store_file(place, csv_of(HEADER, rows), "客户.csv")
        batch, run = await begin(place, file.id, Request("client"))
        self.imports.append(Import(tenant_id, batch.id, run.id, prefix))

    async def go_on(self) -> None:
        """Apply what was checked, and close the months that are open."""
        for month in self.months:
            await month.go_on(self.database)
        for one in self.imports:
            if one.applied:
                continue
            async with self.database.write(one.tenant_id, TESTS) as session:
                check = await session.get(Run, one.check_id)
                if check is None or check.status != RunStatus.DONE:
                    continue
                run = await apply_import(session, one.batch_id, today=self._today, zone=ZONE)
                await session.execute(
                    update(Run).where(session.within(Run), Run.id == run.id).values(chunk_size=FIRST_CHUNK)
                )
            one.applied = True

    async def look(self, tenant_id: UUID, number: int) -> None:
        """An owner with clients to be confirmed and contracts that end, and a nightly look that is due."""
        async with self.database.write(tenant_id, TESTS) as session:
            owner = make_user(session)
            await session.flush()
            for place in range(STALE):
                long_ago = self._today - timedelta(days=60)
                client = make_client(
                    session,
                    owner_id=owner.id,
                    tier="A",
                    name=f"待复核{number}-{place}",
                    basic_confirmed_on=long_ago,
                    personal_confirmed_on=long_ago,
                )
                if place < ENDING:
                    await session.flush()
                    session.add(self._contract(client.id))
            schedule = Schedule(
                id=new_id(),
                key=f"night-{number}",
                title_zh="夜间检查",
                title_en="Nightly look",
                task="clients.nightly",
                rule="30 2 * * *",
                source=SYSTEM_SOURCE,
                answers_to=TESTS.id,
                counted_from=datetime.now(UTC) - timedelta(days=1, minutes=1),
            )
            session.add(schedule)
            await wake(session, datetime.now(UTC))
        self.owners.append(owner.id)

    def _contract(self, client_id: UUID) -> Contract:
        return Contract(
            id=new_id(),
            client_id=client_id,
            number=str(new_id()),
            title="专线",
            status=ContractStatus.ACTIVE,
            start_on=self._today - timedelta(days=400),
            end_on=self._today + timedelta(days=25),
            created_by=TESTS.id,
        )

    async def grade(self) -> None:
        """A county of its own, to be graded; all counties have the same figures."""
        unit_id, clients = await add_county(self.database, self.tobacco, RETAILERS)
        county = County(self.tobacco, unit_id, clients)
        await fill_county(self.database, county)
        async with self.database.write(self.tobacco, TESTS) as session:
            grading, _ = await request_grading(session, SCHEME, unit_id, today=TODAY)
        self.gradings.append(Graded(county, grading.id))

    async def expected(self) -> Results:
        """What a grading gives that nobody disturbs."""
        county = await make_county(self.database, RETAILERS)
        await fill_county(self.database, county)
        grading = await graded(self.database, county)
        found = await documents(self.database, county, grading)
        return [dict(found[client]) for client in county.clients]

    async def results(self, one: Graded) -> Results | None:
        """What a grading gave; None: not for each of its clients."""
        grading = await grading_of(self.database, one.county, one.grading_id)
        found = await documents(self.database, one.county, grading)
        if set(found) != set(one.county.clients):
            return None
        return [dict(found[client]) for client in one.county.clients]

    @property
    def _today(self) -> date:
        return today(ZONE)

    def _import_place(self, tenant_id: UUID) -> ImportPlace:
        return ImportPlace(self.database, self.place.tools, tenant_id, TESTS, self._today, ZONE)


async def prepare(place: Place, seed: int) -> Work:
    """Two tenants, and a program that calls the API for the first."""
    database = place.database
    county = await make_county(database, 1)
    other = await make_tenant(database)
    for tenant_id in (county.tenant_id, other):
        async with database.write(tenant_id, TESTS) as session:
            make_kinds(session)
            make_tiers(session)
    async with database.write(other, TESTS) as session:
        await set_plugin(session, "tobacco", enabled=False)
    person, _ = await somebody(database, county.tenant_id, CLIENTS_VIEW, CLIENTS_EDIT)
    await set_password(database, person.account_id, PASSWORD)
    caller = Caller(place.api_url, person.login, PASSWORD, str(county.clients[0]), seed)
    return Work(place, county.tenant_id, other, caller)
