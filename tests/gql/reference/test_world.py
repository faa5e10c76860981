"""The world itself: what it has to have for the tests over it to mean anything."""

from __future__ import annotations

from tests.gql.world import PEOPLE, World


async def test_the_tenants_differ_in_their_plugins_and_nothing_is_shared(world: World) -> None:
    assert [sorted(tenant.plugins) for tenant in world.tenants.values()] == [
        ["telecom"],
        ["tobacco"],
        ["telecom", "tobacco"],
    ]
    assert len({tenant.id for tenant in world.tenants.values()}) == 3
    assert sum(len(tenant.marks) for tenant in world.tenants.values()) == len(world.marks)
    for tenant in world.tenants.values():
        assert set(tenant.actors) == set(PEOPLE)
        assert len(tenant.sensitive) > 40
        assert {"client", "contact", "contract", "form_record", "run"} <= set(tenant.rows)
