"""Reading client facts: whose revenue it is, what fell, what is missing, and who may read which."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, func, select

from steward_core.clients.errors import ClientNotFound
from steward_core.clients.fact_queries import (
    attributed,
    current_facts,
    falls_against_mean,
    growth,
    growth_by_owner,
    missed_periods,
)
from steward_core.clients.fact_readings import FactLine, fact_page, facts_of_client, metric_titles, revenue_by_owner
from steward_core.clients.fact_rules import last_day, shifted
from steward_core.clients.models import ClientFact, ClientOwnership, ClientStatus, Metric
from steward_core.database.context import QueryContext
from steward_core.industry.declarations import Period
from steward_core.permissions import FACTS_VIEW
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.people.models import User
from tests.core.factories import SINCE, make_client
from tests.factories import TESTS, actor_with, make_tenant, make_unit, make_user

TODAY = date(2026, 11, 10)
OCTOBER = date(2026, 10, 1)
VIEWER = actor_with(FACTS_VIEW)
AGAIN = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def month(back: int) -> date:
    """The month so many months before October 2026."""
    return shifted("month", OCTOBER, -back)


def make_metric(session: WriteSession, key: str = "use") -> None:
    session.add(Metric(key=key, title_zh="用量", title_en="Use", measure="kWh", plugin=""))


def make_facts(session: WriteSession, client: UUID, values: Sequence[int | None], metric: str = "use") -> None:
    """Monthly figures; the last one of October 2026, None: none arrived."""
    for back, value in enumerate(reversed(values)):
        if value is not None:
            session.add(make_fact(client, month(back), value, metric=metric))


def make_fact(client: UUID, period: date, value: Decimal | int, **more: Any) -> ClientFact:
    return ClientFact(
        **{
            "metric": "use", "period": period, "client_id": client, "source": "boss", "revision": 1, "value": value,
            "booked_on": last_day("month", period), "recorded_by": TESTS.id, **more,
        }
    )  # fmt: skip


async def triggered(session: TenantSession, rows: Select[Any]) -> dict[UUID, dict[str, Any]]:
    """Clients found by a trigger, with what was found."""
    found = await session.rows(rows)
    assert all((row.subject_id, row.due_on) == (None, TODAY) for row in found)
    assert len({row.client_id for row in found}) == len(found)
    return {row.client_id: row.figures for row in found}


async def test_the_highest_revision_of_each_source_counts(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        client = make_client(session).id
        await session.flush()
        session.add(
            make_fact(client, OCTOBER, 5),
            make_fact(client, OCTOBER, 7, revision=2, booked_on=date(2026, 11, 2)),
            make_fact(client, OCTOBER, 100, source="other"),
            make_fact(client, OCTOBER, 9, source="gone"),
            make_fact(client, OCTOBER, 9, source="gone", revision=2, withdrawn=True),
            make_fact(client, month(1), 1),
            make_fact(client, OCTOBER, 3, metric="rate"),
        )
    async with database.read(tenant, TESTS) as session:
        ctx = QueryContext(session, TODAY)
        use = current_facts(ctx, "use", since=OCTOBER)
        assert [tuple(row) for row in await session.rows(select(use.c.value, use.c.booked_on))] == [
            (Decimal(107), date(2026, 11, 2))
        ]
        every = current_facts(ctx)
        assert len(await session.rows(select(every))) == 3
        some = current_facts(ctx, "use", "rate", until=OCTOBER)
        assert [tuple(row) for row in await session.rows(select(some.c.metric, some.c.period))] == [("use", month(1))]


async def test_falls_against_the_mean_of_the_months_before(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        fell, edge, held, new, late, zero = (make_client(session).id for _ in range(6))
        gone = make_client(session, status=ClientStatus.CLOSED).id
        await session.flush()
        make_facts(session, fell, [100, 200, 300, 100])
        make_facts(session, edge, [100, 100, 100, 70])
        make_facts(session, held, [100, 100, 100, 71])
        make_facts(session, new, [100, 100, 0])
        make_facts(session, late, [100, 100, 100, None])
        make_facts(session, zero, [0, 0, 0, 0])
        make_facts(session, gone, [100, 100, 100, 0])
    async with database.read(tenant, TESTS) as session:
        ctx = QueryContext(session, TODAY)
        found = await triggered(session, falls_against_mean(ctx, "use", 30))
        assert found == {
            fell: {"metric": "use", "period": "2026-10", "latest": 100, "mean": 200, "fall_percent": 50},
            edge: {"metric": "use", "period": "2026-10", "latest": 70, "mean": 100, "fall_percent": 30},
        }
        two_months = await triggered(session, falls_against_mean(ctx, "use", Decimal("99.5"), months=2))
        assert two_months.keys() == {new}
        assert await triggered(session, falls_against_mean(ctx, "rate", 30)) == {}


async def test_missed_periods_are_those_of_who_used_to_order(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        none, zeros, once, never, gone = (make_client(session).id for _ in range(5))
        closed = make_client(session, status=ClientStatus.MERGED).id
        await session.flush()
        make_facts(session, none, [50, 60, None, None])
        make_facts(session, zeros, [0, 70, 0, 0])
        make_facts(session, once, [50, 60, 10, 0])
        make_facts(session, never, [0, 0, 0, 0])
        make_facts(session, gone, [5, *[None] * 14])
        make_facts(session, closed, [50, 60, 0, 0])
    async with database.read(tenant, TESTS) as session:
        ctx = QueryContext(session, TODAY)
        assert await triggered(session, missed_periods(ctx, "use", 2)) == {
            none: {"metric": "use", "times": 2, "last_period": str(month(2)), "last_value": 60},
            zeros: {"metric": "use", "times": 2, "last_period": str(month(2)), "last_value": 70},
        }
        assert (await triggered(session, missed_periods(ctx, "use", 1))).keys() == {none, zeros, once}
        december = QueryContext(session, date(2026, 12, 3))
        assert await session.rows(missed_periods(december, "use", 2)) == []


async def test_growth_compares_like_with_like(database: Database) -> None:
    tenant = await make_tenant(database)
    now, before = Period("2026-10", OCTOBER, date(2026, 11, 1)), Period("2025-10", month(12), month(11))
    async with database.write(tenant, TESTS) as session:
        one, two = make_user(session), make_user(session)
        await session.flush()
        grown, fallen, new = (make_client(session, owner_id=owner.id).id for owner in (one, one, two))
        await session.flush()
        make_facts(session, grown, [100, *[7] * 11, 150])
        make_facts(session, fallen, [200, *[7] * 11, 190])
        make_facts(session, new, [300])
    async with database.read(tenant, TESTS) as session:
        ctx = QueryContext(session, TODAY)
        table = growth(ctx, "use", now, before)
        rows = await session.rows(select(table))
        assert {row.client_id: tuple(row)[1:] for row in rows} == {
            grown: (150, 100, 50, 50),
            fallen: (190, 200, -10, -5),
            new: (300, 0, 300, None),
        }
        owners = [tuple(row) for row in await session.rows(growth_by_owner(ctx, "use", now, before))]
        assert owners == [(one.id, Decimal("13.33"), 40, 300)]


async def handed_over(database: Database) -> tuple[UUID, tuple[User, User], UUID]:
    """A client that changed hands on 2026-09-01; 1000 each month from July to October, October's booked in August."""
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        north, south = make_unit(session), make_unit(session)
        await session.flush()
        one, two = make_user(session, unit_id=north.id), make_user(session, unit_id=south.id)
        await session.flush()
        client = make_client(session, owner_id=one.id, unit_id=north.id)
        await session.flush()
        held = await session.find(ClientOwnership, ClientOwnership.client_id == client.id)
        assert held is not None
        held.valid_until = date(2026, 9, 1)
        session.add(
            ClientOwnership(client_id=client.id, valid_from=date(2026, 9, 1), owner_id=two.id, unit_id=south.id)
        )
        client.owner_id, client.unit_id = two.id, south.id
        make_metric(session)
        make_facts(session, client.id, [1000, 1000, 1000])
        session.add(make_fact(client.id, OCTOBER, 1000, source="late", booked_on=date(2026, 8, 31)))
        session.add(make_fact(client.id, date(2023, 12, 1), 5))
    return tenant, (one, two), client.id


async def test_revenue_belongs_to_who_owned_the_client_on_the_booking_date(database: Database) -> None:
    tenant, (one, two), _ = await handed_over(database)
    july, november = date(2026, 7, 1), date(2026, 11, 1)
    async with database.read(tenant, VIEWER) as session:
        shares = await revenue_by_owner(session, "use", july, november, today=TODAY)
        assert [(share.owner_id, int(share.value), share.clients) for share in shares] == [
            (one.id, 2000, 1),
            (two.id, 2000, 1),
        ]
        assert [share.owner_id for share in await revenue_by_owner(session, "use", SINCE, SINCE, today=TODAY)] == []
        nobodys = await revenue_by_owner(session, "use", date(2023, 1, 1), date(2024, 1, 1), today=TODAY)
        assert [(share.owner_id, int(share.value)) for share in nobodys] == [(None, 5)]
        table = attributed(QueryContext(session, TODAY), "use", july, november)
        rows = await session.rows(select(table.c.period, table.c.owner_id, table.c.unit_id, table.c.value))
        assert sorted(
            (row.period, row.owner_id == one.id, row.unit_id == one.unit_id, int(row.value)) for row in rows
        ) == [
            (date(2026, 8, 1), True, True, 1000),
            (date(2026, 9, 1), False, False, 1000),
            (OCTOBER, False, False, 1000),
            (OCTOBER, True, True, 1000),
        ]
    for person in (one, two):
        async with database.read(tenant, actor_with(FACTS_VIEW, scope=Scope.OWN, user=person)) as session:
            shares = await revenue_by_owner(session, "use", july, november, today=TODAY)
            assert [(share.owner_id, int(share.value)) for share in shares] == [(person.id, 2000)]
    async with database.read(tenant, actor_with(FACTS_VIEW, scope=Scope.SUBTREE, unit_id=one.unit_id)) as session:
        shares = await revenue_by_owner(session, "use", july, november, today=TODAY)
        assert [share.owner_id for share in shares] == [one.id]
    async with database.read(tenant, actor_with()) as session:
        with pytest.raises(Forbidden):
            await revenue_by_owner(session, "use", july, november, today=TODAY)


facts = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.dates(date(2026, 1, 1), date(2026, 6, 30)),
        st.dates(date(2025, 12, 1), date(2026, 8, 1)),
        st.integers(-100, 100),
        st.sampled_from(["a", "b"]),
    ),
    max_size=25,
    unique_by=lambda fact: (fact[0], fact[1].month, fact[4]),
)
changes = st.lists(st.tuples(st.integers(0, 2), st.dates(date(2025, 12, 1), date(2026, 8, 1))), max_size=8, unique=True)


@AGAIN
@given(facts, changes)
async def test_what_is_attributed_adds_up_to_what_is_on_record(
    database: Database, said: list[tuple[int, date, date, int, str]], turns: list[tuple[int, date]]
) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        users = [make_user(session) for _ in range(2)]
        await session.flush()
        clients = [make_client(session, owner_id=users[0].id).id for _ in range(3)]
        await session.flush()
        for place, client in enumerate(clients):
            held = await session.find(ClientOwnership, ClientOwnership.client_id == client)
            assert held is not None
            for number, day in enumerate(sorted(day for turn, day in turns if turn == place)):
                held.valid_until = day
                owner = [users[1].id, None, users[0].id][number % 3]
                held = ClientOwnership(client_id=client, valid_from=day, owner_id=owner)
                session.add(held)
        for place, day, booked, value, source in said:
            session.add(make_fact(clients[place], day.replace(day=1), value, source=source, booked_on=booked))
    async with database.read(tenant, TESTS) as session:
        ctx = QueryContext(session, TODAY)
        one, other = current_facts(ctx, "use"), attributed(ctx, "use")
        for table in (one, other):
            rows = await session.rows(
                select(table.c.client_id, table.c.period, func.sum(table.c.value)).group_by(
                    table.c.client_id, table.c.period
                )
            )
            expected: dict[tuple[UUID, date], int] = {}
            for place, day, _, value, _ in said:
                key = clients[place], day.replace(day=1)
                expected[key] = expected.get(key, 0) + value
            assert {(client, period): int(total) for client, period, total in rows} == expected


async def test_a_clients_facts_with_their_history(database: Database) -> None:
    tenant, (one, two), client = await handed_over(database)
    async with database.write(tenant, TESTS) as session:
        session.add(
            make_fact(client, OCTOBER, 900, revision=2, reason="账务更正", recorded_by=one.id),
            make_fact(client, month(1), 1000, revision=2, withdrawn=True, reason="错户"),
        )
    async with database.read(tenant, VIEWER) as session:
        current = await facts_of_client(session, client, "use", date(2026, 9, 1), today=TODAY)
        assert [(fact.period_name, fact.source, int(fact.value), fact.revision) for fact in current] == [
            ("2026-10", "boss", 900, 2),
            ("2026-10", "late", 1000, 1),
        ]
        every = await facts_of_client(session, client, since=date(2026, 9, 1), today=TODAY, with_history=True)
        assert [(fact.period_name, fact.source, fact.revision, fact.reason, fact.withdrawn) for fact in every] == [
            ("2026-10", "boss", 2, "账务更正", False),
            ("2026-10", "boss", 1, None, False),
            ("2026-10", "late", 1, None, False),
            ("2026-09", "boss", 2, "错户", True),
            ("2026-09", "boss", 1, None, False),
        ]
        assert (every[0].recorded_by_name, every[1].recorded_by_name) == (one.name, None)
        assert await facts_of_client(session, client, "rate", today=TODAY) == []
        assert (await metric_titles(session))["use"].zh == "用量"
        with pytest.raises(ClientNotFound):
            await facts_of_client(session, new_id(), today=TODAY)
    async with database.read(tenant, actor_with(FACTS_VIEW, scope=Scope.OWN, user=two)) as session:
        assert len(await facts_of_client(session, client, today=TODAY)) == 4
    async with database.read(tenant, actor_with(FACTS_VIEW, scope=Scope.OWN, user=one)) as session:
        with pytest.raises(ClientNotFound):
            await facts_of_client(session, client, today=TODAY)
    async with database.read(tenant, actor_with()) as session:
        with pytest.raises(Forbidden):
            await facts_of_client(session, client, today=TODAY)


async def test_pages_of_facts_keep_to_the_scope(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        user = make_user(session)
        await session.flush()
        mine = [make_client(session, owner_id=user.id) for _ in range(3)]
        others = [make_client(session) for _ in range(3)]
        await session.flush()
        for client in (*mine, *others):
            make_facts(session, client.id, [10, 20, 30])
            session.add(make_fact(client.id, OCTOBER, 31, revision=2))
            session.add(make_fact(client.id, OCTOBER, 5, metric="rate"))
    for actor, clients in ((actor_with(FACTS_VIEW, scope=Scope.OWN, user=user), mine), (VIEWER, [*mine, *others])):
        async with database.read(tenant, actor) as session:
            lines: list[FactLine] = []
            after = None
            for _ in range(20):
                page = await fact_page(session, today=TODAY, after=after, size=4)
                lines += page.lines
                after = page.next_place
                if after is None:
                    break
        keys = [(line.metric, line.period, line.client_id, line.source) for line in lines]
        assert keys == sorted(keys, reverse=True)
        assert len(set(keys)) == len(keys) == 4 * len(clients)
        assert {line.client_code for line in lines} == {client.code for client in clients}
        assert {line.value for line in lines if line.period == OCTOBER and line.metric == "use"} == {Decimal(31)}
    async with database.read(tenant, VIEWER) as session:
        page = await fact_page(session, today=TODAY, metric="use", since=month(1), until=OCTOBER, size=1000)
        assert [(line.period_name, int(line.value)) for line in page.lines] == [("2026-09", 20)] * 6
        with pytest.raises(InvalidInput):
            await fact_page(session, today=TODAY, size=0)
    async with database.read(tenant, actor_with()) as session:
        with pytest.raises(Forbidden):
            await fact_page(session, today=TODAY)
