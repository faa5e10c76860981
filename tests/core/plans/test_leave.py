"""Approved leave and the days of a plan: nothing is put on them, and what stands on them makes way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from steward_core.approvals.models import ApprovalRequest, RequestKind
from steward_core.approvals.requests import create_request
from steward_core.approvals.row_kinds import FREE_REQUEST
from steward_core.approvals.service import decide, of_subject
from steward_core.approvals.trail import Act
from steward_core.plans.days import spread_plans
from steward_core.plans.generation import generate
from steward_core.plans.models import PlanAction, VisitPlan
from steward_core.plans.queries import not_fitting
from steward_tenants.audit.models import AuditEvent
from steward_tenants.clock import simulated
from steward_tenants.database.database import Database
from tests.core.plans.worlds import DECEMBER, NOVEMBER, Team, actions_of, make_team, plan_of
from tests.factories import TESTS

MONDAY = datetime(2026, 11, 2, 1, tzinfo=UTC)
"""The morning of the first working day of November 2026, which has 21."""


def nov(day: int) -> date:
    return date(2026, 11, day)


@contextmanager
def on(day: int) -> Iterator[None]:
    with simulated(MONDAY.replace(day=day)):
        yield


async def opened(database: Database, clients: int) -> Team:
    """The manager's plan of November is made, and not spread yet."""
    team = await make_team(database, clients=clients)
    async with database.write(team.tenant, TESTS) as session:
        await generate(session, NOVEMBER)
    return team


async def spread(database: Database, team: Team, month: Any = NOVEMBER) -> None:
    async with database.write(team.tenant, TESTS) as session:
        plan = await plan_of(session, team.manager.id, month)
        assert plan is not None
        await spread_plans(session, [plan.id])


async def asks(database: Database, team: Team, first: date, last: date, **values: Any) -> ApprovalRequest:
    given = {"kind": RequestKind.LEAVE, "title": "年假", "from_on": first, "until_on": last, **values}
    async with database.write(team.tenant, team[team.manager]) as session:
        return await create_request(session, submit=True, **given)


async def answered(database: Database, team: Team, request_id: UUID, act: Act = Act.APPROVE) -> None:
    async with database.write(team.tenant, team[team.lead]) as session:
        approval = await of_subject(session, FREE_REQUEST, request_id)
        assert approval is not None
        await decide(session, approval.id, act=act, turn=approval.turn, reason="知悉")


async def leave(database: Database, team: Team, first: date, last: date, **values: Any) -> None:
    """The manager asks for leave, the lead says yes."""
    await answered(database, team, (await asks(database, team, first, last, **values)).id)


async def a_day(database: Database, team: Team) -> dict[int, int]:
    """How many visits stand on each day of November."""
    async with database.read(team.tenant, TESTS) as session:
        rows = await actions_of(session, NOVEMBER)
        assert all(one.planned_on == (one.days or [None])[0] for one in rows)
        places: dict[date, list[int]] = {}
        for one in rows:
            if one.planned_on is not None:
                places.setdefault(one.planned_on, []).append(one.place_on_day or 0)
        assert all(sorted(one) == list(range(1, len(one) + 1)) for one in places.values()), "the routes have gaps"
    return dict(Counter(day.day for one in rows for day in one.days or () if day is not None))


async def test_a_month_is_spread_around_leave_that_is_known(database: Database) -> None:
    """Of 21 working days 2 are away at the beginning and 1 in the middle: 40 clients, four a day, on ten others."""
    team = await opened(database, 40)
    with on(1):
        await leave(database, team, nov(1), nov(3))
        await leave(database, team, nov(6), nov(8))
    await spread(database, team)
    assert await a_day(database, team) == dict.fromkeys([4, 5, 9, 10, 11, 12, 13, 16, 17, 18], 4)


async def test_capacity_is_that_of_the_days_that_are_left(database: Database) -> None:
    """18 days of eight are 144 visits; 150 clients."""
    team = await opened(database, 150)
    with on(1):
        await leave(database, team, nov(4), nov(6))
    await spread(database, team)
    found = await a_day(database, team)
    assert (len(found), set(found.values())) == (18, {8})
    async with database.read(team.tenant, team[team.lead]) as session:
        assert len(await not_fitting(session, NOVEMBER.start, today=nov(2))) == 6


async def test_what_stands_on_the_days_of_leave_makes_way(database: Database) -> None:
    """Four visits on each of 21 days; the twelve of three days go to the next three, which take eight at most."""
    team = await opened(database, 84)
    await spread(database, team)
    assert set((await a_day(database, team)).values()) == {4}
    async with database.read(team.tenant, TESTS) as session:
        before = {one.id: one.days for one in await actions_of(session, NOVEMBER)}
    with on(2):
        await leave(database, team, nov(9), nov(11))
    expected = dict.fromkeys((2, 3, 4, 5, 6, 17, 18, 19, 20, 23, 24, 25, 26, 27, 30), 4)
    assert await a_day(database, team) == {**expected, 12: 8, 13: 8, 16: 8}
    async with database.read(team.tenant, TESTS) as session:
        rows = await actions_of(session, NOVEMBER)
        changed = [one for one in rows if one.days != before[one.id]]
        assert {day.day for one in changed for day in before[one.id] or () if day is not None} == {9, 10, 11}
        assert len(changed) == 12
        events = await session.scalars(
            select(AuditEvent.changes).where(session.within(AuditEvent), AuditEvent.action == "plans.leave")
        )
    assert [{name: pair[1] for name, pair in one.items()} for one in events] == [
        {"first": "2026-11-09", "last": "2026-11-11", "moved": 12, "overflow": 0}
    ]


async def test_at_the_months_end_they_go_before_the_leave(database: Database) -> None:
    team = await opened(database, 84)
    await spread(database, team)
    with on(2):
        await leave(database, team, nov(26), nov(27))
        await leave(database, team, nov(28), nov(30))
    found = await a_day(database, team)
    assert {day: found.get(day, 0) for day in (20, 23, 24, 25, 26, 27, 30)} == {
        20: 4, 23: 8, 24: 8, 25: 8, 26: 0, 27: 0, 30: 0,
    }  # fmt: skip


async def test_what_fits_nowhere_is_listed_to_the_supervisor(database: Database) -> None:
    team = await opened(database, 168)
    await spread(database, team)
    with on(2):
        await leave(database, team, nov(9), nov(9))
    async with database.read(team.tenant, team[team.lead]) as session:
        listed = await not_fitting(session, NOVEMBER.start, today=nov(2))
    assert [(one.owner_id, one.missing) for one in listed] == [(team.manager.id, 1)] * 8
    assert 9 not in await a_day(database, team)


async def test_only_what_lies_ahead_moves_and_only_when_it_was_approved(database: Database) -> None:
    """Sick leave that is approved on its second day; then one that is refused."""
    team = await opened(database, 84)
    await spread(database, team)
    before = await a_day(database, team)
    with on(4):
        request = await asks(database, team, nov(3), nov(5), title="病假")
        assert await a_day(database, team) == before
        await answered(database, team, request.id)
    after = await a_day(database, team)
    assert {day: after.get(day, 0) for day in (2, 3, 4, 5, 6, 9, 10)} == {2: 4, 3: 4, 4: 0, 5: 0, 6: 8, 9: 8, 10: 4}
    with on(6):
        refused = await asks(database, team, nov(12), nov(13))
        await answered(database, team, refused.id, Act.REJECT)
        await leave(database, team, nov(17), nov(18), kind=RequestKind.GENERAL)
    assert await a_day(database, team) == after


async def test_visits_that_took_place_and_sealed_plans_stay(database: Database) -> None:
    team = await opened(database, 4)
    await spread(database, team)
    async with database.write(team.tenant, TESTS) as session:
        done, partly, *_ = await actions_of(session, NOVEMBER)
        done.status, done.visited, done.done_on = "done", 1, nov(2)
        partly.visits = partly.days = [nov(2), nov(3), nov(3)]  # type: ignore[assignment]  # no day is empty here
        partly.visited, partly.planned_on = 1, nov(3)
    with on(2):
        await leave(database, team, nov(2), nov(3))
    async with database.read(team.tenant, TESTS) as session:
        rows = {one.id: one for one in await actions_of(session, NOVEMBER)}
    assert rows[done.id].days == [nov(2)]
    assert rows[partly.id].days == [nov(2), nov(4), nov(4)]
    assert rows[partly.id].planned_on == nov(4)
    async with database.write(team.tenant, TESTS) as session:
        plan = await plan_of(session, team.manager.id, NOVEMBER)
        assert plan is not None
        plan.closed_at = MONDAY
    with on(3):
        await leave(database, team, nov(4), nov(5))
    async with database.read(team.tenant, TESTS) as session:
        same = {one.id: one for one in await actions_of(session, NOVEMBER)}
    assert {key: (one.days, one.version) for key, one in same.items()} == {
        key: (one.days, one.version) for key, one in rows.items()
    }


async def test_leave_over_two_months_makes_way_in_both_plans_and_in_nobody_elses(database: Database) -> None:
    team = await opened(database, 84)
    await spread(database, team)
    async with database.write(team.tenant, TESTS) as session:
        await generate(session, DECEMBER)
        theirs = VisitPlan(id=team.lead.id, owner_id=team.lead.id, unit_id=team.unit, month=NOVEMBER.start)
        session.add(theirs)
        await session.flush()
        theirs.spread_at = theirs.created_at
        kept = PlanAction(
            id=team.manager.id,
            plan_id=theirs.id,
            client_id=team.clients[0],
            source="temporary:x",
            due_on=nov(30),
            visits=[nov(30)],
            days=[nov(30)],
            planned_on=nov(30),
            place_on_day=1,
        )
        session.add(kept)
    await spread(database, team, DECEMBER)
    with on(2):
        await leave(database, team, nov(30), date(2026, 12, 2))
    async with database.read(team.tenant, TESTS) as session:
        own = [*await actions_of(session, NOVEMBER, team.manager.id), *await actions_of(session, DECEMBER)]
        row = await session.get(PlanAction, kept.id)
    away = {nov(30), date(2026, 12, 1), date(2026, 12, 2)}
    assert own
    assert not [one for one in own if away & set(one.days or ())]
    assert row is not None
    assert row.days == [nov(30)]


@pytest.mark.parametrize("days", [1, 4])
async def test_long_leave_makes_way_with_the_last_yes(database: Database, days: int) -> None:
    """More than three days go on to the general manager; until then nothing moves."""
    team = await opened(database, 84)
    await spread(database, team)
    before = await a_day(database, team)
    with on(2):
        request = await asks(database, team, nov(10), nov(9 + days))
        await answered(database, team, request.id)
    moved = await a_day(database, team) != before
    async with database.read(team.tenant, TESTS) as session:
        row = await session.get(ApprovalRequest, request.id)
    assert row is not None
    assert (row.status == "approved", moved) == (days == 1, days == 1)
