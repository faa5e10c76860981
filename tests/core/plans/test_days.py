"""Visits on the days of a month: floor and capacity, routes, and what does not fit."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal

from steward_core.clients.models import Client
from steward_core.plans.actions import add_action
from steward_core.plans.days import spread_plan
from steward_core.plans.generation import generate
from steward_core.plans.queries import not_fitting, overview
from steward_tenants.database.database import Database
from tests.core.plans.worlds import NOVEMBER, Team, actions_of, make_team, plan_of
from tests.factories import TESTS

FIRST = date(2026, 11, 1)


async def _opened(database: Database, clients: int) -> Team:
    team = await make_team(database, clients=clients)
    async with database.write(team.tenant, TESTS) as session:
        await generate(session, NOVEMBER)
    return team


async def _spread(database: Database, team: Team, today: date = FIRST, *, again: bool = False) -> None:
    async with database.write(team.tenant, team[team.manager]) as session:
        plan = await plan_of(session, team.manager.id, NOVEMBER)
        assert plan is not None
        await spread_plan(session, plan.id, today=today, again=again)


async def test_days_take_four_visits_before_more_and_eight_at_most(database: Database) -> None:
    """November 2026 has 21 working days."""
    for clients, wanted in ((40, {4}), (168, {8})):
        team = await _opened(database, clients)
        await _spread(database, team)
        async with database.read(team.tenant, TESTS) as session:
            actions = await actions_of(session, NOVEMBER)
            assert await not_fitting(session, NOVEMBER.start, today=FIRST) == []
        counts = Counter(one.planned_on for one in actions)
        assert set(counts.values()) == wanted
        assert len(counts) == clients // max(wanted)
        for day in counts:
            places = [one.place_on_day or 0 for one in actions if one.planned_on == day]
            assert sorted(places) == list(range(1, counts[day] + 1))


async def test_what_does_not_fit_is_listed_to_the_supervisor(database: Database) -> None:
    team = await _opened(database, 170)
    await _spread(database, team)
    async with database.read(team.tenant, team[team.lead]) as session:
        listed = await not_fitting(session, NOVEMBER.start, today=FIRST)
        (unit,) = await overview(session, NOVEMBER.start, today=FIRST)
    assert [(one.owner_id, one.missing) for one in listed] == [(team.manager.id, 1)] * 2
    assert (unit.plans, unit.actions, unit.open, unit.overflow) == (1, 170, 170, 2)
    async with database.read(team.tenant, team[team.stranger]) as session:
        assert await not_fitting(session, NOVEMBER.start, today=FIRST) == []


async def test_what_stands_stays_and_new_tasks_find_room(database: Database) -> None:
    team = await _opened(database, 6)
    await _spread(database, team)
    async with database.write(team.tenant, team[team.manager]) as session:
        before = {one.id: one.days for one in await actions_of(session, NOVEMBER)}
        plan = await plan_of(session, team.manager.id, NOVEMBER)
        assert plan is not None
        day = date(2026, 11, 18)
        made = await add_action(session, plan.id, client_id=team.clients[0], day=day, title="回访", today=FIRST)
    await _spread(database, team, date(2026, 11, 10))
    async with database.read(team.tenant, TESTS) as session:
        after = {one.id: one for one in await actions_of(session, NOVEMBER)}
    assert {key: after[key].days for key in before} == before
    assert (after[made.id].planned_on, after[made.id].place_on_day) == (day, 1)
    await _spread(database, team, date(2026, 11, 10), again=True)
    async with database.read(team.tenant, TESTS) as session:
        again = await actions_of(session, NOVEMBER)
    assert min(one.planned_on or FIRST for one in again) == date(2026, 11, 10)


async def test_the_route_goes_to_the_nearest_client(database: Database) -> None:
    team = await make_team(database, clients=4)
    async with database.write(team.tenant, TESTS) as session:
        for place, client_id in zip((3, 0, 2, 1), team.clients, strict=True):
            client = await session.get(Client, client_id)
            assert client is not None
            client.latitude, client.longitude = Decimal(30) + Decimal(place) / 100, Decimal("116.4")
        await session.flush()
        await generate(session, NOVEMBER)
    await _spread(database, team)
    async with database.read(team.tenant, TESTS) as session:
        order = sorted(await actions_of(session, NOVEMBER), key=lambda one: one.place_on_day or 0)
    places = [{0: 3, 1: 0, 2: 2, 3: 1}[team.clients.index(one.client_id)] for one in order]
    assert places in ([0, 1, 2, 3], [3, 2, 1, 0])
