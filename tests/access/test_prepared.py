"""Prepared statements: built once for a profile, run for whoever has it, with nobody else's parameters."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Integer, Select, bindparam, func, literal, select

from steward_tenants.access.permissions import PEOPLE_MANAGE, PEOPLE_VIEW
from steward_tenants.access.prepared import prepared
from steward_tenants.access.queries import in_scope
from steward_tenants.access.symbolic import ACTOR, TENANT, TODAY, Profile, SymbolicSession, root_mark, standing_of
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.organisation.service import create_unit
from steward_tenants.people.models import User
from tests.factories import TESTS, actor_with, make_tenant, make_user

DAY = date(2026, 7, 1)


def _people(profile: Profile) -> Select[str]:
    session = SymbolicSession(profile.actor)
    reached = in_scope(session, PEOPLE_VIEW, owner=User.id, unit=User.unit_id, on=TODAY)
    most = bindparam("most", 100, Integer())
    return select(User.login).where(session.within(User), reached).order_by(User.login).limit(most)


async def _names(database: Database, tenant_id: UUID, actor: Actor, profile: Profile, most: int = 100) -> list[str]:
    standing = standing_of(actor)
    assert standing.profile == profile
    async with database.read(tenant_id, actor) as session:
        rows = await prepared(_people(profile)).rows(session, standing, DAY, {"most": most})
    return [row[0] for row in rows]


async def test_one_statement_serves_all_of_a_profile_in_every_tenant(database: Database) -> None:
    seen = {}
    for tenant in ("甲", "乙"):
        tenant_id = await make_tenant(database)
        async with database.write(tenant_id, TESTS) as session:
            for unit in ("N", "S"):
                held = await create_unit(session, code=unit, name=unit, today=DAY)
                for number in (1, 2):
                    make_user(session, unit_id=held.id, login=f"{tenant}{unit}{number}@example.test")
                await session.flush()
                seen[tenant, unit] = tenant_id, actor_with(PEOPLE_VIEW, scope=Scope.SUBTREE, unit_id=held.id)
    profile = standing_of(seen["甲", "N"][1]).profile
    for (tenant, unit), (tenant_id, actor) in seen.items():
        expected = [f"{tenant}{unit}{number}@example.test" for number in (1, 2)]
        assert await _names(database, tenant_id, actor, profile) == expected
        assert await _names(database, tenant_id, actor, profile, most=1) == expected[:1]


def test_other_permissions_or_scopes_are_another_profile() -> None:
    one = actor_with(PEOPLE_VIEW, scope=Scope.SUBTREE)
    profiles = {
        standing_of(actor).profile
        for actor in (one, actor_with(PEOPLE_VIEW, scope=Scope.OWN), actor_with(PEOPLE_VIEW, PEOPLE_MANAGE))
    }
    assert len(profiles) == 3
    assert standing_of(actor_with(PEOPLE_VIEW, scope=Scope.SUBTREE)).profile == standing_of(one).profile


def test_constants_stay_and_marks_are_taken_out() -> None:
    made = prepared(select(literal(TENANT), literal(ACTOR), literal(root_mark(2)), literal(TODAY), literal("甲")))
    assert [mark for _, mark in made.marks] == [TENANT, ACTOR, root_mark(2), TODAY]
    assert list(made.constants.values()) == ["甲"]
    assert list(prepared(select(literal(False))).constants.values()) == [False]


@pytest.mark.parametrize("value", [TODAY + timedelta(days=1), f"user:{ACTOR}", TODAY.isoformat()])
def test_a_mark_inside_a_constant_is_refused(value: object) -> None:
    """What was worked out from a mark while building would hold for nobody."""
    with pytest.raises(ValueError, match="mark"):
        prepared(select(literal(value)))


def test_lists_are_written_out() -> None:
    made = prepared(select(func.now()).where(literal(1).in_([1, 2]), literal(ACTOR).in_([ACTOR, TENANT])))
    assert sorted(value for value in made.constants.values() if isinstance(value, int)) == [1, 1, 2]
    assert {mark for _, mark in made.marks} == {ACTOR, TENANT}
