"""One client handed over, claimed, returned and merged at once; and what the survivor of a merge shows."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from steward_core.clients.fact_queries import attributed, current_facts
from steward_core.clients.fact_readings import facts_of_client
from steward_core.clients.hand_over import HandOverSelection, apply_due_hand_overs, plan_hand_over
from steward_core.clients.merge import merge_clients
from steward_core.clients.models import Client, ClientFact, ClientOwnership, ClientStatus, Metric
from steward_core.clients.ownership import FOREVER
from steward_core.clients.pool import claim, return_to_pool
from steward_core.clients.pool_idle import return_idle
from steward_core.clients.service import set_parent
from steward_core.database.context import QueryContext
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.database import Database
from steward_tenants.errors import StewardError
from tests.core.clients.companies import TODAY, Company, make_company
from tests.core.factories import make_client
from tests.factories import TESTS


async def three(database: Database, company: Company, **values: Any) -> list[UUID]:
    async with database.write(company.tenant_id, TESTS) as session:
        made = [make_client(session, unit_id=company.east.id, **values) for _ in range(3)]
        await session.flush()
        return [client.id for client in made]


async def ownerships(database: Database, company: Company) -> dict[UUID, list[Any]]:
    """The rows of each client, checked against each other and against the client."""
    async with database.read(company.tenant_id, TESTS) as session:
        rows = await session.scalars(select(ClientOwnership).where(session.within(ClientOwnership)))
        clients = {one.id: one for one in await session.scalars(select(Client).where(session.within(Client)))}
    found: dict[UUID, list[Any]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.valid_from):
        found[row.client_id].append(row)
    for client_id, listed in found.items():
        assert all(one.valid_until == other.valid_from for one, other in pairwise(listed))
        last, client = listed[-1], clients[client_id]
        assert (last.valid_until, last.owner_id, last.unit_id) == (FOREVER, client.owner_id, client.unit_id)
        assert client.deputy_id is None or client.deputy_id != client.owner_id
        assert client.owner_id is None or client.pool_since is None
    return found


@pytest.mark.parametrize("turn", range(4))
async def test_whoever_comes_first_the_rows_hold(database: Database, turn: int) -> None:
    company = await make_company(database)
    one, other, third = await three(database, company)

    async def handed() -> Any:
        async with database.write(company.tenant_id, TESTS) as session:
            chosen = HandOverSelection(client_ids=(one, third))
            await plan_hand_over(session, chosen, company.deputy.id, effective_on=TODAY, reason="轮岗", today=TODAY)

    async def claimed() -> Any:
        async with database.write(company.tenant_id, company.as_manager) as session:
            await claim(session, one, today=TODAY)

    async def merged() -> Any:
        async with database.write(company.tenant_id, TESTS) as session:
            await merge_clients(session, other, one, reason="重复", today=TODAY)

    async def tied() -> Any:
        async with database.write(company.tenant_id, TESTS) as session:
            await set_parent(session, one, parent_id=other, today=TODAY)

    async def returned() -> Any:
        async with database.write(company.tenant_id, TESTS) as session:
            await return_to_pool(session, one, reason="退回", today=TODAY)

    steps = [handed, claimed, merged, tied, returned]
    ordered = steps[turn:] + steps[:turn]
    done = await asyncio.gather(*(step() for step in ordered), return_exceptions=True)
    assert all(result is None or isinstance(result, StewardError) for result in done), done
    await ownerships(database, company)


async def test_a_hand_over_due_for_a_closed_or_merged_client(database: Database) -> None:
    company = await make_company(database)
    one, other, closed = await three(database, company, owner_id=company.manager.id, deputy_id=company.deputy.id)
    later = TODAY + timedelta(days=5)
    async with database.write(company.tenant_id, TESTS) as session:
        chosen = HandOverSelection(client_ids=(one, other, closed))
        await plan_hand_over(session, chosen, company.deputy.id, effective_on=later, reason="轮岗", today=TODAY)
    async with database.write(company.tenant_id, TESTS) as session:
        await merge_clients(session, one, other, reason="重复", today=TODAY)
        gone = await session.get(Client, closed, lock=True)
        assert gone is not None
        gone.status = ClientStatus.CLOSED
    async with database.write(company.tenant_id, TESTS) as session:
        assert await apply_due_hand_overs(session, later) == 1
    rows = await ownerships(database, company)
    assert {listed[-1].owner_id for listed in rows.values()} == {company.deputy.id}


async def test_a_survivor_shows_the_figures_of_both_and_each_counts_once(database: Database) -> None:
    company = await make_company(database)
    one, other, third = await three(database, company, owner_id=company.manager.id)
    async with database.write(company.tenant_id, TESTS) as session:
        session.add(Metric(key="revenue", title_zh="收入", title_en="Revenue", measure="fen"))
        for client_id, value in ((one, 1), (other, 10), (third, 100)):
            session.add(
                ClientFact(
                    metric="revenue",
                    period=date(2026, 5, 1),
                    client_id=client_id,
                    source="boss",
                    revision=1,
                    value=Decimal(value),
                    booked_on=date(2026, 5, 31),
                    recorded_by=TESTS.id,
                )
            )
    async with database.write(company.tenant_id, TESTS) as session:
        await merge_clients(session, other, third, reason="重复", today=TODAY)
        await merge_clients(session, one, other, reason="重复", today=TODAY)
    async with database.read(company.tenant_id, TESTS) as session:
        shown = await facts_of_client(session, one, today=TODAY)
        assert {(line.client_id, int(line.value)) for line in shown} == {(one, 1), (other, 10), (third, 100)}
        assert [line.client_id for line in await facts_of_client(session, third, today=TODAY)] == [third]
        facts = current_facts(QueryContext(session, TODAY), "revenue")
        assert sum(row[0] for row in await session.rows(select(facts.c.value))) == 111
        shares = attributed(session, "revenue")
        owned = await session.rows(select(shares.c.owner_id, shares.c.value))
        assert {row[0] for row in owned} == {company.manager.id}
        assert sum(row[1] for row in owned) == 111


async def test_who_gets_a_client_while_idle_ones_return_keeps_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = await make_company(database)
    (one, *_) = await three(database, company, owner_id=company.manager.id, tier="B")
    day = TODAY + timedelta(days=800)
    started = asyncio.Event()
    waits = get_setting

    async def slow(*words: Any) -> Any:
        started.set()
        return await waits(*words)

    monkeypatch.setattr("steward_core.clients.pool_idle.get_setting", slow)

    async def returning() -> int:
        async with database.write(company.tenant_id, TESTS) as session:
            return await return_idle(session, day)

    async with database.write(company.tenant_id, TESTS) as session:
        chosen = HandOverSelection(client_ids=(one,))
        await plan_hand_over(session, chosen, company.deputy.id, effective_on=day, reason="轮岗", today=day)
        task = asyncio.create_task(returning())
        await started.wait()
        await asyncio.sleep(0.3)
    assert await task == 2
    rows = await ownerships(database, company)
    assert rows[one][-1].owner_id == company.deputy.id


async def test_the_later_activity_counts_after_a_merge(database: Database) -> None:
    company = await make_company(database)
    one, other, _ = await three(database, company, owner_id=company.manager.id)
    async with database.write(company.tenant_id, TESTS) as session:
        for client_id, day in ((one, TODAY - timedelta(days=89)), (other, TODAY)):
            client = await session.get(Client, client_id, lock=True)
            assert client is not None
            client.last_activity_on = day
    async with database.write(company.tenant_id, TESTS) as session:
        await merge_clients(session, one, other, reason="重复", today=TODAY)
        survivor = await session.get(Client, one)
        assert survivor is not None
        assert survivor.last_activity_on == TODAY
