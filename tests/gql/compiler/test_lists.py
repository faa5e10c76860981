"""Lists with what hangs on them."""

from __future__ import annotations

from steward_core.permissions import CLIENTS_VIEW
from steward_tenants.access.permissions import PEOPLE_VIEW, UNITS_VIEW
from tests.factories import actor_with
from tests.gql.compiler.conftest import Tiny

ALL = actor_with(CLIENTS_VIEW, PEOPLE_VIEW, UNITS_VIEW)


async def test_a_list_with_its_relations(tiny: Tiny) -> None:
    data = await tiny.runner.ask(
        """{ clients(first: 100) { __typename totalCount
             edges { cursor __typename node { id n: name status owner { name } contacts(first: 2) { nodes { name phone }
             pageInfo { hasNextPage endCursor } totalCount } } }
             pageInfo { __typename hasNextPage hasPreviousPage startCursor endCursor } } }""",
        ALL,
    )
    print(tiny.runner.plans[-1].sql.decode())
    assert data["clients"]["totalCount"] == 22
    assert len(data["clients"]["edges"]) == 22
