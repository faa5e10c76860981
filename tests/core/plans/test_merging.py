"""What is still to be done at a client that is merged into another: done for the client that is kept, by its owner."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from steward_core.clients.merge import merge_clients
from steward_core.clients.models import Client, ClientMerge
from steward_core.permissions import CLIENTS_EDIT, CLIENTS_MERGE, CLIENTS_VIEW
from steward_core.plans.models import PlanAction, VisitPlan
from steward_core.visits.models import Visit, VisitStatus
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.people.models import User
from tests.core.plans.worlds import DAY_OF_WORK, DECEMBER, NOVEMBER, Team, done_visit, fresh_client, make_team
from tests.factories import TESTS, actor_with, make_user

MERGER = actor_with(CLIENTS_VIEW, CLIENTS_EDIT, CLIENTS_MERGE)
CADENCE, EXPIRY = "core.cadence", "core.contract_ending"


def a_plan(session: WriteSession, owner: User, month: date = NOVEMBER.start, **values: Any) -> VisitPlan:
    """A plan that was made (row only)."""
    plan = VisitPlan(id=new_id(), owner_id=owner.id, unit_id=owner.unit_id, month=month, **values)
    session.add(plan)
    return plan


def an_action(session: WriteSession, plan: VisitPlan, client_id: UUID, source: str, **values: Any) -> PlanAction:
    """An action that stands on a day (row only)."""
    day = plan.month.replace(day=12)
    given = {"due_on": day, "visits": [day], "days": [day], "planned_on": day, "place_on_day": 1, **values}
    action = PlanAction(id=new_id(), plan_id=plan.id, client_id=client_id, source=source, **given)
    session.add(action)
    return action


async def team_with(database: Database, *, kept_by: str = "other") -> tuple[Team, User, UUID, UUID]:
    """A team, the manager of the client that is kept, that client, and the one that goes. `kept_by`: another manager,
    the `same` one, or nobody (`pool`)."""
    team = await make_team(database, clients=1)
    async with database.write(team.tenant, TESTS) as session:
        other = make_user(session, unit_id=team.unit)
        await session.flush()
        owner = {"other": other.id, "same": team.manager.id, "pool": None}[kept_by]
        kept = fresh_client(session, owner, unit_id=team.unit)
    return team, team.manager if kept_by == "same" else other, kept.id, team.clients[0]


async def merged(database: Database, team: Team, kept: UUID, gone: UUID) -> ClientMerge:
    async with database.write(team.tenant, MERGER) as session:
        return await merge_clients(session, kept, gone, reason="重复建档", today=DAY_OF_WORK)


async def shown(database: Database, team: Team, *actions: PlanAction) -> list[tuple[UUID, UUID, str]]:
    """Of each action: its client, whose plan it is in, its status."""
    async with database.read(team.tenant, TESTS) as session:
        rows = await session.rows(
            select(PlanAction.id, PlanAction.client_id, VisitPlan.owner_id, PlanAction.status)
            .join(VisitPlan, VisitPlan.id == PlanAction.plan_id)
            .where(session.within(PlanAction), session.within(VisitPlan))
        )
    found = {row[0]: tuple(row[1:]) for row in rows}
    return [found[one.id] for one in actions]


async def test_open_actions_go_on_at_the_client_that_is_kept(database: Database) -> None:
    team, other, kept, gone = await team_with(database)
    async with database.write(team.tenant, TESTS) as session:
        plan = a_plan(session, team.manager, generated_at=None)
        theirs = a_plan(session, other)
        await session.flush()
        open_one = an_action(session, plan, gone, EXPIRY, carried=2, visits=[date(2026, 11, 5), date(2026, 11, 19)],
                             visited=1, days=None)  # fmt: skip
        twice = an_action(session, plan, gone, CADENCE)
        own = an_action(session, theirs, kept, CADENCE)
        extra = an_action(session, plan, gone, f"temporary:{new_id()}", temporary=True, title="送合同")
        done = an_action(session, plan, gone, "core.profile_stale", status="done", done_on=DAY_OF_WORK)
    merge = await merged(database, team, kept, gone)
    assert await shown(database, team, open_one, twice, own, extra, done) == [
        (kept, other.id, "open"),
        (gone, team.manager.id, "dropped"),
        (kept, other.id, "open"),
        (kept, other.id, "open"),
        (gone, team.manager.id, "done"),
    ]
    async with database.read(team.tenant, TESTS) as session:
        rows = {one.id: one for one in await session.scalars(select(PlanAction).where(session.within(PlanAction)))}
    left = rows[twice.id].result
    assert left == "合并后保留的客户已有此事项 / The client that was kept has the same action"
    assert (rows[open_one.id].carried, rows[open_one.id].visited) == (2, 1)
    assert [rows[one.id].days for one in (open_one, extra, own)] == [None, None, [date(2026, 11, 12)]]
    assert sorted(merge.moved["plan_actions"]) == sorted([str(open_one.id), str(extra.id)])


async def test_of_one_managers_two_clients_the_plan_stays_as_it_is(database: Database) -> None:
    team, _, kept, gone = await team_with(database, kept_by="same")
    async with database.write(team.tenant, TESTS) as session:
        plan = a_plan(session, team.manager)
        await session.flush()
        action = an_action(session, plan, gone, CADENCE)
    await merged(database, team, kept, gone)
    async with database.read(team.tenant, TESTS) as session:
        row = await session.get(PlanAction, action.id)
    assert row is not None
    assert (row.client_id, row.plan_id, row.planned_on, row.status) == (kept, plan.id, date(2026, 11, 12), "open")


async def test_they_wait_in_their_plan_while_the_client_kept_is_in_the_pool(database: Database) -> None:
    team, _, kept, gone = await team_with(database, kept_by="pool")
    async with database.write(team.tenant, TESTS) as session:
        plan = a_plan(session, team.manager)
        await session.flush()
        action = an_action(session, plan, gone, CADENCE)
        visit = done_visit(session, gone, team.manager.id, DAY_OF_WORK, status=VisitStatus.PREPARED.value,
                           began_at=None, ended_at=None)  # fmt: skip
    await merged(database, team, kept, gone)
    assert await shown(database, team, action) == [(kept, team.manager.id, "open")]
    async with database.read(team.tenant, TESTS) as session:
        row = await session.get(Visit, visit.id)
    assert row is not None
    assert (row.client_id, row.status) == (kept, "cancelled")


@pytest.mark.parametrize("kept_by", ["other", "same"])
async def test_visits_to_come_go_to_who_has_the_client_kept(database: Database, kept_by: str) -> None:
    team, owner, kept, gone = await team_with(database, kept_by=kept_by)
    async with database.write(team.tenant, TESTS) as session:
        values: dict[str, Any] = {"began_at": None, "ended_at": None, "status": VisitStatus.PREPARED.value}
        coming = done_visit(session, gone, team.manager.id, DAY_OF_WORK, **values)
        done = done_visit(session, gone, team.manager.id, DAY_OF_WORK)
        # Somebody else's appointment at the client that is kept is none of the merge's business.
        own = done_visit(session, kept, team.lead.id, DAY_OF_WORK, **values)
    await merged(database, team, kept, gone)
    async with database.read(team.tenant, TESTS) as session:
        rows = {one.id: one for one in await session.scalars(select(Visit).where(session.within(Visit)))}
    assert {one.client_id for one in rows.values()} == {kept}
    assert [rows[one.id].owner_id for one in (coming, done, own)] == [owner.id, team.manager.id, team.lead.id]


async def test_actions_of_a_closed_month_go_to_the_plan_of_today(database: Database) -> None:
    """November is closed and its open action was not carried yet; December's plans are made."""
    team, other, kept, gone = await team_with(database)
    async with database.write(team.tenant, TESTS) as session:
        sealed = a_plan(session, team.manager, closed_at=None)
        await session.flush()
        action = an_action(session, sealed, gone, CADENCE)
        theirs = a_plan(session, other, DECEMBER.start)
        await session.flush()
        theirs.generated_at = theirs.created_at
        sealed.closed_at = theirs.created_at
    await merged(database, team, kept, gone)
    assert await shown(database, team, action) == [(kept, other.id, "open")]
    async with database.read(team.tenant, TESTS) as session:
        row = await session.get(PlanAction, action.id)
        client = await session.get(Client, gone)
    assert row is not None
    assert client is not None
    assert row.plan_id == theirs.id
    assert client.owner_id == other.id
