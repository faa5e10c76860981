"""SQL and the pure rules decide alike: for random trees, people, roles and days, every viewer and every row."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, select, update

from steward_tenants.access.explain import decide_field, explain_visibility, place_of
from steward_tenants.access.fields import EMAIL, IDENTITY, PAY, PHONE
from steward_tenants.access.models import RoleAssignment
from steward_tenants.access.permissions import PEOPLE_MANAGE, PEOPLE_VIEW, UNITS_VIEW
from steward_tenants.access.queries import actor_of, masked
from steward_tenants.access.row_kinds import PERSON, UNIT, RowKind
from steward_tenants.access.rules import RowPlace, decide
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.organisation.errors import UnitCycle, UnitStaysThere
from steward_tenants.organisation.service import create_unit, move_unit
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual
from tests.factories import TESTS, actor_with, assign, make_role, make_tenant, make_user

SEEDS = range(3) if os.environ.get("STEWARD_TEST_FULL") == "1" else range(2)
TODAY = date(2026, 7, 1)
LATER = TODAY + timedelta(days=30)
PERMISSIONS = (PEOPLE_VIEW, UNITS_VIEW, PEOPLE_MANAGE, PHONE.reveal, EMAIL.reveal, IDENTITY.reveal, PAY.reveal)

TITLE = Bilingual("测试", "test")
COVERED = RowKind(
    "covered",
    TITLE,
    RoleAssignment,
    PEOPLE_VIEW,
    owner=RoleAssignment.user_id,
    unit=RoleAssignment.unit_id,
    stand_in=RoleAssignment.granted_by,
    fields={"scope": PHONE},
)
STANDS_IN_ONLY = RowKind("stands_in", TITLE, RoleAssignment, PEOPLE_VIEW, stand_in=RoleAssignment.granted_by)
OF_PERSON = RowKind(
    "of_person",
    TITLE,
    RoleAssignment,
    PEOPLE_VIEW,
    parent=PERSON,
    parent_id=RoleAssignment.user_id,
    fields={"scope": PHONE},
)
OF_UNIT = RowKind("of_unit", TITLE, User, PEOPLE_VIEW, parent=UNIT, parent_id=User.unit_id, fields={"phone": PHONE})
OF_PERSON_OF_UNIT = RowKind(
    "of_person_of_unit",
    TITLE,
    RoleAssignment,
    PEOPLE_VIEW,
    parent=OF_UNIT,
    parent_id=RoleAssignment.user_id,
    fields={"scope": PHONE},
)
OF_ITS_LIKE = RowKind(
    "of_its_like", TITLE, User, PEOPLE_VIEW, parent=PERSON, parent_id=User.id, fields={"phone": PHONE}
)
OF_COVERED = RowKind("of_covered", TITLE, RoleAssignment, PEOPLE_VIEW, parent=COVERED, parent_id=RoleAssignment.id)
PERSON_OR_UNIT = RowKind(
    "person_or_unit",
    TITLE,
    User,
    PEOPLE_VIEW,
    parent=UNIT,
    parent_id=User.unit_id,
    without_parent=PERSON,
    fields={"phone": PHONE},
)
KINDS = (PERSON_OR_UNIT, COVERED, STANDS_IN_ONLY, OF_PERSON, OF_UNIT, OF_PERSON_OF_UNIT, OF_ITS_LIKE, OF_COVERED)
"""Kinds of this test alone, over floor 1's tables: with a stand-in, below a parent, below a parent's parent."""


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
            grant.granted_by = dice.choice([None, *(other.id for other in people if other is not person)])
    await session.flush()
    return units, people


async def test_scope_and_masks_in_sql_equal_the_rules(database: Database) -> None:
    seen = {True: 0, False: 0}
    for seed in SEEDS:
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


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)
async def test_stand_ins_and_parents_count_alike_in_sql_and_rules(database: Database, kind: RowKind) -> None:
    table: Any = kind.table
    seen = {True: 0, False: 0}
    for seed in SEEDS:
        tenant_id = await make_tenant(database)
        async with database.write(tenant_id, TESTS) as session:
            _, people = await make_company(session, random.Random(f"{kind.key}{seed}"))
        for day in (TODAY, LATER):
            async with database.read(tenant_id, TESTS) as session:
                actors = [await actor_of(session, person, day) for person in people]
                row_ids = await session.scalars(select(table.id).where(session.within(table)))
                places: dict[UUID, RowPlace] = {}
                for row_id in row_ids:
                    place = await place_of(session, kind, row_id, day)
                    assert place is not None
                    places[row_id] = place
                assert await place_of(session, kind, tenant_id, day) is None
            for actor in actors:
                async with database.read(tenant_id, actor) as session:
                    for permission in PERMISSIONS:
                        reach = kind.within_reach(session, permission, day)
                        found = set(await session.scalars(select(table.id).where(session.within(table), reach)))
                        for row_id, place in places.items():
                            decision = decide(actor, permission, place)
                            assert decision.allowed is (row_id in found), decision
                            seen[decision.allowed] += 1
                    for name, sort in kind.fields.items():
                        shown = kind.masked_field(session, name, day)
                        columns = select(table.id, getattr(table, name), shown)
                        for row_id, value, seen_value in map(
                            tuple, await session.rows(columns.where(session.within(table)))
                        ):
                            allowed = decide(actor, sort.reveal, places[row_id]).allowed
                            assert seen_value == (value if allowed else sort.hide(value))
    assert min(seen.values()) > 50, seen


async def test_a_change_keeps_to_the_parents_reach(database: Database) -> None:
    """The condition stands in UPDATE and DELETE too, where the row's table is no FROM."""
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        own, other = make_user(session), make_user(session)
        role = make_role(session, [PEOPLE_VIEW])
        await session.flush()
        grants = [assign(session, person, role, Scope.TEAM).id for person in (own, other)]
    async with database.write(tenant_id, actor_with(PEOPLE_VIEW, scope=Scope.OWN, user=own)) as session:
        within = (session.within(RoleAssignment), OF_PERSON.within_reach(session, PEOPLE_VIEW, TODAY))
        changed = await session.scalars(
            update(RoleAssignment).where(*within).values(valid_until=LATER).returning(RoleAssignment.id)
        )
        assert changed == grants[:1]
        assert await session.scalars(delete(RoleAssignment).where(*within).returning(RoleAssignment.id)) == grants[:1]


async def test_who_reaches_everything_or_nothing_asks_no_parent(database: Database) -> None:
    tenant_id = await make_tenant(database)
    everything, nothing = actor_with(PEOPLE_VIEW), actor_with(UNITS_VIEW, scope=Scope.OWN)
    for actor in (TESTS, everything, nothing, actor_with(PEOPLE_VIEW, scope=Scope.OWN)):
        async with database.read(tenant_id, actor) as session:
            condition = str(OF_PERSON_OF_UNIT.within_reach(session, PEOPLE_VIEW, TODAY))
        assert ("EXISTS" in condition) is (actor not in (TESTS, everything, nothing))


def test_a_kind_below_a_parent_has_no_place_of_its_own() -> None:
    for wrong in (
        {"parent": PERSON},
        {"parent_id": RoleAssignment.user_id},
        {"parent": PERSON, "parent_id": RoleAssignment.user_id, "owner": RoleAssignment.user_id},
        {"parent": PERSON, "parent_id": RoleAssignment.user_id, "stand_in": RoleAssignment.granted_by},
    ):
        with pytest.raises(ValueError, match="parent comes with parent_id"):
            RowKind("wrong", TITLE, RoleAssignment, PEOPLE_VIEW, **wrong)


def test_reasons_name_the_stand_in_only_where_there_is_one() -> None:
    owner, helper = new_id(), new_id()
    for place, word in (
        (RowPlace(owner, None), "reaches own rows:"),
        (RowPlace(owner, None, stand_in_id=helper), "stood in for"),
    ):
        actor = replace(actor_with(PEOPLE_VIEW, scope=Scope.OWN), id=helper)
        decision = decide(actor, PEOPLE_VIEW, place)
        assert decision.allowed is (place.stand_in_id == helper)
        assert word in decision.reasons[0].text.en


def test_a_row_with_somebody_elses_stand_in_reads_like_one_that_does_not_exist() -> None:
    """Who asks about oneself is not told that a row out of reach is there."""
    actor = actor_with(PEOPLE_VIEW, scope=Scope.OWN)
    strange = RowPlace(new_id(), None, stand_in_id=new_id())
    assert decide(actor, PEOPLE_VIEW, strange) == decide(actor, PEOPLE_VIEW, RowPlace(None, None))


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
