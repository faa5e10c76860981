"""People of a tenant: created with their account, changed, moved, listed within scope and masked, exported."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from steward_tenants.access import permissions as p
from steward_tenants.access.rules import MASK
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import Actor, ActorKind, Grant, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.vault import Unreadable
from steward_tenants.directory.models import Account, Credential, CredentialKind, Membership
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.organisation.errors import UnitClosed, UnitInUse, UnitNotFound
from steward_tenants.organisation.service import close_unit, create_unit
from steward_tenants.people import membership
from steward_tenants.people.disclosure import export_people, reveal_people, reveal_person
from steward_tenants.people.errors import (
    AccountNotFound,
    EmployeeNumberTaken,
    NotOneself,
    PersonChanged,
    PersonExists,
    PersonNotFound,
)
from steward_tenants.people.models import User, UserStatus
from steward_tenants.people.queries import PeopleQuery, PeopleSort, find_person, list_people
from steward_tenants.people.service import move_user, open_identity_number, update_user
from steward_tenants.signin.models import SessionKind, SignInSession
from tests.factories import TESTS, actor_with, make_member, make_tenant, make_user
from tests.turns import Work, meanwhile

TODAY = date(2026, 7, 1)
ADMIN = actor_with(p.PEOPLE_MANAGE, p.PEOPLE_VIEW)
ZHANG: dict[str, Any] = {
    "name": "张三",
    "phone": "+86 138 0013 8000",
    "email": "zhang@corp.example",
    "identity_number": "11010519491231002x",
    "employee_number": "A001",
}

FIRST_TO_LAST = PeopleQuery(sort=PeopleSort.EMPLOYEE_NUMBER, descending=True)


def login() -> str:
    return f"zhang-{new_id().hex[-12:]}@corp.example"


async def account_and_membership(database: Database, tenant_id: UUID, name: str) -> tuple[int, int]:
    """How many accounts have the login, and how many memberships they have in the tenant."""
    async with database.directory() as directory:
        accounts = await directory.scalar(select(func.count()).select_from(Account).where(Account.login == name))
        members = await directory.scalar(
            select(func.count())
            .select_from(Membership)
            .join(Account, Account.id == Membership.account_id)
            .where(Account.login == name, Membership.tenant_id == tenant_id)
        )
    return accounts, members


async def is_open(database: Database, user: User) -> bool:
    """Whether the user's membership is active."""
    async with database.directory() as directory:
        row = await directory.find(Membership, Membership.user_id == user.id)
    assert row is not None
    return row.active


async def sign_in_once(database: Database, user: User) -> None:
    """The user accepts and has a session, as far as its rows tell."""
    async with database.write(user.tenant_id, TESTS) as session:
        row = await session.get(User, user.id, lock=True)
        assert row is not None
        row.status = UserStatus.ACTIVE
        session.add(
            SignInSession(
                id=new_id(),
                kind=SessionKind.USER,
                subject_id=user.id,
                account_id=user.account_id,
                token_digest=user.id.bytes,
                second_factor=False,
                expires_at=datetime.now(UTC),
            )
        )
    async with database.directory() as directory:
        member = await directory.find(Membership, Membership.user_id == user.id)
        assert member is not None
        member.active = True


async def test_a_person_is_created_invited_with_account_and_membership(database: Database) -> None:
    tenant_id = await make_tenant(database)
    name = login()
    user = await membership.create_user(
        database, tenant_id, ADMIN, fields={**ZHANG, "login": name.upper()}, today=TODAY
    )
    assert (user.login, user.status, user.phone, user.phone_tail) == (
        name,
        UserStatus.INVITED,
        "13800138000",
        "8000",
    )
    assert await account_and_membership(database, tenant_id, name) == (1, 1)
    assert user.identity_number is not None
    assert "11010519491231002X" not in user.identity_number
    opened = open_identity_number(database.vault, tenant_id, user.id, user.identity_number)
    assert opened == "11010519491231002X"
    with pytest.raises(Unreadable):
        open_identity_number(database.vault, tenant_id, new_id(), user.identity_number)
    with pytest.raises(PersonExists):
        await membership.create_user(database, tenant_id, ADMIN, fields={**ZHANG, "login": name}, today=TODAY)
    async with database.read(tenant_id, TESTS) as session:
        events = await session.scalars(select(AuditEvent.changes).where(session.within(AuditEvent)))
    written = json.dumps(list(events), ensure_ascii=False)
    for secret in ("13800138000", "8000", "zhang@corp", "002X"):
        assert f'"{secret}' not in written
    assert "张三" not in written


async def test_a_repeat_completes_what_a_crash_left(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant_id = await make_tenant(database)
    fields = {**ZHANG, "login": login()}
    user = await membership.create_user(database, tenant_id, ADMIN, fields=fields, today=TODAY)
    async with database.directory() as directory:
        row = await directory.find(Membership, Membership.user_id == user.id)
        assert row is not None
        await directory.delete(row)
    again = await membership.create_user(database, tenant_id, ADMIN, fields=fields, today=TODAY)
    assert again.id == user.id
    assert await account_and_membership(database, tenant_id, fields["login"]) == (1, 1)


async def test_one_login_created_twice_at_once_is_one_person(database: Database) -> None:
    tenant_id = await make_tenant(database)
    fields = {**ZHANG, "login": login()}

    async def create() -> object:
        try:
            return await membership.create_user(database, tenant_id, ADMIN, fields=fields, today=TODAY)
        except PersonExists as refused:
            return refused

    made = [one for one in await asyncio.gather(create(), create(), create()) if isinstance(one, User)]
    assert len({user.id for user in made}) == 1
    assert await account_and_membership(database, tenant_id, fields["login"]) == (1, 1)
    async with database.read(tenant_id, TESTS) as session:
        users = select(func.count()).select_from(User).where(session.within(User))
        assert await session.scalar(users) == 1


async def test_a_person_in_two_tenants_has_one_account_and_is_disabled_in_one(database: Database) -> None:
    one, two = await make_tenant(database), await make_tenant(database)
    name = login()
    first = await membership.create_user(database, one, ADMIN, fields={**ZHANG, "login": name}, today=TODAY)
    second = await membership.link_account(database, two, ADMIN, first.account_id, fields={"name": "老张"}, today=TODAY)
    assert (second.account_id, second.login) == (first.account_id, name)
    assert second.id != first.id
    for user in (first, second):
        assert not await is_open(database, user), "who has not accepted is no member yet"
        await sign_in_once(database, user)
    await membership.disable_user(database, one, ADMIN, first.id, today=TODAY, reason="离职")
    assert not await is_open(database, first)
    assert await is_open(database, second)
    async with database.read(two, TESTS) as session:
        assert (await find_person(session, second.id, TODAY)).status is UserStatus.ACTIVE
        with pytest.raises(PersonNotFound):
            await find_person(session, first.id, TODAY)
    enabled = await membership.enable_user(database, one, ADMIN, first.id, today=TODAY)
    assert enabled.status == UserStatus.ACTIVE
    assert await is_open(database, first)
    with pytest.raises(AccountNotFound):
        await membership.link_account(database, two, ADMIN, new_id(), fields={"name": "无"}, today=TODAY)


async def test_nobody_is_made_to_work_for_a_tenant_by_disabling_and_enabling(database: Database) -> None:
    theirs, mine = await make_tenant(database), await make_tenant(database)
    victim = await make_member(database, theirs, name="张三")
    async with database.directory() as directory:
        directory.add(Credential(account_id=victim.account_id, kind=CredentialKind.PASSWORD, secret="not a hash"))
    made = await membership.link_account(database, mine, ADMIN, victim.account_id, fields={"name": "甲"}, today=TODAY)
    await membership.disable_user(database, mine, ADMIN, made.id, today=TODAY)
    enabled = await membership.enable_user(database, mine, ADMIN, made.id, today=TODAY)
    assert enabled.status == UserStatus.INVITED
    assert not await is_open(database, made)


async def test_nothing_is_written_for_a_refused_person(database: Database) -> None:
    tenant_id = await make_tenant(database)
    name = login()
    with pytest.raises(Forbidden):
        await membership.create_user(
            database, tenant_id, actor_with(p.PEOPLE_VIEW), fields={**ZHANG, "login": name}, today=TODAY
        )
    with pytest.raises(InvalidInput):
        await membership.create_user(
            database, tenant_id, ADMIN, fields={**ZHANG, "login": name, "phone": "1"}, today=TODAY
        )
    assert await account_and_membership(database, tenant_id, name) == (0, 0)


async def test_an_update_sees_the_version_and_taken_numbers(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, ADMIN) as session:
        user_id = make_user(session).id
        make_user(session, employee_number="B2")
        await session.flush()
        changed = await update_user(session, user_id, fields={"name": "李四", "phone": None}, version=1, today=TODAY)
        assert (changed.name, changed.version) == ("李四", 2)
        with pytest.raises(PersonChanged) as refused:
            await update_user(session, user_id, fields={"name": "王五"}, version=1, today=TODAY)
        assert "李四" in refused.value.text.zh
        with pytest.raises(EmployeeNumberTaken):
            await update_user(session, user_id, fields={"employee_number": "B2"}, version=2, today=TODAY)
        with pytest.raises(InvalidInput):
            await update_user(session, user_id, fields={"login": "other"}, version=2, today=TODAY)

    async def rename(name: str) -> bool:
        try:
            async with database.write(tenant_id, ADMIN) as session:
                await update_user(session, user_id, fields={"name": name}, version=2, today=TODAY)
        except PersonChanged:
            return False
        return True

    assert sorted(await asyncio.gather(rename("甲"), rename("乙"))) == [False, True]


async def test_people_move_between_open_units_in_scope_and_nobody_moves_themselves(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        mine = await create_unit(session, code="M", name="甲", today=date(2026, 1, 1))
        below = await create_unit(session, code="B", name="乙", parent_id=mine.id, today=TODAY)
        foreign = await create_unit(session, code="F", name="丙", today=TODAY)
        shut = await create_unit(session, code="S", name="丁", parent_id=mine.id, today=date(2026, 1, 1))
        await close_unit(session, shut.id, on=TODAY, today=TODAY)
        user, stranger = make_user(session, unit_id=mine.id), make_user(session, unit_id=foreign.id)
        manager = make_user(session, unit_id=mine.id)
    actor = actor_with(p.PEOPLE_MANAGE, p.PEOPLE_VIEW, scope=Scope.SUBTREE, user=manager)
    async with database.write(tenant_id, actor) as session:
        await move_user(session, user.id, unit_id=below.id, version=1, today=TODAY)
        for unit, error in ((foreign.id, UnitNotFound), (shut.id, UnitClosed), (None, Forbidden)):
            with pytest.raises(error):
                await move_user(session, user.id, unit_id=unit, version=2, today=TODAY)
        with pytest.raises(PersonNotFound):
            await move_user(session, stranger.id, unit_id=mine.id, version=1, today=TODAY)
        with pytest.raises(NotOneself):
            await move_user(session, manager.id, unit_id=below.id, version=1, today=TODAY)
    for call in (membership.disable_user, membership.enable_user):
        with pytest.raises(NotOneself):
            await call(database, tenant_id, actor, manager.id, today=TODAY)
        with pytest.raises(PersonNotFound):
            await call(database, tenant_id, actor, stranger.id, today=TODAY)


async def test_a_unit_that_closes_while_someone_moves_in_takes_them_or_stays_open(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        units = [await create_unit(session, code=c, name="甲", today=date(2026, 1, 1)) for c in "MN"]
        users = [make_user(session) for _ in units]

    def moving(number: int) -> Work:
        user, unit = users[number], units[number]
        return lambda session: move_user(session, user.id, unit_id=unit.id, version=1, today=TODAY)

    def closing(number: int) -> Work:
        return lambda session: close_unit(session, units[number].id, on=TODAY, today=TODAY)

    assert isinstance(await meanwhile(database, tenant_id, TESTS, moving(0), closing(0)), UnitInUse)
    assert isinstance(await meanwhile(database, tenant_id, TESTS, closing(1), moving(1)), UnitClosed)


async def make_team(database: Database) -> tuple[UUID, list[User], Actor]:
    """A supervisor of the north who sees all people, and phones and identity numbers in the north only."""
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        north = await create_unit(session, code="N", name="北区", today=TODAY)
        south = await create_unit(session, code="S", name="南区", today=TODAY)
    people = []
    for number, unit in enumerate((north, south, south)):
        fields = {
            **ZHANG,
            "name": f"={'甲乙丙'[number]}",
            "login": login(),
            "phone": f"1380013800{number}",
            "employee_number": f"E{2 - number}",
        }
        people.append(
            await membership.create_user(database, tenant_id, ADMIN, fields=fields, unit_id=unit.id, today=TODAY)
        )
    sees = Grant(new_id(), "sees", frozenset({p.PEOPLE_VIEW.key}), Scope.ALL)
    opens = Grant(new_id(), "opens", frozenset({p.REVEAL_PHONE.key, p.REVEAL_IDENTITY.key}), Scope.SUBTREE, north.id)
    return tenant_id, people, Actor(ActorKind.USER, new_id(), "主管", None, (sees, opens))


async def test_a_read_session_masks_everything_and_a_revealing_one_leaves_a_trace(database: Database) -> None:
    tenant_id, people, actor = await make_team(database)
    async with database.read(tenant_id, actor) as session:
        page = await list_people(session, PeopleQuery(), TODAY)
        assert {line.phone for line in page.people} == {f"{MASK * 4}800{n}" for n in range(3)}
        assert {line.identity_number for line in page.people} == {f"{MASK * 4}002X"}
        assert {line.email for line in page.people} == {f"{MASK * 4}@corp.example"}
    async with database.write(tenant_id, actor) as session:
        page = await reveal_people(session, FIRST_TO_LAST, TODAY)
        assert [line.phone for line in page.people] == ["13800138000", f"{MASK * 4}8001", f"{MASK * 4}8002"]
        assert page.people[0].identity_number == "11010519491231002X"
        assert page.people[1].identity_number == f"{MASK * 4}002X"
        assert page.people[0].email == f"{MASK * 4}@corp.example"
        assert session.audited == ["read.people"]
        shown = await reveal_person(session, people[0].id, TODAY)
        assert shown.revealed == {"phone", "identity_number"}
        hidden = await reveal_person(session, people[1].id, TODAY)
        assert hidden.revealed == frozenset()
        assert session.audited == ["read.people", "read.person"]


async def test_the_export_has_the_same_scope_masks_and_safe_cells(database: Database) -> None:
    tenant_id, _, actor = await make_team(database)
    async with database.write(tenant_id, actor) as session:
        data = await export_people(session, FIRST_TO_LAST, TODAY, locale="zh-CN")
        assert session.audited == ["read.people.export"]
        event = await session.scalar(
            select(AuditEvent.changes).where(session.within(AuditEvent), AuditEvent.action == "read.people.export")
        )
        assert event["revealed"] == [None, {"phone": 1, "identity_number": 1}]
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    assert rows[0][:3] == ["登录名", "姓名", "工号"]
    assert [row[1] for row in rows[1:]] == ["'=甲", "'=乙", "'=丙"]
    assert [row[5] for row in rows[1:]] == ["13800138000", f"{MASK * 4}8001", f"{MASK * 4}8002"]
    assert [row[4] for row in rows[1:]] == ["北区", "南区", "南区"]
    assert rows[1][8] == "已邀请"
    async with database.write(tenant_id, actor_with(p.UNITS_VIEW)) as session:
        with pytest.raises(Forbidden):
            await export_people(session, PeopleQuery(), TODAY)


async def test_lists_filter_search_sort_and_page(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        root = await create_unit(session, code="R", name="总", today=TODAY)
        team = await create_unit(session, code="T", name="组", parent_id=root.id, today=TODAY)
        people = [
            make_user(
                session,
                name=f"员工{number % 3}",
                login=f"u{number:02}.staff",
                unit_id=team.id if number % 2 else root.id,
                employee_number=f"N{number}" if number % 4 else None,
                phone_tail=f"{number:04}",
                status=UserStatus.DISABLED if number == 5 else UserStatus.ACTIVE,
            )
            for number in range(11)
        ]
    async with database.read(tenant_id, ADMIN) as reading:

        async def found(**values: Any) -> list[str]:
            query = PeopleQuery(**{"sort": PeopleSort.LOGIN, "size": 200, **values})
            return [line.login[1:3] for line in (await list_people(reading, query, TODAY)).people]

        assert len(await found()) == 11
        assert len(await found(unit_id=root.id)) == 11
        assert await found(unit_id=team.id) == ["01", "03", "05", "07", "09"]
        assert len(await found(unit_id=root.id, with_units_below=False)) == 6
        assert await found(statuses=frozenset({UserStatus.DISABLED})) == ["05"]
        assert await found(text="工1") == ["01", "04", "07", "10"]
        assert await found(text="U03") == ["03"]
        assert await found(text="0007") == ["07"]
        assert await found(text="007") == []
        assert await found(text="%") == []
        for sort in PeopleSort:
            for descending in (False, True):
                query = PeopleQuery(sort=sort, descending=descending, size=3)
                seen: list[UUID] = []
                while True:
                    page = await list_people(reading, query, TODAY)
                    seen += [line.id for line in page.people]
                    if page.next_cursor is None:
                        break
                    query = PeopleQuery(sort=sort, descending=descending, size=3, cursor=page.next_cursor)
                whole = PeopleQuery(sort=sort, descending=descending, size=200)
                assert seen == [line.id for line in (await list_people(reading, whole, TODAY)).people]
                assert set(seen) == {person.id for person in people}
        page = await list_people(reading, PeopleQuery(size=2), TODAY)
        for bad in (
            PeopleQuery(size=0),
            PeopleQuery(size=201),
            PeopleQuery(cursor="x"),
            PeopleQuery(cursor="W10="),
            PeopleQuery(cursor=page.next_cursor, sort=PeopleSort.LOGIN),
        ):
            with pytest.raises(InvalidInput):
                await list_people(reading, bad, TODAY)


async def test_own_scope_sees_oneself_alone(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        me, other = make_user(session), make_user(session)
    async with database.read(tenant_id, actor_with(p.PEOPLE_VIEW, scope=Scope.OWN, user=me)) as session:
        page = await list_people(session, PeopleQuery(), TODAY)
        assert [line.id for line in page.people] == [me.id]
        with pytest.raises(PersonNotFound):
            await find_person(session, other.id, TODAY)
