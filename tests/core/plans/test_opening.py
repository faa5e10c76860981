"""The run that opens a month's plans, interrupted and again; open actions that follow a client."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from uuid import UUID

from sqlalchemy import select, update

from steward_core.clients.models import Client
from steward_core.clients.ownership import move, moves_to
from steward_core.plans import opening
from steward_core.plans.generation import generate
from steward_core.plans.models import PlanAction, VisitPlan
from steward_core.runs.service import RunTools, advance, drive, request_run
from steward_tenants.database.database import Database
from steward_tenants.files.store import LocalFileStore
from tests.core.factories import make_kinds
from tests.core.plans.worlds import (
    DECEMBER,
    NOVEMBER,
    actions_of,
    fresh_client,
    make_team,
    plan_of,
)
from tests.factories import TESTS, make_tenant, make_user

Rows = list[tuple[object, ...]]


async def _company(database: Database, managers: int = 7) -> UUID:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        make_kinds(session)
        owners = [make_user(session) for _ in range(managers)]
        await session.flush()
        for owner in owners:
            for _ in range(3):
                fresh_client(session, owner.id)
    return tenant


async def _rows(database: Database, tenant: UUID) -> Rows:
    async with database.read(tenant, TESTS) as session:
        rows = await session.rows(
            select(
                VisitPlan.owner_id,
                VisitPlan.month,
                PlanAction.client_id,
                PlanAction.source,
                PlanAction.carried,
                PlanAction.visits,
                PlanAction.days,
                PlanAction.planned_on,
                PlanAction.place_on_day,
            )
            .join(PlanAction, PlanAction.plan_id == VisitPlan.id)
            .where(session.within(VisitPlan), session.within(PlanAction))
            .order_by(VisitPlan.month, PlanAction.client_id, PlanAction.source)
        )
    return [tuple(row) for row in rows]


async def test_an_interrupted_opening_makes_everything_once(database: Database, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(opening, "MANAGERS", 2)
    monkeypatch.setattr(opening, "SPREAD", 2)
    tools = RunTools(LocalFileStore(tmp_path / "files"), tmp_path)
    tenant = await _company(database)
    async with database.write(tenant, TESTS) as session:
        await generate(session, NOVEMBER)
        asked = await request_run(session, "plans.open", period="2026-12", parameters={"month": "2026-12-01"})
    for chunk in range(3):  # each is done, undone by a crash before its commit, and done again
        try:
            async with database.write(tenant, TESTS) as session:
                await advance(session, asked.id, tools)
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            pass
        async with database.write(tenant, TESTS) as session:
            run = await advance(session, asked.id, tools)
            assert run.counts["plans"] == 2 * (chunk + 1)
    done = await drive(database, tenant, TESTS, asked.id, tools)
    assert (done.status, done.total, done.done) == ("done", 7, 7)
    assert (done.counts["plans"], done.counts["carried"], done.counts["overflow"]) == (7, 21, 0)
    rows = await _rows(database, tenant)
    assert [row[1] for row in rows] == [DECEMBER.start] * len(rows)
    assert {row[4] for row in rows if row[3] == "visits.floor"} == {1}
    assert all(row[7] is not None and row[8] is not None for row in rows)
    async with database.write(tenant, TESTS) as session:
        again = await request_run(
            session, "plans.open", period="2026-12", subject="2", parameters={"month": "2026-12-01"}
        )
    await drive(database, tenant, TESTS, again.id, tools)
    assert await _rows(database, tenant) == rows


async def test_open_actions_follow_a_client(database: Database) -> None:
    team = await make_team(database)
    async with database.write(team.tenant, TESTS) as session:
        await generate(session, NOVEMBER)
        assert await plan_of(session, team.stranger.id, NOVEMBER) is None
        moving, pooled = team.clients[:2]
        await move(session, moves_to(session, [moving], team.stranger.id, None), on=date(2026, 11, 9), reason="移交")
        await move(session, moves_to(session, [pooled], None, None), on=date(2026, 11, 9), reason="公海")
        plan = await plan_of(session, team.stranger.id, NOVEMBER)
        assert plan is not None
        (action,) = await actions_of(session, NOVEMBER, team.stranger.id)
        assert (action.client_id, action.carried, action.planned_on) == (moving, 0, None)
        assert {one.client_id for one in await actions_of(session, NOVEMBER, team.manager.id)} == set(team.clients[1:])
    async with database.write(team.tenant, TESTS) as session:
        await generate(session, DECEMBER)
        stayed = await actions_of(session, NOVEMBER)
        assert [one.client_id for one in stayed] == [pooled]  # nobody has it: it waits
        await move(session, moves_to(session, [pooled], team.stranger.id, None), on=date(2026, 12, 2), reason="认领")
        assert pooled in {one.client_id for one in await actions_of(session, DECEMBER, team.stranger.id)}
        assert await actions_of(session, NOVEMBER) == []


async def test_closed_clients_leave_nothing_open(database: Database) -> None:
    team = await make_team(database, clients=2)
    async with database.write(team.tenant, TESTS) as session:
        await generate(session, NOVEMBER)
        await session.execute(
            update(Client)
            .where(session.within(Client), Client.id == team.clients[0])
            .values(status="closed")
            .execution_options(synchronize_session=False)
        )
        await generate(session, DECEMBER)
    async with database.read(team.tenant, TESTS) as session:
        (left,) = await actions_of(session, NOVEMBER)
        assert (left.client_id, left.status) == (team.clients[0], "dropped")
        assert {one.client_id for one in await actions_of(session, DECEMBER)} == {team.clients[1]}
