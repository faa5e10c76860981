"""A county of invented retailers, graded by the tobacco plugin's scheme."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from steward_core.clients.models import Client, ClientFact
from steward_core.custom_fields.models import FieldIndexEntry
from steward_core.database.bulk import insert_many
from steward_core.forms.bulk import NewRecords, insert_records
from steward_core.forms.documents import fill
from steward_core.forms.models import FormRecord
from steward_core.gradings.binding import bind
from steward_core.gradings.models import Grading
from steward_core.gradings.service import request_grading
from steward_core.industry.registry import form_of
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools, drive
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.plugins.service import set_plugin
from tests.core.factories import make_client
from tests.factories import TESTS, make_tenant, make_unit

SCHEME = "tobacco.retailer_grading"
FORM = "tobacco.retailer_grading"
TODAY = date(2026, 10, 12)
QUARTER = tuple(date(2026, month, 1) for month in (7, 8, 9))
BEFORE = tuple(date(2026, month, 1) for month in (4, 5, 6))
TOOLS = RunTools(files=None)  # type: ignore[arg-type]  # a grading reads and writes no files


@dataclass(frozen=True)
class County:
    """A tenant with one unit and its retailers' ids."""

    tenant_id: UUID
    unit_id: UUID
    clients: tuple[UUID, ...]


async def make_county(database: Database, retailers: int, **settings: Any) -> County:
    """A new tenant with the tobacco plugin on and a county of retailers, without figures."""
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        await set_plugin(session, "tobacco", enabled=True, settings=settings)
    unit_id, clients = await add_county(database, tenant_id, retailers)
    return County(tenant_id, unit_id, clients)


async def add_county(database: Database, tenant_id: UUID, retailers: int) -> tuple[UUID, tuple[UUID, ...]]:
    """Another county of the tenant."""
    async with database.write(tenant_id, TESTS) as session:
        unit = make_unit(session, name="测试县")
        await session.flush()
        clients = [make_retailer(session, unit.id) for _ in range(retailers)]
        await session.flush()
        return unit.id, tuple(client.id for client in clients)


def make_retailer(session: WriteSession, unit_id: UUID | None, **values: object) -> Client:
    """One retailer (row only)."""
    return make_client(session, **{"kind": "retailer", "unit_id": unit_id, **values})


async def add_facts(
    session: WriteSession, figures: Mapping[UUID, Mapping[str, float]], months: tuple[date, ...] = QUARTER
) -> None:
    """The same figures of a client in each month."""
    rows = [
        (client, metric, month, Decimal(str(value)))
        for client, named in figures.items()
        for metric, value in named.items()
        for month in months
    ]
    count = len(rows)
    await insert_many(
        session,
        ClientFact,
        {
            "client_id": [row[0] for row in rows],
            "metric": [row[1] for row in rows],
            "period": [row[2] for row in rows],
            "value": [row[3] for row in rows],
            "source": ["tests"] * count,
            "revision": [1] * count,
            "booked_on": [row[2] for row in rows],
            "recorded_by": [session.actor.id] * count,
        },
    )


def some_figures(random: Random) -> dict[str, float]:
    """Plausible figures of a month."""
    cartons, due = random.randrange(3, 120), 4
    placed = random.randrange(2, 5)
    return {
        "order_volume": cartons,
        "order_amount": cartons * random.randrange(8_000, 32_000),
        "orders_due": due,
        "orders_placed": placed,
        "orders_fulfilled": random.randrange(1, placed + 1),
        "settlement_attempts": placed,
        "settlement_successes": random.randrange(1, placed + 1),
    }


async def fill_county(database: Database, county: County, seed: int = 1) -> None:
    """Figures for all retailers, for the quarter and the one before."""
    random = Random(seed)
    async with database.write(county.tenant_id, TESTS) as session:
        await add_facts(session, {client: some_figures(random) for client in county.clients}, QUARTER)
        await add_facts(session, {client: some_figures(random) for client in county.clients}, BEFORE)


async def add_records(session: WriteSession, full_key: str, documents: Mapping[UUID, Mapping[str, Any]]) -> None:
    """One filed record of a form for each client."""
    form = form_of(full_key)
    filled = [fill(form, document) for document in documents.values()]
    await insert_records(
        session,
        form,
        full_key,
        NewRecords(
            subject_ids=list(documents),
            client_ids=list(documents),
            documents=[one.document for one in filled],
            computed=[one.computed for one in filled],
            state="filed",
        ),
    )


async def graded(
    database: Database,
    county: County,
    actor: Actor = TESTS,
    *,
    today: date = TODAY,
    period: date | None = None,
) -> Grading:
    """A grading, computed up to its preview."""
    async with database.write(county.tenant_id, actor) as session:
        grading, run = await request_grading(session, SCHEME, county.unit_id, today=today, period=period)
    await drive(database, county.tenant_id, actor, run.id, TOOLS)
    return await grading_of(database, county, grading.id)


async def grading_of(database: Database, county: County, grading_id: UUID) -> Grading:
    """A grading as it stands."""
    async with database.read(county.tenant_id, TESTS) as session:
        found = await session.get(Grading, grading_id)
    assert found is not None
    return found


async def run_of(database: Database, county: County, run_id: UUID) -> Run:
    """A run as it stands."""
    async with database.read(county.tenant_id, TESTS) as session:
        found = await session.get(Run, run_id)
    assert found is not None
    return found


async def tiers(database: Database, county: County) -> dict[UUID, str | None]:
    """The tier of each client."""
    async with database.read(county.tenant_id, TESTS) as session:
        rows = await session.rows(select(Client.id, Client.tier).where(session.within(Client)))
    return {row[0]: row[1] for row in rows}


async def documents(database: Database, county: County, grading: Grading) -> dict[UUID, Mapping[str, object]]:
    """The documents of a grading's records by client."""
    async with database.read(county.tenant_id, TESTS) as session:
        rows = await session.rows(
            select(FormRecord.client_id, FormRecord.document).where(
                session.within(FormRecord), FormRecord.batch_id == grading.id
            )
        )
    return {row[0]: row[1] for row in rows}


async def states(database: Database, county: County, grading: Grading) -> set[str]:
    """The states of a grading's records."""
    async with database.read(county.tenant_id, TESTS) as session:
        return set(
            await session.scalars(
                select(FormRecord.state).where(session.within(FormRecord), FormRecord.batch_id == grading.id)
            )
        )


async def indexed(database: Database, county: County, field: str) -> int:
    """How many records the field index has under a field of the form."""
    async with database.read(county.tenant_id, TESTS) as session:
        return int(
            await session.scalar(
                select(func.count()).where(
                    session.within(FieldIndexEntry), FieldIndexEntry.field == f"tobacco.retailer_grading.{field}"
                )
            )
        )


async def bound(database: Database, county: County, grading: Grading, actor: Actor = TESTS) -> None:
    """Bind a grading."""
    async with database.write(county.tenant_id, actor) as session:
        await bind(session, grading.id, "评审会通过", today=TODAY)
