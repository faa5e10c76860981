"""The tree of units: creating, moving with effective days, undoing, closing."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest

from steward_tenants.access.permissions import PEOPLE_VIEW, UNITS_MANAGE, UNITS_VIEW
from steward_tenants.access.row_kinds import PERSON
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.organisation import queries
from steward_tenants.organisation.errors import (
    NoSuchPlannedMove,
    UnitChanged,
    UnitClosed,
    UnitCodeTaken,
    UnitCycle,
    UnitDayPast,
    UnitInUse,
    UnitMovePlanned,
    UnitNotFound,
    UnitNotYetThere,
    UnitStaysThere,
    UnitTooDeep,
)
from steward_tenants.organisation.rules import MAX_LEVELS, Stay
from steward_tenants.organisation.service import (
    cancel_move,
    change_unit,
    close_unit,
    create_unit,
    move_unit,
    reopen_unit,
)
from steward_tenants.people.models import User, UserStatus
from tests.factories import TESTS, actor_with, make_tenant, make_user
from tests.turns import meanwhile

TODAY = date(2026, 7, 1)
LATER = date(2026, 10, 1)
FOUNDED = date(2020, 1, 1)


async def make_branch(session: WriteSession, *names: str, parent: UUID | None = None) -> list[UUID]:
    """Units one below the other, since 2020."""
    ids: list[UUID] = []
    for name in names:
        unit = await create_unit(
            session,
            code=name,
            name=f"{name}部",
            parent_id=ids[-1] if ids else parent,
            valid_from=FOUNDED,
            today=TODAY,
        )
        ids.append(unit.id)
    return ids


async def names_on(session: WriteSession, day: date, below: UUID | None = None) -> str:
    """The tree on a day as `A0 B1 C2`: codes with depths, in tree order."""
    return " ".join(f"{n.code}{n.depth}" for n in await queries.tree(session, day, today=TODAY, below=below))


async def test_a_moved_subtree_stands_under_its_new_parent_from_that_day_on(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        root, _north, team, squad = await make_branch(session, "R", "N", "T", "Q")
        (south,) = await make_branch(session, "S", parent=root)
        stays = await move_unit(session, team, parent_id=south, on=LATER, today=TODAY)
        assert [stay.valid_from for stay in stays] == [FOUNDED, LATER]
        assert await names_on(session, LATER - timedelta(days=1)) == "R0 N1 T2 Q3 S1"
        assert await names_on(session, LATER) == "R0 N1 S1 T2 Q3"
        assert await names_on(session, LATER, below=south) == "S1 T2 Q3"
        assert [n.code for n in await queries.ancestors(session, squad, LATER, today=TODAY)] == ["R", "S", "T", "Q"]
        assert [n.code for n in await queries.descendants(session, south, TODAY, today=TODAY)] == []
        history = await queries.history(session, team, TODAY)
        assert [(h.valid_from, h.valid_until, h.parent_code) for h in history] == [
            (FOUNDED, LATER, "N"),
            (LATER, None, "S"),
        ]


async def test_a_planned_move_is_cancelled_corrected_and_respected_by_an_earlier_one(
    database: Database,
) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        (root,) = await make_branch(session, "R")
        one, two, three, team = [(await make_branch(session, code, parent=root))[0] for code in ("A", "B", "C", "T")]
        await move_unit(session, team, parent_id=one, on=LATER, today=TODAY)
        await move_unit(session, team, parent_id=two, on=LATER, today=TODAY)
        await move_unit(session, team, parent_id=three, on=TODAY, today=TODAY)
        assert await names_on(session, TODAY) == "R0 A1 B1 C1 T2"
        assert await names_on(session, LATER) == "R0 A1 B1 T2 C1"
        with pytest.raises(NoSuchPlannedMove):
            await cancel_move(session, team, on=TODAY, today=TODAY)
        stays = await cancel_move(session, team, on=LATER, today=TODAY)
        assert stays[-1] == Stay(three, TODAY, None)
        assert await names_on(session, LATER) == "R0 A1 B1 C1 T2"


async def test_a_cycle_is_refused_on_whichever_day_it_would_arise(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        (one,) = await make_branch(session, "A")
        (two,) = await make_branch(session, "B")
        await move_unit(session, two, parent_id=one, on=LATER, today=TODAY)
        with pytest.raises(UnitCycle) as refused:
            await move_unit(session, one, parent_id=two, on=TODAY, today=TODAY)
        assert str(LATER) in refused.value.text.en
        assert "下级" in refused.value.text.zh
        with pytest.raises(UnitCycle):
            await move_unit(session, one, parent_id=one, on=TODAY, today=TODAY)
        await cancel_move(session, two, on=LATER, today=TODAY)
        await move_unit(session, one, parent_id=two, on=TODAY, today=TODAY)


async def test_cancelling_a_move_that_another_built_on_is_refused(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        one, two = await make_branch(session, "A", "B")
        await move_unit(session, two, parent_id=None, on=LATER, today=TODAY)
        await move_unit(session, one, parent_id=two, on=LATER + timedelta(days=5), today=TODAY)
        with pytest.raises(UnitCycle):
            await cancel_move(session, two, on=LATER, today=TODAY)


async def test_the_depth_is_bounded_for_whole_subtrees(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        deep = await make_branch(session, *(f"D{n}" for n in range(MAX_LEVELS)))
        top, _ = await make_branch(session, "X", "Y")
        with pytest.raises(UnitTooDeep):
            await create_unit(session, code="E", name="过深", parent_id=deep[-1], today=TODAY)
        with pytest.raises(UnitTooDeep) as refused:
            await move_unit(session, top, parent_id=deep[-2], on=TODAY, today=TODAY)
        assert refused.value.values == {"limit": MAX_LEVELS, "levels": MAX_LEVELS + 1}
        await move_unit(session, top, parent_id=deep[-3], on=TODAY, today=TODAY)


async def test_days_and_parents_that_do_not_fit_are_refused(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        root, team = await make_branch(session, "R", "T")
        new = await create_unit(session, code="F", name="新部", parent_id=root, valid_from=LATER, today=TODAY)
        with pytest.raises(UnitDayPast):
            await move_unit(session, team, parent_id=None, on=TODAY - timedelta(days=1), today=TODAY)
        with pytest.raises(UnitNotYetThere):
            await move_unit(session, team, parent_id=new.id, on=TODAY, today=TODAY)
        with pytest.raises(UnitNotYetThere):
            await move_unit(session, new.id, parent_id=team, on=TODAY, today=TODAY)
        with pytest.raises(UnitStaysThere):
            await move_unit(session, team, parent_id=root, on=LATER, today=TODAY)
        with pytest.raises(UnitNotFound):
            await move_unit(session, team, parent_id=UUID(int=7), on=TODAY, today=TODAY)
        with pytest.raises(InvalidInput) as refused:
            await create_unit(session, code="A B", name="\u202e", kind="", today=TODAY)
        assert {problem.path for problem in refused.value.problems} == {("code",), ("name",), ("kind",)}
        with pytest.raises(UnitCodeTaken):
            await create_unit(session, code="T", name="重复", today=TODAY)
        assert await names_on(session, TODAY) == "R0 T1"


async def test_renaming_sees_the_version_and_the_code(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        root, team = await make_branch(session, "R", "T")
        changed = await change_unit(session, team, name="𠮷林支局", version=1, today=TODAY)
        assert (changed.name, changed.version) == ("𠮷林支局", 2)
        with pytest.raises(UnitChanged):
            await change_unit(session, team, name="别名", version=1, today=TODAY)
        with pytest.raises(UnitCodeTaken):
            await change_unit(session, root, code="T", version=1, today=TODAY)


async def test_a_unit_closes_once_empty_and_can_be_reopened(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        _, team, squad = await make_branch(session, "R", "T", "Q")
        person = make_user(session, unit_id=team)
        with pytest.raises(UnitInUse) as refused:
            await close_unit(session, team, on=TODAY, today=TODAY)
        assert refused.value.values["people"] == 1
        assert refused.value.values["units"] == 1
        person.status = UserStatus.DISABLED
        await close_unit(session, squad, on=LATER, today=TODAY)
        with pytest.raises(UnitInUse):
            await close_unit(session, team, on=LATER - timedelta(days=1), today=TODAY)
        await close_unit(session, team, on=LATER, today=TODAY)
        assert await names_on(session, LATER - timedelta(days=1)) == "R0 T1 Q2"
        assert await names_on(session, LATER) == "R0"
        with pytest.raises(UnitClosed):
            await create_unit(session, code="Z", name="新", parent_id=team, today=TODAY)
        with pytest.raises(UnitClosed):
            await move_unit(session, team, parent_id=None, on=LATER, today=TODAY)
        with pytest.raises(UnitClosed):
            await reopen_unit(session, squad, today=TODAY)
        await reopen_unit(session, team, today=TODAY)
        assert await names_on(session, LATER) == "R0 T1"
        await move_unit(session, team, parent_id=None, on=LATER, today=TODAY)
        with pytest.raises(UnitMovePlanned):
            await close_unit(session, team, on=TODAY, today=TODAY)


async def test_a_manager_of_one_subtree_changes_only_that(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        root, mine, team = await make_branch(session, "R", "M", "T")
        (foreign,) = await make_branch(session, "F", parent=root)
    actor = actor_with(UNITS_MANAGE, UNITS_VIEW, scope=Scope.SUBTREE, unit_id=mine)
    async with database.write(tenant_id, actor) as session:
        assert await names_on(session, TODAY) == "M1 T2"
        with pytest.raises(UnitNotFound):
            await move_unit(session, foreign, parent_id=mine, on=TODAY, today=TODAY)
        with pytest.raises(UnitNotFound):
            await move_unit(session, team, parent_id=foreign, on=TODAY, today=TODAY)
        with pytest.raises(Forbidden):
            await move_unit(session, team, parent_id=None, on=TODAY, today=TODAY)
        with pytest.raises(UnitNotFound):
            await queries.history(session, foreign, TODAY)
        unit = await create_unit(session, code="N", name="新组", parent_id=mine, today=TODAY)
        await move_unit(session, team, parent_id=unit.id, on=TODAY, today=TODAY)
    async with database.write(tenant_id, actor_with(UNITS_VIEW)) as session:
        with pytest.raises(Forbidden):
            await move_unit(session, team, parent_id=mine, on=TODAY, today=TODAY)


async def test_two_moves_at_once_make_no_cycle(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        one, below_one = await make_branch(session, "A", "AA")
        two, below_two = await make_branch(session, "B", "BB")
    refused = await meanwhile(
        database,
        tenant_id,
        TESTS,
        lambda session: move_unit(session, one, parent_id=below_two, on=TODAY, today=TODAY),
        lambda session: move_unit(session, two, parent_id=below_one, on=TODAY, today=TODAY),
    )
    assert isinstance(refused, UnitCycle)


async def test_a_closed_unit_stays_in_the_scope_of_those_above_it_wherever_they_go(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        (head,) = await make_branch(session, "H")
        _, north, team = await make_branch(session, "R", "N", "T")
        left = make_user(session, unit_id=team, status=UserStatus.DISABLED)
        await close_unit(session, team, on=TODAY, today=TODAY)
        await move_unit(session, north, parent_id=head, on=LATER, today=TODAY)
    for day, root, seen in ((LATER, head, True), (TODAY, head, False), (LATER, north, True)):
        actor = actor_with(PEOPLE_VIEW, scope=Scope.SUBTREE, unit_id=root)
        async with database.read(tenant_id, actor) as reading:
            reach = PERSON.within_reach(reading, PEOPLE_VIEW, day)
            assert (await reading.find(User, User.id == left.id, reach) is not None) is seen
    async with database.write(tenant_id, TESTS) as session:
        with pytest.raises(UnitCycle):
            await move_unit(session, head, parent_id=north, on=LATER, today=TODAY)
