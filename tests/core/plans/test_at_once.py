"""Whatever two people do at once about a plan that waits for its decision: one of them does it."""

from __future__ import annotations

from itertools import product

import pytest
from sqlalchemy import update

from steward_core.plans import service
from steward_core.plans.generation import generate
from steward_core.plans.models import VisitPlan
from steward_tenants.database.database import Database
from tests.core.plans.way import DECISIONS, WAITS, both, decided, look
from tests.core.plans.worlds import DAY_OF_WORK, NOVEMBER, make_team
from tests.factories import TESTS

SUBMITTED = {"submitted": ("planned", service.submit), "results_submitted": ("in_execution", service.submit_results)}


@pytest.mark.parametrize("state", sorted(WAITS))
async def test_two_at_once_give_one_result(database: Database, state: str) -> None:
    team = await make_team(database, clients=1)
    async with database.write(team.tenant, TESTS) as session:
        await generate(session, NOVEMBER)
    (plan_id,) = (await look(database, team)).plans
    from_state, submit = SUBMITTED[state]
    for first, second in product(sorted(DECISIONS), [*sorted(DECISIONS), "withdraw", "taken back"]):
        async with database.write(team.tenant, TESTS) as session:
            await session.execute(update(VisitPlan).where(session.within(VisitPlan)).values(state=from_state))
        async with database.write(team.tenant, team[team.manager]) as session:
            await submit(session, plan_id, today=DAY_OF_WORK)
        before = await look(database, team)
        won = await both(database, team, plan_id, WAITS[state], first, second, DAY_OF_WORK)
        after = await look(database, team)
        wanted = decided(state, won) if won in DECISIONS else from_state
        assert after.plans[plan_id]["state"] == wanted, (first, second)
        assert after.steps[plan_id] == [*before.steps[plan_id], (state, wanted)]
        assert not after.running
