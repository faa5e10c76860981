"""The public pool: who sees it, who gets a client that two want, what returns by itself."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import ValidationError

from steward_core.clients.errors import ClientNotFound
from steward_core.clients.hand_over import HandOverSelection, plan_hand_over
from steward_core.clients.models import Client, ClientStatus
from steward_core.clients.ownership import owners_of
from steward_core.clients.ownership_errors import (
    ClientsInHandOver,
    ClientsOutOfReach,
    CoolingDown,
    InPoolAlready,
    NotInPool,
    OnlyPeopleClaim,
    TooManyClaims,
    TooManyHeld,
)
from steward_core.clients.pages import Paging
from steward_core.clients.pool import assign, claim, return_to_pool, touch_activity
from steward_core.clients.pool_idle import RUN_KIND, return_idle, soon_returning
from steward_core.clients.pool_policy import PoolPolicy, PoolReturn
from steward_core.clients.pool_queries import PoolQuery, PoolSort, pool_page
from steward_core.clients.search import keys_for_client, write_keys
from steward_core.permissions import CLIENTS_ASSIGN, CLIENTS_CLAIM, CLIENTS_VIEW, POLICIES_MANAGE
from steward_core.runs.service import RunTools, drive, request_run
from steward_tenants.configuration.service import set_setting
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.files.store import LocalFileStore
from tests.core.factories import SINCE, make_client
from tests.factories import TESTS, actor_with, make_tenant, make_unit, make_user
from tests.turns import meanwhile

TODAY = date(2026, 11, 2)
HEAD = actor_with(CLIENTS_ASSIGN, CLIENTS_VIEW, CLIENTS_CLAIM)


class Place:
    """Two units with a manager each; clients of the pool of the first unit."""

    def __init__(self, tenant: UUID, units: list[UUID], people: list[Actor], clients: list[UUID]) -> None:
        self.tenant, self.units, self.people, self.clients = tenant, units, people, clients


async def a_place(database: Database, clients: int = 3) -> Place:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        units = [make_unit(session), make_unit(session)]
        await session.flush()
        people = [make_user(session, unit_id=unit.id) for unit in units]
        made = [make_client(session, unit_id=units[0].id, phone="13800001234") for _ in range(clients)]
        await session.flush()
        actors = [actor_with(CLIENTS_CLAIM, CLIENTS_VIEW, scope=Scope.OWN, user=person) for person in people]
        return Place(tenant, [unit.id for unit in units], actors, [client.id for client in made])


async def setting(database: Database, tenant: UUID, **values: object) -> None:
    async with database.write(tenant, actor_with(POLICIES_MANAGE)) as session:
        await set_setting(session, "clients.pool", PoolPolicy(**values).model_dump(mode="json"))


async def test_the_pool_of_a_unit_is_open_to_its_people(database: Database) -> None:
    place = await a_place(database)
    async with database.write(place.tenant, TESTS) as session:
        anywhere = make_client(session, name="无机构商行")
        await session.flush()
        await write_keys(session, [keys_for_client(anywhere.id, {"name": anywhere.name})])
        make_client(session, unit_id=place.units[0], status=ClientStatus.CLOSED)
        make_client(session, unit_id=place.units[0], owner_id=place.people[0].id)
    near, far = place.people
    async with database.read(place.tenant, near) as session:
        page = await pool_page(session, PoolQuery(), today=TODAY)
        assert {line.id for line in page.rows} == {*place.clients, anywhere.id}
        assert {line.phone for line in page.rows} == {None, "••••1234"}
        found = await pool_page(session, PoolQuery(text="商行"), today=TODAY)
        assert [line.id for line in found.rows] == [anywhere.id]
        for sort in PoolSort:
            first = await pool_page(session, PoolQuery(sort=sort), today=TODAY, paging=Paging(size=3))
            rest = await pool_page(session, PoolQuery(sort=sort), today=TODAY, paging=Paging(3, first.next_cursor))
            assert len({line.id for line in (*first.rows, *rest.rows)}) == 4
        assert not (await pool_page(session, PoolQuery(tiers=frozenset("A")), today=TODAY)).rows
    async with database.write(place.tenant, far) as session:
        page = await pool_page(session, PoolQuery(), today=TODAY)
        assert [line.id for line in page.rows] == [anywhere.id]
        with pytest.raises(ClientNotFound):
            await claim(session, place.clients[0], today=TODAY)
    async with database.read(place.tenant, actor_with(CLIENTS_VIEW)) as session:
        with pytest.raises(Forbidden):
            await pool_page(session, PoolQuery(), today=TODAY)


async def test_a_claimed_client_is_the_claimants(database: Database) -> None:
    place = await a_place(database)
    near = place.people[0]
    async with database.write(place.tenant, near) as session:
        client = await claim(session, place.clients[0], today=TODAY)
        assert (client.owner_id, client.unit_id, client.pool_since) == (near.id, place.units[0], None)
        with pytest.raises(NotInPool):
            await claim(session, place.clients[0], today=TODAY)
        owners = await owners_of(session, client.id, today=TODAY)
        assert [(line.owner_id, line.since) for line in owners] == [(near.id, TODAY), (None, SINCE)]
    for nobody in (HEAD, TESTS):
        async with database.write(place.tenant, nobody) as session:
            with pytest.raises(OnlyPeopleClaim):
                await claim(session, place.clients[1], today=TODAY)


async def test_of_two_who_claim_at_once_one_gets_it(database: Database) -> None:
    place = await a_place(database)
    async with database.write(place.tenant, TESTS) as session:
        other = make_user(session, unit_id=place.units[0])
        await session.flush()
    rival = actor_with(CLIENTS_CLAIM, scope=Scope.OWN, user=other)

    async def claimed(session: WriteSession) -> None:
        await claim(session, place.clients[0], today=TODAY)

    async def as_rival(session: WriteSession) -> None:
        session.actor = rival
        await claim(session, place.clients[0], today=TODAY)

    error = await meanwhile(database, place.tenant, place.people[0], claimed, as_rival)
    assert isinstance(error, NotInPool)
    async with database.read(place.tenant, TESTS) as reading:
        client = await reading.get(Client, place.clients[0])
        assert client is not None
        assert client.owner_id == place.people[0].id


async def test_the_days_limit_holds_for_claims_at_once(database: Database) -> None:
    place = await a_place(database)
    await setting(database, place.tenant, claims_per_day=1)

    async def first(session: WriteSession) -> None:
        await claim(session, place.clients[0], today=TODAY)

    async def second(session: WriteSession) -> None:
        await claim(session, place.clients[1], today=TODAY)

    error = await meanwhile(database, place.tenant, place.people[0], first, second)
    assert isinstance(error, TooManyClaims)
    async with database.write(place.tenant, place.people[0]) as session:
        await claim(session, place.clients[1], today=TODAY + timedelta(days=1))
    await setting(database, place.tenant, most_held=2)
    async with database.write(place.tenant, place.people[0]) as session:
        with pytest.raises(TooManyHeld):
            await claim(session, place.clients[2], today=TODAY + timedelta(days=2))


async def test_a_former_owner_waits(database: Database) -> None:
    place = await a_place(database)
    near = place.people[0]
    async with database.write(place.tenant, near) as session:
        await claim(session, place.clients[0], today=TODAY)
    given_up = TODAY + timedelta(days=5)
    async with database.write(place.tenant, near) as session:
        with pytest.raises(InvalidInput):
            await return_to_pool(session, place.clients[0], reason="", today=given_up)
        client = await return_to_pool(session, place.clients[0], reason="无意向", today=given_up)
        assert (client.owner_id, client.unit_id) == (None, place.units[0])
        assert client.pool_since is not None
    async with database.write(place.tenant, near) as session:
        with pytest.raises(ClientNotFound):
            await return_to_pool(session, place.clients[0], reason="再退", today=given_up)
        with pytest.raises(CoolingDown):
            await claim(session, place.clients[0], today=given_up + timedelta(days=29))
        page = await pool_page(session, PoolQuery(), today=given_up + timedelta(days=29))
        waits = {line.id: line.claim_from for line in page.rows}
        assert waits[place.clients[0]] == given_up + timedelta(days=30)
        assert waits[place.clients[1]] is None
        await claim(session, place.clients[0], today=given_up + timedelta(days=30))
    async with database.write(place.tenant, HEAD) as session:
        await return_to_pool(session, place.clients[0], reason="主管收回", today=given_up + timedelta(days=40))
    async with database.write(place.tenant, HEAD) as session:
        with pytest.raises(InPoolAlready):
            await return_to_pool(session, place.clients[0], reason="再退", today=given_up + timedelta(days=40))


async def test_assigned_all_or_none(database: Database) -> None:
    place = await a_place(database)
    near, far = place.people
    async with database.write(place.tenant, HEAD) as session:
        assert await assign(session, place.clients[:2], far.id, reason="分配", today=TODAY) == 2
    async with database.write(place.tenant, HEAD) as session:
        client = await session.get(Client, place.clients[1])
        assert client is not None
        assert (client.owner_id, client.unit_id) == (far.id, place.units[1])
        with pytest.raises(NotInPool):
            await assign(session, place.clients, near.id, reason="分配", today=TODAY)
        with pytest.raises(InvalidInput):
            await assign(session, place.clients[2:], HEAD.id, reason="分配", today=TODAY)
        selection = HandOverSelection(client_ids=(place.clients[2],))
        await plan_hand_over(
            session, selection, near.id, effective_on=TODAY + timedelta(days=3), reason="计划", today=TODAY
        )
        with pytest.raises(ClientsInHandOver):
            await assign(session, place.clients[2:], near.id, reason="分配", today=TODAY)
    limited = actor_with(CLIENTS_ASSIGN, scope=Scope.TEAM, unit_id=place.units[1])
    async with database.write(place.tenant, limited) as session:
        with pytest.raises(ClientsOutOfReach):
            await assign(session, place.clients[2:], near.id, reason="分配", today=TODAY)


async def test_idle_clients_return_by_tier(database: Database, tmp_path: Path) -> None:
    place = await a_place(database, 0)
    owner = place.people[0].id

    def idle(session: WriteSession, days: int | None, **values: object) -> UUID:
        last = None if days is None else TODAY - timedelta(days=days)
        return make_client(session, owner_id=owner, unit_id=place.units[0], last_activity_on=last, **values).id

    async with database.write(place.tenant, TESTS) as session:
        stay = [
            idle(session, 3000, tier="key"),
            idle(session, 179, tier="A"),
            idle(session, 119, tier="B"),
            idle(session, 89),
            idle(session, 3000, status=ClientStatus.CLOSED),
            idle(session, 3000, status=ClientStatus.MERGED),
        ]
        go = [
            idle(session, 180, tier="A"),
            idle(session, 120, tier="B"),
            idle(session, 90, tier="C"),
            idle(session, 90),
            idle(session, None),
        ]
        waiting = idle(session, 400)
        touched = idle(session, 400)
        await session.flush()
        await touch_activity(session, [touched, stay[1]], TODAY - timedelta(days=10))
    async with database.write(place.tenant, HEAD) as session:
        selection = HandOverSelection(client_ids=(waiting,))
        later = TODAY + timedelta(days=3)
        await plan_hand_over(session, selection, place.people[1].id, effective_on=later, reason="计划", today=TODAY)
        soon = await soon_returning(session, 10, today=TODAY, owner_id=owner)
        assert {line.client_id for line in soon.rows} == {*go, waiting, stay[2], stay[3]}
        assert [line.returns_on for line in soon.rows] == sorted(line.returns_on for line in soon.rows)
        assert soon.rows[-1].returns_on == TODAY + timedelta(days=1)
        page = await soon_returning(session, 10, today=TODAY, paging=Paging(size=5))
        rest = await soon_returning(session, 10, today=TODAY, paging=Paging(5, page.next_cursor))
        assert len({line.client_id for line in (*page.rows, *rest.rows)}) == len(soon.rows)
        with pytest.raises(InvalidInput):
            await soon_returning(session, -1, today=TODAY)
        run = await request_run(session, RUN_KIND, period=str(TODAY), parameters={"on": str(TODAY)})
    done = await drive(database, place.tenant, HEAD, run.id, RunTools(LocalFileStore(tmp_path)))
    assert done.counts == {"returned": len(go)}
    async with database.write(place.tenant, HEAD) as session:
        for client_ids, expected in ((go, None), ([*stay, waiting, touched], owner)):
            for client_id in client_ids:
                client = await session.get(Client, client_id)
                assert client is not None
                assert client.owner_id == expected
        assert await return_idle(session, TODAY) == 0


async def test_who_just_got_a_client_has_its_time(database: Database) -> None:
    place = await a_place(database, 0)
    async with database.write(place.tenant, TESTS) as session:
        client = make_client(session, last_activity_on=TODAY - timedelta(days=400), unit_id=place.units[0])
    async with database.write(place.tenant, HEAD) as session:
        await assign(session, [client.id], place.people[0].id, reason="分配", today=TODAY)
        assert await return_idle(session, TODAY + timedelta(days=89)) == 0
        assert await return_idle(session, TODAY + timedelta(days=90)) == 1
    await setting(database, place.tenant, returns=(), others=None)
    async with database.write(place.tenant, HEAD) as session:
        await assign(session, [client.id], place.people[0].id, reason="分配", today=TODAY + timedelta(days=91))
        assert await return_idle(session, TODAY + timedelta(days=4000)) == 0


def test_a_tier_stands_in_one_rule() -> None:
    with pytest.raises(ValidationError):
        PoolPolicy(returns=(PoolReturn(tiers=("A",), days=10), PoolReturn(tiers=("B", "A"), days=None)))


async def test_less_than_one_cannot_be_returned_at_once(database: Database) -> None:
    tenant_id = await make_tenant(database)
    for at_most in (0, -3):
        with pytest.raises(InvalidInput):
            async with database.write(tenant_id, TESTS) as session:
                await return_idle(session, TODAY, at_most=at_most)
