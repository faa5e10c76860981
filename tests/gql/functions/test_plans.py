"""What may be done with a plan, which policy holds, what does not fit and a month's overview, each in one's reach."""

from __future__ import annotations

from typing import Any

import pytest

from steward_core.plans.errors import PlanNotFound
from tests.gql.functions.shown import ask
from tests.gql.world import World
from tests.gql.world_plans import MONTHS


async def test_each_sees_the_plans_of_their_own_reach(world: World) -> None:
    tenant = world["A"]
    (first, *_, foreign) = tenant.rows["visit_plan"]
    own: Any = await ask(world.database, tenant, "am1", "planOffers", id=first.id)
    assert (own["state"], own["commands"], own["letThrough"]) == ("planned", ["submit"], False)
    assert own["edits"] == ["change_actions"]
    with pytest.raises(PlanNotFound):
        await ask(world.database, tenant, "am1", "planOffers", id=foreign.id)
    mine = await ask(world.database, tenant, "am1", "planMonth", month=MONTHS[0].replace(day=17))
    everybodys = await ask(world.database, tenant, "boss", "planMonth", month=MONTHS[0])
    assert [(unit["unit"], unit["plans"]) for unit in mine] == [(tenant.units["east1"].id, 1)]
    assert sum(unit["plans"] for unit in everybodys) == 3
    assert {unit["plan"] for unit in await ask(world.database, tenant, "am1", "visitsNotFitting", month=MONTHS[0])} <= {
        first.id
    }


async def test_policies_count_clients_in_reach_only(world: World) -> None:
    tenant = world["A"]
    counts = {
        who: sum(one["clients"] for one in await ask(world.database, tenant, who, "visitPolicies"))
        for who in ("am1", "boss")
    }
    assert 0 < counts["am1"] < counts["boss"]
    document = {"figures": {"floor": {"every": 2, "unit": "week"}}}
    seen = await ask(world.database, tenant, "boss", "visitPolicies", document=document)
    assert all(one["lines"] for one in seen)
