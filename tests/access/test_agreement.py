"""SQL and the pure rules decide alike: for random trees, people, roles and days, every viewer and every row."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from steward_tenants.access.explain import decide_field, explain_visibility, place_of
from steward_tenants.access.fields import EMAIL, IDENTITY, PAY, PHONE
from steward_tenants.access.permissions import PEOPLE_MANAGE, PEOPLE_VIEW, UNITS_VIEW
from steward_tenants.access.queries import actor_of, masked
from steward_tenants.access.row_kinds import PERSON, UNIT
from steward_tenants.access.rules import decide
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.organisation.errors import UnitCycle, UnitStaysThere
from steward_tenants.organisation.service import create_unit, move_unit
from steward_tenants.people.models import User
from tests.factories import TESTS, assign, make_role, make_tenant, make_user

TODAY = date(2026, 7, 1)
LATER = TODAY + timedelta(days=30)
PERMISSIONS = (PEOPLE_VIEW, UNITS_VIEW, PEOPLE_MANAGE, PHONE.reveal, EMAIL.reveal, IDENTITY.reveal, PAY.reveal)


async def make_company(session: WriteSession, dice: random.Random) -> tuple[list[UUID], list[User]]:
    """A random tree with a few planned moves, people in it, and roles of every scope in their hands."""
    units: list[UUID] = []
    for number in range(9):
        parent = dice.choice([*units, None]) if units else None
        unit = await create_unit(
            session, code=f"U{number}", name="部", parent_id=parent, valid_from=date(2020, 1, 1), today=TODAY
        )
        units.append(unit.id)
    for _ in range(4):
        try:
            await move_unit(session, dice.choice(units), parent_id=dice.choice(units), on=LATER, today=TODAY)
        except (UnitCycle, UnitStaysThere):
            continue
    people = [
        make_user(
            session,
            unit_id=dice.choice([*units, None]),
            phone=dice.choice(["13800138000", "123", "1234", "", None]),
            email=dice.choice(["a@b.example", "nobody", "x@y@z.example", None]),
        )
        for _ in range(8)
    ]
    await session.flush()
    roles = [make_role(session, dice.sample(PERMISSIONS, dice.randint(0, 5))) for _ in range(6)]
    await session.flush()
    for person in people:
        for role in dice.sample(roles, dice.randint(0, 2)):
            scope = dice.choice([*Scope, Scope.SUBTREE, Scope.TEAM])
            unit_id = dice.choice([*units, None, None]) if scope in (Scope.TEAM, Scope.SUBTREE) else None
            grant = assign(session, person, role, scope, unit_id)
            grant.valid_until = dice.choice([None, None, LATER])
    await session.flush()
    return units, people


async def test_scope_and_masks_in_sql_equal_the_rules(database: Database) -> None:
    seen = {True: 0, False: 0}
    for seed in range(3):
        tenant_id = await make_tenant(database)
        async with database.write(tenant_id, TESTS) as session:
            units, people = await make_company(session, random.Random(seed))
        for day in (TODAY, LATER):
            async with database.read(tenant_id, TESTS) as session:
                actors = [await actor_of(session, person, day) for person in people]
                places = {(PERSON.key, p.id): await place_of(session, PERSON, p.id, day) for p in people} | {
                    (UNIT.key, u): await place_of(session, UNIT, u, day) for u in units
                }
            for actor in actors:
                async with database.read(tenant_id, actor) as session:
                    for kind in (PERSON, UNIT):
                        table: Any = kind.table
                        for permission in PERMISSIONS:
                            reach = kind.within_reach(session, permission, day)
                            found = set(await session.scalars(select(table.id).where(session.within(table), reach)))
                            for (key, row_id), place in places.items():
                                if key == kind.key:
                                    assert place is not None
                                    decision = decide(actor, permission, place)
                                    assert decision.allowed is (row_id in found), decision
                                    seen[decision.allowed] += 1
                    columns = [PERSON.masked_field(session, name, day) for name in ("phone", "email")]
                    pay = masked(session, PAY.reveal, User.phone, owner=User.id, unit=User.unit_id, on=day)
                    rows = await session.rows(select(User, *columns, pay).where(session.within(User)))
                    for user, phone, email, whole in map(tuple, rows):
                        place = places[PERSON.key, user.id]
                        assert place is not None
                        for shown, sort, value in (
                            (phone, PHONE, user.phone),
                            (email, EMAIL, user.email),
                            (whole, PAY, user.phone),
                        ):
                            allowed = decide(actor, sort.reveal, place).allowed
                            assert shown == (value if allowed else sort.hide(value))
    assert min(seen.values()) > 300, seen


async def test_the_explanation_says_what_the_rules_decide(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        _, people = await make_company(session, random.Random(99))
    async with database.read(tenant_id, TESTS) as session:
        for viewer in people:
            actor = await actor_of(session, viewer, TODAY)
            for row in people:
                place = await place_of(session, PERSON, row.id, TODAY)
                assert place is not None
                for field in (None, "phone", "email", "identity_number", "name"):
                    explained = await explain_visibility(session, viewer.id, "user", row.id, on=TODAY, field=field)
                    assert explained.allowed is decide_field(actor, PERSON, field, place).allowed
                    assert explained.reasons
                    assert all(reason.text.zh and reason.text.en for reason in explained.reasons)
